package agent

import "context"

// Biller gives a wallet's own account of a day, to compare the journal with.
type Biller interface {
	// Bill fetches the bill of a day, written "2006-01-02" in the wallet's own time
	// zone. A day without any payment has no lines and no error; a day whose bill is
	// not ready yet is an Error of class Unavailable.
	Bill(ctx context.Context, day string) ([]BillLine, error)
}

// BillKind is what a line of a bill is about.
type BillKind string

// The kinds of lines. A reversal takes back the whole payment of its order number.
const (
	BillPayment  BillKind = "payment"
	BillRefund   BillKind = "refund"
	BillReversal BillKind = "reversal"
)

// BillLine is one movement of money as the wallet has it. Amounts are positive.
type BillLine struct {
	Kind     BillKind
	Wallet   string
	OrderNo  string // the shop's own number; empty when the wallet has none
	RefundNo string // with BillRefund
	Txn      string // the wallet's transaction id
	Amount   Money
	At       string // the wallet's own time of it, as it wrote it
	Text     string // the line as it stood in the bill, for the office; never a payment code
}
