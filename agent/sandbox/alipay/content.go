package alipay

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// object is a JSON object with exact member names; numbers stay text.
type object map[string]any

// parse reads biz_content, which must be one JSON object without null values and
// without repeated members: of two equal ones nobody could say which was meant.
func parse(text string) (object, *problem) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	value, err := readValue(decoder)
	if err == nil {
		if _, more := decoder.Token(); !errors.Is(more, io.EOF) {
			err = errors.New("it goes on after its JSON")
		}
	}
	o, ok := value.(object)
	if err == nil && !ok {
		err = errors.New("it is not an object")
	}
	if err != nil {
		return nil, invalid("biz-content", "biz_content cannot be read: "+err.Error()+".")
	}
	return o, nil
}

func readValue(d *json.Decoder) (any, error) {
	token, err := d.Token()
	if err != nil {
		return nil, errors.New("it is not JSON")
	}
	switch token {
	case nil:
		return nil, errors.New("null is not allowed; leave the member out")
	case json.Delim('{'):
		return readObject(d)
	case json.Delim('['):
		list := []any{}
		for d.More() {
			value, err := readValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err := d.Token()
		return list, err
	}
	return token, nil
}

func readObject(d *json.Decoder) (object, error) {
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
		if o[name], err = readValue(d); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("it is cut off")
	}
	return o, nil
}

// text reads a member that a check has found good, string or number; a missing
// one is empty.
func (o object) text(name string) string {
	switch v := o[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

// money reads a price that a check has found good, in fen.
func (o object) money(name string) int64 {
	fen, _ := parseYuan(o.text(name))
	return fen
}

// canonical is the object with sorted members: two that mean the same compare
// equal, whatever their spacing.
func (o object) canonical() string { return string(encode(o)) }
