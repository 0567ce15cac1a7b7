package wallettest

import (
	"crypto/rand"
	"testing"
	"time"

	"tillwire/agent"
)

// Harness connects the suite to a wallet and to the cloud it speaks to. The
// cloud belongs to the suite while it runs: nobody else sets faults.
type Harness struct {
	Control  string         // base address of the sandbox's control API, without /_sandbox
	Brand    string         // the wallet's name in faults and ledger
	Currency agent.Currency //
	Amounts  bool           // every answer about an order names its amount, those to present, reverse and close too
	// New makes a wallet with connections of its own, for one host of the cloud,
	// whose operations take at most limit.
	New func(t *testing.T, limit time.Duration) agent.Wallet
	// RefundSums marks a wallet whose answer to a refund names no refund but the sum
	// of all: a wrong sum may be one of more refunds, and the refund's query decides.
	RefundSums bool
	// OneRefund marks a wallet that gives a payment back whole and once, or not at all.
	OneRefund bool
	// InTurn meets each fault once, on a fresh and on a kept connection in turn, and
	// not on both: for a second way of speaking over a transport whose first way met
	// them all.
	InTurn bool
}

const (
	patient   = time.Minute // for operations that must not run out of time
	impatient = time.Second // for those that must, and yet reach the cloud on a busy machine
	price     = 1280        // minor units of every payment here
	part      = 500         // minor units of a partial refund
)

// Run runs the whole contract: the road without faults, then every fault on
// every operation. start opens a cloud of its own for each part, so that they
// run side by side and no fault strikes a neighbour.
func Run(t *testing.T, start func(*testing.T) Harness) {
	t.Run("road", func(t *testing.T) {
		t.Parallel()
		Road(t, start(t))
	})
	Faults(t, start)
}

// shop is the suite at work: a wallet and the cloud's other side.
type shop struct {
	*control
	Harness
	wallet agent.Wallet
}

func open(t *testing.T, h Harness, limit time.Duration) *shop {
	t.Helper()
	return &shop{control: newControl(t, h.Control, h.Brand), Harness: h, wallet: h.New(t, limit)}
}

// payment is a fresh tender of the usual price, as the engine hands it over.
func (s *shop) payment(showing bool) agent.Payment {
	at := agent.NewSystemClock().Now()
	p := agent.Payment{ID: agent.PaymentID(rand.Text()), OrderNo: "TEST01" + rand.Text(), Lane: "1",
		Amount: agent.Money{Value: price, Currency: s.Currency}, Reference: "wallettest", Mode: agent.ModeAny, Created: at}
	p.Status.Attempt, p.Status.Started, p.Status.Showing, p.Status.Wallet = 1, at, showing, s.Brand
	return p
}

// share is what a refund gives back.
func (h Harness) share() int64 {
	if h.OneRefund {
		return price
	}
	return part
}

func refundOf(p agent.Payment, no string, amount int64) agent.Refund {
	return agent.Refund{No: p.OrderNo + no, Amount: amount, Why: "wallettest", State: agent.RefundRequested}
}

// sale is one payment with everything the cloud's side knows about it.
type sale struct {
	p        agent.Payment
	r        agent.Refund
	customer string
	code     agent.PayCode
	qr       string
}

// want fails the test unless an answer has one of the verdicts.
func want(t *testing.T, what string, a agent.Answer, verdicts ...agent.Verdict) {
	t.Helper()
	for _, v := range verdicts {
		if a.Verdict == v {
			return
		}
	}
	t.Errorf("%s: %v (reason %q, code %q, err %v), want %v", what, a.Verdict, a.Reason, a.Code, a.Err, verdicts)
}

// truth compares a verdict with the ledger: no answer may claim more than is so.
func (s *shop) truth(t *testing.T, op agent.Operation, x sale, a agent.Answer) {
	t.Helper()
	r, known := s.order(t, x.p.OrderNo)
	wrong := func(so string) {
		t.Errorf("%s says %v (%s %v), but %s: %+v", op, a.Verdict, a.Code, a.Err, so, r)
	}
	if r.Captured != 0 && r.Captured != price {
		wrong("the cloud took another amount")
	}
	switch a.Verdict {
	case agent.Approved:
		if r.Captured != price || a.Amount != price {
			wrong("that is not what was taken")
		}
	case agent.Awaiting, agent.Unpaid, agent.Shown:
		if r.Captured != 0 {
			wrong("it is paid")
		}
	case agent.Absent:
		if known && (op == agent.OpQuery || op == agent.OpReverse || op == agent.OpClose) {
			wrong("the cloud knows the order")
		}
	case agent.Ended:
		if r.keeps() != 0 {
			wrong("the shop keeps money")
		}
	case agent.Refused:
		if (op == agent.OpPay || op == agent.OpPresent || op == agent.OpQuery) && r.keeps() != 0 {
			wrong("the shop keeps money")
		}
	case agent.Accepted:
		s.accepted(t, op, x, r, wrong)
	}
}

func (s *shop) accepted(t *testing.T, op agent.Operation, x sale, r row, wrong func(string)) {
	t.Helper()
	switch op {
	case agent.OpReverse:
		if r.keeps() != 0 {
			wrong("it is not reversed")
		}
	case agent.OpClose:
		if r.Captured != 0 {
			wrong("it is paid")
		}
	case agent.OpRefund, agent.OpRefundQuery:
		if r.Refunded != x.r.Amount {
			wrong("the refund was not made once")
		}
	}
}
