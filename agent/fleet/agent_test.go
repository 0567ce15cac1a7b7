package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
)

// inOffice runs a test with a fleet of one terminal that is connected.
func inOffice(t *testing.T, prepare func(*office), test func(*office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		prepare(o)
		o.openUp()
		defer func() { o.stop() }()
		test(o)
	})
}

func asItIs(*office) {}

func TestASessionFromBirthToFarewell(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		o.pass(2 * time.Second)
		hello, presence, state := said[Hello](o, UpHello), said[Presence](o, UpPresence), said[Report](o, UpState)
		if len(hello) != 1 || len(presence) != 1 || len(state) != 1 {
			t.Fatalf("%d hellos, %d presences, %d states", len(hello), len(presence), len(state))
		}
		if p := presence[0]; p.State != StateOnline || p.Sess != 1 || p.Why != "start" || p.Boot == "" || hello[0].Boot != p.Boot || len(hello[0].Nonce) != 22 {
			t.Errorf("the birth is %+v, the hello %+v", p, hello[0])
		}
		if o.wire.wills[0] != `{"v":1,"state":"lost","sess":1}` {
			t.Errorf("the will is %s", o.wire.wills[0])
		}
		o.wire.cut()
		o.pass(2 * time.Second)
		o.restart()
		presence, hello = said[Presence](o, UpPresence), said[Hello](o, UpHello)
		var words []string
		for _, p := range presence {
			words = append(words, fmt.Sprint(p.Sess, " ", p.State, " ", p.Why))
		}
		if got := strings.Join(words, ", "); got != "1 online start, 2 online reconnect, 2 offline stop, 3 online start" {
			t.Errorf("presence: %s", got)
		}
		if hello[0].Nonce == hello[1].Nonce || hello[1].Boot == hello[2].Boot {
			t.Error("a nonce or a boot is used twice")
		}
	})
}

// TestEverythingSaidIsInTheContract looks at every message of a lively day
// through its schema.
func TestEverythingSaidIsInTheContract(t *testing.T) {
	schemas := map[Channel]string{UpPresence: "presence", UpHello: "hello", UpState: "state", UpConfig: "config-report", UpBeat: "beat"}
	var sent []Message
	inOffice(t, asItIs, func(o *office) {
		o.command(o.order("ping", ""))
		o.bring(DownCommand, false, []byte("{}"))
		o.send(DownJob, true, TypeJob, Job{Claims: o.fresh(), Rev: 1, Type: "update", Doc: json.RawMessage(`{}`), Deadline: At(time.Now().Add(time.Hour))}, o.online)
		o.configure(1, map[string]string{"shop.name": "New name"})
		o.pass(20 * time.Minute)
		sent = slices.Clone(o.wire.sent)
	})
	seen := map[Channel]bool{}
	for _, m := range sent {
		name, plain := schemas[m.Channel]
		if !plain {
			name = "batch"
		}
		seen[m.Channel] = true
		if err := fits(schemaOf(t, name), m.Payload); err != nil {
			t.Errorf("%s: %s\n%v", m.Channel, m.Payload, err)
		}
	}
	for _, c := range Channels() {
		// Audits and payments come from the journal, which this terminal has not.
		if strings.HasPrefix(string(c), "up/") && !seen[c] && c != Audits.Channel() && c != Payments.Channel() {
			t.Errorf("nothing was said on %s", c)
		}
	}
}

func (o *office) configure(rev uint64, cfg map[string]string) {
	o.t.Helper()
	c := Config{Claims: o.fresh(), Rev: rev, Hash: HashOf(cfg), Cfg: cfg}
	o.send(DownConfig, true, TypeConfig, c, o.online)
}

