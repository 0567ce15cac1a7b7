package alipay_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"tillwire/agent/sandbox/sandboxtest"
)

// A restart goes on with the same ledger and the same keys, and what time alone
// decides is decided as if nothing had happened.
func TestRestart(t *testing.T) {
	s := open(t)
	paid, dead, slow, waiting := sandboxtest.OrderNo(), sandboxtest.OrderNo(), sandboxtest.OrderNo(), sandboxtest.OrderNo()
	rich, thinker := s.Phone("approve", 100000), s.Phone("password", 5000)
	s.pay(paid, s.Code(rich), "10.00")
	s.refund(paid, "R1", "3.00")
	s.named("cancel", dead)
	code, unused := s.Code(s.Phone("slow", 5000)), s.Code(rich)
	s.pay(waiting, s.Code(thinker), "7.00")
	request := s.request("alipay.trade.pay", payment(slow, code, "8.00"))
	var gone sync.WaitGroup
	gone.Go(func() { _, _, _, _ = s.Raw(request) }) // the cloud ends while it thinks
	sandboxtest.Until(t, func() bool { return s.Clock.Waiting() > 0 })
	platform, app := *s.wallet.Platform(), *s.wallet.CertApp()

	s.Stop()
	gone.Wait()
	s.start()

	if now := s.wallet.Platform(); !now.Key.Equal(platform.Key) || now.CertSN != platform.CertSN || now.RootSN != platform.RootSN || s.wallet.CertApp().CertSN != app.CertSN {
		t.Error("the keys changed")
	}
	if got := s.named("query", paid); got.text("trade_status") != "TRADE_SUCCESS" || got.text("total_amount") != "10.00" {
		t.Errorf("the paid one is %v", got.body)
	}
	s.want(s.refund(paid, "R1", "3.01"), "40004", "ACQ.DISCORDANT_REPEAT_REQUEST")
	s.want(s.pay(dead, unused, "1.00"), "40004", "ACQ.TRADE_HAS_CLOSE")
	if status := s.Touch(thinker, "confirm", ""); status != "paid" {
		t.Errorf("the password after the restart says %q", status)
	}
	s.Clock.Move(6 * time.Second)
	if status := s.status(slow); status != "TRADE_SUCCESS" {
		t.Errorf("the slow one became %q", status)
	}
	s.want(s.pay(sandboxtest.OrderNo(), unused, "1.00"), "10000", "")
}

// A payment and its cancelling race: whichever wins, nothing is half done.
func TestPayAgainstCancel(t *testing.T) {
	s := open(t)
	customer := s.Phone("approve", 1_000_000)
	for range 10 {
		no, code := sandboxtest.OrderNo(), s.Code(customer)
		pay := s.request("alipay.trade.pay", payment(no, code, "1.00"))
		undo := s.request("alipay.trade.cancel", fmt.Sprintf(`{"out_trade_no":%q}`, no))
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
