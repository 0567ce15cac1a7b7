package crowd_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
)

// client is somebody at the counter: a till, a second till, or a page.
type client struct {
	h    *history
	n    int
	till string
	dice lab.Dice
}

// answered is what a call brought; status 0 is an outcome that nobody knows.
type answered struct {
	status int
	body   []byte
}

// call makes one call of the local API and waits for its whole answer.
func (c *client) call(method, path string, body any) answered {
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		content = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(c.h.ctx, method, "http://"+address+"/api/v1"+path, content)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+tokens()[c.till])
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.h.http.Do(req)
	if err != nil {
		return answered{}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return answered{}
	}
	return answered{res.StatusCode, text}
}

// hesitate lets a moment pass, so that clients meet in ever other ways: of virtual
// time, in steps that others use too, or only until others had their turn.
func (c *client) hesitate() {
	switch c.dice.IntN(4) {
	case 0:
		c.h.pause(lab.Pick(c.dice, time.Millisecond, 2*time.Millisecond, 5*time.Millisecond))
	case 1:
		yield(c.dice.IntN(60))
	}
}

func yield(n int) {
	for range n {
		runtime.Gosched()
	}
}

// amountOf is what the payment of a slot is about; variant 1 asks for another.
func amountOf(slot, variant int) agent.Money {
	return agent.Money{Value: int64(1000 + 100*slot + variant), Currency: "CNY"}
}

// open asks for the payment of a slot.
func (c *client) open(slot, lane, variant int, mode agent.Mode) sight {
	in := input{op: opOpen, slot: slot, lane: lane, variant: variant, show: mode == agent.ModeShow}
	body := map[string]any{"request_id": c.h.request(slot), "lane": c.h.lanes[lane], "amount": amountOf(slot, variant), "reference": c.h.sale(slot), "mode": mode}
	return c.record(in, func() output {
		return c.read(c.call("POST", "/payments", body))
	}).sight()
}

// scan reads a code of a customer, with the lane's scanner or the till's.
func (c *client) scan(lane, code int, scanner bool) output {
	text := c.h.codes[code]
	return c.record(input{op: opScan, lane: lane, code: code}, func() output {
		if scanner {
			till := c.h.Till()
			if till == nil {
				return output{}
			}
			r := till.Scan(c.h.ctx, c.h.lanes[lane], text)
			out := output{status: http.StatusOK, say: r.Say.ID}
			if r.Accepted {
				out.status = http.StatusAccepted
			}
			if r.Payment != nil {
				out.sights = []sight{sightOf(*r.Payment)}
			}
			return out.sifted()
		}
		a := c.call("POST", "/lanes/"+c.h.lanes[lane]+"/scan", map[string]string{"text": text.Reveal()})
		var m struct {
			Say     string       `json:"say"`
			Payment *paymentJSON `json:"payment"`
		}
		out := output{status: a.status}
		if a.status == 0 || json.Unmarshal(a.body, &m) != nil {
			return output{}
		}
		if m.Payment != nil {
			out.sights = []sight{m.Payment.sight()}
		}
		for text, id := range said {
			if strings.HasPrefix(m.Say, text) {
				out.say = id
			}
		}
		return out.sifted()
	})
}

// said names the answers to a scan by the beginning of what the cashier reads.
var said = map[string]string{
	"No payment is open": "scan.no_payment", "Another payment is under way": "scan.busy", "This code is already": "scan.same",
	"This code was used": "scan.used", "The payment cannot be": "scan.store",
}

// sifted takes an answer of a store that has just lost its power for none.
func (o output) sifted() output {
	if o.say == "scan.store" || o.status >= http.StatusInternalServerError {
		return output{failed: true}
	}
	return o
}

// to calls something about one payment, once its id is known; else nothing happens.
func (c *client) to(op operation, slot int, method, path string, body any) output {
	id, known := c.h.await(slot)
	if !known {
		return output{}
	}
	return c.record(input{op: op, slot: slot}, func() output { return c.read(c.call(method, "/payments/"+string(id)+path, body)) })
}

