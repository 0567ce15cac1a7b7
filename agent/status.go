package agent

import (
	"fmt"
	"slices"
	"time"
)

// State is what a payment is. It is computed from facts, never set.
type State string

// The states of a payment (the local API shows these words).
const (
	Created    State = "created"     // waiting for a code; nothing sent
	Sending    State = "sending"     // bytes may have left; no answer yet
	AwaitPayer State = "await_payer" // the customer must confirm
	Unknown    State = "unknown"     // outcome not known; being asked
	Reversing  State = "reversing"   // being undone, durably decided
	Paid       State = "paid"
	Declined   State = "declined"
	NotSent    State = "not_sent"
	Reversed   State = "reversed"
	QRShown    State = "qr_shown"
	Closing    State = "closing"
	Closed     State = "closed"
	RefundDue  State = "refund_due" // taken although it had ended; goes back by itself
	Refunded   State = "refunded"
	Review     State = "review" // the office settles it; slow queries go on

	OfflineAccepted State = "offline_accepted" // the goods are gone, the money is not collected
	Redeeming       State = "redeeming"        // being collected
	OfflineRejected State = "offline_rejected" // it will not be collected: the shop's loss
	Voided          State = "voided"           // taken back before anything of it was sent
)

// Final reports whether the payment has ended. A negative end may still reopen
// to RefundDue when the wallet turns out to have taken the money.
func (s State) Final() bool {
	switch s {
	case Paid, Declined, NotSent, Reversed, Closed, Refunded, OfflineRejected, Voided:
		return true
	}
	return false
}

// Status is everything the facts of a payment add up to.
type Status struct {
	State    State
	Under    State     // while in Review: the state that automation left it in
	Since    time.Time // wall clock of the fact that began State
	Wallet   string    // brand; empty until known
	Showing  bool      // merchant-presented: the shop shows, the customer scans
	Attempt  int       // tries of pay or present so far
	Started  time.Time // wall clock of the first FactPayStarted or FactPresentStarted
	ShownAt  time.Time // wall clock of FactQRReady
	QR       string    // payload on display while State is QRShown
	Txn      string    // the wallet's transaction id
	Payer    PayerSum  //
	Captured int64     // minor units ever taken; never reduced
	Reason   Reason    // of the last fact that had one
	Code     string    // the wallet's word beside it

	Way      Way       // of the acceptance without the wallet's word; empty when there was none
	Accepted time.Time // wall clock of that acceptance
	By       string    // who accepted it
	Key      string    // what it is redeemed under
	Forwards int       // tries to collect it that began

	own      bool // the code that was shown was made here, without the wallet
	exposed  bool // of those, one may have reached the wallet
	told     bool // the issuer knows that it was voided
	acked    bool // the wallet acknowledged the reversal or close
	barred   bool // the wallet refuses to reverse
	released bool // the lane was given up: by cancel, release or review
	watched  bool // the negative end was looked at again

	Refunds []Refund
}

