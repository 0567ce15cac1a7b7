package main

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"tillwire/cmd/cli"
)

// The samples of consumer-presented codes that others publish: EMVCo's own and
// UnionPay's (mvallim/emv-qrcode), and one after the guideline of JPQR.
func TestEveryPublishedConsumerCodeIsExplained(t *testing.T) {
	for _, c := range []struct{ text, scheme, fields string }{
		{"hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZmUAhQcm9kdWN0MmJJWggSNFZ4kBI0WF8gDkNBUkRIT0xERVIvRU1WXy0IcnVlc2RlZW5kIZ8QBwYBCgMAAACfJghYT9OF+iNLzJ82AgABnzcEbVjvEw==", "emv",
			`{"85":"CPV01","61":[{"4F":"A0000000555555","50":"Product1"},{"4F":"A0000000666666","50":"Product2"}],
			"62":{"5A":"1234567890123458","5F20":"CARDHOLDER/EMV","5F2D":"ruesdeen","64":{"9F10":"06010A03000000","9F26":"584FD385FA234BCC","9F36":"0001","9F37":"6D58EF13"}}}`},
		{"hQVDUFYwMWFWTwigAAADMwEBAlcRYmNgAQBxNnLSMSIBAAABiAFfNAEAYzOfJghWite85mtxi58nAYCfEBEHAAEDoAAAAQgwMDAwMDAwMZ82AhEiggIAAJ83BCJgSI4=", "unionpay",
			`{"85":"CPV01","61":{"4F":"A000000333010102","57":"6263600100713672D23122010000018801","5F34":"00",
			"63":{"9F26":"568AD7BCE66B718B","9F27":"80","9F10":"07000103A0000001083030303030303031","9F36":"1122","82":"0000","9F37":"2260488E"}}}`},
		{"hQVKUFFSMWEcTwgzMTU4OTkwMFcQMTIzNDU2Nzg5MDEyMzQ1Ng==", "jpqr", `{"85":"JPQR1","61":{"4F":"31589900","57":"1234567890123456"}}`},
	} {
		e, code := explained(t, c.text)
		var want map[string]any
		if err := json.Unmarshal([]byte(c.fields), &want); err != nil {
			t.Fatal(err)
		}
		if e["scheme"] != c.scheme || e["mode"] != "consumer" || e["valid"] != true || code != cli.Fine || !reflect.DeepEqual(e["fields"], want) {
			t.Errorf("%.20s: exit code %d, %v", c.text, code, e)
		}
	}
}

func TestACodeIsWrittenAndExplainedBack(t *testing.T) {
	const ask = `{"scheme":"promptpay","account":{"biller":"0112233445566","reference2":"INV001"},"reference":"CUSTOMER001","labels":{"terminal":"SCB"}}`
	r := invoke(t, ask, "code", "write", "-")
	if r.code != cli.Fine || r.stdout != "00020101021130620016A000000677010112011301122334455660211CUSTOMER0010306INV00153037645802TH62070703SCB6304780E\n" {
		t.Fatalf("%+v", r)
	}
	if e, _ := explained(t, strings.TrimSpace(r.stdout)); e["scheme"] != "promptpay" || e["valid"] != true || len(e["warnings"].([]any)) != 0 {
		t.Errorf("%v", e)
	}
	file := write(t, t.TempDir()+"/ask.json", `{"scheme":"upi","account":{"vpa":"shop@bank"},"name":"Shop","amount":{"value":1200,"currency":"INR"},"once":true,"reference":"A1"}`, 0o600)
	if r := invoke(t, "", "code", "write", "--json", file); r.code != cli.Fine || !strings.Contains(r.stdout, `"payload": "upi://pay?pa=shop@bank`) {
		t.Errorf("%+v", r)
	}
	for ask, want := range map[string]struct {
		code int
		says string
	}{
		`{"scheme":"pix","account":{"key":"a@b"}}`: {cli.Found, "cannot be written: 59, the merchant name, is missing"},
		`{"scheme":"pixx"}`:                        {cli.Found, "this scheme is not known"},
		`{"scheme":"pix","acount":{}}`:             {cli.Usage, `unknown field "acount"`},
		`00020101`:                                 {cli.Usage, "is not the JSON"},
		` `:                                        {cli.Usage, "is empty"},
		`{}`:                                       {cli.Usage, "the member scheme is missing"},
		`{"scheme":"promptpay"}`:                   {cli.Usage, "Its members for promptpay are mobile, tax_id, ewallet, biller, reference2"},
		`{"scheme":"pix","account":{"key":"a@b"}} x`:                 {cli.Usage, "something follows its end"},
		`{"scheme":"pix","amount":{"value":20.15,"currency":"BRL"}}`: {cli.Usage, "a whole number of minor units, 2015 for 20.15"},
		`{"scheme":"pix","name":7}`:                                  {cli.Usage, "a number does not belong into name"},
	} {
		r := invoke(t, ask, "code", "write", "-")
		if r.code != want.code || r.stdout != "" || !strings.Contains(r.stderr, want.says) {
			t.Errorf("%s: %+v", ask, r)
		}
		if strings.Contains(r.stderr, "Go ") || strings.Contains(r.stderr, "json:") {
			t.Errorf("%s: %s speaks of the program", ask, r.stderr)
		}
	}
}

// A card's number is not for a screen that others see, nor for a ticket that quotes it.
func TestACardsNumberIsShownInPart(t *testing.T) {
	for text, want := range map[string][2]string{
		"hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZmUAhQcm9kdWN0MmJJWggSNFZ4kBI0WF8gDkNBUkRIT0xERVIvRU1WXy0IcnVlc2RlZW5kIZ8QBwYBCgMAAACfJghYT9OF+iNLzJ82AgABnzcEbVjvEw==": {"123456******3458", "1234567890123458"},
		"hQVDUFYwMWFWTwigAAADMwEBAlcRYmNgAQBxNnLSMSIBAAABiAFfNAEAYzOfJghWite85mtxi58nAYCfEBEHAAEDoAAAAQgwMDAwMDAwMZ82AhEiggIAAJ83BCJgSI4=":                                         {"626360******3672 …", "6263600100713672"},
		"hQVKUFFSMWEcTwgzMTU4OTkwMFcQMTIzNDU2Nzg5MDEyMzQ1Ng==": {"123456******3456", "1234567890123456"},
	} {
		if r := invoke(t, "", "code", text); r.code != cli.Fine || !strings.Contains(r.stdout, want[0]) || strings.Contains(r.stdout, want[1]) {
			t.Errorf("%.20s: %s", text, r.stdout)
		}
	}
}

func TestTheSchemesAreListed(t *testing.T) {
	golden(t, "code_schemes.txt", invoke(t, "", "code", "schemes").stdout)
	var list struct {
		Schemes []schemeRow
		Labels  []string
	}
	if err := json.Unmarshal([]byte(invoke(t, "", "code", "schemes", "--json").stdout), &list); err != nil || len(list.Schemes) < 15 || len(list.Labels) == 0 {
		t.Errorf("%+v, %v", list, err)
	}
}
