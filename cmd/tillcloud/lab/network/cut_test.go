package network_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/lab/network"
)

// The sizes of C4: release is every byte of every wallet's messages, merge every
// so many bytes of the first wallet's and fewer of the others'.
const (
	cutsMerge   = 2_100
	cutsRelease = 105_000
	cutsStride  = 32 // bytes from one cut to the next, at merge size
	cutsOthers  = 3  // times as many for the other wallets
)

// cutKind is a kind of message: what is asked of which wallet.
type cutKind struct {
	wallet lab.Wallet
	op     sandbox.Operation
}

func (k cutKind) String() string { return k.wallet.Name + " " + string(k.op) }

// cutKinds lists the kinds of messages, in the order in which seeds count them. A
// wallet has the same number of seeds whatever it can do.
func cutKinds() (kinds []cutKind) {
	for _, w := range lab.Wallets() {
		for _, op := range []sandbox.Operation{sandbox.OpPay, sandbox.OpQuery, sandbox.OpReverse, sandbox.OpPresent, sandbox.OpClose, sandbox.OpRefund, sandbox.OpRefundQuery} {
			kinds = append(kinds, cutKind{w, op})
		}
	}
	return kinds
}

// sent holds for the kinds that a shop sends.
func (k cutKind) sent() bool {
	switch k.op {
	case sandbox.OpPay, sandbox.OpReverse:
		return k.wallet.Scans
	case sandbox.OpPresent, sandbox.OpClose:
		return k.wallet.Shows
	}
	return true
}

// cutCase is one cut of one message.
type cutCase struct {
	kind   cutKind
	answer bool
	way    network.Way
	at     int // bytes that still pass
}

// A seed names its case whatever the lengths are: message, way and byte.
const (
	cutWays  = 3
	cutBytes = 10_000
)

func (c cutCase) String() string {
	what := "the request"
	if c.answer {
		what = "the answer"
	}
	return fmt.Sprintf("%s to %s cut by %s after %d bytes", what, c.kind, c.way, c.at)
}

func cutSeed(message, way, at int) uint64 { return uint64((message*cutWays+way)*cutBytes + at + 1) }

func cutOf(seed uint64) (c cutCase, ok bool) {
	n := int(seed) - 1
	message := n / cutBytes / cutWays
	kinds := cutKinds()
	if n < 0 || message >= 2*len(kinds) {
		return c, false
	}
	return cutCase{kinds[message/2], message%2 == 1, network.Way(n / cutBytes % cutWays), n % cutBytes}, true
}

// scale shortens every wait of the product alike, so that all roads are taken in the
// order of the real waits. The redial pause is a second whatever the settings are, so
// codes live that much longer.
const scale = 25

func shortTimers(wallet string) agent.Timers {
	t := lab.DefaultTimers(wallet)
	t.Cadence = slices.Clone(t.Cadence)
	for _, d := range []*time.Duration{&t.Connect, &t.Pay, &t.FirstQuery, &t.GiveUp, &t.MinReverse, &t.CodeAge, &t.QRLife, &t.QRPoll, &t.Watch, &t.Retry, &t.RetryMax} {
		*d /= scale
	}
	for i := range t.Cadence {
		t.Cadence[i] /= scale
	}
	// A request gets longer: a machine that is busy with other things would cut them all,
	// and their repeats would keep it busy.
	t.Connect, t.Pay, t.GiveUp = time.Second, time.Second, 3*time.Second
	t.CodeAge += time.Second
	return t
}

