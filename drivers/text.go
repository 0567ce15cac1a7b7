package drivers

import (
	"unicode"
	"unicode/utf8"
)

// AIM says what to do with an AIM symbology identifier ("]Q1") before the
// data (ISO/IEC 15424).
type AIM string

// The ways to treat an identifier.
const (
	AIMAuto AIM = "auto" // strip it when the frame begins with one and data follows
	AIMOn   AIM = "on"   // the scanner always sends one: a frame without lost its head
	AIMOff  AIM = "off"  // "]Q1" is data
)

// aimLength is the length of an identifier: "]", code letter, modifier.
const aimLength = 3

// CleanText turns a complete frame into the text of a scan and its symbology
// identifier. It answers ok false when the frame may not be delivered: a byte
// outside 20..7E other than EOT, FS, GS, RS and US (with utf8: anything that
// is not printable UTF-8), or an identifier that had to be there and is not.
// A code with one damaged byte can be another customer's code, so there is no
// repair.
func CleanText(frame []byte, aim AIM, allowUTF8 bool) (text, symbology string, ok bool) {
	if len(frame) == 0 || !cleanBytes(frame, allowUTF8) {
		return "", "", false
	}
	if aim == AIMOff {
		return string(frame), "", true
	}
	if len(frame) > aimLength && isAIM(frame) {
		return string(frame[aimLength:]), string(frame[:aimLength]), true
	}
	if aim == AIMOn {
		return "", "", false
	}
	return string(frame), "", true
}

// IsAIM reports whether s is a symbology identifier such as "]Q1".
func IsAIM(s string) bool { return len(s) == aimLength && isAIM([]byte(s)) }

func isAIM(b []byte) bool {
	return b[0] == ']' && isLetter(b[1]) && (isLetter(b[2]) || isDigit(b[2]))
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

func cleanBytes(b []byte, allowUTF8 bool) bool {
	if !allowUTF8 {
		for _, c := range b {
			if (c < 0x20 || c > 0x7e) && !separator(rune(c)) {
				return false
			}
		}
		return true
	}
	if !utf8.Valid(b) {
		return false
	}
	for _, r := range string(b) {
		if !separator(r) && (r == utf8.RuneError || !unicode.IsGraphic(r)) {
			return false
		}
	}
	return true
}

// separator reports the control characters that belong to data: EOT, FS, GS,
// RS and US structure GS1 and ISO 15434 codes.
func separator(r rune) bool { return r == 0x04 || r >= 0x1c && r <= 0x1f }
