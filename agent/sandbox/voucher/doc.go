// Package voucher is the sandbox's issuer of offline codes and the customers'
// phones that hold them: signed receipts (RC1), device vouchers (OV2) and bearer
// vouchers (OV1), the signed key sets that shops judge them by, and their
// redemption. It also plays the thieves: see [Attack].
//
// It is written from agent/wallet/voucher/FORMATS.md alone. It may import its
// root agent/sandbox, the root agent and the standard library, and it writes its
// CBOR, its COSE signatures and its Base45 by itself: an issuer that shared them
// with the terminal could be wrong together with it.
//
// It has no listener of its own. Key sets are fetched and codes are redeemed
// through the gateway protocol, signed like every other request of it: GET keyset
// and POST payments/{order_no}/redeem, see agent/wallet/gateway/openapi.yaml. All
// money moves in the sandbox's ledger: what stands behind a voucher left the
// customer's balance when the voucher was issued.
package voucher
