package agent

import "testing"

// TestCurrenciesHaveOneNumber: every currency that can be asked for has its own, so
// that a code in it can be written and checked.
func TestCurrenciesHaveOneNumber(t *testing.T) {
	seen := map[string]Currency{}
	for _, c := range Currencies() {
		number := c.Number()
		if other, twice := seen[number]; twice || len(number) != 3 {
			t.Errorf("%s has the number %q, which is that of %q, too", c, number, other)
		}
		seen[number] = c
		if back, ok := CurrencyOf(number); !ok || back != c || !c.Known() {
			t.Errorf("%s is the number of %s, and that is %s", number, c, back)
		}
	}
	if back, ok := CurrencyOf("764"); !ok || back != "THB" || Currency("XYZ").Number() != "" {
		t.Errorf("764 is %s", back)
	}
	if c, ok := CurrencyOf("000"); ok {
		t.Errorf("000 is %s", c)
	}
}
