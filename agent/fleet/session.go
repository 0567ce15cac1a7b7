package fleet

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"time"

	"tillwire/agent"
)

const (
	sessKey  = "session"
	floorKey = "floor"
)

// session is the agent as its link sees it.
type session struct {
	a    *Agent
	life context.Context
}

// Connecting implements Session: a number that was never used, on the disk before
// it is said, and a nonce nobody can guess.
func (s session) Connecting(ctx context.Context) (Message, error) {
	s.a.mu.Lock()
	next := s.a.sess + 1
	s.a.mu.Unlock()
	value, err := json.Marshal(next)
	if err != nil {
		return Message{}, err
	}
	if err := s.a.opt.Store.Save(ctx, agent.FleetItem{Key: sessKey, Value: value}); err != nil {
		return Message{}, fmt.Errorf("number the session: %w", err)
	}
	var dice [16]byte
	rand.Read(dice[:]) // never fails
	s.a.mu.Lock()
	s.a.sess, s.a.nonce = next, base64.RawURLEncoding.EncodeToString(dice[:])
	s.a.mu.Unlock()
	will, err := json.Marshal(Presence{V: Wire, State: StateLost, Sess: next})
	return Message{UpPresence, will}, err
}

// Connected implements Session.
func (s session) Connected() { s.a.tell(s.life, event{up: true}) }

// Disconnected implements Session.
func (s session) Disconnected(error) { s.a.tell(s.life, event{down: true}) }

// Incoming implements Session.
func (s session) Incoming(m Incoming) { s.a.tell(s.life, event{message: &m}) }

func (a *Agent) loadNumber(ctx context.Context, key string, into any) error {
	return load(ctx, a.opt.Store, key, into)
}

// load reads what is kept under a key; nothing kept leaves into as it is.
func load(ctx context.Context, store agent.FleetStore, key string, into any) error {
	rows, err := store.Load(ctx, key, "", 1)
	if err != nil || len(rows) == 0 || rows[0].Key != key {
		return err
	}
	if err := json.Unmarshal(rows[0].Value, into); err != nil {
		return fmt.Errorf("the fleet's %s is damaged: %w", key, err)
	}
	return nil
}

func (a *Agent) loadSession(ctx context.Context) error { return a.loadNumber(ctx, sessKey, &a.sess) }

func (a *Agent) loadFloor(ctx context.Context) error {
	err := a.loadNumber(ctx, floorKey, &a.floor)
	a.floorKept = a.floor
	return err
}

// moment is what is known about the time now. The floor is raised only by what two
// agree on: the clock and a wallet's answer, or the clock and the fleet's service.
// A floor that lies ahead of a clock which a wallet has found right was raised by
// mistake, and would keep everything the fleet sends out for good.
func (a *Agent) moment() Moment {
	c := a.opt.Time()
	m := Moment{Now: a.opt.Clock.Now(), Quality: c.Quality}
	if c.Quality != Unknown && c.Confirmed {
		if a.floor.After(m.Now.Add(skew)) {
			a.opt.Log.Warn("the time that was taken for certain lies ahead of the clock that a wallet has confirmed", "code", "fleet_clock", "certain", a.floor)
			a.floor, a.hint = m.Now, time.Time{}
			a.now("floor")
		}
		a.raise(m.Now)
	}
	if m.Floor = a.floor; a.hint.After(m.Floor) {
		m.Floor = a.hint
	}
	return m
}

func (a *Agent) raise(t time.Time) {
	if t.After(a.floor) {
		a.floor = t
	}
}

// believe takes the time of the fleet's service, from an answer to this session. A
// clock that is known agrees with it or one of the two is wrong; where it is not
// known the time is as good as the service's clock, so it holds for this session
// and not beyond its keys.
func (a *Agent) believe(ctx context.Context, t time.Time) {
	m := a.moment()
	switch {
	case m.Quality != Unknown && !t.After(m.Now.Add(skew)):
		a.raise(t)
	case m.Quality == Unknown && t.Before(a.opt.Trust.Current().lasts()):
		if t.After(a.hint) {
			a.hint = t
		}
	default:
		a.alert(ctx, WrongTime, fmt.Sprintf("the service says %s, the terminal's clock says %s and is %s", At(t).Format(stampForm), At(m.Now).Format(stampForm), m.Quality))
	}
}

// identity is the session that runs.
func (a *Agent) identity() (sess uint64, nonce string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sess, a.nonce
}

// connected opens the session. What cannot be said ends the connection soon, and
// the next one says it again.
func (a *Agent) connected(ctx context.Context) {
	a.mu.Lock()
	a.live, a.silentSince = true, a.opt.Clock.Mono() // the hello asks for an answer
	a.mu.Unlock()
	why := "reconnect"
	if a.first {
		why, a.first = "start", false
	}
	a.sending = map[Stream]*flight{}
	a.answered, a.due["hello"] = false, a.opt.Clock.Mono()+a.about(helloEvery)
	a.sayPresence(ctx, StateOnline, why)
	a.sayHello(ctx)
	a.sayConfig(ctx)
	a.now("state")
	a.due["beat"] = a.opt.Clock.Mono() + a.about(beatEvery)
	a.due["send"] = a.opt.Clock.Mono() + a.opt.Draw(a.opt.Spread())
}

func (a *Agent) disconnected() {
	a.held = nil         // the broker brings it again
	a.hint = time.Time{} // it was this session's
	a.mu.Lock()
	defer a.mu.Unlock()
	a.live, a.nonce = false, ""
}

