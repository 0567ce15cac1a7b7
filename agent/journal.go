package agent

import (
	"context"
	"errors"
	"time"
)

// ErrRepeated reports that the request was served before; the payment beside it
// is the stored one.
var ErrRepeated = errors.New("this request was served before")

// ErrCodeSeen reports that the payment code was used within the last ten
// minutes; the payment beside it is the one it belongs to.
var ErrCodeSeen = errors.New("this payment code was used before")

// Journal is the durable record of facts. Memory and SQLite implement it and
// pass one suite (offline/journaltest). What a method returns without an error
// is on disk, synced. A context only carries values: a journal does not abandon
// a write because its caller went away.
type Journal interface {
	// Open records a new payment with its first facts, in one commit.
	//
	// The same Client and RequestID again: with the same RequestHash the stored
	// payment and ErrRepeated, looked up before anything else; with another hash
	// an Error of code request_reused. A held lane gives code lane_busy with the
	// payment that holds it. A payment code seen within ten minutes gives
	// ErrCodeSeen and the payment it belongs to.
	Open(ctx context.Context, p Payment, facts ...Fact) (Payment, error)
	// Record adds facts to a payment whose version the caller has read, in one
	// commit; ErrStale when it has moved since. Conflict when the law of Decide
	// forbids a fact; then nothing is written.
	Record(ctx context.Context, id PaymentID, version int64, facts ...Fact) (Payment, error)
	// Payment returns one payment with all its facts, or an Error of class NotFound.
	Payment(ctx context.Context, id PaymentID) (Payment, error)
	// ByRequest finds the payment a client asked for under this id, or an Error of
	// class NotFound.
	ByRequest(ctx context.Context, client, requestID string) (Payment, error)
	// OpenPayments returns every payment that is not final, oldest first.
	OpenPayments(ctx context.Context) ([]Payment, error)
}

// Outbox is what must still be done, beside the journal and in the same commits:
// after each commit its rows are exactly Payment.Steps.
type Outbox interface {
	// Lease takes up to limit due tasks, most urgent first. A lease belongs to
	// this run of the agent and ends with it, with Postpone, or with the next
	// fact that changes the payment's steps.
	Lease(ctx context.Context, limit int) ([]Task, error)
	// NextDue is how long until a task is due; ok is false when there is none.
	NextDue(ctx context.Context) (wait time.Duration, ok bool, err error)
	// Postpone gives a leased task back, due after wait. It does nothing when the
	// lease is no longer the task's.
	Postpone(ctx context.Context, t Task, wait time.Duration, why string) error
	// Hasten makes every waiting task of one wallet due now; all when it is "".
	Hasten(ctx context.Context, wallet string) error
}

// Task is one leased step.
type Task struct {
	Row      int64 // of the outbox
	Lease    int64 // fencing token
	Payment  PaymentID
	Op       Operation
	RefundNo string
	Tries    int // leases so far, this one included
}

// Filter selects payments for lists. Zero members do not filter.
type Filter struct {
	From, To time.Time
	States   []State
	Open     bool   // not final
	Lane     string //
	Wallet   string // brand as configured
	Currency Currency
	Cashier  string // name of the person at the register
	// GivenBack selects payments of which something was asked back between From and To, however it ended.
	GivenBack bool
	Text      string // part of reference, order number, transaction or request id
	// Whole asks for payments of which Text is one of these, or the id, from end to end.
	// Big and small letters are the same to both.
	Whole  bool
	Cursor string // Page.Next of the page before
	Limit  int    // 1 to 500; 0 means 50
}

// Page is part of a list of payments, newest first.
type Page struct {
	Payments []Payment
	Next     string // empty on the last page; a search for a text may have it after a short one
}

// Totals are sums over a span of time, per currency.
type Totals struct {
	Currency                  Currency
	Count                     int   // however they ended
	Paid                      int   // of these: money was taken, even where it was given back since
	Captured, CapturedEarlier int64 // of payments that are or were paid; within the span, of payments of before it
	Refunded, Earlier         int64 // went back: of these payments; within the span, of payments of before it
	Open                      int   // not final
}

// Add adds the sums of other payments in the same currency.
func (t *Totals) Add(more Totals) {
	t.Count, t.Paid, t.Open = t.Count+more.Count, t.Paid+more.Paid, t.Open+more.Open
	t.Captured, t.Refunded = t.Captured+more.Captured, t.Refunded+more.Refunded
	t.CapturedEarlier, t.Earlier = t.CapturedEarlier+more.CapturedEarlier, t.Earlier+more.Earlier
}

// QueueInfo describes the outbox for the status page.
type QueueInfo struct {
	Entries int           `json:"entries"`
	Unsent  int           `json:"unsent"` // of these: what must still reach a wallet, not only be asked about
	Oldest  time.Duration `json:"-"`
	Dead    int           `json:"dead"`
}

// QueueEntry is one row of the outbox for the owner's page.
type QueueEntry struct {
	Payment  PaymentID
	OrderNo  string
	Op       Operation
	RefundNo string
	Tries    int
	Age      time.Duration
	Due      time.Duration // until the next try; negative when overdue
	Last     string        // why the last try did not end it
	Dead     bool          // given up: it is tried again after a restart, or when somebody asks for it
}
