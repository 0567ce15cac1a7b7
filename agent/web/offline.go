package web

import (
	"context"
	"maps"
	"slices"
	"time"

	"tillwire/agent"
)

// offlineCounter is the engine's part of selling without a line.
type offlineCounter interface {
	// GoOffline lets a payment be accepted without the wallet's word.
	GoOffline(ctx context.Context, id agent.PaymentID, wallet, by string, role agent.Role) (agent.Payment, error)
	// AcceptOnSight accepts a shown code because somebody looked at the customer's phone.
	AcceptOnSight(ctx context.Context, id agent.PaymentID, by string, role agent.Role) (agent.Payment, error)
	// Void takes an accepted sale back before anything of it was sent.
	Void(ctx context.Context, id agent.PaymentID, by string) (agent.Payment, error)
	// WriteOff gives up what could not be collected; why, the owner's note, is required.
	WriteOff(ctx context.Context, id agent.PaymentID, by, why string) (agent.Payment, error)
	// OwnCodes lists the wallets whose customers can be shown a code made here.
	OwnCodes() []string
	// LaterCodes lists the wallets whose codes may be charged after the sale.
	LaterCodes() []string
}

// offlineStore is what the pages read of sales that wait to be collected, and how they
// hurry them.
type offlineStore interface {
	Exposure(ctx context.Context) (agent.Exposure, error)
	// Losses adds up everything that was accepted and not collected.
	Losses(ctx context.Context) ([]Loss, error)
	// ForwardNow begins with everything that waits for its next try, also with what was
	// given up: revived is how many steps that were.
	ForwardNow(ctx context.Context) (revived int, err error)
	// PutBack is when an older store was put back, zero when that is settled: until then
	// nothing is accepted without a line, because what was spent is not known.
	PutBack(ctx context.Context) (time.Time, error)
	// SeenTime is the latest time that a wallet has confirmed, zero when none has.
	SeenTime(ctx context.Context) (time.Time, error)
	// ResetSeen takes the time of now for it, where a later one was kept by mistake.
	ResetSeen(ctx context.Context, by string) error
	// TrustSpent settles it: by says that the wallets' bills were compared.
	TrustSpent(ctx context.Context, by string) error
}

// Loss is what was not collected for one reason in one currency.
type Loss struct {
	Reason agent.Reason
	Count  int
	Sum    agent.Money
}

// offlineJSON is what a shop may still accept without a connection and what waits to be
// collected. Amounts are minor units.
type offlineJSON struct {
	On    bool                   `json:"on"`
	Least agent.Role             `json:"least"` // who may accept
	Ways  []agent.Way            `json:"ways"`
	Shows []string               `json:"shows"` // wallets whose customers can be shown a code made here
	Later []string               `json:"later"` // wallets whose customers' codes may be charged after the sale
	Since *time.Time             `json:"since"` // of the oldest that waits; null when nothing does
	Until *time.Time             `json:"until"` // nothing more is accepted then
	All   storedJSON             `json:"all"`
	Lanes map[string]*storedJSON `json:"lanes"`
}

// storedJSON is what waits and what is left of the caps, of the terminal or a lane.
type storedJSON struct {
	Count int       `json:"count"`
	Most  int       `json:"most"` // sales
	Sums  []sumJSON `json:"sums"` // one for each currency that is taken or waits
}

type sumJSON struct {
	Currency agent.Currency `json:"currency"`
	Value    int64          `json:"value"`
	Most     int64          `json:"most"`
	Left     int64          `json:"left"`
}

// offline puts the policy beside what waits. A store that cannot be read now says so by
// its own problem; the register then offers nothing.
func (s *Server) offline(ctx context.Context) offlineJSON {
	out := offlineJSON{Ways: []agent.Way{}, Shows: []string{}, Later: []string{}, Lanes: map[string]*storedJSON{}, All: storedJSON{Sums: []sumJSON{}}}
	policy := s.Policy()
	e, err := s.Store.Exposure(ctx)
	if err != nil {
		s.Log.Warn("what waits to be collected cannot be read", "comp", "web", "code", "exposure", "err", err)
		return out
	}
	out.On, out.Least, out.Shows = policy.On, policy.Least, append(out.Shows, s.Counter.OwnCodes()...)
	out.Ways, out.Later = append(out.Ways, policy.Ways...), append(out.Later, s.Counter.LaterCodes()...)
	if !e.Since.IsZero() {
		until := e.Since.Add(policy.Window)
		out.Since, out.Until = &e.Since, &until
	}
	of := func(x agent.Stored, most int, limit func(agent.OfflineCap) int64) storedJSON {
		j := storedJSON{Count: x.Count, Most: most, Sums: []sumJSON{}}
		for _, c := range named(policy.Caps, x.Sums) {
			value, most := x.Sums[c], limit(policy.Caps[c])
			j.Sums = append(j.Sums, sumJSON{Currency: c, Value: value, Most: most, Left: max(most-value, 0)})
		}
		return j
	}
	out.All = of(e.Stored, policy.Count, func(c agent.OfflineCap) int64 { return c.Stored })
	for _, l := range s.Counter.Lanes() {
		here := of(e.Lanes[l.ID], policy.LaneCount, func(c agent.OfflineCap) int64 { return c.Lane })
		out.Lanes[l.ID] = &here
	}
	return out
}

// named lists the currencies that are taken or wait, in the order of their codes.
func named(caps map[agent.Currency]agent.OfflineCap, sums map[agent.Currency]int64) []agent.Currency {
	list := slices.Collect(maps.Keys(caps))
	for c, value := range sums {
		if _, taken := caps[c]; !taken && value > 0 {
			list = append(list, c)
		}
	}
	slices.Sort(list)
	return list
}
