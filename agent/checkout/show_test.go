package checkout_test

import (
	"testing"
	"time"

	"tillwire/agent"
)

func TestShownCodes(t *testing.T) {
	for _, tc := range []struct {
		name   string
		plan   map[agent.Operation][]fault
		during func(*shop, agent.Payment)
		end    agent.State
		within time.Duration
	}{
		{name: "paid", during: func(s *shop, p agent.Payment) {
			s.pass(10 * time.Second)
			if s.display.shows().QR == "" {
				s.t.Error("the display shows no code")
			}
			s.cloud.payQR(p.OrderNo, 1280)
		}, end: agent.Paid, within: 5 * time.Second},
		{name: "the code comes at the second try", plan: map[agent.Operation][]fault{agent.OpPresent: {lostBack}},
			during: func(s *shop, p agent.Payment) {
				s.pass(3 * time.Second)
				s.want(p.ID, agent.QRShown)
				s.cloud.payQR(p.OrderNo, 1280)
			}, end: agent.Paid, within: 5 * time.Second},
		{name: "nobody pays", end: agent.Closed, within: 125 * time.Second},
		{name: "cancelled", during: func(s *shop, p agent.Payment) {
			s.engine.Cancel(s.t.Context(), p.ID, "anna")
			if s.display.shows().QR != "" {
				s.t.Error("the display still shows the code")
			}
		}, end: agent.Closed, within: 5 * time.Second},
		{name: "paid in the moment it is cancelled: goes back once", plan: map[agent.Operation][]fault{agent.OpClose: {noLine}},
			during: func(s *shop, p agent.Payment) {
				s.engine.Cancel(s.t.Context(), p.ID, "anna")
				s.cloud.payQR(p.OrderNo, 1280)
			}, end: agent.Refunded, within: 20 * time.Second},
		{name: "paid in the moment it runs out: paid", plan: map[agent.Operation][]fault{agent.OpClose: {lostOut}},
			during: func(s *shop, p agent.Payment) {
				s.pass(119500 * time.Millisecond)
				s.cloud.payQR(p.OrderNo, 1280)
			}, end: agent.Paid, within: 10 * time.Second},
		{name: "run out, lane taken back, then found paid: goes back once", plan: map[agent.Operation][]fault{},
			during: func(s *shop, p agent.Payment) {
				s.pass(100 * time.Second)
				s.cloud.forever(noLine, agent.OpClose, agent.OpQuery)
				s.pass(25 * time.Second)
				if q := s.want(p.ID, agent.Closing); !q.Status.Held() {
					s.t.Error("an expired code gave its lane away by itself")
				}
				s.engine.Cancel(s.t.Context(), p.ID, "anna")
				s.open(agent.ModeScan)
				s.cloud.payQR(p.OrderNo, 1280)
				s.cloud.lift()
			}, end: agent.Refunded, within: time.Minute},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inShop(t, func(s *shop) {
				for op, faults := range tc.plan {
					s.cloud.plan(op, faults...)
				}
				p := s.open(agent.ModeShow)
				s.pass(time.Millisecond)
				if tc.during != nil {
					tc.during(s, p)
				}
				if p = s.settle(p.ID, tc.within); p.Status.State != tc.end {
					t.Fatalf("ends %s, want %s; facts %v", p.Status.State, tc.end, kinds(p))
				}
				if n := s.cloud.count(agent.OpRefund); n > 1 {
					t.Errorf("%d refunds were sent", n)
				}
			})
		})
	}
}

func TestNoLineForACode(t *testing.T) {
	inShop(t, func(s *shop) {
		s.cloud.forever(noLine, agent.OpPresent)
		p := s.open(agent.ModeShow)
		if p = s.settle(p.ID, time.Minute); p.Status.State != agent.NotSent {
			t.Fatalf("ends %s", p.Status.State)
		}
	})
}

func TestRestartWhileACodeIsShown(t *testing.T) {
	inShop(t, func(s *shop) {
		p := s.open(agent.ModeShow)
		s.pass(time.Second)
		s.want(p.ID, agent.QRShown)
		s.restart()
		s.pass(time.Second)
		if s.display.shows().QR == "" {
			t.Error("the code did not come back after the restart")
		}
		s.cloud.payQR(p.OrderNo, 1280)
		if p = s.settle(p.ID, 10*time.Second); p.Status.State != agent.Paid {
			t.Fatalf("ends %s", p.Status.State)
		}
	})
}

