package gateway

import (
	"runtime"
	"strings"
	"testing"
	"time"

	"tillwire/agent/sandbox"
)

func TestACharge(t *testing.T) {
	s := openShop(t, Options{})
	_, code := s.phone("paypay", sandbox.Approve)
	paid := s.want("paid", "POST", at(1, "/charge"), charge(1, "paypay", "JPY", code))
	if paid["mode"] != "code" || paid["txn"] == "" || !strings.HasSuffix(paid["paid_at"].(string), "+08:00") {
		t.Errorf("the answer is %v", paid)
	}
	s.want("paid", "POST", at(1, "/charge"), charge(1, "paypay", "JPY", code))
	s.want("number_reused", "POST", at(1, "/charge"), strings.Replace(charge(1, "paypay", "JPY", code), "1280", "1281", 1))
	s.want("number_reused", "POST", at(1, "/present"), present(1, "paypay", "JPY"))
	if used := s.want("refused", "POST", at(2, "/charge"), charge(2, "paypay", "JPY", code)); used["reason"] != "code_used" {
		t.Errorf("a used code is %v", used)
	}
	if unknown := s.want("refused", "POST", at(3, "/charge"), charge(3, "paypay", "JPY", "900081818800000000000000")); unknown["reason"] != "code_invalid" {
		t.Errorf("nobody's code is %v", unknown)
	}
	s.want("wrong_mode", "POST", at(1, "/close"), undo("paypay"))
	s.want("reversed", "POST", at(1, "/reverse"), undo("paypay"))
	s.want("reversed", "POST", at(1, "/reverse"), undo("paypay"))
	s.want("reversed", "GET", at(1, query("paypay")), "")
	s.want("order_reversed", "POST", at(1, "/charge"), charge(1, "paypay", "JPY", code))
}

// A customer who must act is waited for by asking; one who never does is refused.
func TestACustomerWhoMustConfirm(t *testing.T) {
	s := openShop(t, Options{})
	id, code := s.phone("linepay", sandbox.Password)
	s.want("awaiting", "POST", at(1, "/charge"), charge(1, "linepay", "JPY", code))
	if _, err := s.ledger.Confirm(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	s.want("paid", "GET", at(1, query("linepay")), "")
	_, code = s.phone("linepay", sandbox.Abandon)
	s.want("awaiting", "POST", at(2, "/charge"), charge(2, "linepay", "JPY", code))
	s.clock.Move(codeLife)
	if gone := s.want("refused", "GET", at(2, query("linepay")), ""); gone["reason"] != "not_confirmed" {
		t.Errorf("it is %v", gone)
	}
}

// A charge is answered within its time, whatever the customer does, and a second
// request for its number is told to come again.
func TestASlowCustomer(t *testing.T) {
	s := openShop(t, Options{})
	_, code := s.phone("unionpay", sandbox.Slow)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.want("pending", "POST", at(1, "/charge"), charge(1, "unionpay", "CNY", code))
	}()
	for s.clock.Waiting() < 2 {
		runtime.Gosched()
	}
	s.want("in_progress", "POST", at(1, "/reverse"), undo("unionpay"))
	s.want("pending", "GET", at(1, query("unionpay")), "")
	s.clock.Move(patience)
	<-done
	s.clock.Move(time.Second)
	s.want("paid", "GET", at(1, query("unionpay")), "")
	s.want("reversed", "POST", at(1, "/reverse"), undo("unionpay"))
}

func TestACodeToShow(t *testing.T) {
	s := openShop(t, Options{})
	id, _ := s.phone("pix", sandbox.Approve)
	shown := s.want("unpaid", "POST", at(1, "/present"), present(1, "pix", "BRL"))
	s.want("unpaid", "POST", at(1, "/present"), present(1, "pix", "BRL"))
	s.want("number_reused", "POST", at(1, "/present"), strings.Replace(present(1, "pix", "BRL"), "180", "181", 1))
	s.want("wrong_mode", "POST", at(1, "/reverse"), undo("pix"))
	if status, err := s.ledger.Scan(t.Context(), id, shown["qr"].(string)); err != nil || status != sandbox.ScanPaid {
		t.Fatalf("the phone says %s: %v", status, err)
	}
	s.want("paid", "GET", at(1, query("pix")), "")
	s.want("order_paid", "POST", at(1, "/close"), undo("pix"))
	s.want("order_paid", "POST", at(1, "/present"), present(1, "pix", "BRL"))

	s.want("unpaid", "POST", at(2, "/present"), present(2, "pix", "BRL"))
	s.want("closed", "POST", at(2, "/close"), undo("pix"))
	s.want("order_closed", "POST", at(2, "/present"), present(2, "pix", "BRL"))
	s.want("unpaid", "POST", at(3, "/present"), present(3, "pix", "BRL"))
	s.clock.Move(3 * time.Minute)
	s.want("closed", "GET", at(3, query("pix")), "")
}

