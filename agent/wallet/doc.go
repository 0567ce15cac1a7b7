// Package wallet is what wallets share: the transport that carries requests to
// a wallet's hosts and proves what left the shop, what their clients do alike
// (JSON and signatures, bills, settings that are wrong), and the set of configured
// wallets that says whose code was scanned.
//
// It may import the root agent, the leaf agent/wallet/emvqr and libraries. The
// wallets live in rooms of their own below it (wechat, alipay, gateway) and
// import it; it knows none of them.
package wallet
