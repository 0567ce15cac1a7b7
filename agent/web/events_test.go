package web

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tillwire/agent"
)

// event is one server-sent event as a client reads it.
type event struct {
	id, name string
	data     map[string]any
}

// listener reads a stream in the background.
type listener struct {
	t      *testing.T
	events chan event
	close  func()
}

// listen opens an event stream.
func (c *client) listen(path string) *listener {
	c.t.Helper()
	res, err := c.agent.Do(c.request("GET", path, ""))
	if err != nil {
		c.t.Fatal(err)
	}
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		text, _ := io.ReadAll(res.Body)
		c.t.Fatalf("GET %s: %d %s", path, res.StatusCode, text)
	}
	l := &listener{t: c.t, events: make(chan event, 4096), close: func() { res.Body.Close() }}
	c.t.Cleanup(l.close)
	go func() {
		defer close(l.events)
		lines := bufio.NewScanner(res.Body)
		lines.Buffer(nil, 1<<20)
		var e event
		for lines.Scan() {
			key, value, _ := strings.Cut(lines.Text(), ": ")
			switch key {
			case "id":
				e.id = value
			case "event":
				e.name = value
			case "data":
				_ = json.Unmarshal([]byte(value), &e.data)
			case "":
				if e.name != "" {
					l.events <- e
				}
				e = event{}
			}
		}
	}()
	return l
}

// next is the next event of one of the names; the others are passed over.
func (l *listener) next(names ...string) event {
	l.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case e, ok := <-l.events:
			if !ok {
				l.t.Fatalf("the stream ended before %v", names)
			}
			for _, name := range names {
				if e.name == name {
					return e
				}
			}
		case <-limit:
			l.t.Fatalf("no event of %v came", names)
		}
	}
}

// ended waits for the end of the stream.
func (l *listener) ended() {
	l.t.Helper()
	limit := time.After(patience)
	for {
		select {
		case _, ok := <-l.events:
			if !ok {
				return
			}
		case <-limit:
			l.t.Fatal("the stream did not end")
		}
	}
}

// beatOf lets one heartbeat pass once the stream is asleep.
func (tm *terminal) beatOf() {
	tm.t.Helper()
	limit := time.After(patience)
	for tm.clock.waiting() == 0 {
		select {
		case <-limit:
			tm.t.Fatal("no stream waits for its heartbeat")
		default:
			runtime.Gosched()
		}
	}
	tm.clock.advance(heartbeat)
}

func TestAStreamBeginsWithWhatIsOpen(t *testing.T) {
	tm := newTerminal(t)
	tm.pay(tm.open("a", "scan"))
	id := tm.open("b", "scan")
	l := tm.till().listen("/api/v1/events")
	if e := l.next("payment"); e.data["id"] != string(id) || e.id != fmt.Sprint(tm.seq) {
		t.Errorf("the first payment is %v", e)
	}
	if e := l.next("status"); e.data["version"] != "1.2.3" || e.id != fmt.Sprint(tm.seq) {
		t.Errorf("the status is %v", e)
	}
	tm.pay(id)
	if e := l.next("payment"); e.data["status"] != "paid" || e.id != fmt.Sprint(tm.seq) {
		t.Errorf("the news is %v", e)
	}
}

func TestAStreamResumes(t *testing.T) {
	for _, how := range []string{"header", "query"} {
		t.Run(how, func(t *testing.T) {
			tm := newTerminal(t)
			till := tm.till()
			first := till.listen("/api/v1/events")
			a := tm.open("a", "scan")
			seen := first.next("payment")
			first.close()

			tm.pay(a)
			b := tm.open("b", "scan")
			tm.pay(b)
			c := tm.open("c", "scan")

			path, back := "/api/v1/events", till.with("Last-Event-ID", seen.id)
			if how == "query" {
				path, back = path+"?after="+seen.id, till
			}
			l := back.listen(path)
			for i, want := range []struct{ id, status string }{{string(a), "paid"}, {string(b), "paid"}, {string(c), "created"}} {
				if e := l.next("payment"); e.data["id"] != want.id || e.data["status"] != want.status {
					t.Errorf("event %d is %v %v, want %v", i, e.data["id"], e.data["status"], want)
				}
			}
			tm.pay(c)
			if e := l.next("payment"); e.data["id"] != string(c) || e.data["status"] != "paid" {
				t.Errorf("and then: %v", e)
			}
		})
	}
}

