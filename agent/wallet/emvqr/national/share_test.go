package national

import (
	"errors"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/agent/wallet/emvqr"
)

// made writes a code, or fails the test.
func made(t *testing.T, a Ask) string {
	t.Helper()
	text, err := Write(a)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSeveralWalletsShareACode(t *testing.T) {
	dollars := agent.Money{Value: 450, Currency: "SGD"}
	sgqr := Ask{Scheme: "sgqr", Once: true, Amount: dollars, Reference: "ABC1", Name: "TOAST BOX", City: "Singapore",
		Account: map[string]string{"uen": "201403121W", "sgqr_id": "18090900176B"}}
	nets := Ask{Scheme: "emv", Country: "SG", Once: true, Amount: dollars, Labels: map[string]string{"bill": "ABC1"}, Name: "TOAST BOX PTE", City: "Singapore",
		Account: map[string]string{"26.00": "SG.COM.NETS", "26.01": "1198500065G991231235900"}}
	grab := Ask{Scheme: "emv", Country: "SG", Once: true, Amount: dollars, Name: "TOAST", City: "Singapore",
		Account: map[string]string{"26.00": "com.grab", "26.01": "5af16fa7", "15": "3123456789012345"}}
	text, err := Share(made(t, sgqr), made(t, nets), made(t, grab))
	if err != nil {
		t.Fatal(err)
	}
	p, err := emvqr.ReadMerchant(text)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"26/00": "SG.PAYNOW", "27/00": "SG.COM.NETS", "28/00": "com.grab", "28/01": "5af16fa7", "15": "3123456789012345",
		"51/00": "SG.SGQR", "54": "4.50", "59": "TOAST BOX", "62/01": "ABC1"} {
		if got := p.Get(strings.Split(path, "/")...); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
	if alone, err := Share(made(t, sgqr)); err != nil || alone != made(t, sgqr) {
		t.Errorf("one code alone: %s, %v", alone, err)
	}
}

func TestCodesThatCannotBeOneStayApart(t *testing.T) {
	yen := agent.Money{Value: 980, Currency: "JPY"}
	jpqr := Ask{Scheme: "jpqr", Once: true, Amount: yen, Reference: "A1", Name: "CAFE", City: "TOKYO",
		Account: map[string]string{"company": "0000000000001", "service": "0001", "store": "000001", "terminal": "000001"}}
	other := func(change func(*Ask)) Ask {
		a := Ask{Scheme: "emv", Country: "JP", Once: true, Amount: yen, Name: "CAFE", City: "TOKYO", Account: map[string]string{"26.00": "jp.example"}}
		change(&a)
		return a
	}
	for _, c := range []struct {
		name        string
		first, next Ask
		says        string
	}{
		{"they agree", jpqr, other(func(*Ask) {}), ""},
		{"another amount", jpqr, other(func(a *Ask) { a.Amount.Value = 981 }), `object 54 of EMV is "981"`},
		{"another currency", jpqr, other(func(a *Ask) { a.Amount.Currency = "KRW" }), "object 53"},
		{"another country", jpqr, other(func(a *Ask) { a.Country = "KR" }), "object 58"},
		{"one of them static", jpqr, other(func(a *Ask) { a.Once = false }), "object 01"},
		{"another reference", jpqr, other(func(a *Ask) { a.Reference = "B2" }), "additional data (62)"},
		{"the same brand", other(func(*Ask) {}), other(func(a *Ask) { a.Account["26.00"] = "JP.EXAMPLE" }), "both codes are of"},
		{"a scheme that does not share", Ask{Scheme: "vietqr", Account: map[string]string{"bank": "970416", "account": "1"}}, other(func(*Ask) {}), "VietQR keeps its codes to itself"},
		{"one card twice", other(func(a *Ask) { a.Account["04"] = "5412" }), other(func(a *Ask) { a.Account = map[string]string{"04": "5413"} }), "needs object 04"},
	} {
		text, err := Share(made(t, c.first), made(t, c.next))
		var apart *Apart
		if c.says == "" && err != nil || c.says != "" && (!errors.As(err, &apart) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %s, %v; want %q", c.name, text, err, c.says)
		}
	}
	if _, err := Share(); err == nil {
		t.Error("no code became one")
	}
	if _, err := Share("hello"); !errors.Is(err, emvqr.ErrNotEMV) {
		t.Errorf("no code at all: %v", err)
	}
	for name, want := range map[string]bool{"sgqr": true, "hkqr": true, "jpqr": true, "pix": false, "promptpay": false, "nobody": false} {
		if Shares(name) != want {
			t.Errorf("%s shares: %t", name, !want)
		}
	}
}
