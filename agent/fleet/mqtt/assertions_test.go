package mqtt

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/brokertest"
)

// TestAssertionsOnMosquitto are attacks on one terminal by whoever has the broker,
// with mutual TLS, by their numbers. What needs days of time is in agent/fleet; 49,
// 50 and 55 have tests of their own.
func TestAssertionsOnMosquitto(t *testing.T) {
	b := newBroker(t)
	s := b.spy()
	n := 0
	terminalOf := func(t *testing.T) *roadside {
		n++
		return beside(t, b, s, fleet.TID(fmt.Sprintf("t-%04d-road", n)))
	}
	for name, c := range refusedOnTheRoad() {
		t.Run(name, func(t *testing.T) {
			r := terminalOf(t)
			if c.before != nil {
				c.before(r)
			}
			r.open(c.set)
			c.send(r)
			switch c.code { // what is signed and ours is answered as well
			case fleet.Expired:
				r.said(jti(r.seq), fleet.ExpiredOut, c.code)
			case fleet.RefusedNonce:
				r.said(jti(r.seq), fleet.Refused, c.code)
			default:
				r.audited(c.code)
			}
			if n := r.times("ping") + r.times("terminal.wipe"); n != 0 || len(r.acts()) != 1 {
				t.Errorf("done %d times, audits %q", n, r.acts())
			}
		})
	}
	for name, test := range map[string]func(*roadside){
		"39 a command that comes again is done once":                             doneOnce,
		"40 a command that the inbox has forgotten is told by its sequence":      forgotten,
		"42 the session's nonce vouches for a clock nobody confirmed":            vouched,
		"44 two signatures wipe, after what was not told":                        wiped,
		"45 a thousand commands of a stolen key":                                 flooded,
		"46 a connection that dies before the acknowledgement":                   cutBeforeAck,
		"47 an agent that dies while it runs a command":                          killedWhileRunning,
		"48 a configuration that is older or wrong":                              configured,
		"51 56 a broker that drops everything, and a forged acknowledgement":     dropped,
		"36 37 38 what is refused stops nothing: the next command is still done": goesOn,
	} {
		t.Run(name, func(t *testing.T) { test(terminalOf(t)) })
	}
}

// refusal is a document that must not be believed.
type refusal struct {
	before func(*roadside)
	set    func(*fleet.KeySet)
	send   func(*roadside)
	code   fleet.Code
}

