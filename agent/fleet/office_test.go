package fleet

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
)

// wire is a broker and a line in one, as a test needs them.
type wire struct {
	mu     sync.Mutex
	s      Session
	live   bool
	down   bool // attempts fail
	deaf   bool // takes everything and drops it
	sent   []Message
	wills  []string
	acked  int
	cuts   chan struct{}
	opened int
}

func newWire() *wire { return &wire{cuts: make(chan struct{}, 1)} }

// Run implements Link: it connects at once, and again a second after a cut.
func (w *wire) Run(ctx context.Context, s Session) error {
	for ctx.Err() == nil {
		w.once(ctx, s)
		select {
		case <-ctx.Done():
		case <-time.After(time.Second):
		}
	}
	return ctx.Err()
}

func (w *wire) once(ctx context.Context, s Session) {
	will, err := s.Connecting(ctx)
	w.mu.Lock()
	fails := w.down || err != nil
	if !fails {
		w.s, w.live, w.opened, w.wills = s, true, w.opened+1, append(w.wills, string(will.Payload))
	}
	w.mu.Unlock()
	if fails {
		s.Disconnected(errors.Join(err, errors.New("no broker")))
		return
	}
	s.Connected()
	select {
	case <-ctx.Done():
	case <-w.cuts:
	}
	w.mu.Lock()
	w.live = false
	w.mu.Unlock()
	s.Disconnected(errors.New("cut"))
}

// Publish implements Link.
func (w *wire) Publish(_ context.Context, m Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case len(m.Payload) > MaxMessage:
		return ErrTooLarge
	case !w.live:
		return ErrOffline
	case !w.deaf:
		w.sent = append(w.sent, m)
	}
	return nil
}

func (w *wire) set(change func(*wire)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change(w)
}

// cut ends the connection and waits for the next one.
func (w *wire) cut() {
	w.cuts <- struct{}{}
	synctest.Wait()
}

// door is the settings of a shop.
type door struct {
	mu     sync.Mutex
	values map[string]string
	veto   error
	by     []string

	later    []string // keys that hold after a restart
	stuck    []string // keys that nobody may change any more
	together []string // keys of which none changes without the others
}

func (d *door) Current(key string) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	text, ok := d.values[key]
	return text, ok
}

func (d *door) Apply(_ context.Context, values map[string]string, by string) (map[string]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.veto != nil {
		return nil, d.veto
	}
	n := 0
	for k := range values {
		if slices.Contains(d.stuck, k) {
			return nil, &agent.Error{Op: "setting", Class: agent.Forbidden}
		}
		if slices.Contains(d.together, k) {
			n++
		}
	}
	if n != 0 && n != len(d.together) {
		return nil, &agent.Error{Op: "setting", Class: agent.Invalid}
	}
	effects := map[string]string{}
	for k, v := range values {
		d.values[k], effects[k] = v, "live"
		if slices.Contains(d.later, k) {
			effects[k] = "restart"
		}
	}
	d.by = append(d.by, by)
	return effects, nil
}

// office is a fleet of one terminal, in a bubble where time is free.
type office struct {
	*authority
	t      *testing.T
	mu     sync.Mutex // guards what a test changes while the agent looks
	wire   *wire
	store  agent.FleetStore
	door   *door
	line   agent.LineState
	clock  Clock
	idle   bool
	did    map[string]int
	audits []string
	opt    Options
	agent  *Agent
	stop   func()
}

func newOffice(t *testing.T) *office {
	o := &office{authority: newAuthority(), t: t, wire: newWire(), store: NewMemory(), door: &door{values: map[string]string{"shop.name": "Corner", "log.level": "info"}},
		line: agent.LineOnline, clock: Clock{Quality: Synced, Confirmed: true}, idle: true, did: map[string]int{}}
	o.opt = Options{TID: tid, Version: "1.4.2", Link: o.wire, Clock: agent.NewSystemClock(), Settings: o.door,
		Time: func() Clock { return read(o, &o.clock) }, Line: func() agent.LineState { return read(o, &o.line) }, Idle: func() bool { return read(o, &o.idle) },
		Audit: func(_ context.Context, action, object, detail string) {
			o.audits = append(o.audits, action+" "+object+" "+detail)
		},
		Spread: func() time.Duration { return 0 }, Draw: func(time.Duration) time.Duration { return 0 }}
	count := func(name string) Handler {
		return func(context.Context, json.RawMessage) (any, func(), error) {
			o.mu.Lock()
			defer o.mu.Unlock()
			o.did[name]++
			return map[string]bool{"done": true}, nil, nil
		}
	}
	o.opt.Handlers = map[string]Handler{}
	for _, name := range []string{"ping", "display.message", "log.level", "agent.restart", "device.reboot", "terminal.wipe"} {
		o.opt.Handlers[name] = count(name)
	}
	return o
}

// read is what something that a test changes is now.
func read[T any](o *office, v *T) T {
	o.mu.Lock()
	defer o.mu.Unlock()
	return *v
}

// change changes something while the agent runs.
func change[T any](o *office, v *T, to T) {
	o.mu.Lock()
	defer o.mu.Unlock()
	*v = to
}

