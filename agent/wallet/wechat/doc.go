// Package wechat speaks WeChat Pay, China, API v3: in-store code payment
// (codepay), Native codes to show, query, close, reverse, refund and refund
// query, for a merchant of its own (direct) or under a service provider
// (partner).
//
// It may import the root agent, agent/wallet and libraries; nothing here is
// shared with the sandbox that plays WeChat's side. No SDK is used: the official
// one has neither codepay nor reverse and takes unsigned errors for outcomes.
package wechat
