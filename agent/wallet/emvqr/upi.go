package emvqr

import (
	"fmt"
	"net/url"
	"strings"
)

// Link is a UPI payment link (NPCI UPI linking specification), which India
// uses in place of an EMV code.
type Link struct {
	Action string  // what the link asks for in lower case: "pay", "mandate", …
	Params []Param // in the order of the link, unknown ones too
	// Warnings are departures that were tolerated, in sentences.
	Warnings []string
}

// Param is one parameter of a link.
type Param struct {
	Key   string // lower case
	Raw   string // as written; a signature covers this
	Value string // percent-decoded; a plus sign stays one
}

// IsUPI tells whether text is a UPI link.
func IsUPI(text string) bool {
	const scheme = "upi://"
	text = trim(text)
	return len(text) >= len(scheme) && strings.EqualFold(text[:len(scheme)], scheme)
}

// ReadUPI reads a UPI link. The errors are ErrNotEMV for another scheme and
// ErrStructure for a link without parameters.
func ReadUPI(text string) (Link, error) {
	if !IsUPI(text) {
		return Link{}, fmt.Errorf("%w: not a upi:// link", ErrNotEMV)
	}
	text = trim(text)[len("upi://"):]
	if len(text) > maxText {
		return Link{}, fmt.Errorf("%w: %d bytes are more than any link has", ErrStructure, len(text))
	}
	action, query, _ := strings.Cut(text, "?")
	link := Link{Action: strings.ToLower(strings.Trim(action, "/"))}
	// Links copied out of a web page keep its escaping.
	query = strings.ReplaceAll(query, "&amp;", "&")
	seen := map[string]bool{}
	for part := range strings.SplitSeq(query, "&") {
		key, raw, _ := strings.Cut(part, "=")
		if key = strings.ToLower(key); key == "" {
			continue
		}
		if seen[key] {
			link.warn("parameter %q appears twice, the first counts", key)
		}
		seen[key] = true
		value, err := url.PathUnescape(raw)
		if err != nil {
			link.warn("parameter %q is not percent-encoded properly", key)
			value = raw
		}
		link.Params = append(link.Params, Param{Key: key, Raw: raw, Value: value})
	}
	if len(link.Params) == 0 {
		return link, fmt.Errorf("%w: the link has no parameters", ErrStructure)
	}
	return link, nil
}

func (l *Link) warn(format string, args ...any) {
	l.Warnings = append(l.Warnings, fmt.Sprintf(format, args...))
}

// Get returns the decoded value of a parameter by its lower-case key, or "".
// An empty value means the same as none: am= leaves the amount to the payer.
func (l Link) Get(key string) string {
	for _, p := range l.Params {
		if p.Key == key {
			return p.Value
		}
	}
	return ""
}

// Fields gives the decoded values by lower-case key; of a key that appears
// twice the first.
func (l Link) Fields() map[string]any {
	m := make(map[string]any, len(l.Params))
	for _, p := range l.Params {
		if _, twice := m[p.Key]; !twice {
			m[p.Key] = p.Value
		}
	}
	return m
}

// EncodeUPI writes a link. Values are percent-encoded, a blank as %20: a plus sign
// stays one for readers of UPI links. A parameter whose Raw text says its Value keeps
// it, for a signature covers the text.
// The signature, which covers what stands before it, is written last. It refuses a
// key or an action with a character that has a meaning in a link, a key that
// appears twice, and what becomes longer than [ReadUPI] reads: escaped, text has up
// to three times its bytes.
func EncodeUPI(l Link) (string, error) {
	if l.Action == "" || strings.Trim(l.Action, linkLetters) != "" {
		return "", fmt.Errorf("emvqr: encode: %q is no action of a UPI link", l.Action)
	}
	parts, last := []string{}, ""
	seen := map[string]bool{}
	for _, p := range l.Params {
		if p.Key == "" || strings.Trim(p.Key, linkLetters) != "" || seen[p.Key] {
			return "", fmt.Errorf("emvqr: encode: %q is no parameter of a UPI link, or is there twice", p.Key)
		}
		seen[p.Key] = true
		raw := p.raw()
		if p.Key == "sign" {
			last = p.Key + "=" + raw
			continue
		}
		parts = append(parts, p.Key+"="+raw)
	}
	if last != "" {
		parts = append(parts, last)
	}
	if len(parts) == 0 {
		return "", fmt.Errorf("emvqr: encode: a UPI link needs parameters")
	}
	text := l.Action + "?" + strings.Join(parts, "&")
	if len(text) > maxText {
		return "", fmt.Errorf("emvqr: encode: %w: %d bytes are more than any link has", ErrStructure, len(text))
	}
	return "upi://" + text, nil
}

// raw is how a parameter is written.
func (p Param) raw() string {
	if value, err := url.PathUnescape(p.Raw); err == nil && value == p.Value && !strings.ContainsFunc(p.Raw, meaning) {
		return p.Raw
	}
	return escape(p.Value)
}

// meaning tells a character that ends a parameter or a link.
func meaning(r rune) bool { return r == '&' || r == '#' || r <= ' ' || r >= 0x7F }

// linkLetters are what keys and actions are made of.
const linkLetters = "abcdefghijklmnopqrstuvwxyz0123456789-_"

// escape percent-encodes what a link may not hold. The at sign of an address and
// the characters of base64 stay: readers in the field compare them as they are.
func escape(value string) string {
	const hexDigits = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		c := value[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~@:/+=,", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + hexDigits[c>>4:c>>4+1] + hexDigits[c&15:c&15+1])
	}
	return b.String()
}