func Test39Test40ACommandIsDoneOnceAndTold(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		c := o.order("display.message", `{"text":"Back soon","ttl":60}`)
		o.command(c)
		if got := o.told(c.Jti); !slices.Equal(got, []string{"ACCEPTED ", "SUCCEEDED "}) || o.times("display.message") != 1 {
			t.Errorf("told %q, done %d times", got, o.times("display.message"))
		}
		acked := o.wire.answers()
		o.command(c) // 39
		o.ackAll()
		o.restart()
		o.command(c)
		if got := o.told(c.Jti); len(got) != 4 || got[2] != "SUCCEEDED DUPLICATE" || got[3] != "SUCCEEDED DUPLICATE" || o.times("display.message") != 1 {
			t.Errorf("39: told %q, done %d times", got, o.times("display.message"))
		}
		if o.wire.answers() != acked+3 {
			t.Errorf("the broker was answered %d times for two commands and one acknowledgement", o.wire.answers()-acked)
		}
		// 40: thirty days later the inbox has forgotten it, its sequence has not.
		o.pass(31 * 24 * time.Hour)
		late := c
		late.Iat, late.Exp = At(time.Now()), At(time.Now().Add(time.Minute))
		o.command(late)
		if len(o.agent.in.rows) != 0 || o.times("display.message") != 1 {
			t.Errorf("40: done %d times, the inbox has %d", o.times("display.message"), len(o.agent.in.rows))
		}
	})
}

func Test36Test37Test38Test43RefusedAndSeen(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		c := o.order("ping", "")
		o.send(DownCommand, false, TypeCommand, c, o.stranger) // 36
		o.send(DownCommand, true, TypeCommand, c, o.online)    // 43
		c.Aud = "t-0002-other"
		o.send(DownCommand, false, TypeCommand, c, o.online) // 37
		o.bring(DownCommand, false, []byte("garbage"))
		o.send(DownCommand, false, TypeConfig, c, o.online) // 38
		o.pass(3 * time.Second)
		var codes []string
		for _, e := range o.events(Alerts) {
			var data struct{ Code string }
			if err := json.Unmarshal(e.Data, &data); err != nil {
				t.Fatal(err)
			}
			codes = append(codes, data.Code)
		}
		if want := []string{"REFUSED_KEY", "REFUSED_RETAINED", "REFUSED_AUDIENCE", "REFUSED_MALFORMED"}; !slices.Equal(codes, want) {
			t.Errorf("alerts: %q, want %q", codes, want)
		}
		if len(o.acts()) != 4 || o.times("ping") != 0 || o.wire.answers() != 6 { // five and the key set
			t.Errorf("audits %q, done %d, the broker answered %d times", o.acts(), o.times("ping"), o.wire.answers())
		}
	})
}

// TestDocumentsMayComeBeforeTheKeys: a broker delivers what it kept in any order.
func TestDocumentsMayComeBeforeTheKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t)
		o.wire.down = true
		o.openUp()
		defer func() { o.stop() }()
		o.wire.set(func(w *wire) { w.down = false })
		o.pass(3 * time.Second)
		o.configure(1, map[string]string{"shop.name": "Early"})
		if o.door.text("shop.name") != "Corner" {
			t.Fatal("believed without a key")
		}
		o.send(DownKeys, true, TypeKeys, o.nowSet(1), o.root)
		if o.door.text("shop.name") != "Early" || len(o.acts()) != 0 {
			t.Errorf("afterwards the shop is %q, audits %q", o.door.text("shop.name"), o.acts())
		}
	})
}

// Test45StolenKey: whatever a stolen key signs, only so much of it is done.
func Test45StolenKey(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		for range 1000 {
			o.send(DownCommand, false, TypeCommand, o.order("display.message", `{"text":"x","ttl":1}`), o.online)
			o.pass(60 * time.Millisecond)
		}
		o.pass(2 * time.Minute)
		if n := o.times("display.message"); n != 20 {
			t.Errorf("%d commands were done in a minute", n)
		}
		limited := 0
		for _, e := range o.events(Alerts) {
			if strings.Contains(string(e.Data), "REFUSED_RATE") {
				limited++
			}
		}
		if rows, err := o.store.Load(context.Background(), "", "", 10_000); err != nil || len(rows) > 100 || limited != 1 {
			t.Errorf("%d rows are kept, %d alerts, %v", len(rows), limited, err)
		}
		o.pass(time.Hour)
		o.command(o.order("ping", ""))
		if o.times("ping") != 1 {
			t.Error("an hour later nothing is taken")
		}
		o.command(o.order("agent.restart", ""))
		o.command(o.order("agent.restart", ""))
		o.restart()
		o.command(o.order("agent.restart", ""))
		if o.times("agent.restart") != 1 {
			t.Errorf("restarted %d times in an hour", o.times("agent.restart"))
		}
	})
}