// moves is the law of offline payments: what each fact makes of each state.
// A fact that is missing in a row is refused there. What depends on more than the
// state stands in function decide.
var moves = map[State]map[FactKind]State{
	"": {FactOpened: Created},
	Created: {
		FactPayStarted: Sending, FactPresentStarted: Sending, FactUnsent: NotSent,
		FactOfflineShown: QRShown, FactOfflineAccepted: OfflineAccepted,
	},
	Sending: {
		FactPayStarted: Sending, FactPresentStarted: Sending, FactQRReady: QRShown,
		FactApproved: Paid, FactRefused: Declined, FactAwaiting: AwaitPayer,
		FactInDoubt: Unknown, FactUnsent: NotSent, FactRestarted: Unknown,
		FactReversalDecided: Reversing, FactCloseDecided: Closing, FactReviewOpened: Review,
	},
	AwaitPayer: {
		FactApproved: Paid, FactRefused: Declined, FactAwaiting: AwaitPayer,
		FactInDoubt: Unknown, FactRestarted: Unknown,
		FactReversalDecided: Reversing, FactReviewOpened: Review,
	},
	Unknown: {
		FactPayStarted: Sending, FactApproved: Paid, FactRefused: Declined,
		FactAwaiting: AwaitPayer, FactInDoubt: Unknown, FactRestarted: Unknown,
		FactReversalDecided: Reversing, FactReviewOpened: Review,
	},
	Reversing: {
		FactApproved: Reversing, FactRefused: Reversing,
		FactReversalAccepted: Reversing, FactReversalRefused: Reversing,
		FactReversed: Reversed, FactNeverArrived: Reversed,
		FactRestarted: Reversing, FactReviewOpened: Review,
	},
	QRShown: {
		FactApproved: Paid, FactClosed: Closed, FactCloseDecided: Closing,
		FactRestarted: QRShown, FactReviewOpened: Review, FactOfflineAccepted: OfflineAccepted,
	},
	Closing: {
		FactApproved: Paid, FactCloseAccepted: Closing, FactClosed: Closed,
		FactNeverArrived: Closed, FactReleased: Closing,
		FactRestarted: Closing, FactReviewOpened: Review, FactOfflineAccepted: OfflineAccepted,
	},
	OfflineAccepted: {
		FactForwardStarted: Redeeming, FactVoided: Voided, FactCloseDecided: Closing, FactApproved: Paid,
		FactPrinted: OfflineAccepted, FactPrintFailed: OfflineAccepted,
	},
	Redeeming: {
		FactForwardStarted: Redeeming, FactApproved: Paid, FactLoss: OfflineRejected, FactUnsent: OfflineAccepted,
		FactInDoubt: Redeeming, FactRestarted: Redeeming, FactReviewOpened: Review,
		FactPrinted: Redeeming, FactPrintFailed: Redeeming,
	},
	OfflineRejected: {FactPrinted: OfflineRejected, FactPrintFailed: OfflineRejected},
	Voided: {
		FactVoidTold: Voided, FactApproved: RefundDue, FactPrinted: Voided, FactPrintFailed: Voided,
	},
	Paid: {
		FactApproved: Paid, FactPrinted: Paid, FactPrintFailed: Paid,
		FactRefundRequested: Paid, FactRefundAccepted: Paid, FactRefundInDoubt: Paid,
		FactRefundDone: Paid, FactRefundRefused: Paid,
	},
	Declined: {FactApproved: RefundDue, FactWatched: Declined},
	NotSent:  {FactApproved: RefundDue, FactWatched: NotSent},
	Reversed: {FactApproved: RefundDue, FactWatched: Reversed},
	Closed:   {FactApproved: RefundDue, FactWatched: Closed},
	RefundDue: {
		FactApproved: RefundDue, FactRestarted: RefundDue, FactReviewOpened: Review,
		FactRefundRequested: RefundDue, FactRefundAccepted: RefundDue, FactRefundInDoubt: RefundDue,
		FactRefundDone: RefundDue, FactRefundRefused: RefundDue,
		FactReversed: Reversed, FactClosed: Closed,
	},
	Refunded: {FactApproved: Refunded, FactPrinted: Refunded, FactPrintFailed: Refunded},
}

// Decide computes what a payment is from its facts, oldest first. It is the only
// source of a status; a stored status is a copy of its result.
func Decide(facts []Fact) (Status, error) {
	var s Status
	for i, f := range facts {
		next, err := s.Apply(f)
		if err != nil {
			return s, fmt.Errorf("fact %d: %w", i+1, err)
		}
		s = next
	}
	return s, nil
}

// Apply adds one fact. The receiver is not changed. The error names a move that
// the law forbids; nothing may be recorded then.
func (s Status) Apply(f Fact) (Status, error) {
	if s.State == Review {
		return s.applyUnderReview(f)
	}
	to, ok := moves[s.State][f.Kind]
	if !ok {
		return s, s.refuse(f, "is not possible there")
	}
	to, err := s.decide(f, to)
	if err != nil {
		return s, err
	}
	next := s
	next.Refunds = slices.Clone(s.Refunds)
	next.note(f)
	if err := next.noteRefund(f); err != nil {
		return s, err
	}
	if next.Captured > 0 && next.RefundedSum() == next.Captured && (to == Paid || to == RefundDue) {
		to = Refunded
	}
	next.enter(to, f)
	return next, nil
}

