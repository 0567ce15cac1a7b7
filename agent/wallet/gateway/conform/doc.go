// Package conform asks a gateway whether it keeps the contract of the room above
// (openapi.yaml): signatures, idempotency, single flight, queries that never go
// back, tombstones, bills and the way back for a terminal that lost its disk. An
// acquirer runs it against its own test server with `tillwire gateway conform`.
//
// It may import the root agent and agent/wallet/gateway. Where a check is about
// the wire it speaks HTTP by itself, because the client would never send what has
// to be refused.
package conform
