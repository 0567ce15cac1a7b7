package kill_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/real"
)

// checkUp is the check that an agent which was killed trades again.
const checkUp = "agent-comes-up-again"

// gate lets tills through while the agent answers.
type gate struct {
	mu   sync.Mutex
	open chan struct{} // closed while it does
}

func newGate() *gate { return &gate{open: make(chan struct{})} }

func (g *gate) set(open bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	select {
	case <-g.open:
		if !open {
			g.open = make(chan struct{})
		}
	default:
		if open {
			close(g.open)
		}
	}
}

func (g *gate) wait(ctx context.Context) {
	g.mu.Lock()
	open := g.open
	g.mu.Unlock()
	select {
	case <-open:
	case <-ctx.Done():
	}
}

// till is a register's program: it repeats what was not answered, with the same
// request id, until it is.
type till struct {
	*terminal
	shop   *lab.Shop
	gate   *gate
	client *http.Client
	moved  atomic.Int64 // answers that were got
	paid   atomic.Int64
	closes atomic.Bool // no new sale
	shows  bool        // only codes that customers scan
}

// pause lets real time pass: this campaign watches a real program.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// ask calls the API until it answers. Only the end of ctx is an error.
func (t *till) ask(ctx context.Context, method, path string, body any) (int, real.Object, error) {
	for {
		t.gate.wait(ctx)
		status, answer, err := real.Call(ctx, t.client, method, "http://"+t.address+"/api/v1"+path, token, body)
		if err == nil && status != http.StatusServiceUnavailable {
			t.moved.Add(1)
			return status, answer, nil
		}
		pause(ctx, 5*time.Millisecond)
		if ctx.Err() != nil {
			return 0, nil, fmt.Errorf("%s %s: %d %v: %w", method, path, status, answer, ctx.Err())
		}
	}
}

// trade takes sale after sale on one lane until the shop closes.
func (t *till) trade(ctx context.Context, lane int, dice lab.Dice) error {
	for n := 0; !t.closes.Load() && ctx.Err() == nil; n++ {
		reference := fmt.Sprintf("%d-%d", lane, n)
		// Who was refused, or whose payment was undone, pays by another tender.
		for tender := range 3 {
			state, err := t.tender(ctx, lane, reference, tender, dice)
			if err != nil {
				return err
			}
			if state == agent.Paid {
				t.paid.Add(1)
				break
			}
		}
	}
	return nil
}

// tender sees one payment through until it does not hold the lane.
func (t *till) tender(ctx context.Context, lane int, reference string, tender int, dice lab.Dice) (agent.State, error) {
	customer, err := t.shop.Customer(ctx, lab.Pick(dice, sandbox.Approve, sandbox.Approve, sandbox.Approve, sandbox.Password, sandbox.Decline), 1_000_000)
	if err != nil {
		return "", err
	}
	mode := lab.Pick(dice, agent.ModeScan, agent.ModeScan, agent.ModeShow)
	if t.shows {
		mode = agent.ModeShow
	}
	request := real.Object{"request_id": fmt.Sprintf("%s-%d", reference, tender), "lane": fmt.Sprint(lane), "mode": mode, "reference": reference,
		"amount": real.Object{"value": 1280, "currency": "CNY"}}
	status, p, err := t.ask(ctx, http.MethodPost, "/payments", request)
	if err != nil {
		return "", err
	}
	if status != http.StatusCreated && status != http.StatusOK {
		return "", fmt.Errorf("request %s: %d %v", request["request_id"], status, p)
	}
	id, tired := fmt.Sprint(p["id"]), dice.Between(time.Second, 3*time.Second)
	for begin := time.Now(); ; {
		state := t.hear(p, id)
		if !lab.Holds(state) {
			return state, nil
		}
		if err := t.act(ctx, p, state, lane, customer, time.Since(begin) > tired); err != nil {
			return "", err
		}
		pause(ctx, stillness)
		if dice.Chance(8) {
			status, p, err = t.ask(ctx, http.MethodPost, "/payments", request)
		} else {
			status, p, err = t.ask(ctx, http.MethodGet, "/payments/"+id, nil)
		}
		if err != nil {
			return "", err
		}
		if status != http.StatusOK || p["id"] != id {
			t.shop.Accuse(lab.CheckRepeat, "payment %s was answered before, and is answered now with %d: %v", id, status, p)
			return "", nil
		}
	}
}

// hear tells the oracle what was answered.
func (t *till) hear(p real.Object, id string) agent.State {
	state := agent.State(fmt.Sprint(p["status"]))
	t.shop.Heard(agent.PaymentID(id), state)
	return state
}

// act is what customer and cashier do about a payment.
func (t *till) act(ctx context.Context, p real.Object, state agent.State, lane int, customer string, tired bool) (err error) {
	ledger := t.shop.Cloud().Ledger
	switch {
	case tired && state != agent.Closing:
		_, _, err = t.ask(ctx, http.MethodPost, fmt.Sprintf("/payments/%v/cancel", p["id"]), real.Object{})
	case state == agent.Created && p["mode"] != string(agent.ModeShow):
		code, err := t.shop.Code(ctx, customer)
		if err != nil {
			return err
		}
		_, _, err = t.ask(ctx, http.MethodPost, fmt.Sprintf("/lanes/%d/scan", lane), real.Object{"text": code.Reveal()})
		return err
	case state == agent.AwaitPayer:
		_, err = ledger.Confirm(ctx, customer)
	case state == agent.QRShown:
		var seen sandbox.ScanStatus
		if seen, err = ledger.Scan(ctx, customer, fmt.Sprint(p["qr"])); seen == sandbox.ScanPassword {
			_, err = ledger.Confirm(ctx, customer)
		}
	}
	return err
}
