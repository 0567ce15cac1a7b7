// Package emvqr reads and writes the QR payloads of the EMVCo specifications: codes a
// shop shows (merchant-presented, text objects with a checksum) and codes a
// customer shows (consumer-presented, BER-TLV in base64), and the UPI links
// that take their place in India. Reading is tolerant, for codes in the field
// depart from their specifications; writing is strict. It is pure: no clock, no
// network, no state.
//
// The room is a leaf and imports only the standard library. It knows grammar;
// what a national scheme asks of a code is in its room national.
package emvqr

import (
	"errors"
	"fmt"
	"strings"
)

// Why a text is not a valid code; test with errors.Is.
var (
	// ErrNotEMV: the text is no code of the kind that was asked for.
	ErrNotEMV = errors.New("emvqr: not an EMV code")
	// ErrStructure: it begins like one, but its lengths or order are wrong.
	// Mostly a part of the code was lost: scan it again.
	ErrStructure = errors.New("emvqr: the structure is broken")
	// ErrChecksum: the structure holds, but a character was changed.
	ErrChecksum = errors.New("emvqr: the checksum does not match")
)

// maxText bounds what is looked at, in bytes. EMVCo allows 512 characters;
// real codes stay below 400.
const maxText = 4096

// Payload is a merchant-presented code. Object 63 is among Objects when the
// payload was read; Encode writes its own.
type Payload struct {
	Objects []Object // in the order of the code
	// ByteLengths tells that the lengths count bytes of UTF-8, as some
	// generators write them, and not characters as EMVCo says.
	ByteLengths bool
	// Warnings are departures that were tolerated, in sentences.
	Warnings []string
}

// IsMerchant tells whether text begins like a merchant-presented code: object
// 00 with a two-digit format indicator.
func IsMerchant(text string) bool {
	text = trim(text)
	return len(text) >= 6 && text[:4] == "0002" && digits(text[4:6])
}

// ReadMerchant reads a merchant-presented code (EMVCo MPM 1.1). The error is
// nil exactly when structure and checksum are right; it wraps ErrNotEMV,
// ErrStructure or ErrChecksum (as a *ChecksumError). With ErrChecksum the payload
// holds everything, with ErrStructure what came before the break.
func ReadMerchant(text string) (Payload, error) {
	text = trim(text)
	if !strings.HasPrefix(text, "00") {
		return Payload{}, fmt.Errorf("%w: it does not begin with object 00", ErrNotEMV)
	}
	if len(text) > maxText {
		return Payload{}, fmt.Errorf("%w: %d bytes are more than any code has", ErrStructure, len(text))
	}
	objects, err := structure(text, inCharacters)
	unit := inCharacters
	if err != nil && !ascii(text) {
		if byBytes, again := structure(text, inBytes); again == nil {
			objects, err, unit = byBytes, nil, inBytes
		}
	}
	p := Payload{Objects: objects, ByteLengths: unit == inBytes}
	for i := range p.Objects {
		p.Objects[i].nest(unit)
	}
	if p.ByteLengths {
		p.Warnings = append(p.Warnings, "lengths count bytes instead of characters")
	}
	if err != nil {
		return p, err
	}
	return p, verify(text)
}

// structure parses the top level and checks what holds between its objects.
// The text begins with 00, so that object is first.
func structure(text string, u unit) ([]Object, error) {
	objects, err := parse(text, u)
	if err != nil {
		return objects, err
	}
	return objects, order(objects)
}

func order(objects []Object) error {
	last := objects[len(objects)-1]
	if last.ID != "63" {
		return fmt.Errorf("%w: object 63, the checksum, must come last", ErrStructure)
	}
	if len(last.Value) != 4 {
		return fmt.Errorf("%w: object 63 has %d characters, not 4", ErrStructure, len(last.Value))
	}
	var seen [100]bool
	for _, o := range objects {
		id := twoDigits(o.ID)
		if seen[id] {
			return fmt.Errorf("%w: object %s appears twice", ErrStructure, o.ID)
		}
		seen[id] = true
	}
	return nil
}

// Fields gives the objects by two-digit id: raw text, or a map of the same
// kind where a template nests. Of an id that appears twice, which only a
// broken code has, the first is given.
func (p Payload) Fields() map[string]any { return fields(p.Objects) }

// Get returns the raw value at a path of ids, Get("26", "01"), or "" when it
// is not there; no value that was read is empty.
func (p Payload) Get(path ...string) string {
	objects, value := p.Objects, ""
	for _, id := range path {
		o, ok := find(objects, id)
		if !ok {
			return ""
		}
		objects, value = o.Nested, o.Value
	}
	return value
}

func trim(text string) string { return strings.Trim(text, " \t\r\n") }

func ascii(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= 0x80 }) < 0
}
