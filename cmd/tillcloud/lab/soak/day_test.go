package soak_test

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

// lanes are the registers of the shop.
const lanes = 64

// day is one shop in one run of the soak.
type day struct {
	run0  *lab.Run
	seed  uint64
	keys  lab.Keys
	dir   string
	clock *lab.Clock
	shop  *lab.Shop
	sales atomic.Int64

	free  [lanes]chan struct{} // a lane has become free
	gate  sync.RWMutex         // held for reading by each sale: closed, nothing is sold
	calm  atomic.Bool          // no faults for now
	full  atomic.Bool          // the disk has no room for new payments
	held  []sample
	mu    sync.Mutex
	skies lab.Dice // of the weather
	luck  lab.Dice // under mu; of what happens to requests
	tried map[string]int
}

func newDay(r *lab.Run, seed uint64, keys lab.Keys, dir string) *day {
	d := &day{run0: r, seed: seed, keys: keys, dir: dir, clock: lab.NewClock(), luck: lab.NewDice("C13 requests", seed), skies: lab.NewDice("C13 weather", seed),
		tried: map[string]int{}}
	for i := range d.free {
		d.free[i] = make(chan struct{}, 1)
	}
	return d
}

// tenth makes every wait of the wallet a tenth of its own.
func tenth(string) agent.Timers {
	t := agent.DefaultTimers("wechat")
	for _, w := range []*time.Duration{&t.Connect, &t.Pay, &t.FirstQuery, &t.GiveUp, &t.MinReverse, &t.CodeAge, &t.QRLife, &t.QRPoll, &t.Watch, &t.Retry, &t.RetryMax, &t.Scan} {
		*w /= 10
	}
	for i := range t.Cadence {
		t.Cadence[i] /= 10
	}
	return t
}