func refusedOnTheRoad() map[string]refusal {
	command := func(change func(*fleet.Command), keys ...string) func(*roadside) {
		return func(r *roadside) {
			c := r.order("ping", "")
			if change != nil {
				change(&c)
			}
			r.down(fleet.DownCommand, false, r.seal(fleet.TypeCommand, c, keys...))
		}
	}
	wipe := func(keys ...string) func(*roadside) {
		return func(r *roadside) {
			c := r.order("terminal.wipe", `{"reason":"lost"}`)
			c.Nonce = r.nonce()
			r.down(fleet.DownCommand, false, r.seal(fleet.TypeCommand, c, keys...))
		}
	}
	confused := func(r *roadside) { r.time.Quality = fleet.Unknown }
	return map[string]refusal{
		"36 unsigned":         {send: command(nil), code: fleet.RefusedMalformed},
		"36 a stranger's key": {send: command(nil, "stranger"), code: fleet.RefusedKey},
		"36 a key that has run out": {send: command(nil, "online"), code: fleet.RefusedKeyExpired,
			set: func(s *fleet.KeySet) { s.Keys[0].Until = fleet.At(time.Now().Add(-time.Minute)) }},
		"36 a key that was withdrawn": {send: command(nil, "online"), code: fleet.RefusedKeyRevoked, set: func(s *fleet.KeySet) { s.Keys[0].Revoked = true }},
		"37 for another terminal":     {send: command(func(c *fleet.Command) { c.Aud = other }, "online"), code: fleet.RefusedAudience},
		"38 a byte was changed": {code: fleet.RefusedSignature, send: func(r *roadside) {
			var e fleet.Envelope
			if err := json.Unmarshal(r.seal(fleet.TypeCommand, r.order("ping", ""), "online"), &e); err != nil {
				r.Fatal(err)
			}
			body, err := base64.StdEncoding.DecodeString(e.Payload)
			if err != nil {
				r.Fatal(err)
			}
			e.Payload = base64.StdEncoding.EncodeToString(bytes.Replace(body, []byte("ops@"), []byte("0ps@"), 1))
			text, err := json.Marshal(e)
			if err != nil {
				r.Fatal(err)
			}
			r.down(fleet.DownCommand, false, text)
		}},
		"38 a configuration's envelope as a command": {code: fleet.RefusedMalformed, send: func(r *roadside) {
			r.down(fleet.DownCommand, false, r.seal(fleet.TypeConfig, r.order("ping", ""), "online"))
		}},
		"41 its time has passed": {code: fleet.Expired, send: command(func(c *fleet.Command) {
			c.Iat, c.Exp = fleet.At(time.Now().Add(-time.Hour)), fleet.At(time.Now().Add(-time.Minute))
		}, "online")},
		"42 a clock nobody confirmed, and no nonce": {before: confused, send: command(nil, "online"), code: fleet.RefusedNonce},
		"42 a clock nobody confirmed, and the last session's nonce": {before: confused, code: fleet.RefusedNonce,
			send: command(func(c *fleet.Command) { c.Nonce = strings.Repeat("A", 22) }, "online")},
		"43 a command that the broker kept": {code: fleet.RefusedRetained,
			before: func(r *roadside) {
				r.down(fleet.DownCommand, true, r.seal(fleet.TypeCommand, r.order("ping", ""), "online"))
			}, send: func(*roadside) {}},
		"44 a wipe with the running service's key": {send: wipe("online"), code: fleet.RefusedSigners},
		"44 a wipe with one approver":              {send: wipe("anna"), code: fleet.RefusedSigners},
	}
}

func goesOn(r *roadside) {
	r.open(nil)
	for _, bad := range [][]byte{[]byte("garbage"), nil, r.seal(fleet.TypeCommand, r.order("ping", ""), "stranger"), bytes.Repeat([]byte("x"), 100_000)} {
		r.down(fleet.DownCommand, false, bad)
	}
	c := r.order("ping", "")
	r.down(fleet.DownCommand, false, r.seal(fleet.TypeCommand, c, "online"))
	r.said(c.Jti, fleet.Succeeded, "")
}

func doneOnce(r *roadside) {
	r.open(nil)
	c := r.order("display.message", `{"text":"Back soon","ttl":60}`)
	raw := r.seal(fleet.TypeCommand, c, "online")
	r.down(fleet.DownCommand, false, raw)
	r.said(c.Jti, fleet.Succeeded, "")
	r.down(fleet.DownCommand, false, raw)
	r.stop()
	r.open(nil)
	r.down(fleet.DownCommand, false, raw)
	next := r.order("ping", "")
	r.down(fleet.DownCommand, false, r.seal(fleet.TypeCommand, next, "online"))
	r.said(next.Jti, fleet.Succeeded, "") // so the one before was judged
	if n := r.times("display.message"); n != 1 {
		r.Errorf("done %d times", n)
	}
}

func forgotten(r *roadside) {
	r.open(nil)
	c := r.order("display.message", `{"text":"Back soon","ttl":60}`)
	raw := r.seal(fleet.TypeCommand, c, "online")
	r.down(fleet.DownCommand, false, raw)
	r.said(c.Jti, fleet.Succeeded, "")
	r.stop()
	rows, err := r.store.Load(r.Context(), "in/", "", 10)
	if err != nil || len(rows) != 1 {
		r.Fatalf("the inbox holds %d commands: %v", len(rows), err)
	}
	// The row goes as it does after thirty days; that it then goes is shown in agent/fleet.
	if err := r.store.Save(r.Context(), agent.FleetItem{Key: rows[0].Key}); err != nil {
		r.Fatal(err)
	}
	r.open(nil)
	r.down(fleet.DownCommand, false, raw)
	r.audited(fleet.RefusedReplay)
	if n := r.times("display.message"); n != 1 {
		r.Errorf("done %d times", n)
	}
}

