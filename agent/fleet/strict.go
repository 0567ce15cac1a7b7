package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

var (
	errTrailing = errors.New("something stands behind the end")
	errTwice    = errors.New("a member stands twice")
	errDeep     = errors.New("nested too deeply")
	errSize     = errors.New("larger than a message may be")
)

// maxDepth bounds how deep a message nests.
const maxDepth = 16

// strict decodes one JSON value into out and nothing else. An unknown member is
// refused: whoever signed a condition that this version does not know would be
// obeyed without it. A member that stands twice is refused because two readers
// could then take two different values from under one signature.
func strict(data []byte, out any) error {
	if err := once(json.NewDecoder(bytes.NewReader(data)), 0); err != nil {
		return err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(out); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errTrailing
	}
	return nil
}

// ReadBody decodes a document that somebody is about to sign, as strictly as the
// terminal will.
func ReadBody(body []byte, document any) error { return strict(body, document) }

// once walks over one value and refuses members that stand twice.
func once(d *json.Decoder, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, composite := token.(json.Delim)
	if !composite {
		return nil
	}
	seen := map[string]bool{}
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			key, _ := name.(string)
			if seen[key] {
				return fmt.Errorf("%w: %s", errTwice, key)
			}
			seen[key] = true
		}
		if err := once(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