// say publishes one message; what is only for now and fails is said again with
// the next connection.
func (a *Agent) say(ctx context.Context, c Channel, message any) error {
	payload, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if err := a.opt.Link.Publish(ctx, Message{c, payload}); err != nil {
		if !errors.Is(err, ErrOffline) {
			a.trouble("a message to the fleet was not sent", "fleet_publish", err)
		}
		return err
	}
	return nil
}

func (a *Agent) sayPresence(ctx context.Context, state State, why string) {
	sess, _ := a.identity()
	_ = a.say(ctx, UpPresence, Presence{V: Wire, State: state, Sess: sess, Boot: a.boot, Since: At(a.opt.Clock.Now()), Ver: a.opt.Version, Why: why})
}

func (a *Agent) sayHello(ctx context.Context) {
	sess, nonce := a.identity()
	h := Hello{V: Wire, Sess: sess, Nonce: nonce, Boot: a.boot, Ver: a.opt.Version, Caps: a.caps(), Config: ConfigMark{a.config.Rev, a.config.Hash},
		Command: SeqMark{a.in.high}, Clock: a.clockReport(), Streams: a.out.Marks()}
	if set := a.opt.Trust.Current(); set != nil {
		h.Keys.Version = set.Version
	}
	_ = a.say(ctx, UpHello, h)
}

// caps lists what this terminal can do of the catalogue.
func (a *Agent) caps() []string {
	list := []string{}
	for _, e := range Catalogue() {
		if a.opt.Handlers[e.Name] != nil {
			list = append(list, e.Cap())
		}
	}
	for kind := range a.works {
		list = append(list, "job:"+kind)
	}
	slices.Sort(list)
	return list
}

func (a *Agent) clockReport() ClockReport {
	c := a.opt.Time()
	r := ClockReport{Wall: At(a.opt.Clock.Now()), Quality: c.Quality, OffsetMS: c.Offset.Milliseconds()}
	if good := c.LastGood; !good.IsZero() || !a.floor.IsZero() {
		if a.floor.After(good) {
			good = a.floor
		}
		r.LastGood = At(good)
	}
	return r
}

// How often what is told, and how soon after a change.
const (
	beatEvery     = time.Minute
	helloEvery    = 5 * time.Minute // until it is answered
	stateEvery    = 15 * time.Minute
	stateDebounce = 5 * time.Second
	metricEvery   = 5 * time.Minute
	floorEvery    = time.Hour
	houseEvery    = 24 * time.Hour
)

// report tells the state and the heartbeat when they are due. A hello that came to a
// broker while no service was there is lost, and with it the nonce without which
// nothing dangerous can be ordered; so it is said again, in the same words.
func (a *Agent) report(ctx context.Context) {
	if !a.answered && a.isDue("hello", a.about(helloEvery)) {
		a.sayHello(ctx)
	}
	if a.isDue("state", a.about(stateEvery)) {
		_ = a.say(ctx, UpState, a.state())
	}
	if a.isDue("beat", a.about(beatEvery)) {
		sess, _ := a.identity()
		_ = a.say(ctx, UpBeat, Beat{V: Wire, Sess: sess, At: At(a.opt.Clock.Now()), UpS: int64(a.uptime() / time.Second), Digest: a.opt.Digest()})
	}
}

func (a *Agent) state() Report {
	a.rev++
	r := a.opt.Report()
	r.V, r.Rev, r.At, r.Ver = Wire, a.rev, At(a.opt.Clock.Now()), a.opt.Version
	r.Sess, _ = a.identity()
	r.Platform, r.UpS = runtime.GOOS+"/"+runtime.GOARCH, int64(a.uptime()/time.Second)
	r.Clock, r.Outbox = a.clockReport(), a.out.Waiting(a.opt.Clock.Now())
	// A schema that says "list" means one that may be empty, not one that is missing.
	if r.Devices == nil {
		r.Devices = []DeviceReport{}
	}
	if r.Problems == nil {
		r.Problems = []ProblemReport{}
	}
	r.Line.Wallets = maps.Clone(r.Line.Wallets)
	if r.Line.State == "" {
		r.Line.State = string(a.opt.Line())
	}
	if r.Line.Wallets == nil {
		r.Line.Wallets = map[string]string{}
	}
	return r
}

// keepHouse does what is done now and then, connected or not.
func (a *Agent) keepHouse(ctx context.Context) {
	now := a.opt.Clock.Now()
	if a.isDue("floor", floorEvery) {
		a.moment()
		if !a.floor.Equal(a.floorKept) {
			value, err := json.Marshal(a.floor)
			if err == nil {
				err = a.opt.Store.Save(ctx, agent.FleetItem{Key: floorKey, Value: value})
			}
			if err == nil {
				a.floorKept = a.floor
			}
			a.trouble("the time that is certain was not kept", "fleet_store", err)
		}
	}
	if a.isDue("metric", metricEvery) && a.uptime() > tick {
		a.trouble("a metric was not kept", "fleet_store", a.out.Append(ctx, Metrics, a.origin(), []Fact{{Name: "digest", At: now, Data: a.opt.Digest()}}))
		a.trouble("old metrics were not dropped", "fleet_store", a.out.Age(ctx, now))
	}
	if a.isDue("house", houseEvery) {
		a.trouble("old commands were not forgotten", "fleet_store", a.in.forget(ctx, now))
	}
}
