package qr

import "testing"

func TestLevelNamesAreTheStandardsLetters(t *testing.T) {
	for level, want := range map[Level]string{L: "L", M: "M", Q: "Q", H: "H"} {
		if got := level.String(); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
