package network_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/lab/network"
)

// A seed of C5 is one shop in virtual time that serves so many payments over so many
// lanes, each with one to three wrong answers in its way. What is counted is the wrong
// answers that were told, whatever became of the faults that were laid out.
const (
	answersPerShop = 40
	answersLanes   = 6
)

// finding is what the oracle said about a case.
type finding struct {
	found []lab.Violation
	err   error
	cases int
	acted map[string]int // wrong answers that were told, by wallet
	idle  int            // faults whose exchange never came, or that had nothing to make wrong
	slow  time.Duration  // until everything was final
}

func TestNoWrongAnswerEndsAPayment(t *testing.T) {
	r := lab.Begin(t, "C5", "answers", 500, 10_000)
	r.Tried(lab.Wallets()...)
	dir := lab.Scratch(t)
	cases := min(answersPerShop, r.Size())
	if r.Only() {
		cases = answersPerShop // of whatever size the campaign was that found it
	}
	// net/http tells the log of the process about every answer that nobody asked for.
	log.SetOutput(io.Discard)
	t.Cleanup(func() { log.SetOutput(os.Stderr) })
	// Two shops at a time: one alone keeps hardly more than one processor busy.
	r.Share(t, 2, func(t *testing.T, seed uint64) int {
		var f finding
		synctest.Test(t, func(t *testing.T) {
			f = answerMany(t.Context(), filepath.Join(dir, fmt.Sprint(seed)), seed, cases)
		})
		r.Broken(seed, f.err)
		r.Violated(seed, f.found...)
		r.Count("payments", float64(f.cases))
		r.Count("faults that found nothing to make wrong", float64(f.idle))
		r.Figure("longest until final, s", f.slow.Seconds())
		done := 0
		for wallet, n := range f.acted {
			r.Count("wrong answers told of "+wallet, float64(n))
			done += n
		}
		return done
	})
}

// answerMany runs the cases of one seed in one shop.
func answerMany(ctx context.Context, dir string, seed uint64, cases int) (f finding) {
	f.acted = map[string]int{}
	pair, err := keys()
	if err != nil {
		f.err = err
		return f
	}
	memory := lab.NewNetwork()
	pipe := func(context.Context) (net.Conn, net.Conn, error) {
		near, far := net.Pipe()
		return near, far, nil
	}
	twice := &doubles{pending: map[string]sandbox.Operation{}}
	c := &counter{clock: lab.NewClock(), tick: 200 * time.Millisecond, limit: 30 * time.Minute, seeds: map[string]uint64{}}
	c.proxy = network.NewProxy(pipe, memory.Dial)
	c.shop, err = lab.Open(ctx, lab.Options{Dir: dir, Clock: c.clock, Keys: pair, Wallets: names(), Network: memory, Dial: c.proxy.Dial, Lanes: answersLanes,
		Meddle: twice.meddle})
	if err != nil {
		f.err = err
		return f
	}
	c.proxy.Mixed = c.shop.Mixed
	defer func() {
		err := c.shop.Bury()
		c.proxy.Close()
		f.err = errors.Join(f.err, err, c.shop.Close(), os.RemoveAll(dir))
	}()
	var mu sync.Mutex
	armed := map[string][]*network.Armed{}
	var lanes sync.WaitGroup
	for lane := range answersLanes {
		lanes.Go(func() {
			for n := lane; n < cases; n += answersLanes {
				dice := lab.NewDice("C5", seed*answersPerShop+uint64(n))
				w := lab.Pick(dice, lab.Wallets()...)
				a := answerCase{counter: c, dice: dice, twice: twice, lane: strconv.Itoa(lane + 1), wallet: w,
					forger: forger{hand: handOf(c.shop.Cloud().Wallet(w.Name)), clock: c.clock, dice: lab.NewDice("C5 keys", dice.Uint64())}}
				err := a.run(ctx)
				mu.Lock()
				f.cases++
				armed[w.Name] = append(armed[w.Name], a.armed...)
				f.err = errors.Join(f.err, err)
				mu.Unlock()
			}
		})
	}
	lanes.Wait()
	begin := c.clock.Mono()
	err = c.shop.Settle(ctx, time.Hour, c.rest)
	f.slow = c.clock.Mono() - begin
	f.count(armed)
	f.err = errors.Join(f.err, err)
	f.found, err = c.shop.Judge(ctx)
	f.err = errors.Join(f.err, err)
	return f
}

// count tells the faults that did their work from the others.
func (f *finding) count(armed map[string][]*network.Armed) {
	for wallet, list := range armed {
		for _, a := range list {
			if a.HasActed() {
				f.acted[wallet]++
			} else {
				f.idle++
			}
		}
	}
}

// answerCase is one payment that meets wrong answers.
type answerCase struct {
	*counter
	dice   lab.Dice
	forger forger
	twice  *doubles
	lane   string
	wallet lab.Wallet
	armed  []*network.Armed
}

// doubles are the requests that the cloud is to execute twice.
type doubles struct {
	mu      sync.Mutex
	pending map[string]sandbox.Operation // by order number
}

func (d *doubles) add(orderNo string, op sandbox.Operation) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending[orderNo] = op
}

func (d *doubles) meddle(a lab.Arrival) lab.Meddling {
	d.mu.Lock()
	defer d.mu.Unlock()
	if op, waits := d.pending[a.OrderNo]; !waits || op != a.Op {
		return lab.Meddling{}
	}
	delete(d.pending, a.OrderNo)
	return lab.Meddling{Twice: true}
}

