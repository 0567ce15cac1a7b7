package sim

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

func keyNamed(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("a key for tests only: " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func public(name string) ed25519.PublicKey { return keyNamed(name).Public().(ed25519.PublicKey) }

// town is a broker and an office in one, that stores every event once and
// acknowledges it.
type town struct {
	t  *testing.T
	mu sync.Mutex
	// stored has each payment's number by terminal; twice counts those that came again.
	stored map[fleet.TID]map[int]bool
	twice  int
	seq    uint64
	config map[fleet.TID]fleet.ConfigReport
	links  map[fleet.TID]*wire
}

// wire is one terminal's connection to the town.
type wire struct {
	town *town
	tid  fleet.TID
	line *Line

	mu   sync.Mutex
	s    fleet.Session
	live bool
}

func (w *wire) down() bool {
	w.line.mu.Lock()
	defer w.line.mu.Unlock()
	return w.line.down
}

// Run implements fleet.Link: it looks every second whether the line is there.
func (w *wire) Run(ctx context.Context, s fleet.Session) error {
	for ctx.Err() == nil {
		if !w.down() {
			if _, err := s.Connecting(ctx); err != nil {
				return err
			}
			w.set(s, true)
			s.Connected()
			w.town.greet(w)
			for ctx.Err() == nil && !w.down() {
				pause(ctx)
			}
			w.set(s, false)
			s.Disconnected(errors.New("cut"))
		}
		pause(ctx)
	}
	return ctx.Err()
}

func pause(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Second):
	}
}

func (w *wire) set(s fleet.Session, live bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.s, w.live = s, live
}

// Publish implements fleet.Link.
func (w *wire) Publish(_ context.Context, m fleet.Message) error {
	w.mu.Lock()
	live := w.live && !w.down()
	w.mu.Unlock()
	if !live {
		return fleet.ErrOffline
	}
	w.town.hear(w, m)
	return nil
}

// bring delivers a document beside the terminal's own loop, as a broker does.
func (w *wire) bring(c fleet.Channel, retained bool, kind string, document any, key string) {
	raw, err := fleet.Seal(kind, document, keyNamed(key))
	if err != nil {
		w.town.t.Error(err)
		return
	}
	w.mu.Lock()
	s, live := w.s, w.live
	w.mu.Unlock()
	if live {
		go s.Incoming(fleet.Incoming{Received: fleet.Received{Channel: c, Payload: raw, Retained: retained}, Ack: func() {}})
	}
}

func (t *town) claims(tid fleet.TID) fleet.Claims {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seq++
	now := time.Now()
	return fleet.Claims{Aud: tid, Iss: "town.example", Iat: fleet.At(now), Exp: fleet.At(now.Add(time.Hour)), Jti: fmt.Sprintf("01KAFN%020d", t.seq), Seq: t.seq}
}

func (t *town) greet(w *wire) {
	from, until := fleet.At(time.Now().Add(-time.Hour)), fleet.At(time.Now().AddDate(1, 0, 0))
	w.bring(fleet.DownKeys, true, fleet.TypeKeys, fleet.KeySet{Version: 1, Iat: from, Exp: until, Roots: []string{base64.StdEncoding.EncodeToString(public("root"))},
		Keys: []fleet.Key{fleet.NewKey(fleet.Online, public("online"), from, until)}}, "root")
}

func (t *town) hear(w *wire, m fleet.Message) {
	switch m.Channel {
	case fleet.UpConfig:
		var c fleet.ConfigReport
		if err := json.Unmarshal(m.Payload, &c); err != nil {
			t.t.Error(err)
		}
		t.mu.Lock()
		t.config[w.tid] = c
		t.mu.Unlock()
	case fleet.UpPresence, fleet.UpHello, fleet.UpState, fleet.UpBeat:
	default:
		var b fleet.Batch
		if err := json.Unmarshal(m.Payload, &b); err != nil {
			t.t.Errorf("%s: %v", m.Channel, err)
			return
		}
		t.store(w.tid, b)
		ack := fleet.Ack{Claims: t.claims(w.tid), T: fleet.At(time.Now()), Acks: []fleet.AckMark{{Stream: b.Stream, Epoch: b.Epoch, Upto: b.Last}}}
		w.bring(fleet.DownAck, false, fleet.TypeAck, ack, "online")
	}
}

