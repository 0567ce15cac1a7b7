package main

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode"

	"tillwire/agent/wallet/emvqr"
	"tillwire/cmd/cli"
)

// vector is one row of the list of merchant codes that others publish.
type vector struct {
	Name    string         `json:"name"`
	Payload string         `json:"payload"`
	CRC     bool           `json:"crc_ok"`
	Fields  map[string]any `json:"fields"`
}

func vectors(t *testing.T) []vector {
	t.Helper()
	text, err := os.ReadFile("testdata/emv-merchant.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(text, &list); err != nil {
		t.Fatal(err)
	}
	if len(list) < 18 {
		t.Fatalf("only %d vectors", len(list))
	}
	return list
}

// explained runs `code TEXT --json` and reads what it prints.
func explained(t *testing.T, text string) (map[string]any, int) {
	t.Helper()
	r := invoke(t, "", "code", "--json", "--", text)
	var e map[string]any
	if err := json.Unmarshal([]byte(r.stdout), &e); err != nil {
		t.Fatalf("%q: %v\n%s%s", text, err, r.stdout, r.stderr)
	}
	return e, r.code
}

func TestEveryPublishedMerchantCodeIsExplained(t *testing.T) {
	schemes := map[string]string{
		"M-A01": "emv", "M-A02": "promptpay", "M-A03": "promptpay", "M-A04": "promptpay", "M-A05": "paynow", "M-A06": "paynow",
		"M-A07": "sgqr", "M-A08": "qris", "M-A09": "qris", "M-A10": "duitnow", "M-A11": "pix", "M-A12": "pix", "M-A13": "vietqr",
		"M-A14": "vietqr", "M-A15": "khqr", "M-A16": "khqr", "M-A17": "hkqr", "M-A18": "jpqr",
	}
	for _, v := range vectors(t) {
		e, code := explained(t, v.Payload)
		if e["mode"] != "merchant" || e["valid"] != v.CRC || !reflect.DeepEqual(e["fields"], v.Fields) {
			t.Errorf("%s: mode %v, valid %v, fields %v", v.Name, e["mode"], e["valid"], e["fields"])
		}
		if want, known := schemes[v.Name]; known && e["scheme"] != want {
			t.Errorf("%s: scheme %v, want %s", v.Name, e["scheme"], want)
		}
		if e["reason"] != "" || code != cli.Fine {
			t.Errorf("%s: exit code %d, reason %v", v.Name, code, e["reason"])
		}
		if _, list := e["warnings"].([]any); !list {
			t.Errorf("%s: warnings are %v, not a list", v.Name, e["warnings"])
		}
		if len(e) != 6 {
			t.Errorf("%s: members %v", v.Name, e)
		}
	}
}

func TestADamagedMerchantCodeSaysWhatIsWrong(t *testing.T) {
	payload := "00020101021229370016A0000006770101110113006680111111153037645802TH540520.15630442BE"
	for text, want := range map[string]string{
		strings.Replace(payload, "20.15", "20.16", 1): "the checksum does not match",
		strings.TrimSuffix(payload, "E") + "F":        "it ends in 42BF, its text gives 42BE: F where E is expected (character 4)",
		payload[:40]:                                  "scan it again",
	} {
		e, code := explained(t, text)
		if reason, _ := e["reason"].(string); e["valid"] != false || !strings.Contains(reason, want) || code != cli.Found {
			t.Errorf("%q: exit code %d, %v", text, code, e)
		}
	}
}

