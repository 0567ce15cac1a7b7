package checkout_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/checkout"
	"tillwire/agent/wallet/emvqr"
	"tillwire/agent/wallet/voucher"
)

// issuing is a wallet that redeems, beside what the cloud does.
type issuing struct {
	*cloud
	refuse agent.Reason // what a redemption is refused for
	took   []string     // the codes that were handed in
}

func (w *issuing) Redeem(ctx context.Context, p agent.Payment, code agent.PayCode) agent.Answer {
	return w.exchange(ctx, agent.OpRedeem, p, func(o *order, _ fault) agent.Answer {
		w.took = append(w.took, code.Reveal())
		if w.refuse != "" {
			return agent.Answer{Verdict: agent.Refused, Reason: w.refuse, Code: "REFUSED"}
		}
		o.captured = p.Amount.Value
		return agent.Answer{Verdict: agent.Approved, Amount: p.Amount.Value, Txn: "42" + p.OrderNo}
	})
}

func (w *issuing) Void(ctx context.Context, p agent.Payment) agent.Answer {
	return w.exchange(ctx, agent.OpVoid, p, func(*order, fault) agent.Answer { return agent.Answer{Verdict: agent.Accepted} })
}

// member is a wallet whose codes may be charged later.
type member struct{ *issuing }

func (member) Later(agent.Currency) (time.Duration, int64) { return time.Hour, 5000 }

func (w member) ChargeLater(ctx context.Context, p agent.Payment, code agent.PayCode, accepted time.Time) agent.Answer {
	return w.exchange(ctx, agent.OpChargeLater, p, func(o *order, _ fault) agent.Answer {
		w.took = append(w.took, code.Reveal())
		o.captured = p.Amount.Value
		return agent.Answer{Verdict: agent.Approved, Amount: p.Amount.Value, Txn: "42" + p.OrderNo}
	})
}

// allowed is a policy with room for three sales.
func allowed() agent.OfflinePolicy {
	return agent.OfflinePolicy{On: true, Ways: agent.Ways(), Least: agent.RoleCashier, Window: 24 * time.Hour, TrustAge: 72 * time.Hour, Count: 3, LaneCount: 3,
		DeviceDay: 3, Caps: map[agent.Currency]agent.OfflineCap{"CNY": {Ceiling: 2000, Exact: 5000, Stored: 5000, Lane: 5000}}}
}

// cut is a shop whose line has been down for a minute.
func cut(t *testing.T, test func(*shop, *issuing)) {
	t.Helper()
	inShop(t, func(s *shop) {
		w := &issuing{cloud: s.cloud}
		s.begin(w)
		test(s, w)
	})
}

func (s *shop) begin(w agent.Wallet) {
	keys := keySet(s.t, s.clock.Now())
	s.wallet, s.line = w, down
	s.cloud.forever(noLine, agent.OpQuery, agent.OpClose)
	s.sellOffline(func() *voucher.KeySet { return keys })
}

var down = agent.Line{State: agent.LineDown, Down: time.Minute, Wallets: map[string]agent.WalletLine{"wechat": {State: agent.LineDown, Down: time.Minute}}}

func (s *shop) sellOffline(keys func() *voucher.KeySet) {
	turn := func(about string, b []byte) ([]byte, error) {
		out := bytes.Clone(b)
		slices.Reverse(out)
		return append(out, about...), nil
	}
	back := func(about string, b []byte) ([]byte, error) {
		out := bytes.Clone(bytes.TrimSuffix(b, []byte(about)))
		slices.Reverse(out)
		return out, nil
	}
	s.offline = &checkout.Offline{Policy: allowed, Keys: keys, Synced: func() bool { return true }, Seal: turn, Unseal: back,
		Issuers: []checkout.Issuer{{Number: 7, Wallet: "wechat", Merchant: "M-1001"}}}
	s.again()
}

// again starts anew on the same journal.
func (s *shop) again() {
	s.stop()
	s.journal = s.journal.Restart(s.committed)
	s.offline.Journal = s.journal
	s.start()
}

