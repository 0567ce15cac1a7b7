package reconcile

import (
	"context"
	"strings"
	"time"

	"tillwire/agent"
)

// journal is what a comparison reads of the store.
type journal interface {
	// Touched lists the payments to which something happened in the time from from
	// (included) to to (excluded).
	Touched(ctx context.Context, from, to time.Time) ([]agent.Payment, error)
	// ByOrderNo finds a payment, or answers an Error of class NotFound.
	ByOrderNo(ctx context.Context, orderNo string) (agent.Payment, error)
}

// movement is money that moved as the journal has it. The wallet's own moment lies
// between first and known: it was asked at the first, and told us at the second.
type movement struct {
	key          key
	amount       agent.Money
	first, known time.Time
}

// key identifies a movement: the order number of payments and reversals, the number
// of a refund. A line without either goes by the wallet's transaction.
type key struct {
	kind agent.BillKind
	no   string
}

func keyOf(l agent.BillLine) key {
	no := l.OrderNo
	if l.Kind == agent.BillRefund {
		no = l.RefundNo
	}
	switch {
	case no == "" && l.Txn != "":
		no = "txn " + l.Txn
	case no == "":
		no = "line " + l.Text
	}
	return key{l.Kind, no}
}

// standing reports whether the journal says that the payment was taken and not
// undone; what was refunded was taken all the same.
func standing(s agent.Status) bool {
	return s.Captured > 0 && s.State != agent.Reversed && s.State != agent.Closed
}

// movements lists what a bill should have of a payment. A payment that was undone
// need not be there: some bills leave out what came to nothing.
func movements(p agent.Payment) (list []movement) {
	in := func(v int64) agent.Money { return agent.Money{Value: v, Currency: p.Amount.Currency} }
	if at, ok := first(p, agent.FactApproved, ""); ok && standing(p.Status) {
		list = append(list, movement{key{agent.BillPayment, p.OrderNo}, in(p.Status.Captured), p.Created, at})
	}
	for _, r := range p.Status.Refunds {
		done, ok := first(p, agent.FactRefundDone, r.No)
		asked, _ := first(p, agent.FactRefundRequested, r.No)
		if ok && r.State == agent.RefundDone {
			list = append(list, movement{key{agent.BillRefund, r.No}, in(r.Amount), asked, done})
		}
	}
	return list
}

// first is when a fact was first recorded.
func first(p agent.Payment, kind agent.FactKind, refundNo string) (time.Time, bool) {
	for _, f := range p.Facts {
		if f.Kind == kind && f.RefundNo == refundNo {
			return f.At, true
		}
	}
	return time.Time{}, false
}

// A terminal's order number is its code of six characters and a ULID of 26, whose
// first ten are milliseconds since 1970 in Crockford's base 32.
const (
	terminalLen = 6
	orderLen    = 32
	stampLen    = 10
	crockford   = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	oldestOrder = 500 * 24 * time.Hour // a wallet takes refunds for about a year
)

// ofOtherTerminal reports whether an order number was made by another terminal: the
// shops of a chain, and the lanes of some, share one account and so one bill. The
// moment in it must fit the bill, which no number of another form does by chance.
func ofOtherTerminal(no, terminal string, until time.Time) bool {
	if len(no) != orderLen || no[:terminalLen] == terminal {
		return false
	}
	var ms int64
	for i, c := range no[terminalLen:] {
		digit := strings.IndexRune(crockford, c)
		if digit < 0 {
			return false
		}
		if i < stampLen {
			ms = ms<<5 | int64(digit)
		}
	}
	made := time.UnixMilli(ms)
	return made.After(until.Add(-oldestOrder)) && made.Before(until.Add(slack))
}
