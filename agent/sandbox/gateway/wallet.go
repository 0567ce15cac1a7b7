package gateway

import (
	"context"
	"net/http"
	"regexp"

	"tillwire/agent/sandbox"
)

// Wallet is one brand of the acquirer. It implements [sandbox.Wallet] and, for
// what its phones are like, [sandbox.Spender] and [sandbox.Reader]. On a listener
// of its own it is a gateway that has this brand alone.
type Wallet struct {
	*Acquirer
	brand Brand
}

// Name implements [sandbox.Wallet].
func (w *Wallet) Name() string { return w.brand.Name }

// Brand is the brand's row of the table.
func (w *Wallet) Brand() Brand { return w.brand }

// Currencies implements [sandbox.Spender].
func (w *Wallet) Currencies() []string {
	var list []string
	for _, c := range w.brand.Currencies {
		list = append(list, string(c))
	}
	return list
}

// OnlyReads implements [sandbox.Reader].
func (w *Wallet) OnlyReads() bool { return w.brand.code == nil }

// PayCode implements [sandbox.Wallet].
func (w *Wallet) PayCode() (string, error) {
	if w.brand.code == nil {
		return "", sandbox.ErrNoCodes
	}
	return w.brand.code()
}

// Answer implements [sandbox.Wallet]. Whatever names another brand is refused.
func (w *Wallet) Answer(ctx context.Context, call sandbox.Call) sandbox.Answer {
	return w.answer(ctx, call, []*Wallet{w})
}

// Answer implements [sandbox.Speaker] for what is about no brand.
func (a *Acquirer) Answer(ctx context.Context, call sandbox.Call) sandbox.Answer {
	return a.answer(ctx, call, a.brands)
}

// OrderNo implements [sandbox.Speaker]: numbers stand in the address, never in a body.
func (a *Acquirer) OrderNo([]byte) string { return "" }

// Classify implements [sandbox.Speaker].
func (a *Acquirer) Classify(r *http.Request) (sandbox.Operation, string) {
	e, path := endpointOf(r)
	if e == nil {
		return sandbox.OpOther, ""
	}
	return e.op, path.orderNo
}

// brandMember finds the brand also in half a body, which a parser would refuse. A
// name counts only with the quote behind it.
var brandMember = regexp.MustCompile(`"brand"\s*:\s*"([a-z0-9_-]{1,32})"`)
