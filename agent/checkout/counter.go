package checkout

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet/voucher"
)

// Show begins the other way of paying for a payment that still waits for a code.
func (e *Engine) Show(ctx context.Context, id agent.PaymentID, wallet string) (agent.Payment, error) {
	p, err := e.opt.Journal.Payment(ctx, id)
	if err != nil {
		return p, err
	}
	l := e.lanes[p.Lane]
	if wallet == "" && l != nil {
		wallet = l.cfg.Wallet
	}
	if _, err := e.presenter(wallet, p.Amount); err != nil {
		return p, err
	}
	began := false
	p, err = e.learn(id, func(now agent.Payment) ([]agent.Fact, error) {
		began = false
		if now.Status.Showing && now.Status.Wallet == wallet && !now.Status.Final() {
			return nil, nil
		}
		if now.Status.State != agent.Created || now.Mode == agent.ModeScan {
			return nil, stateError(now, "show code", "This payment cannot show a code any more. Cancel it and start again.")
		}
		began = true
		return []agent.Fact{{Kind: agent.FactPresentStarted, Op: agent.OpPresent, Attempt: 1, Wallet: wallet}}, nil
	})
	if err == nil && began {
		e.update(id, func(l *live) { l.started = e.opt.Clock.Mono() })
		e.begin(id)
	}
	return p, err
}

// Cancel ends a payment as far as that is possible now: what was never sent is
// over, what may have been sent is undone. repeated reports that it was already
// being undone. A payment that has ended is refused with code final.
func (e *Engine) Cancel(ctx context.Context, id agent.PaymentID, by string) (p agent.Payment, repeated bool, err error) {
	p, err = e.opt.Journal.Payment(ctx, id)
	if err != nil {
		return p, false, err
	}
	if l := e.lanes[p.Lane]; l != nil && p.Status.State == agent.QRShown {
		// Off the display first: a code that is being closed must not be payable.
		if err := l.blank(ctx, id); err != nil {
			e.opt.Log.Warn("the code could not be taken off the display; its time-to-live ends it", "comp", "checkout", "lane", p.Lane, "err", err)
		}
	}
	p, err = e.learn(id, func(now agent.Payment) ([]agent.Fact, error) {
		fact, again, err := cancelFact(now)
		repeated = again
		if again || err != nil {
			return nil, err
		}
		fact.Reason, fact.By = agent.ReasonCancelled, by
		return []agent.Fact{fact}, nil
	})
	if err == nil && !repeated {
		e.wipe(id)
	}
	return p, repeated, err
}

// cancelFact is what cancelling means for a payment as it stands.
func cancelFact(p agent.Payment) (fact agent.Fact, again bool, err error) {
	s := p.Status
	if s.State == agent.Review {
		s.State = s.Under
	}
	switch {
	case s.Final():
		return fact, false, finalError(p, "cancel")
	case s.State == agent.Created:
		return agent.Fact{Kind: agent.FactUnsent}, false, nil
	case s.State == agent.QRShown, s.State == agent.Sending && s.Showing:
		return agent.Fact{Kind: agent.FactCloseDecided}, false, nil
	case s.State == agent.Closing && !s.Released():
		return agent.Fact{Kind: agent.FactReleased}, false, nil
	case s.State == agent.Sending, s.State == agent.AwaitPayer, s.State == agent.Unknown:
		return agent.Fact{Kind: agent.FactReversalDecided}, false, nil
	}
	return fact, true, nil
}

// Check asks the wallet now and records what it says, as the next due step would.
// A payment with a negative end is asked about, too: money found there goes back.
func (e *Engine) Check(ctx context.Context, id agent.PaymentID) (agent.Payment, error) {
	p, err := e.opt.Journal.Payment(ctx, id)
	if err != nil {
		return p, err
	}
	switch {
	case p.Status.State == agent.Paid, p.Status.State == agent.Refunded, p.Status.State == agent.Created:
		return p, nil
	case p.Status.State == agent.OfflineRejected:
		return p, nil // a loss is final: money found for it is a difference of the reconciliation
	case !p.Status.Final():
		e.Resume(context.WithoutCancel(ctx), agent.Task{Payment: id, Tries: 1})
		return e.opt.Journal.Payment(ctx, id)
	case p.Status.Wallet == "":
		return p, nil
	}
	if a := e.query(context.WithoutCancel(ctx), p); a.Verdict == agent.Approved {
		p, _, _ = e.record(p, approved(a, agent.OpQuery))
	}
	return p, nil
}

