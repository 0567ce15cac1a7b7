// Package wechat is the sandbox's WeChat Pay: the server side of API v3 for a
// counter (codepay, Native, query, close, reverse, refund), for direct
// merchants and for partners, in public-key and in certificate mode. It signs
// every answer and verifies every request as strictly as the documentation
// allows, because a client that gets away with something here fails in a shop.
//
// Beside it stand code payments of API v2 on the same hosts and orders (XML, a
// shared key, and over TLS the merchant's certificate), and, as a wallet of its
// own, the cross-border edition.
//
// It may import its root agent/sandbox, the root agent and the standard
// library. It has its own signing and parsing on purpose; see agent/sandbox.
package wechat