// dying fails every save after some, as a process that is killed there would.
type dying struct {
	*Memory
	left int
}

func (d *dying) Save(ctx context.Context, items ...agent.FleetItem) error {
	if d.left--; d.left < 0 {
		return errors.New("killed")
	}
	return d.Memory.Save(ctx, items...)
}

// Test46Test47KilledAnywhere: the agent dies before each of its
// commits in turn; the broker brings again what was not acknowledged.
func Test46Test47KilledAnywhere(t *testing.T) {
	for _, c := range []struct{ name, args string }{{"ping", ""}, {"display.message", `{"text":"x","ttl":1}`}} {
		for left := range 6 {
			t.Run(fmt.Sprintf("%s before commit %d", c.name, left), func(t *testing.T) {
				inOffice(t, asItIs, func(o *office) {
					o.stop()
					disk := &dying{Memory: o.store.(*Memory), left: 1 + left} // one for the session
					o.store = disk
					o.openUp()
					command := o.order(c.name, c.args)
					before := o.wire.answers()
					o.command(command)
					o.stop()
					disk.left = 1_000_000
					o.openUp()
					if o.wire.answers() == before { // never acknowledged
						o.command(command)
					}
					o.pass(3 * time.Second)
					told := o.told(command.Jti)
					end := told[len(told)-1]
					if n := o.times(c.name); n != 1 && !(n == 0 && end == "INTERRUPTED ") && !(n == 2 && c.name == "ping") {
						t.Errorf("done %d times, told %q", n, told)
					}
					if end != "SUCCEEDED " && !(c.name != "ping" && end == "INTERRUPTED ") {
						t.Errorf("told %q", told)
					}
				})
			})
		}
	}
}

func TestDeferredUntilTheCounterIsIdle(t *testing.T) {
	inOffice(t, func(o *office) { o.idle = false }, func(o *office) {
		c, late := o.order("agent.restart", ""), o.order("ping", "")
		c.When, c.ReplyBy = &When{Idle: true}, At(time.Now().Add(time.Hour))
		late.When, late.ReplyBy = &When{Idle: true}, At(time.Now().Add(10*time.Minute))
		o.command(c)
		o.command(late)
		o.pass(30 * time.Minute)
		if o.times("agent.restart") != 0 {
			t.Fatal("restarted with a payment open")
		}
		change(o, &o.idle, true)
		o.pass(2 * time.Second)
		o.ackAll()
		o.pass(time.Minute)
		if got := o.told(c.Jti); !slices.Equal(got, []string{"ACCEPTED ", "DEFERRED ", "SUCCEEDED "}) || o.times("agent.restart") != 1 {
			t.Errorf("told %q", got)
		}
		if got := o.told(late.Jti); !slices.Equal(got, []string{"ACCEPTED ", "DEFERRED ", "EXPIRED "}) || o.times("ping") != 0 {
			t.Errorf("told %q", got)
		}
	})
}

// TestWhatTheCounterNoticesWaitsForIt: one signature does not get between a customer
// and the till, whatever conditions the fleet names.
func TestWhatTheCounterNoticesWaitsForIt(t *testing.T) {
	for _, name := range []string{"agent.restart", "device.reboot"} {
		t.Run(name, func(t *testing.T) {
			inOffice(t, func(o *office) { o.idle = false }, func(o *office) {
				late, c := o.order(name, ""), o.order(name, "")
				o.command(late)
				o.pass(6 * time.Minute) // a command without a time of its own lives for five
				o.ackAll()
				if got := o.told(late.Jti); !slices.Equal(got, []string{"ACCEPTED ", "DEFERRED ", "EXPIRED "}) || o.times(name) != 0 {
					t.Errorf("with a payment open: told %q, done %d times", got, o.times(name))
				}
				o.pass(time.Hour) // only one may come in an hour
				c.Iat, c.Exp, c.ReplyBy = At(time.Now()), At(time.Now().Add(5*time.Minute)), At(time.Now().Add(time.Hour))
				o.command(c)
				o.pass(30 * time.Minute)
				if o.times(name) != 0 {
					t.Fatal("done with a payment open")
				}
				change(o, &o.idle, true)
				o.pass(2 * time.Second)
				o.ackAll()
				if got := o.told(c.Jti); !slices.Equal(got, []string{"ACCEPTED ", "DEFERRED ", "SUCCEEDED "}) || o.times(name) != 1 {
					t.Errorf("without one: told %q, done %d times", got, o.times(name))
				}
			})
		})
	}
}

