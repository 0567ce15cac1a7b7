package agent_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tillwire/agent"
)

func TestMoneyIsWrittenWithItsExponent(t *testing.T) {
	for want, m := range map[string]agent.Money{
		"12.80 CNY": {Value: 1280, Currency: "CNY"},
		"0.01 CNY":  {Value: 1, Currency: "CNY"},
		"500 JPY":   {Value: 500, Currency: "JPY"},
		"1.250 KWD": {Value: 1250, Currency: "KWD"},
		"-0.05 USD": {Value: -5, Currency: "USD"},
		"0.000 BHD": {Value: 0, Currency: "BHD"},
	} {
		if got := m.String(); got != want {
			t.Errorf("%d %s is written %q, want %q", m.Value, m.Currency, got, want)
		}
	}
}

func TestParseMoney(t *testing.T) {
	for _, tc := range []struct {
		text string
		c    agent.Currency
		want int64 // 0: refused
	}{
		{"12.80", "CNY", 1280}, {"12,8", "CNY", 1280}, {" 7 ", "CNY", 700}, {".5", "CNY", 50}, {"0.29", "CNY", 29},
		{"500", "JPY", 500}, {"500.0", "JPY", 0}, {"1.250", "KWD", 1250},
		{"", "CNY", 0}, {".", "CNY", 0}, {"0", "CNY", 0}, {"-1", "CNY", 0}, {"1.234", "CNY", 0}, {"1.2.3", "CNY", 0},
		{"1e3", "CNY", 0}, {"١", "CNY", 0}, {"99999999999999999999", "CNY", 0}, {"10000000000.00", "CNY", 0}, {"1", "XXX", 0},
	} {
		m, err := agent.ParseMoney(tc.text, tc.c)
		if (err == nil) != (tc.want != 0) || err == nil && m.Value != tc.want {
			t.Errorf("%q in %s: %d, %v; want %d", tc.text, tc.c, m.Value, err, tc.want)
		}
		if err != nil && agent.ClassOf(err) != agent.Invalid {
			t.Errorf("%q: the error has class %s", tc.text, agent.ClassOf(err))
		}
	}
}

func TestParseMoneyReadsWhatIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := agent.Money{Value: rapid.Int64Range(1, agent.MaxMinor).Draw(t, "value"),
			Currency: rapid.SampledFrom([]agent.Currency{"CNY", "JPY", "KWD", "USD"}).Draw(t, "currency")}
		back, err := agent.ParseMoney(m.Decimal(), m.Currency)
		if err != nil || back != m {
			t.Fatalf("%v became %v, %v", m, back, err)
		}
	})
}

// TestPayCodeNeverShows tries every way a value is usually written down.
func TestPayCodeNeverShows(t *testing.T) {
	const secret = "134567890123456789"
	c := agent.NewPayCode(secret)
	scan := agent.Scan{Text: c, Lane: "1"}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("scan", "code", c, "scan", scan)
	slog.New(slog.NewTextHandler(&log, nil)).Info("scan", "code", c, "scan", scan)
	text, err := json.Marshal(scan)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf("%v %+v %#v %s %q %v %+v %#v", c, c, c, c, c, scan, scan, scan) + log.String() + string(text)
	if strings.Contains(all, secret[:6]) {
		t.Errorf("a payment code can be read in %s", all)
	}
	if c.Reveal() != secret || c.Len() != 18 || c.IsZero() {
		t.Error("the code itself is gone")
	}
}

func TestRequestIsChecked(t *testing.T) {
	good := agent.Request{RequestID: "r1", Lane: "1", Amount: agent.Money{Value: 100, Currency: "CNY"}, Mode: agent.ModeScan}
	if err := good.Check(); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*agent.Request){
		"no id":       func(r *agent.Request) { r.RequestID = "" },
		"endless id":  func(r *agent.Request) { r.RequestID = strings.Repeat("x", 129) },
		"no mode":     func(r *agent.Request) { r.Mode = "" },
		"other mode":  func(r *agent.Request) { r.Mode = "tap" },
		"no amount":   func(r *agent.Request) { r.Amount.Value = 0 },
		"negative":    func(r *agent.Request) { r.Amount.Value = -1 },
		"huge":        func(r *agent.Request) { r.Amount.Value = agent.MaxMinor + 1 },
		"no currency": func(r *agent.Request) { r.Amount.Currency = "" },
		"odd money":   func(r *agent.Request) { r.Amount.Currency = "cny" },
		"long text":   func(r *agent.Request) { r.Reference = strings.Repeat("x", 257) },
	} {
		r := good
		change(&r)
		if r.Check() == nil {
			t.Errorf("%s: not refused", name)
		}
		if string(r.Hash()) == string(good.Hash()) {
			t.Errorf("%s: has the hash of the good request", name)
		}
	}
}