// openCounter opens a shop on real sockets behind a proxy.
func openCounter(ctx context.Context, dir string, lanes int) (c *counter, end func() error, err error) {
	pair, err := keys()
	if err != nil {
		return nil, nil, err
	}
	loopback, err := network.ListenLoopback()
	if err != nil {
		return nil, nil, err
	}
	c = &counter{clock: lab.NewClock(), tick: 10 * time.Millisecond, limit: finalWithin, seeds: map[string]uint64{}}
	c.proxy = network.NewProxy(loopback.Pair, (&net.Dialer{}).DialContext)
	c.shop, err = lab.Open(ctx, lab.Options{Dir: dir, Clock: c.clock, Keys: pair, Wallets: names(), Dial: c.proxy.Dial, Lanes: lanes, Timers: shortTimers,
		RideThrough: 45*time.Second/scale + time.Second})
	if err != nil {
		return nil, nil, errors.Join(err, loopback.Close())
	}
	return c, func() error {
		err := c.shop.Bury()
		c.proxy.Close()
		return errors.Join(err, c.shop.Close(), loopback.Close(), os.RemoveAll(dir))
	}, nil
}

// lose is a fault that leaves the shop without an answer.
func lose() network.Fault { return network.Cut(true, 0, network.Reset) }

// trade makes a payment that sends a message of the kind, with the fault in its way.
func (c *counter) trade(ctx context.Context, r *lab.Run, seed uint64, lane string, kind cutKind, answer bool, f network.Fault) (*network.Armed, error) {
	dice := lab.NewDice("C4", seed)
	behaviour, lost, shown, op := sandbox.Approve, false, !kind.wallet.Scans, kind.op
	switch op {
	case sandbox.OpQuery:
		if lost = dice.Chance(2) && !shown; !lost {
			behaviour = sandbox.Password
		}
	case sandbox.OpReverse:
		if lost = dice.Chance(2); !lost {
			behaviour = sandbox.Abandon
		}
	case sandbox.OpPresent, sandbox.OpClose:
		shown = true
	}
	s, err := c.open(ctx, seed, lane, kind.wallet, behaviour, 1+dice.Int64N(100_000))
	if err != nil {
		return nil, err
	}
	defer c.proxy.Disarm(s.orderNo)
	a := c.proxy.Arm(s.orderNo, op, f)
	switch {
	case op == sandbox.OpRefund || op == sandbox.OpRefundQuery:
		err = s.serveRefund(ctx, dice, op)
	case shown:
		err = s.serveShown(ctx, dice, op, answer)
	default:
		err = s.serveScanned(ctx, dice, op, behaviour, lost)
	}
	if err != nil && !errors.Is(err, errLate) {
		return a, err
	}
	begin := c.clock.Mono()
	_, err = s.until(ctx, ended)
	r.Figure("longest until final after a cut, s", (c.clock.Mono() - begin).Seconds())
	if errors.Is(err, errLate) {
		c.shop.Accuse(lab.CheckFinal, "%v, %s and more after the last that was done about it", err, c.limit)
		err = nil
	}
	return a, err
}

// serveScanned is a sale by the customer's code, with what the cashier and the
// customer do so that the message comes about.
func (s *sale) serveScanned(ctx context.Context, dice lab.Dice, op sandbox.Operation, b sandbox.Behaviour, lost bool) error {
	var silence *network.Armed
	if lost {
		silence = s.proxy.Arm(s.orderNo, sandbox.OpPay, lose())
	}
	if err := s.scan(ctx); err != nil {
		return err
	}
	if lost {
		if err := s.fires(ctx, silence); err != nil {
			return err
		}
	} else if b != sandbox.Approve {
		if _, err := s.until(ctx, in(agent.AwaitPayer, agent.Unknown)); err != nil {
			return err
		}
	}
	switch {
	case b == sandbox.Password:
		_, err := s.shop.Cloud().Ledger.Confirm(ctx, s.customer)
		return err
	case op == sandbox.OpReverse && (lost || !dice.Chance(4)):
		// Without the cashier the time to wait ends it.
		return s.cancel(ctx)
	}
	return nil
}

