package conform

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"tillwire/agent"
)

// toldChecks hold what the gateway says of itself against what it is asked for.
var toldChecks = []check{
	{"the capabilities name this brand", "/capabilities", func(ctx context.Context, b *bench) error {
		can, err := b.connection.Capabilities(ctx)
		if err != nil {
			return cause(err)
		}
		brand, ok := can.Brand(b.Brand.Name)
		if !ok {
			return fmt.Errorf("there is no %q among the brands", b.Brand.Name)
		}
		for mode, want := range map[string]bool{"code": b.Brand.Charges, "show": b.Brand.Shows} {
			if want && !slices.Contains(brand.Modes, mode) {
				return fmt.Errorf("the mode %q is not among %q", mode, brand.Modes)
			}
		}
		if !slices.Contains(brand.Currencies, b.Amount.Currency) {
			return fmt.Errorf("%s is not among %q", b.Amount.Currency, brand.Currencies)
		}
		if b.Brand.Shows && brand.Payload == nil {
			return errors.New("it shows codes and does not say what they are (payload)")
		}
		return nil
	}},
	{"a request that lacks a member", "Errors", func(ctx context.Context, b *bench) error {
		c := b.undo(b.number(), "close")
		c.body = map[string]any{"merchant": b.Config.Merchant}
		return b.refused(ctx, c, http.StatusBadRequest, "invalid_request")
	}},
	{"refunds of numbers nobody used", "Errors", func(ctx context.Context, b *bench) error {
		no := b.number()
		if err := b.refused(ctx, b.refund(no, no+"P1", 1), http.StatusNotFound, "order_not_found"); err != nil {
			return err
		}
		return b.refused(ctx, call{method: http.MethodGet, path: order(no, "/refunds/", no+"P1")}, http.StatusNotFound, "refund_not_found")
	}},
}

// showChecks are about codes that the shop shows.
var showChecks = []check{
	{"a code is for this sale and no other", "present", func(ctx context.Context, b *bench) error {
		w, ok := b.wallet.(agent.Presenter)
		if !ok {
			return b.shows()
		}
		no := b.number()
		if a := w.Present(ctx, b.payment(no)); a.Verdict != agent.Shown {
			return fmt.Errorf("a terminal would not show it: %s %s %w", a.Verdict, a.Code, orSilent(a.Err))
		}
		_, err := b.everywhere(ctx, no, "unpaid")
		return err
	}},
	{"the same presentation again is the same order", "1. Idempotency", showing(func(ctx context.Context, b *bench, no string) error {
		if _, err := b.state(ctx, b.present(no), no, "unpaid"); err != nil {
			return err
		}
		other := b.present(no)
		other.body.(map[string]any)["amount"] = money{b.Amount.Value + 1, string(b.Amount.Currency)}
		if err := b.refused(ctx, other, http.StatusConflict, "number_reused"); err != nil {
			return err
		}
		r, err := b.everywhere(ctx, no, "unpaid")
		if err == nil && (r.Amount == nil || r.Amount.Value != b.Amount.Value) {
			err = errors.New("the order's amount was changed by a request that was refused")
		}
		return err
	})},
	{"eight presentations at once are one order", "2. Single flight", func(ctx context.Context, b *bench) error {
		if err := b.shows(); err != nil {
			return err
		}
		no := b.number()
		if _, err := b.together(ctx, b.present(no), no, "unpaid"); err != nil {
			return err
		}
		_, err := b.everywhere(ctx, no, "unpaid")
		return err
	}},
	{"a presented order is not reversed", "reverse", showing(func(ctx context.Context, b *bench, no string) error {
		if err := b.refused(ctx, b.undo(no, "reverse"), http.StatusConflict, "wrong_mode"); err != nil {
			return err
		}
		_, err := b.everywhere(ctx, no, "unpaid")
		return err
	})},
	{"closed is closed, for every host and for good", "3. Linearizable query", showing(func(ctx context.Context, b *bench, no string) error {
		for range 2 {
			if _, err := b.state(ctx, b.undo(no, "close"), no, "closed"); err != nil {
				return err
			}
			if _, err := b.everywhere(ctx, no, "closed"); err != nil {
				return err
			}
		}
		return b.dead(ctx, b.present(no), no, "closed")
	})},
	{"a close that comes first", "4. Tombstones", func(ctx context.Context, b *bench) error {
		if err := b.shows(); err != nil {
			return err
		}
		no := b.number()
		if _, err := b.state(ctx, b.undo(no, "close"), no, "closed"); err != nil {
			return err
		}
		if _, err := b.everywhere(ctx, no, "closed"); err != nil {
			return err
		}
		if err := b.refused(ctx, b.present(no), http.StatusConflict, "order_closed"); err != nil {
			return err
		}
		_, err := b.everywhere(ctx, no, "closed")
		return err
	}},
}

// showing begins a check with an order on display.
func showing(run func(context.Context, *bench, string) error) func(context.Context, *bench) error {
	return func(ctx context.Context, b *bench) error {
		if err := b.shows(); err != nil {
			return err
		}
		no := b.number()
		r, err := b.state(ctx, b.present(no), no, "unpaid")
		if err != nil {
			return err
		}
		if r.QR == "" {
			return errors.New("the answer to a presentation has no qr")
		}
		return run(ctx, b, no)
	}
}

// dead asks again for an order that has ended: the answer is its end, as a state
// or as the error that says so.
func (b *bench) dead(ctx context.Context, c call, no, state string) error {
	r, err := b.ask(ctx, c)
	if err != nil {
		return err
	}
	if r.status == http.StatusConflict && r.Code == "order_"+state || r.status == http.StatusOK && r.OrderNo == no && r.State == state {
		return nil
	}
	return fmt.Errorf("%s %s of a dead order was answered %s, want %s", c.method, c.path, r, state)
}

// cause is what lies below the sentence for a shop's person.
func cause(err error) error {
	var around *agent.Error
	if errors.As(err, &around) && around.Err != nil {
		return around.Err
	}
	return err
}

func orSilent(err error) error {
	if err == nil {
		return errors.New("(without a reason)")
	}
	return err
}
