package emvqr

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"testing"
)

// Samples of mvallim/emv-qrcode: the specification's own, and UnionPay's.
const (
	emvcoSample    = "hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZmUAhQcm9kdWN0MmJJWggSNFZ4kBI0WF8gDkNBUkRIT0xERVIvRU1WXy0IcnVlc2RlZW5kIZ8QBwYBCgMAAACfJghYT9OF+iNLzJ82AgABnzcEbVjvEw=="
	unionpaySample = "hQVDUFYwMWFWTwigAAADMwEBAlcRYmNgAQBxNnLSMSIBAAABiAFfNAEAYzOfJghWite85mtxi58nAYCfEBEHAAEDoAAAAQgwMDAwMDAwMZ82AhEiggIAAJ83BCJgSI4="
)

func TestConsumerSamplesRead(t *testing.T) {
	cases := []struct {
		name, text string
		want       map[string]any
		apps       []Application
	}{
		{"EMVCo", emvcoSample, map[string]any{
			"85": "CPV01",
			"61": []any{
				map[string]any{"4F": "A0000000555555", "50": "Product1"},
				map[string]any{"4F": "A0000000666666", "50": "Product2"},
			},
			"62": map[string]any{
				"5A": "1234567890123458", "5F20": "CARDHOLDER/EMV", "5F2D": "ruesdeen",
				"64": map[string]any{"9F10": "06010A03000000", "9F26": "584FD385FA234BCC", "9F36": "0001", "9F37": "6D58EF13"},
			},
		}, []Application{{"A0000000555555", "Product1"}, {"A0000000666666", "Product2"}}},
		{"UnionPay", unionpaySample, map[string]any{
			"85": "CPV01",
			"61": map[string]any{
				"4F": "A000000333010102", "57": "6263600100713672D231220100000188" + "01", "5F34": "00",
				"63": map[string]any{
					"9F26": "568AD7BCE66B718B", "9F27": "80", "9F10": "07000103A0000001083030303030303031",
					"9F36": "1122", "82": "0000", "9F37": "2260488E",
				},
			},
		}, []Application{{AID: "A000000333010102"}}},
	}
	for _, c := range cases {
		urlSafe := strings.NewReplacer("+", "-", "/", "_").Replace(c.text)
		for _, text := range []string{c.text, strings.TrimRight(c.text, "="), urlSafe, " " + c.text + "\r\n"} {
			got, err := ReadConsumer(text)
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if !reflect.DeepEqual(got.Fields(), c.want) {
				t.Errorf("%s\n got %v\nwant %v", c.name, got.Fields(), c.want)
			}
			if !reflect.DeepEqual(got.Applications(), c.apps) || got.Indicator != "CPV01" || len(got.Warnings) != 0 || !IsConsumer(text) {
				t.Errorf("%s: applications %v, %s, warnings %v", c.name, got.Applications(), got.Indicator, got.Warnings)
			}
		}
	}
}