func (t *town) store(tid fleet.TID, b fleet.Batch) {
	if b.Stream != fleet.Payments {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.stored[tid] == nil {
		t.stored[tid] = map[int]bool{}
	}
	for _, e := range b.Events {
		var p payment
		if err := json.Unmarshal(e.Data, &p); err != nil || p.N != int(e.Sequence) {
			t.t.Errorf("%s: event %d is %s (%v)", tid, uint64(e.Sequence), e.Data, err)
		}
		if t.stored[tid][p.N] {
			t.twice++
		}
		t.stored[tid][p.N] = true
	}
}

func (t *town) count() (n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, list := range t.stored {
		n += len(list)
	}
	return n
}

// inTown runs a test on a simulated fleet, in a bubble where time is free.
func inTown(t *testing.T, change func(*Options), test func(ctx context.Context, town *town, f *Fleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		place := &town{t: t, stored: map[fleet.TID]map[int]bool{}, config: map[fleet.TID]fleet.ConfigReport{}, links: map[fleet.TID]*wire{}}
		opt := Options{Terminals: 20, Roots: []ed25519.PublicKey{public("root")}, Clock: agent.NewSystemClock(), Start: 10 * time.Second, Every: time.Minute, Spread: 20 * time.Second,
			Link: func(tid fleet.TID, line *Line) (fleet.Link, error) {
				w := &wire{town: place, tid: tid, line: line}
				place.mu.Lock()
				place.links[tid] = w
				place.mu.Unlock()
				return w, nil
			}}
		change(&opt)
		f, err := New(opt)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- f.Run(ctx) }()
		test(ctx, place, f)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("the fleet ended: %v", err)
		}
		synctest.Wait()
		if c := f.Count(); c.Connected != 0 {
			t.Errorf("after the end %d are connected", c.Connected)
		}
	})
}

func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// TestEveryPaymentArrivesOnceThroughOutages cuts lines as a script says; at the
// end the office has what the terminals made, each once.
func TestEveryPaymentArrivesOnceThroughOutages(t *testing.T) {
	script, err := ReadScript(strings.NewReader("# a bad afternoon\n2m 50% 90s\n\n5m 100% 3m # the whole town\n20m 10% 30m\n"))
	if err != nil || len(script) != 3 {
		t.Fatal(script, err)
	}
	inTown(t, func(*Options) {}, func(ctx context.Context, town *town, f *Fleet) {
		var mu sync.Mutex
		var steps []string
		played := make(chan struct{})
		go func() {
			defer close(played)
			f.Play(ctx, script, func(text string) { mu.Lock(); steps = append(steps, text); mu.Unlock() })
		}()
		pass(30 * time.Second)
		if c := f.Count(); c.Connected != 20 || c.Connects != 20 {
			t.Errorf("after the start: %+v", c)
		}
		pass(2 * time.Minute)
		if c := f.Count(); c.Connected != 10 {
			t.Errorf("with half of the lines cut: %+v", c)
		}
		pass(4 * time.Minute)
		if c := f.Count(); c.Connected != 0 {
			t.Errorf("with all lines cut: %+v", c)
		}
		<-played
		f.Hold()
		pass(15 * time.Minute)
		c := f.Count()
		if c.Connected != 20 || c.Connects < 20+10+20+2 || c.Made < 20*48 || c.Waiting != 0 || c.Other != 0 {
			t.Errorf("at the end: %+v", c)
		}
		if n := town.count(); n != c.Made {
			t.Errorf("the office has %d payments of %d", n, c.Made)
		}
		mu.Lock()
		defer mu.Unlock()
		if len(steps) != 6 || steps[0] != "the lines of 10 terminals are cut for 1m30s" {
			t.Errorf("told: %q", steps)
		}
	})
}

func TestSomeTerminalsRefuseSettings(t *testing.T) {
	inTown(t, func(o *Options) { o.Refuse, o.Terminals = 10, 30 }, func(_ context.Context, town *town, f *Fleet) {
		pass(30 * time.Second)
		for _, tid := range f.TIDs() {
			cfg := map[string]string{"log.level": "warn"}
			town.links[tid].bring(fleet.DownConfig, true, fleet.TypeConfig, fleet.Config{Claims: town.claims(tid), Rev: 1, Hash: fleet.HashOf(cfg), Cfg: cfg}, "online")
		}
		pass(12 * time.Minute)
		town.mu.Lock()
		defer town.mu.Unlock()
		count := map[fleet.ConfigStatus]int{}
		for _, c := range town.config {
			count[c.Status]++
		}
		if count[fleet.ConfigRefused] != 3 || count[fleet.ConfigApplied] != 27 {
			t.Errorf("the settings: %v", count)
		}
	})
}

func TestScriptsThatCannotBeRead(t *testing.T) {
	for _, text := range []string{"30s", "30s 50 10s", "30s 0% 10s", "30s 101% 10s", "soon 50% 10s", "30s 50% 0s", "30s 50% 10s again"} {
		if _, err := ReadScript(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "line 1") {
			t.Errorf("%q: %v", text, err)
		}
	}
}