func (c *client) cancel(slot int) output { return c.to(opCancel, slot, "POST", "/cancel", nil) }
func (c *client) check(slot int) output  { return c.to(opRead, slot, "POST", "/check", nil) }
func (c *client) get(slot int) output    { return c.to(opRead, slot, "GET", "", nil) }
func (c *client) show(slot int) output   { return c.to(opShow, slot, "POST", "/show", nil) }

// list reads every payment of a lane at once.
func (c *client) list(lane int) output {
	return c.record(input{op: opList, lane: lane}, func() output {
		a := c.call("GET", "/payments?limit=100&lane="+c.h.lanes[lane], nil)
		var m struct {
			Payments []paymentJSON `json:"payments"`
		}
		out := output{status: a.status}
		if a.status != 0 && json.Unmarshal(a.body, &m) != nil {
			return output{}
		}
		for _, p := range m.Payments {
			out.sights = append(out.sights, p.sight())
		}
		return out.sifted()
	})
}

// approve gets a manager's word for one refund and returns the approval's number.
func (c *client) approve(slot int, amount int64) int {
	id, known := c.h.await(slot)
	if !known {
		return 0
	}
	pin := lab.Pick(c.dice, firstPIN, otherPIN)
	a := c.call("POST", "/approvals", map[string]any{"pin": pin, "payment": id, "amount": amount})
	var m struct {
		Approval string `json:"approval"`
	}
	if a.status != http.StatusCreated || json.Unmarshal(a.body, &m) != nil {
		return 0
	}
	return c.h.approval(m.Approval)
}

// refund asks for money back under an id, with an approval.
func (c *client) refund(slot, ref int, amount int64, approval int) output {
	id, known := c.h.await(slot)
	if !known {
		return output{}
	}
	body := map[string]any{"request_id": fmt.Sprintf("R%d", ref), "amount": amount, "reason": "a campaign", "approval": c.h.approved(approval)}
	return c.record(input{op: opRefund, slot: slot, ref: ref, amount: amount, approval: approval}, func() output {
		a := c.call("POST", "/payments/"+string(id)+"/refunds", body)
		if a.status != http.StatusOK && a.status != http.StatusCreated {
			return c.read(a)
		}
		var m struct {
			Payment paymentJSON `json:"payment"`
		}
		if json.Unmarshal(a.body, &m) != nil {
			return output{}
		}
		return output{status: a.status, sights: []sight{m.Payment.sight()}}
	})
}

// read turns an answer into an output: one payment, or an error.
func (c *client) read(a answered) output {
	out := output{status: a.status}
	switch {
	case a.status == 0:
	case a.status < http.StatusBadRequest:
		var p paymentJSON
		if json.Unmarshal(a.body, &p) != nil {
			return output{}
		}
		out.sights = []sight{p.sight()}
	default:
		var m struct {
			Code    string          `json:"code"`
			Payment agent.PaymentID `json:"payment"`
		}
		if json.Unmarshal(a.body, &m) != nil {
			return output{}
		}
		out.say, out.payment = m.Code, m.Payment
	}
	return out.sifted()
}

// record makes a call and notes when it began, when it ended and what it brought.
func (c *client) record(in input, do func() output) output {
	begin, life := c.h.tick(), c.h.lives.Load()
	out := do()
	c.h.note(c.n, in, out, begin, c.h.tick(), life)
	return out
}

// phone does what a customer does with a shown code: scans and pays.
func (h *history) phone(ctx context.Context, customer string, slot int) {
	id, known := h.await(slot)
	if !known {
		return
	}
	for range 20 {
		store := h.Store()
		if store == nil {
			return
		}
		if p, err := store.Payment(ctx, id); err == nil && p.Status.QR != "" {
			_, _ = h.Cloud().Ledger.Scan(ctx, customer, p.Status.QR)
			return
		}
		h.pause(time.Millisecond)
	}
}
