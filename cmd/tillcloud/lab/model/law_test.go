package model_test

import (
	"fmt"
	"slices"
	"time"

	"tillwire/agent"
)

// The waits of WeChat Pay, as its guide has them.
const (
	giveUp     = 45 * time.Second  // a payment in doubt is undone
	codeLife   = 45 * time.Second  // a customer's code may be sent (again)
	rideFor    = 45 * time.Second  // a line that is down is waited for
	redialGap  = time.Second       // between two tries meanwhile
	minReverse = 15 * time.Second  // before it no reversal is sent
	qrLife     = 120 * time.Second // a shown code may be paid
	watchAfter = 15 * time.Second  // a refusal is looked at again
	codeSeen   = 10 * time.Minute  // a code is remembered
	scanWait   = 90 * time.Second  // a payment waits for a code
	absentFor  = 90 * time.Second  // the wallet must not know an order for so long
	absentSaid = 3                 // and say so so often
	reviewAt   = 200               // answers in doubt
)

// refund is a refund as the table knows it.
type refund struct {
	no     string
	amount int64
	state  string
	auto   bool
}

// payment is what the table says of one payment.
type payment struct {
	id      agent.PaymentID
	orderNo string
	lane    string
	amount  int64
	mode    agent.Mode
	state   string
	under   string // in review

	showing, acked, barred, released, watched bool

	attempts     int
	opened, sent time.Duration
	shown        time.Duration
	code         string
	hasCode      bool // this run of the agent still holds it
	riding       bool // the last try of this run did not leave the shop
	stopping     bool // the agent is being stopped: nothing is tried again
	doubtQR      bool // a request for a code may have arrived
	absent       []time.Duration
	doubts       int
	refusing     bool // the late refund was refused, and whether anything is left is being asked
	captured     int64
	refunds      []refund

	asked    map[int]string // what a query under way is for, by its number
	told     bool           // nothing happened since it was compared
	checks   int            // questions of a till about a payment that has ended
	closeSay agent.Verdict
}

func final(state string) bool {
	return slices.Contains([]string{"paid", "declined", "not_sent", "reversed", "closed", "refunded"}, state)
}

// held says whether the payment keeps its lane.
func (p *payment) held() bool {
	switch p.state {
	case "created", "sending", "await_payer", "unknown", "qr_shown":
		return !p.released
	case "closing":
		return !p.released && !p.acked
	}
	return false
}

// cancel is the cashier's button: rows 10 and 20 of the table.
func (p *payment) cancel() (again, refused bool) {
	switch {
	case final(p.state):
		return false, true
	case p.state == "created":
		p.state = "not_sent"
	case p.state == "qr_shown", p.state == "sending" && p.showing:
		p.state, p.released = "closing", true
	case p.state == "closing" && !p.released:
		p.released = true
	case p.state == "sending", p.state == "await_payer", p.state == "unknown":
		p.state, p.hasCode = "reversing", false
	default:
		return true, false
	}
	return false, false
}

// restart is row 26: what the agent finds when it starts.
func (p *payment) restart() {
	switch {
	case p.state == "created":
		p.state = "not_sent"
	case p.state == "sending" && p.showing:
		p.state = "closing"
	case p.state == "sending":
		p.state = "unknown"
	}
	p.stopping, p.hasCode, p.riding, p.doubtQR, p.refusing, p.absent, p.doubts = false, false, false, false, false, nil, 0
}

// stop is what stopping does to a request that waits for its next try.
func (p *payment) stop() {
	p.stopping = true
	if p.state == "sending" && p.riding {
		p.notDelivered(p.showing)
	}
}

// notDelivered ends the tries of a request that never left the shop.
func (p *payment) notDelivered(showing bool) {
	switch {
	case showing && p.doubtQR:
		p.state = "closing"
	case showing, p.attempts == 1:
		p.state = "not_sent"
	default:
		p.state = "unknown"
	}
	p.riding, p.hasCode = false, false
}

// tick is what time alone does.
func (p *payment) tick(now time.Duration) {
	if p.state == "created" && now-p.opened >= scanWait {
		p.state = "not_sent"
	}
}

// begins says whether the wallet may be asked this now, or why not.
func (p *payment) begins(op agent.Operation, call int, refundNo string, now time.Duration) error {
	age := now - p.sent
	switch op {
	case agent.OpPay:
		if p.state == "sending" && !p.showing && p.hasCode && p.attempts <= 2 {
			p.riding = false
			return nil
		}
	case agent.OpPresent:
		if p.state == "sending" && p.showing {
			p.riding = false
			return nil
		}
	case agent.OpReverse:
		if p.state == "reversing" && !p.acked && !p.barred && age >= minReverse {
			return nil
		}
	case agent.OpClose:
		if p.state == "closing" && !p.acked {
			return nil
		}
	case agent.OpRefund, agent.OpRefundQuery:
		if i := p.refund(refundNo); i >= 0 && p.refunds[i].state != "done" && p.refunds[i].state != "failed" {
			return nil
		}
	case agent.OpQuery:
		return p.beginsQuery(call, now)
	}
	return fmt.Errorf("%s was sent for a payment that is %s (acknowledged %v, barred %v, %s after its request)", op, p.state, p.acked, p.barred, age)
}

// beginsQuery remembers what the query is for: the answer may come after the
// payment has moved on.
func (p *payment) beginsQuery(call int, now time.Duration) error {
	what := p.mayAsk(now)
	if what == "" {
		return fmt.Errorf("a query of a payment that is %s", p.state)
	}
	if p.asked == nil {
		p.asked = map[int]string{}
	}
	p.asked[call] = what
	return nil
}

// mayAsk says what a query at this moment is for.
func (p *payment) mayAsk(now time.Duration) string {
	said := len(p.absent) >= absentSaid && now-p.absent[0] >= absentFor
	switch {
	case p.state == "await_payer", p.state == "unknown":
		return "doubt"
	case p.state == "qr_shown":
		return "shown"
	case (p.state == "reversing" || p.state == "closing") && (p.acked || p.barred):
		return "confirm"
	case p.state == "reversing" && said, p.state == "closing" && p.closeSay == agent.Absent && said:
		return "absent"
	case p.state == "closing" && p.closeSay != agent.Absent:
		return "not closed"
	case p.refusing, p.state == "review" && p.under == "refund_due" && p.acked:
		return "left"
	case final(p.state) && p.checks > 0:
		p.checks--
		return "checked"
	case p.state == "declined" && !p.watched && now-p.sent >= watchAfter:
		return "watch"
	}
	return ""
}

func (p *payment) refund(no string) int {
	return slices.IndexFunc(p.refunds, func(r refund) bool { return r.no == no })
}

// late is row 16: success after a negative end, or of a released lane.
// Told twice, it is one success; after a refused refund it is the office's.
func (p *payment) late() {
	if i := p.refund(p.orderNo + "R0"); i >= 0 {
		if p.refunds[i].state == "failed" {
			p.state, p.under = "review", "refund_due"
		}
		return
	}
	p.state, p.captured = "refund_due", p.amount
	p.refunds = append(p.refunds, refund{no: p.orderNo + "R0", amount: p.amount, state: "requested", auto: true})
}

func (p *payment) paid() { p.state, p.captured, p.hasCode = "paid", p.amount, false }

func (p *payment) left() int64 {
	left := p.captured
	for _, r := range p.refunds {
		if r.state != "failed" {
			left -= r.amount
		}
	}
	return left
}
