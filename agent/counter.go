package agent

import "slices"

// LaneInfo describes a register for pages and the local API.
type LaneInfo struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Wallet  string    `json:"wallet"`  // default of a payment that is shown
	Payment PaymentID `json:"payment"` // the one that holds it; empty when free
}

// ScanResult is the counter's answer to one scan: every scan has one.
type ScanResult struct {
	Accepted bool     // the code now belongs to Payment
	Payment  *Payment // the payment it concerns; nil when none is open
	Say      Sentence // what to tell the cashier
	Tone     Tone
	// Receipt: the text was a receipt's order number and Payment is what it is of. A
	// screen opens it, to give money back.
	Receipt bool
}

// RefundRequest is what a person asks for, already approved.
type RefundRequest struct {
	Payment   PaymentID
	RequestID string // unique within the payment; a repeat gives the same refund
	Amount    Money
	Why       string
	By        string // who approved it
}

// Offer is what one configured wallet can do at the counter now.
type Offer struct {
	Name       string     `json:"name"`       // brand as configured
	Scan       bool       `json:"scan"`       // takes the code on a customer's phone
	Show       bool       `json:"show"`       // gives a code to show
	Currencies []Currency `json:"currencies"` // what it takes; empty: anything
	Test       bool       `json:"test"`       // its host is not the brand's own
}

// Takes reports whether the wallet takes the currency.
func (o Offer) Takes(c Currency) bool {
	return len(o.Currencies) == 0 || slices.Contains(o.Currencies, c)
}
