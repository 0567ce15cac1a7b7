package crowd_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
)

// streamed is who saw what came out of an event stream.
const streamed = "a stream"

// stream is a page that listens. Its connection is cut now and then, and the page
// comes back with the last id it has seen.
type stream struct {
	h    *history
	dice lab.Dice
	till string
	open chan struct{} // closed once the first event came
	once sync.Once
	stop context.CancelFunc
	done chan struct{}

	mu   sync.Mutex
	last string // the newest id, as a browser keeps it
	seen map[agent.PaymentID]sight
}

// listen opens a stream and waits for its first event, so that everything that
// happens from now on is owed to it.
func (h *history) listen(d lab.Dice, till string) {
	ctx, stop := context.WithCancel(h.ctx)
	s := &stream{h: h, dice: lab.NewDice("C12", d.Uint64()), till: till, open: make(chan struct{}), stop: stop, done: make(chan struct{}),
		seen: map[agent.PaymentID]sight{}}
	h.streams = append(h.streams, s)
	go func() {
		defer close(s.done)
		for ctx.Err() == nil {
			s.connect(ctx)
			// At once, into the middle of what happens, unless there is nobody to call.
			if s.dice.Chance(2) || h.Store() == nil {
				h.pause(time.Millisecond)
			}
		}
	}()
	<-s.open
}

// connect follows one connection to its end.
func (s *stream) connect(ctx context.Context) {
	ctx, cut := context.WithCancel(ctx)
	defer cut()
	req, err := http.NewRequestWithContext(ctx, "GET", "http://"+address+"/api/v1/events", nil)
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+tokens()[s.till])
	s.mu.Lock()
	if s.last != "" {
		req.Header.Set("Last-Event-ID", s.last)
	}
	s.mu.Unlock()
	begin := s.h.tick()
	res, err := s.h.http.Do(req)
	if err != nil {
		return
	}
	defer res.Body.Close()
	left := -1 // events until somebody pulls the plug
	if s.dice.Chance(2) {
		left = 1 + s.dice.IntN(5)
	}
	var id, name string
	shown := map[agent.PaymentID]int{}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() && left != 0 {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch key {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			s.event(begin, id, name, value, shown)
			id, name = "", ""
			left--
		}
	}
}

// event takes in one event.
func (s *stream) event(begin int64, id, name, data string, shown map[agent.PaymentID]int) {
	defer s.once.Do(func() { close(s.open) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if id != "" {
		s.last = id
	}
	if name != "payment" {
		return
	}
	var p paymentJSON
	if err := json.Unmarshal([]byte(data), &p); err != nil {
		s.h.accuse(checkStream, "an event cannot be read: %v", err)
		return
	}
	if s.h.slot(p.RequestID) == 0 {
		return // of another history in the shop
	}
	got := p.sight()
	switch version, again := shown[got.id]; {
	case again && len(got.facts) <= version:
		s.h.accuse(checkStream, "a stream shows %s after its version %d", got, version)
	case id == "":
		s.h.accuse(checkStream, "a stream shows %s without an id to resume from", got)
	case !strings.HasPrefix(got.facts[len(got.facts)-1], id+" "):
		s.h.accuse(checkStream, "a stream shows %s under id %s; its last fact is %s", got, id, got.facts[len(got.facts)-1])
	}
	shown[got.id] = len(got.facts)
	if old := s.seen[got.id]; len(old.facts) <= len(got.facts) {
		s.seen[got.id] = got
	}
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.h.looks = append(s.h.looks, look{got, streamed, begin, s.h.tick()})
}

// close ends the stream and compares what it was told in the end with what is so.
func (s *stream) close(books []agent.Payment) {
	s.stop()
	<-s.done
	for _, p := range books {
		if s.h.slot(p.RequestID) == 0 {
			continue
		}
		if got := s.seen[p.ID]; len(got.facts) != len(p.Facts) {
			s.h.accuse(checkResume, "a stream ended with %s; the journal has %s", got, sightOf(p))
		}
	}
}
