package fleet

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tillwire/agent"
)

// flight is what was sent of a stream and not acknowledged yet.
type flight struct {
	upto    uint64
	batches int
	again   time.Duration // when all of it is sent anew
	tries   int
}

// How long the fleet may take to store a batch, and how many go out in a second.
const (
	ackPatience  = 30 * time.Second
	ackLongest   = 5 * time.Minute
	perSecond    = 5
	underway     = 4 // batches of one stream
	sourcePage   = batchEvents
	pumpEvery    = 30 * time.Second
	silenceAfter = 10 * time.Minute
)

// pour lets so many batches out in a second.
type pour struct {
	second time.Duration
	count  int
}

func (p *pour) take(now time.Duration) bool {
	if now-p.second >= time.Second {
		p.second, p.count = now, 0
	}
	p.count++
	return p.count <= perSecond
}

// send brings what waits on its way, the most urgent stream first. What answers
// commands and what is wrong does not wait for the window after a connect, the
// rest does.
func (a *Agent) send(ctx context.Context) {
	a.more = false
	for _, s := range Streams() {
		urgent := s == Alerts || s == Commands || s == Jobs
		if !urgent && a.opt.Clock.Mono() < a.due["send"] {
			continue
		}
		for more := true; more && !a.more; {
			more = a.sendNext(ctx, s)
		}
	}
}

// sendNext sends the next batch of a stream, or from the beginning what was not
// acknowledged in time.
func (a *Agent) sendNext(ctx context.Context, s Stream) (more bool) {
	now, f := a.opt.Clock.Mono(), a.sending[s]
	if f == nil {
		f = &flight{}
	}
	if f.upto > 0 && now >= f.again {
		f = &flight{tries: f.tries}
	}
	if f.batches >= underway {
		return false
	}
	b, some, err := a.out.Next(ctx, s, f.upto)
	if err != nil || !some {
		a.trouble("a stream cannot be read", "fleet_store", err)
		if f.batches == 0 {
			delete(a.sending, s) // all that was under way has been dropped
		}
		return false
	}
	if !a.credit.take(now) {
		a.more = true
		return false
	}
	if f.batches == 0 {
		f.again = now + min(ackPatience<<min(f.tries, 8), ackLongest)
		f.tries++
		a.owed(true, false)
	}
	f.upto, f.batches = b.Last, f.batches+1
	a.sending[s] = f
	return a.say(ctx, s.Channel(), b) == nil // else the connection is gone; the next one begins anew
}

// acknowledged takes the fleet's word, under its signature, on what is stored.
func (a *Agent) acknowledged(ctx context.Context, m Received) {
	ack, err := a.judge.Ack(m, a.situation())
	if err != nil {
		a.refused(ctx, m, "", err)
		return
	}
	if _, nonce := a.identity(); ack.Nonce != "" && ack.Nonce == nonce {
		a.answered = true
		delete(a.due, "hello")
		a.believe(ctx, ack.T.Time) // it answers this session, so it is not from a recording
	}
	if err := a.out.Ack(ctx, ack.Acks, a.opt.Clock.Now()); err != nil {
		a.trouble("an acknowledgement was not kept", "fleet_store", err)
		return
	}
	for _, mark := range ack.Acks {
		if f := a.sending[mark.Stream]; f != nil && mark.Upto >= f.upto {
			delete(a.sending, mark.Stream)
		}
	}
	a.owed(len(a.sending) > 0, true)
	a.now("pump") // there is room again
}

// pump takes what the journal has new into the streams, as far as there is room.
// The mark moves in the same commit as the facts, so a fact comes once whatever
// happens in between.
func (a *Agent) pump(ctx context.Context) {
	if !a.isDue("pump", pumpEvery) {
		return
	}
	for _, s := range a.opt.Sources {
		for room := a.out.Room(s.Stream); room > 0; room = a.out.Room(s.Stream) {
			more, err := a.pour(ctx, s, min(room, sourcePage))
			if err != nil {
				a.trouble("the journal cannot be read for the fleet", "fleet_source", err)
				break
			}
			if !more {
				break
			}
		}
	}
}

