// Package alipay speaks Alipay's classic gateway (RSA2) for a shop in mainland
// China: code payment (trade.pay), codes to show (precreate), query, cancel,
// close, refund, refund query and the bill, with a configured public key or with
// certificates.
//
// It may import the root agent, agent/wallet and libraries; nothing here is
// shared with the sandbox that plays Alipay's side. No SDK is used: those for Go
// make an unsigned or unreadable answer a failure, where it is a doubt.
package alipay
