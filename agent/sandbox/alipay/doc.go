// Package alipay is the sandbox's Alipay: the server side of the classic gateway
// for a counter (pay by bar code, precreate, query, cancel, close, refund, refund
// query, bills), with RSA2 signatures, in public-key and in certificate mode. It
// refuses whatever the documentation does not allow, because a client that gets
// away with something here fails in a shop.
//
// It may import its root agent/sandbox, the root agent, the standard library
// and golang.org/x/text. It has its own signing and parsing on purpose; see
// agent/sandbox.
package alipay
