package emvqr

import (
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
)

// Consumer is a consumer-presented code. It may carry a card number and is
// good for a payment while it lives: its String, GoString and LogValue tell
// nothing of its contents. What goes to the network is the original text.
type Consumer struct {
	Indicator string // "CPV01", "JPQR1", …: the value of tag 85
	Objects   []TLV  // in the order of the code, 85 first
	// Warnings are departures that were tolerated, in sentences.
	Warnings []string
}

// Application is one application template (61), one way to pay.
type Application struct {
	AID   string // upper-case hexadecimal; in a JPQR code the brand id as text
	Label string // tag 50, "" when absent
}

// IsConsumer tells whether text begins like a consumer-presented code: the
// base64 of tag 85, length 5 and "CPV0" or "JPQR". Only whole groups of the
// base64 are compared, the next characters mix in whatever follows.
func IsConsumer(text string) bool {
	text = trim(text)
	return strings.HasPrefix(text, "hQVDUFYwM") || strings.HasPrefix(text, "hQVKUFFS")
}

// ReadConsumer reads a consumer-presented code (EMVCo CPM 1.1, JPQR CPM). It
// accepts url-safe base64 and missing padding. The error is nil exactly when
// the structure is right; it wraps ErrNotEMV or ErrStructure.
func ReadConsumer(text string) (Consumer, error) {
	text = trim(text)
	if len(text) > maxText {
		return Consumer{}, fmt.Errorf("%w: %d characters are more than any code has", ErrNotEMV, len(text))
	}
	text = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(text), "=")
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return Consumer{}, fmt.Errorf("%w: not base64", ErrNotEMV)
	}
	if len(data) < 7 || data[0] != 0x85 || data[1] != 5 {
		return Consumer{}, fmt.Errorf("%w: tag 85 with five characters must come first", ErrNotEMV)
	}
	indicator := string(data[2:7])
	if !strings.HasPrefix(indicator, "CPV") && !strings.HasPrefix(indicator, "JPQR") {
		return Consumer{}, fmt.Errorf("%w: the format indicator is neither CPV nor JPQR", ErrNotEMV)
	}
	var r berReader
	objects, err := r.read(data, "", 0)
	return Consumer{Indicator: indicator, Objects: objects, Warnings: r.warnings}, err
}

// Applications lists the application templates, the customer's preferred one
// first.
func (c Consumer) Applications() []Application {
	var all []Application
	for _, o := range c.Objects {
		if o.Tag != "61" {
			continue
		}
		var a Application
		for _, n := range o.Nested {
			switch n.Tag {
			case "4F":
				a.AID = c.text(n)
			case "50":
				a.Label = c.text(n)
			}
		}
		all = append(all, a)
	}
	return all
}

// Fields gives the objects by upper-case hexadecimal tag. A template is a map
// of the same kind. A tag that the specification defines as text (85, 50,
// 5F20, 5F2D, 5F50, 9F12; in JPQR also 4F, 57, 99) is text where it is
// printable, every other upper-case hexadecimal. A tag that repeats, as 61
// may, is a list in the order of the code.
func (c Consumer) Fields() map[string]any { return c.fields(c.Objects) }

func (c Consumer) fields(objects []TLV) map[string]any {
	m := make(map[string]any, len(objects))
	repeated := map[string]int{}
	for _, o := range objects {
		var value any = c.text(o)
		if o.Nested != nil {
			value = c.fields(o.Nested)
		}
		switch repeated[o.Tag]++; repeated[o.Tag] {
		case 1:
			m[o.Tag] = value
		case 2:
			m[o.Tag] = []any{m[o.Tag], value}
		default:
			m[o.Tag] = append(m[o.Tag].([]any), value)
		}
	}
	return m
}

func (c Consumer) text(o TLV) string {
	defined := false
	switch o.Tag {
	case "85", "50", "5F20", "5F2D", "5F50", "9F12":
		defined = true
	case "4F", "57", "99":
		defined = strings.HasPrefix(c.Indicator, "JPQR")
	}
	if defined && printable(o.Value) {
		return string(o.Value)
	}
	return fmt.Sprintf("%X", o.Value)
}

func printable(value []byte) bool {
	for _, b := range value {
		if b < 0x20 || b > 0x7E {
			return false
		}
	}
	return true
}

// String names the kind of code and nothing in it.
func (c Consumer) String() string {
	return fmt.Sprintf("consumer-presented code %s, %d applications", c.Indicator, len(c.Applications()))
}

// GoString keeps %#v from printing the code.
func (c Consumer) GoString() string { return c.String() }

// LogValue keeps a log from holding the code.
func (c Consumer) LogValue() slog.Value { return slog.StringValue(c.String()) }
