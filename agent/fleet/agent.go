package fleet

import (
	"context"
	"encoding/json"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"tillwire/agent"
)

// Clock is what the terminal knows about its own clock.
type Clock struct {
	Quality Quality
	// Confirmed: a wallet's verified answer found it right in this run. Whoever holds
	// the shop's network can forge a time service, and not that.
	Confirmed bool
	Offset    time.Duration // a wallet's time less ours, beyond a minute
	LastGood  time.Time     // when somebody last found it right; zero: never
}

// Settings is the one door for settings, as the fleet uses it.
type Settings interface {
	// Current is a setting's text; ok is false when there is none of the name.
	Current(key string) (text string, ok bool)
	// Apply changes all or nothing and says for each key when it takes hold.
	Apply(ctx context.Context, values map[string]string, by string) (effects map[string]string, err error)
}

// Source is a part of the journal that becomes a stream. It is read again and
// again from a mark of its own, so nothing has to be written twice in time.
type Source struct {
	Stream Stream
	// Read answers up to limit facts behind a mark ("" at first) and the mark behind
	// them. The mark stays when there are none.
	Read func(ctx context.Context, after string, limit int) (facts []Fact, next string, err error)
}

// Handler does a command. The result is told, at most 8 KiB of it; then, once
// that is durable, after runs.
type Handler func(ctx context.Context, args json.RawMessage) (result any, after func(), err error)

// Options are what a terminal's agent of the fleet is made with. TID, Store,
// Link, Trust and Clock are required; what is nil is left out.
type Options struct {
	TID     TID
	Version string
	Store   agent.FleetStore
	Link    Link
	Trust   *Trust
	Clock   agent.Clock
	Log     *slog.Logger

	Time     func() Clock
	Report   func() Report           // everything of it but v, rev, sess, at, ver, clock and outbox
	Digest   func() map[string]int64 // about thirty figures
	Settings Settings
	Line     func() agent.LineState
	Idle     func() bool // no payment holds a lane
	// Run names this run of the terminal: a setting that needs a restart holds in the
	// next one. Empty: every Open is one. Restart begins the next one; nil: people do.
	Run      string
	Restart  func()
	Sources  []Source
	Handlers map[string]Handler // by the names of the catalogue
	Works    map[string]Work    // by the types of jobs
	// Settled reports that nothing of a payment waits for a wallet, and none is open;
	// nil: always.
	Settled func() bool
	Zone    *time.Location   // the shop's, for windows; nil: UTC
	Allowed func(Class) bool // by the owner; nil: all
	// Audit keeps a sensitive act where the owner sees it.
	Audit func(ctx context.Context, action, object, detail string)
	// Spread is how long at most what waited is held back after a connect, so that a
	// fleet that comes back does not bring a day's events in one moment.
	Spread func() time.Duration
	Draw   func(time.Duration) time.Duration // nil: the system's dice
}

// Agent is the terminal's side of the fleet. One goroutine owns all of it; the
// others only bring it something.
type Agent struct {
	opt   Options
	judge Judge
	out   *Outbox
	in    *inbox
	lim   *limiter
	boot  string
	run   string
	began time.Duration

	events  chan event
	changes chan struct{}
	ended   chan struct{}

	mu          sync.Mutex // guards these, which others read
	sess        uint64
	nonce       string
	live        bool
	silentSince time.Duration // Mono since when the fleet owes an answer; 0: it does not
	configShown ConfigReport

	// The rest belongs to the loop.
	floor     time.Time // see Moment.Floor
	floorKept time.Time
	hint      time.Time // a floor for this session only
	first     bool      // no session yet in this run
	answered  bool      // the fleet has heard this session's hello
	rev       uint64
	due       map[string]time.Duration // of what is done now and then
	sending   map[Stream]*flight
	credit    pour
	more      bool       // something could be sent if the second were over
	held      []Received // documents that wait for a key set
	seen      map[Code]*sighting
	job       jobState
	nextJob   *Received // came while one was in its middle
	works     map[string]Work
	working   bool // a job's try runs beside the loop
	config    configState
	restart   bool // settings that were taken back wait for one
	running   *taken
	echoed    time.Duration // when a status was last told again
}

