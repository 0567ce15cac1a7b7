package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"tillwire/agent"
)

// Wallet is one brand over a connection: what every brand can do. The types that
// Connection.Wallet returns add charging or showing to it.
type Wallet struct {
	*Connection
	name  string // as configured
	brand Brand
}

// A brand that charges codes, one that shows codes, and one that does both. They
// are types of their own because callers find out by type what a wallet can do.
type (
	charging struct {
		*Wallet
		charger
	}
	showing struct {
		*Wallet
		presenter
	}
	full struct {
		*Wallet
		charger
		presenter
	}
)

// What each of them offers a counter.
var (
	_ agent.Charger   = charging{}
	_ agent.Reverser  = charging{}
	_ agent.Presenter = showing{}
	_ agent.Closer    = showing{}
	_ agent.Charger   = full{}
	_ agent.Closer    = full{}
	_ agent.Refunder  = (*Wallet)(nil)
	_ agent.Biller    = (*Wallet)(nil)
)

// Wallet gives one brand of the connection under the name it is configured with.
// The error says what to correct.
func (c *Connection) Wallet(name string, b Brand) (agent.Wallet, error) {
	b.Name = cmp.Or(b.Name, name)
	if !brandPattern.MatchString(b.Name) {
		return nil, c.c.wrong(fmt.Errorf("brand %q is not 1 to 32 of a-z, 0-9, - and _", b.Name))
	}
	for _, currency := range b.Currencies {
		if !currency.Known() {
			return nil, c.c.wrong(fmt.Errorf("currencies holds %q, which is not a known ISO 4217 currency", currency))
		}
	}
	w := &Wallet{Connection: c, name: cmp.Or(name, b.Name), brand: b}
	switch {
	case b.Charges && b.Shows:
		return full{w, charger{w}, presenter{w}}, nil
	case b.Charges:
		return charging{w, charger{w}}, nil
	case b.Shows:
		return showing{w, presenter{w}}, nil
	}
	return nil, c.c.wrong(errors.New(`modes is missing: write "code" where customers show codes, "show" where the shop shows them`))
}

// Info implements agent.Wallet. A gateway is live only when the configuration
// says so and the gateway does not deny it.
func (w *Wallet) Info() agent.WalletInfo {
	can := w.said()
	info := agent.WalletInfo{Name: w.name, Protocol: "gateway", Test: !w.c.Live || can != nil && can.Test,
		Hosts: w.cloud.Hosts(), Currency: w.brand.Currencies}
	if b, ok := can.Brand(w.brand.Name); ok && len(info.Currency) == 0 {
		info.Currency = b.Currencies
	}
	return info
}

// name is what every body begins with.
type named struct {
	Merchant string `json:"merchant"`
	Brand    string `json:"brand"`
}

func (w *Wallet) named() named { return named{w.c.Merchant, w.brand.Name} }

func (w *Wallet) query() url.Values {
	return url.Values{"merchant": {w.c.Merchant}, "brand": {w.brand.Name}}
}

// orderPath is the path of an order and what is done to it.
func orderPath(no string, rest ...string) string {
	return "/payments/" + url.PathEscape(no) + strings.Join(rest, "")
}

// shortRef is the reference where a scheme has less room: the last 20 characters.
func shortRef(no string) string { return no[max(0, len(no)-20):] }

// Query implements agent.Wallet.
func (w *Wallet) Query(ctx context.Context, p agent.Payment) agent.Answer {
	return w.do(ctx, request{wallet: w.name, op: agent.OpQuery, method: http.MethodGet, path: orderPath(p.OrderNo), query: w.query(),
		read: func(status int, body []byte) agent.Answer {
			if status != http.StatusOK {
				return refuse(status, body, queryRefusals, false, false)
			}
			return w.judge(p, body)
		}})
}

// undo sends a reversal or a close and accepts the states it may end in.
func (w *Wallet) undo(ctx context.Context, p agent.Payment, op agent.Operation, refusals map[string]refusal, ends ...string) agent.Answer {
	return w.do(ctx, request{wallet: w.name, op: op, method: http.MethodPost, path: orderPath(p.OrderNo, "/", string(op)), body: w.named(),
		read: func(status int, body []byte) agent.Answer {
			if status != http.StatusOK {
				a := refuse(status, body, refusals, true, false)
				if a.Reason == agent.ReasonSetup {
					// Whatever we are not allowed to undo, it is not undone: keep at it.
					a.Verdict = agent.InDoubt
				}
				return a
			}
			a := w.judge(p, body)
			if a.Reason == agent.ReasonUnverified {
				return a
			}
			if slices.Contains(ends, a.Code) {
				return agent.Answer{Verdict: agent.Accepted, Code: a.Code, Txn: a.Txn}
			}
			return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonSystem, Code: a.Code, Text: a.Text}
		}})
}

// refusedHere is an answer to what the gateway has already said it does not do:
// nothing is sent. A second try goes out all the same, for the first one may have
// arrived.
func (w *Wallet) refusedHere(p agent.Payment) (agent.Answer, bool) {
	b, ok := w.said().Brand(w.brand.Name)
	if !ok || p.Status.Attempt > 1 {
		return agent.Answer{}, false
	}
	not := func(reason agent.Reason, format string, args ...any) (agent.Answer, bool) {
		return agent.Answer{Verdict: agent.NotDelivered, Reason: reason, Err: fmt.Errorf(format, args...)}, true
	}
	if !slices.Contains(b.Currencies, p.Amount.Currency) {
		return not(agent.ReasonSetup, "the gateway takes no %s for %s", p.Amount.Currency, w.brand.Name)
	}
	for _, l := range b.Limits {
		if l.Currency == p.Amount.Currency && (p.Amount.Value < l.Min || l.Max > 0 && p.Amount.Value > l.Max) {
			return not(agent.ReasonOverLimit, "%s is outside the gateway's limits for %s", p.Amount, w.brand.Name)
		}
	}
	return agent.Answer{}, false
}
