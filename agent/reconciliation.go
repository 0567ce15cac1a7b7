package agent

import (
	"strings"
	"time"
)

// Reconciliation is one day of the wallets' bills held against the journal.
type Reconciliation struct {
	Day     string       `json:"day"` // "2006-01-02", in each wallet's own zone
	Made    time.Time    `json:"made"`
	Wallets []WalletBill `json:"wallets"`
}

// Differences counts what differs, over all wallets.
func (r Reconciliation) Differences() (n int) {
	for _, w := range r.Wallets {
		n += len(w.Differences)
	}
	return n
}

// Whole reports whether every wallet's bill could be compared.
func (r Reconciliation) Whole() bool {
	for _, w := range r.Wallets {
		if w.Failed != nil {
			return false
		}
	}
	return true
}

// WalletBill is what the comparison of one wallet's day came to.
type WalletBill struct {
	Wallet      string       `json:"wallet"`
	Test        bool         `json:"test"` // its host is not the brand's own
	Sums        []BillSum    `json:"sums"` // by currency code
	Differences []Difference `json:"differences"`
	Elsewhere   int          `json:"elsewhere"`        // lines of other terminals on the same account
	Later       []LaterBill  `json:"later,omitempty"`  // what another day's bill must tell
	Failed      *Sentence    `json:"failed,omitempty"` // why nothing could be compared
	Retry       bool         `json:"retry,omitempty"`  // with Failed: it may work later
}

// LaterBill counts movements around midnight that are not on the day's bill and may
// be on one that cannot be had yet.
type LaterBill struct {
	Day   string `json:"day"`
	Count int    `json:"count"`
}

// BillSum is a day in one currency: the bill beside the journal.
type BillSum struct {
	Currency    Currency `json:"currency"`
	There       BillFlow `json:"there"`
	Here        BillFlow `json:"here"`
	Differences int      `json:"differences"`
}

// Off is what the wallet has more than the journal, in minor units.
func (s BillSum) Off() Money {
	return Money{Value: s.There.Net() - s.Here.Net(), Currency: s.Currency}
}

// BillFlow is money in both directions, in minor units.
type BillFlow struct {
	Payments int   `json:"payments"`
	Paid     int64 `json:"paid"`
	Returns  int   `json:"returns"` // refunds and reversals
	Returned int64 `json:"returned"`
}

// Net is what stays with the shop.
func (f BillFlow) Net() int64 { return f.Paid - f.Returned }

// DifferenceKind names in what a bill and the journal differ. The words are exported
// and compared over years: add new ones, never change the meaning of one.
type DifferenceKind string

// The kinds of difference.
const (
	DiffUnknownHere     DifferenceKind = "unknown_here"     // paid there, no such payment here
	DiffMissingThere    DifferenceKind = "missing_there"    // paid here, not on the bill
	DiffAmount          DifferenceKind = "amount"           // paid on both sides, not the same amount
	DiffCurrency        DifferenceKind = "currency"         // on both sides, not in the same currency
	DiffPaidThere       DifferenceKind = "paid_there"       // paid there after a negative end here
	DiffUnsettled       DifferenceKind = "unsettled"        // paid there, not ended here yet
	DiffOtherWallet     DifferenceKind = "other_wallet"     // paid there, here it belongs to another wallet
	DiffReversedThere   DifferenceKind = "reversed_there"   // taken back there, paid here
	DiffReversalUnknown DifferenceKind = "reversal_unknown" // taken back there, no such payment here
	DiffRefundMissing   DifferenceKind = "refund_missing"   // given back here, not on the bill
	DiffRefundUnknown   DifferenceKind = "refund_unknown"   // given back there, no such refund here
	DiffRefundAmount    DifferenceKind = "refund_amount"    // given back on both sides, not the same amount
	DiffRefundUnsettled DifferenceKind = "refund_unsettled" // given back there, not ended so here
	DiffDuplicate       DifferenceKind = "duplicate"        // a movement that the bill has more than once
)

