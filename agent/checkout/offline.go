package checkout

import (
	"context"
	"errors"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet/voucher"
)

// Issuer ties whoever signs offline codes to the wallet that collects them.
type Issuer struct {
	Number   uint16   // as key sets name it
	Wallet   string   // configured; it must be an agent.Redeemer
	Merchant string   // the number under which the issuer knows the shop
	Groups   []uint32 // of shops that this one belongs to
}

// Offline is what selling without a line takes. All members are required.
type Offline struct {
	Journal agent.OfflineJournal // the engine's journal
	Policy  func() agent.OfflinePolicy
	Keys    func() *voucher.KeySet // nil: no list of issuers yet
	Synced  func() bool            // the network has set the clock since the machine started
	Battery bool                   // the machine keeps the time while it is off
	Seal    func(about string, secret []byte) ([]byte, error)
	Unseal  func(about string, sealed []byte) ([]byte, error)
	Issuers []Issuer
}

// permission is who lets a payment be accepted without the wallet's word: going
// offline is always somebody's own act, never what a slow line turns into.
type permission struct {
	by   string
	role agent.Role
}

// clockBack is how far the wall clock may stand behind a time already seen.
const clockBack = 5 * time.Minute

func (o *Offline) issuer(match func(Issuer) bool) (Issuer, bool) {
	for _, i := range o.Issuers {
		if match(i) {
			return i, true
		}
	}
	return Issuer{}, false
}

// down reports whether the wallet's line has been gone for longer than it is ridden
// through. A wallet whose line nobody watches has the shop's.
func (e *Engine) down(wallet string) bool {
	line := e.opt.Line()
	if w, watched := line.Wallets[wallet]; watched {
		return w.State == agent.LineDown && w.Down > e.opt.RideThrough()
	}
	return line.State == agent.LineDown && line.Down > e.opt.RideThrough()
}

// GoOffline lets a payment be accepted without the wallet's word, on somebody's own
// decision. Where an issuer is known by the wallet's name, or by the lane's when it is
// "", the lane shows the challenge that the customer's phone signs or pays; otherwise
// the payment goes on waiting for a code. Asking again is harmless.
func (e *Engine) GoOffline(ctx context.Context, id agent.PaymentID, wallet, by string, role agent.Role) (agent.Payment, error) {
	p, err := e.opt.Journal.Payment(ctx, id)
	if err != nil {
		return p, err
	}
	o := e.opt.Offline
	if o == nil || !o.Policy().On {
		return p, agent.OfflineRefusal(agent.OfflineOff)
	}
	l := e.lanes[p.Lane]
	if wallet == "" && l != nil {
		wallet = l.cfg.Wallet
	}
	switch {
	case p.Status.Final():
		return p, finalError(p, "go offline")
	case !p.Status.Held() || p.Status.State != agent.Created && !p.Status.Showing:
		return p, stateError(p, "go offline", "This payment is with the wallet already. Cancel it, then begin again without a connection.")
	case !e.down(wallet):
		return p, stateError(p, "go offline", "There is a connection. Take the ordinary payment code.")
	}
	e.update(id, func(l *live) { l.offline = permission{by, role} })
	issuer, known := o.issuer(func(i Issuer) bool { return i.Wallet == wallet })
	if !known || l == nil || l.cfg.Display == nil || p.Status.State != agent.Created {
		return p, nil
	}
	return e.challenge(p, issuer, by)
}

// challenge shows what the customer's phone answers. It is recorded first: from the
// moment it can be seen it can also be paid.
func (e *Engine) challenge(p agent.Payment, i Issuer, by string) (agent.Payment, error) {
	merchant := voucher.MerchantOf(i.Merchant)
	text, err := voucher.Challenge{Merchant: merchant, Order: voucher.HashOrder(merchant, p.OrderNo), Amount: p.Amount, At: e.opt.Clock.Now()}.Text()
	if err != nil {
		return p, refusal(err)
	}
	// The moment is known before the commit, which shows the code.
	now := e.opt.Clock.Mono()
	e.update(p.ID, func(l *live) { l.shown, l.started = now, now })
	return e.learn(p.ID, func(now agent.Payment) ([]agent.Fact, error) {
		if now.Version != p.Version {
			return nil, nil
		}
		return []agent.Fact{{Kind: agent.FactOfflineShown, Wallet: i.Wallet, QR: text, By: by}}, nil
	})
}

// refusal turns what the voucher room says into what the counter says.
func refusal(err error) error {
	var r *voucher.Refusal
	if errors.As(err, &r) {
		return &agent.Error{Op: "accept offline", Class: agent.Conflict, Code: agent.CodeOffline, Say: r.Say(), Err: err}
	}
	return err
}

