package emvqr_test

import (
	"strings"
	"testing"

	"tillwire/agent/wallet/emvqr"
)

func TestAPrintedCodeIsMadeForOneSale(t *testing.T) {
	print := func(objects ...emvqr.Object) emvqr.Payload {
		t.Helper()
		text, err := emvqr.Encode(emvqr.Payload{Objects: append([]emvqr.Object{{ID: "00", Value: "01"}, {ID: "01", Value: "11"},
			{ID: "29", Value: "0016A000000677010111"}, {ID: "53", Value: "764"}}, objects...)})
		if err != nil {
			t.Fatal(err)
		}
		p, err := emvqr.ReadMerchant(text)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	country := emvqr.Object{ID: "58", Value: "TH"}
	for name, tc := range map[string]struct {
		printed emvqr.Payload
		terms   string // the terminal label stays
	}{
		"without additional data":  {print(country), ""},
		"with a reference and tip": {print(emvqr.Object{ID: "55", Value: "02"}, emvqr.Object{ID: "56", Value: "5"}, country, emvqr.Object{ID: "62", Value: "0503OLD0704LANE"}), "LANE"},
	} {
		text, err := emvqr.ForSale(tc.printed, "20.15", "0KDVE6QRC00000000001")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		p, err := emvqr.ReadMerchant(text)
		if err != nil || len(p.Warnings) > 0 {
			t.Fatalf("%s: %q: %v %v", name, text, err, p.Warnings)
		}
		for want, path := range map[string][]string{"12": {"01"}, "20.15": {"54"}, "0KDVE6QRC00000000001": {"62", "05"}, "TH": {"58"}, "764": {"53"}, tc.terms: {"62", "07"}} {
			if got := p.Get(path...); got != want {
				t.Errorf("%s: %v is %q, want %q", name, path, got, want)
			}
		}
		if p.Get("55")+p.Get("56") != "" {
			t.Errorf("%s: it still asks for a tip: %s", name, text)
		}
	}
	if _, err := emvqr.ForSale(print(country, emvqr.Object{ID: "62", Value: "0790" + strings.Repeat("x", 90)}), "1", strings.Repeat("R", 25)); err == nil {
		t.Error("a code that is too long was written")
	}
}
