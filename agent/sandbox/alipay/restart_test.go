package alipay_test

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// A restart goes on with the same ledger and the same keys, and what time alone
// decides is decided as if nothing had happened.
func TestRestart(t *testing.T) {
	s := open(t)
	paid, dead, slow, waiting := randomNo(), randomNo(), randomNo(), randomNo()
	rich, thinker := s.phone("approve", 100000), s.phone("password", 5000)
	s.pay(paid, s.code(rich), "10.00")
	s.refund(paid, "R1", "3.00")
	s.named("cancel", dead)
	code, unused := s.code(s.phone("slow", 5000)), s.code(rich)
	s.pay(waiting, s.code(thinker), "7.00")
	request := s.request("alipay.trade.pay", payment(slow, code, "8.00"))
	var gone sync.WaitGroup
	gone.Go(func() { _, _, _ = s.raw(request) }) // the cloud ends while it thinks
	waitUntil(t, func() bool { return s.clock.waiting() > 0 })
	platform, app := *s.wallet.Platform(), *s.wallet.CertApp()

	s.stop()
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
	if status := s.touch(thinker, "confirm", ""); status != "paid" {
		t.Errorf("the password after the restart says %q", status)
	}
	s.clock.move(6 * time.Second)
	if status := s.status(slow); status != "TRADE_SUCCESS" {
		t.Errorf("the slow one became %q", status)
	}
	s.want(s.pay(randomNo(), unused, "1.00"), "10000", "")
}

// A payment and its cancelling race: whichever wins, nothing is half done.
func TestPayAgainstCancel(t *testing.T) {
	s := open(t)
	customer := s.phone("approve", 1_000_000)
	for range 10 {
		no, code := randomNo(), s.code(customer)
		pay := s.request("alipay.trade.pay", payment(no, code, "1.00"))
		undo := s.request("alipay.trade.cancel", fmt.Sprintf(`{"out_trade_no":%q}`, no))
		var work sync.WaitGroup
		work.Go(func() { s.send(pay) })
		work.Go(func() { s.send(undo) })
		work.Wait()
		if r := s.row(no); !r.Reversed || r.State != "reversed" {
			t.Errorf("ledger says %+v", r)
		}
	}
	var out struct{ Balance int64 }
	if s.control("GET", "customers/"+customer, "", &out); out.Balance != 1_000_000 {
		t.Errorf("the balance is %d", out.Balance)
	}
}
