package drivers

import "testing"

func TestCleanText(t *testing.T) {
	tests := []struct {
		frame     string
		aim       AIM
		utf8      bool
		text, sym string
		ok        bool
	}{
		{"284", AIMAuto, false, "284", "", true},
		{"]Q1284", AIMAuto, false, "284", "]Q1", true},
		{"]d2\x1d01", AIMAuto, false, "\x1d01", "]d2", true},
		{"]Q1", AIMAuto, false, "]Q1", "", true},
		{"]11data", AIMAuto, false, "]11data", "", true},
		{"]Q-data", AIMAuto, false, "]Q-data", "", true},
		{"]Q1284", AIMOff, false, "]Q1284", "", true},
		{"284", AIMOn, false, "", "", false},
		{"]Q1", AIMOn, false, "", "", false},
		{"", AIMAuto, false, "", "", false},
		{"a\x1c\x1d\x1e\x1f\x04", AIMAuto, false, "a\x1c\x1d\x1e\x1f\x04", "", true},
		{"a\x1bb", AIMAuto, false, "", "", false},
		{"a\x7f", AIMAuto, false, "", "", false},
		{"é", AIMAuto, false, "", "", false},
		{"é", AIMAuto, true, "é", "", true},
		{"\xff", AIMAuto, true, "", "", false},
		{"a\u0085", AIMAuto, true, "", "", false},
		{"a\x1bb", AIMAuto, true, "", "", false},
	}
	for _, tt := range tests {
		text, sym, ok := CleanText([]byte(tt.frame), tt.aim, tt.utf8)
		if text != tt.text || sym != tt.sym || ok != tt.ok {
			t.Errorf("CleanText(%q, %s, %v) = %q, %q, %v", tt.frame, tt.aim, tt.utf8, text, sym, ok)
		}
	}
}