func TestAClientThatSawNoPaymentKnowsWhereToResume(t *testing.T) {
	for _, sold := range []int{0, 1} { // nothing yet: the shop's first customer counts as well
		tm := newTerminal(t)
		for range sold {
			tm.pay(tm.open("a", "scan"))
		}
		till := tm.till()
		l := till.listen("/api/v1/events")
		id := l.next("status").id
		l.close()
		b := tm.open("b", "scan")
		tm.pay(b)
		// A browser sends no id at all when it was given none.
		if e := till.with("Last-Event-ID", id).listen("/api/v1/events").next("payment"); e.data["id"] != string(b) || e.data["status"] != "paid" {
			t.Errorf("after %d sales it missed: %v", sold, e)
		}
	}
}

// TestALongAbsenceDoesNotRepeatTheWholeHistory: whoever asks for everything since
// the beginning gets what is open and the newest, and is told that it is not all.
func TestALongAbsenceDoesNotRepeatTheWholeHistory(t *testing.T) {
	tm := newTerminal(t)
	sell := func(lane, id string) agent.PaymentID {
		p, _, err := tm.Open(t.Context(), agent.Request{Client: "till:1", RequestID: id, Lane: lane, Amount: agent.Money{Value: 1280, Currency: "CNY"}, Mode: agent.ModeScan})
		if err != nil {
			t.Fatal(err)
		}
		return p.ID
	}
	open := sell("2", "still open")
	var last agent.PaymentID
	for i := range replayMost / 2 {
		last = sell("1", fmt.Sprint("p", i))
		tm.pay(last)
	}
	const each = 3 // facts of a payment
	l := tm.till().with("Last-Event-ID", "0").listen("/api/v1/events")
	if e := l.next("gap", "payment"); e.name != "gap" {
		t.Fatalf("it began with %v", e)
	}
	if e := l.next("payment"); e.data["id"] != string(open) {
		t.Errorf("first %v, want what is open", e.data["id"])
	}
	for n := 1; ; n++ {
		e := l.next("payment")
		if e.data["id"] == string(open) || n > replayMost/each+1 {
			t.Fatalf("event %d is %v", n, e.data["id"])
		}
		if e.data["id"] == string(last) {
			if n < replayMost/each {
				t.Errorf("only %d payments came", n)
			}
			break
		}
	}
	near := tm.till().with("Last-Event-ID", fmt.Sprint(tm.seq-each)).listen("/api/v1/events")
	if e := near.next("gap", "payment"); e.data["id"] != string(last) {
		t.Errorf("after a short absence: %v", e)
	}
}

func TestAnUnreadableLastEventIDStartsAnew(t *testing.T) {
	tm := newTerminal(t)
	id := tm.open("a", "scan")
	if e := tm.till().with("Last-Event-ID", "abc").listen("/api/v1/events").next("payment"); e.data["id"] != string(id) {
		t.Errorf("got %v", e)
	}
}

func TestTheHeartbeatAndNewsOfTheStatus(t *testing.T) {
	var line atomic.Value
	line.Store(agent.LineOnline)
	tm := newTerminal(t, func(o *Options) {
		o.Line = func() agent.Line { return agent.Line{State: line.Load().(agent.LineState)} }
	})
	l := tm.till().listen("/api/v1/events")
	l.next("status")
	tm.beatOf()
	if e := l.next("beat", "status"); e.name != "beat" {
		t.Errorf("without news a heartbeat brings %v", e)
	}
	line.Store(agent.LineDown)
	tm.beatOf()
	l.next("beat")
	if e := l.next("status"); e.data["line"].(map[string]any)["state"] != "down" {
		t.Errorf("the status is %v", e)
	}
	tm.feed.Publish(agent.Event{Kind: "lane", Lane: "1", Say: agent.Sentence{ID: "scan.no_payment", English: "Enter the amount first"}, Tone: agent.ToneDoubt})
	if e := l.next("lane"); e.data["lane"] != "1" || e.data["say"] != "Enter the amount first" || e.data["code"] != "scan.no_payment" || e.data["tone"] != "doubt" {
		t.Errorf("the notice is %v", e)
	}
	for range statusEvery {
		tm.beatOf()
		l.next("beat")
	}
	l.next("status")
}