// serveShown is a sale by a code that the shop shows, paid or given up.
func (s *sale) serveShown(ctx context.Context, dice lab.Dice, op sandbox.Operation, answer bool) error {
	if err := s.show(ctx); err != nil {
		return err
	}
	p, err := s.until(ctx, in(agent.QRShown, agent.Closing))
	if err != nil || p.Status.State != agent.QRShown {
		return err
	}
	// A close that meets a paid order has another answer; its request is the same.
	pays := op == sandbox.OpQuery || op == sandbox.OpPresent && dice.Chance(2)
	if pays || op == sandbox.OpClose && !answer && dice.Chance(4) {
		if _, err := s.shop.Cloud().Ledger.Scan(ctx, s.customer, p.Status.QR); err != nil {
			return err
		}
		if op == sandbox.OpQuery {
			_, err = s.shop.Cloud().Ledger.Confirm(ctx, s.customer)
		}
		if pays {
			return err
		}
	}
	return s.cancel(ctx)
}

// pay is a sale that its customer pays at once, by whichever code there is.
func (s *sale) pay(ctx context.Context) error {
	if s.wallet.Scans {
		return s.scan(ctx)
	}
	if err := s.show(ctx); err != nil {
		return err
	}
	p, err := s.until(ctx, in(agent.QRShown))
	if err == nil && p.Status.State == agent.QRShown {
		_, err = s.shop.Cloud().Ledger.Scan(ctx, s.customer, p.Status.QR)
	}
	return err
}

// serveRefund is a paid sale of which something comes back.
func (s *sale) serveRefund(ctx context.Context, dice lab.Dice, op sandbox.Operation) error {
	if err := s.pay(ctx); err != nil {
		return err
	}
	if p, err := s.until(ctx, in()); err != nil || p.Status.State != agent.Paid {
		return err
	}
	if op == sandbox.OpRefundQuery {
		s.proxy.Arm(s.orderNo, sandbox.OpRefund, lose())
	}
	part := s.amount
	if dice.Chance(2) {
		part = 1 + dice.Int64N(s.amount)
	}
	return s.refund(ctx, part)
}

// lengths learns how long each message is, by exchanges that are not cut.
func lengths(ctx context.Context, r *lab.Run, dir string) (list []int, err error) {
	kinds := cutKinds()
	c, end, err := openCounter(ctx, dir, len(kinds))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	list = make([]int, 2*len(kinds))
	errs := make([]error, len(kinds))
	var mu sync.Mutex
	var lanes sync.WaitGroup
	for i, kind := range kinds {
		if !kind.sent() {
			continue
		}
		measure := network.Measure(func(request, answer int) {
			mu.Lock()
			defer mu.Unlock()
			list[2*i], list[2*i+1] = request, answer
		})
		lanes.Go(func() {
			for try := range cutTries {
				a, err := c.trade(ctx, r, cutSeed(2*i, 0, try), strconv.Itoa(i+1), kind, true, measure)
				if err != nil || a.HasActed() {
					errs[i] = err
					return
				}
			}
			errs[i] = fmt.Errorf("no message to %s came about", kind)
		})
	}
	lanes.Wait()
	return list, errors.Join(append(errs, c.settled(ctx, r, r.First()))...)
}

// cuts lists the seeds of all cuts, every so many bytes of each message that the
// first wallet's shop sends or hears, fewer of the others', the first and the last
// byte included. A plain test has one way for each message of the others.
func cuts(lengths []int, every, first int) (seeds []uint64) {
	own := len(lengths) / len(lab.Wallets())
	for message, length := range lengths {
		if length == 0 {
			continue // no shop has this one
		}
		stride, few := every, every > cutsStride
		if every > 1 && message >= own {
			stride *= cutsOthers
		}
		for way := range cutWays {
			if few && message >= own && way != message%cutWays {
				continue
			}
			for at := (first + 5*way + 3*message) % stride; at <= length; at += stride {
				seeds = append(seeds, cutSeed(message, way, at))
			}
			if every > 1 && !few {
				seeds = append(seeds, cutSeed(message, way, length))
			}
		}
	}
	return seeds
}

// A campaign runs so many shops beside each other, each for so many cases over so
// many lanes: waiting costs nothing then.
const (
	cutShops = 3
	cutLanes = 32
	cutGroup = 480
)

