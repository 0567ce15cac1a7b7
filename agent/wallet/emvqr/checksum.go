package emvqr

import (
	"fmt"
	"strings"
)

// ChecksumError says what a code's checksum is and what its text gives. It is an
// ErrChecksum for errors.Is.
type ChecksumError struct {
	Written  string // the four characters at the end of the code, as they stand
	Expected string // what they had to be: four upper-case hexadecimal digits
}

// Error names the characters that differ by their place, counted from 1 among the
// four, with the one that was expected.
func (e *ChecksumError) Error() string { return ErrChecksum.Error() + ": " + e.Say() }

// Say is the sentence without the package's word in front.
func (e *ChecksumError) Say() string {
	var wrong []string
	for i := range min(len(e.Written), len(e.Expected)) {
		if !strings.EqualFold(e.Written[i:i+1], e.Expected[i:i+1]) {
			wrong = append(wrong, fmt.Sprintf("%s where %s is expected (character %d)", quoted(e.Written[i:i+1]), e.Expected[i:i+1], i+1))
		}
	}
	return fmt.Sprintf("it ends in %s, its text gives %s: %s", quoted(e.Written), e.Expected, strings.Join(wrong, ", "))
}

// Unwrap makes it an ErrChecksum.
func (e *ChecksumError) Unwrap() error { return ErrChecksum }

// quoted keeps a broken byte from reaching a terminal.
func quoted(s string) string {
	if printable([]byte(s)) {
		return s
	}
	return fmt.Sprintf("%+q", s)
}

// verify compares the last four bytes of a code with what the text before gives.
func verify(text string) error {
	written, expected := text[len(text)-4:], checksum(text[:len(text)-4])
	if strings.EqualFold(written, expected) {
		return nil
	}
	return &ChecksumError{Written: written, Expected: expected}
}

// checksum is CRC-16/CCITT-FALSE over the bytes of text, which includes the
// "6304" before it (ISO/IEC 13239; EMVCo MPM 1.1, 4.7.3): four upper-case
// hexadecimal digits.
func checksum(text string) string {
	crc := uint16(0xFFFF)
	for i := 0; i < len(text); i++ {
		crc = crc<<4 ^ halves[crc>>12^uint16(text[i]>>4)]
		crc = crc<<4 ^ halves[crc>>12^uint16(text[i]&15)]
	}
	const hexDigits = "0123456789ABCDEF"
	return string([]byte{hexDigits[crc>>12], hexDigits[crc>>8&15], hexDigits[crc>>4&15], hexDigits[crc&15]})
}

// halves is the remainder of each half byte under the polynomial 1021.
var halves = [16]uint16{0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7, 0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF}