func markOf(s Stream) string { return "mark/" + string(s) }

// Followed is how far a terminal's store has followed a source: the mark behind
// the last facts that are durable in their stream, "" at first.
func Followed(ctx context.Context, store agent.FleetStore, s Stream) (mark string, err error) {
	return mark, load(ctx, store, markOf(s), &mark)
}

func (a *Agent) pour(ctx context.Context, s Source, limit int) (more bool, err error) {
	var after string
	if err := a.loadNumber(ctx, markOf(s.Stream), &after); err != nil {
		return false, err
	}
	facts, next, err := s.Read(ctx, after, limit)
	if err != nil || next == after {
		return false, err
	}
	mark, err := json.Marshal(next)
	if err != nil {
		return false, err
	}
	err = a.out.Append(ctx, s.Stream, a.origin(), facts, agent.FleetItem{Key: markOf(s.Stream), Value: mark})
	return err == nil, err
}

// sighting counts what was refused without a name to answer.
type sighting struct {
	last  time.Duration
	count int
}

// alertEvery bounds how often one kind of refusal is told: whoever floods a
// terminal must not fill its disk, nor the fleet's.
const alertEvery = time.Minute

// alert tells of something that somebody must look at.
func (a *Agent) alert(ctx context.Context, code Code, detail string) {
	now := a.opt.Clock.Mono()
	s := a.seen[code]
	if s == nil {
		s = &sighting{last: now - alertEvery}
		a.seen[code] = s
	}
	s.count++
	if now-s.last < alertEvery {
		return
	}
	data := map[string]any{"code": code, "text": code.Meaning(), "count": s.count, "detail": detail}
	s.last, s.count = now, 0
	a.opt.Log.Warn(code.Meaning(), "code", "fleet_refused", "reason", string(code), "detail", detail)
	a.opt.Audit(ctx, "fleet.refused", string(code), detail)
	a.trouble("an alert was not kept", "fleet_store", a.out.Append(ctx, Alerts, a.origin(), []Fact{{Name: "refused", At: a.opt.Clock.Now(), Data: data}}))
}

// Problems says what a person should know about the fleet's side of the terminal.
func (a *Agent) Problems() []agent.Problem {
	var list []agent.Problem
	if err := a.opt.Trust.Trouble(); err != nil {
		list = append(list, agent.Problem{ID: "problem.fleet_keys", Args: []string{err.Error()}, What: "The fleet's list of signing keys cannot be used: " + err.Error() + ".",
			Do: "The fleet's office must publish a current list; until then nothing it sends is obeyed. Selling is not affected."})
	}
	if since := a.silence(); since >= silenceAfter {
		list = append(list, agent.Problem{Since: a.opt.Clock.Now().Add(-since), ID: "problem.fleet_silent", Args: []string{fmt.Sprint(int(since.Minutes()))},
			What: fmt.Sprintf("The fleet's broker takes what this terminal sends, but the fleet has not acknowledged anything for %d minutes.", int(since.Minutes())),
			Do:   "Nothing is lost: it is kept and sent again. Tell the fleet's office; selling is not affected."})
	}
	return list
}

// owed notes that the fleet owes an answer, or that one came.
func (a *Agent) owed(more, answered bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if answered {
		a.silentSince = 0
	}
	if more && a.silentSince == 0 {
		a.silentSince = a.opt.Clock.Mono()
	}
}

// silence is how long the fleet has owed an answer on a live connection.
func (a *Agent) silence() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.live || a.silentSince == 0 {
		return 0
	}
	return a.opt.Clock.Mono() - a.silentSince
}

// Status is how the fleet's side of the terminal is, for people.
type Status struct {
	Connected bool
	Sess      uint64
	Waiting   []OutboxReport
	Config    ConfigReport
}

// Status answers how it is now.
func (a *Agent) Status() Status {
	a.mu.Lock()
	s := Status{Connected: a.live, Sess: a.sess, Config: a.configShown}
	a.mu.Unlock()
	s.Waiting = a.out.Waiting(a.opt.Clock.Now())
	return s
}
