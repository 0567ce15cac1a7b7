package service_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// hub is a broker between one service and its terminals, in one process.
type hub struct {
	mu       sync.Mutex
	hear     func(fleet.Heard)
	down     bool      // takes nothing from the service
	refuses  fleet.TID // takes nothing for this one
	lines    map[fleet.TID]*line
	retained map[fleet.TID]map[fleet.Channel][]byte
	sent     map[fleet.TID][]fleet.Message // everything the service sent
	puppets  func(fleet.TID, fleet.Message)
	acked    int
}

func newHub() *hub {
	return &hub{lines: map[fleet.TID]*line{}, retained: map[fleet.TID]map[fleet.Channel][]byte{}, sent: map[fleet.TID][]fleet.Message{}}
}

// Run implements service.Broker.
func (h *hub) Run(ctx context.Context, hear func(fleet.Heard), state func(bool, error)) error {
	h.mu.Lock()
	h.hear = hear
	h.mu.Unlock()
	state(true, nil)
	<-ctx.Done()
	h.mu.Lock()
	h.hear = nil
	h.mu.Unlock()
	state(false, ctx.Err())
	return ctx.Err()
}

// Publish implements service.Broker.
func (h *hub) Publish(_ context.Context, to fleet.TID, m fleet.Message) error {
	h.mu.Lock()
	if h.down {
		h.mu.Unlock()
		return fleet.ErrOffline
	}
	if h.refuses == to {
		h.mu.Unlock()
		return fleet.ErrTooLarge
	}
	h.sent[to] = append(h.sent[to], m)
	if d, _ := m.Channel.Delivery(); d.Retain {
		if h.retained[to] == nil {
			h.retained[to] = map[fleet.Channel][]byte{}
		}
		h.retained[to][m.Channel] = m.Payload
	}
	l, puppets := h.lines[to], h.puppets
	h.mu.Unlock()
	if l != nil {
		l.bring(m, false)
	}
	if puppets != nil {
		puppets(to, m)
	}
	return nil
}

// say is a message of a terminal. It waits for the service to take it, not for
// the commit.
func (h *hub) say(tid fleet.TID, c fleet.Channel, v any) {
	payload, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	h.bring(tid, fleet.Message{Channel: c, Payload: payload})
}

func (h *hub) bring(tid fleet.TID, m fleet.Message) {
	h.mu.Lock()
	hear := h.hear
	h.mu.Unlock()
	if hear != nil {
		hear(fleet.Heard{TID: tid, Incoming: fleet.Incoming{Received: fleet.Received{Channel: m.Channel, Payload: m.Payload}, Ack: func() {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.acked++
		}}})
	}
}

// line is one terminal's connection.
type line struct {
	hub  *hub
	tid  fleet.TID
	inbx chan fleet.Incoming
	cuts chan struct{}

	mu sync.Mutex
	up bool
}

func (h *hub) line(tid fleet.TID) *line {
	return &line{hub: h, tid: tid, inbx: make(chan fleet.Incoming, 4096), cuts: make(chan struct{})}
}

func (l *line) bring(m fleet.Message, retained bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.up {
		l.inbx <- fleet.Incoming{Received: fleet.Received{Channel: m.Channel, Payload: m.Payload, Retained: retained}, Ack: func() {}}
	}
}

// Run implements fleet.Link.
func (l *line) Run(ctx context.Context, s fleet.Session) error {
	for ctx.Err() == nil {
		will, err := s.Connecting(ctx)
		if err != nil {
			return err
		}
		l.join()
		s.Connected()
		for up := true; up; {
			select {
			case <-ctx.Done():
				up = false
			case <-l.cuts:
				up = false
				l.hub.bring(l.tid, will)
			case m := <-l.inbx:
				s.Incoming(m)
			}
		}
		l.mu.Lock()
		l.up = false
		l.mu.Unlock()
		s.Disconnected(errors.New("cut"))
		select {
		case <-ctx.Done():
		case <-time.After(2 * time.Second):
		}
	}
	return ctx.Err()
}

