package web

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"tillwire/agent"
)

// replayPage is how many payments are read from the journal at a time when a
// client comes back.
const replayPage = 200

// replayMost is how many events of the journal are looked through for a client
// that comes back, some 500 payments: whoever asks for more reads a list.
const replayMost = 2000

// watch is one client of the event stream.
type watch struct {
	*stream
	s    *Server
	r    *http.Request
	who  caller
	lang string

	sent   map[agent.PaymentID]int64 // versions sent from the journal, until the feed has passed them
	status []byte                    // the last status sent
	beats  int
	wait   gathered

	lane string          // where the page works; empty when it only watches
	seat *seat           // its place there
	gone <-chan struct{} // closed when another browser has taken it
}

// events is the stream of everything that happens. A client that comes back with
// Last-Event-ID gets what it missed out of the journal first.
func (s *Server) events(w http.ResponseWriter, r *http.Request, c caller) error {
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", "text/event-stream")
		return nil
	}
	if err := s.streams.take(); err != nil {
		return err
	}
	defer s.streams.free()
	// Subscribe before reading the journal: what happens in between comes twice
	// rather than never, and the versions sort it out.
	feed, cancel := s.Feed.Subscribe()
	defer cancel()
	st, err := newStream(w, s.Clock)
	if err != nil {
		return err
	}
	v := &watch{stream: st, s: s, r: r, who: c, lang: s.apiLanguage(r), sent: map[agent.PaymentID]int64{}, wait: gathered{lane: r.URL.Query().Get("lane")}}
	err = v.sit()
	defer func() { s.seats.rise(v.lane, v.seat) }()
	if err == nil {
		err = v.begin(r.Context())
	}
	if err != nil {
		v.log("a stream could not begin", err)
		return nil
	}
	if err := v.follow(feed); err != nil {
		v.log("a stream ended", err)
	}
	return nil
}

func (v *watch) log(what string, err error) {
	v.s.Log.Debug(what, "comp", "web", "caller", v.who.client(), "err", err)
}

// begin sends the status and what the client does not know yet.
func (v *watch) begin(ctx context.Context) error {
	last, resumed := lastEventID(v.r)
	if resumed {
		if err := v.sendStatus(noID, true); err != nil {
			return err
		}
		return v.replay(ctx, last)
	}
	open, head, err := v.standing(ctx)
	if err != nil {
		return err
	}
	if err := v.sendAll(open); err != nil {
		return err
	}
	// The first id tells a client that sees no payment at all where to resume.
	return v.sendStatus(head, true)
}

// standing is what is open, by the last change, and the id of the newest event.
func (v *watch) standing(ctx context.Context) (open []agent.Payment, head int64, err error) {
	page, err := v.s.Store.List(ctx, agent.Filter{Open: true, Limit: 500})
	if err != nil {
		return nil, 0, err
	}
	newest, err := v.s.Store.List(ctx, agent.Filter{Limit: 50})
	if err != nil {
		return nil, 0, err
	}
	for _, p := range slices.Concat(page.Payments, newest.Payments) {
		head = max(head, p.Last().Seq)
	}
	slices.SortFunc(page.Payments, func(a, b agent.Payment) int { return cmp.Compare(a.Last().Seq, b.Last().Seq) })
	return page.Payments, head, nil
}

// sendAll sends payments out of the journal.
func (v *watch) sendAll(list []agent.Payment) error {
	for _, p := range list {
		if err := v.sendPayment(p.Last().Seq, p); err != nil {
			return err
		}
		v.sent[p.ID] = p.Version
	}
	return nil
}

// lastEventID reads where the client stands; the query serves pages that had to
// open a new EventSource, which cannot set the header.
func lastEventID(r *http.Request) (int64, bool) {
	text := r.Header.Get("Last-Event-ID")
	if text == "" {
		text = r.URL.Query().Get("after")
	}
	id, err := strconv.ParseInt(text, 10, 64)
	return id, err == nil && id >= 0
}

// replay sends every payment that has news after the client's last event. For one
// that was away for too long it says so, and sends what is open and the newest.
func (v *watch) replay(ctx context.Context, after int64) error {
	open, head, err := v.standing(ctx)
	if err != nil {
		return err
	}
	if head-after > replayMost {
		after = head - replayMost
		if err := v.send(noID, "gap", struct{}{}); err != nil {
			return err
		}
		// Those that the replay sends anyway come with it, so that ids only grow.
		if err := v.sendAll(slices.DeleteFunc(open, func(p agent.Payment) bool { return p.Last().Seq > after })); err != nil {
			return err
		}
	}
	for {
		missed, err := v.s.Store.Since(ctx, after, replayPage)
		if err != nil {
			return err
		}
		if err := v.sendAll(missed); err != nil {
			return err
		}
		if len(missed) < replayPage {
			return nil
		}
		after = missed[len(missed)-1].Last().Seq
	}
}

// follow hands on what happens until the client goes, falls behind, or may not
// watch any more.
func (v *watch) follow(feed <-chan agent.Event) error {
	beat := v.s.Clock.After(heartbeat)
	for {
		select {
		case <-v.r.Context().Done():
			return v.r.Context().Err()
		case <-v.s.done:
			return nil
		case e, ok := <-v.ears(feed):
			if !ok {
				// Cut off for being slow: the client comes back and resumes.
				return nil
			}
			if err := v.hear(e); err != nil {
				return err
			}
		case <-v.wait.due:
			if over, err := v.awake(feed); over || err != nil {
				return err
			}
		case <-v.gone:
			if err := v.outsat(); err != nil {
				return err
			}
		case <-beat:
			if !v.mayWatch() {
				return v.send(noID, "locked", struct{}{})
			}
			if err := v.beat(); err != nil {
				return err
			}
			beat = v.s.Clock.After(heartbeat)
		}
	}
}

// mayWatch looks whether the session still stands; tokens do not end.
func (v *watch) mayWatch() bool {
	if v.who.till != "" {
		return true
	}
	_, _, ok := v.s.resume(v.r.Context(), v.who.session.Key)
	return ok
}

func (v *watch) event(e agent.Event) error {
	switch {
	case e.Payment != nil:
		if known, ok := v.sent[e.Payment.ID]; ok {
			if e.Payment.Version <= known {
				return nil
			}
			delete(v.sent, e.Payment.ID)
		}
		return v.sendPayment(e.ID, *e.Payment)
	case e.Kind == "lane":
		return v.send(noID, "lane", map[string]any{"lane": e.Lane, "say": v.s.Words.Say(v.lang, e.Say), "code": e.Say.ID, "tone": e.Tone, "receipt": e.Receipt})
	case e.Kind == "status":
		return v.sendStatus(noID, false)
	}
	return nil
}

func (v *watch) sendPayment(id int64, p agent.Payment) error {
	body, err := v.s.onWire(v.lang, p)
	if err != nil {
		return err
	}
	return v.sendBody(id, "payment", body)
}

func (v *watch) beat() error {
	v.beats++
	if err := v.send(noID, "beat", struct{}{}); err != nil {
		return err
	}
	return v.sendStatus(noID, v.beats%statusEvery == 0)
}

// sendStatus sends the status when it has changed, or in any case when always.
func (v *watch) sendStatus(id int64, always bool) error {
	st := v.s.currentStatus(false)
	// The age of the queue always changes and is no news by itself.
	plain := st
	plain.Queue.OldestAge = 0
	text, err := json.Marshal(plain)
	if err != nil {
		return err
	}
	if !always && bytes.Equal(text, v.status) {
		return nil
	}
	v.status = text
	return v.send(id, "status", st)
}
