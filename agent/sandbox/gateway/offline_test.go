package gateway

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/voucher"
)

const cornerPay = "cornerpay"

// openIssuing is a shop whose acquirer has a brand with an issuer.
func openIssuing(t *testing.T) (*shop, *voucher.Issuer) {
	t.Helper()
	s := openShop(t, Options{})
	issuer, err := voucher.New(t.Context(), voucher.Options{Ledger: s.ledger, Clock: s.clock, Brand: cornerPay, Title: "Corner Pay", Number: 7,
		Currencies: []agent.Currency{"CNY"}, Merchants: []string{"SANDBOX01"}})
	if err != nil {
		t.Fatal(err)
	}
	if s.acquirer, err = New(t.Context(), Options{Ledger: s.ledger, Clock: s.clock, Issuer: issuer}); err != nil {
		t.Fatal(err)
	}
	return s, issuer
}

func redeemed(s *shop, n int, code string) string {
	return fmt.Sprintf(`{"merchant":"SANDBOX01","brand":%q,"amount":{"value":1280,"currency":"CNY"},"short_ref":%q,"code":%q,"accepted_at":%q}`,
		cornerPay, number(n)[12:], code, s.clock.Now().Format(time.RFC3339))
}

func challenge(s *shop, n int) string {
	m := voucher.MerchantOf("SANDBOX01")
	return voucher.Challenge{Merchant: m, Order: voucher.OrderOf(m, number(n)), Currency: "CNY", Amount: 1280, At: s.clock.Now()}.Text()
}

// show lets a phone answer the challenge of an order, with a line or in flight mode.
func show(s *shop, i *voucher.Issuer, id string, n int, flight bool) string {
	s.Helper()
	if _, err := i.Carry(s.Context(), id, sandbox.Carriage{Flight: &flight}); err != nil {
		s.Fatal(err)
	}
	slip, err := i.Scan(s.Context(), id, challenge(s, n))
	if err != nil || slip.Code == "" {
		s.Fatalf("%+v %v", slip, err)
	}
	return slip.Code
}

func TestRedeeming(t *testing.T) {
	s, issuer := openIssuing(t)
	id, _ := s.phone(cornerPay, sandbox.Approve)
	s.want("order_not_found", "GET", at(1, query(cornerPay)), "")

	// Paid at the wallet before the shop had a line: a query finds it by itself.
	receipt := show(s, issuer, id, 1, false)
	found := s.want("paid", "GET", at(1, query(cornerPay)), "")
	told := s.want("paid", "POST", at(1, "/redeem"), redeemed(s, 1, receipt))
	if told["mode"] != "offline" || told["txn"] != found["txn"] || told["txn"] == "" {
		t.Errorf("the answers are %v and %v", found, told)
	}

	code := show(s, issuer, id, 2, true)
	first := s.want("paid", "POST", at(2, "/redeem"), redeemed(s, 2, code))
	again := s.want("paid", "POST", at(2, "/redeem"), redeemed(s, 2, code))
	if first["mode"] != "offline" || first["txn"] != again["txn"] {
		t.Errorf("the answers are %v and %v", first, again)
	}
	// The same redemption is one whatever else stands in the request.
	s.clock.Move(time.Minute)
	s.want("paid", "POST", at(2, "/redeem"), redeemed(s, 2, code))
	s.want("number_reused", "POST", at(2, "/redeem"), redeemed(s, 2, receipt))

	other := s.want("refused", "POST", at(3, "/redeem"), redeemed(s, 3, code))
	if other["reason"] != "voucher_other_order" {
		t.Errorf("the answer is %v", other)
	}
	s.want("refused", "GET", at(3, query(cornerPay)), "")
	s.want("done", "POST", at(2, "/refunds/"+number(2)+"P1"), refund(cornerPay, "CNY", 280))
	_, list := s.ask("GET", "/operations?merchant=SANDBOX01&terminal=DEMO01", "")
	if n := len(list["operations"].([]any)); n != 4 {
		t.Errorf("%d operations are kept: %v", n, list)
	}
}

// A shop that voids before it hands the code in hears that it is void; one that
// voids afterwards gives the money back.
func TestVoiding(t *testing.T) {
	s, issuer := openIssuing(t)
	id, _ := s.phone(cornerPay, sandbox.Approve)
	code := show(s, issuer, id, 1, true)
	s.want("reversed", "POST", at(1, "/reverse"), undo(cornerPay))
	s.want("order_reversed", "POST", at(1, "/redeem"), redeemed(s, 1, code))

	s.want("paid", "POST", at(2, "/redeem"), redeemed(s, 2, show(s, issuer, id, 2, true)))
	s.want("reversed", "POST", at(2, "/reverse"), undo(cornerPay))
	show(s, issuer, id, 3, false)
	s.want("order_paid", "POST", at(3, "/close"), undo(cornerPay))
	s.want("reversed", "POST", at(3, "/reverse"), undo(cornerPay))
	s.want("closed", "POST", at(4, "/close"), undo(cornerPay))
	if slip, err := issuer.Scan(t.Context(), id, challenge(s, 4)); err != nil || slip.Status != sandbox.ScanClosed {
		t.Errorf("a challenge that was closed: %+v %v", slip, err)
	}
}

func TestWhatCannotBeRedeemed(t *testing.T) {
	s, issuer := openIssuing(t)
	id, _ := s.phone(cornerPay, sandbox.Approve)
	code := show(s, issuer, id, 1, true)
	body := redeemed(s, 1, code)
	s.want("invalid_request", "POST", at(1, "/redeem"), strings.Replace(body, "accepted_at", "accepted", 1))
	s.want("invalid_request", "POST", at(1, "/redeem"), strings.Replace(body, `"code":"OV2:`, `"code":1,"x":"`, 1))
	s.want("invalid_request", "POST", at(2, "/redeem"), body) // the reference is another number's
	s.want("mode_not_enabled", "POST", at(1, "/redeem"), strings.Replace(body, cornerPay, "upi", 1))
	s.want("currency_not_supported", "POST", at(1, "/redeem"), strings.Replace(body, "CNY", "JPY", 1))
	s.want("mode_not_enabled", "GET", "/keyset"+query("upi"), "")
	s.want("paid", "POST", at(1, "/redeem"), body)
}

func TestTheKeySetIsGivenOut(t *testing.T) {
	s, issuer := openIssuing(t)
	ask := func() (string, float64) {
		status, body := s.ask("GET", "/keyset"+query(cornerPay), "")
		if status != 200 {
			t.Fatal(status, body)
		}
		return body["key_set"].(string), body["version"].(float64)
	}
	first, version := ask()
	if raw, err := base64.StdEncoding.DecodeString(first); err != nil || raw[0] != 0xd2 || version != 1 {
		t.Errorf("version %v, %x, %v", version, raw, err)
	}
	if err := issuer.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if next, newer := ask(); next == first || newer != 2 {
		t.Errorf("version %v after the rotation", newer)
	}
	if err := issuer.Publish(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if old, older := ask(); old != first || older != 1 {
		t.Errorf("version %v where the old one is given out", older)
	}
	_, told := s.ask("GET", "/capabilities?merchant=SANDBOX01", "")
	brands := told["brands"].([]any)
	offline, _ := brands[len(brands)-1].(map[string]any)["offline"].(map[string]any)
	if offline["issuer"] != 7.0 || offline["redeem_within_s"] != 1209600.0 {
		t.Errorf("the capabilities say %v", offline)
	}
}
