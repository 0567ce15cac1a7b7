package agent_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

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

func TestAnAmountIsReadAsItIsWritten(t *testing.T) {
	for _, c := range []struct {
		text     string
		currency agent.Currency
		minor    int64
		ok       bool
	}{
		{"12.80", "CNY", 1280, true}, {"12.8", "CNY", 1280, true}, {"12", "CNY", 1200, true}, {"0", "CNY", 0, true}, {".5", "CNY", 50, true},
		{"980", "JPY", 980, true}, {"1.250", "KWD", 1250, true}, {"9999999999.99", "CNY", agent.MaxMinor, true},
		{"12.", "CNY", 0, false}, {"12.801", "CNY", 0, false}, {"980.0", "JPY", 0, false}, {"-1", "CNY", 0, false}, {"1,5", "CNY", 0, false},
		{"1e3", "CNY", 0, false}, {"", "CNY", 0, false}, {"10000000000.00", "CNY", 0, false}, {"9999999999999", "CNY", 0, false}, {"１２", "CNY", 0, false},
	} {
		got, ok := c.currency.Minor(c.text)
		if ok != c.ok || ok && got != c.minor {
			t.Errorf("%q in %s: %d %v, want %d %v", c.text, c.currency, got, ok, c.minor, c.ok)
		}
	}
}
