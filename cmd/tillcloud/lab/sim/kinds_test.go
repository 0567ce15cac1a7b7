package sim_test

import (
	"context"
	"time"

	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// kind is one kind of fault: its name on the page, how often it is chosen among
// those of its table, and how it strikes.
type kind struct {
	name   string
	weight int
	lasts  bool // it is over when do returns, and counts as one strike
	do     func(*weather, context.Context, lab.Dice)
}

// requestKinds befall single requests. The sandbox applies the first ten, the lab's
// tap the others.
func requestKinds() []kind {
	sand := func(name string, weight int, make func(lab.Dice) sandbox.Fault) kind {
		return kind{name, weight, false, func(w *weather, _ context.Context, dice lab.Dice) { w.sand(name, dice, make(dice)) }}
	}
	tap := func(name string, weight int) kind {
		return kind{name, weight, false, func(w *weather, _ context.Context, dice lab.Dice) { w.tap(name, dice) }}
	}
	bytes := func(k sandbox.FaultKind, most int64) func(lab.Dice) sandbox.Fault {
		return func(dice lab.Dice) sandbox.Fault { return sandbox.Fault{Kind: k, AfterBytes: dice.Int64N(most)} }
	}
	status := func(list ...int) func(lab.Dice) sandbox.Fault {
		return func(dice lab.Dice) sandbox.Fault {
			return sandbox.Fault{Kind: sandbox.StatusOnly, Status: lab.Pick(dice, list...)}
		}
	}
	plain := func(k sandbox.FaultKind) func(lab.Dice) sandbox.Fault {
		return func(lab.Dice) sandbox.Fault { return sandbox.Fault{Kind: k} }
	}
	return []kind{
		sand("drop_request", 10, bytes(sandbox.DropRequest, 1500)),
		sand("drop_response", 14, bytes(sandbox.DropResponse, 900)),
		sand("delay", 10, func(dice lab.Dice) sandbox.Fault {
			return sandbox.Fault{Kind: sandbox.Delay, DelayMS: int64(100) << dice.IntN(13)}
		}),
		sand("status_5xx", 8, status(500, 502, 503, 504)),
		sand("status_409", 6, status(409)),
		sand("status_4xx", 6, status(400, 401, 403, 404, 429)),
		sand("bad_signature", 8, plain(sandbox.BadSignature)),
		sand("wrong_amount", 8, plain(sandbox.WrongAmount)),
		sand("duplicate", 8, plain(sandbox.Duplicate)),
		sand("captive_portal", 6, plain(sandbox.CaptivePortal)),
		tap(late, 12), tap(silent, 8), tap(stale, 8),
	}
}

// windowKinds last for a while. One of them is over before the next begins.
func windowKinds() []kind {
	return []kind{
		{"refuse_connection", 6, true, (*weather).refuseConnections},
		{"line_down", 12, true, lineDown(refused)},
		{"line_swallows", 8, true, lineDown(swallowed)},
		{"line_slow", 6, true, lineDown(slowed)},
		{"outage", 20, true, (*weather).outage},
		{"cloud_restart", 6, true, func(w *weather, ctx context.Context, dice lab.Dice) { w.cloudOff(ctx, 0) }},
		{"cloud_outage", 6, true, func(w *weather, ctx context.Context, dice lab.Dice) { w.cloudOff(ctx, span(dice)) }},
		{"clock_forward", 8, true, func(w *weather, _ context.Context, dice lab.Dice) { w.clockWrong(dice, 1) }},
		{"clock_back", 8, true, func(w *weather, _ context.Context, dice lab.Dice) { w.clockWrong(dice, -1) }},
		{"disk_full", 8, true, func(w *weather, _ context.Context, dice lab.Dice) { w.diskFull(dice) }},
	}
}

// powerKinds take the agent's power.
func powerKinds() []kind {
	return []kind{
		{"power_cut_at_a_point", 10, true, (*weather).cutAtPoint},
		{"power_cut_idle", 4, true, func(w *weather, ctx context.Context, dice lab.Dice) { w.cut(ctx, dice) }},
		{"power_flicker", 3, true, (*weather).flicker},
	}
}

// counterKinds are what people and their machines do at the counter.
func counterKinds() []kind {
	return []kind{
		{"burst_on_a_lane", 8, true, (*weather).burst},
		{"slow_customers", 6, true, func(w *weather, _ context.Context, dice lab.Dice) { w.slowCustomers(dice) }},
		{"two_tills_on_a_lane", 8, true, (*weather).secondTill},
		{"display_fails", 6, true, func(w *weather, _ context.Context, dice lab.Dice) { w.displayFails(dice, broken) }},
		{"display_hangs", 4, true, func(w *weather, _ context.Context, dice lab.Dice) { w.displayFails(dice, hanging) }},
	}
}

// allKinds is the table of every kind of fault.
func allKinds() (all []kind) {
	for _, table := range [][]kind{requestKinds(), windowKinds(), powerKinds(), counterKinds()} {
		all = append(all, table...)
	}
	return all
}

// choose throws for a kind by weight.
func choose(dice lab.Dice, table []kind) kind {
	sum := 0
	for _, k := range table {
		sum += k.weight
	}
	throw := dice.IntN(sum)
	for _, k := range table {
		if throw -= k.weight; throw < 0 {
			return k
		}
	}
	return table[0]
}

// shortest and longest bound a window.
const (
	shortest = 2 * time.Second
	longest  = 30 * time.Minute
)

// span is how long a window lasts. Each doubling from the shortest to the longest
// is as likely as the one before.
func span(dice lab.Dice) time.Duration {
	high := shortest << (1 + dice.IntN(10))
	return min(dice.Between(high/2, high), longest)
}
