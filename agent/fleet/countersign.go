package fleet

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
)

// Draft is an envelope as the office looks at it, before anybody believes it.
type Draft struct {
	Type    string
	Body    []byte
	Signers []KeyID // as the envelope names them; whether they signed is another question
}

// Look opens an envelope, signed by anybody or by nobody yet.
func Look(raw []byte) (Draft, error) {
	e, body, err := lookInto(raw)
	if err != nil {
		return Draft{}, err
	}
	p := Draft{Type: e.PayloadType, Body: body}
	for _, s := range e.Signatures {
		p.Signers = append(p.Signers, s.KeyID)
	}
	return p, nil
}

func lookInto(raw []byte) (e Envelope, body []byte, err error) {
	if len(raw) > MaxMessage {
		return e, nil, errSize
	}
	if err := strict(raw, &e); err != nil {
		return e, nil, fmt.Errorf("%w: %w", errShape, err)
	}
	if body, err = decode64(e.Payload); err != nil {
		return e, nil, fmt.Errorf("%w: %w", errShape, err)
	}
	return e, body, nil
}

var errSignedBefore = errors.New("this key has signed it already")

// Countersign adds the signature of a key to an envelope. Its bytes stay as they
// are, so signatures that are there stay good.
func Countersign(raw []byte, key ed25519.PrivateKey) ([]byte, error) {
	e, body, err := lookInto(raw)
	if err != nil {
		return nil, err
	}
	sig, err := Sign(e.PayloadType, body, key)
	if err != nil {
		return nil, err
	}
	for _, s := range e.Signatures {
		if s.KeyID == sig.KeyID {
			return nil, errSignedBefore
		}
	}
	if len(e.Signatures) >= maxSignatures {
		return nil, fmt.Errorf("an envelope takes %d signatures", maxSignatures)
	}
	e.Signatures = append(e.Signatures, sig)
	return json.Marshal(e)
}

// ReadKeySet opens a list of keys that one of the roots signed, as a terminal
// does; how old it is, is not judged. The errors are Refusals.
func ReadKeySet(raw []byte, roots []ed25519.PublicKey) (*KeySet, error) {
	return readKeySet(raw, roots)
}

// RootKeys are the keys that may sign the next list.
func (s *KeySet) RootKeys() []ed25519.PublicKey { return append([]ed25519.PublicKey(nil), s.roots...) }
