// Package voucher reads and judges the codes a customer can show while the shop
// or the phone has no line: a wallet's signed receipt (RC1), a device's voucher
// under an issuer's certificate (OV2) and a bearer voucher (OV1). It also writes
// the one code the shop shows for them, the challenge PC1, and keeps the signed
// list of issuers' keys that everything rests on.
//
// All of it is CBOR (RFC 8949) signed as COSE_Sign1 (RFC 9052) with the claims
// of CWT (RFC 8392), written in Base45 (RFC 9285) so that a QR code stays in its
// alphanumeric mode. The room computes and decides, it stores and sends nothing:
// what was spent, what was counted and what the owner allows is decided where
// the payment is written, in one transaction; see Accepted and CheckCounter.
//
// It is a leaf: it imports the root of agent, the libraries for CBOR and COSE,
// and nothing else of ours. It signs nothing either, so that whoever issues for
// tests and for the sandbox must read the formats for himself: FORMATS.md has
// them, testdata/golden.json one of each.
package voucher
