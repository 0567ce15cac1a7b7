package agent

import "sync"

// Event is something a screen or the fleet should hear, after it is durable.
type Event struct {
	ID      int64     // journal row of the payment's last fact; 0 for events that cannot be resumed
	Kind    string    // "payment", "status", "lane"
	Lane    string    //
	Payment *Payment  // with Kind "payment"
	Say     Sentence  // with Kind "lane": something to tell the cashier
	Tone    Tone      //
	Receipt PaymentID // with Kind "lane": the payment whose receipt was scanned
}

// Feed hands events to subscribers in order. A subscriber that does not keep up
// is cut off, so a slow screen never holds the till; it subscribes again and
// resumes from the journal.
type Feed struct {
	mu   sync.Mutex
	subs map[chan Event]struct{}
}

// feedBuffer is how many events a subscriber may be behind.
const feedBuffer = 256

// NewFeed returns a feed without subscribers.
func NewFeed() *Feed { return &Feed{subs: map[chan Event]struct{}{}} }

// Publish hands the event to every subscriber without waiting for any.
func (f *Feed) Publish(e Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for c := range f.subs {
		select {
		case c <- e:
		default:
			delete(f.subs, c)
			close(c)
		}
	}
}

// Subscribe returns a channel of events and a function that ends it. The channel
// is closed when the subscriber falls behind or ends.
func (f *Feed) Subscribe() (<-chan Event, func()) {
	c := make(chan Event, feedBuffer)
	f.mu.Lock()
	f.subs[c] = struct{}{}
	f.mu.Unlock()
	return c, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if _, ok := f.subs[c]; ok {
			delete(f.subs, c)
			close(c)
		}
	}
}
