package agent

import (
	"context"
	"slices"
	"time"
)

// Verdict is what an operation taught us about a payment. Its zero value is
// InDoubt, so an adapter that forgets a case claims nothing.
type Verdict int

// The verdicts. All but InDoubt and NotDelivered rest on a verified answer: signature,
// own merchant, own order number, and amount and currency where they appear.
const (
	InDoubt      Verdict = iota // may have arrived; nothing is known
	NotDelivered                // proven: not one byte was written, on any host
	Approved                    // the money is taken
	Awaiting                    // the customer must confirm
	Refused                     // a definite refusal of this operation, by list
	Shown                       // Answer.QR can be paid
	Absent                      // query: the wallet does not know the number
	Unpaid                      // query: the order stands, nobody has paid yet
	Ended                       // query: closed or revoked, it can never be paid
	Accepted                    // reverse, close: acknowledged. refund: done
	Processing                  // refund: the wallet is working on it
)

var verdictNames = [...]string{"in_doubt", "not_sent", "approved", "awaiting", "refused", "shown",
	"absent", "unpaid", "ended", "accepted", "processing"}

// String names the verdict for logs and metrics.
func (v Verdict) String() string {
	if v < 0 || int(v) >= len(verdictNames) {
		return "in_doubt"
	}
	return verdictNames[v]
}

// Answer is the outcome of one operation. Adapters return no error beside it:
// an error would invite the caller to treat doubt as failure.
type Answer struct {
	Verdict Verdict
	Reason  Reason
	Code    string   // the wallet's own word, normalised
	Text    string   // the wallet's own message, for the office
	Txn     string   // the wallet's transaction id
	QR      string   // with Shown
	Amount  int64    // with Approved: minor units, verified equal to the payment's
	Payer   PayerSum //
	Err     error    // the transport's error, for the log
	Retry   bool     // with Refused on refunds: the same number may succeed later
}

// WalletInfo is what a wallet tells about itself.
type WalletInfo struct {
	Name     string // brand as configured, e.g. "wechat"
	Protocol string
	Test     bool // its host is not the brand's own: every screen says TEST
	Hosts    []string
	Currency []Currency // what it takes; empty: anything
}

// Prices reports whether the wallet takes payments in the currency. It takes "",
// which stands for any.
func (i WalletInfo) Prices(c Currency) bool {
	return c == "" || len(i.Currency) == 0 || slices.Contains(i.Currency, c)
}

// Wallet is the port every wallet implements. What else it can do is told by the
// small interfaces below; callers use plain type assertions, so an adapter must
// never be wrapped: put tracing, signing and time-outs into its transport.
//
// Every method may be called again with the same payment and means the same
// order at the wallet. ctx carries the deadline of the request.
type Wallet interface {
	Info() WalletInfo
	Query(ctx context.Context, p Payment) Answer
}

// Charger takes customers' codes (consumer-presented).
type Charger interface {
	Pay(ctx context.Context, p Payment, code PayCode) Answer
}

// Preparer is a Charger whose request takes work to make: an RSA signature is a
// millisecond of a good processor and ten of a small one. The counter has it done
// while the attempt is being recorded, so that the customer waits for the longer
// of the two and not for their sum.
type Preparer interface {
	// Prepare makes the request that Pay would send, and sends nothing. The function
	// it returns is Pay, with that request at hand. It makes another when the
	// prepared one was used before, is too old or is not byte for byte what Pay
	// would send now, so it can be called like Pay. Dropping it drops the request.
	Prepare(p Payment, code PayCode) (pay func(context.Context, Payment, PayCode) Answer)
}

// Presenter gives codes to show (merchant-presented). Asking again with the same
// payment gives a code for the same order.
type Presenter interface {
	Present(ctx context.Context, p Payment) Answer
}

// Reverser undoes a consumer-presented payment, whatever became of it.
type Reverser interface {
	Reverse(ctx context.Context, p Payment) Answer
}

// Closer makes a shown code unpayable.
type Closer interface {
	Close(ctx context.Context, p Payment) Answer
}

// Refunder gives money back, under the refund's own number.
type Refunder interface {
	Refund(ctx context.Context, p Payment, r Refund) Answer
	QueryRefund(ctx context.Context, p Payment, r Refund) Answer
}

// Redeemer collects what was accepted with a voucher or a receipt of the wallet. Every
// call with the same payment is one redemption, whose key is Status.Key.
type Redeemer interface {
	// Redeem hands in the code as it was scanned. Approved: collected, now or before, or
	// the receipt's payment stands. Refused, with ReasonSpentElse, ReasonRevoked,
	// ReasonRanOut or another: it never will be.
	Redeem(ctx context.Context, p Payment, code PayCode) Answer
	// Void says that a device's voucher was accepted and taken back unused. Accepted
	// ends it; Approved says that the order was paid by the shown code after all.
	Void(ctx context.Context, p Payment) Answer
}

// LateCharger is a Charger of a scheme that answers for charging its codes after the
// sale: a shop's own member and stored-value cards, never a code that lives a minute.
type LateCharger interface {
	// Later is how long after the sale a code may be charged and the most of one
	// payment in minor units; zero and zero: not in this currency, or not at all.
	Later(c Currency) (age time.Duration, most int64)
	// ChargeLater charges a code that was accepted at a time; the answers are Pay's.
	ChargeLater(ctx context.Context, p Payment, code PayCode, accepted time.Time) Answer
}
