package voucher

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"tillwire/agent"
)

// capOf is the cap of one payment. A receipt has none: its money is at the wallet.
func capOf(c agent.OfflineCap, a agent.Acceptance) int64 {
	switch {
	case a.Fact.Way == agent.WayReceipt:
		return agent.MaxMinor
	case a.Exact:
		return c.Exact
	}
	return c.Ceiling
}

// rank orders roles by what they may do.
var rank = map[agent.Role]int{agent.RoleCashier: 1, agent.RoleManager: 2, agent.RoleOwner: 3}

// Device is what the shop has accepted of the device whose code is judged.
type Device struct {
	Today int   // codes within a day
	Taken int64 // minor units under its certificate, however that ended but taken back
}

// Allow is why the owner's policy does not let a payment be accepted now, or nil. The
// order is that of a card terminal: switched on, allowed to, count, amount, and then what
// only vouchers have; the first reason is the one the cashier reads. Ask it inside the
// transaction that accepts: two lanes that ask before could both be told yes.
func Allow(p agent.OfflinePolicy, e agent.Exposure, a agent.Acceptance, lane string, amount agent.Money, device Device) error {
	limit, taken := p.Caps[amount.Currency]
	here := e.Lanes[lane]
	least := p.Least
	if a.Fact.Way == agent.WaySight && rank[least] < rank[agent.RoleManager] {
		least = agent.RoleManager
	}
	in := func(minor int64) string { return agent.Money{Value: minor, Currency: amount.Currency}.String() }
	switch {
	case !p.On:
		return PolicyRefusal(PolicyOff)
	case !slices.Contains(p.Ways, a.Fact.Way):
		return PolicyRefusal(PolicyWay)
	case rank[a.Role] < rank[least]:
		return PolicyRefusal(PolicyRole, string(least))
	case a.Behind:
		return PolicyRefusal(PolicyClock)
	case a.Unset && !a.Exact:
		// What was made for this sale and is on the display needs no clock to be fresh.
		return PolicyRefusal(PolicyUnset)
	case !e.Since.IsZero() && a.Now.Sub(e.Since) >= p.Window:
		return PolicyRefusal(PolicyWindow, hours(p.Window))
	case e.Count >= p.Count:
		return PolicyRefusal(PolicyCount, strconv.Itoa(p.Count))
	case here.Count >= p.LaneCount:
		return PolicyRefusal(PolicyLaneCount, strconv.Itoa(p.LaneCount))
	case !taken:
		return PolicyRefusal(PolicyCurrency, string(amount.Currency))
	case amount.Value > capOf(limit, a):
		return PolicyRefusal(PolicyAmount, in(capOf(limit, a)))
	case amount.Value > limit.Stored-e.Sums[amount.Currency]:
		return PolicyRefusal(PolicyStored, in(max(limit.Stored-e.Sums[amount.Currency], 0)))
	case amount.Value > limit.Lane-here.Sums[amount.Currency]:
		return PolicyRefusal(PolicyLane, in(max(limit.Lane-here.Sums[amount.Currency], 0)))
	case a.Fact.Way == agent.WayDevice && device.Today >= p.DeviceDay:
		return PolicyRefusal(PolicyDevice, strconv.Itoa(p.DeviceDay))
	case a.Fact.Way == agent.WayDevice && amount.Value > allowed(a)-device.Taken:
		return PolicyRefusal(PolicyAllowance, in(max(allowed(a)-device.Taken, 0)))
	}
	return nil
}

// allowed is what the issuer answers for in all.
func allowed(a agent.Acceptance) int64 {
	if a.Spend == nil {
		return 0
	}
	return a.Spend.Allowance
}

func hours(d time.Duration) string { return strconv.Itoa(int(d / time.Hour)) }

// The refusals of a policy, which are the ids of their sentences.
const (
	PolicyOff       = "accept.off"
	PolicyWay       = "accept.way"
	PolicyRole      = "accept.role"
	PolicyClock     = "accept.clock"
	PolicyUnset     = "accept.unset"
	PolicyWindow    = "accept.window"
	PolicyCount     = "accept.count"
	PolicyLaneCount = "accept.lane_count"
	PolicyCurrency  = "accept.currency"
	PolicyAmount    = "accept.amount"
	PolicyStored    = "accept.stored"
	PolicyLane      = "accept.lane"
	PolicyDevice    = "accept.device"
	PolicyAllowance = "accept.allowance" // its issuer answers for no more in all
	PolicyRestored  = "accept.restored"  // the store was put back: what it has spent is not known
)

var policyText = map[string]string{
	PolicyOff:       "No connection, and this shop accepts nothing without one. Take another way to pay",
	PolicyWay:       "Without a connection this shop does not accept such a code. Take another way to pay",
	PolicyRole:      "Accepting without a connection needs the role %s",
	PolicyClock:     "The clock of this terminal was set back. Nothing can be accepted without a connection; call the office",
	PolicyUnset:     "Nobody has set the clock of this terminal since it was switched on. Without a connection only codes made for the sale on the display can be accepted",
	PolicyWindow:    "The oldest sale accepted without a connection is %s hours old. No more until the line is back",
	PolicyCount:     "%s sales wait to be collected. No more until the line is back",
	PolicyLaneCount: "%s sales of this lane wait to be collected. No more here until the line is back",
	PolicyCurrency:  "Without a connection this shop accepts nothing in %s. Take another way to pay",
	PolicyAmount:    "Without a connection this shop accepts at most %s that way. Take another way to pay",
	PolicyStored:    "Only %s more may be accepted before the line is back. Take another way to pay",
	PolicyLane:      "Only %s more may be accepted on this lane before the line is back. Take another way to pay",
	PolicyDevice:    "This phone has paid %s times without a connection today. Take another way to pay",
	PolicyAllowance: "Only %s is left of what this phone's issuer answers for. Take another way to pay",
	PolicyRestored:  "This terminal's records were put back from an older time or come from another machine. Nothing can be accepted without a connection; call the office",
}

// PolicyRefusal is the agent.Error for one of the refusals above; args are its sentence's.
func PolicyRefusal(id string, args ...string) error {
	return &agent.Error{Op: "accept offline", Class: agent.Conflict, Code: agent.CodeOffline, Say: agent.Sentence{ID: id, Args: args, English: filled(policyText[id], args)}}
}

// filled puts the one argument that a sentence may have into it.
func filled(text string, args []string) string {
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args[0])
}

// Loosens reports whether policy p lets anything through that old would not. An
// owner may always tighten; loosening waits until the line has shown that it works,
// because whoever cut it must not choose the caps as well.
func Loosens(p, old agent.OfflinePolicy) bool {
	if !p.On {
		return false
	}
	if !old.On || rank[p.Least] < rank[old.Least] || p.Window > old.Window || p.TrustAge > old.TrustAge ||
		p.Count > old.Count || p.LaneCount > old.LaneCount || p.DeviceDay > old.DeviceDay {
		return true
	}
	if slices.ContainsFunc(p.Ways, func(w agent.Way) bool { return !slices.Contains(old.Ways, w) }) {
		return true
	}
	for currency, c := range p.Caps {
		was := old.Caps[currency]
		if c.Ceiling > was.Ceiling || c.Exact > was.Exact || c.Stored > was.Stored || c.Lane > was.Lane {
			return true
		}
	}
	return false
}
