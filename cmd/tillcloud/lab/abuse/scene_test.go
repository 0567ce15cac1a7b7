package abuse_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"tillwire/agent"
	issuing "tillwire/agent/sandbox/voucher"
	"tillwire/agent/wallet/voucher"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/offline"
)

const (
	issuerNo   = 7
	neighbour  = 8 // another issuer in the same key sets
	brand      = "cornerpay"
	currency   = "CNY"
	shopNumber = "SANDBOX01"
	otherGroup = 9 // of shops that this one is not of

	leastAmount = 2 * mostOfCheap
)

// scene is a terminal without a line, its issuer and the phones of a case.
type scene struct {
	ctx  context.Context
	dir  string
	dice lab.Dice
	now  time.Time // the time at the counter and on the phones

	store *offline.Store
	trust *voucher.Trust
	roots []voucher.Root
	seen  time.Time // the latest time that the store knows

	office office
	phones []*phone
	lost   []*phone // blocked, or certified with a key that was withdrawn
	taken  []taken  // codes that paid a sale and name none
	sales  int
	paid   int // sales that honest codes paid
	most   int // sales that the owner lets wait

	done  int
	tried map[string]int
	found []lab.Violation
}

// taken is a code that was accepted, and for how much.
type taken struct {
	text   string
	amount int64
}

func open(ctx context.Context, dir string, dice lab.Dice) (*scene, error) {
	s := &scene{ctx: ctx, dir: dir, dice: dice, now: time.Date(2026, 10, 14, 9, 0, 0, 0, time.UTC), most: 1 << 20, tried: map[string]int{}}
	s.office = newOffice(dice, s.now)
	for _, public := range s.office.roots() {
		root, err := voucher.NewRoot(public)
		if err != nil {
			return s, err
		}
		s.roots = append(s.roots, root)
	}
	if err := s.start(); err != nil {
		return s, err
	}
	for n := range 3 {
		s.phones = append(s.phones, s.office.phone(dice, s.now, n == 0))
	}
	s.renew()
	return s, nil
}

// start opens the store and the trust in it, as the agent does.
func (s *scene) start() (err error) {
	s.store, err = offline.Open(s.ctx, offline.Options{Dir: s.dir, Name: "abuse", Clock: agent.NewSystemClock(), Timers: agent.DefaultTimers,
		BackupEvery: -1, Free: func(string) (uint64, error) { return 1 << 40, nil }})
	if err != nil {
		return err
	}
	if s.trust, err = voucher.OpenTrust(s.roots, s.store); err == nil {
		s.seen, err = s.store.SeenTime(s.ctx)
	}
	return err
}

func (s *scene) close() error {
	var err error
	if s.store != nil {
		err = s.store.Close()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

func (s *scene) accuse(check, format string, args ...any) {
	s.found = append(s.found, lab.Violation{Check: check, What: fmt.Sprintf(format, args...)})
}

// counts notes one execution.
func (s *scene) counts(what string) {
	s.done++
	s.tried[what]++
}

// sale is a payment that waits for a code, with a challenge on the display or without
// a display.
type sale struct {
	payment agent.Payment
	shown   *voucher.Challenge
	asked   *issuing.Challenge // the same, as a phone reads it; nil without a display
}

// sell opens a sale of an amount, or of any, on a lane of its own: one that was refused
// everything stays open.
func (s *scene) sell(display bool, amount int64) (*sale, error) {
	s.sales++
	if amount == 0 {
		amount = leastAmount + s.dice.Int64N(15_000)
	}
	r := agent.Request{Client: "till:a", RequestID: fmt.Sprintf("r%d", s.sales), Lane: fmt.Sprint(s.sales), Mode: agent.ModeAny,
		Amount: agent.Money{Value: amount, Currency: currency}}
	id := fmt.Sprintf("01JABUSE%018d", s.sales)
	p := agent.Payment{ID: agent.PaymentID(id), OrderNo: "ABUSE1" + id, Client: r.Client, RequestID: r.RequestID, RequestHash: r.Hash(), Lane: r.Lane,
		Amount: r.Amount, Mode: r.Mode, Cashier: "Wei"}
	facts := []agent.Fact{{Kind: agent.FactOpened}}
	out := &sale{}
	if display {
		m := voucher.MerchantOf(shopNumber)
		out.shown = &voucher.Challenge{Merchant: m, Order: voucher.HashOrder(m, p.OrderNo), Amount: p.Amount, At: s.now}
		text, err := out.shown.Text()
		if err != nil {
			return nil, err
		}
		read, ok := issuing.ReadChallenge(text)
		if !ok {
			return nil, errors.New("the phone cannot read the challenge " + text)
		}
		out.asked = &read
		facts = append(facts, agent.Fact{Kind: agent.FactOfflineShown, Wallet: brand, QR: text, By: "person:1"})
	}
	var err error
	out.payment, err = s.store.Open(s.ctx, p, facts...)
	return out, err
}

func limits() voucher.Limits {
	l := voucher.DefaultLimits()
	l.Session, l.PerDeviceDay, l.SessionCount = 72*time.Hour, 1<<20, 1<<20
	l.Caps[currency] = voucher.Cap{Ceiling: 20_000, Exact: 50_000, Session: 1 << 40}
	return l
}

func (s *scene) policy() agent.OfflinePolicy {
	return agent.OfflinePolicy{On: true, Ways: agent.Ways(), Least: agent.RoleCashier, Window: 72 * time.Hour, TrustAge: 72 * time.Hour, Count: s.most,
		LaneCount: 1 << 20, DeviceDay: 1 << 20, Caps: map[agent.Currency]agent.OfflineCap{currency: {Ceiling: 20_000, Exact: 50_000, Stored: 1 << 40, Lane: 1 << 40}}}
}

var ways = map[voucher.Kind]agent.Way{voucher.RC1: agent.WayReceipt, voucher.OV2: agent.WayDevice, voucher.OV1: agent.WayBearer}

// present shows a code at the counter: verified, and handed to the store. wall is what
// the terminal's clock says.
func (s *scene) present(at *sale, text string, wall time.Time) (agent.Payment, error) {
	clock := voucher.Clock{Wall: wall, MaxSeen: s.seen, Synced: true}
	got, err := voucher.Verify(text, voucher.Ask{Amount: at.payment.Amount, Shown: at.shown, Clock: clock, Limits: limits()}, s.trust.Current())
	if err != nil {
		return agent.Payment{}, err
	}
	issuer, id, counter := got.SpentKey()
	until := got.Until
	if until.IsZero() {
		until = got.Clock.Latest()
	}
	a := agent.Acceptance{Exact: got.Exact(), Role: agent.RoleCashier, Policy: s.policy(), Now: got.Clock.Latest(),
		Behind: wall.Before(s.seen.Add(-5 * time.Minute)), Sealed: got.Raw(),
		Fact:  agent.Fact{Kind: agent.FactOfflineAccepted, Way: ways[got.Kind], Wallet: brand, Amount: at.payment.Amount.Value, By: "person:1", Key: got.Redemption()},
		Spend: &agent.Spend{Issuer: issuer, ID: id, Counter: counter, Until: until, Allowance: got.Allowance}}
	if got.Clock.Trusted() {
		a.Seen = got.Clock.Latest()
	}
	return s.store.Accept(s.ctx, at.payment.ID, at.payment.Version, a)
}

// refused reports whether an error is a refusal of the code, and not a fault.
func refused(err error) bool {
	return voucher.ReasonOf(err) != "" || errors.Is(err, agent.ErrSpent) || agent.CodeOf(err) == agent.CodeOffline
}
