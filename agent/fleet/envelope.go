package fleet

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The types of what is signed. The type is under the signature, so that a signed
// configuration cannot be passed off as a command.
const (
	TypeCommand = "application/vnd.tillwire.cmd.v1+json"
	TypeConfig  = "application/vnd.tillwire.config.v1+json"
	TypeJob     = "application/vnd.tillwire.job.v1+json"
	TypeKeys    = "application/vnd.tillwire.keys.v1+json"
	TypeAck     = "application/vnd.tillwire.ack.v1+json"
)

// maxSignatures bounds the signatures of one envelope.
const maxSignatures = 8

// Envelope carries everything that is sent down: DSSE v1 with Ed25519. The bytes
// are signed as they travel, so that nothing hangs on how JSON is written.
type Envelope struct {
	PayloadType string      `json:"payloadType"`
	Payload     string      `json:"payload"` // base64, RFC 4648, 4
	Signatures  []Signature `json:"signatures"`
}

// Signature is one signature of an envelope.
type Signature struct {
	KeyID KeyID  `json:"keyid"`
	Sig   string `json:"sig"` // base64
}

var (
	errShape = errors.New("not an envelope")
	errType  = errors.New("another type of document")
)

// pae is what is signed: the pre-authentication encoding of DSSE v1.
func pae(payloadType string, body []byte) []byte {
	return fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(payloadType), payloadType, len(body), body)
}

// Seal signs a document with each of the keys and returns the envelope's bytes.
func Seal(payloadType string, document any, keys ...ed25519.PrivateKey) ([]byte, error) {
	body, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("write a %s: %w", payloadType, err)
	}
	signatures := make([]Signature, 0, len(keys))
	for _, key := range keys {
		s, err := Sign(payloadType, body, key)
		if err != nil {
			return nil, err
		}
		signatures = append(signatures, s)
	}
	return Wrap(payloadType, body, signatures...)
}

// Sign is one signature over a document's bytes. People whose keys are in
// different hands sign the same bytes one after the other; Wrap puts them together.
func Sign(payloadType string, body []byte, key ed25519.PrivateKey) (Signature, error) {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return Signature{}, fmt.Errorf("sign a %s: not an Ed25519 key", payloadType)
	}
	return Signature{IDOf(public), base64.StdEncoding.EncodeToString(ed25519.Sign(key, pae(payloadType, body)))}, nil
}

// Verify reports whether a key made a signature over a document's bytes.
func Verify(payloadType string, body []byte, public ed25519.PublicKey, sig []byte) bool {
	return len(public) == ed25519.PublicKeySize && ed25519.Verify(public, pae(payloadType, body), sig)
}

// Wrap is the envelope of a document's bytes with signatures that were made apart.
// It does not verify them.
func Wrap(payloadType string, body []byte, signatures ...Signature) ([]byte, error) {
	return json.Marshal(Envelope{PayloadType: payloadType, Payload: base64.StdEncoding.EncodeToString(body), Signatures: signatures})
}

// sealed is an envelope whose shape was checked; who signed it was not.
type sealed struct {
	kind       string
	body       []byte
	signatures map[KeyID][]byte
}

// unwrap checks the shape of an envelope of one type.
func unwrap(raw []byte, payloadType string) (sealed, error) {
	if len(raw) > MaxMessage {
		return sealed{}, errSize
	}
	var e Envelope
	if err := strict(raw, &e); err != nil {
		return sealed{}, fmt.Errorf("%w: %w", errShape, err)
	}
	if e.PayloadType != payloadType {
		return sealed{}, fmt.Errorf("%w: %.80q", errType, e.PayloadType)
	}
	if len(e.Signatures) == 0 || len(e.Signatures) > maxSignatures {
		return sealed{}, fmt.Errorf("%w: it has %d signatures", errShape, len(e.Signatures))
	}
	s := sealed{kind: e.PayloadType, signatures: map[KeyID][]byte{}}
	var err error
	if s.body, err = decode64(e.Payload); err != nil {
		return sealed{}, fmt.Errorf("%w: %w", errShape, err)
	}
	for _, one := range e.Signatures {
		sig, err := decode64(one.Sig)
		if err != nil || len(sig) != ed25519.SignatureSize {
			return sealed{}, fmt.Errorf("%w: a signature is not one", errShape)
		}
		if _, twice := s.signatures[one.KeyID]; twice {
			return sealed{}, fmt.Errorf("%w: one key signs twice", errShape)
		}
		s.signatures[one.KeyID] = sig
	}
	return s, nil
}

// signedBy reports whether a key signed the document.
func (s sealed) signedBy(public ed25519.PublicKey) bool {
	sig, ok := s.signatures[IDOf(public)]
	return ok && Verify(s.kind, s.body, public, sig)
}

// signers counts the keys of a list that signed; a key counts once.
func (s sealed) signers(keys []ed25519.PublicKey) (n int) {
	for i, key := range keys {
		if !slices.ContainsFunc(keys[:i], func(k ed25519.PublicKey) bool { return k.Equal(key) }) && s.signedBy(key) {
			n++
		}
	}
	return n
}

// decode64 reads base64 in its one form; the library alone would let line ends
// pass anywhere.
func decode64(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errShape
	}
	return base64.StdEncoding.Strict().DecodeString(text)
}