// rest lets time pass; false when the day is over.
func (d *day) rest(ctx context.Context, long time.Duration) bool {
	select {
	case <-d.clock.After(long):
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

// The course of a run. Its samples begin when everything that the store remembers for
// a time, the longest being a payment code, is once full; its last part has power cuts,
// which begin everything anew, and no samples.
const (
	warmUp    = 10 * time.Minute
	roughPart = 10 // of a run, the last
	samples   = 40 // about, of a run
	mostOften = 5 * time.Second
)

// run trades for so long with one shop, and returns how long it traded. Every now and
// then it is calm: all is settled and judged, and a sample is taken.
func (d *day) run(ctx context.Context, long time.Duration) time.Duration {
	var err error
	d.shop, err = lab.Open(ctx, lab.Options{Dir: d.dir, Clock: d.clock, Keys: d.keys, Lanes: lanes, Timers: tenth, RideThrough: 4500 * time.Millisecond,
		Meddle: d.meddle, Told: d.told, Free: d.space, Steady: func() bool { return d.clock.Off().Abs() < time.Minute }})
	if err != nil {
		d.run0.Broken(d.seed, err)
		return 0
	}
	begin := d.clock.Mono()
	open, end := context.WithTimeout(ctx, long)
	defer end()
	var staff sync.WaitGroup
	for n := range lanes {
		staff.Go(func() { d.trade(open, n) })
	}
	steady := long - long/roughPart
	period := max(steady/samples, min(mostOften, long/2))
	for d.clock.Mono()-begin < steady && !d.run0.Halted() && open.Err() == nil {
		d.weather(open, period, false)
		s, ok := d.pause(ctx)
		if ok && (d.clock.Mono()-begin > warmUp || long < 2*warmUp && d.clock.Mono()-begin > long/2) {
			d.held = append(d.held, s)
		}
	}
	if !d.run0.Halted() {
		d.weather(open, long, true)
	}
	end()
	staff.Wait()
	d.pause(ctx)
	d.run0.Broken(d.seed, d.shop.Close())
	for what, n := range d.tried {
		d.run0.Count(what, float64(n))
	}
	return d.clock.Mono() - begin
}

// pause stops the trade, judges what there was, and takes a sample of a process that
// has nothing to do; ok reports that it came to that.
func (d *day) pause(ctx context.Context) (s sample, ok bool) {
	if s, err := take(false); err == nil {
		d.run0.Figure("most_goroutines_while_trading", s.goroutines)
	}
	d.run0.Broken(d.seed, d.peace(ctx))
	d.gate.Lock()
	defer d.gate.Unlock()
	sold := d.sales.Swap(0)
	d.run0.Add(int(sold))
	begin := d.clock.Mono()
	if err := d.closing(ctx); err != nil {
		d.run0.Broken(d.seed, err)
		return s, false
	}
	d.run0.Broken(d.seed, d.shop.Settle(ctx, settling, func(w time.Duration) { d.rest(ctx, w) }))
	d.run0.Figure("longest_settling_seconds", (d.clock.Mono() - begin).Seconds())
	found, err := d.shop.Judge(ctx)
	d.run0.Violated(d.seed, found...)
	if err = errors.Join(err, d.shop.NewBooks(ctx)); err != nil {
		d.run0.Broken(d.seed, err)
		return s, false
	}
	s, err = take(true)
	d.run0.Broken(d.seed, err)
	d.calm.Store(false)
	return s, err == nil
}

// space is how much the disk has left.
func (d *day) space(string) (uint64, error) {
	if d.full.Load() {
		return 0, nil
	}
	return 1 << 40, nil
}

// told hears of every commit and tells the lane when it is free.
func (d *day) told(p agent.Payment) {
	if p.Status.Held() {
		return
	}
	n, err := strconv.Atoi(p.Lane)
	if err != nil {
		return
	}
	select {
	case d.free[n-1] <- struct{}{}:
	default:
	}
}

func (d *day) count(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tried[what]++
}

// trade serves one customer after another at a lane.
func (d *day) trade(ctx context.Context, n int) {
	dice := lab.NewDice("C13 lane", d.seed*lanes+uint64(n))
	phones := map[sandbox.Behaviour]string{}
	for sale := 1; d.rest(ctx, dice.Between(0, 40*time.Millisecond)); sale++ {
		b := sandbox.Approve
		if dice.Chance(16) {
			b = lab.Pick(dice, sandbox.Decline, sandbox.Password, sandbox.Slow, sandbox.Abandon)
		}
		if phones[b] == "" {
			phone, err := d.shop.Customer(ctx, b, 1_000_000_000)
			if err != nil {
				continue // the cloud is away
			}
			phones[b] = phone
		}
		d.gate.RLock()
		d.serve(ctx, dice, n, fmt.Sprint(d.seed, "-", n, "-", sale), phones[b])
		d.gate.RUnlock()
	}
}

// serve is one sale. What fails because the power or the cloud is away just then
// is what the day is about: the books of the evening say whether it did harm.
func (d *day) serve(ctx context.Context, dice lab.Dice, n int, reference, phone string) {
	till := d.shop.Till()
	if till == nil {
		return
	}
	lane, shown := strconv.Itoa(n+1), dice.Chance(15)
	request := agent.Request{Client: "till", RequestID: reference, Lane: lane, Mode: agent.ModeScan, Reference: reference,
		Amount: agent.Money{Value: 1 + dice.Int64N(100_000), Currency: "CNY"}}
	if shown {
		request.Mode, request.Wallet = agent.ModeShow, "wechat"
	}
	select {
	case <-d.free[n]:
	default:
	}
	p, _, err := till.Open(ctx, request)
	if err != nil {
		d.wait(ctx, n, dice.Between(50*time.Millisecond, time.Second)) // the one before still holds the lane
		return
	}
	d.sales.Add(1)
	if dice.Chance(50) {
		if again, repeated, err := till.Open(ctx, request); err == nil && (!repeated || again.ID != p.ID) {
			d.shop.Accuse(lab.CheckKeys, "a double click opened %s beside %s", again.ID, p.ID)
		}
	}
	if shown {
		d.scanShown(ctx, dice, p.ID, phone)
	} else if code, err := d.shop.Code(ctx, phone); err == nil {
		till.Scan(ctx, lane, code)
		if dice.Chance(50) {
			till.Scan(ctx, lane, code)
		}
	}
	if dice.Chance(3) {
		d.rest(ctx, dice.Between(0, 300*time.Millisecond))
		_, _ = d.shop.Cloud().Ledger.Confirm(ctx, phone) // most phones ask for no password
	}
	if dice.Chance(25) {
		d.rest(ctx, dice.Between(0, 2*time.Second))
		if _, _, err := till.Cancel(ctx, p.ID, "the cashier"); err == nil {
			d.count("cancelled")
		}
	}
	d.wait(ctx, n, 10*time.Second)
	if dice.Chance(20) {
		part := agent.Money{Value: 1 + dice.Int64N(request.Amount.Value), Currency: "CNY"}
		if _, _, _, err := till.Refund(ctx, agent.RefundRequest{Payment: p.ID, RequestID: "refund", Amount: part, Why: "soak", By: "the manager"}); err == nil {
			d.count("refunds")
		}
	}
}

// scanShown is a customer who scans the display, if there is something on it.
func (d *day) scanShown(ctx context.Context, dice lab.Dice, id agent.PaymentID, phone string) {
	for range 20 {
		store := d.shop.Store()
		if store == nil || !d.rest(ctx, 20*time.Millisecond) {
			return
		}
		p, err := store.Payment(ctx, id)
		if err != nil || p.Status.Final() {
			return
		}
		if p.Status.QR != "" && !dice.Chance(5) {
			_, _ = d.shop.Cloud().Ledger.Scan(ctx, phone, p.Status.QR) // what the phone says is not the shop's to know
			return
		}
	}
}

// wait waits until the lane is free, at most for so long.
func (d *day) wait(ctx context.Context, n int, most time.Duration) {
	select {
	case <-d.free[n]:
	case <-d.clock.After(most):
	case <-ctx.Done():
	}
}
