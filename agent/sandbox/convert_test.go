package sandbox_test

import (
	"testing"

	"tillwire/agent/sandbox"
)

func TestConverting(t *testing.T) {
	for _, row := range []struct {
		amount   int64
		currency string
		rate     int64
		want     int64 // fen
	}{
		{1280, "USD", 720_000_000, 9216},
		{1280, "HKD", 92_050_000, 1178}, // 1178.24
		{1280, "JPY", 4_800_000, 6144},
		{1250, "KWD", 2_350_000_000, 2938},                           // 2937.5: half goes up
		{1, "KRW", 1_000, 1},                                         // nothing is for nothing
		{999_999_999_999, "USD", 10_000_000_000, 99_999_999_999_900}, // wider than 64 bits on the way
	} {
		q := sandbox.Convert(row.amount, row.currency, "CNY", row.rate)
		if q.PayerAmount != row.want || q.PayerCurrency != "CNY" || q.Rate != row.rate {
			t.Errorf("%d %s: %+v, want %d", row.amount, row.currency, q, row.want)
		}
		o := sandbox.Order{Amount: row.amount, Currency: row.currency, Quote: q}
		if o.PayerPart(row.amount) != row.want || o.PayerPart(0) != 0 {
			t.Errorf("all of it is %d and nothing is %d", o.PayerPart(row.amount), o.PayerPart(0))
		}
	}
}