func vouched(r *roadside) {
	r.time.Quality = fleet.Unknown
	r.open(nil)
	c := r.order("ping", "")
	c.Nonce = r.nonce()
	r.down(fleet.DownCommand, false, r.seal(fleet.TypeCommand, c, "online"))
	r.said(c.Jti, fleet.Succeeded, "")
}

func wiped(r *roadside) {
	r.total = 3
	r.open(nil)
	c := r.order("terminal.wipe", `{"reason":"stolen"}`)
	c.Nonce = r.nonce()
	r.down(fleet.DownCommand, false, r.seal(fleet.TypeCommand, c, "anna", "boris"))
	r.said(c.Jti, fleet.Accepted, "")
	eventually(r.T, "the payments on their way", func() bool { return len(r.events(fleet.Payments)) == 3 })
	if r.times("terminal.wipe") != 0 {
		r.Error("wiped before the office had everything")
	}
	eventually(r.T, "the wipe, once everything is acknowledged", func() bool { r.acknowledge("online"); return r.times("terminal.wipe") == 1 })
}

// acknowledge says, under somebody's key, that everything that arrived is stored.
func (r *roadside) acknowledge(key string) {
	r.Helper()
	marks := []fleet.AckMark{}
	for _, stream := range fleet.Streams() {
		mark := fleet.AckMark{Stream: stream}
		for _, text := range r.s.on(r.id, stream.Channel()) {
			var batch fleet.Batch
			if json.Unmarshal([]byte(text), &batch) == nil && batch.Stream == stream && batch.Last > mark.Upto {
				mark.Epoch, mark.Upto = batch.Epoch, batch.Last
			}
		}
		if mark.Upto > 0 {
			marks = append(marks, mark)
		}
	}
	ack := fleet.Ack{Claims: r.claims(), Nonce: r.nonce(), Acks: marks}
	ack.T = ack.Iat
	r.down(fleet.DownAck, false, r.seal(fleet.TypeAck, ack, key))
}

func flooded(r *roadside) {
	r.total = 5
	r.open(nil)
	for range 1000 {
		r.down(fleet.DownCommand, false, r.seal(fleet.TypeCommand, r.order("display.message", `{"text":"x","ttl":1}`), "online"))
	}
	r.audited(fleet.RefusedRate)
	eventually(r.T, "the payments all the same", func() bool { return len(r.events(fleet.Payments)) == 5 })
	if n := r.times("display.message"); n < 1 || n > 20 {
		r.Errorf("%d of a thousand commands were done", n)
	}
}

// onSave is a store that does something once, after a row that holds a text.
type onSave struct {
	agent.FleetStore
	text string
	do   func()
	once sync.Once
}

// Save implements agent.FleetStore.
func (o *onSave) Save(ctx context.Context, items ...agent.FleetItem) error {
	err := o.FleetStore.Save(ctx, items...)
	for _, item := range items {
		if strings.Contains(item.Key+string(item.Value), o.text) {
			o.once.Do(o.do)
		}
	}
	return err
}

func cutBeforeAck(r *roadside) {
	p := newProxy(r.T, r.b.addr)
	r.addr = p.addr()
	r.seq = 700
	c := r.order("display.message", `{"text":"x","ttl":1}`)
	r.store = &onSave{FleetStore: r.store, text: c.Jti, do: p.cut}
	r.open(nil)
	hellos := len(r.s.on(r.id, fleet.UpHello))
	r.down(fleet.DownCommand, false, r.seal(fleet.TypeCommand, c, "online"))
	r.said(c.Jti, fleet.Succeeded, "")
	eventually(r.T, "another session", func() bool { return len(r.s.on(r.id, fleet.UpHello)) > hellos })
	next := r.order("ping", "")
	r.down(fleet.DownCommand, false, r.seal(fleet.TypeCommand, next, "online"))
	r.said(next.Jti, fleet.Succeeded, "")
	if n := r.times("display.message"); n != 1 {
		r.Errorf("done %d times", n)
	}
}

