package wechat_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"tillwire/agent/sandbox/sandboxtest"
)

// A restart goes on with the same ledger and the same keys, and what time
// alone decides is decided as if nothing had happened.
func TestRestart(t *testing.T) {
	s := open(t)
	paid, dead, slow, waiting := sandboxtest.OrderNo(), sandboxtest.OrderNo(), sandboxtest.OrderNo(), sandboxtest.OrderNo()
	rich, thinker := s.Phone("approve", 100000), s.Phone("password", 5000)
	s.pay(paid, s.Code(rich), 1000)
	s.refund(paid, "R-1", 300, 1000)
	s.reverse(dead)
	code, unused := s.Code(s.Phone("slow", 5000)), s.Code(rich)
	s.pay(waiting, s.Code(thinker), 700)
	request := s.request("POST", "/v3/pay/transactions/codepay", s.codepay(slow, code, 800))
	var gone sync.WaitGroup
	gone.Go(func() { _, _, _, _ = s.Raw(request) }) // the cloud ends while it thinks
	sandboxtest.Until(t, func() bool { return s.Clock.Waiting() > 0 })
	platform, merchant := s.wallet.Platform().PublicKeyID, s.as.Serial
	seen := len(s.Requests())

	s.Stop()
	gone.Wait()
	s.start()

	if s.wallet.Platform().PublicKeyID != platform || s.as.Serial != merchant {
		t.Error("the keys changed")
	}
	if got := s.query(paid); got.text("trade_state") != "REFUND" || got.text("amount.total") != "1000" {
		t.Errorf("the paid order is %v", got.body)
	}
	s.want(s.refund(paid, "R-1", 301, 1000), 400, "INVALID_REQUEST")
	s.want(s.pay(dead, unused, 100), 400, "ORDER_REVERSED")
	if status := s.Touch(thinker, "confirm", ""); status != "paid" {
		t.Errorf("the password after the restart says %q", status)
	}
	if state := s.query(slow).text("trade_state"); state != "USERPAYING" {
		t.Errorf("the slow one is %q", state)
	}
	s.Clock.Move(6 * time.Second)
	if state := s.query(slow).text("trade_state"); state != "SUCCESS" {
		t.Errorf("the slow one became %q", state)
	}
	if got := s.pay(sandboxtest.OrderNo(), unused, 100); got.text("trade_state") != "SUCCESS" {
		t.Errorf("a code from before the restart answers %v", got.body)
	}
	if list := s.Requests(); len(list) <= seen || list[0].OrderNo != paid || list[0].Operation != "pay" {
		t.Errorf("the requests from before are lost: %+v", list[:1])
	}
}

// Many lanes at once: every order is captured once, and no balance is lost.
func TestManyAtOnce(t *testing.T) {
	s := open(t)
	customer := s.Phone("approve", 1_000_000)
	const orders, tries = 12, 4
	var work sync.WaitGroup
	for range orders {
		no, code := sandboxtest.OrderNo(), s.Code(customer)
		for range tries {
			r := s.request("POST", "/v3/pay/transactions/codepay", s.codepay(no, code, 100))
			work.Go(func() {
				if got := s.send(r); got.text("trade_state") != "SUCCESS" {
					t.Errorf("answers %v", got.body)
				}
			})
		}
	}
	work.Wait()
	var out struct {
		Balance int64
		Orders  []sandboxtest.Row
	}
	s.Control("GET", "customers/"+customer, "", &out)
	s.Control("GET", "ledger", "", &out)
	if out.Balance != 1_000_000-orders*100 || len(out.Orders) != orders || len(s.Requests()) != orders*tries {
		t.Errorf("%d orders, balance %d, %d requests", len(out.Orders), out.Balance, len(s.Requests()))
	}
}

// A payment and its reversal race: whichever wins, nothing is half done.
func TestPayAgainstReverse(t *testing.T) {
	s := open(t)
	customer := s.Phone("approve", 1_000_000)
	for range 10 {
		no, code := sandboxtest.OrderNo(), s.Code(customer)
		pay := s.request("POST", "/v3/pay/transactions/codepay", s.codepay(no, code, 100))
		undo := s.request("POST", "/v3/pay/transactions/out-trade-no/"+no+"/reverse", fmt.Sprintf(`{"appid":%q,"mchid":%q}`, s.as.AppID, s.as.MerchantID))
		var work sync.WaitGroup
		work.Go(func() { s.send(pay) })
		work.Go(func() { s.send(undo) })
		work.Wait()
		if r := s.Row(no); !r.Reversed || r.State != "reversed" {
			t.Errorf("ledger says %+v", r)
		}
	}
	var out struct{ Balance int64 }
	if s.Control("GET", "customers/"+customer, "", &out); out.Balance != 1_000_000 {
		t.Errorf("the balance is %d", out.Balance)
	}
}
