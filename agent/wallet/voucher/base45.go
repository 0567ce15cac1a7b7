package voucher

import "errors"

// base45Alphabet is table 1 of RFC 9285: the alphanumeric mode of QR codes.
const base45Alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

var (
	errCharacter = errors.New("a character is not of the Base45 alphabet")
	errGroup     = errors.New("a group of Base45 stands for no bytes")
)

// base45 encodes two bytes as three characters, low digit first, and a last
// single byte as two (RFC 9285, 4).
func base45(data []byte) string {
	out := make([]byte, 0, (len(data)+1)/2*3)
	for ; len(data) >= 2; data = data[2:] {
		n := int(data[0])<<8 | int(data[1])
		out = append(out, base45Alphabet[n%45], base45Alphabet[n/45%45], base45Alphabet[n/2025])
	}
	if len(data) == 1 {
		n := int(data[0])
		out = append(out, base45Alphabet[n%45], base45Alphabet[n/45])
	}
	return string(out)
}

// unbase45 decodes. Every text it accepts is the only one for its bytes: RFC
// 9285, 6 asks to refuse groups that stand for more than their bytes can hold,
// and nothing is skipped.
func unbase45(text string) ([]byte, error) {
	if len(text)%3 == 1 {
		return nil, errGroup
	}
	out := make([]byte, 0, len(text)/3*2+1)
	for len(text) > 0 {
		size := min(3, len(text))
		n := 0
		for i := size - 1; i >= 0; i-- {
			d := base45Digit(text[i])
			if d < 0 {
				return nil, errCharacter
			}
			n = n*45 + d
		}
		switch {
		case size == 3 && n <= 0xFFFF:
			out = append(out, byte(n>>8), byte(n))
		case size == 2 && n <= 0xFF:
			out = append(out, byte(n))
		default:
			return nil, errGroup
		}
		text = text[size:]
	}
	return out, nil
}

func base45Digit(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'A' && c <= 'Z':
		return int(c-'A') + 10
	}
	for i := 36; i < len(base45Alphabet); i++ {
		if base45Alphabet[i] == c {
			return i
		}
	}
	return -1
}