func TestCustomersCodesAndOtherTexts(t *testing.T) {
	const cpm = "hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZmUAhQcm9kdWN0MmJJWggSNFZ4kBI0WF8gDkNBUkRIT0xERVIvRU1WXy0IcnVlc2RlZW5kIZ8QBwYBCgMAAACfJghYT9OF+iNLzJ82AgABnzcEbVjvEw=="
	for _, c := range []struct {
		text, scheme, mode string
		valid              bool
		reason             string
	}{
		{"134567890123456789", "wechat", "consumer", true, ""},
		{"]Q1134567890123456789\r", "wechat", "consumer", true, ""},
		{"1345 6789 0123 456789", "wechat", "consumer", true, ""},
		{"286012345678901234", "alipay", "consumer", true, ""},
		{"6212345678901234567", "unionpay", "consumer", true, ""},
		{cpm, "emv", "consumer", true, ""},
		{"]Q1" + cpm, "emv", "consumer", true, ""},
		{cpm[:60], "emv", "consumer", false, "scan it again"},
		{"weixin://wxpay/bizpayurl?pr=abc", "wechat", "merchant", true, "the customer scans it"},
		{"upi://pay?pa=shop@bank&pn=Shop&am=12.00&cu=INR", "upi", "merchant", true, ""},
		{"https://example.com/menu", "url", "merchant", true, "web link"},
		{"6901234567892", "gtin", "goods", true, "goods barcode"},
		{"6901234567893", "gtin", "goods", false, "goods barcode with a wrong check digit"},
		{"96385075", "gtin", "goods", false, "goods barcode with a wrong check digit"},
		{"690123456789", "gtin", "goods", false, "goods barcode with a wrong check digit"},
		{"6901234", "unknown", "unknown", false, "does not know this kind of code"},
		{"hello", "unknown", "unknown", false, "does not know this kind of code"},
	} {
		e, code := explained(t, c.text)
		reason, _ := e["reason"].(string)
		if e["scheme"] != c.scheme || e["mode"] != c.mode || e["valid"] != c.valid || !strings.Contains(reason, c.reason) || (c.reason == "") != (reason == "") {
			t.Errorf("%q: %v", c.text, e)
		}
		if (code == cli.Fine) != c.valid {
			t.Errorf("%q: exit code %d", c.text, code)
		}
	}
	e, _ := explained(t, cpm)
	if fields, _ := e["fields"].(map[string]any); fields["85"] != "CPV01" || len(fields["61"].([]any)) != 2 {
		t.Errorf("fields of the consumer code: %v", e["fields"])
	}
}

func TestCodeForPeople(t *testing.T) {
	var b strings.Builder
	for _, text := range []string{
		"00020101021229370016A0000006770101110113006680111111153037645802TH540520.15630442BE",
		"00020101021229370016A0000006770101110113006680111111153037645802TH540520.16630442BE",
		"00020101021138530010A0000007270123000697041601092576788590208QRIBFTTA53037045802VN6304AE9F",
		"hQVDUFYwMWFWTwigAAADMwEBAlcRYmNgAQBxNnLSMSIBAAABiAFfNAEAYzOfJghWite85mtxi58nAYCfEBEHAAEDoAAAAQgwMDAwMDAwMZ82AhEiggIAAJ83BCJgSI4=",
		"upi://pay?pa=shop@bank&pn=Shop&am=12.00&cu=INR&tr=A1",
		"134567890123456789", "6901234567892", "no such thing",
	} {
		b.WriteString("$ tillwire code " + text + "\n")
		b.WriteString(invoke(t, "", "code", text).stdout + "\n")
	}
	golden(t, "code.txt", b.String())
}

// TestACodeDoesNotWriteOnTheScreenByItself: what stands in it is somebody else's, and
// a terminal obeys it.
func TestACodeDoesNotWriteOnTheScreenByItself(t *testing.T) {
	emv, err := emvqr.Encode(emvqr.Payload{Objects: []emvqr.Object{{ID: "00", Value: "01"}, {ID: "01", Value: "\x1b[2J"},
		{ID: "59", Value: "Shop\nValid   yes"}, {ID: "60", Value: "\u202eytic"}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{emv, "upi://pay?pa=a@b&pn=%1b%5d0;x%07&%1b=1&am=1.00&cu=INR", "upi://pay?pa=a@b&pn=x&pn=%1b&am=%zz%0a"} {
		r := invoke(t, "", "code", "--", text)
		if strings.ContainsFunc(strings.ReplaceAll(r.stdout, "\n", ""), func(c rune) bool { return !unicode.IsPrint(c) }) {
			t.Errorf("%q is printed as %q", text, r.stdout)
		}
		if n := strings.Count(r.stdout, "\nValid "); n != 1 {
			t.Errorf("%q: %d lines say whether it is valid:\n%s", text, n, r.stdout)
		}
	}
}

func TestCodeFromStandardInput(t *testing.T) {
	if r := invoke(t, "134567890123456789\r\n", "code", "-"); r.code != cli.Fine || !strings.Contains(r.stdout, "WeChat Pay (wechat)") {
		t.Errorf("got %+v", r)
	}
}

func TestAnEmptyTextIsWrongUsage(t *testing.T) {
	for _, r := range []result{invoke(t, "", "code", ""), invoke(t, "", "code", " "), invoke(t, "\r\n", "code", "-"), invoke(t, "", "code", "--json", "")} {
		if r.code != cli.Usage || r.stdout != "" || !strings.Contains(r.stderr, "is empty") {
			t.Errorf("got %+v", r)
		}
	}
}
