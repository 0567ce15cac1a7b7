package mqtt

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// roadside is a terminal's whole agent of the fleet at a real broker, and an office
// that may send it anything: with mutual TLS, as in a fleet.
type roadside struct {
	*testing.T
	b     *broker
	s     *spy
	id    fleet.TID
	addr  string // of the broker, or of what stands before it
	store agent.FleetStore
	time  fleet.Clock
	agent *fleet.Agent
	stop  func()
	seq   uint64

	mu     sync.Mutex
	did    map[string]int
	audits []string
	values map[string]string
	total  int // payments
}

func keyOf(name string) ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("a key for tests only: " + name))
	return ed25519.NewKeyFromSeed(seed[:])
}

func publicOf(name string) ed25519.PublicKey { return keyOf(name).Public().(ed25519.PublicKey) }

// beside opens a terminal at a broker that others use as well.
func beside(t *testing.T, b *broker, s *spy, id fleet.TID) *roadside {
	t.Helper()
	r := &roadside{T: t, b: b, s: s, id: id, addr: b.addr, store: fleet.NewMemory(), time: fleet.Clock{Quality: fleet.Synced}, did: map[string]int{}, values: map[string]string{"shop.name": "Corner"}}
	t.Cleanup(func() {
		if r.stop != nil {
			r.stop()
		}
	})
	return r
}

// open starts the agent and gives it the fleet's keys.
func (r *roadside) open(change func(*fleet.KeySet)) {
	r.Helper()
	hellos := len(r.s.on(r.id, fleet.UpHello))
	r.start()
	eventually(r.T, "a hello", func() bool { return len(r.s.on(r.id, fleet.UpHello)) > hellos })
	from, until := fleet.At(time.Now().Add(-time.Hour)), fleet.At(time.Now().Add(time.Hour))
	set := fleet.KeySet{Version: 1, Iat: from, Exp: until, Roots: []string{base64.StdEncoding.EncodeToString(publicOf("root"))}, Keys: []fleet.Key{
		fleet.NewKey(fleet.Online, publicOf("online"), from, until), fleet.NewKey(fleet.Approver, publicOf("anna"), from, until), fleet.NewKey(fleet.Approver, publicOf("boris"), from, until)}}
	if change != nil {
		change(&set)
	}
	r.down(fleet.DownKeys, true, r.seal(fleet.TypeKeys, set, "root"))
}

func (r *roadside) start() {
	r.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	trust, err := fleet.OpenTrust(ctx, []ed25519.PublicKey{publicOf("root")}, r.store)
	if err != nil {
		r.Fatal(err)
	}
	o := r.b.options(r.id, r.addr)
	o.Clock, o.Draw = agent.NewSystemClock(), atOnce
	link, err := New(o)
	if err != nil {
		r.Fatal(err)
	}
	a, err := fleet.Open(ctx, fleet.Options{TID: r.id, Version: "1.4.2", Store: r.store, Link: link, Trust: trust, Clock: o.Clock, Settings: r, Time: func() fleet.Clock { return r.time },
		Sources: []fleet.Source{{Stream: fleet.Payments, Read: r.payments}}, Handlers: r.handlers(),
		Audit: func(_ context.Context, action, object, _ string) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.audits = append(r.audits, action+" "+object)
		},
		Spread: func() time.Duration { return 0 }, Draw: func(time.Duration) time.Duration { return 0 }})
	if err != nil {
		r.Fatal(err)
	}
	r.agent = a
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = a.Run(ctx) // its error is the context's
	}()
	r.stop = sync.OnceFunc(func() { cancel(); <-ended })
}

func (r *roadside) handlers() map[string]fleet.Handler {
	all := map[string]fleet.Handler{}
	for _, name := range []string{"ping", "display.message", "terminal.wipe"} {
		all[name] = func(context.Context, json.RawMessage) (any, func(), error) {
			r.mu.Lock()
			defer r.mu.Unlock()
			r.did[name]++
			return nil, nil, nil
		}
	}
	return all
}