// What was undone before it was asked for stays undone.
func TestTombstones(t *testing.T) {
	s := openShop(t, Options{})
	_, code := s.phone("jpqr", sandbox.Approve)
	s.want("order_not_found", "GET", at(1, query("jpqr")), "")
	if stone := s.want("reversed", "POST", at(1, "/reverse"), undo("jpqr")); stone["mode"] != nil || stone["amount"] != nil {
		t.Errorf("nobody named an amount: %v", stone)
	}
	s.want("order_reversed", "POST", at(1, "/charge"), charge(1, "jpqr", "JPY", code))
	s.want("closed", "POST", at(2, "/close"), undo("jpqr"))
	s.want("order_closed", "POST", at(2, "/present"), present(2, "jpqr", "JPY"))
	// The code was not used by any of it.
	s.want("paid", "POST", at(3, "/charge"), charge(3, "jpqr", "JPY", code))
}

func TestRefunds(t *testing.T) {
	s := openShop(t, Options{})
	_, code := s.phone("unionpay", sandbox.Approve)
	p := func(n string) string { return at(1, "/refunds/"+number(1)+n) }
	s.want("order_not_found", "POST", p("P1"), refund("unionpay", "CNY", 500))
	s.want("paid", "POST", at(1, "/charge"), charge(1, "unionpay", "CNY", code))
	s.want("refund_not_found", "GET", p("P1")+query("unionpay"), "")
	s.want("done", "POST", p("P1"), refund("unionpay", "CNY", 500))
	s.want("done", "POST", p("P1"), refund("unionpay", "CNY", 500))
	s.want("number_reused", "POST", p("P1"), refund("unionpay", "CNY", 501))
	s.want("number_reused", "POST", p("P1"), strings.Replace(refund("unionpay", "CNY", 500), "cold", "late", 1))
	s.want("done", "GET", p("P1")+query("unionpay"), "")
	s.want("refund_exceeds", "POST", p("P2"), refund("unionpay", "CNY", 781))
	s.want("invalid_request", "POST", p("P2"), refund("unionpay", "JPY", 500))
	s.want("invalid_request", "POST", at(1, "/refunds/"+number(2)+"P1"), refund("unionpay", "CNY", 1))
	s.want("state_forbids", "POST", at(1, "/reverse"), undo("unionpay"))
	s.clock.Move(31 * 24 * time.Hour)
	s.want("refund_window_over", "POST", p("P2"), refund("unionpay", "CNY", 780))
	s.want("done", "POST", p("P1"), refund("unionpay", "CNY", 500))
}

// Brands have rules of their own.
func TestRulesOfABrand(t *testing.T) {
	s := openShop(t, Options{})
	_, code := s.phone("qris", sandbox.Approve)
	s.want("paid", "POST", at(1, "/charge"), charge(1, "qris", "IDR", code))
	s.want("refund_not_partial", "POST", at(1, "/refunds/"+number(1)+"P1"), refund("qris", "IDR", 500))
	s.want("done", "POST", at(1, "/refunds/"+number(1)+"P2"), refund("qris", "IDR", 1280))

	id, _ := s.phone("paynow", sandbox.Approve)
	shown := s.want("unpaid", "POST", at(2, "/present"), present(2, "paynow", "SGD"))
	if _, err := s.ledger.Scan(t.Context(), id, shown["qr"].(string)); err != nil {
		t.Fatal(err)
	}
	s.want("done", "POST", at(2, "/refunds/"+number(2)+"P1"), refund("paynow", "SGD", 1))
	s.want("refund_limit", "POST", at(2, "/refunds/"+number(2)+"P2"), refund("paynow", "SGD", 1))
	s.want("done", "POST", at(2, "/refunds/"+number(2)+"P1"), refund("paynow", "SGD", 1))

	s.want("mode_not_enabled", "POST", at(3, "/charge"), charge(3, "pix", "BRL", "123456"))
	s.want("mode_not_enabled", "POST", at(3, "/present"), present(3, "linepay", "JPY"))
	s.want("currency_not_supported", "POST", at(3, "/present"), present(3, "pix", "THB"))
	s.want("amount_out_of_range", "POST", at(3, "/present"), strings.Replace(present(3, "upi", "INR"), "1280", "20000001", 1))
	s.want("unpaid", "POST", at(3, "/present"), present(3, "upi", "INR"))

	_, code = s.phone("duitnow", sandbox.Approve)
	s.want("paid", "POST", at(4, "/charge"), charge(4, "duitnow", "MYR", code))
	s.clock.Move(25 * time.Hour)
	s.want("reverse_window_over", "POST", at(4, "/reverse"), undo("duitnow"))
}

// What left the customer's account abroad is told, and never computed with.
func TestAPayerAbroad(t *testing.T) {
	s := openShop(t, Options{})
	_, code := s.phone("alipayplus", sandbox.Approve)
	payer, _ := s.want("paid", "POST", at(1, "/charge"), charge(1, "alipayplus", "SGD", code))["payer"].(map[string]any)
	amount, _ := payer["amount"].(map[string]any)
	if payer["rate"] != "1 SGD = 5.3000 CNY" || amount["value"] != 6784.0 || amount["currency"] != "CNY" {
		t.Errorf("the payer is %v", payer)
	}
}
