package agent

import "time"

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
	Test      bool
	Duplicate bool // a reprint
	Lane      string
	Cashier   string
	At        time.Time
	Foot      Sentence
}

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
	case Declined, NotSent, Reversed, Closed:
		r.Title = Sentence{ID: "receipt.unpaid", English: "Not charged"}
	default:
		r.Title = Sentence{ID: "receipt.doubt", English: "Not confirmed"}
		r.Foot = Sentence{ID: "receipt.doubt_foot", English: "If your wallet was charged, the money is returned automatically."}
	}
	return r
}