// join connects; what the broker kept comes at once.
func (l *line) join() {
	l.hub.mu.Lock()
	l.hub.lines[l.tid] = l
	kept := l.hub.retained[l.tid]
	l.hub.mu.Unlock()
	l.mu.Lock()
	l.up = true
	l.mu.Unlock()
	for _, c := range []fleet.Channel{fleet.DownConfig, fleet.DownJob, fleet.DownKeys} {
		if kept[c] != nil {
			l.bring(fleet.Message{Channel: c, Payload: kept[c]}, true)
		}
	}
}

// Publish implements fleet.Link.
func (l *line) Publish(_ context.Context, m fleet.Message) error {
	l.mu.Lock()
	up := l.up
	l.mu.Unlock()
	if !up {
		return fleet.ErrOffline
	}
	l.hub.bring(l.tid, m)
	return nil
}

// keys are those of an office in order.
type keys struct {
	root, online, anna, boris ed25519.PrivateKey

	mu      sync.Mutex
	version uint64
	set     []byte
}

func keyNamed(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("a key for tests only: " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicOf(key ed25519.PrivateKey) ed25519.PublicKey { return key.Public().(ed25519.PublicKey) }

func newKeys() *keys {
	return &keys{root: keyNamed("root"), online: keyNamed("online"), anna: keyNamed("anna"), boris: keyNamed("boris")}
}

// rotate signs a new list.
func (k *keys) rotate(t *testing.T) {
	t.Helper()
	from, until := fleet.At(time.Now().Add(-time.Hour)), fleet.At(time.Now().AddDate(2, 0, 0))
	k.mu.Lock()
	defer k.mu.Unlock()
	k.version++
	set := fleet.KeySet{Version: k.version, Iat: from, Exp: until, Roots: []string{base64.StdEncoding.EncodeToString(publicOf(k.root))}, Keys: []fleet.Key{
		fleet.NewKey(fleet.Online, publicOf(k.online), from, until), fleet.NewKey(fleet.Approver, publicOf(k.anna), from, until), fleet.NewKey(fleet.Approver, publicOf(k.boris), from, until)}}
	var err error
	if k.set, err = fleet.Seal(fleet.TypeKeys, set, k.root); err != nil {
		t.Fatal(err)
	}
}

// Seal implements service.Keys.
func (k *keys) Seal(kind string, document any) ([]byte, error) {
	return fleet.Seal(kind, document, k.online)
}

// Set implements service.Keys.
func (k *keys) Set() ([]byte, uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.set, k.version
}

// bureau is a service that runs, in a bubble where time is free.
type bureau struct {
	*testing.T
	hub   *hub
	keys  *keys
	store *memory
	svc   *service.Service
	stop  func()
	over  chan struct{}
}

// inBureau runs a test with a service.
func inBureau(t *testing.T, test func(*bureau)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bureau{T: t, hub: newHub(), keys: newKeys(), store: newStore(), over: make(chan struct{})}
		b.keys.rotate(t)
		b.open()
		defer func() { close(b.over); b.stop() }()
		test(b)
	})
}

func (b *bureau) open() {
	b.Helper()
	b.svc = service.New(service.Options{Name: "office.test", Store: b.store, Broker: b.hub, Keys: b.keys, Clock: agent.NewSystemClock()})
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := b.svc.Run(ctx); !errors.Is(err, context.Canceled) {
			b.Errorf("the service ended: %v", err)
		}
	}()
	b.stop = func() { cancel(); <-ended }
	b.pass(0)
}

// restart ends the service and starts another on the same store.
func (b *bureau) restart() {
	b.stop()
	b.open()
}