func (a *answerCase) run(ctx context.Context) error {
	shown := !a.wallet.Scans || a.wallet.Shows && a.dice.Chance(3)
	behaviour := lab.Pick(a.dice, sandbox.Approve, sandbox.Approve, sandbox.Password, sandbox.Password, sandbox.Decline, sandbox.Slow, sandbox.Abandon)
	refund := behaviour == sandbox.Approve && a.dice.Chance(2)
	s, err := a.open(ctx, 0, a.lane, a.wallet, behaviour, 1+a.dice.Int64N(100_000))
	if err != nil {
		return err
	}
	defer a.proxy.Disarm(s.orderNo)
	for range 1 + a.dice.IntN(3) {
		a.armed = append(a.armed, a.arm(s.orderNo, shown, refund))
	}
	if shown {
		err = a.serveShown(ctx, s)
	} else {
		err = a.serveScanned(ctx, s, behaviour)
	}
	if err == nil && refund {
		err = a.serveRefund(ctx, s)
	}
	if err == nil {
		_, err = s.until(ctx, ended)
	}
	if errors.Is(err, errLate) {
		err = nil // the oracle tells, with all that is known
	}
	return err
}

// arm puts a wrong answer in the way of a message that the payment is likely to send.
func (a *answerCase) arm(orderNo string, shown, refund bool) *network.Armed {
	ops := []sandbox.Operation{sandbox.OpPay, sandbox.OpPay, sandbox.OpQuery, sandbox.OpReverse}
	switch {
	case shown:
		ops = []sandbox.Operation{sandbox.OpPresent, sandbox.OpQuery, sandbox.OpClose}
	case refund:
		ops = append(ops, sandbox.OpRefund, sandbox.OpRefund, sandbox.OpRefundQuery)
	}
	op := lab.Pick(a.dice, ops...)
	if a.dice.Chance(20) {
		a.twice.add(orderNo, op)
	}
	return a.proxy.Arm(orderNo, op, a.fault())
}

// fault is one of everything that can be wrong with an answer.
func (a *answerCase) fault() network.Fault {
	switch a.dice.IntN(16) {
	case 0:
		return network.LateAnswer(a.dice.Between(100*time.Millisecond, 20*time.Second))
	case 1:
		return network.LateAnswer(a.dice.Between(100*time.Millisecond, 600*time.Second))
	case 2:
		return network.LateRequest(a.dice.Between(100*time.Millisecond, 600*time.Second))
	case 3:
		return network.TwoAnswers
	case 4:
		return network.TwoRequests(a.dice.Chance(2))
	case 5:
		return network.Slow(a.dice.Between(time.Millisecond, 50*time.Millisecond))
	case 6, 7:
		return network.Swap(a.dice.Between(time.Second, 9*time.Second))
	case 8:
		return network.Stale(true)
	case 9:
		return network.Stale(false)
	}
	l := lab.Pick(a.dice, lies(a.forger)...)
	return network.Lie(!l.executed && a.dice.Chance(2), a.dice.Chance(2), func(x network.Answer) network.Message { return l.tell(a.forger, x) })
}

// serveScanned is a sale by the customer's code; the customer types the password and
// the cashier loses patience when the dice say so.
func (a *answerCase) serveScanned(ctx context.Context, s *sale, b sandbox.Behaviour) error {
	if err := s.scan(ctx); err != nil {
		return err
	}
	patience := a.dice.Between(0, 40*time.Second)
	if b == sandbox.Password && a.dice.Chance(2) {
		a.rest(patience / 2)
		if _, err := s.shop.Cloud().Ledger.Confirm(ctx, s.customer); err != nil {
			return err
		}
	}
	if a.dice.Chance(3) {
		a.rest(patience)
		return s.cancel(ctx)
	}
	return nil
}

// serveShown is a sale by a code that the shop shows: scanned, cancelled, both, or
// now and then left to expire.
func (a *answerCase) serveShown(ctx context.Context, s *sale) error {
	if err := s.show(ctx); err != nil {
		return err
	}
	p, err := s.until(ctx, in(agent.QRShown, agent.Closing))
	if err != nil {
		return err
	}
	scans, cancels := a.dice.Chance(2), a.dice.Chance(2)
	if scans && p.Status.QR != "" {
		a.rest(a.dice.Between(0, 5*time.Second))
		if _, err := s.shop.Cloud().Ledger.Scan(ctx, s.customer, p.Status.QR); err != nil {
			return err
		}
	}
	if cancels || !a.dice.Chance(10) {
		a.rest(a.dice.Between(0, 10*time.Second))
		return s.cancel(ctx)
	}
	return nil
}

// serveRefund pays something back when the sale was paid.
func (a *answerCase) serveRefund(ctx context.Context, s *sale) error {
	p, err := s.until(ctx, ended)
	if err != nil || p.Status.State != agent.Paid {
		return err
	}
	for range 1 + a.dice.IntN(2) {
		left := p.Status.Refundable()
		if left == 0 {
			return nil
		}
		if err := s.refund(ctx, 1+a.dice.Int64N(left)); err != nil {
			return err
		}
		if p, err = s.until(ctx, ended); err != nil {
			return err
		}
	}
	return nil
}
