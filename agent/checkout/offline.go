package checkout

import (
	"context"
	"errors"
	"slices"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet/emvqr"
	"tillwire/agent/wallet/voucher"
)

// Issuer ties whoever signs offline codes to the wallet that collects them.
type Issuer struct {
	Number   uint16   // as key sets name it
	Wallet   string   // configured; it must be an agent.Redeemer
	Merchant string   // the number under which the issuer knows the shop
	Groups   []uint32 // of shops that this one belongs to
}

// Offline is what selling without a line takes. Journal to Unseal are required.
type Offline struct {
	Journal agent.OfflineJournal // the engine's journal
	Policy  func() agent.OfflinePolicy
	Keys    func() *voucher.KeySet // nil: no list of issuers yet
	Synced  func() bool            // the network has set the clock since the machine started
	Battery bool                   // the machine keeps the time while it is off
	// Confirmed reports that a wallet's own answer has found the clock right in this run
	// and that nobody has turned it since; nil: as Synced. Only such a time is kept.
	Confirmed func() bool
	Seal      func(about string, secret []byte) ([]byte, error)
	Unseal    func(about string, sealed []byte) ([]byte, error)
	Issuers   []Issuer
	// PutBack is when an older store was put back, zero when that is settled; nil: never.
	PutBack func(context.Context) (time.Time, error)
	// ShopCodes are the shop's own printed EMV codes by wallet, of wallets that sign
	// nothing: made for one sale they are paid while the shop has no line, and a manager
	// accepts on sight.
	ShopCodes map[string]string
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
// decision. What can be made here is shown: the challenge that the customer's phone
// signs or pays, or the shop's own code with amount and reference, of the wallet or of
// the lane's when it is "", unless it is known already that nothing would be accepted for
// it. Otherwise the payment goes on waiting for a code. Asking again is harmless.
func (e *Engine) GoOffline(ctx context.Context, id agent.PaymentID, wallet, by string, role agent.Role) (agent.Payment, error) {
	p, err := e.opt.Journal.Payment(ctx, id)
	if err != nil {
		return p, err
	}
	o := e.opt.Offline
	if o == nil || !o.Policy().On {
		return p, voucher.PolicyRefusal(voucher.PolicyOff)
	}
	l := e.lanes[p.Lane]
	if wallet == "" && l != nil {
		wallet = l.cfg.Wallet
	}
	switch {
	case p.OnlineOnly():
		return p, onlineOnly(p, "go offline")
	case p.Status.Final():
		return p, finalError(p, "go offline")
	case !p.Status.Held() || p.Status.State != agent.Created && !p.Status.Showing:
		return p, stateError(p, "go offline", "This payment is with the wallet already. Cancel it, then begin again without a connection.")
	case !e.down(wallet):
		return p, stateError(p, "go offline", "There is a connection. Take the ordinary payment code.")
	}
	e.update(id, func(l *live) { l.offline = permission{by, role} })
	if l == nil || p.Status.State != agent.Created || p.Mode == agent.ModeScan {
		return p, nil
	}
	text, err := e.ownCode(p, wallet)
	if err != nil || text == "" {
		return p, err
	}
	if err := e.foresee(ctx, p, wallet, role); err != nil {
		return p, err
	}
	return e.showOwn(p, wallet, text, by)
}

// OwnCodes lists the wallets whose customers can be shown a code that is made here, in
// the shop's order.
func (e *Engine) OwnCodes() (names []string) {
	o := e.opt.Offline
	if o == nil {
		return nil
	}
	for _, name := range e.opt.Wallets.Names() {
		_, issues := o.issuer(func(i Issuer) bool { return i.Wallet == name })
		if issues || o.ShopCodes[name] != "" {
			names = append(names, name)
		}
	}
	return names
}

// LaterCodes lists the wallets whose codes may be charged after the sale, as far as they
// have said so, in the shop's order.
func (e *Engine) LaterCodes() (names []string) {
	for _, name := range e.opt.Wallets.Names() {
		w, _ := e.opt.Wallets.Wallet(name)
		later, can := w.(agent.LateCharger)
		if can && slices.ContainsFunc(w.Info().Currency, func(c agent.Currency) bool { age, _ := later.Later(c); return age > 0 }) {
			names = append(names, name)
		}
	}
	return names
}

// ownCode is what this terminal can make by itself for a wallet's customers, "" when
// that is nothing.
func (e *Engine) ownCode(p agent.Payment, wallet string) (text string, err error) {
	if i, known := e.opt.Offline.issuer(func(i Issuer) bool { return i.Wallet == wallet }); known {
		merchant := voucher.MerchantOf(i.Merchant)
		text, err = voucher.Challenge{Merchant: merchant, Order: voucher.HashOrder(merchant, p.OrderNo), Amount: p.Amount, At: e.opt.Clock.Now()}.Text()
		return text, refusal(err)
	}
	printed := e.opt.Offline.ShopCodes[wallet]
	if printed == "" {
		return "", nil
	}
	code, err := emvqr.ReadMerchant(printed)
	if err == nil && code.Get("53") == p.Amount.Currency.Number() {
		text, err = emvqr.ForSale(code, p.Amount.Decimal(), p.OrderNo[max(0, len(p.OrderNo)-shortRef):])
	}
	if err != nil {
		err = &agent.Error{Op: "show the shop's own code", Class: agent.Invalid, Code: agent.CodeWallet, Err: err,
			Say: agent.Sentence{ID: "error.shop_code", Args: []string{wallet}, English: "The shop's own code of " + wallet + " cannot be shown. Correct shop_code in the configuration."}}
	}
	return text, err
}

// shortRef is how many characters of an order number a scheme's reference has room for.
const shortRef = 20

// showOwn shows a code that this terminal made. It is recorded first: from the moment
// it can be seen it can also be paid.
func (e *Engine) showOwn(p agent.Payment, wallet, text, by string) (agent.Payment, error) {
	// The moment is known before the commit, which shows the code.
	now := e.opt.Clock.Mono()
	e.update(p.ID, func(l *live) { l.shown, l.started = now, now })
	return e.learn(p.ID, func(now agent.Payment) ([]agent.Fact, error) {
		if now.Version != p.Version {
			return nil, nil
		}
		return []agent.Fact{{Kind: agent.FactOfflineShown, Wallet: wallet, QR: text, By: by}}, nil
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
		return failed(p, voucher.PolicyRefusal(voucher.PolicyOff))
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
		Exact: got.Exact(), Policy: lowered(policy, got.Limits), Spend: &agent.Spend{Issuer: issuer, ID: id, Counter: counter, Until: until, Allowance: got.Allowance},
	}
	if got.Kind == voucher.RC1 {
		a.Fact.Txn = got.Txn.String()
	}
	o.timed(&a, got.Clock)
	a.Sealed, err = o.Seal(string(p.ID), []byte(voucher.Trim(text)))
	return a, err
}

// voucherClock is what the terminal knows about the time.
func (e *Engine) voucherClock(ctx context.Context) (voucher.Clock, error) {
	seen, err := e.opt.Offline.Journal.SeenTime(ctx)
	return voucher.Clock{Wall: e.opt.Clock.Now(), MaxSeen: seen, Synced: e.opt.Offline.Synced(), Battery: e.opt.Offline.Battery}, err
}

// timed tells an acceptance the time. Only a clock that a wallet has confirmed moves what
// was seen: after one jump into the future nothing would be accepted for years, and a
// battery or a network's time server is enough to believe the time and not to vow it.
func (o *Offline) timed(a *agent.Acceptance, c voucher.Clock) {
	a.Now, a.Behind, a.Unset = c.Latest(), c.Wall.Before(c.MaxSeen.Add(-clockBack)), !c.Synced && !c.Battery
	confirmed := o.Confirmed
	if confirmed == nil {
		confirmed = o.Synced
	}
	if c.Trusted() && confirmed() {
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
