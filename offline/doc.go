// Package offline is the terminal's memory: a SQLite file that holds every
// payment's facts in a hash chain, what must still be done, settings, people and
// sessions. It survives a pulled plug at any instant: what was answered is on the
// disk, what was not answered can be asked again.
//
// One goroutine writes. It takes whatever waits, puts it into one transaction and
// answers after the one sync. Readers have connections of their own.
//
// It imports only the root, the leaf agent/wallet/voucher, SQLite's driver, the CBOR
// codec and golang.org/x/sys.
package offline
