package web

import (
	"encoding/json"
	"fmt"
	"testing"

	"tillwire/agent"
)

// TestAPaymentIsEncodedOnceForAllPages: once for each version and language, and never an
// old version for a new one.
func TestAPaymentIsEncodedOnceForAllPages(t *testing.T) {
	tm := newTerminal(t)
	id := tm.open("a", "scan")
	p, err := tm.Payment(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	first, err := tm.web.onWire("en", p)
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := json.Marshal(tm.web.payment("en", p)); string(first) != string(want) {
		t.Errorf("on the wire\n%s, by itself\n%s", first, want)
	}
	if again, _ := tm.web.onWire("en", p); &again[0] != &first[0] {
		t.Error("the same version is encoded twice")
	}
	if other, _ := tm.web.onWire("zh-CN", p); string(other) == string(first) {
		t.Error("another language gets the first one's words")
	}
	paid := tm.pay(id)
	if now, _ := tm.web.onWire("en", paid); string(now) == string(first) {
		t.Error("a new version goes out as the old one")
	}
}

// TestTheWireForgets: what is kept does not grow with the day's sales.
func TestTheWireForgets(t *testing.T) {
	tm := newTerminal(t)
	for i := range 3 * wireKept {
		p := agent.Payment{ID: fmtID(i), Amount: agent.Money{Value: 1, Currency: "CNY"}, Status: agent.Status{State: agent.Created}}
		if _, err := tm.web.onWire("en", p); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(tm.web.wire.made); n != wireKept || len(tm.web.wire.ring) != wireKept {
		t.Errorf("%d are kept, %d in order", n, len(tm.web.wire.ring))
	}
	if _, kept := tm.web.wire.made[wireKey{fmtID(3*wireKept - 1), 0, "en"}]; !kept {
		t.Error("the newest is forgotten")
	}
}

func fmtID(i int) agent.PaymentID { return agent.PaymentID(fmt.Sprint(i)) }