// event is something that happened; one field is set.
type event struct {
	up      bool
	down    bool
	message *Incoming
	done    *outcome
	job     *jobEnd
}

// Open reads what the terminal remembers. The error is the store's: a terminal
// whose fleet file cannot be read sells all the same.
func Open(ctx context.Context, opt Options) (*Agent, error) {
	opt = opt.withDefaults()
	a := &Agent{opt: opt, boot: ulid.MustNew(ulid.Timestamp(opt.Clock.Now()), rand16{}).String(), began: opt.Clock.Mono(),
		events: make(chan event), changes: make(chan struct{}, 1), ended: make(chan struct{}), first: true, due: map[string]time.Duration{}, sending: map[Stream]*flight{},
		seen: map[Code]*sighting{}, lim: newLimiter()}
	if a.run = opt.Run; a.run == "" {
		a.run = a.boot
	}
	a.opt.Handlers, a.works = a.builtin(opt.Handlers), worksOf(opt.Works, opt.Settings)
	a.judge = Judge{TID: opt.TID, Allowed: opt.Allowed, Has: func(name string, _ int) bool { return a.opt.Handlers[name] != nil }}
	var err error
	if a.out, err = OpenOutbox(ctx, opt.TID, opt.Store); err != nil {
		return nil, err
	}
	if a.in, err = openInbox(ctx, opt.Store); err != nil {
		return nil, err
	}
	for _, load := range []func(context.Context) error{a.loadSession, a.loadFloor, a.loadConfig, a.loadJob} {
		if err := load(ctx); err != nil {
			return nil, err
		}
	}
	now := opt.Clock.Now()
	for _, t := range a.in.rows {
		a.lim.remember(t.Command.Name, opt.Clock.Mono(), now.Sub(t.At))
	}
	return a, nil
}

// rand16 is the dice for ids that need not be secret.
type rand16 struct{}

// Read implements io.Reader.
func (rand16) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(rand.Uint32())
	}
	return len(p), nil
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	o.Log = o.Log.With("comp", "fleet")
	if o.Time == nil {
		o.Time = func() Clock { return Clock{Quality: Unknown} }
	}
	if o.Report == nil {
		o.Report = func() Report { return Report{} }
	}
	if o.Digest == nil {
		o.Digest = func() map[string]int64 { return map[string]int64{} }
	}
	if o.Line == nil {
		o.Line = func() agent.LineState { return agent.LineOnline }
	}
	if o.Idle == nil {
		o.Idle = func() bool { return true }
	}
	if o.Settled == nil {
		o.Settled = func() bool { return true }
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	if o.Allowed == nil {
		o.Allowed = func(Class) bool { return true }
	}
	if o.Audit == nil {
		o.Audit = func(context.Context, string, string, string) {}
	}
	if o.Spread == nil {
		o.Spread = func() time.Duration { return 30 * time.Second }
	}
	if o.Draw == nil {
		o.Draw = func(most time.Duration) time.Duration { return time.Duration(rand.Int64N(int64(max(most, 1)))) }
	}
	return o
}

// farewell is how long a stop may take to say that the terminal is offline.
const farewell = 3 * time.Second

// tick is how often the loop looks at what it must watch, longestRest how long it
// sleeps otherwise.
const (
	tick        = time.Second
	shortest    = 10 * time.Millisecond
	longestRest = 30 * time.Second
)