// offer opens a sale and goes offline with it, as a cashier.
func (s *shop) offer() agent.Payment {
	s.t.Helper()
	p, err := s.engine.GoOffline(s.t.Context(), s.open(agent.ModeAny).ID, "", "person:1", agent.RoleCashier)
	if err != nil {
		s.t.Fatal(err)
	}
	return p
}

func (s *shop) restore() {
	s.line = agent.Line{State: agent.LineOnline}
	s.cloud.lift()
	if err := s.journal.Hasten(s.t.Context(), ""); err != nil {
		s.t.Fatal(err)
	}
	s.nudge()
}

func (s *shop) said(r agent.ScanResult, accepted bool, id string) {
	s.t.Helper()
	if r.Accepted != accepted || r.Say.ID != id {
		s.t.Fatalf("the counter says %q (%s), accepted %t; want %s", r.Say.English, r.Say.ID, r.Accepted, id)
	}
}

func TestEveryWayIsAcceptedAndCollectedWhenTheLineIsBack(t *testing.T) {
	for name, tc := range map[string]struct {
		code func(s *shop, p agent.Payment) string
		say  string
		way  agent.Way
	}{
		"a receipt":             {func(s *shop, p agent.Payment) string { return receipt(s.t, p.Status.QR, s.clock.Now()) }, "say.receipt_accepted", agent.WayReceipt},
		"a phone's code for it": {func(s *shop, p agent.Payment) string { return device(s.t, 1, p.Status.QR, s.clock.Now()) }, "say.offline_accepted", agent.WayDevice},
		"a phone's ceiling":     {func(s *shop, _ agent.Payment) string { return device(s.t, 1, "", s.clock.Now()) }, "say.offline_accepted", agent.WayDevice},
		"a bearer voucher":      {func(s *shop, _ agent.Payment) string { return bearer(s.t, "bearer01", s.clock.Now()) }, "say.offline_accepted", agent.WayBearer},
		"a receipt past its time": {func(s *shop, p agent.Payment) string {
			s.pass(130 * time.Second)
			return receipt(s.t, p.Status.QR, s.clock.Now())
		}, "say.receipt_accepted", agent.WayReceipt},
	} {
		t.Run(name, func(t *testing.T) {
			cut(t, func(s *shop, w *issuing) {
				p := s.offer()
				if s.pass(0); s.display.shows().QR != p.Status.QR || voucher.KindOf(p.Status.QR) != voucher.PC1 {
					s.t.Fatalf("the lane shows %+v", s.display.shows())
				}
				code := tc.code(s, p)
				s.said(s.scan(code), true, tc.say)
				p = s.want(p.ID, agent.OfflineAccepted)
				if p.Status.Way != tc.way || p.Status.By != "person:1" || p.Status.Key == "" || s.engine.Lanes()[0].Payment != "" {
					s.t.Fatalf("accepted %+v", p.Status)
				}
				s.pass(time.Hour)
				if n := s.cloud.count(agent.OpRedeem); n != 0 {
					s.t.Fatalf("%d redemptions left without a line", n)
				}
				s.again()
				s.restore()
				if p = s.settle(p.ID, time.Minute); p.Status.State != agent.Paid || len(w.took) != 1 {
					s.t.Fatalf("%s after %d redemptions", p.Status.State, len(w.took))
				}
				if w.took[0] != code {
					s.t.Errorf("handed in %q, scanned %q", w.took[0], code)
				}
			})
		})
	}
}

func TestACodeIsAcceptedForOneSale(t *testing.T) {
	cut(t, func(s *shop, _ *issuing) {
		code := bearer(s.t, "bearer01", s.clock.Now())
		s.offer()
		s.said(s.scan(code), true, "say.offline_accepted")
		second := s.offer()
		s.said(s.scan(code), false, "scan.spent")
		s.want(second.ID, agent.QRShown)
		s.said(s.scan(device(s.t, 1, "", s.clock.Now())), true, "say.offline_accepted")
		s.offer()
		s.said(s.scan(device(s.t, 1, "", s.clock.Now())), false, "scan.spent")
	})
}

