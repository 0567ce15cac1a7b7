package agent

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
}

// RefundRequest is what a person asks for, already approved.
type RefundRequest struct {
	Payment   PaymentID
	RequestID string // unique within the payment; a repeat gives the same refund
	Amount    Money
	Why       string
	By        string // who approved it
}
