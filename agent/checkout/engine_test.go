package checkout_test

import (
	"testing"
	"time"

	"tillwire/agent"
)

// TestScanRoads follows one scanned payment down every road. Each row plans what
// goes wrong, and says where the payment ends and how often money was asked for.
func TestScanRoads(t *testing.T) {
	second := time.Second
	for _, tc := range []struct {
		name   string
		plan   map[agent.Operation][]fault
		during func(*shop, agent.Payment)
		end    agent.State
		reason agent.Reason
		within time.Duration
		pays   int
	}{
		{name: "approved", end: agent.Paid, within: second, pays: 1},
		{name: "refused, and still refused later", plan: map[agent.Operation][]fault{agent.OpPay: {notEnough}},
			end: agent.Declined, reason: agent.ReasonNotEnough, within: 20 * second, pays: 1},
		{name: "refused, but taken: goes back once", plan: map[agent.Operation][]fault{agent.OpPay: {liesRefuse}},
			end: agent.Refunded, within: 30 * second, pays: 1},
		{name: "the answer is lost", plan: map[agent.Operation][]fault{agent.OpPay: {lostBack}},
			end: agent.Paid, within: 10 * second, pays: 1},
		{name: "the answer is lost, and two queries", plan: map[agent.Operation][]fault{agent.OpPay: {lostBack}, agent.OpQuery: {lostBack, lostOut}},
			end: agent.Paid, within: 20 * second, pays: 1},
		{name: "the request is lost: sent again under its number", plan: map[agent.Operation][]fault{agent.OpPay: {lostOut}},
			end: agent.Paid, within: 10 * second, pays: 2},
		{name: "the request is lost twice: undone", plan: map[agent.Operation][]fault{agent.OpPay: {lostOut, lostOut}},
			end: agent.Reversed, reason: agent.ReasonTimeout, within: 60 * second, pays: 2},
		{name: "the shop's set-up is wrong: said at once", plan: map[agent.Operation][]fault{agent.OpPay: {noKeys}},
			end: agent.NotSent, reason: agent.ReasonSetup, within: second, pays: 1},
		{name: "the line is away for ten seconds", plan: map[agent.Operation][]fault{agent.OpPay: {noLine, noLine, noLine, noLine, noLine, noLine, noLine, noLine, noLine, noLine}},
			end: agent.Paid, within: 15 * second, pays: 11},
		{name: "the customer confirms", plan: map[agent.Operation][]fault{agent.OpPay: {mustAgree}},
			during: func(s *shop, p agent.Payment) {
				s.want(p.ID, agent.AwaitPayer)
				s.pass(12 * time.Second)
				s.cloud.confirm(p.OrderNo, 1280)
			}, end: agent.Paid, within: 20 * second, pays: 1},
		{name: "the customer never confirms", plan: map[agent.Operation][]fault{agent.OpPay: {mustAgree}},
			end: agent.Reversed, reason: agent.ReasonTimeout, within: 60 * second, pays: 1},
		{name: "the reversal is lost three times", plan: map[agent.Operation][]fault{agent.OpPay: {mustAgree}, agent.OpReverse: {lostOut, lostBack, noLine}},
			end: agent.Reversed, within: 80 * second, pays: 1},
		{name: "the query after the reversal is lost", plan: map[agent.Operation][]fault{agent.OpPay: {lostOut, lostOut}, agent.OpReverse: {fine}},
			end: agent.Reversed, within: 80 * second, pays: 2},
		{name: "cancelled while the answer is on its way: the money goes back", plan: map[agent.Operation][]fault{agent.OpPay: {slowBack}},
			during: func(s *shop, p agent.Payment) {
				s.pass(2 * time.Second)
				if _, _, err := s.engine.Cancel(s.t.Context(), p.ID, "anna"); err != nil {
					s.t.Fatal(err)
				}
				s.want(p.ID, agent.Reversing)
				s.open(agent.ModeScan) // another tender is allowed at once
			}, end: agent.Reversed, reason: agent.ReasonCancelled, within: 30 * second, pays: 1},
		{name: "cancelled, but the wallet will not reverse: refunded once", plan: map[agent.Operation][]fault{agent.OpPay: {lostBack}, agent.OpReverse: {tooLate}},
			during: func(s *shop, p agent.Payment) {
				if _, _, err := s.engine.Cancel(s.t.Context(), p.ID, "anna"); err != nil {
					s.t.Fatal(err)
				}
			}, end: agent.Refunded, within: 60 * second, pays: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inShop(t, func(s *shop) {
				for op, faults := range tc.plan {
					s.cloud.plan(op, faults...)
				}
				p := s.open(agent.ModeScan)
				if r := s.scan(goodCode); !r.Accepted {
					t.Fatalf("the scan was not accepted: %s", r.Say)
				}
				if tc.during != nil {
					tc.during(s, p)
				}
				p = s.settle(p.ID, tc.within)
				if p.Status.State != tc.end || tc.reason != "" && p.Status.Reason != tc.reason {
					t.Fatalf("ends %s (%s), want %s (%s); facts %v", p.Status.State, p.Status.Reason, tc.end, tc.reason, kinds(p))
				}
				if n := s.cloud.count(agent.OpPay); n != tc.pays {
					t.Errorf("pay was sent %d times, want %d", n, tc.pays)
				}
			})
		})
	}
}

