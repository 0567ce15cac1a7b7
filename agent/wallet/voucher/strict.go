package voucher

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/fxamacker/cbor/v2"
)

var errNotDeterministic = errors.New("the CBOR is not what a deterministic encoder writes")

// strict decodes data into out, a pointer, and accepts it only if it is byte for
// byte what RFC 8949, 4.2 makes of the result. That one comparison refuses
// lengths written too long, maps out of order or with a key twice, indefinite
// lengths, text or arrays where bytes belong, null for a value, fields this
// version does not know, and anything behind the end. A signed code therefore
// has one form only, and two readers cannot disagree about it. The decoder's
// options refuse most of it sooner and bound its work.
func strict(data []byte, out any) error {
	dec, err := cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxNestedLevels:   8,
		MaxMapPairs:       64,
		MaxArrayElements:  MaxKeys,
	}.DecMode()
	if err != nil {
		return err
	}
	if err := dec.Unmarshal(data, out); err != nil {
		return err
	}
	again, err := encode(out)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, data) {
		return errNotDeterministic
	}
	return nil
}

// encode writes CBOR in its core deterministic form.
func encode(v any) ([]byte, error) {
	enc, err := cbor.CoreDetEncOptions().EncMode()
	if err != nil {
		return nil, err
	}
	out, err := enc.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode CBOR: %w", err)
	}
	return out, nil
}
