package words_test

import (
	"testing"

	"tillwire/agent"
)

func TestAmountsAsTheirCountriesWriteThem(t *testing.T) {
	w := open(t)
	for _, test := range []struct {
		value    int64
		currency agent.Currency
		want     string
	}{
		{1280, "CNY", "¥12.80"}, {123450, "THB", "฿1,234.50"}, {123450, "BRL", "R$\u00a01.234,50"}, {5, "BRL", "R$\u00a00,05"},
		{100, "INR", "₹1.00"}, {123456789, "INR", "₹12,34,567.89"}, {10000000, "INR", "₹1,00,000.00"}, {1234000, "VND", "1.234.000\u00a0₫"},
		{1500000, "IDR", "Rp\u00a015.000"}, {1500050, "IDR", "Rp\u00a015.000,50"}, {1250, "KWD", "KWD 1.250"}, {980, "JPY", "¥980"},
		{123456, "EUR", "1.234,56\u00a0€"}, {123456, "MYR", "RM\u00a01,234.56"}, {-100, "BRL", "−R$1.00"},
	} {
		if got := w.Local(agent.Money{Value: test.value, Currency: test.currency}); got != test.want {
			t.Errorf("%d %s: %q, want %q", test.value, test.currency, got, test.want)
		}
	}
}