// pass lets time go by.
func (b *bureau) pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// later does something after a while, unless the test is over.
func (b *bureau) later(d time.Duration, do func()) {
	go func() {
		select {
		case <-time.After(d):
			do()
		case <-b.over:
		}
	}()
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func (b *bureau) terminal(tid fleet.TID) service.Terminal {
	b.Helper()
	t, err := b.store.Terminal(b.Context(), tid)
	if err != nil {
		b.Fatal(err)
	}
	return t
}

// found are the kinds of what was found of a terminal.
func (b *bureau) found(tid fleet.TID) string {
	b.Helper()
	text := ""
	for _, f := range b.terminal(tid).Found {
		text += string(f.Kind) + " "
	}
	return text
}

// documents are those that were sent to a terminal on a channel, opened without
// asking who signed them.
func documents[T any](b *bureau, tid fleet.TID, c fleet.Channel) (all []T) {
	b.Helper()
	b.hub.mu.Lock()
	defer b.hub.mu.Unlock()
	for _, m := range b.hub.sent[tid] {
		if m.Channel != c {
			continue
		}
		all = append(all, bodyOf[T](b.T, m.Payload))
	}
	return all
}

func bodyOf[T any](t *testing.T, envelope []byte) (v T) {
	t.Helper()
	var e fleet.Envelope
	err := json.Unmarshal(envelope, &e)
	if err == nil {
		var body []byte
		if body, err = base64.StdEncoding.DecodeString(e.Payload); err == nil {
			err = json.Unmarshal(body, &v)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// acks are how far the last acknowledgement goes, stream by stream.
func (b *bureau) acked(tid fleet.TID, s fleet.Stream) uint64 {
	b.Helper()
	all := documents[fleet.Ack](b, tid, fleet.DownAck)
	if len(all) == 0 {
		return 0
	}
	for _, mark := range all[len(all)-1].Acks {
		if mark.Stream == s {
			return mark.Upto
		}
	}
	return 0
}

// text brings a message as it stands.
func (m *machine) text(c fleet.Channel, payload string) {
	m.b.hub.bring(m.tid, fleet.Message{Channel: c, Payload: []byte(payload)})
	m.b.pass(0)
}

// machine is a terminal that is played by hand.
type machine struct {
	b     *bureau
	tid   fleet.TID
	boot  string
	sess  uint64
	epoch string
	// oldest is what it says it still has of every stream; 0: an agent from before.
	oldest int64
}

const oneEpoch = "01KAFN00000000000000000000"

func (b *bureau) machine(n int) *machine {
	return &machine{b: b, tid: fleet.TID(fmt.Sprintf("t-%06d", n)), boot: fmt.Sprintf("boot-%d", n), epoch: oneEpoch}
}

// connect opens the next session.
func (m *machine) connect() {
	m.sess++
	m.present(fleet.StateOnline)
	m.hello(fmt.Sprintf("nonce-%s-%d", m.boot, m.sess))
}

func (m *machine) present(s fleet.State) {
	m.b.hub.say(m.tid, fleet.UpPresence, fleet.Presence{V: fleet.Wire, State: s, Sess: m.sess, Boot: m.boot, Ver: "1.4.2", Since: fleet.At(time.Now())})
	m.b.pass(0)
}

func (m *machine) hello(nonce string) {
	m.b.hub.say(m.tid, fleet.UpHello, fleet.Hello{V: fleet.Wire, Sess: m.sess, Nonce: nonce, Boot: m.boot, Ver: "1.4.2", Clock: fleet.ClockReport{Quality: fleet.Synced}})
	m.b.pass(0)
}

func (m *machine) beat() {
	m.b.hub.say(m.tid, fleet.UpBeat, fleet.Beat{V: fleet.Wire, Sess: m.sess, At: fleet.At(time.Now())})
	m.b.pass(0)
}

// send sends events of a stream in one batch.
func (m *machine) send(s fleet.Stream, from, to uint64, dropped ...fleet.Gap) {
	var list []uint64
	for n := from; n <= to; n++ {
		list = append(list, n)
	}
	batch := batchOf(s, m.epoch, list...)
	batch.Oldest, batch.Dropped = m.oldest, dropped
	m.b.hub.say(m.tid, s.Channel(), batch)
	m.b.pass(0)
}

// batchOf is a batch of events with these sequences.
func batchOf(s fleet.Stream, epoch string, list ...uint64) fleet.Batch {
	b := fleet.Batch{V: fleet.Wire, Stream: s, Epoch: epoch, First: list[0], Last: list[len(list)-1]}
	for _, n := range list {
		b.Events = append(b.Events, fleet.Event{SpecVersion: "1.0", ID: fmt.Sprint(n), Sequence: fleet.Sequence(n), Time: fleet.At(time.Now()), Data: json.RawMessage(`{}`)})
	}
	return b
}

// stored counts the events of a stream.
func (m *machine) stored(s fleet.Stream) int {
	return len(must(m.b.store.Events(m.b.Context(), service.EventFilter{TID: m.tid, Stream: []fleet.Stream{s}, Limit: 1000})))
}
