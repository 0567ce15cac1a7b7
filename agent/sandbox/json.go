package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// deepest bounds how far objects and lists stand in each other; no wallet's requests
// come near it.
const deepest = 8

// ReadObject reads a text that must be one JSON object, with exact member names and
// numbers left as json.Number. encoding/json alone would match names whatever their
// case and take the last of two equal ones, and somebody else in the chain may take
// the first; a null is a member that a client has forgotten to leave out. A cloud
// that signs answers for money takes none of these. The error goes on where the name
// of the text stands: "holds null".
func ReadObject(text []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := readValue(d, 0)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("goes on after its JSON")
	}
	o, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("is not a JSON object")
	}
	return o, nil
}

func readValue(d *json.Decoder, depth int) (any, error) {
	token, err := d.Token()
	switch {
	case err != nil:
		return nil, errors.New("is not JSON")
	case token == nil:
		return nil, errors.New("holds null; leave the member out")
	case depth > deepest:
		return nil, errors.New("is nested too deep")
	}
	switch token {
	case json.Delim('{'):
		return readMembers(d, depth)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			v, err := readValue(d, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, readEnd(d)
	}
	return token, nil
}

func readMembers(d *json.Decoder, depth int) (map[string]any, error) {
	o := map[string]any{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, errors.New("is not JSON")
		}
		name, _ := token.(string) // the decoder lets nothing else stand here
		if _, twice := o[name]; twice {
			return nil, fmt.Errorf("names %q twice", name)
		}
		if o[name], err = readValue(d, depth+1); err != nil {
			return nil, err
		}
	}
	return o, readEnd(d)
}

// readEnd takes the bracket that ends a value.
func readEnd(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return errors.New("is cut off")
	}
	return nil
}

// WriteJSON writes a value on one line with <, > and & as they are, or, should that
// fail, the text given instead.
func WriteJSON(v any, instead string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return []byte(instead)
	}
	return bytes.TrimRight(b.Bytes(), "\n")
}
