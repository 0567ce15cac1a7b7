package voucher

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/asn1"
	"math/big"
	"slices"
)

// The algorithms in the COSE registry: Ed25519, and ES256 for the secure elements
// that know no other.
const (
	algEdDSA = -8
	algES256 = -7
)

// signatureSize is that of Ed25519, and of ES256 as COSE writes it: r and s.
const signatureSize = 64

// The labels of headers (RFC 9052, 3.1; RFC 9528 for the certificate).
const (
	labelAlg  = 1
	labelKid  = 4
	labelKCWT = 13
)

// Pen is a key that signs COSE_Sign1 messages. The zero Pen signs nothing.
type Pen struct {
	key crypto.Signer // ed25519.PrivateKey or *ecdsa.PrivateKey
	kid []byte
}

// NewPen makes an Ed25519 pen of a seed of 32 bytes.
func NewPen(seed []byte) Pen {
	key := ed25519.NewKeyFromSeed(seed)
	return Pen{key: key, kid: keyID(key.Public())}
}

// NewES256 makes a pen of a seed of 32 bytes for a device whose secure element has
// no Ed25519.
func NewES256(seed []byte) Pen {
	// Below the order of the curve whatever the seed is: its first byte is 0xff.
	seed = slices.Clone(seed)
	seed[0] &= 0x7f
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), seed)
	if err != nil {
		return Pen{} // 32 bytes of zero are the only other seed that is no key
	}
	return Pen{key: key, kid: keyID(key.Public())}
}

// Public is the half that is given away.
func (p Pen) Public() crypto.PublicKey { return p.key.Public() }

// ID is what codes and key sets call the key: eight bytes.
func (p Pen) ID() []byte { return p.kid }

// alg is what the pen's messages name.
func (p Pen) alg() int {
	if _, es := p.key.(*ecdsa.PrivateKey); es {
		return algES256
	}
	return algEdDSA
}

// sign signs a text; the same text has the same signature.
func (p Pen) sign(text []byte) []byte {
	key, es := p.key.(*ecdsa.PrivateKey)
	if !es {
		// Ed25519 needs no chance and cannot fail.
		signature, _ := p.key.Sign(nil, text, crypto.Hash(0))
		return signature
	}
	digest := sha256.Sum256(text)
	// Without a source of chance it is deterministic (RFC 6979).
	der, err := key.Sign(nil, digest[:], crypto.SHA256)
	var rs struct{ R, S *big.Int }
	if _, errDER := asn1.Unmarshal(der, &rs); err != nil || errDER != nil {
		return make([]byte, signatureSize)
	}
	out := make([]byte, signatureSize)
	rs.R.FillBytes(out[:signatureSize/2])
	rs.S.FillBytes(out[signatureSize/2:])
	return out
}

// coseKey is a COSE_Key (RFC 9053, 7): of Ed25519, or of P-256 with a compressed
// point.
func coseKey(public crypto.PublicKey) table {
	if key, es := public.(*ecdsa.PublicKey); es {
		point, err := key.Bytes()
		if err != nil {
			return table{} // no key of ours is off its curve
		}
		return table{{1, 2}, {-1, 1}, {-2, point[1:33]}, {-3, point[64]&1 == 1}}
	}
	key, _ := public.(ed25519.PublicKey)
	return table{{1, 1}, {-1, 6}, {-2, []byte(key)}}
}

// readKey is the public key of a COSE_Key, or nil.
func readKey(t table) crypto.PublicKey {
	x := t.blob(-2, 32)
	switch {
	case x == nil:
		return nil
	case t.has(1, -1, -2) && t.number(1, 1, 1) == 1 && t.number(-1, 6, 6) == 6:
		return ed25519.PublicKey(x)
	case !t.has(1, -1, -2, -3) || t.number(1, 2, 2) != 2 || t.number(-1, 1, 1) != 1:
		return nil
	}
	v, _ := t.get(-3)
	odd, isBool := v.(bool)
	lead := byte(2)
	if odd {
		lead = 3
	}
	px, py := elliptic.UnmarshalCompressed(elliptic.P256(), append([]byte{lead}, x...))
	if px == nil || !isBool {
		return nil
	}
	return &ecdsa.PublicKey{Curve: elliptic.P256(), X: px, Y: py}
}

func keyID(public crypto.PublicKey) []byte {
	sum := sha256.Sum256(pack(coseKey(public)))
	return sum[:8]
}

// signed is what a signature is made over (RFC 9052, 4.4).
func signed(protected, payload []byte) []byte {
	return pack([]any{"Signature1", protected, []byte{}, payload})
}

// seal makes an untagged COSE_Sign1 message with nothing in its open header.
func (p Pen) seal(header table, payload table) []byte { return p.sealBytes(header, pack(payload)) }

func (p Pen) sealBytes(header table, body []byte) []byte {
	protected := pack(header)
	return pack([]any{protected, table{}, body, p.sign(signed(protected, body))})
}

// named is the header of a message whose key is looked up.
func (p Pen) named() table { return table{{labelAlg, p.alg()}, {labelKid, p.kid}} }

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
	if !isProtected || !isPayload || !isSignature || !isTable || len(loose) > 0 || len(m.signature) != signatureSize {
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
	return m, isHeader && isClaims && m.alg() != -1
}

// alg is the algorithm that the header names, -1 for one that is none of ours.
func (m message) alg() int64 { return m.header.number(labelAlg, algEdDSA, algES256) }

// by reports whether the key signed the message.
func (m message) by(public crypto.PublicKey) bool {
	text := signed(m.protected, m.payload)
	switch key := public.(type) {
	case ed25519.PublicKey:
		return m.alg() == algEdDSA && ed25519.Verify(key, text, m.signature)
	case *ecdsa.PublicKey:
		digest := sha256.Sum256(text)
		half := signatureSize / 2
		return m.alg() == algES256 && ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(m.signature[:half]), new(big.Int).SetBytes(m.signature[half:]))
	}
	return false
}
