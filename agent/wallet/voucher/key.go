package voucher

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"github.com/veraison/go-cose"
)

// The algorithms of the IANA COSE registry that are taken. EdDSA and Ed25519
// name the same signature, the second with the curve in the name.
const (
	algES256   int64 = -7
	algEdDSA   int64 = -8
	algEd25519 int64 = -19
)

var (
	errKeyShape = errors.New("not an Ed25519 key or a P-256 key with a compressed point")
	errKeyAlg   = errors.New("the algorithm does not belong to the key")
)

// KeyID names a key: the first eight bytes of the SHA-256 of its COSE_Key in
// deterministic CBOR.
type KeyID [8]byte

// String is the id in hexadecimal.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// coseKey is a COSE_Key (RFC 9053, 7). For P-256 the sign of y stands alone, as
// SEC 1 compresses a point, because two codes must fit where one key does.
type coseKey struct {
	Type  int64  `cbor:"1,keyasint"`            // 1: OKP, 2: EC2
	Curve int64  `cbor:"-1,keyasint"`           // 6: Ed25519, 1: P-256
	X     []byte `cbor:"-2,keyasint"`           // 32 bytes
	Y     *bool  `cbor:"-3,keyasint,omitempty"` // EC2: whether y is odd
}

// publicKey is a key that can verify.
type publicKey struct {
	id KeyID
	ed ed25519.PublicKey
	ec *ecdsa.PublicKey
}

// public makes a key of its wire form; a point that is not on its curve is
// refused here.
func (k coseKey) public() (publicKey, error) {
	wire, err := encode(k)
	if err != nil {
		return publicKey{}, err
	}
	sum := sha256.Sum256(wire)
	p := publicKey{id: KeyID(sum[:8])}
	switch {
	case len(k.X) != 32:
		return publicKey{}, errKeyShape
	case k.Type == 1 && k.Curve == 6 && k.Y == nil:
		p.ed = ed25519.PublicKey(k.X)
		return p, nil
	case k.Type == 2 && k.Curve == 1 && k.Y != nil:
		sign := byte(2)
		if *k.Y {
			sign = 3
		}
		curve := elliptic.P256()
		x, y := elliptic.UnmarshalCompressed(curve, append([]byte{sign}, k.X...))
		if x == nil {
			return publicKey{}, errKeyShape
		}
		p.ec = &ecdsa.PublicKey{Curve: curve, X: x, Y: y}
		return p, nil
	}
	return publicKey{}, errKeyShape
}

// verifier answers who checks a signature of the algorithm with this key.
func (p publicKey) verifier(alg int64) (cose.Verifier, error) {
	switch {
	case alg == algES256 && p.ec != nil:
		return cose.NewVerifier(cose.AlgorithmES256, p.ec)
	case alg == algEdDSA && p.ed != nil:
		return cose.NewVerifier(cose.AlgorithmEdDSA, p.ed)
	case alg == algEd25519 && p.ed != nil:
		v, err := cose.NewVerifier(cose.AlgorithmEdDSA, p.ed)
		return namesCurve{v}, err
	}
	return nil, errKeyAlg
}

// namesCurve verifies under the newer name of Ed25519, which the library does
// not know yet.
type namesCurve struct{ cose.Verifier }

// Algorithm implements cose.Verifier.
func (namesCurve) Algorithm() cose.Algorithm { return cose.Algorithm(algEd25519) }

// Root is a key that may sign key sets. A terminal knows two: one in use, one
// whose private half was never used and waits for the day the first is lost.
type Root struct{ key publicKey }

// NewRoot makes a root of an Ed25519 public key, 32 bytes.
func NewRoot(public ed25519.PublicKey) (Root, error) {
	key, err := coseKey{Type: 1, Curve: 6, X: public}.public()
	return Root{key}, err
}

// ID names the root as key sets name it.
func (r Root) ID() KeyID { return r.key.id }
