package lab

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// outagePolicy lets three sales wait.
func outagePolicy() *agent.OfflinePolicy {
	return &agent.OfflinePolicy{On: true, Ways: agent.Ways(), Least: agent.RoleCashier, Window: time.Hour, TrustAge: 72 * time.Hour, Count: 3, LaneCount: 3, DeviceDay: 3,
		Caps: map[agent.Currency]agent.OfflineCap{"CNY": {Ceiling: 2 * price, Exact: 2 * price, Stored: 5 * price, Lane: 5 * price}}}
}

// down cuts the line and waits until the register says so; up mends it and waits until
// everything was done.
func (s *stage) down() {
	<-time.After(time.Second) // the gateways have said what they can do
	s.cut.Store(true)
	s.must(s.opt.Network.Sever())
	<-time.After(2 * time.Minute)
	if !s.Down(Corner) || !s.Down(Card) {
		s.Fatal("the register does not say that the line is down")
	}
}

func (s *stage) up() {
	s.cut.Store(false)
	<-time.After(3 * time.Minute)
}

// accept sells without a line: show answers the code that the customer holds to the
// scanner, and gets what the lane shows.
func (s *stage) accept(wallet string, show func(qr string) string) agent.Payment {
	s.Helper()
	p := s.open("1", "", agent.ModeAny)
	p, err := s.Till().GoOffline(s.Context(), p.ID, wallet, AtTheLane, agent.RoleCashier)
	s.must(err)
	r := s.Till().Scan(s.Context(), "1", agent.NewPayCode(show(p.Status.QR)))
	if synctest.Wait(); !r.Accepted || s.now(p).Status.State != agent.OfflineAccepted {
		s.Fatalf("not accepted: %s", r.Say.English)
	}
	return s.now(p)
}

// bearer is a voucher worth a sale, of a new phone.
func (s *stage) bearer() string {
	s.Helper()
	customer, err := s.CustomerOf(s.Context(), Corner, sandbox.Approve, 1_000_000)
	s.must(err)
	slip, err := s.Cloud().Issuer().Voucher(s.Context(), customer, sandbox.VoucherAsk{Kind: "bearer", Amount: price})
	s.must(err)
	return slip.Code
}

// flying is a phone without a line, with a voucher of that id.
func (s *stage) flying() (customer, voucher string) {
	s.Helper()
	customer, err := s.CustomerOf(s.Context(), Corner, sandbox.Approve, 1_000_000)
	s.must(err)
	flight := true
	pocket, err := s.Cloud().Issuer().Carry(s.Context(), customer, sandbox.Carriage{Flight: &flight})
	s.must(err)
	return customer, pocket.Voucher
}

// signs is what a phone shows for a challenge.
func (s *stage) signs(customer string) func(string) string {
	return func(qr string) string {
		s.Helper()
		slip, err := s.Cloud().Scan(s.Context(), customer, qr)
		s.must(err)
		return slip.Code
	}
}

// inAnOutage are the checks of what is accepted while the line is down.
func inAnOutage() map[string]tampering {
	bearer := func(s *stage) func(string) string { return func(string) string { return s.bearer() } }
	return map[string]tampering{
		CheckOnce: func(s *stage) func(*Books) {
			s.down()
			first, second := s.accept(Corner, bearer(s)), s.accept(Corner, bearer(s))
			s.up()
			return func(b *Books) {
				facts := the(b, second).Facts
				for i := range facts {
					if facts[i].Key != "" {
						facts[i].Key = first.Status.Key
					}
				}
			}
		},
		CheckCaps: func(s *stage) func(*Books) {
			s.down()
			s.accept(Corner, bearer(s))
			s.accept(Corner, bearer(s))
			s.up()
			return func(*Books) { s.opt.Outage.Count = 1 }
		},
		CheckLoss: func(s *stage) func(*Books) {
			s.down()
			customer, voucher := s.flying()
			s.must(s.Cloud().Issuer().Deny(s.Context(), voucher, true))
			p := s.accept(Corner, s.signs(customer))
			s.up()
			return func(b *Books) { the(b, p).Status.Reason = agent.ReasonNone }
		},
	}
}

// TestAnOutageIsSoldThroughHonestly: every way that needs no manager is accepted,
// forwarded and found honest, and the power may go in between.
func TestAnOutageIsSoldThroughHonestly(t *testing.T) {
	keys, err := NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	var sold []agent.Payment
	found := perform(t, keys, func(s *stage) func(*Books) {
		payer, err := s.CustomerOf(s.Context(), Corner, sandbox.Approve, 1_000_000)
		s.must(err)
		member, err := s.CustomerOf(s.Context(), Card, sandbox.Approve, 1_000_000)
		s.must(err)
		s.down()
		sold = append(sold, s.accept(Corner, s.signs(payer)), s.accept(Card, func(string) string {
			code, err := s.Code(s.Context(), member)
			s.must(err)
			return code.Reveal()
		}))
		s.must(s.Restart(s.Context()))
		<-time.After(2 * time.Minute)
		phone, _ := s.flying()
		sold = append(sold, s.accept(Corner, s.signs(phone)))
		s.up()
		for i, p := range sold {
			if sold[i] = s.now(p); sold[i].Status.State != agent.Paid {
				s.Errorf("%s by %s is %s: %v", p.ID, p.Status.Way, sold[i].Status.State, kinds(sold[i]))
			}
		}
		return nil
	})
	if len(found) != 0 {
		t.Errorf("found %v", found)
	}
}

