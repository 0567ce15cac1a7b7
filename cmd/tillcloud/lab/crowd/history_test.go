package crowd_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// The names of the checks that only this campaign has.
const (
	checkOrder  = "linearizable"
	checkOne    = "one-payment-a-request"
	checkPrefix = "facts-are-only-added"
	checkStream = "stream-in-order"
	checkResume = "stream-loses-nothing"
	checkPaid   = "shown-paid-is-paid"
	checkTwice  = "double-click-of-a-refund"
	checkCalls  = "calls-are-answered"
)

// event is a call as it was observed. Its end is open while nobody knows whether it
// was carried out.
type event struct {
	client     int
	in         input
	out        output
	begin, end int64
	life       int64
}

// look is one sight of a payment, from whatever answer or stream.
type look struct {
	sight
	by         string
	begin, end int64
}

// history is what a few clients did at one or two lanes of a shop, and what they saw.
type history struct {
	*counter
	ctx     context.Context
	name    string
	lanes   []string
	codes   []agent.PayCode // from 1
	oneSale bool            // slots 1 and 2 are tenders of one sale
	wg      sync.WaitGroup

	mu        sync.Mutex
	clients   int
	events    []event
	looks     []look
	found     []lab.Violation
	ids       map[int]agent.PaymentID
	known     map[int]chan struct{}
	approvals []string // from 1
	streams   []*stream
}

func newHistory(ctx context.Context, c *counter, name string, lanes ...string) *history {
	h := &history{counter: c, ctx: ctx, name: name, lanes: lanes, codes: make([]agent.PayCode, 1), ids: map[int]agent.PaymentID{},
		known: map[int]chan struct{}{}, approvals: make([]string, 1)}
	for slot := range mostSlots + 1 {
		h.known[slot] = make(chan struct{})
	}
	return h
}

// request is the request id of a slot, sale the shop's own reference.
func (h *history) request(slot int) string { return fmt.Sprintf("%s-%d", h.name, slot) }

func (h *history) sale(slot int) string {
	if h.oneSale && slot <= 2 {
		return h.name
	}
	return fmt.Sprintf("%s/%d", h.name, slot)
}

func (h *history) slot(request string) int {
	var slot int
	if text, ours := strings.CutPrefix(request, h.name+"-"); ours {
		if _, err := fmt.Sscanf(text, "%d", &slot); err != nil || slot > mostSlots {
			return 0
		}
	}
	return slot
}

func (h *history) accuse(check, format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.found = append(h.found, lab.Violation{Check: check, What: h.name + ": " + fmt.Sprintf(format, args...)})
}

// customer makes a phone with a fresh code on it, and returns the code's number.
func (h *history) customer(b sandbox.Behaviour) (id string, code int, err error) {
	if id, err = h.Customer(h.ctx, b, 1_000_000); err != nil {
		return "", 0, err
	}
	fresh, err := h.Code(h.ctx, id)
	h.codes = append(h.codes, fresh)
	return id, len(h.codes) - 1, err
}

// client lets somebody act beside the others.
func (h *history) client(d lab.Dice, till string, act func(*client)) {
	h.mu.Lock()
	c := &client{h: h, n: h.clients, till: till, dice: lab.NewDice("C12", d.Uint64())}
	h.clients++
	h.mu.Unlock()
	h.wg.Go(func() { act(c) })
}

// await waits for the id of a slot's payment; it is not waited for for ever, since
// the payment may never be.
func (h *history) await(slot int) (agent.PaymentID, bool) {
	select {
	case <-h.known[slot]:
	case <-h.clock.After(50 * time.Millisecond):
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	id, ok := h.ids[slot]
	return id, ok
}

func (h *history) approval(secret string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.approvals = append(h.approvals, secret)
	return len(h.approvals) - 1
}

func (h *history) approved(n int) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.approvals[n]
}

// note keeps what a call brought.
func (h *history) note(client int, in input, out output, begin, end, life int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e := event{client, in, out, begin, end, life}
	if out.status == 0 {
		e.out = output{failed: true}
	}
	if e.out.failed && h.lives.Load() == life {
		e.end = math.MaxInt64 // it may still be carried out, until the power is back
	}
	h.events = append(h.events, e)
	for _, s := range out.sights {
		h.see(look{s, fmt.Sprintf("client %d, %s", client, in.op), begin, end})
	}
}

// see takes in a sight. The caller holds h.mu.
func (h *history) see(l look) {
	h.looks = append(h.looks, l)
	slot := h.slot(l.request)
	if slot == 0 {
		return
	}
	old, ok := h.ids[slot]
	if !ok {
		h.ids[slot] = l.id
		close(h.known[slot])
	} else if old != l.id {
		h.found = append(h.found, lab.Violation{Check: checkOne, What: fmt.Sprintf("request %s has payments %s and %s", l.request, old, l.id)})
	}
}

