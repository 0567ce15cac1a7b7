package web

import (
	"fmt"
	"testing"
	"time"

	"tillwire/agent"
)

// crowded is a terminal at which many streams are open already.
func crowded(t *testing.T) *terminal {
	tm := newTerminal(t)
	tm.web.streams.held.Add(crowdFrom)
	t.Cleanup(func() { tm.web.streams.held.Add(-crowdFrom) })
	return tm
}

// told reads events until one payment has come and says which versions came of which.
func (l *listener) told(n int) (list []string) {
	l.t.Helper()
	for range n {
		e := l.next("payment")
		list = append(list, fmt.Sprint(e.data["reference"], " ", e.data["status"], " ", e.id))
	}
	return list
}

// remark is something that a stream tells at once, whatever waits.
func (tm *terminal) remark(lane string) {
	tm.feed.Publish(agent.Event{Kind: "lane", Lane: lane, Say: agent.Sentence{English: "remark"}})
}

func TestInACrowdTheNewsOfOtherLanesWaits(t *testing.T) {
	tm := crowded(t)
	cass := tm.signedIn("cas", "111111")
	watcher, own, till := cass.listen("/api/v1/events?lane=2"), cass.listen("/api/v1/events?lane=1"), tm.till().listen("/api/v1/events")
	for _, l := range []*listener{watcher, own, till} {
		l.next("status")
	}
	id := tm.open("a", "scan")
	tm.pay(id)
	created, paid := "T-a created 1", "T-a paid 3"
	for name, l := range map[string]*listener{"the lane's own page": own, "a till": till} {
		if got := fmt.Sprint(l.told(2)); got != fmt.Sprint([]string{created, paid}) {
			t.Errorf("%s hears %s", name, got)
		}
	}
	second := tm.open("b", "scan")
	if got := till.told(1)[0]; got != "T-b created 4" {
		t.Errorf("a till hears %s", got)
	}
	// What is sent at once lets what has waited go before it: ids only grow.
	tm.remark("2")
	if got := fmt.Sprint(watcher.told(2)); got != fmt.Sprint([]string{paid, "T-b created 4"}) {
		t.Errorf("a page of another lane hears %s", got)
	}
	watcher.next("lane")
	tm.pay(second)
	if got := till.told(1)[0]; got != "T-b paid 6" {
		t.Errorf("a till hears %s", got)
	}
	// Three heartbeats, the lull that the remark cut short, and this one.
	limit := time.After(patience)
	for tm.clock.waiting() < 5 {
		select {
		case <-limit:
			t.Fatalf("%d timers run: nothing waits", tm.clock.waiting())
		case <-time.After(time.Millisecond):
		}
	}
	tm.clock.advance(lull)
	if got := watcher.told(1)[0]; got != "T-b paid 6" {
		t.Errorf("after the lull: %s", got)
	}
}

// TestInACrowdAPageThatOnlyWatchesSleeps: it has no lane of its own, is told nothing for
// a while and then everything, a remark in its place among the payments.
func TestInACrowdAPageThatOnlyWatchesSleeps(t *testing.T) {
	tm := crowded(t)
	watcher, till := tm.signedIn("cas", "111111").listen("/api/v1/events"), tm.till().listen("/api/v1/events")
	watcher.next("status")
	till.next("status")
	id := tm.open("a", "scan")
	till.told(1)
	// Two heartbeats and the lull: the watcher has taken the first event.
	limit := time.After(patience)
	for tm.clock.waiting() < 3 {
		select {
		case <-limit:
			t.Fatalf("%d timers run: nothing waits", tm.clock.waiting())
		case <-time.After(time.Millisecond):
		}
	}
	tm.remark("1")
	tm.pay(id)
	till.told(1)
	tm.clock.advance(lull)
	if got := watcher.told(1)[0]; got != "T-a created 1" {
		t.Errorf("before the remark: %s", got)
	}
	watcher.next("lane")
	if got := watcher.told(1)[0]; got != "T-a paid 3" {
		t.Errorf("after the remark: %s", got)
	}
}

func TestAFewPagesHearEverythingAtOnce(t *testing.T) {
	tm := newTerminal(t)
	watcher := tm.signedIn("cas", "111111").listen("/api/v1/events?lane=2")
	watcher.next("status")
	id := tm.open("a", "scan")
	if got := watcher.told(1)[0]; got != "T-a created 1" {
		t.Errorf("hears %s", got)
	}
	tm.pay(id)
	if got := watcher.told(1)[0]; got != "T-a paid 3" {
		t.Errorf("hears %s", got)
	}
}