func TestHandlersThatFail(t *testing.T) {
	inOffice(t, func(o *office) {
		o.opt.Handlers["ping"] = func(context.Context, json.RawMessage) (any, func(), error) { return nil, nil, errors.New("no") }
		o.opt.Handlers["log.level"] = func(context.Context, json.RawMessage) (any, func(), error) { panic("oops") }
		o.opt.Handlers["display.message"] = func(ctx context.Context, _ json.RawMessage) (any, func(), error) {
			<-ctx.Done()
			return nil, nil, ctx.Err()
		}
	}, func(o *office) {
		for name, want := range map[string]string{"ping": "FAILED ", "log.level": "FAILED ", "display.message": "TIMED_OUT "} {
			args := map[string]string{"log.level": `{"level":"debug","ttl":60}`, "display.message": `{"text":"x","ttl":1}`}[name]
			c := o.order(name, args)
			o.command(c)
			o.pass(15 * time.Second)
			o.ackAll()
			o.pass(31 * time.Second)
			if got := o.told(c.Jti); len(got) != 2 || got[1] != want {
				t.Errorf("%s: told %q", name, got)
			}
		}
	})
}

func Test48Configuration(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		last := func() ConfigReport { list := said[ConfigReport](o, UpConfig); return list[len(list)-1] }
		o.configure(5, map[string]string{"shop.name": "Five"})
		if r := last(); r.Status != ConfigTrial || o.door.text("shop.name") != "Five" || !slices.Equal(o.door.who(), []string{"fleet:fleet.example"}) || r.Effects["shop.name"] != "live" {
			t.Errorf("applied: %+v by %q", r, o.door.who())
		}
		o.configure(5, map[string]string{"shop.name": "Five"})
		o.pass(11 * time.Minute)
		if r := last(); r.Status != ConfigApplied || len(o.door.who()) != 1 {
			t.Errorf("after ten minutes: %+v, changed %d times", r, len(o.door.who()))
		}
		for name, c := range map[string]struct {
			rev  uint64
			cfg  map[string]string
			veto error
			want Code
		}{
			"lower":                       {4, map[string]string{"shop.name": "Four"}, nil, RefusedRev},
			"the same with other content": {5, map[string]string{"shop.name": "Other"}, nil, RefusedRev},
			"unknown setting":             {6, map[string]string{"shop.name": "Six", "no.such": "1"}, nil, RefusedValue},
			"impossible value":            {6, map[string]string{"shop.name": "Six"}, errors.New("no"), RefusedValue},
		} {
			o.door.refuse(c.veto)
			o.configure(c.rev, c.cfg)
			if r := last(); r.Status != ConfigRefused || r.Code != c.want || r.Rev != c.rev || o.door.text("shop.name") != "Five" {
				t.Errorf("%s: %+v, the shop is %q", name, r, o.door.text("shop.name"))
			}
			o.door.refuse(nil)
		}
		o.configure(7, map[string]string{"shop.name": "Seven", "log.level": "debug"})
		change(o, &o.line, agent.LineDown)
		o.pass(5 * time.Minute)
		o.restart() // the trial goes on
		o.pass(9 * time.Minute)
		if o.door.text("shop.name") != "Seven" {
			t.Error("taken back too early")
		}
		o.pass(2 * time.Minute)
		if r := last(); r.Status != ConfigReverted || r.Rev != 7 || o.door.text("shop.name") != "Five" || o.door.text("log.level") != "info" {
			t.Errorf("after ten minutes without a line: %+v", r)
		}
		o.configure(7, map[string]string{"shop.name": "Seven", "log.level": "debug"})
		if o.door.text("shop.name") != "Five" {
			t.Error("applied again after it was taken back")
		}
		o.configure(8, map[string]string{"shop.name": "Eight"}) // the line is still down: nothing to blame it for
		o.pass(30 * time.Minute)
		if r := last(); r.Status != ConfigTrial || o.door.text("shop.name") != "Eight" {
			t.Errorf("with the line down before: %+v", r)
		}
	})
}

