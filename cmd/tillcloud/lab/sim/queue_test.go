package sim_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// What the queue of a shop that was cut off is measured with.
const (
	queued      = 500
	refunds     = 50 // of them: the first sales of a lane each
	drainWithin = 60 * time.Second
	// Two healthy drains of one seed differ by up to a second: what wakes at one instant
	// goes on in any order. A queue that stood still behind an item would wait for its back-off,
	// again and again; one that only goes slower would show in the middle of many.
	poisonDelays = 3 * time.Second        // what one poisoned item may cost the others in one queue
	poisonCosts  = 250 * time.Millisecond // and in half of the queues
	enoughQueues = 9                      // to speak of a half
	answerTakes  = 250                    // milliseconds that the cloud takes for one request
)

// poison is what is wrong with one item of the queue.
type poison string

const (
	healthy poison = "healthy"
	always5 poison = "always_500"
	panics  poison = "panics"
)

// queue is a shop that collects undone work behind a dead line.
type queue struct {
	*lab.Shop
	clock    *lab.Clock
	line     *line
	dice     lab.Dice
	poisoned atomic.Value // the agent.PaymentID
	orderNo  atomic.Value // its order number
	kind     poison
	items    int
}

// TestQueueDrains is campaign "queue": payments in doubt, reversals, closes and
// refunds gather while the line is down; when it returns they are done within a
// minute, and one poisoned item delays the others by nothing.
func TestQueueDrains(t *testing.T) {
	keys, err := lab.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	r := lab.Begin(t, "queue", "queues", 3, 30)
	dir := lab.Scratch(t)
	items, poisons := queued, []poison{always5, panics}
	if r.Size() == 1 && !r.Only() {
		items, poisons = 100, poisons[1:] // just to show that it runs, with real signatures
	}
	delays := map[poison][]time.Duration{}
	r.Each(func(seed uint64) int {
		took := map[poison]time.Duration{}
		for _, kind := range append(poisons, healthy) {
			synctest.Test(t, func(t *testing.T) {
				drained, found, err := drain(t.Context(), seed, items, filepath.Join(dir, fmt.Sprint(seed, kind)), keys, kind)
				took[kind] = drained
				r.Broken(seed, err)
				r.Violated(seed, found...)
			})
		}
		r.Figure("drain_seconds", took[healthy].Seconds())
		for _, kind := range poisons {
			delay := took[kind] - took[healthy]
			delays[kind] = append(delays[kind], delay)
			r.Figure("poison_"+string(kind)+"_delays_seconds", max(delay, 0).Seconds())
			if delay > poisonDelays {
				r.Violated(seed, lab.Violation{Check: lab.CheckFinal, What: fmt.Sprintf("one item that %s delays the others by %s", kind, delay)})
			}
		}
		return 1 + len(poisons)
	})
	for kind, all := range delays {
		if slices.Sort(all); len(all) >= enoughQueues && all[len(all)/2] > poisonCosts {
			r.Violated(r.First(), lab.Violation{Check: lab.CheckFinal, What: fmt.Sprintf("one item that %s delays the others by %s in half of the queues", kind, all[len(all)/2])})
		}
	}
}

// drain lets a queue grow and returns how long the healthy items take from the
// line's return.
func drain(ctx context.Context, seed uint64, items int, dir string, keys lab.Keys, kind poison) (time.Duration, []lab.Violation, error) {
	clock, network := lab.NewClock(), lab.NewNetwork()
	q := &queue{clock: clock, line: &line{network: network, clock: clock}, dice: lab.NewDice("queue", seed), kind: kind, items: items}
	q.poisoned.Store(agent.PaymentID(""))
	q.orderNo.Store("")
	var err error
	q.Shop, err = lab.Open(ctx, lab.Options{Dir: dir, Clock: clock, Keys: keys, Network: network, Lanes: 50, Dial: q.line.dial, Meddle: q.meddle, Step: q.step})
	if err != nil {
		return 0, nil, err
	}
	defer q.Close()
	last, err := q.gather(ctx)
	if err != nil {
		return 0, nil, err
	}
	q.line.is(refused)
	q.wait(q.dice.Between(time.Minute, 3*time.Minute))
	waiting, err := q.Store().Queue(ctx)
	if err != nil || len(waiting) < items*9/10 {
		return 0, nil, fmt.Errorf("only %d items wait for the line: %w", len(waiting), err)
	}
	if kind != healthy {
		q.poisoned.Store(last.ID)
		q.orderNo.Store(last.OrderNo)
	}
	q.line.is(up)
	err = q.Cloud().SetFaults([]sandbox.Fault{{Wallet: "wechat", Operation: "*", Kind: sandbox.Delay, Count: 1 << 30, DelayMS: answerTakes}})
	if err != nil {
		return 0, nil, err
	}
	took, err := q.drained(ctx)
	if err != nil {
		return took, nil, err
	}
	q.poisoned.Store(agent.PaymentID(""))
	q.orderNo.Store("")
	// What was buried is due again at the next start; then all must agree.
	if err := q.Restart(ctx); err != nil {
		return took, nil, err
	}
	if err := q.Settle(ctx, settleWithin, q.wait); err != nil {
		return took, nil, err
	}
	found, err := q.Judge(ctx)
	if took > drainWithin {
		found = append(found, lab.Violation{Check: lab.CheckFinal, What: fmt.Sprintf("%d queued items took %s to drain", len(waiting), took)})
	}
	return took, found, err
}

