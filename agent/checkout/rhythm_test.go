package checkout_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"tillwire/agent"
)

// TestAlipaysRhythm: a question every three seconds, and the cancellation with
// nothing between it and the last one, because the customer may confirm in a gap
// (Alipay, code payment).
func TestAlipaysRhythm(t *testing.T) {
	alipay := func(string) agent.Timers { return agent.DefaultTimers("alipay") }
	for _, first := range []fault{mustAgree, lostBack} {
		inShopOf(t, alipay, func(s *shop) {
			s.cloud.plan(agent.OpPay, first)
			if first == lostBack {
				// The order stands and nobody can say what became of it.
				s.cloud.forever(lostOut, agent.OpQuery)
			}
			p := s.open(agent.ModeScan)
			begun := s.clock.Mono()
			var asked []string
			s.cloud.heard = func(op agent.Operation) {
				asked = append(asked, fmt.Sprint(op, " ", (s.clock.Mono()-begun).Round(time.Millisecond)))
				if op == agent.OpReverse {
					s.cloud.always = map[agent.Operation]fault{}
				}
			}
			s.scan(goodCode)
			s.settle(p.ID, 70*time.Second)
			want := []string{"pay 0s"}
			for at := 3 * time.Second; at < 55*time.Second; at += 3 * time.Second {
				want = append(want, fmt.Sprint("query ", at))
			}
			want = append(want, "query 55s", "reverse 55s", "query 55s")
			if !slices.Equal(asked, want) {
				t.Errorf("%s:\n%v\nwant\n%v", first, asked, want)
			}
		})
	}
}

// unscanned is a wallet whose order begins with the scan (Alipay): before it there
// is nothing to close, and a query finds nothing.
type unscanned struct {
	*cloud
	shown time.Time
	life  time.Duration
}

func (u *unscanned) Present(ctx context.Context, p agent.Payment) agent.Answer {
	u.shown = time.Now()
	return u.cloud.Present(ctx, p)
}

func (u *unscanned) Query(ctx context.Context, p agent.Payment) agent.Answer {
	a := u.cloud.Query(ctx, p)
	if a.Verdict == agent.Unpaid && time.Since(u.shown) >= u.life {
		a.Verdict = agent.Absent
	}
	return a
}

func (u *unscanned) Close(ctx context.Context, p agent.Payment) agent.Answer {
	return u.exchange(ctx, agent.OpClose, p, func(*order, fault) agent.Answer { return agent.Answer{Verdict: agent.Absent} })
}

// TestAShownCodeThatNobodyScannedEnds: neither too early, while somebody may still
// scan it, nor never.
func TestAShownCodeThatNobodyScannedEnds(t *testing.T) {
	alipay := func(string) agent.Timers { return agent.DefaultTimers("alipay") }
	for _, row := range []struct {
		name           string
		cancel         time.Duration // the cashier takes the code away; 0: it runs out
		paid           time.Duration // a customer scanned it before that and pays then; 0: nobody
		end            agent.State
		earliest, last time.Duration
	}{
		{"it runs out", 0, 0, agent.Closed, 210 * time.Second, 300 * time.Second},
		{"taken away at once", 5 * time.Second, 0, agent.Closed, 120 * time.Second, 220 * time.Second},
		{"taken away, and paid all the same", 5 * time.Second, 40 * time.Second, agent.Refunded, 40 * time.Second, 220 * time.Second},
	} {
		inShopOf(t, alipay, func(s *shop) {
			s.stop()
			s.wallet = &unscanned{cloud: s.cloud, life: 2 * time.Minute}
			s.start()
			p := s.open(agent.ModeShow)
			s.pass(time.Second)
			s.want(p.ID, agent.QRShown)
			begun := s.clock.Mono()
			if row.cancel > 0 {
				s.pass(row.cancel)
				if _, _, err := s.engine.Cancel(s.t.Context(), p.ID, "anna"); err != nil {
					t.Fatal(err)
				}
			}
			if row.paid > 0 {
				s.pass(row.paid - row.cancel)
				s.cloud.payQR(p.OrderNo, 1280)
			}
			p = s.settle(p.ID, row.last)
			if after := s.clock.Mono() - begun; p.Status.State != row.end || after < row.earliest || after > row.last {
				t.Errorf("%s: %s after %s; facts %v", row.name, p.Status.State, after, kinds(p))
			}
		})
	}
}

// TestTheOfficeDoesNotWaitForWhatTheWalletNeverSaw: the hour between two looks is for
// a wallet that has nothing new to say, not for one that must say the same three times.
func TestTheOfficeDoesNotWaitForWhatTheWalletNeverSaw(t *testing.T) {
	inShop(t, func(s *shop) {
		s.stop()
		s.wallet = &unscanned{cloud: s.cloud}
		s.start()
		s.cloud.forever(lostOut, agent.OpPresent, agent.OpClose, agent.OpQuery)
		p := s.open(agent.ModeShow)
		s.pass(25 * time.Hour)
		s.want(p.ID, agent.Review)
		s.cloud.lift()
		if p = s.settle(p.ID, 70*time.Minute); p.Status.State != agent.Closed {
			t.Errorf("ends %s; facts %v", p.Status.State, kinds(p))
		}
	})
}
