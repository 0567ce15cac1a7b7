package agent

import (
	"crypto/sha256"
	"encoding/json"
	"time"
)

// PaymentID identifies a payment inside the terminal: a ULID, 26 characters.
type PaymentID string

// Mode says how the shop means to be paid.
type Mode string

// The modes.
const (
	ModeScan Mode = "scan" // the shop scans the customer's code
	ModeShow Mode = "show" // the shop shows a code
	ModeAny  Mode = "any"  // whichever comes first
)

// Known reports whether the mode is one of the three.
func (m Mode) Known() bool { return m == ModeScan || m == ModeShow || m == ModeAny }

// Payment is one tender the shop asked for. Its order number is made once, is on
// disk before the first byte leaves and serves every try, query and reversal.
type Payment struct {
	ID          PaymentID
	OrderNo     string // terminal code (6) + ULID (26): 32 characters of 0-9A-Z
	Client      string // who asked: "till:NAME" or "person:ID"; "parked" for what was put aside, whoever took it up
	RequestID   string // the asker's own id, unique for ever per Client
	RequestHash []byte // of the request's content, to tell a repeat from a reuse
	Lane        string
	Amount      Money
	Reference   string // the shop's own reference, free text
	Mode        Mode
	Cashier     string // name of the person at the register, when one is known
	Test        bool   // the wallet's host is not the brand's own
	Created     time.Time

	Version int64 // grows by one with each commit; fences late answers
	Status  Status
	Facts   []Fact
}

// Request is what a till or the register asks for.
type Request struct {
	Client    string `json:"-"`
	RequestID string `json:"request_id"`
	Lane      string `json:"lane"`
	Amount    Money  `json:"amount"`
	Reference string `json:"reference"`
	Mode      Mode   `json:"mode"`
	Wallet    string `json:"wallet"` // only with ModeShow and ModeAny; empty: the lane's default
	Cashier   string `json:"-"`
	// OnlineOnly: it is not to be accepted without the wallet's word, whatever the shop's
	// policy allows.
	OnlineOnly bool `json:"online_only,omitempty"`
}

// Hash digests what the request asks for, so that the same id with another
// content is found out.
func (r Request) Hash() []byte {
	text, err := json.Marshal(r)
	if err != nil {
		panic("agent: a request is plain data and always encodes: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return sum[:]
}

// Check reports what is wrong with the request, or nil.
func (r Request) Check() error {
	switch {
	case r.RequestID == "" || len(r.RequestID) > 128:
		return &Error{Op: "open payment", Class: Invalid, Code: CodeUnreadable,
			Say: Sentence{ID: "error.request_id", English: "A payment needs a request_id of 1 to 128 characters that is never used for another one."}}
	case !r.Mode.Known():
		return &Error{Op: "open payment", Class: Invalid, Code: CodeMode,
			Say: Sentence{ID: "error.mode", Args: []string{string(r.Mode)}, English: "The mode must be scan, show or any."}}
	case len(r.Reference) > 256:
		return &Error{Op: "open payment", Class: Invalid, Code: CodeUnreadable,
			Say: Sentence{ID: "error.reference", English: "The reference is longer than 256 bytes."}}
	}
	return r.Amount.Check()
}

// Last is the newest fact; where there is none yet, one of the time at which the payment began.
func (p Payment) Last() Fact {
	if len(p.Facts) == 0 {
		return Fact{At: p.Created}
	}
	return p.Facts[len(p.Facts)-1]
}

// OnlineOnly reports that whoever asked for the payment wants the wallet's own word or
// nothing.
func (p Payment) OnlineOnly() bool {
	return len(p.Facts) > 0 && p.Facts[0].Kind == FactOpened && p.Facts[0].Code == CodeOnlineOnly
}

// Settle adds facts to a payment as one commit would: it returns the facts to
// write and the status they lead to. A payment that turns out to be paid after
// its end gets its one refund here, in the same commit, whoever found out; where
// the wallet has refused that one already, it goes to the office.
func Settle(p Payment, facts ...Fact) ([]Fact, Status, error) {
	s := p.Status
	for _, f := range facts {
		next, err := s.Apply(f)
		if err != nil {
			return nil, p.Status, err
		}
		s = next
	}
	if s.State != RefundDue {
		return facts, s, nil
	}
	next := Fact{Kind: FactRefundRequested, At: facts[len(facts)-1].At, RefundNo: p.LateRefundNo(),
		RequestID: p.LateRefundNo(), Amount: s.Captured, Auto: true, Reason: ReasonLateSuccess, By: "tillwire"}
	if late, asked := s.Refund(p.LateRefundNo()); asked {
		if late.State != RefundFailed {
			return facts, s, nil
		}
		// It was refused before, and there is no second one: the office looks after it.
		next = Fact{Kind: FactReviewOpened, At: next.At, Reason: ReasonLateSuccess, By: "tillwire"}
	}
	s, err := s.Apply(next)
	return append(facts[:len(facts):len(facts)], next), s, err
}
