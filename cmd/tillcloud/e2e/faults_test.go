package e2e

import (
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestE2EFaults opens a shop for each kind of fault and lets it hit pay, query,
// reverse, close and refund while five payments are under way. Once the fault is
// lifted every payment becomes final, and both books agree. How soon is measured by the
// laboratory, in time of its own.
func TestE2EFaults(t *testing.T) {
	t.Parallel()
	for _, fault := range []object{
		{"kind": "drop_request", "after_bytes": 40},
		{"kind": "drop_response", "after_bytes": 25},
		{"kind": "delay", "delay_ms": 12_000},
		{"kind": "status"},
		{"kind": "status", "status": 409},
		{"kind": "bad_signature"},
		{"kind": "wrong_amount"},
		{"kind": "duplicate"},
		{"kind": "captive_portal"},
		{"kind": "refuse_connection"},
	} {
		name := fmt.Sprint(fault["kind"])
		if fault["status"] != nil {
			name += fmt.Sprint("_", fault["status"])
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openShop(t)
			s.survives(fault)
		})
	}
}

// survives runs five roads through the fault, one for each operation it hits.
func (s *shop) survives(fault object) {
	s.t.Helper()
	approve := s.customer("approve")
	sold := s.open(0, 700, "scan")
	s.scan(0, s.paycode(approve))
	s.reaches(sold, "paid")

	s.sandbox("PUT", "/faults", s.everywhere(fault))

	var open []object
	begin := func(lane int, behaviour, mode string) (object, string) {
		phone := s.customer(behaviour)
		p := s.open(lane, 1100, mode)
		if mode == "scan" {
			s.scan(lane, s.paycode(phone))
			s.leaves(p, "created")
		}
		open = append(open, p)
		return p, phone
	}
	paying, _ := begin(0, "approve", "scan")
	slow, _ := begin(1, "slow", "scan")
	s.cancel(slow) // its reversal meets the fault, with the money taken meanwhile
	shown, phone := begin(1, "approve", "show")
	s.leaves(shown, "created", "sending")
	qr := s.payment(shown)["qr"]
	s.cancel(shown) // its close meets the fault
	if qr != nil && qr != "" {
		s.sandbox("POST", "/customers/"+phone+"/scan", object{"qr": qr})
	}
	s.refund(sold, 300)
	confirming, phone2 := begin(1, "password", "scan")
	s.leaves(paying, "created", "sending")
	s.leaves(confirming, "sending")
	s.sandbox("POST", "/customers/"+phone2+"/confirm", nil)

	pause(25 * time.Second)
	s.sandbox("DELETE", "/faults", nil)
	s.struck(fault)
	for _, p := range append(open, sold) {
		s.settled(p)
	}
	s.books()
	s.verify()
	s.noCodesOnDisk()
}

// struck makes sure that the fault met each of the five operations: a fault that
// missed proves nothing. A closed listener leaves no request to see.
func (s *shop) struck(fault object) {
	s.t.Helper()
	if fault["kind"] == "refuse_connection" {
		return
	}
	hit := map[string]bool{}
	list, _ := s.sandbox("GET", "/requests", nil)["requests"].([]any)
	for _, r := range list {
		if seen := r.(object); seen["fault"] == fault["kind"] {
			hit[fmt.Sprint(seen["operation"])] = true
		}
	}
	for _, op := range []string{"pay", "query", "reverse", "close", "refund"} {
		if !hit[op] {
			s.t.Errorf("the fault %v never met %s, only %v", fault["kind"], op, hit)
		}
	}
}

// everywhere aims the fault at each operation once or twice; a closed listener
// hits them all.
func (s *shop) everywhere(fault object) []object {
	var list []object
	for op, count := range map[string]int{"pay": 1, "query": 2, "reverse": 2, "close": 2, "refund": 1} {
		f := object{"wallet": "wechat", "operation": op, "count": count}
		for k, v := range fault {
			f[k] = v
		}
		list = append(list, f)
	}
	return list
}

// leaves waits until the payment has moved on from the states, as long as that is
// possible at all while a fault lasts.
func (s *shop) leaves(p object, states ...string) {
	s.t.Helper()
	within(20*time.Second, func() bool {
		now := s.payment(p)
		for _, state := range states {
			if now["status"] == state {
				return false
			}
		}
		return true
	})
}

func (s *shop) cancel(p object) {
	s.t.Helper()
	if status, out := s.api("POST", fmt.Sprintf("/payments/%v/cancel", p["id"]), nil); status >= 300 && status != http.StatusConflict {
		s.t.Errorf("cancel: %d %v", status, out)
	}
}

func (s *shop) refund(p object, value int64) {
	s.t.Helper()
	amount := object{"value": value, "currency": p["amount"].(object)["currency"]}
	_, ok := s.api("POST", "/approvals", object{"pin": s.ManagerPIN, "payment": p["id"], "amount": amount})
	if status, out := s.api("POST", fmt.Sprintf("/payments/%v/refunds", p["id"]),
		object{"request_id": fmt.Sprint("refund-", p["id"]), "amount": amount, "reason": "e2e", "approval": ok["approval"]}); status >= 300 {
		s.t.Errorf("refund: %d %v", status, out)
	}
}

// pause lets real time pass for the programs under test.
func pause(d time.Duration) { <-time.After(d) }
