package crowd_test

import (
	"fmt"
	"strings"

	"tillwire/agent"
)

// sight is a payment as somebody saw it.
type sight struct {
	id      agent.PaymentID
	request string
	lane    string
	at      place
	reason  agent.Reason
	facts   []string // each with its row of the journal
	refunds []refund // that people asked for, in order
}

// refund is one that was asked for: the number of its request, and its amount.
type refund struct {
	ref    int
	amount int64
}

// paymentJSON is what the API tells about a payment, as far as we read it.
type paymentJSON struct {
	ID        agent.PaymentID `json:"id"`
	RequestID string          `json:"request_id"`
	Lane      string          `json:"lane"`
	Status    agent.State     `json:"status"`
	Held      bool            `json:"held"`
	Reason    agent.Reason    `json:"reason"`
	Refunds   []struct {
		ID     string      `json:"id"`
		Amount agent.Money `json:"amount"`
		Auto   bool        `json:"auto"`
	} `json:"refunds"`
	Facts []struct {
		Seq  int64          `json:"seq"`
		Kind agent.FactKind `json:"kind"`
	} `json:"facts"`
}

func (p paymentJSON) sight() sight {
	s := sight{id: p.ID, request: p.RequestID, lane: p.Lane, reason: p.Reason}
	showing := false
	for _, f := range p.Facts {
		showing = showing || f.Kind == agent.FactPresentStarted
		s.facts = append(s.facts, fmt.Sprintf("%d %s", f.Seq, f.Kind))
	}
	s.at = placeOf(p.Status, showing, p.Held)
	for _, r := range p.Refunds {
		if !r.Auto {
			s.refunds = append(s.refunds, refundOf(r.ID, r.Amount.Value))
		}
	}
	return s
}

func sightOf(p agent.Payment) sight {
	s := sight{id: p.ID, request: p.RequestID, lane: p.Lane, reason: p.Status.Reason, at: placeOf(p.Status.State, p.Status.Showing, p.Status.Held())}
	for _, f := range p.Facts {
		s.facts = append(s.facts, fmt.Sprintf("%d %s", f.Seq, f.Kind))
	}
	for _, r := range p.Status.Refunds {
		if !r.Auto {
			s.refunds = append(s.refunds, refundOf(r.RequestID, r.Amount))
		}
	}
	return s
}

func refundOf(id string, amount int64) refund {
	ref := -1
	if _, err := fmt.Sscanf(id, "R%d", &ref); err != nil {
		ref = -1 // none of ours, so no history has an order with it
	}
	return refund{ref, amount}
}

// String is short, for a history that is printed.
func (s sight) String() string {
	if s.id == "" {
		return "-"
	}
	text := fmt.Sprintf("%s %s v%d", s.request, s.at, len(s.facts))
	if len(s.refunds) > 0 {
		text += fmt.Sprint(s.refunds)
	}
	return text
}

// follows reports whether the longer of two sights of one payment begins as the
// shorter does: facts are only ever added.
func (s sight) follows(other sight) bool {
	short, long := s.facts, other.facts
	if len(short) > len(long) {
		short, long = long, short
	}
	return strings.Join(short, ",") == strings.Join(long[:len(short)], ",")
}
