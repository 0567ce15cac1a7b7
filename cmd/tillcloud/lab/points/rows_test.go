package points_test

import (
	"slices"
	"sync"

	"tillwire/cmd/tillcloud/lab"
)

// row is a moment at which a power cut leaves something behind, as a shop would
// put it; it must be hit in every full run.
type row struct {
	name   string
	places []string
	about  []string // facts or operations
}

// moments lists them in the order of a payment's life.
func moments() []row {
	committed := []string{"durable", "told", "answered"}
	sending := []string{"send", "sending", "arrived"}
	return []row{
		{"before the intent is committed", []string{"open", "record"}, []string{"scan", "show", "pay_started"}},
		{"after the intent, before it is sent", committed, []string{"opened", "pay_started", "present_started"}},
		{"while a payment is sent", sending, []string{"pay", "present"}},
		{"before the reply", []string{"executed"}, []string{"pay", "present", "query"}},
		{"with the reply in memory", []string{"record"}, []string{"approved", "refused", "awaiting", "in_doubt", "qr_ready"}},
		{"paid, before it is shown", []string{"durable"}, []string{"approved"}},
		{"shown as paid, before it is printed", []string{"told", "answered"}, []string{"approved"}},
		{"with a reversal committed", append(committed, sending...), []string{"reversal_decided", "reverse"}},
		{"with a reversal answered", []string{"executed", "record"}, []string{"reverse", "reversal_accepted", "reversed"}},
		{"with a refund committed", append(committed, sending...), []string{"refund_requested", "refund"}},
		{"with a refund answered", []string{"executed", "record"}, []string{"refund", "refund_query", "refund_done", "refund_in_doubt"}},
		{"with a close committed", append(committed, sending...), []string{"close_decided", "close"}},
		{"with a close answered", []string{"executed", "record"}, []string{"close", "close_accepted", "closed"}},
		{"at boot", []string{"boot"}, []string{"store open", "lanes held"}},
	}
}

// rows counts the cuts by moment.
type rows struct {
	mu    sync.Mutex
	count map[string]int
}

func (r *rows) add(struck []lab.Point) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count == nil {
		r.count = map[string]int{}
	}
	for _, p := range struck {
		for _, m := range moments() {
			if slices.Contains(m.places, p.Place) && slices.Contains(m.about, p.What) {
				r.count[m.name]++
			}
		}
	}
}

// all has an entry for every moment.
func (r *rows) all() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := map[string]int{}
	for _, m := range moments() {
		all[m.name] = r.count[m.name]
	}
	return all
}
