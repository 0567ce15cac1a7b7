package scanner

// Key codes of Linux (linux/input-event-codes.h), as far as a scanner that
// types like a keyboard uses them. They name positions, so the scanner must be
// set to the layout of the United States.
const (
	keyEnter       = 28
	keyKeypadEnter = 96
	keyTab         = 15
	keyLeftShift   = 42
	keyRightShift  = 54
	keyCapsLock    = 58
	keyNumLock     = 69
	keyLeftCtrl    = 29
	keyRightCtrl   = 97
	keyLeftAlt     = 56
	keyRightAlt    = 100
	key1           = 2
)

// rows are the characters of runs of neighbouring keys: plain, and with shift.
type row struct {
	first          int
	plain, shifted string
}

func rows() []row {
	return []row{
		{2, "1234567890-=", "!@#$%^&*()_+"},
		{16, "qwertyuiop[]", "QWERTYUIOP{}"},
		{30, "asdfghjkl;'`", `ASDFGHJKL:"~`},
		{43, `\zxcvbnm,./`, "|ZXCVBNM<>?"},
		{55, "*", "*"},
		{57, " ", " "},
		{71, "789-456+1230.", "789-456+1230."},
		{98, "/", "/"},
	}
}

// character is what a key types; ok is false for a key that types nothing.
func character(code int, shift, caps bool) (c byte, ok bool) {
	for _, r := range rows() {
		i := code - r.first
		if i < 0 || i >= len(r.plain) {
			continue
		}
		c = r.plain[i]
		if letter := c >= 'a' && c <= 'z'; shift != (caps && letter) {
			c = r.shifted[i]
		}
		return c, true
	}
	return 0, false
}

// keypadDigit is the digit of a keypad key, used with Alt held.
func keypadDigit(code int) (digit int, ok bool) {
	c, ok := character(code, false, false)
	if code < 71 || code > 82 || !ok || c < '0' || c > '9' {
		return 0, false
	}
	return int(c - '0'), true
}
