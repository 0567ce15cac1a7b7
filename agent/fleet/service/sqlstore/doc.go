// Package sqlstore keeps what a fleet's service knows in a relational database: in
// SQLite where one machine is enough, in PostgreSQL where several services share
// it. It speaks SQL that both understand, and is handed open databases; which
// driver opens them is the command's affair.
//
// It imports the service's port and agent/fleet.
package sqlstore
