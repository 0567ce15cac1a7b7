package model_test

import (
	"time"

	"tillwire/agent"
)

// answered is what an answer of the wallet makes of the payment, whatever it has
// become since it was asked.
func (p *payment) answered(op agent.Operation, call int, refundNo string, v agent.Verdict, retry bool, now time.Duration) {
	if v == agent.InDoubt && !final(p.state) && op != agent.OpPresent && op != agent.OpRefund && op != agent.OpRefundQuery {
		p.doubts++
	}
	switch op {
	case agent.OpPay:
		p.payAnswered(v, now)
	case agent.OpPresent:
		p.presentAnswered(v, now)
	case agent.OpQuery:
		p.queryAnswered(p.asked[call], v, now)
	case agent.OpReverse:
		p.reverseAnswered(v, now)
	case agent.OpClose:
		p.closeAnswered(v, now)
	case agent.OpRefund, agent.OpRefundQuery:
		p.refundAnswered(op, refundNo, v, retry)
	}
}

// payAnswered: rows 2 to 6. An answer that comes while the payment is being undone
// changes nothing: only the wallet's present word counts then.
func (p *payment) payAnswered(v agent.Verdict, now time.Duration) {
	if p.state != "sending" {
		return
	}
	p.riding = false
	switch v {
	case agent.Approved:
		p.paid()
	case agent.Refused:
		p.state, p.hasCode = "declined", false
	case agent.Awaiting:
		p.state, p.hasCode = "await_payer", false
	case agent.NotDelivered:
		if p.riding = !p.stopping && now-p.sent+redialGap < min(codeLife, rideFor); !p.riding {
			p.notDelivered(false)
		}
	default:
		p.state = "unknown"
	}
}

func (p *payment) presentAnswered(v agent.Verdict, now time.Duration) {
	if v != agent.NotDelivered && v != agent.Shown && v != agent.Refused {
		p.doubtQR = true
	}
	if p.state != "sending" {
		return
	}
	p.riding = false
	switch {
	case v == agent.Shown:
		p.state, p.shown = "qr_shown", now
	case v == agent.Refused:
		p.state = "declined"
	case !p.stopping && now-p.sent+redialGap < rideFor:
		p.riding = true
	case v == agent.NotDelivered:
		p.notDelivered(true)
	default:
		p.state = "closing"
	}
}

// queryAnswered goes by what the query was for.
func (p *payment) queryAnswered(asked string, v agent.Verdict, now time.Duration) {
	switch asked {
	case "doubt":
		p.doubtAnswered(v, now)
	case "shown":
		p.shownAnswered(v, now)
	case "not closed":
		if v == agent.Approved || v == agent.Ended {
			p.shownAnswered(v, now)
		}
	case "confirm":
		p.confirmAnswered(v)
	case "absent":
		switch {
		case v == agent.Absent:
			p.undone()
		case v == agent.Approved && p.showing:
			p.shownAnswered(v, now) // scanned while it could not be closed yet
		}
	case "left":
		p.leftAnswered(v)
	case "watch":
		switch v {
		case agent.Approved:
			p.late()
		case agent.Refused, agent.Ended, agent.Absent, agent.Unpaid:
			p.watched = true
		}
	case "checked":
		if v == agent.Approved {
			p.late()
		}
	}
}

// doubtAnswered: rows 7 to 9 and 11.
func (p *payment) doubtAnswered(v agent.Verdict, now time.Duration) {
	if p.state != "await_payer" && p.state != "unknown" {
		return // cancelled meanwhile
	}
	switch {
	case v == agent.Approved:
		p.paid()
		return
	case v == agent.Refused || v == agent.Ended:
		p.state = "declined"
		return
	case v == agent.Awaiting && p.state == "unknown":
		p.state = "await_payer"
		return
	case v == agent.Absent && p.state == "unknown" && p.hasCode && p.attempts < 2 && now-p.sent+redialGap < min(codeLife, rideFor):
		p.state = "sending"
		p.attempts++
		return
	}
	if now-p.sent >= giveUp {
		p.state = "reversing"
	}
}

// shownAnswered: rows 19 and 20.
func (p *payment) shownAnswered(v agent.Verdict, now time.Duration) {
	switch {
	case v == agent.Approved && p.state == "closing" && p.released:
		p.late()
	case v == agent.Approved:
		p.paid()
	case v == agent.Ended:
		p.state = "closed"
	case p.state == "qr_shown" && now-p.shown >= qrLife:
		p.state = "closing"
	}
}

func (p *payment) confirmAnswered(v agent.Verdict) {
	switch v {
	case agent.Approved:
		p.late()
	case agent.Ended, agent.Absent, agent.Refused:
		p.undone()
	}
}

// leftAnswered ends a payment whose late refund the wallet refuses: there is
// nothing left to give back, or the office looks after it.
func (p *payment) leftAnswered(v agent.Verdict) {
	if i := p.refund(p.orderNo + "R0"); i >= 0 {
		p.refunds[i].state = "failed"
	}
	p.refusing = false
	switch {
	case v != agent.Ended:
		p.state, p.under = "review", "refund_due"
	case p.showing:
		p.state, p.under = "closed", ""
	default:
		p.state, p.under = "reversed", ""
	}
}

func (p *payment) undone() {
	if p.state == "closing" {
		p.state = "closed"
	} else {
		p.state = "reversed"
	}
}

// reverseAnswered: rows 12 to 15.
func (p *payment) reverseAnswered(v agent.Verdict, now time.Duration) {
	switch v {
	case agent.Accepted:
		p.acked = true
	case agent.Refused:
		p.barred = true
	case agent.Absent:
		p.absent = append(p.absent, now)
	}
}

func (p *payment) closeAnswered(v agent.Verdict, now time.Duration) {
	p.closeSay = v
	switch v {
	case agent.Accepted:
		p.acked = true
	case agent.Absent:
		p.absent = append(p.absent, now)
	}
}

// refundAnswered: a refund ends by a word of the wallet, under its one number.
func (p *payment) refundAnswered(op agent.Operation, no string, v agent.Verdict, retry bool) {
	i := p.refund(no)
	if i < 0 {
		return
	}
	r := &p.refunds[i]
	switch {
	case v == agent.Accepted:
		r.state = "done"
	case v == agent.Processing:
		r.state = "processing"
	case v == agent.Refused && !retry && r.auto && p.acked:
		p.refusing = true // whether anything is left to give back is asked first
	case v == agent.Refused && !retry:
		r.state = "failed"
		if r.auto {
			p.state, p.under = "review", "refund_due"
		}
	case v == agent.InDoubt && r.state == "requested":
		r.state = "unknown"
	}
	var back int64
	for _, r := range p.refunds {
		if r.state == "done" {
			back += r.amount
		}
	}
	if back > 0 && back == p.captured {
		p.state = "refunded"
	}
}
