package gateway

import (
	"context"
	"net/http"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// sale is what charging and presenting ask for alike. It depends on the payment
// and the configuration alone, so that a second try is the same request.
type sale struct {
	named
	Amount      money  `json:"amount"`
	ShortRef    string `json:"short_ref"`
	Description string `json:"description,omitempty"`
	Store       string `json:"store,omitempty"`
	Lane        string `json:"lane,omitempty"`
}

func (w *Wallet) sale(p agent.Payment) sale {
	return sale{named: w.named(), Amount: wire(p.Amount), ShortRef: shortRef(p.OrderNo),
		Description: w.c.Description, Store: w.c.StoreID, Lane: wallet.Clip(p.Lane, 32)}
}

// charger takes customers' codes.
type charger struct{ w *Wallet }

// charge is the body of a charge. The code is the text as it was scanned.
type charge struct {
	sale
	Code     string `json:"code"`
	Accepted string `json:"accepted_at,omitempty"` // only of a code that is charged later
}

// Pay implements agent.Charger.
func (c charger) Pay(ctx context.Context, p agent.Payment, code agent.PayCode) agent.Answer {
	w := c.w
	if a, refused := w.refusedHere(p); refused {
		return a
	}
	return wallet.Hide(w.do(ctx, request{wallet: w.name, op: agent.OpPay, method: http.MethodPost, path: orderPath(p.OrderNo, "/charge"),
		body: charge{sale: w.sale(p), Code: code.Reveal()}, once: true,
		read: func(status int, body []byte) agent.Answer {
			if status != http.StatusOK {
				return refuse(status, body, payRefusals, true, p.Status.Attempt > 1)
			}
			return asAnswer(w.judge(p, body))
		}}), code)
}

// asAnswer reads a state as the answer to a charge or presentation: a dead order
// refuses it, and a charge that is "unpaid" has no outcome yet.
func asAnswer(a agent.Answer) agent.Answer {
	switch a.Verdict {
	case agent.Ended:
		a.Verdict = agent.Refused
	case agent.Unpaid:
		a.Verdict, a.Reason = agent.InDoubt, agent.ReasonSystem
	}
	return a
}

// Reverse implements agent.Reverser.
func (c charger) Reverse(ctx context.Context, p agent.Payment) agent.Answer {
	return c.w.undo(ctx, p, agent.OpReverse, reverseRefusals, stateReversed)
}

// presenter gives codes to show.
type presenter struct{ w *Wallet }

// present is the body of a presentation.
type present struct {
	sale
	Lifetime int64 `json:"lifetime_s"`
}

// Present implements agent.Presenter. The code is shown only if it asks for this
// amount in this currency.
func (s presenter) Present(ctx context.Context, p agent.Payment) agent.Answer {
	w := s.w
	if a, refused := w.refusedHere(p); refused {
		return a
	}
	ctx, cancel := context.WithTimeout(ctx, w.c.Timers.Pay)
	defer cancel()
	a := w.do(ctx, request{wallet: w.name, op: agent.OpPresent, method: http.MethodPost, path: orderPath(p.OrderNo, "/present"),
		body: present{w.sale(p), int64((w.c.Timers.QRLife + w.c.LifeMargin) / time.Second)},
		read: func(status int, body []byte) agent.Answer {
			if status != http.StatusOK {
				return refuse(status, body, payRefusals, true, p.Status.Attempt > 1)
			}
			o, err := w.read(p, body)
			if err != nil {
				return wallet.Unverified(err)
			}
			a := o.verdict()
			if a.Verdict == agent.Unpaid {
				a.QR = o.QR
				return a
			}
			a = asAnswer(a)
			if a.Verdict == agent.Approved || a.Verdict == agent.Awaiting {
				// Somebody paid before there was a code: the query tells whose payment it is.
				a.Verdict, a.Reason = agent.InDoubt, agent.ReasonSystem
			}
			return a
		}})
	if a.Verdict != agent.Unpaid {
		return a
	}
	if err := w.mayShow(ctx, a.QR, p.Amount); err != nil {
		return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonShownElse, Code: a.Code, Err: err}
	}
	a.Verdict = agent.Shown
	return a
}

// mayShow checks a code by the table of brands, which asks for the most; what does
// not pass may still be what the gateway's capabilities announce for the brand.
func (w *Wallet) mayShow(ctx context.Context, qr string, m agent.Money) error {
	var first error
	if w.brand.Kind == KindEMV || w.brand.Kind == KindUPI {
		if first = checkShown(qr, m, Payload{Kind: w.brand.Kind}, w.brand.Profiles, w.c.Schemes); first == nil {
			return nil
		}
	}
	can, err := w.Capabilities(ctx)
	if err != nil {
		if first == nil {
			first = err
		}
		return first
	}
	b, ok := can.Brand(w.brand.Name)
	if !ok || b.Payload == nil {
		if first == nil {
			return checkShown(qr, m, Payload{}, nil, nil)
		}
		return first
	}
	var profiles []string
	if b.Payload.Profile != "" {
		profiles = []string{b.Payload.Profile}
	}
	return checkShown(qr, m, *b.Payload, profiles, w.c.Schemes)
}

// Close implements agent.Closer.
func (s presenter) Close(ctx context.Context, p agent.Payment) agent.Answer {
	return s.w.undo(ctx, p, agent.OpClose, closeRefusals, stateClosed, stateReversed)
}