// Difference is one thing in which a wallet's bill and the journal differ.
type Difference struct {
	Kind     DifferenceKind `json:"kind"`
	Wallet   string         `json:"wallet"`
	Payment  PaymentID      `json:"payment,omitempty"` // empty when none is known here
	OrderNo  string         `json:"order_no"`
	RefundNo string         `json:"refund_no,omitempty"`
	Txn      string         `json:"txn,omitempty"` // the wallet's transaction id
	There    Money          `json:"there"`         // zero when the bill has nothing
	Here     Money          `json:"here"`          // zero when the journal has nothing
	State    State          `json:"state,omitempty"`
	At       string         `json:"at"`             // the wallet's own time of it; ours when it has none
	Line     string         `json:"line,omitempty"` // as it stands in the bill
	Asked    bool           `json:"asked"`          // the wallet was asked about the payment again
}

// Amount is what the difference is about: the bill's amount, or ours where the bill
// has none.
func (d Difference) Amount() Money {
	if d.There.Currency == "" {
		return d.Here
	}
	return d.There
}

// differenceText holds an id and its English for each kind. A place in braces is an
// argument: {1} there, {2} here, {3} the number.
var differenceText = map[DifferenceKind]Sentence{
	DiffUnknownHere:     {ID: "bill.unknown_here", English: "The wallet took {1} for {3}, and this terminal has no such payment. Look for the sale in whatever else uses this account; else give it back on the wallet's site."},
	DiffMissingThere:    {ID: "bill.missing_there", English: "{2} is paid here, and the bill has no such payment. Ask the wallet's office with the order number."},
	DiffAmount:          {ID: "bill.amount", English: "The wallet took {1}; here {2} was paid. Ask the wallet's office which is right."},
	DiffCurrency:        {ID: "bill.currency", English: "The bill has {1}; here it is {2}, another currency. Ask the wallet's office which is right."},
	DiffPaidThere:       {ID: "bill.paid_there", English: "The wallet took {1} for a payment that ended unpaid here. The agent asks the wallet again and gives back what it took; when nothing happens, ask the wallet's office."},
	DiffUnsettled:       {ID: "bill.unsettled", English: "The wallet took {1} for a payment that has not ended here yet. The agent asks the wallet again."},
	DiffOtherWallet:     {ID: "bill.other_wallet", English: "The wallet took {1} for a payment that belongs to another wallet here. The customer may have paid twice: give one back."},
	DiffReversedThere:   {ID: "bill.reversed_there", English: "The wallet took {1} back from the shop for a payment that is paid here. The customer has the money: ask the wallet's office why."},
	DiffReversalUnknown: {ID: "bill.reversal_unknown", English: "The wallet took back {1} for {3}, and this terminal has no such payment. Look for the sale in whatever else uses this account."},
	DiffRefundMissing:   {ID: "bill.refund_missing", English: "{2} was refunded here, and the bill has no such refund. Ask the wallet's office with the refund number."},
	DiffRefundUnknown:   {ID: "bill.refund_unknown", English: "The wallet refunded {1} under {3}, and nobody asked for that here. See who can refund on the wallet's site."},
	DiffRefundAmount:    {ID: "bill.refund_amount", English: "The wallet refunded {1}; here it was {2}. Ask the wallet's office which is right."},
	DiffRefundUnsettled: {ID: "bill.refund_unsettled", English: "The wallet refunded {1}, and here that refund has not ended well. Do not refund it again."},
	DiffDuplicate:       {ID: "bill.duplicate", English: "The bill has {1} for {3} more than once. Ask the wallet's office whether it moved twice."},
}

// DifferenceKinds lists every kind that has a sentence.
func DifferenceKinds() []DifferenceKind {
	all := make([]DifferenceKind, 0, len(differenceText))
	for k := range differenceText {
		all = append(all, k)
	}
	return all
}

// Say is the difference in words, with what to do about it.
func (d Difference) Say() Sentence {
	s := differenceText[d.Kind]
	no := d.OrderNo
	switch {
	case d.RefundNo != "":
		no = d.RefundNo
	case no == "":
		no = d.Txn
	}
	s.Args = []string{d.There.String(), d.Here.String(), no}
	s.English = strings.NewReplacer("{1}", s.Args[0], "{2}", s.Args[1], "{3}", no).Replace(s.English)
	return s
}
