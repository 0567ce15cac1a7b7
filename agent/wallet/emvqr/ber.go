package emvqr

import (
	"fmt"
	"strings"
)

// TLV is one object of a consumer-presented code.
type TLV struct {
	Tag    string // upper-case hexadecimal, "61", "9F26"
	Value  []byte // as in the code; of a template what is inside
	Nested []TLV  // of a template that reads as one, else nil
}

// maxDepth bounds nesting; the specification needs three levels.
const maxDepth = 8

// berReader collects what had to be tolerated.
type berReader struct{ warnings []string }

// read splits data into objects. path names the template for messages.
func (r *berReader) read(data []byte, path string, depth int) ([]TLV, error) {
	objects := []TLV{}
	for len(data) > 0 {
		tag, rest, err := berTag(data)
		if err != nil {
			return nil, fmt.Errorf("%w%s", err, path)
		}
		value, rest, plain, ok := berValue(rest)
		if !ok {
			return nil, fmt.Errorf("%w: tag %s%s is longer than what is left", ErrStructure, tag, path)
		}
		if plain {
			r.warnings = append(r.warnings, fmt.Sprintf("the length of tag %s%s is a plain byte above 7F, which BER does not know", tag, path))
		}
		o := TLV{Tag: tag, Value: value}
		if err := r.nest(&o, path, depth); err != nil {
			return nil, err
		}
		objects = append(objects, o)
		data = rest
	}
	return objects, nil
}

// nest looks into a constructed object. Templates 61 and 62 must read; every
// other is the network's own business (63 and 64 are defined as opaque to a
// terminal) and stays bytes when it does not.
func (r *berReader) nest(o *TLV, path string, depth int) error {
	if constructed := firstByte(o.Tag)&0x20 != 0; !constructed || depth >= maxDepth {
		return nil
	}
	before := len(r.warnings)
	nested, err := r.read(o.Value, " in "+o.Tag+path, depth+1)
	switch {
	case err == nil:
		o.Nested = nested
	case o.Tag == "61" || o.Tag == "62":
		return err
	default:
		r.warnings = r.warnings[:before]
	}
	return nil
}

func firstByte(tag string) byte {
	const hexDigits = "0123456789ABCDEF"
	return byte(strings.IndexByte(hexDigits, tag[0])<<4 | strings.IndexByte(hexDigits, tag[1]))
}

// berTag reads a tag of up to three bytes: when the low five bits of the first
// are set, bytes follow while their top bit is.
func berTag(data []byte) (string, []byte, error) {
	n := 1
	if data[0]&0x1F == 0x1F {
		for more := true; more; n++ {
			if n >= len(data) || n >= 3 {
				return "", nil, fmt.Errorf("%w: a tag is cut off or longer than three bytes", ErrStructure)
			}
			more = data[n]&0x80 != 0
		}
	}
	if data[0] == 0 {
		return "", nil, fmt.Errorf("%w: tag 00 stands for nothing", ErrStructure)
	}
	return fmt.Sprintf("%X", data[:n]), data[n:], nil
}

// berValue reads length and value. Strict BER comes first. Wallets in the
// field write lengths of 80 to FF as one plain byte; where BER runs over the
// end and that byte is exactly what is left, it is taken so (plain).
func berValue(data []byte) (value, rest []byte, plain, ok bool) {
	if len(data) == 0 {
		return nil, nil, false, false
	}
	n, header := -1, 1
	switch first := data[0]; {
	case first < 0x80:
		n = int(first)
	case first == 0x81 && len(data) >= 2:
		n, header = int(data[1]), 2
	case first == 0x82 && len(data) >= 3:
		n, header = int(data[1])<<8|int(data[2]), 3
	}
	if n >= 0 && header+n <= len(data) {
		return data[header : header+n], data[header+n:], false, true
	}
	if left := len(data) - 1; data[0] >= 0x80 && int(data[0]) == left {
		return data[1:], nil, true, true
	}
	return nil, nil, false, false
}
