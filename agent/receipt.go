package agent

import (
	"slices"
	"time"
)

// Receipt is the document a shop hands out. It is made from a payment's facts
// alone, so a reprint says the same; renderings live with the printers and pages.
type Receipt struct {
	Shop      string
	Title     Sentence // what kind of slip it is
	OrderNo   string
	Reference string
	Wallet    string
	Txn       string
	Amount    Money
	Payer     PayerSum
	Refunded  Money // zero when nothing went back
	Paid      bool  // false: the slip says that nothing is certain or nothing was taken
	Accepted  bool  // without the wallet's word: the goods are paid with a promise
	Test      bool
	Void      bool // nothing was taken and nothing will be: the amount is struck
	Duplicate bool // a reprint
	Copy      Copy
	Refund    Refund // its number is empty on the slip of the payment itself
	Lane      string
	Cashier   string
	At        time.Time
	Foot      Sentence
}

// Copy says whom a copy of a slip is for; the zero value is the only one there is.
type Copy string

// The copies of a slip.
const (
	CopyCustomer Copy = "customer"
	CopyShop     Copy = "shop"
)

// NewReceipt makes the slip for a payment in the state it is in. duplicate marks
// a reprint.
func NewReceipt(p Payment, shop string, duplicate bool) Receipt {
	r := Receipt{
		Shop: shop, OrderNo: p.OrderNo, Reference: p.Reference, Wallet: p.Status.Wallet, Txn: p.Status.Txn,
		Amount: p.Amount, Payer: p.Status.Payer, Test: p.Test, Duplicate: duplicate,
		Lane: p.Lane, Cashier: p.Cashier, At: p.Status.Since,
		Refunded: Money{Value: p.Status.RefundedSum(), Currency: p.Amount.Currency},
	}
	switch p.Status.State {
	case Paid:
		r.Paid = true
		r.Title = Sentence{ID: "receipt.paid", English: "Receipt"}
	case Refunded:
		r.Title = Sentence{ID: "receipt.refunded", English: "Refund"}
	case OfflineAccepted, Redeeming, OfflineRejected:
		// The customer's slip says what was true at the counter, whatever came of it.
		r.Accepted = true
		r.Title = Sentence{ID: "receipt.offline", English: "Accepted offline"}
		r.Foot = Sentence{ID: "receipt.offline_foot", English: "Not yet collected. The shop collects it when its connection is back."}
		if p.Status.Way.PaidBefore() {
			r.Foot = Sentence{ID: "receipt.sight_foot", English: "Not yet confirmed by the wallet. The shop asks when its connection is back."}
		}
	case Declined, NotSent, Reversed, Closed, Voided:
		r.Void = true
		r.Title = Sentence{ID: "receipt.unpaid", English: "Not charged"}
	default:
		r.Title = Sentence{ID: "receipt.doubt", English: "Not confirmed"}
		r.Foot = Sentence{ID: "receipt.doubt_foot", English: "If this payment does not go through and your wallet was charged, the money is returned."}
	}
	return r
}

// NewRefundReceipt makes the slip for one refund of a payment: its own amount, number
// and, while it is not done, that nothing has come back yet.
func NewRefundReceipt(p Payment, f Refund, shop string, duplicate bool) Receipt {
	r := NewReceipt(p, shop, duplicate)
	r.Refund, r.Foot, r.Payer = f, Sentence{}, PayerSum{}
	r.Amount = Money{Value: f.Amount, Currency: p.Amount.Currency}
	r.Paid, r.Void, r.Accepted = f.State == RefundDone, false, false
	r.At = p.refundedAt(f.No)
	r.Title = Sentence{ID: "receipt.refunded", English: "Refund"}
	if f.State != RefundDone {
		r.Title = Sentence{ID: "receipt.refund_open", English: "Refund not confirmed"}
		r.Foot = f.Say(p.Amount.Currency)
	}
	return r
}

// refundedAt is when the last thing happened to a refund.
func (p Payment) refundedAt(no string) time.Time {
	at := p.Status.Since
	for _, f := range p.Facts {
		if f.RefundNo == no {
			at = f.At
		}
	}
	return at
}

// Handed reports whether a slip of the payment may be in somebody's hand: one that was
// printed, or one whose end the printer did not tell.
func (p Payment) Handed() bool {
	return slices.ContainsFunc(p.Facts, func(f Fact) bool {
		return f.Kind == FactPrinted || f.Kind == FactPrintFailed && f.Code == string(PrintDoubtful)
	})
}
