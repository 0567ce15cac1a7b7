package lab

import "testing"

func TestACodeOnDiskIsFound(t *testing.T) {
	codes := map[string]bool{"134567890123456789": true, "139999999999999999": true}
	for content, want := range map[string]bool{
		"": false, "\x00134567890123456789\x00": true, "9134567890123456789": true, "1345678901234567890": true,
		"13456789012345678": false, "13456789 0123456789": false, "x139999999999999999": true, "134567890123456788": false,
	} {
		if holds([]byte(content), codes) != want {
			t.Errorf("%q: found %v, want %v", content, !want, want)
		}
	}
}
