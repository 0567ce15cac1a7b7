package sim_test

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// weather is everything that goes wrong on a day.
type weather struct {
	day   *day
	runs  sync.WaitGroup // the four that throw faults
	calm  chan struct{}  // closed when everything is healed
	full  atomic.Bool    // the disk
	slow  atomic.Bool    // the customers
	shows atomic.Int32   // how displays behave

	mu     sync.Mutex
	broken []error
	away   bool            // the cloud takes no faults now
	armed  int             // points until the power goes; 0: never
	taps   map[string]int  // requests that the tap still has to treat
	laden  []sandbox.Fault // what the sandbox still has to do, with its names
	names  []string
	hasty  map[string]int // lane to customers of a burst
	dark   chan struct{}  // closed when the power went at a point
	chance lab.Dice       // for hooks that others call, under mu
}

// The faults that the tap applies.
const (
	late   = "late_request"
	silent = "silence"
	stale  = "stale_answer"
)

func newWeather(d *day) *weather {
	return &weather{day: d, calm: make(chan struct{}), taps: map[string]int{}, hasty: map[string]int{}, dark: make(chan struct{}),
		chance: lab.NewDice("C6-hooks", d.seed)}
}

// begin starts the faults: single requests, windows, power and the counter, each
// with dice of its own. How often they come follows the pace of trade, so that a
// quiet shop has as many as a busy one for each payment.
func (w *weather) begin(ctx context.Context) {
	for _, t := range []struct {
		name  string
		table []kind
		every int // payments
	}{{"requests", requestKinds(), 16}, {"windows", windowKinds(), 110}, {"power", powerKinds(), 140}, {"counter", counterKinds(), 150}} {
		dice := lab.NewDice("C6-"+t.name, w.day.seed)
		w.runs.Go(func() {
			for w.day.pause(dice.Between(0, 2*time.Duration(t.every)*w.day.pace())) {
				k := choose(dice, t.table)
				k.do(w, ctx, dice)
				if k.lasts {
					w.day.strike(k.name, 1)
				}
			}
		})
	}
}

// end waits until the ones that throw faults have stopped.
func (w *weather) end(ctx context.Context) error {
	w.runs.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = 0
	return errors.Join(w.broken...)
}

// heal takes every fault away: cloud, line and power are back, the clock is right,
// and what was late arrives now.
func (w *weather) heal(ctx context.Context) error {
	d := w.day
	w.cloudAway(true)
	w.mu.Lock()
	w.armed, w.taps = 0, map[string]int{}
	w.mu.Unlock()
	err := d.shop.Cloud().SetFaults(nil)
	d.line.is(up)
	d.clock.Right()
	w.full.Store(false)
	close(w.calm)
	if d.shop.Till() == nil {
		err = errors.Join(err, w.powerOn(ctx))
	}
	d.doubts.end()
	return err
}

// fail keeps an error that ends the case.
func (w *weather) fail(err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken = append(w.broken, err)
}

// operations are what a fault of a request may be about.
var operations = []string{"*", "*", "pay", "pay", "pay", "query", "query", "reverse", "reverse", "present", "close", "refund", "refund_query", "redeem"}

// sand hands the sandbox one more fault, unless its wallet is out of reach anyway.
func (w *weather) sand(name string, dice lab.Dice, f sandbox.Fault) {
	f.Wallet, f.Operation, f.Count = lab.Pick(dice, append(w.day.names(), "*", "*")...), lab.Pick(dice, operations...), 1+dice.IntN(3)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.away {
		return
	}
	w.tally()
	w.laden, w.names = append(w.laden, f), append(w.names, name)
	if len(w.laden) > 6 {
		w.laden, w.names = w.laden[1:], w.names[1:]
	}
	w.failLocked(w.day.shop.Cloud().SetFaults(slices.Clone(w.laden)))
}

// tally counts what the sandbox's faults have struck since the last time, and keeps
// the ones that have something left.
func (w *weather) tally() {
	var laden []sandbox.Fault
	var names []string
	for i, f := range w.day.shop.Cloud().Faults() {
		if f.Kind == sandbox.RefuseConnection || i >= len(w.names) {
			continue
		}
		w.day.strike(w.names[i], f.Count-f.Left)
		if f.Count = f.Left; f.Left > 0 {
			laden, names = append(laden, f), append(names, w.names[i])
		}
	}
	w.laden, w.names = laden, names
}

// cloudAway keeps everybody from talking to the sandbox about faults while it is
// stopped or out of reach.
func (w *weather) cloudAway(away bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if away {
		w.tally()
		w.laden, w.names = nil, nil
	}
	w.away = away
}

func (w *weather) failLocked(err error) {
	if err != nil {
		w.broken = append(w.broken, err)
	}
}

// tap lets the tap treat the next one or two requests.
func (w *weather) tap(name string, dice lab.Dice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.taps[name] += 1 + dice.IntN(2)
}

// meddle is the tap's question about a request.
func (w *weather) meddle(a lab.Arrival) lab.Meddling {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.taps) == 0 || !w.chance.Chance(3) {
		return lab.Meddling{}
	}
	names := slices.Sorted(maps.Keys(w.taps))
	name := names[w.chance.IntN(len(names))]
	if w.taps[name]--; w.taps[name] == 0 {
		delete(w.taps, name)
	}
	w.day.strike(name, 1)
	w.day.doubts.strike(a.OrderNo)
	switch name {
	case silent:
		return lab.Meddling{Silent: true}
	case stale:
		return lab.Meddling{Stale: true}
	}
	now := make(chan struct{})
	span := w.chance.Between(11*time.Second, time.Duration(1+w.chance.IntN(15))*time.Minute)
	w.day.people.Go(func() {
		defer close(now)
		select {
		case <-w.day.clock.After(span):
		case <-w.day.over:
		}
	})
	return lab.Meddling{Late: now}
}

// at counts points down to the power cut.
func (w *weather) at(lab.Point) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.armed == 0 {
		return
	}
	if w.armed--; w.armed == 0 {
		close(w.dark)
		w.day.shop.PowerOff()
	}
}

// free is the room on the disk.
func (w *weather) free(string) (uint64, error) {
	if w.full.Load() {
		return 1 << 20, nil
	}
	return 1 << 40, nil
}

// How displays behave.
const (
	fine int32 = iota
	broken
	hanging
)

var errDisplay = errors.New("the display does not answer")

// screen is a lane's display.
type screen struct{ w *weather }

// display makes the display of a lane.
func (w *weather) display(string) agent.Display { return screen{w} }

// Show implements agent.Display.
func (s screen) Show(ctx context.Context, _ agent.Screen) error {
	switch s.w.shows.Load() {
	case broken:
		return errDisplay
	case hanging:
		select {
		case <-ctx.Done():
		case <-s.w.day.clock.After(20 * time.Second):
		}
		return errDisplay
	}
	return nil
}

// hurries reports that the lane's next customer stands there already.
func (w *weather) hurries(lane string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hasty[lane] == 0 {
		return false
	}
	w.hasty[lane]--
	return true
}

// anyLane is a lane by chance.
func (w *weather) anyLane(dice *rand.Rand) string { return strconv.Itoa(1 + dice.IntN(w.day.lanes)) }