func TestCapsStopTheSaleAndTheReasonIsSaid(t *testing.T) {
	cut(t, func(s *shop, _ *issuing) {
		for n := range 3 {
			p := s.offer()
			s.said(s.scan(device(s.t, n+1, p.Status.QR, s.clock.Now())), true, "say.offline_accepted")
		}
		// Nobody is asked to sign for what would be refused; a voucher that is held to the
		// scanner all the same is refused by the commit.
		p := s.notShown(voucher.PolicyCount)
		s.said(s.scan(bearer(s.t, "bearer01", s.clock.Now())), false, voucher.PolicyCount)
		s.want(p.ID, agent.Created)
		s.restore()
		s.pass(time.Minute)
		if e, err := s.journal.Exposure(s.t.Context()); err != nil || e.Count != 0 {
			s.t.Errorf("still at stake: %+v, %v", e, err)
		}
	})
}

// TestAPhonePaysNoMoreThanItsIssuerAnswersFor, in however many codes.
func TestAPhonePaysNoMoreThanItsIssuerAnswersFor(t *testing.T) {
	cut(t, func(s *shop, _ *issuing) {
		p := s.offer()
		s.said(s.scan(deviceWorth(s.t, 1, 2559, p.Status.QR, s.clock.Now())), true, "say.offline_accepted")
		p = s.offer()
		s.said(s.scan(deviceWorth(s.t, 2, 2559, p.Status.QR, s.clock.Now())), false, voucher.PolicyAllowance)
		s.want(p.ID, agent.QRShown)
		s.said(s.scan(deviceWorth(s.t, 2, 2560, p.Status.QR, s.clock.Now())), true, "say.offline_accepted")
	})
}

// TestGoingOfflineIsSomebodysOwnAct: no slow line, restart or scan turns a sale into one
// that is accepted without the wallet's word.
func TestGoingOfflineIsSomebodysOwnAct(t *testing.T) {
	cut(t, func(s *shop, _ *issuing) {
		p := s.open(agent.ModeAny)
		s.said(s.scan(bearer(s.t, "bearer01", s.clock.Now())), false, "scan.offline_first")
		s.want(p.ID, agent.Created)
		s.line = agent.Line{State: agent.LineOnline}
		if _, err := s.engine.GoOffline(s.t.Context(), p.ID, "", "person:1", agent.RoleOwner); agent.CodeOf(err) != agent.CodeState {
			s.t.Errorf("with a line: %v", err)
		}
		s.said(s.scan(bearer(s.t, "bearer01", s.clock.Now())), false, "scan.offline_online")
	})
}

// TestAChallengeThatIsGivenUpFreesItsLane although the line is down: at once when it is
// cancelled, by the cashier's word when its time has run out. It is closed when the line
// is back, and what was paid for it until then goes back.
func TestAChallengeThatIsGivenUpFreesItsLane(t *testing.T) {
	for name, paid := range map[string]bool{"not paid": false, "paid": true} {
		t.Run(name, func(t *testing.T) {
			cut(t, func(s *shop, _ *issuing) {
				given := s.offer()
				if _, _, err := s.engine.Cancel(s.t.Context(), given.ID, "person:1"); err != nil {
					s.t.Fatal(err)
				}
				if s.want(given.ID, agent.Closing); s.engine.Lanes()[0].Payment != "" {
					s.t.Fatal("a cancelled challenge holds its lane")
				}
				old := s.offer()
				s.pass(130 * time.Second)
				if p := s.want(old.ID, agent.Closing); p.Say().ID != "say.closing_own" || s.engine.Lanes()[0].Payment != old.ID {
					s.t.Fatalf("a challenge whose time is over says %q; the lane is held by %q", p.Say(), s.engine.Lanes()[0].Payment)
				}
				if p, _, err := s.engine.Cancel(s.t.Context(), old.ID, "person:1"); err != nil || p.Status.Held() {
					s.t.Fatalf("released: %+v, %v", p.Status, err)
				}
				want := agent.Closed
				if paid {
					want = agent.Refunded
					s.cloud.payQR(given.OrderNo, 1280)
					s.cloud.payQR(old.OrderNo, 1280)
				}
				s.restore()
				for _, p := range []agent.Payment{given, old} {
					if p = s.settle(p.ID, 5*time.Minute); p.Status.State != want {
						s.t.Errorf("%s, want %s", p.Status.State, want)
					}
				}
			})
		})
	}
}

