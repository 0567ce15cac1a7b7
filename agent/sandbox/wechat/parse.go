package wechat

import (
	"encoding/json"
	"unicode/utf8"

	"tillwire/agent/sandbox"
)

// object is a JSON object as sandbox.ReadObject reads it.
type object map[string]any

// parse reads a body.
func parse(body []byte) (object, *problem) {
	if !utf8.Valid(body) {
		return nil, badRequest("The body is not UTF-8.")
	}
	o, err := sandbox.ReadObject(body)
	if err != nil {
		return nil, badRequest("The body " + err.Error() + ".")
	}
	return o, nil
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
	s, _ := o[name].(map[string]any)
	return s
}

// canonical is the object with sorted members: two bodies that mean the same
// compare equal, whatever their spacing.
func (o object) canonical() string { return string(encode(o)) }
