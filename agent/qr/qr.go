// Package qr turns a payload into a QR matrix and draws it as SVG for pages. It
// is the only place that touches skip2/go-qrcode, so that library's traps are
// closed once.
//
// The room is a leaf: it imports the standard library and skip2/go-qrcode,
// nothing of ours.
package qr

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	qrcode "github.com/skip2/go-qrcode"
)

// Level is the error correction level of ISO/IEC 18004.
type Level uint8

// The four levels, by the share of damaged codewords they recover.
const (
	L Level = iota // about 7 %
	M              // about 15 %
	Q              // about 25 %
	H              // about 30 %
)

// String gives the standard's letter.
func (l Level) String() string {
	if l > H {
		return fmt.Sprintf("Level(%d)", uint8(l))
	}
	return "LMQH"[l : l+1]
}

// The reasons why a payload becomes no code; test with errors.Is.
var (
	// ErrEmpty: there is nothing to encode.
	ErrEmpty = errors.New("qr: the payload is empty")
	// ErrCharacter: the payload has a byte outside printable ASCII. The
	// library emits no ECI marker, so phones disagree on what such a byte
	// means; the caller percent-encodes it. A payment code of EMVCo is the
	// exception: its text is UTF-8 by definition, and so are its readers.
	ErrCharacter = errors.New("qr: the payload is not printable ASCII")
	// ErrTooLong: the payload does not fit, or not legibly.
	ErrTooLong = errors.New("qr: the payload is too long")
	// ErrLevel: the level is none of L, M, Q, H.
	ErrLevel = errors.New("qr: unknown error correction level")
)

// Encode renders payload at the given level in the smallest version that holds
// it. The payload must be printable ASCII, or UTF-8 if it is a payment code of
// EMVCo; the errors are ErrEmpty, ErrCharacter, ErrTooLong and ErrLevel. No error quotes the payload, because
// it may be a payable code and errors are logged.
func Encode(payload string, level Level) (Matrix, error) {
	if payload == "" {
		return Matrix{}, ErrEmpty
	}
	if err := printable(payload); err != nil {
		return Matrix{}, err
	}
	lib, err := level.library()
	if err != nil {
		return Matrix{}, err
	}
	return render(payload, level, lib)
}

func printable(payload string) error {
	// EMVCo MPM 1.1, 4.2: object 00 comes first and has two digits.
	wide := strings.HasPrefix(payload, "0002") && utf8.ValidString(payload)
	for i := 0; i < len(payload); i++ {
		switch c := payload[i]; {
		case c >= 0x80 && wide:
		case c >= 0x80:
			return fmt.Errorf("%w: byte %d is not ASCII; percent-encode it or leave it out", ErrCharacter, i+1)
		case c < 0x20 || c == 0x7F:
			return fmt.Errorf("%w: byte %d is a control character (0x%02X); remove it", ErrCharacter, i+1, c)
		}
	}
	return nil
}

// library maps our level to the library's, whose names are shifted: its High
// is Q and its Highest is H.
func (l Level) library() (qrcode.RecoveryLevel, error) {
	switch l {
	case L:
		return qrcode.Low, nil
	case M:
		return qrcode.Medium, nil
	case Q:
		return qrcode.High, nil
	case H:
		return qrcode.Highest, nil
	}
	return 0, fmt.Errorf("%w: %s", ErrLevel, l)
}

// render makes a new library object every time: the object changes while it
// renders and must be shared neither between renders nor between goroutines.
// The library panics on its own inconsistencies; a code that cannot be drawn
// must not take the agent down with it.
func render(payload string, level Level, lib qrcode.RecoveryLevel) (m Matrix, err error) {
	defer func() {
		if p := recover(); p != nil {
			m, err = Matrix{}, fmt.Errorf("qr: the encoder failed on %d bytes at level %s: %v", len(payload), level, p)
		}
	}()
	code, err := qrcode.New(payload, lib)
	if err != nil {
		return Matrix{}, fmt.Errorf("%w: %d bytes do not fit any version at level %s; shorten it or use a lower level", ErrTooLong, len(payload), level)
	}
	// Set before the first render; afterwards it has no effect.
	code.DisableBorder = true
	return newMatrix(code.Bitmap(), code.VersionNumber, level), nil
}