func TestWhatIsNotGenuineForThisSaleIsRefusedWithItsReason(t *testing.T) {
	cut(t, func(s *shop, _ *issuing) {
		first := s.offer()
		if _, _, err := s.engine.Cancel(s.t.Context(), first.ID, "person:1"); err != nil {
			s.t.Fatal(err)
		}
		p := s.offer()
		good := device(s.t, 1, p.Status.QR, s.clock.Now())
		for code, want := range map[string]voucher.Reason{
			device(s.t, 1, first.Status.QR, s.clock.Now()):            voucher.OtherOrder,
			receipt(s.t, first.Status.QR, s.clock.Now()):              voucher.OtherOrder,
			device(s.t, 1, "", s.clock.Now().Add(-time.Hour)):         voucher.Stale,
			bearer(s.t, "bearer01", s.clock.Now().Add(-25*time.Hour)): voucher.Expired,
			good[:40]: voucher.Malformed,
			"OV2:%%%": voucher.Unreadable,
		} {
			s.said(s.scan(code), false, string(want))
			s.want(p.ID, agent.QRShown)
		}
		s.said(s.scan(good), true, "say.offline_accepted")
	})
}

func TestTheClockAndTheListDecide(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*shop)
		code   func(*shop, agent.Payment) string
		want   string
	}{
		"a clock set back a year": {func(s *shop) { s.clock.jump(-365 * 24 * time.Hour) }, func(s *shop, p agent.Payment) string {
			return device(s.t, 2, p.Status.QR, s.clock.Now().Add(365*24*time.Hour))
		}, voucher.PolicyClock},
		"a list that is too old":           {func(s *shop) { s.clock.jump(5 * 24 * time.Hour) }, func(s *shop, p agent.Payment) string { return receipt(s.t, p.Status.QR, s.clock.Now()) }, string(voucher.KeysOld)},
		"no list at all":                   {func(s *shop) { s.offline.Keys = func() *voucher.KeySet { return nil } }, func(s *shop, p agent.Payment) string { return receipt(s.t, p.Status.QR, s.clock.Now()) }, string(voucher.NoKeys)},
		"a clock nobody has set, on sight": {func(s *shop) { s.offline.Synced = func() bool { return false } }, func(s *shop, p agent.Payment) string { return "" }, voucher.PolicyUnset},
		"a clock nobody has set":           {func(s *shop) { s.offline.Synced = func() bool { return false } }, func(s *shop, _ agent.Payment) string { return device(s.t, 2, "", s.clock.Now()) }, string(voucher.ClockUntrusted)},
	} {
		t.Run(name, func(t *testing.T) {
			cut(t, func(s *shop, _ *issuing) {
				p := s.offer()
				s.said(s.scan(device(s.t, 1, p.Status.QR, s.clock.Now())), true, "say.offline_accepted")
				p = s.offer()
				tc.change(s)
				if code := tc.code(s, p); code != "" {
					s.said(s.scan(code), false, tc.want)
				} else {
					s.refusedOnSight(p, tc.want)
				}
				s.want(p.ID, agent.QRShown)
				// Online sales go on.
				if _, _, err := s.engine.Cancel(s.t.Context(), p.ID, "person:1"); err != nil {
					s.t.Fatal(err)
				}
				s.restore()
				online := s.open(agent.ModeScan)
				s.scan(goodCode)
				s.pass(time.Second)
				s.want(online.ID, agent.Paid)
			})
		})
	}
}