// openUp starts the terminal; the fleet's keys are there.
func (o *office) openUp() {
	o.t.Helper()
	o.opt.Store = o.store
	ctx, cancel := context.WithCancel(context.Background())
	var err error
	if o.opt.Trust, err = OpenTrust(ctx, o.roots(), o.store); err != nil {
		o.t.Fatal(err)
	}
	if o.agent, err = Open(ctx, o.opt); err != nil {
		o.t.Fatal(err)
	}
	ended := make(chan struct{})
	a := o.agent
	go func() {
		defer close(ended)
		if err := a.Run(ctx); !errors.Is(err, context.Canceled) {
			o.t.Errorf("the agent ended: %v", err)
		}
	}()
	o.stop = func() { cancel(); <-ended }
	synctest.Wait()
	if o.opt.Trust.Current() == nil && !o.wire.down {
		o.send(DownKeys, true, TypeKeys, o.nowSet(1), o.root)
	}
}

// nowSet is a key set that is valid at the bubble's time.
func (o *office) nowSet(version uint64) KeySet {
	set := o.keySet(version)
	from, until := At(time.Now().AddDate(0, -1, 0)), At(time.Now().AddDate(1, 0, 0))
	set.Iat, set.Exp = from, until
	for i := range set.Keys {
		set.Keys[i].From, set.Keys[i].Until = from, until
	}
	return set
}

// restart ends the agent as a stop does and starts it on the same store.
func (o *office) restart() {
	o.stop()
	o.openUp()
}

// send signs a document and brings it down.
func (o *office) send(c Channel, retained bool, kind string, document any, keys ...ed25519.PrivateKey) {
	o.t.Helper()
	o.bring(c, retained, seal(o.t, kind, document, keys...))
}

// bring delivers bytes, signed or not.
func (o *office) bring(c Channel, retained bool, payload []byte) {
	o.t.Helper()
	o.wire.mu.Lock()
	s := o.wire.s
	o.wire.mu.Unlock()
	s.Incoming(Incoming{Received{c, payload, retained}, func() { o.wire.set(func(w *wire) { w.acked++ }) }})
	synctest.Wait()
}

// claims are those of a document that is issued now.
func (o *office) fresh() Claims {
	c := o.claims()
	c.Iat, c.Exp = At(time.Now()), At(time.Now().Add(5*time.Minute))
	return c
}

func (o *office) order(name, args string) Command {
	e, _ := Find(name, 1)
	c := Command{Claims: o.fresh(), Name: name, Class: e.Class, Actor: "ops@fleet.example"}
	if args != "" {
		c.Args = json.RawMessage(args)
	}
	return c
}

// command sends a command with the running service's key.
func (o *office) command(c Command) {
	o.t.Helper()
	o.send(DownCommand, false, TypeCommand, c, o.online)
	o.pass(2 * time.Second)
}

// pass lets time go by.
func (o *office) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// said is every message on a channel, oldest first.
func said[T any](o *office, c Channel) (list []T) {
	o.t.Helper()
	o.wire.mu.Lock()
	defer o.wire.mu.Unlock()
	for _, m := range o.wire.sent {
		if m.Channel != c {
			continue
		}
		var one T
		if err := json.Unmarshal(m.Payload, &one); err != nil {
			o.t.Fatalf("%s: %v", m.Payload, err)
		}
		list = append(list, one)
	}
	return list
}

// events are those of a stream that were sent, each once.
func (o *office) events(s Stream) (list []Event) {
	o.t.Helper()
	seen := map[Sequence]bool{}
	for _, b := range said[Batch](o, s.Channel()) {
		for _, e := range b.Events {
			if b.Stream == s && !seen[e.Sequence] {
				seen[e.Sequence], list = true, append(list, e)
			}
		}
	}
	return list
}

// told is how a command's statuses were told, in order.
func (o *office) told(jti string) (words []string) {
	o.t.Helper()
	for _, e := range o.events(Commands) {
		var r CommandReport
		if err := json.Unmarshal(e.Data, &r); err != nil {
			o.t.Fatal(err)
		}
		if r.Jti == jti {
			words = append(words, fmt.Sprint(r.Status, " ", r.Code))
		}
	}
	return words
}

// ackAll stores and acknowledges everything that was sent, as a service does.
func (o *office) ackAll() {
	o.t.Helper()
	var marks []AckMark
	high := map[Stream]AckMark{}
	for _, s := range Streams() {
		for _, b := range said[Batch](o, s.Channel()) {
			if b.Stream == s && b.Last > high[s].Upto {
				high[s] = AckMark{s, b.Epoch, b.Last}
			}
		}
		if m, some := high[s]; some {
			marks = append(marks, m)
		}
	}
	hello := said[Hello](o, UpHello)
	o.send(DownAck, false, TypeAck, Ack{Claims: o.fresh(), T: At(time.Now()), Nonce: hello[len(hello)-1].Nonce, Acks: marks}, o.online)
	o.pass(time.Second)
}

// times is how often a command was done.
func (o *office) times(name string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.did[name]
}

// acts are what the owner would see.
func (o *office) acts() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.audits...)
}

// answers is how often the broker was answered.
func (w *wire) answers() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.acked
}

func (d *door) text(key string) string { text, _ := d.Current(key); return text }

func (d *door) put(key, text string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.values[key] = text
}

// stick makes keys such that nobody may change them any more.
func (d *door) stick(keys ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stuck = keys
}

func (d *door) refuse(veto error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.veto = veto
}

// who are those who changed settings, in order.
func (d *door) who() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.by...)
}