func base64Of(t *testing.T, hexadecimal string) string {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(hexadecimal, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

const cpv = "85 05 4350563031 "

// "61 93" where "61 81 93" is meant was seen in a published QRIS sample.
func TestAPlainLengthAbove7FIsToleratedOnlyWhenItFitsExactly(t *testing.T) {
	filler := "50" + "7F" + strings.Repeat("41", 0x7F) // 129 bytes
	aid := "4F 07 A0000006022020 "                     // 9 bytes
	rest := "9F08 04 31323334"                         // 7 bytes: 145 in all, 0x91
	cases := []struct {
		name, length string
		tolerated    bool
		ok           bool
	}{
		{"strict, one byte more", "81 91", false, true},
		{"strict, two bytes more", "82 0091", false, true},
		{"plain", "91", true, true},
		{"plain, one short", "90", false, false},
		{"plain, one long", "92", false, false},
		{"indefinite", "80", false, false},
		{"three bytes more", "83 000091", false, false},
	}
	for _, c := range cases {
		got, err := ReadConsumer(base64Of(t, cpv+"61 "+c.length+aid+filler+rest))
		if (err == nil) != c.ok || (len(got.Warnings) == 1) != c.tolerated {
			t.Errorf("%s: %v, warnings %v", c.name, err, got.Warnings)
		}
		if c.ok && got.Applications()[0].AID != "A0000006022020" {
			t.Errorf("%s: %v", c.name, got.Applications())
		}
		if !c.ok && !errors.Is(err, ErrStructure) {
			t.Errorf("%s: %v, want ErrStructure", c.name, err)
		}
	}
}

func TestTransparentTemplatesMayBeOpaque(t *testing.T) {
	got, err := ReadConsumer(base64Of(t, cpv+"61 0D 4F 07 A0000006022020 63 02 9FFF"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"85": "CPV01", "61": map[string]any{"4F": "A0000006022020", "63": "9FFF"}}
	if !reflect.DeepEqual(got.Fields(), want) || len(got.Warnings) != 0 {
		t.Errorf("got %v, warnings %v", got.Fields(), got.Warnings)
	}
}

func TestJPQRValuesAreText(t *testing.T) {
	code := base64Of(t, fmt.Sprintf("85 05 %x 61 %02x 4F 08 %x 57 10 %x 99 0D %x", "JPQR1", 2+8+2+16+2+13, "31589900", "1234567890123456", `{"x":"memo1"}`))
	got, err := ReadConsumer(code)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"85": "JPQR1", "61": map[string]any{"4F": "31589900", "57": "1234567890123456", "99": `{"x":"memo1"}`}}
	if !reflect.DeepEqual(got.Fields(), want) || !IsConsumer(code) || got.Applications()[0].AID != "31589900" {
		t.Errorf("got %v", got.Fields())
	}
}

func TestConsumerRefusals(t *testing.T) {
	cases := []struct {
		name, text string
		want       error
	}{
		{"empty", "", ErrNotEMV},
		{"a WeChat code", "134567890123456789", ErrNotEMV},
		{"not base64", "hQVDUFYwM!", ErrNotEMV},
		{"another indicator", base64Of(t, "85 05 4142433031"), ErrNotEMV},
		{"85 not first", base64Of(t, "61 02 5000 "+cpv), ErrNotEMV},
		{"endless", strings.Repeat("A", 5000), ErrNotEMV},
		{"a cut template", base64Of(t, cpv+"61 09 4F 07 A00000"), ErrStructure},
		{"a cut inside", base64Of(t, cpv+"61 05 4F 07 A00000"), ErrStructure},
		{"a tag without length", base64Of(t, cpv+"61"), ErrStructure},
		{"a tag without end", base64Of(t, cpv+"9F"), ErrStructure},
		{"a tag of four bytes", base64Of(t, cpv+"9F818181 00"), ErrStructure},
		{"tag zero", base64Of(t, cpv+"00 00"), ErrStructure},
	}
	for _, c := range cases {
		if _, err := ReadConsumer(c.text); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestAConsumerCodeNeverReachesALog(t *testing.T) {
	c, err := ReadConsumer(emvcoSample)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("scanned", "code", c)
	fmt.Fprintf(&out, "%v %+v %#v %s", c, c, c, c)
	for _, secret := range []string{"1234567890123458", "CARDHOLDER", "5A", "Product1", fmt.Sprint([]byte("CARDHOLDER/EMV"))} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q was printed: %s", secret, out.String())
		}
	}
	if !strings.Contains(out.String(), "CPV01, 2 applications") {
		t.Errorf("nothing useful was printed: %s", out.String())
	}
}

func TestOnlyTheCommonPartOfTheIndicatorIsCompared(t *testing.T) {
	// The tenth character already mixes in the next tag: W for 61, Q for none.
	for text, want := range map[string]bool{
		"hQVDUFYwMWETTw": true, "hQVDUFYwMQ==": true, "hQVKUFFSMWE": true,
		"hQVDUFYw": false, "134567890123456789": false, "": false,
	} {
		if IsConsumer(text) != want {
			t.Errorf("%q: %t", text, !want)
		}
	}
}
