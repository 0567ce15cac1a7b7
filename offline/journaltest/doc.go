// Package journaltest holds what any journal must pass: the contract suite, the
// memory journal that serves as its reference and as the store of other rooms'
// tests, and a clock that a test moves by hand.
//
// It imports only the root, the leaf agent/wallet/voucher and the test libraries. Only
// tests import it.
package journaltest