// applyUnderReview lets a payment that the office looks after go on where it
// stood, out of sight; only an end takes it out of review.
func (s Status) applyUnderReview(f Fact) (Status, error) {
	if f.Kind == FactReviewOpened || f.Kind == FactRestarted {
		return s, nil
	}
	under := s
	under.State = s.Under
	next, err := under.Apply(f)
	if err != nil {
		return s, err
	}
	if !next.State.Final() && next.State != RefundDue {
		next.Under, next.State, next.Since = next.State, Review, s.Since
		return next, nil
	}
	next.Under = ""
	return next, nil
}

// decide settles the cells of the table that depend on more than the state.
func (s Status) decide(f Fact, to State) (State, error) {
	if f.Kind == FactOfflineAccepted || s.State == OfflineAccepted || s.State == Redeeming {
		return s.decideOffline(f, to)
	}
	switch {
	case s.Showing && s.State == Sending && (f.Kind == FactInDoubt || f.Kind == FactRestarted):
		// Nobody has seen the code yet: asking again with the same number is safe.
		return Sending, nil
	case s.State == Sending && f.Kind == FactUnsent && (f.Op != OpPay && f.Op != OpPresent || s.Attempt > 1):
		// Only the one try itself can prove that nothing left.
		return to, s.refuse(f, "needs the proof of its only try")
	case s.State == RefundDue && (f.Kind == FactReversed || f.Kind == FactClosed) && !(s.acked && s.lateRefused() && s.Showing == (f.Kind == FactClosed)):
		return to, s.refuse(f, "waits for the refund")
	case s.State == Reversing && f.Kind == FactApproved && f.Op == OpQuery && (s.acked || s.barred):
		return RefundDue, nil
	case f.Kind == FactReversed && !s.acked:
		return to, s.refuse(f, "needs the wallet's acknowledgement first")
	case f.Kind == FactApproved && to == Paid && s.State != Paid && (s.released || s.State == Closing && s.acked):
		// The lane went on to another payment of the same sale.
		return RefundDue, nil
	case to == RefundDue && s.State.Final() && f.Op == OpPay:
		// A pay answer that arrives now was written before the end was verified.
		return to, s.refuse(f, "is no news; ask the wallet again")
	case s.Showing && f.Kind == FactReversalDecided, !s.Showing && f.Kind == FactCloseDecided:
		return to, s.refuse(f, "belongs to the other way of paying")
	case s.Showing && f.Kind == FactPayStarted, !s.Showing && s.State != Created && f.Kind == FactPresentStarted:
		return to, s.refuse(f, "belongs to the other way of paying")
	}
	return to, nil
}

// decideOffline settles the cells that are about accepting without the wallet's word.
func (s Status) decideOffline(f Fact, to State) (State, error) {
	accepting := f.Kind == FactOfflineAccepted
	switch {
	case accepting && !slices.Contains(Ways(), f.Way):
		return to, s.refuse(f, "names no way to accept")
	case accepting && s.State == Created && f.Way.PaidBefore():
		return to, s.refuse(f, "needs a code on the display that can have been paid")
	case accepting && s.Showing && (f.Wallet != s.Wallet || f.Way == WayDeferred):
		// The shown code can be paid as well, and only one wallet takes an order once.
		return to, s.refuse(f, "is of another wallet than the code on the display")
	case accepting && (s.released || s.acked):
		return to, s.refuse(f, "comes after the lane went on")
	case f.Kind == FactVoided && s.Way.PaidBefore(), f.Kind == FactCloseDecided && !s.Way.PaidBefore():
		// What may be paid is closed and asked about; what is not collected is only dropped.
		return to, s.refuse(f, "does not undo what was accepted that way")
	case f.Kind == FactUnsent && (s.exposed || f.Op != s.Way.forward()):
		return to, s.refuse(f, "needs the proof of every try")
	case f.Kind == FactLoss && f.Reason == ReasonWrittenOff && f.By == "":
		return to, s.refuse(f, "needs the name of whoever gives it up")
	}
	return to, nil
}

