package checkout

import (
	"context"
	"errors"

	"tillwire/agent"
	"tillwire/agent/wallet/voucher"
)

// accept asks the journal, which decides and records in one commit. Only what it
// answers is shown.
func (e *Engine) accept(ctx context.Context, p agent.Payment, a agent.Acceptance) agent.ScanResult {
	next, err := e.acceptance(ctx, p, a)
	if err != nil {
		return failed(&p, err)
	}
	return agent.ScanResult{Accepted: true, Payment: &next, Say: next.Say(), Tone: agent.ToneStriped}
}

func (e *Engine) acceptance(ctx context.Context, p agent.Payment, a agent.Acceptance) (agent.Payment, error) {
	a.Fact.At = e.opt.Clock.Now()
	next, err := e.opt.Offline.Journal.Accept(context.WithoutCancel(ctx), p.ID, p.Version, a)
	switch {
	case err == nil:
		e.wipe(p.ID)
		e.opt.Log.Info("accepted offline", "comp", "checkout", "tx", string(p.ID), "way", string(a.Fact.Way), "wallet", a.Fact.Wallet, "by", a.Fact.By)
		return next, nil
	case errors.Is(err, agent.ErrSpent):
		return p, &agent.Error{Op: "accept offline", Class: agent.Conflict, Code: agent.CodeOffline, Payment: next.ID, Err: err,
			Say: agent.Sentence{ID: "scan.spent", Args: []string{next.OrderNo}, English: "This code was accepted before, for order " + next.OrderNo + ". Ask for a fresh code"}}
	case errors.Is(err, agent.ErrCodeSeen):
		return p, &agent.Error{Op: "accept offline", Class: agent.Conflict, Code: agent.CodeOffline, Payment: next.ID, Err: err, Say: codeUsed}
	case errors.Is(err, agent.ErrStale):
		return p, stateError(next, "accept offline", "The payment has moved on. Look at it, then scan again.")
	}
	return p, err
}

// failed is the answer to a scan that an error stopped.
func failed(p *agent.Payment, err error) agent.ScanResult {
	var known *agent.Error
	if errors.As(err, &known) && known.Say.ID != "" {
		return agent.ScanResult{Payment: p, Say: known.Say, Tone: agent.ToneBad}
	}
	return no(p, agent.ToneBad, "scan.store", "The payment cannot be recorded, so nothing was sent. See the owner's page")
}

// neverKept are the schemes whose codes are never on the disk, whoever takes them and
// whatever a wallet says of itself. What is called something else and looks like a code of
// another wallet is not kept either: a shop's own pattern may be too wide.
var neverKept = map[string]bool{"wechat": true, "alipay": true}

// acceptLater accepts a code of a scheme that answers for charging it when the line is
// back. Nothing else of a customer's may be kept.
func (e *Engine) acceptLater(ctx context.Context, p agent.Payment, code agent.Code, w agent.LateCharger) agent.ScanResult {
	o := e.opt.Offline
	if o == nil || !o.Policy().On || neverKept[code.Scheme] || e.opt.Wallets.Momentary(code.Text) {
		return e.refuseDown(p, code.Wallet)
	}
	age, most := w.Later(p.Amount.Currency)
	if age <= 0 || p.Amount.Value > most {
		return e.refuseDown(p, code.Wallet)
	}
	who, _ := e.known(p.ID)
	if who.offline == (permission{}) {
		return no(&p, agent.ToneDoubt, "scan.offline_first", "No connection. Choose to sell without one first, then scan again")
	}
	policy, print := o.Policy(), e.opt.Fingerprint(code.Text.Reveal())
	policy.Window = min(policy.Window, age)
	a := agent.Acceptance{Policy: policy, Role: who.offline.role,
		Fact: agent.Fact{Kind: agent.FactOfflineAccepted, Way: agent.WayDeferred, Wallet: code.Wallet, Amount: p.Amount.Value, By: who.offline.by, CodePrint: print}}
	clock, err := e.voucherClock(ctx)
	if err == nil {
		o.timed(&a, clock)
		a.Spend = agent.SpendOf(print, a.Now.Add(age))
		a.Sealed, err = o.Seal(string(p.ID), []byte(code.Text.Reveal()))
	}
	if err != nil {
		return failed(&p, err)
	}
	return e.accept(ctx, p, a)
}

// AcceptOnSight accepts a shown code because somebody saw a success on the customer's
// phone. It proves nothing and is never called paid; the wallet is asked for the order
// when the line is back.
func (e *Engine) AcceptOnSight(ctx context.Context, id agent.PaymentID, by string, role agent.Role) (agent.Payment, error) {
	p, err := e.opt.Journal.Payment(ctx, id)
	if err != nil {
		return p, err
	}
	o := e.opt.Offline
	switch {
	case o == nil || !o.Policy().On:
		return p, voucher.PolicyRefusal(voucher.PolicyOff)
	case p.OnlineOnly():
		return p, onlineOnly(p, "accept on sight")
	case !e.down(p.Status.Wallet):
		return p, stateError(p, "accept on sight", "There is a connection, so the wallet itself will say whether it was paid.")
	}
	a := agent.Acceptance{Policy: o.Policy(), Role: role,
		Fact: agent.Fact{Kind: agent.FactOfflineAccepted, Way: agent.WaySight, Wallet: p.Status.Wallet, Amount: p.Amount.Value, By: by}}
	clock, err := e.voucherClock(ctx)
	if err != nil {
		return p, err
	}
	o.timed(&a, clock)
	return e.acceptance(ctx, p, a)
}

// Void takes a sale accepted offline back before anything of it was sent. What the
// customer may have paid already is closed and asked about instead, and goes back.
func (e *Engine) Void(ctx context.Context, id agent.PaymentID, by string) (agent.Payment, error) {
	return e.learn(id, func(p agent.Payment) ([]agent.Fact, error) {
		switch s := p.Status; {
		case s.State == agent.Voided:
			return nil, nil
		case s.State != agent.OfflineAccepted:
			return nil, stateError(p, "void", "Only a sale that is accepted offline and not yet forwarded can be taken back. Refund it when it is paid.")
		case s.Way.PaidBefore():
			return []agent.Fact{{Kind: agent.FactCloseDecided, Reason: agent.ReasonCancelled, By: by}}, nil
		}
		return []agent.Fact{{Kind: agent.FactVoided, Reason: agent.ReasonCancelled, By: by}}, nil
	})
}
