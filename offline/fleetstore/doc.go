// Package fleetstore is the file of the fleet's side of a terminal: a SQLite
// table sorted by its keys, beside the journal and not in it. Whatever happens to
// it, slow, full or damaged, happens to no payment.
//
// It imports the root of agent and SQLite's driver.
package fleetstore