func (q *queue) wait(span time.Duration) { <-q.clock.After(span) }

// meddle poisons one order.
func (q *queue) meddle(a lab.Arrival) lab.Meddling {
	if q.kind == always5 && a.OrderNo != "" && a.OrderNo == q.orderNo.Load().(string) {
		return lab.Meddling{Status: 500}
	}
	return lab.Meddling{}
}

// step panics over the poisoned payment.
func (q *queue) step(t agent.Task) {
	if q.kind == panics && t.Payment == q.poisoned.Load().(agent.PaymentID) {
		panic("the laboratory's poison")
	}
}

// gather makes the queue: refunds of the first sales, and of the others a fifth are
// codes that were shown and the rest payments in doubt; the cashiers give all up.
func (q *queue) gather(ctx context.Context) (last agent.Payment, err error) {
	phone, err := q.Customer(ctx, sandbox.Approve, 1<<40)
	if err != nil {
		return last, err
	}
	var paid []agent.PaymentID
	for n := range q.items {
		mode := agent.ModeScan
		switch {
		case n < refunds:
		case n%5 == 0:
			mode = agent.ModeShow
		}
		if n == refunds {
			q.wait(5 * time.Second)
			if err := q.refundAll(ctx, paid); err != nil {
				return last, err
			}
		}
		last, err = q.begin(ctx, n, mode, phone)
		if err != nil {
			return last, err
		}
		paid = append(paid, last.ID)
		if n%50 == 49 {
			q.wait(time.Second)
			if n > refunds {
				if err := q.giveUp(ctx, paid[len(paid)-50:]); err != nil {
					return last, err
				}
			}
		}
	}
	return last, nil
}

// refundAll asks back every sale so far; from here on nobody hears an answer.
func (q *queue) refundAll(ctx context.Context, paid []agent.PaymentID) error {
	if err := q.Cloud().SetFaults(deaf()); err != nil {
		return err
	}
	for _, id := range paid {
		if _, _, _, err := q.Till().Refund(ctx, agent.RefundRequest{Payment: id, RequestID: "back", Amount: agent.Money{Value: 1280, Currency: "CNY"}, Why: "queue", By: "sim"}); err != nil {
			return err
		}
	}
	return nil
}

// deaf are the faults that let no answer come back, but for codes to show.
func deaf() (list []sandbox.Fault) {
	for _, op := range []sandbox.Operation{sandbox.OpPay, sandbox.OpQuery, sandbox.OpReverse, sandbox.OpClose, sandbox.OpRefund, sandbox.OpRefundQuery} {
		list = append(list, sandbox.Fault{Wallet: "wechat", Operation: string(op), Kind: sandbox.DropResponse, Count: 1 << 30})
	}
	return list
}

func (q *queue) begin(ctx context.Context, n int, mode agent.Mode, phone string) (agent.Payment, error) {
	lane := strconv.Itoa(1 + n%50)
	p, _, err := q.Till().Open(ctx, agent.Request{Client: "queue", RequestID: strconv.Itoa(n), Lane: lane, Mode: mode, Reference: strconv.Itoa(n),
		Amount: agent.Money{Value: 1280, Currency: "CNY"}})
	if err != nil || mode == agent.ModeShow {
		return p, err
	}
	code, err := q.Code(ctx, phone)
	if err != nil {
		return p, err
	}
	if r := q.Till().Scan(ctx, lane, code); !r.Accepted {
		return p, fmt.Errorf("the scan on lane %s was not accepted: %s", lane, r.Say.English)
	}
	return p, nil
}

// giveUp frees the lanes: the customers go on to other tenders.
func (q *queue) giveUp(ctx context.Context, ids []agent.PaymentID) error {
	for _, id := range ids {
		if _, _, err := q.Till().Cancel(ctx, id, "sim"); err != nil {
			return err
		}
	}
	return nil
}

// drained waits until only the poisoned item is left.
func (q *queue) drained(ctx context.Context) (time.Duration, error) {
	begin := q.clock.Mono()
	for q.clock.Mono()-begin < 10*time.Minute {
		q.wait(100 * time.Millisecond)
		left, err := q.left(ctx)
		if err != nil {
			return 0, err
		}
		if left == 0 {
			break
		}
	}
	return q.clock.Mono() - begin, nil
}

// left is how many healthy items are not done.
func (q *queue) left(ctx context.Context) (n int, err error) {
	bad := q.poisoned.Load().(agent.PaymentID)
	waiting, err := q.Store().Queue(ctx)
	for _, e := range waiting {
		if e.Payment != bad {
			n++
		}
	}
	if n > 0 || err != nil {
		return n, err
	}
	open, err := q.Store().OpenPayments(ctx) // dear, so only in the end
	for _, p := range open {
		if p.ID != bad {
			n++
		}
	}
	return n, err
}
