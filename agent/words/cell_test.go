package words_test

import (
	"testing"

	"tillwire/agent/words"
)

// TestNoTextBecomesAFormula: what a customer wrote must not be run by the spreadsheet of
// an owner.
func TestNoTextBecomesAFormula(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "soup": "soup", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "\t=1": "'\t=1", "\r=1": "'\r=1", "a=1": "a=1", "汤": "汤",
	} {
		if got := words.Cell(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
