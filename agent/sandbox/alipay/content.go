package alipay

import (
	"encoding/json"

	"tillwire/agent/sandbox"
)

// object is a JSON object as sandbox.ReadObject reads it.
type object map[string]any

// parse reads biz_content.
func parse(text string) (object, *problem) {
	o, err := sandbox.ReadObject([]byte(text))
	if err != nil {
		return nil, invalid("biz-content", "biz_content "+err.Error()+".")
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
