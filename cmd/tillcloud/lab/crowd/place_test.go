package crowd_test

import "tillwire/agent"

// place is where a payment stands, as far as a client of the API can tell: its
// status, which way it is paid, and whether a code that is being closed still holds
// the lane.
type place uint8

const (
	nowhere place = iota
	created
	sending
	fetching // the code to show is being fetched; the API says sending, too
	awaiting
	unknown
	reversing
	shown
	closing
	letGo // closing, and the lane is free
	paid
	declined
	notSent
	reversed
	closed
	refundDue
	refunded
	lost // nothing that may be seen in a campaign of a few minutes
	places
)

func names() [places]string {
	return [places]string{"nowhere", "created", "sending", "fetching", "await_payer", "unknown", "reversing", "qr_shown", "closing", "closing(free)",
		"paid", "declined", "not_sent", "reversed", "closed", "refund_due", "refunded", "lost"}
}

func (p place) String() string { return names()[p] }

func placeOf(s agent.State, showing, held bool) place {
	switch {
	case s == agent.Sending && showing:
		return fetching
	case s == agent.Closing && !held:
		return letGo
	}
	for p, name := range names() {
		if name == string(s) {
			return place(p)
		}
	}
	return lost
}

// set is a set of places.
type set uint32

func of(list ...place) (s set) {
	for _, p := range list {
		s |= 1 << p
	}
	return s
}

func (s set) has(p place) bool { return s&(1<<p) != 0 }

func holding() set { return of(created, sending, fetching, awaiting, unknown, shown, closing) }
func ended() set   { return of(paid, declined, notSent, reversed, closed, refunded) }

// alone is where a payment may go without anybody at the counter: through what the
// wallet says and the engine decides. It is the specification, written down anew and
// not read from the law that the product follows. Only a restart ends a payment that
// waits for a code, since no history lasts as long as that patience.
func alone(restarted bool) [places]set {
	step := [places]set{
		sending:   of(awaiting, unknown, paid, declined, notSent),
		fetching:  of(shown, declined, notSent, closing),
		awaiting:  of(unknown, paid, declined, reversing),
		unknown:   of(sending, awaiting, paid, declined, reversing),
		reversing: of(reversed, refundDue),
		shown:     of(paid, closed, closing),
		closing:   of(letGo, paid, closed, refundDue),
		letGo:     of(closed, refundDue),
		declined:  of(refundDue),
		reversed:  of(refundDue),
		closed:    of(refundDue),
		refundDue: of(refunded),
		paid:      of(refunded),
	}
	if restarted {
		step[created] = of(notSent)
	}
	far := step
	for range places {
		for from := range far {
			for via := range places {
				if far[from].has(via) {
					far[from] |= far[via]
				}
			}
		}
	}
	return far
}