// Scanned takes a reading of a lane's scanner; it is the sink of every scanner.
// It tells the scanner what became of it.
func (e *Engine) Scanned(s agent.Scan) {
	l := e.lanes[s.Lane]
	accepted := l != nil && l.tried(s.Text)
	if !accepted {
		r := e.Scan(e.work, s.Lane, s.Text)
		accepted = r.Accepted || r.Receipt
	}
	if l != nil && l.cfg.Scanner != nil {
		l.cfg.Scanner.Answer(accepted)
	}
}

// Scan gives a scanned text to the payment that waits for it on the lane. Every
// scan has an answer; one that is not accepted is also told to the lane's screens.
func (e *Engine) Scan(ctx context.Context, laneID string, text agent.PayCode) agent.ScanResult {
	r := e.scan(context.WithoutCancel(ctx), laneID, text)
	if !r.Accepted {
		told := agent.Event{Kind: "lane", Lane: laneID, Say: r.Say, Tone: r.Tone}
		if r.Receipt {
			told.Receipt = r.Payment.ID
		}
		e.opt.Feed.Publish(told)
	}
	e.opt.Log.Info("scan", "comp", "checkout", "lane", laneID, "length", text.Len(), "accepted", r.Accepted, "answer", r.Say.ID)
	return r
}

func (e *Engine) scan(ctx context.Context, laneID string, text agent.PayCode) agent.ScanResult {
	l := e.lanes[laneID]
	if l == nil {
		return no(nil, agent.ToneBad, "scan.lane", fmt.Sprintf("There is no lane %q", laneID))
	}
	// One scan of a lane at a time: the code of the one that is recorded is kept.
	l.scanning.Lock()
	defer l.scanning.Unlock()
	var p *agent.Payment
	var in agent.Currency
	id := l.holder()
	if id != "" {
		if p = e.peek(ctx, id); p != nil {
			in = p.Amount.Currency
		}
	}
	if sold := e.receipt(ctx, text.Reveal()); sold != nil {
		return scanReceipt(p, sold)
	}
	if voucher.KindOf(text.Reveal()) != "" {
		return e.scanVoucher(ctx, p, text)
	}
	code := e.opt.Wallets.Identify(text, in)
	if code.Kind == agent.CodeMerchant {
		return e.sticker(p, code)
	}
	if code.Kind != agent.CodeConsumer {
		return agent.ScanResult{Payment: p, Say: e.opt.Wallets.Explain(code), Tone: agent.ToneDoubt}
	}
	if id == "" {
		return nothingOpen()
	}
	if p == nil {
		return no(nil, agent.ToneBad, "scan.store", "The payment cannot be read. See the owner's page")
	}
	return e.scanFor(ctx, *p, code)
}

func nothingOpen() agent.ScanResult {
	return no(nil, agent.ToneDoubt, "scan.no_payment", "No payment is open. Enter the amount first, then scan again")
}

func (e *Engine) peek(ctx context.Context, id agent.PaymentID) *agent.Payment {
	p, err := e.opt.Journal.Payment(ctx, id)
	if err != nil {
		return nil
	}
	return &p
}