// scanVoucher answers a receipt or voucher. It is never a payment code, so nothing of
// it goes to a wallet before it is accepted.
func (e *Engine) scanVoucher(ctx context.Context, p *agent.Payment, text agent.PayCode) agent.ScanResult {
	o := e.opt.Offline
	switch {
	case p == nil || p.Status.Final() || !p.Status.Held():
		return nothingOpen()
	case o == nil || !o.Policy().On:
		return failed(p, agent.OfflineRefusal(agent.OfflineOff))
	}
	code, err := voucher.Read(text.Reveal())
	if err != nil {
		return failed(p, refusal(err))
	}
	issuer, known := o.issuer(func(i Issuer) bool { return i.Number == code.Issuer })
	if !known {
		return failed(p, refusal(&voucher.Refusal{Reason: voucher.KeyUnknown}))
	}
	made := madeHere(*p)
	if !made && !e.down(issuer.Wallet) {
		return no(p, agent.ToneDoubt, "scan.offline_online", "There is a connection. Ask for the ordinary payment code")
	}
	who, _ := e.known(p.ID)
	if who.offline == (permission{}) {
		return no(p, agent.ToneDoubt, "scan.offline_first", "No connection. Choose to sell without one first, then scan again")
	}
	a, err := e.judge(ctx, *p, issuer, text.Reveal(), made)
	if err != nil {
		return failed(p, refusal(err))
	}
	a.Fact.By, a.Role = who.offline.by, who.offline.role
	return e.accept(ctx, *p, a)
}

// madeHere reports whether the code on the display is a challenge of this terminal.
func madeHere(p agent.Payment) bool {
	return p.Status.Showing && voucher.KindOf(shownText(p)) == voucher.PC1
}

// shownText is the last code that was on the display, also after its time.
func shownText(p agent.Payment) (qr string) {
	for _, f := range p.Facts {
		if f.QR != "" {
			qr = f.QR
		}
	}
	return qr
}

// ways are what each kind of code is accepted as.
var ways = map[voucher.Kind]agent.Way{voucher.RC1: agent.WayReceipt, voucher.OV2: agent.WayDevice, voucher.OV1: agent.WayBearer}

// judge verifies a code for the payment and prepares what the accepting commit needs.
func (e *Engine) judge(ctx context.Context, p agent.Payment, i Issuer, text string, made bool) (a agent.Acceptance, err error) {
	o := e.opt.Offline
	policy := o.Policy()
	clock, err := e.voucherClock(ctx)
	if err != nil {
		return a, err
	}
	ask := voucher.Ask{Amount: p.Amount, Groups: i.Groups, Clock: clock, Limits: limits(policy)}
	if made {
		shown, err := voucher.ReadChallenge(shownText(p))
		if err != nil {
			return a, err
		}
		ask.Shown = &shown
	}
	got, err := voucher.Verify(text, ask, o.Keys())
	if err != nil {
		return a, err
	}
	issuer, id, counter := got.SpentKey()
	until := got.Until
	if until.IsZero() {
		until = got.Clock.Latest() // a receipt is for one sale, whose number never comes again
	}
	a = agent.Acceptance{
		Fact:  agent.Fact{Kind: agent.FactOfflineAccepted, Way: ways[got.Kind], Wallet: i.Wallet, Amount: p.Amount.Value, Key: got.Redemption()},
		Exact: got.Exact(), Policy: lowered(policy, got.Limits), Spend: &agent.Spend{Issuer: issuer, ID: id, Counter: counter, Until: until},
	}
	if got.Kind == voucher.RC1 {
		a.Fact.Txn = got.Txn.String()
	}
	timed(&a, got.Clock)
	a.Sealed, err = o.Seal(string(p.ID), got.Raw())
	return a, err
}

// voucherClock is what the terminal knows about the time.
func (e *Engine) voucherClock(ctx context.Context) (voucher.Clock, error) {
	seen, err := e.opt.Offline.Journal.SeenTime(ctx)
	return voucher.Clock{Wall: e.opt.Clock.Now(), MaxSeen: seen, Synced: e.opt.Offline.Synced(), Battery: e.opt.Offline.Battery}, err
}

// timed tells an acceptance the time. Only a trusted clock moves what was seen: one
// jump into the future would outdate everything else.
func timed(a *agent.Acceptance, c voucher.Clock) {
	a.Now, a.Behind = c.Latest(), c.Wall.Before(c.MaxSeen.Add(-clockBack))
	if c.Trusted() {
		a.Seen = c.Latest()
	}
}

// limits are the owner's policy in the words of the voucher room.
func limits(p agent.OfflinePolicy) voucher.Limits {
	l := voucher.DefaultLimits()
	l.KeySetAge, l.DenyAge, l.Session, l.PerDeviceDay, l.SessionCount = p.TrustAge, p.TrustAge, p.Window, p.DeviceDay, p.Count
	for currency, c := range p.Caps {
		l.Caps[currency] = voucher.Cap{Ceiling: c.Ceiling, Exact: c.Exact, Session: c.Stored}
	}
	return l
}

// lowered is the policy as the issuer's own limits leave it.
func lowered(p agent.OfflinePolicy, l voucher.Limits) agent.OfflinePolicy {
	caps := make(map[agent.Currency]agent.OfflineCap, len(p.Caps))
	for currency, c := range p.Caps {
		most := l.Caps[currency]
		c.Ceiling, c.Exact, c.Stored = most.Ceiling, most.Exact, most.Session
		caps[currency] = c
	}
	p.Window, p.Count, p.DeviceDay, p.Caps = l.Session, l.SessionCount, l.PerDeviceDay, caps
	return p
}
