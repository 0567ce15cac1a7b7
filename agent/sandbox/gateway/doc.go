// Package gateway is the sandbox's acquirer: the server side of Tillwire's open
// gateway protocol, with many brands behind one pair of keys. It is written from
// the contract alone (agent/wallet/gateway/openapi.yaml) and refuses whatever that
// does not allow, because a client that gets away with something here fails in a
// shop.
//
// It may import its root agent/sandbox, the root agent and the standard library.
// It has its own signatures, its own parsing and its own writer of QR payloads on
// purpose; see agent/sandbox.
package gateway