func TestASubscriberThatIsTooSlowIsCutOffAndMissesNothing(t *testing.T) {
	tm := newTerminal(t)
	id := tm.open("a", "scan")
	feed, cancel := tm.feed.Subscribe()
	defer cancel()
	for range 300 {
		tm.feed.Publish(agent.Event{Kind: "lane", Lane: "1"})
	}
	w := &watch{s: tm.web, r: tm.till().request("GET", "/api/v1/events", ""), stream: discardStream(tm)}
	if err := w.follow(feed); err != nil {
		t.Fatalf("the stream of a slow reader ends with %v", err)
	}
	tm.pay(id)
	if e := tm.till().with("Last-Event-ID", "1").listen("/api/v1/events").next("payment"); e.data["status"] != "paid" {
		t.Errorf("when it comes back: %v", e)
	}
}

// discardStream writes nowhere; it stands for a reader whose events do not matter.
func discardStream(tm *terminal) *stream {
	return &stream{w: nowhere{}, ctl: http.NewResponseController(nowhere{}), clock: tm.clock}
}

type nowhere struct{}

func (nowhere) Header() http.Header              { return http.Header{} }
func (nowhere) Write(b []byte) (int, error)      { return len(b), nil }
func (nowhere) WriteHeader(int)                  {}
func (nowhere) Flush()                           {}
func (nowhere) SetWriteDeadline(time.Time) error { return nil }

func TestAStreamOutlivesTheLimitsOfOrdinaryAnswers(t *testing.T) {
	tm := newTerminal(t)
	strict := tm.web.HTTP()
	strict.ReadTimeout, strict.WriteTimeout = 500*time.Millisecond, 500*time.Millisecond
	tm.serve(strict)
	l := tm.till().listen("/api/v1/events")
	l.next("status")
	for limits := time.After(time.Second); limits != nil; {
		select {
		case _, ok := <-l.events:
			if !ok {
				t.Fatal("the limit of ordinary answers ended the stream")
			}
		case <-limits:
			limits = nil
		}
	}
	// Not by a call, which would have to end within the limit on a busy machine.
	if _, _, err := tm.Open(t.Context(), agent.Request{Client: "till:1", RequestID: "a", Lane: "1", Amount: agent.Money{Value: 1280, Currency: "CNY"}, Mode: agent.ModeScan}); err != nil {
		t.Fatal(err)
	}
	l.next("payment")
}

func TestOldNewsOfTheFeedDoNotFollowNewNewsOfTheJournal(t *testing.T) {
	tm := newTerminal(t)
	id := tm.open("a", "scan")
	old := tm.payments[0]
	paid := tm.pay(id)
	w := &watch{s: tm.web, stream: discardStream(tm), sent: map[agent.PaymentID]int64{id: paid.Version}}
	rec := &recorder{}
	w.stream.w = rec
	if err := w.event(agent.Event{ID: 1, Kind: "payment", Payment: &old}); err != nil || rec.text != "" {
		t.Errorf("an older version was sent: %q %v", rec.text, err)
	}
	paid.Version++
	if err := w.event(agent.Event{ID: 9, Kind: "payment", Payment: &paid}); err != nil || !strings.Contains(rec.text, "id: 9\nevent: payment\n") {
		t.Errorf("a newer version was not: %q %v", rec.text, err)
	}
}

type recorder struct {
	nowhere
	text string
}

func (r *recorder) Write(b []byte) (int, error) { r.text += string(b); return len(b), nil }

func TestAPagesStreamEndsWithItsSession(t *testing.T) {
	tm := newTerminal(t)
	c := tm.signedIn("cas", "111111")
	l := c.listen("/api/v1/events")
	l.next("status")
	c.want(204, "DELETE", "/session", "")
	tm.beatOf()
	l.next("locked")
	l.ended()
}

func TestShuttingDownEndsStreams(t *testing.T) {
	tm := newTerminal(t)
	l := tm.till().listen("/api/v1/events")
	l.next("status")
	tm.web.Close()
	l.ended()
}

func TestStreamsAreBounded(t *testing.T) {
	tm := newTerminal(t)
	tm.web.streams.max = 1
	l := tm.till().listen("/api/v1/events")
	l.next("status")
	if a := tm.till().api("GET", "/events", ""); a.status != 503 || a.code(t) != "too_many_streams" {
		t.Errorf("the second stream: %d %s", a.status, a.body)
	}
}

func TestAskingForTheHeadOfAStreamEnds(t *testing.T) {
	tm := newTerminal(t)
	if a := tm.till().api("HEAD", "/events", ""); a.status != 200 || a.header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("events: %d", a.status)
	}
	if a := tm.page().do("HEAD", "/display/1/events", ""); a.status != 200 {
		t.Errorf("display: %d", a.status)
	}
	if held := tm.web.streams.held.Load(); held != 0 {
		t.Errorf("%d streams are still held", held)
	}
}
