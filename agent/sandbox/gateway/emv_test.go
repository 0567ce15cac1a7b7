package gateway

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// Codes of real schemes, whose checksums were made elsewhere.
func TestTheChecksumIsThatOfRealCodes(t *testing.T) {
	for _, code := range []string{
		"00020101021238530010A0000007270123000697041601092576788590208QRIBFTTA5303704540410005802VN62150811Chuyen tien6304BBB8",
		"00020101021229370016A0000006770101110113006680111111153037645802TH540520.15630442BE",
		"00020101021129180014jonhsmith@nbcq5204599953031165802KH5910Jonh Smith6009Siam Reap64280002km0108ចន ស្មីន0206សៀមរាប6304A8B1",
	} {
		if got := sealed(code[:len(code)-8]); got != code {
			t.Errorf("%s, want %s", got, code)
		}
	}
}

// Every brand's code for one sale of 1280 minor units, as a file that a person can
// compare with the scheme's own description.
func TestCodesToShow(t *testing.T) {
	golden, err := os.ReadFile("testdata/shown.golden")
	if err != nil {
		t.Fatal(err)
	}
	made := time.Date(2026, 1, 1, 2, 34, 56, 0, time.UTC)
	var b strings.Builder
	for _, brand := range brands() {
		if brand.show == nil {
			continue
		}
		for _, currency := range brand.Currencies {
			b.WriteString(brand.Name + " " + string(currency) + " " + brand.show(shown{orderNo: "DEMO0101KDVE6QRC0000000000000001", reference: "6QRC0000000000000001",
				name: "Corner shop & カフェ", lane: "1", amount: agent.Money{Value: 1280, Currency: currency},
				token: strings.Repeat("0123456789abcdef", 4), made: made, expires: made.Add(3 * time.Minute)}) + "\n")
		}
	}
	if got := b.String(); got != string(golden) {
		t.Errorf("the codes are\n%s\nwant\n%s", got, golden)
	}
}

// A code is of the form that the capabilities promise, and never the same twice.
func TestCodesOfCustomers(t *testing.T) {
	for _, brand := range brands() {
		if brand.code == nil {
			continue
		}
		seen := map[string]bool{}
		for range 40 {
			code, err := brand.code()
			if err != nil {
				t.Fatal(err)
			}
			fits := false
			for _, pattern := range brand.patterns {
				fits = fits || regexp.MustCompile(pattern).MatchString(code)
			}
			if !fits || seen[code] {
				t.Errorf("%s: the code %s fits none of %q, or came before", brand.Name, code, brand.patterns)
			}
			seen[code] = true
		}
	}
}