// note copies what a fact tells about the payment itself.
func (s *Status) note(f Fact) {
	if f.Wallet != "" {
		s.Wallet = f.Wallet
	}
	if f.Txn != "" {
		s.Txn = f.Txn
	}
	if f.Reason != ReasonNone && f.RefundNo == "" {
		s.Reason, s.Code = f.Reason, f.Code
	}
	switch f.Kind {
	case FactPayStarted, FactPresentStarted:
		s.Attempt++
		s.Showing = f.Kind == FactPresentStarted
		if s.Started.IsZero() {
			s.Started = f.At
		}
	case FactQRReady:
		s.QR, s.ShownAt = f.QR, f.At
	case FactOfflineShown:
		s.QR, s.ShownAt, s.Started, s.Showing, s.own = f.QR, f.At, f.At, true, true
	case FactOfflineAccepted:
		s.Way, s.Accepted, s.By, s.Key = f.Way, f.At, f.By, f.Key
	case FactForwardStarted:
		s.Forwards++
	case FactInDoubt, FactRestarted:
		s.exposed = s.exposed || s.State == Redeeming
	case FactVoidTold:
		s.told = true
	case FactApproved:
		s.Captured, s.Payer = f.Amount, f.Payer
	case FactReversalAccepted, FactCloseAccepted:
		s.acked = true
	case FactReversalRefused:
		s.barred = true
	case FactReleased:
		s.released = true
	case FactCloseDecided:
		s.released = s.released || f.Reason == ReasonCancelled || s.State == OfflineAccepted
	case FactWatched:
		s.watched = true
	}
	if f.Kind == FactReviewOpened {
		// The lane goes on without it: money found later goes back.
		s.Under, s.released = s.State, true
	}
}

// lateRefused reports that the wallet refuses the refund which answered a late
// success: with an acknowledged undoing it may have nothing to give back.
func (s Status) lateRefused() bool {
	return slices.ContainsFunc(s.Refunds, func(r Refund) bool { return r.Auto && r.State == RefundFailed })
}

func (s *Status) enter(to State, f Fact) {
	if to != QRShown {
		s.QR = ""
	}
	if to == Paid {
		s.Reason, s.Code = ReasonNone, ""
	}
	if to != s.State {
		s.State, s.Since = to, f.At
	}
}

func (s Status) refuse(f Fact, why string) error {
	state := s.State
	if state == "" {
		state = "new"
	}
	return &Error{Op: "record fact", Class: Conflict, Code: CodeState,
		Say: Sentence{ID: "error.state", Args: []string{string(f.Kind), string(state)},
			English: fmt.Sprintf("The fact %q on a payment that is %q %s.", f.Kind, state, why)}}
}

// Final reports whether the payment has ended.
func (s Status) Final() bool { return s.State.Final() }

// Held reports whether the payment holds its lane: nothing else may begin there.
// An expired code holds it until the close is acknowledged or the lane is released.
func (s Status) Held() bool {
	switch s.State {
	case Created, Sending, AwaitPayer, Unknown, QRShown:
		return !s.released
	case Closing:
		return !s.released && !s.acked
	}
	return false
}

// Edges lists every pair of states that some fact leads along, the pairs that
// the database allows. A state may always stay itself.
func Edges() [][2]State {
	seen := map[[2]State]bool{}
	add := func(from, to State) {
		if from != to {
			seen[[2]State{from, to}] = true
		}
	}
	for from, row := range moves {
		for _, to := range row {
			add(from, to)
			if row[FactReviewOpened] == Review && to.Final() && to != Paid {
				add(Review, to)
			}
		}
	}
	add(Reversing, RefundDue)
	add(Review, RefundDue)
	add(Closing, RefundDue)
	add(Paid, Refunded)
	add(RefundDue, Refunded)
	add(Review, Refunded)
	add(Review, Paid)
	edges := make([][2]State, 0, len(seen))
	for e := range seen {
		edges = append(edges, e)
	}
	slices.SortFunc(edges, func(a, b [2]State) int {
		return slices.Compare([]string{string(a[0]), string(a[1])}, []string{string(b[0]), string(b[1])})
	})
	return edges
}
