// Package sandbox is the fake cloud: wallets that speak their real wire
// protocol with real signatures over one durable ledger, the customers' phones
// that pay, and faults that break the line on demand.
//
// The agent is judged against it, so it shares nothing with the agent's own
// wallets or store: it may import the standard library, the root agent, the
// leaf agent/qr and libraries, never agent/wallet/... or offline. If both sides
// reused one signature or one parser, both could be wrong together.
//
// The ledger and the faults know nothing of a wire. A wallet's protocol is a
// [Wallet] in a folder of its own below this one (wechat); cmd/tillcloud puts
// them together.
package sandbox
