package gateway

import (
	"strings"
	"testing"

	"tillwire/agent/sandbox"
)

// forSale writes the printed code of a brand for one sale, as a shop does that cannot
// ask for one.
func forSale(s *shop, brand, amount, reference string) string {
	s.Helper()
	list, ok := objects(s.acquirer.Wallet(brand).Printed())
	if !ok {
		s.Fatal("the printed code cannot be read")
	}
	var b strings.Builder
	for _, o := range whose(list) {
		b.WriteString(tlv(o.id, o.value))
		switch o.id {
		case "00":
			b.WriteString(tlv("01", "12"))
		case "53":
			b.WriteString(tlv("54", amount))
		}
	}
	return sealed(b.String() + tlv("62", tlv("05", reference)))
}

// pay lets a phone pay a code that the acquirer never made.
func (s *shop) payShopMade(id, text string) sandbox.ScanStatus {
	s.Helper()
	showing, ok := s.acquirer.Wallet("unionpay").ReadShopMade(text)
	if !ok {
		return sandbox.ScanUnknown
	}
	showing.Request = s.ledger.Fingerprint("test", text)
	if _, err := s.ledger.Present(s.Context(), showing); err != nil {
		return sandbox.ScanClosed
	}
	status, err := s.ledger.Scan(s.Context(), id, text)
	if err != nil {
		s.Fatal(err)
	}
	return status
}

// Whoever paid the shop's own code is found under the order's number, by whoever asks
// for it first: the phone or the shop.
func TestTheShopsOwnCode(t *testing.T) {
	s := openShop(t, Options{})
	id, _ := s.phone("unionpay", sandbox.Approve)
	if printed := s.acquirer.Wallet("unionpay").Printed(); !strings.HasPrefix(printed, "000201010211") || strings.Contains(printed, "5404") || sealed(printed[:len(printed)-8]) != printed {
		t.Fatalf("the printed code is %s", printed)
	}
	if got := s.payShopMade(id, forSale(s, "unionpay", "12.80", number(1)[12:])); got != sandbox.ScanPaid {
		t.Fatalf("the phone says %s", got)
	}
	if paid := s.want("paid", "GET", at(1, query("unionpay")), ""); paid["txn"] == nil || paid["mode"] != "show" {
		t.Errorf("the answer is %v", paid)
	}
	s.want("order_not_found", "GET", at(2, query("unionpay")), "")
	if got := s.payShopMade(id, forSale(s, "unionpay", "12.80", number(2)[12:])); got != sandbox.ScanPaid {
		t.Errorf("after the shop has asked the phone says %s", got)
	}
	s.want("paid", "GET", at(2, query("unionpay")), "")
	// What the shop has closed stays closed, also for who scans it late.
	s.want("closed", "POST", at(3, "/close"), undo("unionpay"))
	if got := s.payShopMade(id, forSale(s, "unionpay", "12.80", number(3)[12:])); got != sandbox.ScanClosed {
		t.Errorf("a closed order: %s", got)
	}
}

func TestWhatIsNoCodeOfTheShop(t *testing.T) {
	s := openShop(t, Options{})
	good := forSale(s, "unionpay", "12.80", number(1)[12:])
	for name, text := range map[string]string{
		"nothing":             "",
		"text":                "hello, this is no code at all",
		"half of it":          good[:len(good)/2],
		"a wrong checksum":    good[:len(good)-4] + "0000",
		"another shop's":      sealed(strings.Replace(good[:len(good)-8], "SANDBOX00000001", "SANDBOX00000002", 1)),
		"no amount":           sealed(strings.Replace(good[:len(good)-8], "540512.80", "", 1)),
		"nothing to pay":      forSale(s, "unionpay", "0.00", number(1)[12:]),
		"a tenth of a fen":    forSale(s, "unionpay", "12.801", number(1)[12:]),
		"a short reference":   forSale(s, "unionpay", "12.80", "SHORT"),
		"the printed one":     s.acquirer.Wallet("unionpay").Printed(),
		"a length too long":   "0099",
		"a length of letters": "00xx01",
	} {
		if got, ok := s.acquirer.Wallet("unionpay").ReadShopMade(text); ok {
			t.Errorf("%s is read as %+v", name, got)
		}
	}
	if _, ok := s.acquirer.Wallet("pix").ReadShopMade(good); ok || s.acquirer.Wallet("pix").Printed() != "" {
		t.Error("a brand without such codes has one")
	}
}
