package agent

import "testing"

// TestCurrenciesHaveOneNumber: every currency that can be asked for has its own, so
// that a code in it can be written and checked.
func TestCurrenciesHaveOneNumber(t *testing.T) {
	for c := range exponents {
		if c.Number() == "" {
			t.Errorf("%s has an exponent and no number", c)
		}
	}
	for i, n := range numbers {
		if !n.currency.Known() || n.currency.Number() != n.number {
			t.Errorf("%s has a number and no exponent, or is there twice", n.currency)
		}
		if back, _ := CurrencyOf(n.number); back != n.currency || i > 0 && n.currency <= numbers[i-1].currency {
			t.Errorf("%s is the number of %s, too, or out of order", n.number, back)
		}
	}
	if back, ok := CurrencyOf("764"); !ok || back != "THB" || Currency("XYZ").Number() != "" {
		t.Errorf("764 is %s", back)
	}
	if c, ok := CurrencyOf("000"); ok {
		t.Errorf("000 is %s", c)
	}
}