// frozen is a disk that takes nothing any more once a row holds a text.
type frozen struct {
	agent.FleetStore
	text string
	mu   sync.Mutex
	dead bool
}

// Save implements agent.FleetStore.
func (f *frozen) Save(ctx context.Context, items ...agent.FleetItem) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dead {
		return errors.New("the disk is gone")
	}
	for _, item := range items {
		f.dead = f.dead || strings.Contains(string(item.Value), f.text)
	}
	return f.FleetStore.Save(ctx, items...)
}

func killedWhileRunning(r *roadside) {
	disk := r.store
	r.store = &frozen{FleetStore: disk, text: `"` + string(fleet.Running) + `"`}
	r.open(nil)
	c := r.order("display.message", `{"text":"x","ttl":1}`)
	r.down(fleet.DownCommand, false, r.seal(fleet.TypeCommand, c, "online"))
	eventually(r.T, "the command done", func() bool { return r.times("display.message") == 1 })
	r.stop()
	r.store = disk
	r.open(nil)
	r.said(c.Jti, fleet.Interrupted, "")
	if n := r.times("display.message"); n != 1 {
		r.Errorf("done %d times", n)
	}
}

// configure sends a configuration and waits until its fate was told.
func (r *roadside) configure(rev uint64, name string, want fleet.ConfigStatus) {
	r.Helper()
	cfg := map[string]string{"shop.name": name}
	r.down(fleet.DownConfig, true, r.seal(fleet.TypeConfig, fleet.Config{Claims: r.claims(), Rev: rev, Hash: fleet.HashOf(cfg), Cfg: cfg}, "online"))
	if want == "" {
		return
	}
	eventually(r.T, fmt.Sprintf("revision %d is %s", rev, want), func() bool {
		for _, text := range r.s.on(r.id, fleet.UpConfig) {
			var c fleet.ConfigReport
			if json.Unmarshal([]byte(text), &c) == nil && c.Rev == rev && c.Status == want {
				return true
			}
		}
		return false
	})
}

func configured(r *roadside) {
	r.open(nil)
	r.configure(5, "New name", fleet.ConfigTrial)
	r.configure(4, "Old name", "")
	r.audited(fleet.RefusedRev)
	r.configure(6, "", fleet.ConfigRefused)
	if name, _ := r.Current("shop.name"); name != "New name" {
		r.Errorf("the shop is called %q", name)
	}
}

// waiting is how many payments the office has not acknowledged.
func (r *roadside) waiting() (n int) {
	for _, w := range r.agent.Status().Waiting {
		if w.Stream == fleet.Payments {
			n += w.Rows
		}
	}
	return n
}

// dropped has a broker of its own, which first takes everything a terminal says and
// hands on nothing.
func dropped(r *roadside) {
	b := newBroker(r.T)
	b.stop()
	whole := brokertest.ACL(service)
	b.write("acl", strings.ReplaceAll(whole, "pattern write pos/v1/%u/up/#\n", ""))
	b.start()
	r.b, r.s, r.addr, r.total = b, b.spy(), b.addr, 3
	r.start()
	eventually(r.T, "payments are acknowledged and dropped", func() bool { return strings.Contains(b.log.String(), string(r.id)+"/up/ev/tx") })
	eventually(r.T, "all rows are kept", func() bool { return r.waiting() == 3 })
	if len(r.events(fleet.Payments)) != 0 {
		r.Error("51: something arrived, so this broker drops nothing")
	}
	r.stop()
	b.stop()
	b.write("acl", whole)
	b.start()
	r.s = b.spy()
	r.open(nil)
	eventually(r.T, "the payments", func() bool { return len(r.events(fleet.Payments)) == 3 })
	r.acknowledge("stranger")
	r.audited(fleet.RefusedKey)
	if n := r.waiting(); n != 3 {
		r.Errorf("56: after a forged acknowledgement %d rows are kept", n)
	}
	eventually(r.T, "nothing waits once the office has acknowledged", func() bool { r.acknowledge("online"); return r.waiting() == 0 })
}
