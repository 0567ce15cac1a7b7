package conform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// nobody is a code that no customer shows.
const nobody = "000000000000"

// codeChecks are about customers' codes. The last two move money of test
// customers and give it back.
var codeChecks = []check{
	{"a reversal that comes first", "4. Tombstones", func(ctx context.Context, b *bench) error {
		if err := b.charges(); err != nil {
			return err
		}
		no := b.number()
		for range 2 {
			if _, err := b.state(ctx, b.undo(no, "reverse"), no, "reversed"); err != nil {
				return err
			}
		}
		if err := b.refused(ctx, b.charge(no, nobody), http.StatusConflict, "order_reversed"); err != nil {
			return err
		}
		_, err := b.everywhere(ctx, no, "reversed")
		return err
	}},
	{"a code of nobody", "charge", func(ctx context.Context, b *bench) error {
		if err := b.charges(); err != nil {
			return err
		}
		no := b.number()
		for range 2 {
			r, err := b.state(ctx, b.charge(no, nobody), no, "refused")
			if err == nil && r.Reason != "code_invalid" && r.Reason != "code_expired" {
				err = fmt.Errorf("the reason is %q, want code_invalid", r.Reason)
			}
			if err != nil {
				return err
			}
		}
		if err := b.refused(ctx, b.charge(no, nobody+"1"), http.StatusConflict, "number_reused"); err != nil {
			return err
		}
		if _, err := b.everywhere(ctx, no, "refused"); err != nil {
			return err
		}
		if _, err := b.state(ctx, b.undo(no, "reverse"), no, "reversed"); err != nil {
			return err
		}
		_, err := b.everywhere(ctx, no, "reversed")
		return err
	}},
	{"eight charges at once take money once, and it can be given back", "1. Idempotency", charged(func(ctx context.Context, b *bench, no, code string) error {
		first, err := b.everywhere(ctx, no, "paid")
		if err != nil {
			return err
		}
		again, err := b.state(ctx, b.charge(no, code), no, "paid")
		if err == nil && (again.Txn != first.Txn || again.Txn == "") {
			err = fmt.Errorf("the transaction was %q and is %q", first.Txn, again.Txn)
		}
		if err != nil {
			return err
		}
		other := b.charge(no, code)
		other.body.(map[string]any)["amount"] = money{b.Amount.Value + 1, string(b.Amount.Currency)}
		if err := b.refused(ctx, other, http.StatusConflict, "number_reused"); err != nil {
			return err
		}
		return b.refunds(ctx, no)
	})},
	{"a reversal gives everything back, once", "reverse", charged(func(ctx context.Context, b *bench, no, code string) error {
		used := b.number()
		r, err := b.state(ctx, b.charge(used, code), used, "refused")
		if err == nil && r.Reason != "code_used" && r.Reason != "code_invalid" && r.Reason != "code_expired" {
			err = fmt.Errorf("a used code is refused for %q, want code_used", r.Reason)
		}
		if err != nil {
			return err
		}
		for range 2 {
			if _, err := b.state(ctx, b.undo(no, "reverse"), no, "reversed"); err != nil {
				return err
			}
			if _, err := b.everywhere(ctx, no, "reversed"); err != nil {
				return err
			}
		}
		return b.dead(ctx, b.charge(no, code), no, "reversed")
	})},
}

// charged begins a check with a paid order, which was asked for eight times at
// once.
func charged(run func(ctx context.Context, b *bench, no, code string) error) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) error {
		code, err := b.code()
		if err != nil {
			return err
		}
		no := b.number()
		paid, err := b.together(ctx, b.charge(no, code), no, "paid")
		if err != nil {
			return fmt.Errorf("%w (the customer has to be one who pays without confirming)", err)
		}
		for _, r := range paid {
			if r.Amount == nil || r.Amount.Value != b.Amount.Value || r.Amount.Currency != string(b.Amount.Currency) || r.Txn != paid[0].Txn {
				return errors.New("the answers do not tell one payment of the amount that was asked for")
			}
		}
		return run(ctx, b, no, code)
	}
}

// refunds gives a part back and tries what must not be given.
func (b *bench) refunds(ctx context.Context, no string) error {
	can, err := b.connection.Capabilities(ctx)
	if err != nil {
		return cause(err)
	}
	brand, _ := can.Brand(b.Brand.Name)
	if brand.Refund == nil {
		_, err := b.state(ctx, b.undo(no, "reverse"), no, "reversed")
		return err
	}
	part := b.Amount.Value
	if brand.Refund.Partial && part > 1 {
		part /= 2
	}
	for _, c := range []call{b.refund(no, no+"P1", part), b.refund(no, no+"P1", part), {method: http.MethodGet, path: order(no, "/refunds/", no+"P1")}} {
		r, err := b.state(ctx, c, no, "done", "processing")
		if err == nil && (r.RefundNo != no+"P1" || r.Amount == nil || r.Amount.Value != part) {
			err = errors.New("the answer is about another refund")
		}
		if err != nil {
			return err
		}
	}
	if err := b.refused(ctx, b.refund(no, no+"P1", part+1), http.StatusConflict, "number_reused"); err != nil {
		return err
	}
	if err := b.refused(ctx, b.refund(no, no+"P2", b.Amount.Value-part+1), http.StatusUnprocessableEntity, "refund_exceeds"); err != nil {
		return err
	}
	if err := b.refused(ctx, b.undo(no, "reverse"), http.StatusConflict, "state_forbids"); err != nil {
		return err
	}
	_, err = b.everywhere(ctx, no, "paid")
	return err
}
