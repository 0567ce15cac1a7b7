package sim_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// checkTill is the check of what tills and cashiers are answered.
const checkTill = "till-is-told-the-truth"

// settleWithin is how long after the last fault everything must be final. What a
// wallet that forgets does not know is asked about for a minute and a half longer.
const (
	settleWithin  = 120 * time.Second
	settleForgets = settleWithin + 120*time.Second
	// settleApart is how much longer it may take where something was accepted while the
	// line was down: that nobody paid a sale on sight is believed after a minute and a half.
	settleApart = 180 * time.Second
	// settleOffice is how much longer it may take where something was handed to the
	// office, which is looked at once an hour. How often that may be is a bar of its own.
	settleOffice = 65 * time.Minute
)

// plan is what a seed makes of a day before it begins.
type plan struct {
	lanes int
	quota int           // payments
	think time.Duration // a lane's mean pause between two customers
	calm  bool          // a day without faults now and then, as the measure of the others
	takes []lab.Wallet
	// The cloud keeps nothing of what is undone before it has seen it. WeChat Pay does
	// not say whether it does.
	forgets bool
	outage  *agent.OfflinePolicy // what the owner lets be sold without a line; nil: nothing
}

// newPlan is a shop of any width. Every eighth day is a long one; the others are
// short, because a hundred of them say more about chance than one of the same size.
func newPlan(seed uint64) plan {
	dice := lab.NewDice("C6", seed)
	p := plan{lanes: lab.Pick(dice, 1, 1, 2, 3, 4, 8, 8, 16, 32, 64), quota: 150 + dice.IntN(300)}
	if seed%8 == 0 {
		p.quota = 1500 + dice.IntN(1500)
	}
	p.think = time.Duration(5+dice.IntN(40)) * time.Second
	p.calm = dice.Chance(25)
	p.takes = lab.Wallets()
	if dice.Chance(4) { // a shop with one wallet is common
		p.takes = []lab.Wallet{lab.Pick(dice, p.takes...)}
	}
	if p.forgets = dice.Chance(6); p.forgets {
		p.takes = lab.Wallets()[:1]
	}
	if !p.forgets && dice.Chance(2) {
		p.outage, p.takes = newPolicy(dice), append(p.takes, lab.Apart()...)
	}
	return p
}

// names are those of the wallets that the shop takes.
func (p plan) names() (list []string) {
	for _, w := range p.takes {
		list = append(list, w.Name)
	}
	return list
}

// pace is the mean time between two payments of the whole shop.
func (p plan) pace() time.Duration { return (p.think + 8*time.Second) / time.Duration(p.lanes) }

// day is one case: a shop, the people in it and the faults that strike.
type day struct {
	plan
	seed    uint64
	clock   *lab.Clock
	shop    *lab.Shop
	line    *line
	weather *weather
	doubts  *doubts

	left   atomic.Int64  // payments that may still be opened
	over   chan struct{} // closed when trade has ended
	people sync.WaitGroup

	mu      sync.Mutex
	found   []lab.Violation
	strikes map[string]int
	held    []string // offline codes that were held to a scanner, the latest of them

	tally tally
}

// openDay builds a shop for a seed in a folder.
func openDay(ctx context.Context, seed uint64, dir string, keys lab.Keys) (*day, error) {
	network := lab.NewNetwork()
	d := &day{plan: newPlan(seed), seed: seed, clock: lab.NewClock(), over: make(chan struct{}), strikes: map[string]int{}}
	d.left.Store(int64(d.quota))
	d.line = &line{network: network, clock: d.clock}
	d.weather = newWeather(d)
	d.doubts = newDoubts(d.clock)
	var err error
	d.shop, err = lab.Open(ctx, lab.Options{Dir: dir, Clock: d.clock, Keys: keys, Wallets: d.names(), Network: network, Lanes: d.lanes, Dial: d.line.dial,
		At: d.weather.at, Meddle: d.weather.meddle, Free: d.weather.free, Display: d.weather.display, Forgets: d.forgets, Told: d.doubts.told, Outage: d.outage})
	return d, err
}

// run is the day from opening to judgement. It returns how many payments it had.
func (d *day) run(ctx context.Context) (payments int, took time.Duration, err error) {
	var lanes sync.WaitGroup
	var broken []error
	for i := range d.lanes {
		c := newCashier(d, strconv.Itoa(i+1), "till")
		if err := c.meetCustomers(ctx, d.takes[0]); err != nil {
			return 0, 0, err
		}
		lanes.Go(func() { c.work(ctx) })
	}
	if !d.calm {
		d.weather.begin(ctx)
	}
	lanes.Wait()
	close(d.over)
	if err := d.weather.end(ctx); err != nil {
		broken = append(broken, err)
	}
	d.people.Wait()
	if err := d.weather.heal(ctx); err != nil {
		broken = append(broken, err)
	}
	if len(broken) > 0 {
		return 0, 0, errors.Join(broken...)
	}
	healed := d.clock.Mono()
	if err := d.shop.Settle(ctx, d.within(), d.wait); err != nil {
		return 0, 0, fmt.Errorf("settle: %w", err)
	}
	took = d.clock.Mono() - healed
	seen, err := d.shop.Cloud().Ledger.Requests(ctx, 0)
	if err != nil {
		return 0, took, err
	}
	d.tally = d.doubts.count(seen, d.clock.SystemClock.Now().Add(-d.clock.Mono()))
	books, err := d.shop.Books(ctx)
	if err != nil {
		return 0, took, err
	}
	for _, p := range books.Payments {
		if p.Status.Wallet != "" {
			d.strike("payments_"+p.Status.Wallet, 1)
		}
		if p.Status.Way != "" {
			d.strike("accepted_by_"+string(p.Status.Way), 1)
			d.strike("accepted_then_"+string(p.Status.State), 1)
		}
	}
	found, err := d.shop.Judge(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.found = append(d.found, found...)
	return len(books.Payments), took, err
}

// within is how long everything may take to end once all is well.
func (d *day) within() time.Duration {
	within := settleWithin
	if d.forgets {
		within = settleForgets
	}
	if d.outage != nil {
		within += settleApart
	}
	if d.doubts.handed() > 0 {
		within += settleOffice
	}
	return within
}

// wait lets virtual time pass.
func (d *day) wait(span time.Duration) { <-d.clock.After(span) }

// pause waits, and reports false when the trade ended meanwhile.
func (d *day) pause(span time.Duration) bool {
	select {
	case <-d.clock.After(span):
		return true
	case <-d.over:
		return false
	}
}

// accuse notes what a till or cashier should not have been answered.
func (d *day) accuse(check, format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.found) < 10 {
		d.found = append(d.found, lab.Violation{Check: check, What: fmt.Sprintf(format, args...)})
	}
}

// strike counts a fault that struck.
func (d *day) strike(kind string, times int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.strikes[kind] += times
}

// payment reads a payment as its screens show it; false while nobody can.
func (d *day) payment(ctx context.Context, id agent.PaymentID) (agent.Payment, bool) {
	store := d.shop.Store()
	if store == nil {
		return agent.Payment{}, false
	}
	p, err := store.Payment(ctx, id)
	return p, err == nil
}

// phone is a customer with a manner.
type phone struct {
	id     string
	manner sandbox.Behaviour
}
