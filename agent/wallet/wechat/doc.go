// Package wechat speaks WeChat Pay, China, API v3: in-store code payment
// (codepay), Native codes to show, query, close, reverse, refund and refund
// query, for a merchant of its own (direct) or under a service provider
// (partner), and the bill of a day. Code payments can go over API v2 instead. The
// cross-border edition (API v3, global) has its own hosts, keys and accounts.
//
// It may import the root agent, agent/wallet and libraries; nothing here is
// shared with the sandbox that plays WeChat's side. No SDK is used: the official
// one has neither codepay nor reverse and takes unsigned errors for outcomes.
package wechat