func TestNoCutLosesOrDoublesAPayment(t *testing.T) {
	r := lab.Begin(t, "C4", "cuts", cutsMerge, cutsRelease)
	r.Tried(lab.Wallets()...)
	if r.Size() == 0 {
		return
	}
	dir := lab.Scratch(t)
	var seeds []uint64
	if r.Only() {
		seeds = []uint64{r.First()}
	} else {
		lengths, err := lengths(t.Context(), r, filepath.Join(dir, "lengths"))
		if err != nil {
			t.Fatal(err)
		}
		kinds := cutKinds()
		for i, n := range lengths {
			if n == 0 {
				continue
			}
			r.Figure(fmt.Sprintf("%s %s bytes", kinds[i/2], [...]string{"request", "answer"}[i%2]), float64(n))
		}
		every := 1
		if r.Size() < cutsRelease {
			every = cutsStride * cutsMerge / r.Size()
		}
		seeds = cuts(lengths, every, int(r.First()))
		lab.NewDice("C4", r.First()).Shuffle(len(seeds), func(i, j int) { seeds[i], seeds[j] = seeds[j], seeds[i] })
	}
	r.Resize(len(seeds))
	groups := make(chan []uint64)
	var shops sync.WaitGroup
	for i := range cutShops {
		shops.Go(func() {
			n := 0
			for group := range groups {
				n++
				if err := cutMany(t.Context(), r, filepath.Join(dir, fmt.Sprint(i, "-", n)), group); err != nil {
					r.Broken(group[0], err)
				}
			}
		})
	}
	// Small groups first: what is badly wrong shows early.
	for most := cutLanes; len(seeds) > 0 && !r.Caught(); most += cutLanes {
		n := min(len(seeds), most, cutGroup, max(len(seeds)/cutShops, 1))
		groups <- seeds[:n]
		seeds = seeds[n:]
	}
	close(groups)
	shops.Wait()
}

// cutMany runs cases in one shop, as many at a time as it has lanes.
func cutMany(ctx context.Context, r *lab.Run, dir string, seeds []uint64) (err error) {
	lanes := min(cutLanes, len(seeds))
	c, end, err := openCounter(ctx, dir, lanes)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, end()) }()
	work := make(chan uint64)
	var tills sync.WaitGroup
	for lane := range lanes {
		tills.Go(func() {
			for seed := range work {
				if err := c.cutOnce(ctx, r, seed, strconv.Itoa(lane+1)); err != nil {
					r.Broken(seed, err)
				}
				r.Add(1)
			}
		})
	}
	for _, seed := range seeds {
		work <- seed
	}
	close(work)
	tills.Wait()
	return c.settled(ctx, r, seeds[0])
}

// settled judges a shop after its last case.
func (c *counter) settled(ctx context.Context, r *lab.Run, fallback uint64) error {
	slow := c.slowness()
	r.Figure("machine slower than one that rests, times", slow)
	return c.judge(ctx, r, time.Duration(slow*float64(finalWithin)), fallback)
}

// finalWithin is when every payment is final after the line has returned, which is at
// once: two minutes by the product's own waits are five seconds here. The rest is for
// the waits that are not shortened. It is meant for a machine that rests: the wait is
// counted in looks at the payment, and the page tells how long it really took.
const finalWithin = 120*time.Second/scale + 10*time.Second

// cutTries is how often a case is set up again whose message did not come about, or
// ended before the cut: on a busy machine a customer may be served before it was needed.
const cutTries = 20

func (c *counter) cutOnce(ctx context.Context, r *lab.Run, seed uint64, lane string) error {
	which, ok := cutOf(seed)
	if !ok {
		return fmt.Errorf("there is no cut %d", seed)
	}
	for range cutTries {
		a, err := c.trade(ctx, r, seed, lane, which.kind, which.answer, network.Cut(which.answer, which.at, which.way))
		if err != nil {
			return fmt.Errorf("%s: %w", which, err)
		}
		if a.HasActed() {
			return nil
		}
		r.Count("set up again", 1)
	}
	return fmt.Errorf("%s: the message never came about", which)
}
