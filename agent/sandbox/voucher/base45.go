package voucher

import "strings"

// alphabet45 is table 1 of RFC 9285.
const alphabet45 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"

// base45 writes two bytes as three characters, and a last one as two.
func base45(data []byte) string {
	var b strings.Builder
	for len(data) > 0 {
		n, size := int(data[0]), 2
		if len(data) > 1 {
			n, size = n<<8|int(data[1]), 3
		}
		for range size {
			b.WriteByte(alphabet45[n%45])
			n /= 45
		}
		data = data[min(2, len(data)):]
	}
	return b.String()
}

// unbase45 reads it back, or answers false: a group must stand for its bytes.
func unbase45(text string) ([]byte, bool) {
	var out []byte
	for len(text) > 0 {
		group := text[:min(3, len(text))]
		text = text[len(group):]
		n := 0
		for i := len(group) - 1; i >= 0; i-- {
			digit := strings.IndexByte(alphabet45, group[i])
			if digit < 0 {
				return nil, false
			}
			n = n*45 + digit
		}
		switch {
		case len(group) == 3 && n <= 0xffff:
			out = append(out, byte(n>>8), byte(n))
		case len(group) == 2 && n <= 0xff:
			out = append(out, byte(n))
		default:
			return nil, false
		}
	}
	return out, true
}