// TestATimeThatNoWalletConfirmedIsNotKept: after one jump of a battery's clock into the
// future and back, what is accepted would otherwise be nothing for as long as the jump.
func TestATimeThatNoWalletConfirmedIsNotKept(t *testing.T) {
	cut(t, func(s *shop, _ *issuing) {
		confirmed := false
		s.offline.Battery, s.offline.Synced, s.offline.Confirmed = true, func() bool { return true }, func() bool { return confirmed }
		seen := func(want time.Time) {
			s.t.Helper()
			if at, err := s.journal.SeenTime(s.t.Context()); err != nil || !at.Equal(want) {
				s.t.Fatalf("seen %s, %v; want %s", at, err, want)
			}
		}
		const jump = 24 * time.Hour // the list of issuers is still young enough then
		s.clock.jump(jump)
		s.offer()
		s.said(s.scan(device(s.t, 1, "", s.clock.Now())), true, "say.offline_accepted")
		seen(time.Time{})
		s.clock.jump(-jump)
		p := s.offer()
		confirmed = true
		s.said(s.scan(device(s.t, 2, p.Status.QR, s.clock.Now())), true, "say.offline_accepted")
		seen(s.clock.Now())
	})
}

func (s *shop) refusedOnSight(p agent.Payment, want string) {
	s.t.Helper()
	_, err := s.engine.AcceptOnSight(s.t.Context(), p.ID, "person:2", agent.RoleManager)
	var e *agent.Error
	if !errors.As(err, &e) || e.Say.ID != want {
		s.t.Errorf("on sight: %v, want %s", err, want)
	}
}

func TestARefusedRedemptionIsALossOfItsOwn(t *testing.T) {
	cut(t, func(s *shop, w *issuing) {
		w.refuse = agent.ReasonSpentElse
		p := s.offer()
		s.scan(device(s.t, 1, p.Status.QR, s.clock.Now()))
		s.restore()
		s.pass(10 * time.Second)
		p = s.want(p.ID, agent.OfflineRejected)
		if p.Say().ID != "say.loss.spent_elsewhere" || len(p.Steps(timers(""))) != 0 {
			s.t.Errorf("the loss says %q and still has to %v", p.Say(), p.Steps(timers("")))
		}
		// It is final: nobody asks for it again, and money found is for the reconciliation.
		s.cloud.payQR(p.OrderNo, 1280)
		asked := s.cloud.count(agent.OpQuery)
		if now, err := s.engine.Check(s.t.Context(), p.ID); err != nil || now.Status.State != agent.OfflineRejected || s.cloud.count(agent.OpQuery) != asked {
			s.t.Errorf("looked at again it is %s, %v, after %d queries", now.Status.State, err, s.cloud.count(agent.OpQuery)-asked)
		}
	})
}

// TestWhatAScannerPutsAroundACodeIsNotHandedIn: the issuer gets what was judged.
func TestWhatAScannerPutsAroundACodeIsNotHandedIn(t *testing.T) {
	cut(t, func(s *shop, w *issuing) {
		code := bearer(s.t, "bearer01", s.clock.Now())
		p := s.offer()
		s.said(s.scan("\r\n\t"+code+"\t\r\n"), true, "say.offline_accepted")
		s.restore()
		if p = s.settle(p.ID, time.Minute); p.Status.State != agent.Paid || len(w.took) != 1 || w.took[0] != code {
			s.t.Errorf("%s: handed in %q", p.Status.State, w.took)
		}
	})
}

func TestASilentRedemptionIsSentAgainUnderItsKey(t *testing.T) {
	cut(t, func(s *shop, w *issuing) {
		p := s.offer()
		s.scan(device(s.t, 1, p.Status.QR, s.clock.Now()))
		s.restore()
		s.cloud.plan(agent.OpRedeem, lostBack, lostOut)
		s.pass(2 * time.Second)
		s.want(p.ID, agent.Redeeming)
		if _, err := s.engine.Void(s.t.Context(), p.ID, "person:1"); agent.CodeOf(err) != agent.CodeState {
			s.t.Errorf("taken back while it was under way: %v", err)
		}
		s.again()
		if p = s.settle(p.ID, 5*time.Minute); p.Status.State != agent.Paid {
			s.t.Errorf("%s", p.Status.State)
		}
	})
}

