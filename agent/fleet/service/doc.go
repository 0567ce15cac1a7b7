// Package service is the office's side of fleet operations, what `tillfleet serve`
// runs: it takes what terminals tell, stores it and says so under its signature;
// it sends commands, configurations and jobs and follows them up; it rolls changes
// out in rings and stops by itself; and it finds what is wrong with a fleet before
// a shop calls.
//
// The service has no state of its own between two messages. What it knows lies in
// a Store, so that several services can work side by side on one database, and one
// that was killed goes on where it was. It judges nothing about money: what a
// terminal tells about payments is stored and shown, never acted upon.
//
// Its surroundings are ports: Store, Broker, Keys and Authority. It imports the
// root of agent, the room above it and the library of ULIDs; cmd/tillfleet wires
// it, and nobody else imports it but tests.
package service
