// Package wallettest is the contract every wallet must pass: Run drives it over
// real HTTP against a sandbox cloud, breaks the line in every way the sandbox
// knows, and compares each verdict with the cloud's own ledger.
//
// It may import the root agent and the standard library. It speaks to the
// sandbox through its documented control API alone, so it is not tied to any
// cloud of ours; a wallet's own test starts the cloud and calls Run.
package wallettest
