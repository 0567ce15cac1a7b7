package checkout

import (
	"context"
	"strings"

	"tillwire/agent"
)

// orderLength is how many characters an order number has: six of the terminal and the
// twenty-six of the payment's own id.
const orderLength = 32

// receipt finds the payment whose order number was scanned, or nil. Slips carry it as a
// code. Only what the journal has counts: a text that merely looks like one is answered
// like any other.
func (e *Engine) receipt(ctx context.Context, text string) *agent.Payment {
	text = strings.TrimSpace(text)
	id, ours := strings.CutPrefix(text, e.opt.Terminal)
	if !ours || len(text) != orderLength {
		return nil
	}
	if p := e.peek(ctx, agent.PaymentID(id)); p != nil && p.OrderNo == text {
		return p
	}
	return nil
}

// scanReceipt answers the scan of a receipt. While a payment holds the lane its customer
// comes first: nothing may take the screen from it.
func scanReceipt(held, sold *agent.Payment) agent.ScanResult {
	if held != nil && !held.Status.Final() {
		return no(held, agent.ToneDoubt, "scan.receipt_busy", "This is the code of a receipt. End this payment first, then scan the receipt again")
	}
	r := no(sold, agent.ToneCalm, "scan.receipt", "The payment of this receipt")
	r.Receipt = true
	return r
}
