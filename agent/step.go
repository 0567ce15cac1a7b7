package agent

import "time"

// Timers are a wallet's waits. Every one is a setting; the values here are the
// defaults of the wallets' own guides.
type Timers struct {
	Connect       time.Duration   // dial and TLS
	Pay           time.Duration   // one request, from dial to the last byte of the answer
	FirstQuery    time.Duration   // after the pay request began
	Cadence       []time.Duration // between queries; the last one repeats
	GiveUp        time.Duration   // after the pay request began: reverse
	MinReverse    time.Duration   // a reversal sent earlier is refused by the wallet
	ReverseWindow time.Duration   // afterwards only a refund helps
	CodeAge       time.Duration   // a payment code may be (re)sent until it is this old
	QRLife        time.Duration   // a shown code
	QRPoll        time.Duration   // queries while a code is shown
	Watch         time.Duration   // one more look after a refusal
	Scan          time.Duration   // an opened payment waits this long for a code
	Retry         time.Duration   // first wait after a failed reversal, close or refund; doubles
	RetryMax      time.Duration   //
}

// DefaultTimers returns the waits for a protocol ("wechat", "alipay", anything
// else is a generic gateway).
func DefaultTimers(protocol string) Timers {
	sec := time.Second
	t := Timers{
		Connect: 3 * sec, Pay: 10 * sec, FirstQuery: 3 * sec,
		Cadence: []time.Duration{3 * sec, 3 * sec, 5 * sec, 5 * sec, 10 * sec},
		GiveUp:  55 * sec, MinReverse: 5 * sec, ReverseWindow: 24 * time.Hour,
		CodeAge: 30 * sec, QRLife: 120 * sec, QRPoll: 3 * sec, Watch: 15 * sec, Scan: 90 * sec,
		Retry: sec, RetryMax: 60 * sec,
	}
	switch protocol {
	case "wechat":
		t.FirstQuery, t.Cadence = 5*sec, []time.Duration{5 * sec, 5 * sec, 10 * sec}
		t.GiveUp, t.MinReverse, t.ReverseWindow = 45*sec, 15*sec, 7*24*time.Hour
		t.CodeAge = 45 * sec
	case "alipay":
		t.Cadence, t.MinReverse, t.CodeAge = []time.Duration{3 * sec}, 0, 45*sec
	}
	return t
}

// Step is the next thing to do for a payment or one of its refunds. Every
// payment that is not final has exactly one for itself and one for each refund
// under way, so nothing waits for a person to notice it.
type Step struct {
	Op       Operation
	RefundNo string        // with OpRefund and OpRefundQuery
	Wait     time.Duration // from the commit of the last fact
}

// Priority orders steps that are due together: undoing before asking, asking
// before paying back. Lower goes first.
func (s Step) Priority() int {
	switch s.Op {
	case OpReverse, OpClose:
		return 0
	case OpQuery, OpPresent:
		return 1
	case OpExpire:
		return 2
	case OpRedeem, OpChargeLater, OpVoid:
		return 3
	}
	return 4
}

// Tells reports whether the step tells the wallet something; the others only ask,
// or ask nobody. Shops call what is still to be told "unsent".
func (s Step) Tells() bool {
	switch s.Op {
	case OpReverse, OpClose, OpRefund, OpRedeem, OpChargeLater, OpVoid:
		return true
	}
	return false
}

// reviewQuery is how often a payment in review is still asked about.
const reviewQuery = time.Hour

// Steps computes what must still be done, from the facts alone.
func (p Payment) Steps(t Timers) []Step {
	var steps []Step
	if s, ok := p.Status.step(t, p.Last().At); ok {
		steps = append(steps, s)
	}
	for _, r := range p.Status.Refunds {
		switch r.State {
		case RefundRequested:
			steps = append(steps, Step{Op: OpRefund, RefundNo: r.No})
		case RefundProcessing, RefundUnknown:
			steps = append(steps, Step{Op: OpRefundQuery, RefundNo: r.No, Wait: t.FirstQuery})
		}
	}
	return steps
}

func (s Status) step(t Timers, last time.Time) (Step, bool) {
	sent := clamp(last.Sub(s.Started), 0, time.Hour)
	switch s.State {
	case Created:
		return Step{Op: OpExpire, Wait: t.Scan}, true
	case Sending:
		if s.Showing {
			return Step{Op: OpPresent, Wait: t.FirstQuery}, true
		}
		return Step{Op: OpQuery, Wait: t.FirstQuery}, true
	case AwaitPayer:
		if sent >= t.FirstQuery {
			return Step{Op: OpQuery, Wait: t.Cadence[0]}, true // it was asked a moment ago
		}
		return Step{Op: OpQuery, Wait: t.FirstQuery - sent}, true
	case Unknown:
		return Step{Op: OpQuery, Wait: clamp(t.FirstQuery-sent, 0, t.FirstQuery)}, true
	case Reversing:
		if s.acked || s.barred {
			return Step{Op: OpQuery}, true
		}
		return Step{Op: OpReverse, Wait: clamp(t.MinReverse-sent, 0, t.MinReverse)}, true
	case QRShown:
		return Step{Op: OpQuery, Wait: t.QRPoll}, true
	case Closing:
		if s.acked {
			return Step{Op: OpQuery}, true
		}
		return Step{Op: OpClose}, true
	case Declined:
		return Step{Op: OpQuery, Wait: t.Watch}, !s.watched
	case OfflineAccepted:
		return Step{Op: s.Way.forward(), Wait: s.forwardWait(t)}, true
	case Redeeming:
		return Step{Op: s.Way.forward(), Wait: t.FirstQuery}, true
	case Voided:
		return Step{Op: OpVoid}, s.Way == WayDevice && !s.told
	case Review:
		if s.acked || s.barred {
			return Step{Op: OpQuery}, true // the wallet has just spoken: one look tells what came of it
		}
		return Step{Op: OpQuery, Wait: reviewQuery}, true
	}
	return Step{}, false
}

// forwardWait is the pause before a collection that could not leave the shop is
// tried again.
func (s Status) forwardWait(t Timers) time.Duration {
	if s.Forwards == 0 {
		return 0
	}
	return min(t.Retry<<min(s.Forwards-1, 16), t.RetryMax)
}

// Acked reports whether the wallet acknowledged the reversal or close.
func (s Status) Acked() bool { return s.acked }

// Barred reports whether the wallet refuses to reverse.
func (s Status) Barred() bool { return s.barred }

// Released reports whether the lane was given up.
func (s Status) Released() bool { return s.released }

func clamp(d, low, high time.Duration) time.Duration { return min(max(d, low), high) }