func TestLineDownLongerThanACodeLives(t *testing.T) {
	inShop(t, func(s *shop) {
		s.cloud.forever(noLine, agent.OpPay)
		p := s.open(agent.ModeScan)
		s.scan(goodCode)
		s.pass(30 * time.Second)
		s.want(p.ID, agent.Sending)
		p = s.settle(p.ID, 20*time.Second)
		if p.Status.State != agent.NotSent || p.Status.Reason != agent.ReasonLineDown {
			t.Fatalf("ends %s (%s)", p.Status.State, p.Status.Reason)
		}
	})
}

func TestLineKnownToBeDownRefusesAtOnce(t *testing.T) {
	inShop(t, func(s *shop) {
		s.line.Wallets = map[string]agent.WalletLine{"wechat": {State: agent.LineDown, Down: 46 * time.Second}}
		p := s.open(agent.ModeScan)
		if r := s.scan(goodCode); r.Accepted {
			t.Fatal("a code was taken that nobody can charge")
		}
		if p := s.want(p.ID, agent.NotSent); s.cloud.count(agent.OpPay) != 0 || p.Status.Reason != agent.ReasonLineDown {
			t.Fatalf("asked of the cloud: %v", s.cloud.asked())
		}
	})
}

// TestAWalletThatIsAwayIsNotTheLine: the cashier reads which of the two it is, because
// only one of them leaves other wallets to pay with.
func TestAWalletThatIsAwayIsNotTheLine(t *testing.T) {
	for state, want := range map[agent.LineState]string{agent.LineDown: "say.not_charged.line_down", agent.LineDegraded: "say.not_charged.wallet_down"} {
		inShop(t, func(s *shop) {
			s.line = agent.Line{State: state, Down: time.Minute, Wallets: map[string]agent.WalletLine{"wechat": {State: agent.LineDown, Down: time.Minute}}}
			p := s.open(agent.ModeScan)
			if r := s.scan(goodCode); r.Accepted || r.Say.ID != want {
				t.Errorf("the line is %s: the counter says %q", state, r.Say.English)
			}
			s.want(p.ID, agent.NotSent)
		})
	}
}

// TestPowerCutAnywhere cuts the power at moments along each road; afterwards the
// journal and the ledger must agree.
func TestPowerCutAnywhere(t *testing.T) {
	roads := map[string]map[agent.Operation][]fault{
		"approved":       {},
		"answer lost":    {agent.OpPay: {lostBack}},
		"request lost":   {agent.OpPay: {lostOut}},
		"answer slow":    {agent.OpPay: {slowBack}},
		"must confirm":   {agent.OpPay: {mustAgree}},
		"taken anyway":   {agent.OpPay: {liesRefuse}, agent.OpRefund: {lostBack}},
		"reversal fails": {agent.OpPay: {mustAgree}, agent.OpReverse: {lostBack, lostOut, noLine}},
	}
	for name, plan := range roads {
		for _, at := range []time.Duration{0, time.Second, 4 * time.Second, 9 * time.Second, 16 * time.Second, 46 * time.Second, 48 * time.Second} {
			t.Run(name+" at "+at.String(), func(t *testing.T) {
				inShop(t, func(s *shop) {
					for op, faults := range plan {
						s.cloud.plan(op, faults...)
					}
					p := s.open(agent.ModeScan)
					s.scan(goodCode)
					s.pass(at)
					before := s.now(p.ID)
					s.restart()
					p = s.settle(p.ID, 3*time.Minute)
					if before.Status.State == agent.Paid && p.Status.State != agent.Paid {
						t.Errorf("it was shown as paid and became %s", p.Status.State)
					}
				})
			})
		}
	}
}

func TestCreatedPaymentsEndByThemselves(t *testing.T) {
	inShop(t, func(s *shop) {
		p := s.open(agent.ModeScan)
		s.pass(89 * time.Second)
		s.want(p.ID, agent.Created)
		s.pass(2 * time.Second)
		if p = s.want(p.ID, agent.NotSent); p.Status.Reason != agent.ReasonNoScan {
			t.Errorf("reason %s", p.Status.Reason)
		}
		q := s.open(agent.ModeScan)
		s.restart()
		s.pass(time.Second)
		if q = s.want(q.ID, agent.NotSent); q.Status.Reason != agent.ReasonRestart {
			t.Errorf("reason %s", q.Status.Reason)
		}
		s.open(agent.ModeScan)
	})
}

func TestOfficeTakesOverAfterADay(t *testing.T) {
	inShop(t, func(s *shop) {
		s.cloud.forever(lostOut, agent.OpPay, agent.OpQuery, agent.OpReverse)
		p := s.open(agent.ModeScan)
		s.scan(goodCode)
		s.pass(24*time.Hour + 30*time.Minute)
		s.want(p.ID, agent.Review)
		s.cloud.lift()
		p = s.settle(p.ID, 70*time.Minute) // one look of the hour; what it changes is looked at at once
		if p.Status.State != agent.Reversed {
			t.Fatalf("ends %s", p.Status.State)
		}
	})
}

func TestStoppingLetsAnAnswerArrive(t *testing.T) {
	for _, tc := range []struct {
		grace time.Duration
		want  agent.State
	}{{10 * time.Second, agent.Paid}, {time.Second, agent.Unknown}} {
		t.Run(tc.grace.String(), func(t *testing.T) {
			inShop(t, func(s *shop) {
				s.cloud.plan(agent.OpPay, slowBack)
				p := s.open(agent.ModeScan)
				s.scan(goodCode)
				s.engine.Close(tc.grace)
				s.want(p.ID, tc.want)
			})
		})
	}
}
