package checkout_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
)

// TestEveryScanHasAnAnswer: what the cashier hears for each thing a scanner can
// bring, and that none of it moves money.
func TestEveryScanHasAnAnswer(t *testing.T) {
	for _, tc := range []struct {
		name     string
		before   func(*shop)
		code     string
		accepted bool
		say      string
	}{
		{"no payment is open", func(*shop) {}, goodCode, false, "scan.no_payment"},
		{"goods", func(s *shop) { s.open(agent.ModeScan) }, "6901234567892", false, "code.goods.ean13"},
		{"goods without a payment", func(*shop) {}, "6901234567892", false, "code.goods.ean13"},
		{"a wallet the shop does not take", func(s *shop) { s.open(agent.ModeScan) }, "281234567890123456", false, "code.consumer.alipay"},
		{"nonsense", func(s *shop) { s.open(agent.ModeScan) }, "hello", false, "code.unknown."},
		{"the payment shows a code", func(s *shop) { s.open(agent.ModeShow) }, goodCode, false, "scan.busy"},
		{"31 the same code twice", func(s *shop) { s.cloud.plan(agent.OpPay, slowBack); s.open(agent.ModeScan); s.scan(goodCode) }, goodCode, true, "scan.same"},
		{"another code meanwhile", func(s *shop) { s.cloud.plan(agent.OpPay, slowBack); s.open(agent.ModeScan); s.scan(goodCode) }, "134567890123456780", false, "scan.busy"},
		{"a code that paid before", func(s *shop) { s.open(agent.ModeScan); s.scan(goodCode); s.open(agent.ModeScan) }, goodCode, false, "scan.used"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inShop(t, func(s *shop) {
				tc.before(s)
				pays := s.cloud.count(agent.OpPay)
				r := s.scan(tc.code)
				if r.Accepted != tc.accepted || r.Say.ID != tc.say || r.Say.English == "" {
					t.Errorf("accepted %t, says %+v; want %t, %s", r.Accepted, r.Say, tc.accepted, tc.say)
				}
				if n := s.cloud.count(agent.OpPay); n != pays {
					t.Errorf("the scan sent %d pay requests", n-pays)
				}
			})
		})
	}
}

// wordless is a journal that refuses the start of a payment without a sentence for anybody,
// as a store does whose database refuses the row.
type wordless struct{ agent.Journal }

func (j wordless) Record(ctx context.Context, id agent.PaymentID, version int64, facts ...agent.Fact) (agent.Payment, error) {
	if facts[0].Kind == agent.FactPayStarted {
		return agent.Payment{}, &agent.Error{Op: "write", Class: agent.Internal}
	}
	return j.Journal.Record(ctx, id, version, facts...)
}

// TestAScanThatCannotBeRecordedIsAnswered, also where the store has no words for it.
func TestAScanThatCannotBeRecordedIsAnswered(t *testing.T) {
	inShop(t, func(s *shop) {
		s.stop()
		s.wrap = func(j agent.Journal) agent.Journal { return wordless{j} }
		s.start()
		s.open(agent.ModeScan)
		if r := s.scan(goodCode); r.Accepted || r.Say.ID != "scan.store" || r.Say.English == "" {
			t.Errorf("the scan was accepted: %t; it says %+v", r.Accepted, r.Say)
		}
		if n := s.cloud.count(agent.OpPay); n != 0 {
			t.Errorf("the scan sent %d pay requests", n)
		}
	})
}

// TestNoiseFromAScannerMovesNothing is assertion 28 of the threat model: whatever bytes a
// scanner is made to bring, the payment still waits and the next code pays it.
func TestNoiseFromAScannerMovesNothing(t *testing.T) {
	inShop(t, func(s *shop) {
		p := s.open(agent.ModeScan)
		for _, noise := range []string{"", "\x00", "\x1b[2J" + goodCode, goodCode + "\r\n" + goodCode, goodCode[:9] + "\x00" + goodCode[9:], "\xc0\xaf\xc1\x81", strings.Repeat("1", 4096), strings.Repeat("\x1b", 4096)} {
			if r := s.scan(noise); r.Accepted || r.Receipt {
				t.Errorf("%.40q was accepted: %+v", noise, r)
			}
		}
		if n := s.cloud.count(agent.OpPay); n != 0 {
			t.Errorf("noise sent %d pay requests", n)
		}
		s.scan(goodCode)
		s.want(p.ID, agent.Paid)
	})
}