func TestTakenBackBeforeItWasSent(t *testing.T) {
	cut(t, func(s *shop, w *issuing) {
		p := s.offer()
		s.scan(device(s.t, 1, p.Status.QR, s.clock.Now()))
		for range 2 {
			if _, err := s.engine.Void(s.t.Context(), p.ID, "person:1"); err != nil {
				s.t.Fatal(err)
			}
		}
		s.want(p.ID, agent.Voided)
		s.restore()
		if p = s.settle(p.ID, time.Minute); p.Status.State != agent.Voided || len(w.took) != 0 || s.cloud.count(agent.OpVoid) != 1 {
			s.t.Errorf("%s after %d redemptions and %d notices", p.Status.State, len(w.took), s.cloud.count(agent.OpVoid))
		}
	})
}

// TestOnSight: a manager looked at the phone; the wallet is asked when it can be.
func TestOnSight(t *testing.T) {
	for name, paid := range map[string]bool{"paid": true, "never paid": false} {
		t.Run(name, func(t *testing.T) {
			cut(t, func(s *shop, _ *issuing) {
				p := s.offer()
				if _, err := s.engine.AcceptOnSight(s.t.Context(), p.ID, "person:1", agent.RoleCashier); agent.CodeOf(err) != agent.CodeOffline {
					s.t.Fatalf("a cashier: %v", err)
				}
				p, err := s.engine.AcceptOnSight(s.t.Context(), p.ID, "person:2", agent.RoleManager)
				if err != nil || p.Status.Way != agent.WaySight || p.Say().ID != "say.sight_accepted" {
					s.t.Fatalf("%v: %s", err, p.Say())
				}
				if paid {
					s.cloud.payQR(p.OrderNo, 1280)
				}
				s.restore()
				want := map[bool]agent.State{true: agent.Paid, false: agent.OfflineRejected}[paid]
				s.pass(10 * time.Minute)
				if p = s.want(p.ID, want); !paid && p.Status.Reason != agent.ReasonNeverPaid {
					s.t.Errorf("lost for %q", p.Status.Reason)
				}
			})
		})
	}
}

// TestATillThatWantsTheWalletsWordGetsNoPromise: what it asked for stands in the journal, so
// a restart does not forget it.
func TestATillThatWantsTheWalletsWordGetsNoPromise(t *testing.T) {
	cut(t, func(s *shop, _ *issuing) {
		open := func(mode agent.Mode) agent.Payment {
			s.requests++
			p, _, err := s.engine.Open(s.t.Context(), agent.Request{Client: "till:1", RequestID: strconv.Itoa(s.requests), Lane: lane,
				Amount: agent.Money{Value: 1280, Currency: "CNY"}, Mode: mode, OnlineOnly: true})
			if err != nil {
				s.t.Fatal(err)
			}
			return p
		}
		p := open(agent.ModeAny)
		_, err := s.engine.GoOffline(s.t.Context(), p.ID, "", "person:1", agent.RoleOwner)
		var e *agent.Error
		if !errors.As(err, &e) || e.Say.ID != "error.online_only" {
			s.t.Errorf("without a line: %v", err)
		}
		if _, _, err := s.engine.Cancel(s.t.Context(), p.ID, "person:1"); err != nil {
			s.t.Fatal(err)
		}
		s.restore()
		p = open(agent.ModeShow)
		s.pass(time.Second)
		s.want(p.ID, agent.QRShown)
		s.line = down
		s.cloud.forever(noLine, agent.OpQuery, agent.OpClose)
		s.refusedOnSight(p, "error.online_only")
		s.again()
		s.refusedOnSight(p, "error.online_only")
	})
}

