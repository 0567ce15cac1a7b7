// Package sandboxtest is what tests of the fake cloud and tests against it have in
// common: a ledger and a cloud that end with the test, keys that are made once, a
// clock that a test moves, and a shop that asks the control API.
//
// It may import the standard library, the root agent and the root of the sandbox; only
// tests import it.
package sandboxtest