// TestTheSameCodeTwiceIsChargedOnce is assertion 31 of the threat model: a code that is read
// again within two seconds, while its payment is under way or just when it has ended, leads
// to one authorisation.
func TestTheSameCodeTwiceIsChargedOnce(t *testing.T) {
	for name, way := range map[string]fault{"under way": slowBack, "ended": fine} {
		t.Run(name, func(t *testing.T) {
			inShop(t, func(s *shop) {
				s.cloud.plan(agent.OpPay, way)
				p := s.open(agent.ModeScan)
				s.scan(goodCode)
				s.pass(1900 * time.Millisecond)
				s.scan(goodCode)
				s.pass(30 * time.Second)
				s.want(p.ID, agent.Paid)
				captured, _ := s.cloud.books(p.OrderNo)
				if n := s.cloud.count(agent.OpPay); n != 1 || captured != 1280 {
					t.Errorf("%d requests took %d", n, captured)
				}
			})
		})
	}
}

// TestACodeOfSomebodyElseIsShownToNobody is assertion 32 of the threat model, with the tables
// of the wallets: what they refuse to hand on never reaches the display, and everybody is told
// why there is no code.
func TestACodeOfSomebodyElseIsShownToNobody(t *testing.T) {
	inShop(t, func(s *shop) {
		s.cloud.plan(agent.OpPresent, notOurs)
		p := s.open(agent.ModeShow)
		for range 50 {
			if qr := s.display.shows().QR; qr != "" {
				t.Fatalf("the display shows %q", qr)
			}
			s.pass(100 * time.Millisecond)
		}
		p = s.settle(p.ID, time.Minute)
		if p.Status.State != agent.Closed || p.Status.QR != "" || p.Status.Reason != agent.ReasonShownElse {
			t.Errorf("the payment is %s with %q, because of %q", p.Status.State, p.Status.QR, p.Status.Reason)
		}
		if say := p.Say().English; !strings.Contains(say, "a code that is not its own") {
			t.Errorf("the cashier reads %q", say)
		}
		if n := s.cloud.count(agent.OpPresent); n != 1 {
			t.Errorf("it was asked for a code %d times", n)
		}
	})
}

// TestAStickerOfSomebodyElseIsNamed is assertion 35 of the threat model: a code that is
// none of the shop's own is a warning, the one on its own display is not.
func TestAStickerOfSomebodyElseIsNamed(t *testing.T) {
	inShop(t, func(s *shop) {
		const foreign = "weixin://wxpay/bizpayurl?pr=thief"
		if r := s.scan(foreign); r.Accepted || r.Say.ID != "scan.sticker" || r.Tone != agent.ToneBad {
			t.Errorf("a stranger's code: %+v", r)
		}
		p := s.open(agent.ModeShow)
		s.pass(time.Second)
		s.want(p.ID, agent.QRShown)
		if r := s.scan("weixin://wxpay/bizpayurl?pr=" + p.OrderNo); r.Accepted || r.Say.ID != "code.merchant.wechat" || r.Tone != agent.ToneDoubt {
			t.Errorf("the code on the display: %+v", r)
		}
		if r := s.scan(foreign); r.Say.ID != "scan.sticker" {
			t.Errorf("a stranger's code beside ours: %+v", r)
		}
		s.want(p.ID, agent.QRShown)
	})
}

// TestAScannedReceiptFindsItsPayment: a slip's code opens what it is of, on any lane and
// with any clock, and moves nothing.
func TestAScannedReceiptFindsItsPayment(t *testing.T) {
	inShop(t, func(s *shop) {
		p := s.open(agent.ModeScan)
		if r := s.scan(p.OrderNo); r.Receipt || r.Say.ID != "scan.receipt_busy" {
			t.Errorf("while its payment is under way: %+v", r)
		}
		s.scan(goodCode)
		s.want(p.ID, agent.Paid)
		sent := s.cloud.count(agent.OpPay)
		for _, text := range []string{p.OrderNo, " " + p.OrderNo + "\r\n"} {
			r := s.scan(text)
			if !r.Receipt || r.Accepted || r.Payment == nil || r.Payment.ID != p.ID || r.Say.ID != "scan.receipt" {
				t.Errorf("%q: %+v", text, r)
			}
		}
		for _, text := range []string{p.OrderNo[1:], p.OrderNo + "0", "OTHER1" + p.OrderNo[6:], p.OrderNo[:31] + "~", string(p.ID)} {
			if r := s.scan(text); r.Receipt || r.Accepted {
				t.Errorf("%q is taken for a receipt: %+v", text, r)
			}
		}
		if n := s.cloud.count(agent.OpPay); n != sent {
			t.Errorf("receipts sent %d pay requests", n-sent)
		}
	})
}

