package voucher

import (
	"errors"

	"github.com/fxamacker/cbor/v2"
	"github.com/veraison/go-cose"
)

// tagSign1 is the first byte of a tagged COSE_Sign1 message (RFC 9052, 2: tag 18).
const tagSign1 = 0xD2

// signatureSize is that of Ed25519 and of ES256 as COSE writes it, r and s.
const signatureSize = 64

var (
	errTag       = errors.New("not a tagged COSE_Sign1 message")
	errSignature = errors.New("the signature has the wrong length")
)

// envelope is a COSE_Sign1 message as it travels. Nothing may stand in the
// unprotected header: what nobody signed, nobody reads.
type envelope struct {
	_           struct{} `cbor:",toarray"`
	Protected   []byte
	Unprotected struct{}
	Payload     []byte
	Signature   []byte
}

// keyHeader is the protected header of what an issuer or a root signs.
type keyHeader struct {
	Alg int64 `cbor:"1,keyasint"`
	Kid KeyID `cbor:"4,keyasint"`
}

// deviceHeader is the protected header of what a device signs. Its kcwt (RFC
// 9528) is the issuer's certificate for that device, untagged.
type deviceHeader struct {
	Alg  int64           `cbor:"1,keyasint"`
	Kcwt cbor.RawMessage `cbor:"13,keyasint"`
}

// tagged reads an envelope under tag 18.
func tagged(raw []byte) (envelope, error) {
	if len(raw) == 0 || raw[0] != tagSign1 {
		return envelope{}, errTag
	}
	return untagged(raw[1:])
}

func untagged(raw []byte) (envelope, error) {
	var e envelope
	if err := strict(raw, &e); err != nil {
		return envelope{}, err
	}
	if len(e.Signature) != signatureSize {
		return envelope{}, errSignature
	}
	return e, nil
}

// verify checks the signature. The library puts the signed structure together
// and compares the algorithms; the headers were read by strict, which knows no
// critical extension and so refuses every one.
func (e envelope) verify(alg int64, key publicKey) error {
	verifier, err := key.verifier(alg)
	if err != nil {
		return err
	}
	protected, err := encode(e.Protected)
	if err != nil {
		return err
	}
	message := cose.Sign1Message{
		Headers: cose.Headers{
			RawProtected: protected,
			Protected:    cose.ProtectedHeader{cose.HeaderLabelAlgorithm: cose.Algorithm(alg)},
		},
		Payload:   e.Payload,
		Signature: e.Signature,
	}
	return message.Verify(nil, verifier)
}