// TestKilledWhileSettingsChange: the power goes after the way back was kept and
// before the settings were changed.
func TestKilledWhileSettingsChange(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		o.configure(1, map[string]string{"shop.name": "One"})
		rows, err := o.store.Load(context.Background(), configKey, "", 1)
		if err != nil {
			t.Fatal(err)
		}
		o.stop()
		rows[0].Value = bytes.Replace(rows[0].Value, []byte(`"trial"`), []byte(`"applying"`), 1)
		if err := o.store.Save(context.Background(), rows...); err != nil {
			t.Fatal(err)
		}
		o.door.put("shop.name", "Corner")
		o.openUp()
		if o.door.text("shop.name") != "One" || o.agent.Status().Config.Status != ConfigTrial {
			t.Errorf("after the restart: %+v", o.agent.Status().Config)
		}
		change(o, &o.line, agent.LineDown)
		o.pass(12 * time.Minute)
		if o.door.text("shop.name") != "Corner" {
			t.Error("the way back is lost")
		}
	})
}

// Test41ClockIsTurnedBack: the certain time is kept over a restart.
func Test41ClockIsTurnedBack(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		c := o.order("ping", "")
		o.pass(3 * time.Hour)
		o.restart()
		change(o, &o.clock.Quality, Unknown)
		hello := said[Hello](o, UpHello)
		c.Nonce = hello[len(hello)-1].Nonce
		o.command(c)
		if got := o.told(c.Jti); !slices.Equal(got, []string{"EXPIRED EXPIRED"}) || o.times("ping") != 0 {
			t.Errorf("told %q, done %d times", got, o.times("ping"))
		}
	})
}

// numbers is a journal of facts that counts.
func (o *office) numbers(s Stream, upto *int) Source {
	return Source{s, func(_ context.Context, after string, limit int) ([]Fact, string, error) {
		o.mu.Lock()
		last := *upto
		o.mu.Unlock()
		n := 0
		if after != "" {
			if _, err := fmt.Sscan(after, &n); err != nil {
				return nil, "", err
			}
		}
		var facts []Fact
		for n < last && len(facts) < limit {
			n++
			facts = append(facts, Fact{Name: "counted", At: time.Now(), Data: map[string]int{"n": n}})
			after = fmt.Sprint(n)
		}
		return facts, after, nil
	}}
}

// Test51Test56BrokerThatDropsEverything: what was not
// acknowledged under the fleet's signature stays, and somebody is told.
func Test51Test56BrokerThatDropsEverything(t *testing.T) {
	total := 1000
	inOffice(t, func(o *office) { o.opt.Sources = []Source{o.numbers(Audits, &total)} }, func(o *office) {
		o.wire.set(func(w *wire) { w.deaf = true })
		o.pass(9 * time.Minute)
		if p := o.agent.Problems(); len(p) != 0 {
			t.Errorf("after nine minutes: %v", p)
		}
		o.pass(2 * time.Minute)
		if p := o.agent.Problems(); len(p) != 1 || !strings.Contains(p[0].What, "has not acknowledged anything for 10 minutes") && !strings.Contains(p[0].What, "for 11 minutes") {
			t.Errorf("after eleven: %v", p)
		}
		mark := o.agent.out.Marks()[Audits]
		forged := Ack{Claims: o.fresh(), T: At(time.Now()), Acks: []AckMark{{Audits, mark.Epoch, mark.Last}}}
		raw, err := json.Marshal(forged)
		if err != nil {
			t.Fatal(err)
		}
		o.bring(DownAck, false, raw)
		o.send(DownAck, false, TypeAck, forged, o.stranger)
		if after := o.agent.out.Marks()[Audits]; after.First != 1 {
			t.Errorf("56: a forged acknowledgement took rows away: %+v", after)
		}
		o.wire.set(func(w *wire) { w.deaf = false })
		for len(o.events(Audits)) < total {
			o.pass(10 * time.Second)
			o.ackAll()
		}
		o.ackAll()
		o.pass(11 * time.Minute)
		o.ackAll()
		if p := o.agent.Problems(); len(p) != 0 {
			t.Errorf("afterwards: %v", p)
		}
		for i, e := range o.events(Audits) {
			if e.Sequence != Sequence(i+1) || string(e.Data) != fmt.Sprintf(`{"n":%d}`, i+1) {
				t.Fatalf("event %d is %s: %s", i, fmt.Sprint(e.Sequence), e.Data)
			}
		}
	})
}