// TestAUsedCodeDoesNotProlongTheWait is case C7-3 of the laboratory: a code that was
// refused had made the wait for another one begin anew.
func TestAUsedCodeDoesNotProlongTheWait(t *testing.T) {
	inShop(t, func(s *shop) {
		s.open(agent.ModeScan)
		s.scan(goodCode)
		p := s.open(agent.ModeScan)
		s.pass(80 * time.Second)
		if r := s.scan(goodCode); r.Say.ID != "scan.used" {
			t.Fatalf("the used code was answered %+v", r)
		}
		s.pass(11 * time.Second)
		s.want(p.ID, agent.NotSent)
	})
}

func TestScannersFireTogether(t *testing.T) {
	inShop(t, func(s *shop) {
		p := s.open(agent.ModeScan)
		var wg sync.WaitGroup
		for i := range 20 {
			code := goodCode[:16] + string(rune('0'+i/10)) + string(rune('0'+i%10))
			wg.Go(func() { s.engine.Scan(t.Context(), lane, agent.NewPayCode(code)) })
		}
		wg.Wait()
		synctest.Wait()
		s.settle(p.ID, time.Minute)
		if n := s.cloud.count(agent.OpPay); n != 1 {
			t.Errorf("%d codes were charged", n)
		}
	})
}

func TestRequestsAreServedOnce(t *testing.T) {
	inShop(t, func(s *shop) {
		r := agent.Request{Client: "till:1", RequestID: "same", Lane: lane, Amount: agent.Money{Value: 1280, Currency: "CNY"}, Mode: agent.ModeScan}
		first, repeated, err := s.engine.Open(t.Context(), r)
		if err != nil || repeated {
			t.Fatalf("%v, repeated %t", err, repeated)
		}
		again, repeated, err := s.engine.Open(t.Context(), r)
		if err != nil || !repeated || again.ID != first.ID {
			t.Errorf("a repeat gave %s, %t, %v", again.ID, repeated, err)
		}
		other := r
		other.Lane = "nowhere"
		if _, _, err = s.engine.Open(t.Context(), other); agent.CodeOf(err) != agent.CodeRequestReused {
			t.Errorf("reuse with another body, on a lane that does not exist: %v", err)
		}
		next := r
		next.RequestID = "next"
		if _, _, err = s.engine.Open(t.Context(), next); agent.CodeOf(err) != agent.CodeLaneBusy {
			t.Errorf("a second payment on the lane: %v", err)
		}
		next.Lane = "nowhere"
		if _, _, err = s.engine.Open(t.Context(), next); agent.CodeOf(err) != agent.CodeLaneUnknown {
			t.Errorf("a lane that does not exist: %v", err)
		}
	})
}

func TestCancelAlwaysAnswers(t *testing.T) {
	inShop(t, func(s *shop) {
		p := s.open(agent.ModeScan)
		p, again, err := s.engine.Cancel(t.Context(), p.ID, "anna")
		if err != nil || again || p.Status.State != agent.NotSent || p.Status.Reason != agent.ReasonCancelled {
			t.Fatalf("cancelling an empty payment: %s, %t, %v", p.Status.State, again, err)
		}
		if _, _, err = s.engine.Cancel(t.Context(), p.ID, "anna"); agent.CodeOf(err) != agent.CodeFinal {
			t.Errorf("cancelling what has ended: %v", err)
		}
		s.cloud.plan(agent.OpPay, mustAgree)
		q := s.open(agent.ModeScan)
		s.scan("134567890123456000")
		for i, want := range []bool{false, true, true} {
			q, again, err = s.engine.Cancel(t.Context(), q.ID, "anna")
			if err != nil || again != want || q.Status.State != agent.Reversing {
				t.Errorf("cancel %d: %s, %t, %v", i+1, q.Status.State, again, err)
			}
		}
		if s.cloud.count(agent.OpReverse) != 0 {
			t.Error("a reversal went out before the wallet's minimum age")
		}
		s.settle(q.ID, 20*time.Second)
	})
}
