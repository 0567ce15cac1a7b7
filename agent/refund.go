package agent

import (
	"fmt"
	"strconv"
)

// RefundState is where a refund stands.
type RefundState string

// The states of a refund.
const (
	RefundRequested  RefundState = "requested"  // durable, on its way
	RefundProcessing RefundState = "processing" // the wallet is working on it
	RefundUnknown    RefundState = "unknown"    // outcome not known; being asked
	RefundDone       RefundState = "done"
	RefundFailed     RefundState = "failed"
)

// Final reports whether the refund has ended.
func (s RefundState) Final() bool { return s == RefundDone || s == RefundFailed }

// Refund is money going back. Its number is fixed in the commit that asks for it
// and is used for every try, because a second number is a second refund.
type Refund struct {
	No        string // order number + "P1", "P2", … or "R0" for the answer to a late success
	RequestID string // the till's or page's own id; unique within the payment
	Amount    int64  // minor units
	State     RefundState
	Auto      bool
	Reason    Reason // why it failed or waits
	Code      string // the wallet's word
	Why       string // what the person typed
	By        string // who approved it
}

// RefundedSum is the sum of successful refunds in minor units.
func (s Status) RefundedSum() int64 {
	return s.sumRefunds(func(r Refund) bool { return r.State == RefundDone })
}

// Refundable is what may still be asked back: captured less every refund that
// has not failed.
func (s Status) Refundable() int64 {
	if s.State != Paid {
		return 0
	}
	return s.Captured - s.sumRefunds(func(r Refund) bool { return r.State != RefundFailed })
}

func (s Status) sumRefunds(counts func(Refund) bool) (sum int64) {
	for _, r := range s.Refunds {
		if counts(r) {
			sum += r.Amount
		}
	}
	return sum
}

// Refund finds a refund by its number.
func (s Status) Refund(no string) (Refund, bool) {
	for _, r := range s.Refunds {
		if r.No == no {
			return r, true
		}
	}
	return Refund{}, false
}

// NextRefundNo is the number of the next refund a person asks for: the order
// number, "P" and a count that never goes back.
func (p Payment) NextRefundNo() string {
	n := 1
	for _, r := range p.Status.Refunds {
		if !r.Auto {
			n++
		}
	}
	return p.OrderNo + "P" + strconv.Itoa(n)
}

// LateRefundNo is the number of the one refund that answers a success found
// after a negative end. It is derived, so no fault can make a second one.
func (p Payment) LateRefundNo() string { return p.OrderNo + "R0" }

// noteRefund applies a fact about a refund. The sum is guarded here, in the same
// step that creates the refund.
func (s *Status) noteRefund(f Fact) error {
	if f.Kind == FactRefundRequested {
		return s.addRefund(f)
	}
	to, ok := map[FactKind]RefundState{
		FactRefundAccepted: RefundProcessing, FactRefundInDoubt: RefundUnknown,
		FactRefundDone: RefundDone, FactRefundRefused: RefundFailed,
	}[f.Kind]
	if !ok {
		return nil
	}
	for i := range s.Refunds {
		r := &s.Refunds[i]
		if r.No != f.RefundNo {
			continue
		}
		if r.State.Final() { // also when it ended in the same way: who counts its end counts it once
			return s.refuse(f, "comes after the refund has ended")
		}
		r.State, r.Reason, r.Code = to, f.Reason, f.Code
		return nil
	}
	return s.refuse(f, "names a refund that was never asked for")
}

func (s *Status) addRefund(f Fact) error {
	left := s.Captured - s.sumRefunds(func(r Refund) bool { return r.State != RefundFailed })
	if f.Amount <= 0 || f.Amount > left {
		return &Error{Op: "refund", Class: Invalid, Code: CodeAmount,
			Say: Sentence{ID: "error.refund_sum", Args: []string{strconv.FormatInt(left, 10)},
				English: fmt.Sprintf("No more than %d minor units can still be refunded on this payment.", left)}}
	}
	if _, exists := s.Refund(f.RefundNo); exists || f.RefundNo == "" {
		return s.refuse(f, "repeats a refund number")
	}
	s.Refunds = append(s.Refunds, Refund{No: f.RefundNo, RequestID: f.RequestID, Amount: f.Amount,
		State: RefundRequested, Auto: f.Auto, Why: f.Text, By: f.By})
	return nil
}