func TestRestartWhileACodeIsFetched(t *testing.T) {
	inShop(t, func(s *shop) {
		s.cloud.plan(agent.OpPresent, slowBack)
		p := s.open(agent.ModeShow)
		s.pass(time.Second)
		s.restart()
		if p = s.settle(p.ID, 10*time.Second); p.Status.State != agent.Closed {
			t.Fatalf("ends %s", p.Status.State)
		}
	})
}

func TestRefunds(t *testing.T) {
	for _, tc := range []struct {
		name   string
		plan   map[agent.Operation][]fault
		end    agent.RefundState
		within time.Duration
	}{
		{"at once", nil, agent.RefundDone, time.Second},
		{"the wallet takes its time", map[agent.Operation][]fault{agent.OpRefund: {slowRefund}}, agent.RefundDone, 2 * time.Minute},
		{"the answer is lost", map[agent.Operation][]fault{agent.OpRefund: {lostBack}}, agent.RefundDone, 20 * time.Second},
		{"the request is lost, and a query", map[agent.Operation][]fault{agent.OpRefund: {lostOut}, agent.OpRefundQuery: {lostBack}}, agent.RefundDone, 30 * time.Second},
		{"no line for a while", map[agent.Operation][]fault{agent.OpRefund: {noLine, noLine, noLine}}, agent.RefundDone, time.Minute},
		{"the shop's account is empty", map[agent.Operation][]fault{agent.OpRefund: {poorShop, poorShop}}, agent.RefundDone, 3 * time.Hour},
		{"the terminal's clock is wrong for a while", map[agent.Operation][]fault{agent.OpRefund: {wrongClock, wrongClock, wrongClock}}, agent.RefundDone, 2 * time.Minute},
		{"refused", map[agent.Operation][]fault{agent.OpRefund: {notEnough}}, agent.RefundFailed, time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inShop(t, func(s *shop) {
				p := s.open(agent.ModeScan)
				s.scan(goodCode)
				s.want(p.ID, agent.Paid)
				for op, faults := range tc.plan {
					s.cloud.plan(op, faults...)
				}
				ask := agent.RefundRequest{Payment: p.ID, RequestID: "back", Amount: agent.Money{Value: 500, Currency: "CNY"}, By: "maria"}
				_, r, repeated, err := s.engine.Refund(t.Context(), ask)
				if err != nil || repeated || r.No != p.OrderNo+"P1" {
					t.Fatalf("%+v, %t, %v", r, repeated, err)
				}
				if _, again, repeated, err := s.engine.Refund(t.Context(), ask); err != nil || !repeated || again.No != r.No {
					t.Fatalf("a repeat made %+v, %t, %v", again, repeated, err)
				}
				p = s.settle(p.ID, tc.within)
				if p.Status.Refunds[0].State != tc.end || p.Status.State != agent.Paid {
					t.Fatalf("refund %+v of a payment that is %s", p.Status.Refunds[0], p.Status.State)
				}
			})
		})
	}
}

func TestRefundsThatMayNotBe(t *testing.T) {
	inShop(t, func(s *shop) {
		p := s.open(agent.ModeScan)
		ask := func(id string, value int64, c agent.Currency) string {
			_, _, _, err := s.engine.Refund(t.Context(), agent.RefundRequest{Payment: p.ID, RequestID: id, Amount: agent.Money{Value: value, Currency: c}})
			if err == nil {
				return ""
			}
			return agent.CodeOf(err)
		}
		if code := ask("early", 100, "CNY"); code != agent.CodeRefund {
			t.Errorf("before it is paid: %q", code)
		}
		s.scan(goodCode)
		for _, tc := range []struct {
			id    string
			value int64
			c     agent.Currency
			want  string
		}{
			{"a", 1281, "CNY", agent.CodeAmount}, {"b", 0, "CNY", agent.CodeAmount}, {"c", 100, "USD", agent.CodeCurrency},
			{"", 100, "CNY", agent.CodeUnreadable}, {"d", 1000, "CNY", ""}, {"d", 999, "CNY", agent.CodeRequestReused}, {"e", 281, "CNY", agent.CodeAmount}, {"f", 280, "CNY", ""},
		} {
			if code := ask(tc.id, tc.value, tc.c); code != tc.want {
				t.Errorf("refund %q of %d %s: %q, want %q", tc.id, tc.value, tc.c, code, tc.want)
			}
		}
		if p = s.settle(p.ID, time.Minute); p.Status.State != agent.Refunded {
			t.Errorf("after both refunds the payment is %s", p.Status.State)
		}
	})
}
