package checkout

import (
	"context"
	"slices"

	"tillwire/agent"
	"tillwire/agent/wallet/voucher"
)

// foresee is why nothing that this terminal could show for a wallet now would be accepted,
// or nil when something would. It only reads, so another lane may be faster and the
// accepting commit decides; but no customer is asked to pay or to sign for what is known to
// be refused.
func (e *Engine) foresee(ctx context.Context, p agent.Payment, wallet string, role agent.Role) error {
	o := e.opt.Offline
	if o.PutBack != nil {
		switch at, err := o.PutBack(ctx); {
		case err != nil:
			return err
		case !at.IsZero():
			return voucher.PolicyRefusal(voucher.PolicyRestored)
		}
	}
	owner := o.Policy()
	stake, err := o.Journal.Exposure(ctx)
	if err != nil {
		return err
	}
	clock, err := e.voucherClock(ctx)
	if err != nil {
		return err
	}
	// The manager who looks at the customer's phone comes later.
	asked := []agent.Acceptance{{Fact: agent.Fact{Way: agent.WaySight}, Policy: owner, Role: agent.RoleManager}}
	var first error
	if _, issues := o.issuer(func(i Issuer) bool { return i.Wallet == wallet }); issues {
		keys, limits := o.Keys(), limits(owner)
		if err := voucher.Usable(keys, clock, limits); err != nil {
			first = refusal(err)
		} else {
			policy := lowered(owner, limits.Lowered(keys.Policy))
			signed := func(way agent.Way, exact bool) agent.Acceptance {
				return agent.Acceptance{Fact: agent.Fact{Way: way}, Exact: exact, Policy: policy, Role: role, Spend: &agent.Spend{Allowance: agent.MaxMinor}}
			}
			asked = append([]agent.Acceptance{signed(agent.WayReceipt, true), signed(agent.WayDevice, true), signed(agent.WayBearer, false)}, asked...)
		}
	}
	for _, a := range asked {
		if !slices.Contains(owner.Ways, a.Fact.Way) {
			continue
		}
		o.timed(&a, clock)
		err := voucher.Allow(a.Policy, stake, a, p.Lane, p.Amount, voucher.Device{})
		if err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = voucher.PolicyRefusal(voucher.PolicyWay)
	}
	return first
}