// TestEachPartOfThePolicyIsJudged: what the owner allows beside the sums, and what an issuer
// answers for. The shop is honest each time, and the books are held to less than it was.
func TestEachPartOfThePolicyIsJudged(t *testing.T) {
	keys, err := NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	twice := func(s *stage) (id string, second agent.Payment) {
		customer, id := s.flying()
		s.accept(Corner, s.signs(customer))
		return id, s.accept(Corner, s.signs(customer))
	}
	for part, tamper := range map[string]tampering{
		"had waited for": func(s *stage) func(*Books) {
			s.down()
			s.accept(Corner, func(string) string { return s.bearer() })
			<-time.After(20 * time.Minute)
			s.accept(Corner, func(string) string { return s.bearer() })
			s.up()
			return func(*Books) { s.opt.Outage.Window = time.Minute }
		},
		"times within a day": func(s *stage) func(*Books) {
			s.down()
			twice(s)
			s.up()
			return func(*Books) { s.opt.Outage.DeviceDay = 1 }
		},
		"its issuer answers for": func(s *stage) func(*Books) {
			s.down()
			id, _ := twice(s)
			s.up()
			return func(b *Books) { b.answeredFor[id] = 2*price - 1 }
		},
		"by the hand of": func(s *stage) func(*Books) {
			s.down()
			twice(s)
			s.up()
			return func(*Books) { s.opt.Outage.Least = agent.RoleManager }
		},
	} {
		t.Run(part, func(t *testing.T) {
			found := perform(t, keys, tamper)
			if len(found) == 0 || slices.ContainsFunc(found, func(v Violation) bool { return v.Check != CheckCaps || !strings.Contains(v.What, part) }) {
				t.Errorf("found %v, want what %q says and nothing else", found, part)
			}
		})
	}
	t.Run("on sight", func(t *testing.T) {
		found := perform(t, keys, func(s *stage) func(*Books) {
			payer, err := s.CustomerOf(s.Context(), Corner, sandbox.Approve, 1_000_000)
			s.must(err)
			s.down()
			p := s.open("1", "", agent.ModeAny)
			p, err = s.Till().GoOffline(s.Context(), p.ID, Corner, AtTheLane, agent.RoleCashier)
			s.must(err)
			s.signs(payer)(p.Status.QR)
			_, err = s.Till().AcceptOnSight(s.Context(), p.ID, InCharge, agent.RoleManager)
			s.must(err)
			s.up()
			return func(b *Books) {
				for i, f := range the(b, p).Facts {
					if f.Kind == agent.FactOfflineAccepted {
						the(b, p).Facts[i].By = AtTheLane
					}
				}
			}
		})
		if len(found) != 1 || found[0].Check != CheckCaps || !strings.Contains(found[0].What, "by the hand of") {
			t.Errorf("found %v", found)
		}
	})
}

// TestALossThatNobodyProvedIsNoLoss: the wallet must have refused what is called lost.
func TestALossThatNobodyProvedIsNoLoss(t *testing.T) {
	keys, err := NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	found := perform(t, keys, func(s *stage) func(*Books) {
		s.down()
		customer, voucher := s.flying()
		s.must(s.Cloud().Issuer().Deny(s.Context(), voucher, true))
		p := s.accept(Corner, s.signs(customer))
		s.up()
		if now := s.now(p); now.Status.State != agent.OfflineRejected || now.Status.Reason != agent.ReasonRevoked {
			s.Errorf("a voucher that its issuer has blocked is %s: %s", now.Status.State, now.Status.Reason)
		}
		return func(b *Books) { delete(b.byOrder, p.OrderNo) }
	})
	if len(found) != 1 || found[0].Check != CheckLoss {
		t.Errorf("found %v", found)
	}
}

// TestWhatWasAcceptedIsSealedOnTheDisk looks for a voucher that waits to be forwarded as
// whoever steals the disk would.
func TestWhatWasAcceptedIsSealedOnTheDisk(t *testing.T) {
	keys, err := NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	found := perform(t, keys, func(s *stage) func(*Books) {
		s.down()
		text := s.bearer()
		p := s.accept(Corner, func(string) string { return text })
		s.must(s.judgeSecrets())
		if len(s.seen.found) > 0 {
			s.Errorf("found %v", s.seen.found)
		}
		sealed, err := s.Store().Sealed(s.Context(), p.ID)
		s.must(err)
		if code, err := unseal(string(p.ID), sealed); err != nil || string(code) != text {
			s.Errorf("sealed is not the code: %v", err)
		}
		if _, err := unseal("another", sealed); err == nil {
			s.Error("the seal opens for another payment")
		}
		s.on(filepath.Join(s.AgentDir(), "agent.db"), "INSERT INTO meta(key, value) VALUES ('note', '"+text+"')")
		s.up()
		return nil
	})
	if len(found) == 0 || found[0].Check != CheckSecret {
		t.Errorf("found %v", found)
	}
}
