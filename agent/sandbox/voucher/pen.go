package voucher

import (
	"crypto/ed25519"
	"crypto/sha256"
)

// algEdDSA is Ed25519 in the COSE registry.
const algEdDSA = -8

// The labels of headers (RFC 9052, 3.1; RFC 9528 for the certificate).
const (
	labelAlg  = 1
	labelKid  = 4
	labelKCWT = 13
)

// Pen is an Ed25519 key that signs COSE_Sign1 messages. The zero Pen signs nothing.
type Pen struct {
	key ed25519.PrivateKey
	kid []byte
}

// NewPen makes a pen of a seed of 32 bytes.
func NewPen(seed []byte) Pen {
	key := ed25519.NewKeyFromSeed(seed)
	return Pen{key: key, kid: keyID(key.Public().(ed25519.PublicKey))}
}

// Public is the half that is given away.
func (p Pen) Public() ed25519.PublicKey { return p.key.Public().(ed25519.PublicKey) }

// ID is what codes and key sets call the key: eight bytes.
func (p Pen) ID() []byte { return p.kid }

// coseKey is a COSE_Key of Ed25519 (RFC 9053, 7.2).
func coseKey(public ed25519.PublicKey) table {
	return table{{1, 1}, {-1, 6}, {-2, []byte(public)}}
}

func keyID(public ed25519.PublicKey) []byte {
	sum := sha256.Sum256(pack(coseKey(public)))
	return sum[:8]
}

// signed is what a signature is made over (RFC 9052, 4.4).
func signed(protected, payload []byte) []byte {
	return pack([]any{"Signature1", protected, []byte{}, payload})
}

// seal makes an untagged COSE_Sign1 message with nothing in its open header.
func (p Pen) seal(header table, payload table) []byte {
	protected, body := pack(header), pack(payload)
	return pack([]any{protected, table{}, body, ed25519.Sign(p.key, signed(protected, body))})
}

// named is the header of a message whose key is looked up.
func (p Pen) named() table { return table{{labelAlg, algEdDSA}, {labelKid, p.kid}} }

// tagged puts tag 18 in front.
func tagged(message []byte) []byte { return append([]byte{tagSign1}, message...) }

// message is a COSE_Sign1 message that was read and not verified.
type message struct {
	protected, payload, signature []byte
	header, claims                table
}

// open reads an untagged message.
func open(v any) (message, bool) {
	parts, ok := v.([]any)
	if !ok || len(parts) != 4 {
		return message{}, false
	}
	var m message
	var isProtected, isPayload, isSignature bool
	m.protected, isProtected = parts[0].([]byte)
	m.payload, isPayload = parts[2].([]byte)
	m.signature, isSignature = parts[3].([]byte)
	loose, isTable := parts[1].(table)
	if !isProtected || !isPayload || !isSignature || !isTable || len(loose) > 0 || len(m.signature) != ed25519.SignatureSize {
		return message{}, false
	}
	header, err := unpack(m.protected)
	claims, errClaims := unpack(m.payload)
	if err != nil || errClaims != nil {
		return message{}, false
	}
	var isHeader, isClaims bool
	m.header, isHeader = header.(table)
	m.claims, isClaims = claims.(table)
	return m, isHeader && isClaims && m.header.number(labelAlg, algEdDSA, algEdDSA) == algEdDSA
}

// by reports whether the key signed the message.
func (m message) by(public ed25519.PublicKey) bool {
	return ed25519.Verify(public, signed(m.protected, m.payload), m.signature)
}
