package emvqr

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// maxConsumer is the length that EMVCo CPM 1.1 gives a code, in characters.
const maxConsumer = 512

// EncodeConsumer writes a consumer-presented code (EMVCo CPM 1.1, JPQR CPM) as
// padded base64. The indicator is written first, whatever stands for it in
// Objects. Lengths are strict BER in the fewest bytes. It refuses a tag that is no
// tag, an indicator that is not five characters, a code without an application
// template, and one that is too long for a symbol. No error quotes a value.
func EncodeConsumer(c Consumer) (string, error) {
	if len(c.Indicator) != 5 || !strings.HasPrefix(c.Indicator, "CPV") && !strings.HasPrefix(c.Indicator, "JPQR") {
		return "", fmt.Errorf("emvqr: encode: the format indicator is not CPV or JPQR with five characters")
	}
	out := append([]byte{0x85, 5}, c.Indicator...)
	templates := 0
	for _, o := range c.Objects {
		if o.Tag == "85" {
			continue
		}
		if o.Tag == "61" {
			templates++
		}
		var err error
		if out, err = appendTLV(out, o, 0); err != nil {
			return "", err
		}
	}
	if templates == 0 {
		return "", fmt.Errorf("emvqr: encode: a code needs an application template (61)")
	}
	text := base64.StdEncoding.EncodeToString(out)
	if len(text) > maxConsumer {
		return "", fmt.Errorf("emvqr: encode: the code has %d characters; %d are allowed", len(text), maxConsumer)
	}
	return text, nil
}

// appendTLV writes one object: of a template what is nested in it, else the value.
func appendTLV(out []byte, o TLV, depth int) ([]byte, error) {
	if err := checkTag(o.Tag); err != nil {
		return nil, err
	}
	value := o.Value
	if o.Nested != nil && depth < maxDepth {
		value = nil
		for _, n := range o.Nested {
			var err error
			if value, err = appendTLV(value, n, depth+1); err != nil {
				return nil, fmt.Errorf("in tag %s: %w", o.Tag, err)
			}
		}
	}
	for i := 0; i < len(o.Tag); i += 2 {
		out = append(out, firstByte(o.Tag[i:]))
	}
	switch n := len(value); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	case n < 0x10000:
		out = append(out, 0x82, byte(n>>8), byte(n))
	default:
		return nil, fmt.Errorf("emvqr: encode: tag %s is %d bytes long", o.Tag, n)
	}
	return append(out, value...), nil
}

// checkTag holds a tag to what berTag reads: one to three bytes that announce
// exactly as many.
func checkTag(tag string) error {
	wrong := fmt.Errorf("emvqr: encode: %q is no tag in upper-case hexadecimal", tag)
	if len(tag) == 0 || len(tag)%2 != 0 || strings.Trim(tag, "0123456789ABCDEF") != "" {
		return wrong
	}
	raw := make([]byte, 0, len(tag)/2)
	for i := 0; i < len(tag); i += 2 {
		raw = append(raw, firstByte(tag[i:]))
	}
	if read, rest, err := berTag(raw); err != nil || read != tag || len(rest) != 0 {
		return wrong
	}
	return nil
}
