package wechat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"
)

// object is a JSON object with exact member names. encoding/json would match
// names whatever their case and take the last of two equal ones; a cloud that
// signs answers for money takes neither.
type object map[string]any

// parse reads a body that must be one JSON object without null values and
// without repeated members. Numbers stay text.
func parse(body []byte) (object, *problem) {
	if !utf8.Valid(body) {
		return nil, badRequest("The body is not UTF-8.")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	value, err := parseValue(decoder)
	if err != nil {
		return nil, badRequest("The body cannot be read: " + err.Error() + ".")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, badRequest("The body goes on after its JSON.")
	}
	o, ok := value.(object)
	if !ok {
		return nil, badRequest("The body is not a JSON object.")
	}
	return o, nil
}

// parseValue refuses null wherever it stands: the real API does, and a client
// that sends it has forgotten to leave a member out.
func parseValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, errors.New("it is not JSON")
	}
	switch token {
	case nil:
		return nil, errors.New("null is not allowed; leave the member out")
	case json.Delim('{'):
		return parseObject(d)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			value, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		return list, closing(d)
	}
	return token, nil
}

// parseObject reads members up to the closing brace.
func parseObject(d *json.Decoder) (object, error) {
	o := object{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return nil, errors.New("it is not JSON")
		}
		name, ok := token.(string)
		if _, repeated := o[name]; !ok || repeated {
			return nil, fmt.Errorf("the member %q is repeated", name)
		}
		if o[name], err = parseValue(d); err != nil {
			return nil, err
		}
	}
	return o, closing(d)
}

// closing takes the bracket that ends a value.
func closing(d *json.Decoder) error {
	if _, err := d.Token(); err != nil {
		return errors.New("it is cut off")
	}
	return nil
}

// text, whole and sub read members that a check has found good; a missing one
// is empty.
func (o object) text(name string) string {
	s, _ := o[name].(string)
	return s
}

func (o object) whole(name string) int64 {
	n, _ := o[name].(json.Number)
	v, err := n.Int64()
	if err != nil {
		return 0
	}
	return v
}

func (o object) sub(name string) object {
	s, _ := o[name].(object)
	return s
}

// canonical is the object with sorted members: two bodies that mean the same
// compare equal, whatever their spacing.
func (o object) canonical() string { return string(encode(o)) }