// TestTheShopsOwnCodeIsMadeForTheSale: a wallet that signs nothing is paid by the shop's
// printed code, with this sale's amount and reference, and accepted on sight.
func TestTheShopsOwnCodeIsMadeForTheSale(t *testing.T) {
	cut(t, func(s *shop, _ *issuing) {
		printed, err := emvqr.Encode(emvqr.Payload{Objects: []emvqr.Object{{ID: "00", Value: "01"}, {ID: "01", Value: "11"}, {ID: "29", Value: "0016A000000677010111"},
			{ID: "53", Value: "156"}, {ID: "58", Value: "CN"}}})
		if err != nil {
			s.t.Fatal(err)
		}
		s.offline.Issuers, s.offline.ShopCodes = nil, map[string]string{"wechat": printed}
		p := s.offer()
		code, err := emvqr.ReadMerchant(p.Status.QR)
		if err != nil || code.Get("54") != "12.80" || code.Get("62", "05") != p.OrderNo[len(p.OrderNo)-20:] || p.Status.State != agent.QRShown {
			s.t.Fatalf("%s shows %q, %v", p.Status.State, p.Status.QR, err)
		}
		if p, err = s.engine.AcceptOnSight(s.t.Context(), p.ID, "person:2", agent.RoleManager); err != nil || p.Status.Way != agent.WaySight {
			s.t.Fatal(p.Status.State, err)
		}
		s.cloud.payQR(p.OrderNo, 1280)
		s.restore()
		s.pass(time.Minute)
		s.want(p.ID, agent.Paid)
		s.line, s.offline.ShopCodes["wechat"] = down, "00020163041234"
		if _, err := s.engine.GoOffline(s.t.Context(), s.open(agent.ModeAny).ID, "", "person:1", agent.RoleCashier); agent.CodeOf(err) != agent.CodeWallet {
			s.t.Errorf("a broken code: %v", err)
		}
	})
}

// memberCode is of the shop's own scheme.
const memberCode = "88001234567890123456"

func TestAMemberCardIsChargedLaterAndNothingElseIs(t *testing.T) {
	cut(t, func(s *shop, w *issuing) {
		p := s.offer()
		s.said(s.scan(goodCode), false, "scan.busy")
		if _, _, err := s.engine.Cancel(s.t.Context(), p.ID, "person:1"); err != nil {
			s.t.Fatal(err)
		}
		// A wallet whose codes live a minute refuses at once, and keeps nothing.
		p = s.open(agent.ModeAny)
		s.said(s.scan(goodCode), false, "say.not_charged.line_down")
		s.want(p.ID, agent.NotSent)
		if sealed, err := s.journal.Sealed(s.t.Context(), p.ID); err != nil || sealed != nil {
			s.t.Errorf("kept %q, %v", sealed, err)
		}
		s.wallet = member{w}
		s.again()
		// Not even where the wallet says that its codes may be charged later.
		s.open(agent.ModeAny)
		s.said(s.scan(goodCode), false, "say.not_charged.line_down")
		// Nor a code that only the shop's own pattern takes for a member's.
		p = s.open(agent.ModeAny)
		if _, err := s.engine.GoOffline(s.t.Context(), p.ID, "none", "person:1", agent.RoleCashier); err != nil {
			s.t.Fatal(err)
		}
		s.said(s.scan("62001234567890123456"), false, "say.not_charged.line_down")
		s.want(p.ID, agent.NotSent)
		p = s.open(agent.ModeAny)
		s.said(s.scan(memberCode), false, "scan.offline_first")
		if p, err := s.engine.GoOffline(s.t.Context(), p.ID, "none", "person:1", agent.RoleCashier); err != nil || p.Status.State != agent.Created {
			s.t.Fatalf("%s, %v", p.Status.State, err)
		}
		s.offline.Synced = func() bool { return false }
		s.said(s.scan(memberCode), false, voucher.PolicyUnset)
		s.offline.Synced = func() bool { return true }
		s.said(s.scan(memberCode), true, "say.offline_accepted")
		s.want(p.ID, agent.OfflineAccepted)
		for _, then := range []struct {
			wait time.Duration
			say  string
		}{{0, "scan.used"}, {20 * time.Minute, "scan.spent"}} {
			s.pass(then.wait)
			again := s.open(agent.ModeAny)
			if _, err := s.engine.GoOffline(s.t.Context(), again.ID, "none", "person:1", agent.RoleCashier); err != nil {
				s.t.Fatal(err)
			}
			s.said(s.scan(memberCode), false, then.say)
			if _, _, err := s.engine.Cancel(s.t.Context(), again.ID, "person:1"); err != nil {
				s.t.Fatal(err)
			}
		}
		s.restore()
		if p = s.settle(p.ID, time.Minute); p.Status.State != agent.Paid || w.took[0] != memberCode {
			s.t.Errorf("%s, charged %q", p.Status.State, w.took)
		}
	})
}