// payments are as many as the test says there were.
func (r *roadside) payments(_ context.Context, after string, limit int) (facts []fleet.Fact, next string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	if after != "" {
		if _, err := fmt.Sscan(after, &n); err != nil {
			return nil, after, err
		}
	}
	for ; n < r.total && len(facts) < limit; n++ {
		facts = append(facts, fleet.Fact{Name: "changed", At: time.Now(), Data: map[string]int{"n": n + 1}})
	}
	return facts, fmt.Sprint(n), nil
}

// Current implements fleet.Settings.
func (r *roadside) Current(key string) (string, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, ok := r.values[key]
	return text, ok
}

// Apply implements fleet.Settings; a shop needs a name.
func (r *roadside) Apply(_ context.Context, values map[string]string, _ string) (map[string]string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if name, some := values["shop.name"]; some && name == "" {
		return nil, errors.New("a shop has a name")
	}
	effects := map[string]string{}
	for key, text := range values {
		r.values[key], effects[key] = text, "live"
	}
	return effects, nil
}

func (r *roadside) seal(kind string, document any, keys ...string) []byte {
	r.Helper()
	var private []ed25519.PrivateKey
	for _, name := range keys {
		private = append(private, keyOf(name))
	}
	raw, err := fleet.Seal(kind, document, private...)
	if err != nil {
		r.Fatal(err)
	}
	return raw
}

func (r *roadside) down(c fleet.Channel, retained bool, payload []byte) {
	r.Helper()
	r.s.send(r.id, c, string(payload), retained)
}

func (r *roadside) claims() fleet.Claims {
	r.seq++
	now := time.Now()
	return fleet.Claims{Aud: r.id, Iss: "fleet.example", Iat: fleet.At(now.Add(-time.Second)), Exp: fleet.At(now.Add(4 * time.Minute)), Jti: jti(r.seq), Seq: r.seq}
}

func jti(n uint64) string { return fmt.Sprintf("01KAFN%020d", n) }

// acts are what the owner can see.
func (r *roadside) acts() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.audits)
}

// order is a command that is good.
func (r *roadside) order(name, args string) fleet.Command {
	e, _ := fleet.Find(name, 1)
	c := fleet.Command{Claims: r.claims(), Name: name, Class: e.Class, Actor: "ops@fleet.example"}
	if args != "" {
		c.Args = json.RawMessage(args)
	}
	return c
}

// nonce is that of the session that runs.
func (r *roadside) nonce() string {
	r.Helper()
	all := r.s.on(r.id, fleet.UpHello)
	var h fleet.Hello
	if err := json.Unmarshal([]byte(all[len(all)-1]), &h); err != nil {
		r.Fatal(err)
	}
	return h.Nonce
}

func (r *roadside) times(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.did[name]
}

// audited waits until the owner can see that something was refused.
func (r *roadside) audited(code fleet.Code) {
	r.Helper()
	eventually(r.T, "the refusal "+string(code), func() bool { return slices.Contains(r.acts(), "fleet.refused "+string(code)) })
}

// events are those of a stream that arrived, each once.
func (r *roadside) events(stream fleet.Stream) (list []fleet.Event) {
	r.Helper()
	seen := map[fleet.Sequence]bool{}
	for _, text := range r.s.on(r.id, stream.Channel()) {
		var b fleet.Batch
		if err := json.Unmarshal([]byte(text), &b); err != nil {
			r.Fatal(err)
		}
		for _, e := range b.Events {
			if b.Stream == stream && !seen[e.Sequence] {
				seen[e.Sequence], list = true, append(list, e)
			}
		}
	}
	return list
}

// said waits until a command's status was told.
func (r *roadside) said(jti string, status fleet.CommandStatus, code fleet.Code) {
	r.Helper()
	eventually(r.T, fmt.Sprintf("%s %s of %s", status, code, jti), func() bool {
		for _, e := range r.events(fleet.Commands) {
			var c fleet.CommandReport
			if json.Unmarshal(e.Data, &c) == nil && c.Jti == jti && c.Status == status && c.Code == code {
				return true
			}
		}
		return false
	})
}