// scanFor answers a customer's code while p holds the lane.
func (e *Engine) scanFor(ctx context.Context, p agent.Payment, code agent.Code) agent.ScanResult {
	print := e.opt.Fingerprint(code.Text.Reveal())
	switch {
	case p.Status.Final():
		return nothingOpen()
	case p.Status.State != agent.Created && usedBy(p, print):
		r := no(&p, agent.ToneCalm, "scan.same", "This code is already being processed")
		r.Accepted = true
		return r
	case p.Status.State != agent.Created:
		return no(&p, agent.ToneDoubt, "scan.busy", "Another payment is under way. Cancel it first")
	case p.Mode == agent.ModeShow:
		return no(&p, agent.ToneDoubt, "scan.show_mode", "This payment shows a code. The customer scans it with the phone")
	case code.Wallet == "":
		return agent.ScanResult{Payment: &p, Say: e.opt.Wallets.Explain(code), Tone: agent.ToneBad}
	}
	w, ok := e.opt.Wallets.Wallet(code.Wallet)
	if _, charges := w.(agent.Charger); !ok || !charges {
		return agent.ScanResult{Payment: &p, Say: e.opt.Wallets.Explain(code), Tone: agent.ToneBad}
	}
	if !w.Info().Prices(p.Amount.Currency) {
		return no(&p, agent.ToneBad, "scan.currency", fmt.Sprintf("The wallet %s does not take %s here. Take another way to pay", code.Wallet, p.Amount.Currency))
	}
	if e.down(code.Wallet) {
		if later, ok := w.(agent.LateCharger); ok {
			return e.acceptLater(ctx, p, code, later)
		}
		return e.refuseDown(p, code.Wallet)
	}
	return e.start(ctx, p, w, code, print)
}

// refuseDown ends a payment at once when the line has been gone for longer than a
// code lives: such a code cannot be kept and tried later.
func (e *Engine) refuseDown(p agent.Payment, wallet string) agent.ScanResult {
	reason := agent.ReasonLineDown
	if e.opt.Line().State == agent.LineDegraded {
		reason = agent.ReasonWalletDown // whose own cloud is away: the shop's line is not to blame
	}
	next, _, _ := e.decide(p, agent.Fact{Kind: agent.FactUnsent, Wallet: wallet, Reason: reason})
	return agent.ScanResult{Payment: &next, Say: next.Say(), Tone: agent.ToneBad}
}

// start makes the attempt durable and sends it.
func (e *Engine) start(ctx context.Context, p agent.Payment, w agent.Wallet, code agent.Code, print []byte) agent.ScanResult {
	// The code is at hand before the attempt is on disk, so that whoever resumes the
	// payment first can send it; without the attempt it is wiped again.
	now, opened := e.opt.Clock.Mono(), time.Duration(0)
	e.update(p.ID, func(l *live) {
		opened = l.started
		l.code, l.pay, l.scanned, l.started = code.Text, nil, now, now
	})
	fact := agent.Fact{Kind: agent.FactPayStarted, At: e.opt.Clock.Now(), Op: agent.OpPay, Attempt: 1, Wallet: code.Wallet, CodePrint: print}
	next, err := e.attempt(ctx, p, fact, func() { e.prepare(p, w, code.Text) })
	if err == nil {
		return agent.ScanResult{Accepted: true, Payment: &next, Say: next.Say(), Tone: agent.ToneCalm}
	}
	e.wipe(p.ID)
	e.unstart(p.ID, now, opened)
	if errors.Is(err, agent.ErrCodeSeen) {
		return agent.ScanResult{Payment: &p, Say: codeUsed, Tone: agent.ToneDoubt}
	}
	if errors.Is(err, agent.ErrStale) {
		if moved := e.peek(ctx, p.ID); moved != nil {
			return e.scanFor(ctx, *moved, code)
		}
	}
	return failed(&p, err)
}

// codeUsed is said of a code that another payment was begun with.
var codeUsed = agent.Sentence{ID: "scan.used", English: "This code was used a moment ago. Ask for a fresh code"}

// usedBy reports whether the payment was begun with the code of this fingerprint.
func usedBy(p agent.Payment, print []byte) bool {
	for _, f := range p.Facts {
		if f.Kind == agent.FactPayStarted && string(f.CodePrint) == string(print) {
			return true
		}
	}
	return false
}

func no(p *agent.Payment, tone agent.Tone, id, english string) agent.ScanResult {
	return agent.ScanResult{Payment: p, Say: agent.Sentence{ID: id, English: english}, Tone: tone}
}