// Test52ADayWithoutABroker: a day of events, none lost, none twice,
// a few hundred rows at any time, and metrics that went are owned up to.
func Test52ADayWithoutABroker(t *testing.T) {
	for _, s := range []Stream{Payments, Audits} {
		t.Run(string(s), func(t *testing.T) { aDayWithoutABroker(t, s) })
	}
}

func aDayWithoutABroker(t *testing.T, s Stream) {
	total := 0
	inOffice(t, func(o *office) { o.opt.Sources = []Source{o.numbers(s, &total)} }, func(o *office) {
		o.wire.set(func(w *wire) { w.down = true })
		o.wire.cut()
		for range 26 * 60 {
			o.mu.Lock()
			total += 3
			o.mu.Unlock()
			o.agent.Changed()
			o.pass(time.Minute)
		}
		rows, err := o.store.Load(context.Background(), "", "", 100_000)
		if err != nil || len(rows) > bounds[s].rows+bounds[Metrics].rows+50 {
			t.Errorf("%d rows are kept, %v", len(rows), err)
		}
		o.wire.set(func(w *wire) { w.down = false })
		o.pass(5 * time.Second)
		for len(o.events(s)) < total {
			o.ackAll()
		}
		var seen []Sequence
		for _, e := range o.events(s) {
			seen = append(seen, e.Sequence)
		}
		if len(seen) != total || seen[0] != 1 || !slices.IsSorted(seen) {
			t.Errorf("%d events of %d", len(seen), total)
		}
		metrics := said[Batch](o, Metrics.Channel())
		if len(metrics) == 0 || len(metrics[0].Dropped) == 0 || metrics[0].Dropped[0].From != 1 || metrics[0].Dropped[0].To+1 != metrics[0].First {
			t.Errorf("metrics went and nothing says so: %+v", metrics)
		}
	})
}

func TestBatchesAreSentAgainMoreSeldom(t *testing.T) {
	total := 1
	inOffice(t, func(o *office) { o.opt.Sources = []Source{o.numbers(Payments, &total)} }, func(o *office) {
		o.pass(time.Hour)
		n := len(said[Batch](o, Payments.Channel()))
		if n < 10 || n > 18 { // after 30 s, 1, 2, 4 and then every 5 minutes
			t.Errorf("sent %d times in an hour without an answer", n)
		}
	})
}

func TestWaitsAreSpreadAfterAConnect(t *testing.T) {
	total := 1
	inOffice(t, func(o *office) {
		o.opt.Sources = []Source{o.numbers(Payments, &total)}
		o.opt.Spread = func() time.Duration { return 30 * time.Second }
		o.opt.Draw = func(d time.Duration) time.Duration { return d / 2 }
	}, func(o *office) {
		o.command(o.order("ping", ""))
		if len(o.events(Commands)) == 0 || len(o.events(Payments)) != 0 {
			t.Errorf("%d answers and %d payments at once", len(o.events(Commands)), len(o.events(Payments)))
		}
		o.pass(15 * time.Second)
		if len(o.events(Payments)) != 1 {
			t.Error("not sent after the wait")
		}
	})
}

// TestFullDisk: what cannot be kept is not acknowledged to the broker, and
// nothing panics or ends.
func TestFullDisk(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		o.stop()
		disk := &dying{Memory: o.store.(*Memory), left: 1}
		o.store = disk
		o.openUp()
		before := o.wire.answers()
		o.command(o.order("ping", ""))
		if o.wire.answers() != before || o.times("ping") != 0 {
			t.Errorf("taken though it was not kept: %d, done %d", o.wire.answers()-before, o.times("ping"))
		}
		o.pass(time.Hour)
	})
}
