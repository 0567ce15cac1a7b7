// Package settings is the one table of what the owner or the fleet may change
// while the agent runs: every timer of a wallet's protocol, the scanner's
// de-duplication, how long records are kept, what the shop is called.
//
// The table (key, type, range, default, who, effect, help) is the only source
// for the owner's page, the fleet's schema and the command line. Whoever wants
// a change enters by one door, Book.Apply: everyone concerned verifies, the
// change is saved with who and when, everyone commits and says live or restart.
//
// It imports the root of agent, the leaf agent/wallet/voucher and the standard library,
// nothing else.
package settings
