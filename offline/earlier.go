package offline

import (
	"cmp"
	"context"
	"slices"

	"tillwire/agent"
)

// earlier sums what the payments that where selects have taken and given back by those of
// their facts for which in holds, by wallet and currency: the money that moved in a span
// without being of its sales. What a payment took is taken off again where a fact undoes it,
// so that the sums of spans that follow each other are what there is at the end.
func (r *Reader) earlier(ctx context.Context, in func(agent.Fact) bool, where string, args ...any) ([]agent.WalletTotal, error) {
	found, err := r.payments(ctx, selectPayment+"WHERE "+where, args...)
	if err != nil {
		return nil, err
	}
	var list []agent.WalletTotal
	for _, e := range found {
		p := &e.payment
		moved := agent.WalletTotal{Wallet: p.Status.Wallet, Totals: agent.Totals{Currency: p.Amount.Currency}}
		var was agent.Status
		for _, f := range p.Facts {
			is, err := was.Apply(f)
			if err != nil {
				return nil, internal("sum earlier payments", "apply the facts of %s again: %w", p.ID, err)
			}
			if in(f) {
				moved.CapturedEarlier += took(is) - took(was)
				moved.Earlier += is.RefundedSum() - was.RefundedSum()
			}
			was = is
		}
		list = plus(list, moved)
	}
	return list, nil
}

// plus adds sums to the rows of their wallets and currencies, and keeps the rows in order.
func plus(list []agent.WalletTotal, more ...agent.WalletTotal) []agent.WalletTotal {
	for _, w := range more {
		i := slices.IndexFunc(list, func(t agent.WalletTotal) bool { return t.Wallet == w.Wallet && t.Currency == w.Currency })
		switch {
		case w.Totals == agent.Totals{Currency: w.Currency}:
		case i < 0:
			list = append(list, w)
		default:
			list[i].Add(w.Totals)
		}
	}
	slices.SortFunc(list, func(a, b agent.WalletTotal) int {
		return cmp.Or(cmp.Compare(a.Wallet, b.Wallet), cmp.Compare(a.Currency, b.Currency))
	})
	return list
}