// settled ends what nobody knows: what the power cut did not let happen will not
// happen any more.
func (h *history) settled() {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.tick()
	for i, e := range h.events {
		if e.end == math.MaxInt64 {
			h.events[i].end = now
		}
	}
}

// judge holds everything that was observed against the law and against itself.
func (h *history) judge() []lab.Violation {
	h.mu.Lock()
	events, looks := slices.Clone(h.events), slices.Clone(h.looks)
	h.mu.Unlock()
	h.judgeLooks(looks)
	h.judgeCalls(events)
	h.judgeOrder(events)
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.found
}

// judgeOrder looks for an order of the calls that the law allows.
func (h *history) judgeOrder(events []event) {
	restarted := h.lives.Load() > 0
	slots := map[agent.PaymentID]int{}
	for slot, id := range h.ids {
		slots[id] = slot
	}
	list := make([]porcupine.Operation, 0, len(events))
	for _, e := range events {
		out := e.out
		for _, s := range out.sights {
			out.slots = append(out.slots, h.slot(s.request))
		}
		out.names = slots[out.payment]
		list = append(list, porcupine.Operation{ClientId: e.client, Input: e.in, Call: e.begin, Output: out, Return: e.end})
	}
	model := newLaw(restarted).model()
	if porcupine.CheckOperations(model, list) {
		return
	}
	where := h.picture(model, list)
	h.accuse(checkOrder, "no order of these calls explains their answers; %s\n%s", where, script(events))
}

// picture draws what porcupine found, into a file that outlives the test.
func (h *history) picture(model porcupine.Model, list []porcupine.Operation) string {
	_, info := porcupine.CheckOperationsVerbose(model, list, 0)
	f, err := os.CreateTemp("", "tillwire-C12-"+h.name+"-*.html")
	if err == nil {
		err = errors.Join(porcupine.Visualize(model, info, f), f.Close())
	}
	if err != nil {
		return "it has no picture: " + err.Error()
	}
	return "its picture is " + f.Name()
}

// script is a history to read, in the order of the calls.
func script(events []event) string {
	slices.SortFunc(events, func(a, b event) int { return int(a.begin - b.begin) })
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "  %4d-%-4d client %d: %s\n", e.begin, e.end, e.client, describe(e.in, e.out))
	}
	return b.String()
}

// judgeLooks compares the sights of each payment: facts are only added, nobody sees
// fewer than somebody saw before, and what was shown as paid stays so.
func (h *history) judgeLooks(looks []look) {
	byID := map[agent.PaymentID][]look{}
	for _, l := range looks {
		byID[l.id] = append(byID[l.id], l)
	}
	for id, list := range byID {
		for _, a := range list {
			for _, b := range list {
				if !a.follows(b.sight) {
					h.accuse(checkPrefix, "payment %s: %s saw %v, %s saw %v", id, a.by, a.facts, b.by, b.facts)
				}
				if b.by == streamed || b.begin < a.end {
					continue
				}
				if len(b.facts) < len(a.facts) {
					h.accuse(checkPrefix, "payment %s: %s saw %s, then %s saw %s", id, a.by, a, b.by, b)
				}
				if a.at == paid && b.at != paid && b.at != refunded {
					h.accuse(checkPaid, "payment %s: %s saw it paid, then %s saw it %s", id, a.by, b.by, b.at)
				}
			}
		}
	}
}

// judgeCalls looks at what has no place in an order: calls that failed although the
// power was on, and approvals.
func (h *history) judgeCalls(events []event) {
	for _, e := range events {
		if e.out.failed && h.lives.Load() == 0 {
			h.accuse(checkCalls, "client %d had no answer: %s", e.client, describe(e.in, e.out))
		}
		if e.in.op != opRefund || e.out.status != 403 {
			continue
		}
		// A refund is refused for its approval only because another one took it, or
		// because it has none for this sum. A second click has the same number.
		other := slices.ContainsFunc(events, func(o event) bool {
			return o.in.op == opRefund && o.in.approval == e.in.approval && o.begin < e.end && (o.in.ref != e.in.ref || o.in.slot != e.in.slot || o.in.amount != e.in.amount)
		})
		if !other && e.in.approval != 0 && h.lives.Load() == 0 {
			h.accuse(checkTwice, "refund R%d was approved and refused for its approval:\n%s", e.in.ref, script(events))
		}
	}
}
