// Package fleet is the terminal's side of fleet operations: what it tells
// whoever runs ten thousand of them, and what it lets itself be told.
//
// The contract stands in asyncapi.yaml and schema/: the topics below pos/v1, the
// messages on them, and the envelope that everything sent down must be signed in.
// A broker is trusted with nothing but delivery, and not even with that: what
// must arrive stays in an outbox until the fleet's service has acknowledged it
// under its signature.
//
// Nothing here can move money or stop a sale. The room writes no fact, nothing of
// a payment waits for it, what it must remember lies in a file of its own, and
// every command it takes stands in a closed catalogue.
//
// It imports the root of agent and the library of ULIDs. The connection to a
// broker is agent/fleet/mqtt's, the file is offline/fleetstore's.
package fleet