// rest is how long nothing is due.
func (a *Agent) rest() time.Duration {
	now, live := a.opt.Clock.Mono(), a.isLive()
	wait := longestRest
	until := func(at time.Duration) { wait = min(wait, max(at-now, shortest)) }
	for what, at := range a.due {
		switch {
		case (what == "state" || what == "beat" || what == "hello") && !live, what == "send" && at <= now:
		default:
			until(at)
		}
	}
	for _, f := range a.sending {
		if live {
			until(f.again)
		}
	}
	if a.more || a.config.onTrial() || a.restart || len(a.in.open()) > 0 || a.job.open() && !a.working {
		until(now + tick)
	}
	return wait
}

// Run keeps the terminal in touch with the fleet until ctx ends, and says good
// bye. It can be called once.
func (a *Agent) Run(ctx context.Context) error {
	defer close(a.ended)
	if err := a.recover(ctx); err != nil {
		return err
	}
	life, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	gone := make(chan error, 1)
	go func() { gone <- a.opt.Link.Run(life, session{a, life}) }()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case e := <-a.events:
			a.handle(ctx, e)
		case <-a.changes:
			a.soon("state", stateDebounce)
			a.soon("pump", tick)
		case <-a.opt.Clock.After(a.rest()):
		}
		a.turn(ctx)
	}
	bye, done := context.WithTimeout(life, farewell)
	a.sayPresence(bye, StateOffline, "stop")
	done()
	cut()
	for {
		select {
		case <-gone:
			return ctx.Err()
		case <-a.events: // whoever brings something must not wait for ever
		}
	}
}

// handle takes one event.
func (a *Agent) handle(ctx context.Context, e event) {
	switch {
	case e.up:
		a.connected(ctx)
	case e.down:
		a.disconnected()
	case e.message != nil:
		a.incoming(ctx, e.message)
	case e.done != nil:
		a.finished(ctx, e.done)
	case e.job != nil:
		a.jobEnded(ctx, *e.job)
	}
}

// turn does what is due.
func (a *Agent) turn(ctx context.Context) {
	a.watchTrial(ctx)
	a.restartWhenIdle(ctx)
	a.runNext(ctx)
	a.runJob(ctx)
	a.pump(ctx)
	a.keepHouse(ctx)
	if a.isLive() {
		a.report(ctx)
		a.send(ctx)
	}
}

// Changed tells that something the fleet should know has changed: a payment, a
// device, the line. It never waits.
func (a *Agent) Changed() {
	select {
	case a.changes <- struct{}{}:
	default:
	}
}

// tell brings the loop an event; it gives up when the agent has ended.
func (a *Agent) tell(ctx context.Context, e event) {
	select {
	case a.events <- e:
	case <-a.ended:
	case <-ctx.Done():
	}
}

// uptime is the time since this agent began, by the clock that does not jump.
func (a *Agent) uptime() time.Duration { return a.opt.Clock.Mono() - a.began }

func (a *Agent) origin() Origin {
	return Origin{Boot: a.boot, Uptime: a.uptime(), Quality: a.opt.Time().Quality}
}

// soon makes something due after a wait, unless it is due earlier.
func (a *Agent) soon(what string, wait time.Duration) {
	at := a.opt.Clock.Mono() + wait
	if was, set := a.due[what]; !set || at < was {
		a.due[what] = at
	}
}

func (a *Agent) now(what string) { a.due[what] = a.opt.Clock.Mono() }

// isDue reports once that the time of something has come, and sets the next.
func (a *Agent) isDue(what string, next time.Duration) bool {
	now := a.opt.Clock.Mono()
	if at, set := a.due[what]; set && at > now {
		return false
	}
	a.due[what] = now + next
	return true
}

// about is a time within a tenth around another, so that terminals that began
// together do not stay together.
func (a *Agent) about(d time.Duration) time.Duration { return d - d/10 + a.opt.Draw(d/5) }

func (a *Agent) isLive() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.live
}

// trouble logs what the fleet's own file or link does not do. It never stops
// anything else.
func (a *Agent) trouble(what, code string, err error) {
	if err != nil {
		a.opt.Log.Warn(what, "code", code, "err", err)
	}
}
