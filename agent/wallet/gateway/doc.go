// Package gateway speaks Tillwire's own open protocol towards an acquirer or
// aggregator: one signed connection that carries every wallet brand whose cloud
// is reached through one. The contract is openapi.yaml beside this file; an
// acquirer implements that, and gateway/conform tells whether it did.
//
// It may import the root agent, agent/wallet, agent/wallet/emvqr and the standard
// library; nothing here is shared with the sandbox that plays the acquirer's side.
// Signatures are RFC 9421 with Ed25519, digests RFC 9530. Every answer is signed
// over the signature of its request: one that was moved, stored or made up by a
// captive portal is no answer.
package gateway
