package service_test

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// door is the settings of a shop.
type door struct {
	mu     sync.Mutex
	values map[string]string
	veto   string // a value nobody takes
}

func (d *door) Current(key string) (string, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	text, some := d.values[key]
	return text, some
}

func (d *door) Apply(_ context.Context, values map[string]string, _ string) (map[string]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	effects := map[string]string{}
	for k, v := range values {
		if v == d.veto {
			return nil, fmt.Errorf("%q is no value", v)
		}
		d.values[k], effects[k] = v, "live"
	}
	return effects, nil
}

// real is a terminal's own agent, as it runs in a shop.
type real struct {
	*fleet.Agent
	door *door
	line *line
	stop func()
}

// shop opens one with an agent; its settings veto "bad".
func (b *bureau) shop(n int) *real {
	b.Helper()
	tid := fleet.TID(fmt.Sprintf("t-%06d", n))
	ctx, cancel := context.WithCancel(b.Context())
	store := fleet.NewMemory()
	trust, err := fleet.OpenTrust(ctx, []ed25519.PublicKey{publicOf(b.keys.root)}, store)
	if err != nil {
		b.Fatal(err)
	}
	r := &real{door: &door{values: map[string]string{"shop.name": "Corner", "log.level": "info"}, veto: "bad"}, line: b.hub.line(tid)}
	r.Agent, err = fleet.Open(ctx, fleet.Options{TID: tid, Version: "1.4.2", Store: store, Link: r.line, Trust: trust, Clock: agent.NewSystemClock(), Settings: r.door,
		Time:   func() fleet.Clock { return fleet.Clock{Quality: fleet.Synced} },
		Report: func() fleet.Report { return fleet.Report{Shop: "Corner", Selling: true} },
		Spread: func() time.Duration { return 0 }})
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := r.Run(ctx); !errors.Is(err, context.Canceled) {
			b.Errorf("the agent ended: %v", err)
		}
	}()
	r.stop = func() { cancel(); <-ended }
	b.pass(3 * time.Second)
	return r
}

// The whole contract, spoken by both sides: what an agent says is understood, what
// the service sends is believed.
func TestServiceAndAgentUnderstandEachOther(t *testing.T) {
	inBureau(t, func(b *bureau) {
		const tid = fleet.TID("t-000001")
		shop := b.shop(1)
		defer shop.stop()
		b.pass(10 * time.Second)
		row := b.terminal(tid)
		if row.Standing(time.Now()) != service.StandingOnline || row.Summary.Shop != "Corner" || !row.Summary.Selling || row.Session.Keys != 0 || len(row.Session.Caps) == 0 {
			t.Fatalf("the row is %+v", row)
		}
		c := b.order(tid, "ping", "")
		b.pass(5 * time.Second)
		if s := b.status(c.Order.Jti); s != service.Status(fleet.Succeeded) {
			t.Errorf("ping is %s: %+v", s, must(b.store.Command(t.Context(), c.Order.Jti)))
		}
		must(b.svc.Configure(t.Context(), tid, map[string]string{"shop.name": "New name"}, "ops", ""))
		b.pass(5 * time.Second)
		if name, _ := shop.door.Current("shop.name"); name != "New name" || b.terminal(tid).Config.Status != fleet.ConfigTrial {
			t.Errorf("the shop is called %q, the configuration is %s", name, b.terminal(tid).Config.Status)
		}
		b.pass(11 * time.Minute)
		if s := b.terminal(tid).Config.Status; s != fleet.ConfigApplied {
			t.Errorf("after its trial it is %s", s)
		}
		must(b.svc.Configure(t.Context(), tid, map[string]string{"log.level": "bad"}, "ops", ""))
		b.pass(5 * time.Second)
		if r := b.terminal(tid).Config; r.Status != fleet.ConfigRefused || r.Rev != 2 || !strings.Contains(b.found(tid), "refused") {
			t.Errorf("a bad value: %+v, found %q", r, b.found(tid))
		}
		b.pass(time.Hour)
		for _, w := range shop.Status().Waiting {
			if w.Rows > 0 {
				t.Errorf("%d events of %s were never acknowledged", w.Rows, w.Stream)
			}
		}
		if s := b.terminal(tid).Standing(time.Now()); s != service.StandingOnline {
			t.Errorf("an hour later it is %s", s)
		}
	})
}

func TestDangerousCommandsOfTheServiceAreBelieved(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(2)
		m.connect()
		c := b.order(m.tid, "terminal.lock", `{"reason":"stolen"}`)
		c = must(b.approve(c, b.keys.anna))
		c = must(b.approve(c, b.keys.boris))
		trust, err := fleet.OpenTrust(t.Context(), []ed25519.PublicKey{publicOf(b.keys.root)}, fleet.NewMemory())
		if err != nil {
			t.Fatal(err)
		}
		now := fleet.Moment{Now: time.Now(), Floor: time.Now(), Quality: fleet.Synced}
		set, _ := b.keys.Set()
		if _, err := trust.Offer(t.Context(), set, now); err != nil {
			t.Fatal(err)
		}
		judge := fleet.Judge{TID: m.tid, Has: func(string, int) bool { return true }, Allowed: func(fleet.Class) bool { return true }}
		got, err := judge.Command(fleet.Received{Channel: fleet.DownCommand, Payload: c.Envelope},
			fleet.Situation{Keys: trust.Current(), Time: now, Nonce: b.terminal(m.tid).Session.Nonce, Known: func(string) bool { return false }})
		if err != nil || got.Name != "terminal.lock" {
			t.Errorf("the terminal says %v", err)
		}
	})
}

func TestANewListOfKeysReachesEverybodyOnce(t *testing.T) {
	inBureau(t, func(b *bureau) {
		shop := b.shop(1)
		defer shop.stop()
		off := b.machine(2)
		off.connect()
		off.present(fleet.StateOffline)
		b.pass(time.Minute)
		before := len(documents[fleet.KeySet](b, off.tid, fleet.DownKeys))
		b.keys.rotate(t)
		b.pass(time.Minute)
		if n := len(documents[fleet.KeySet](b, off.tid, fleet.DownKeys)) - before; n != 1 {
			t.Errorf("the terminal that is off was sent it %d times", n)
		}
		shop.line.cuts <- struct{}{}
		b.pass(10 * time.Second)
		if v := b.terminal("t-000001").Session.Keys; v != 2 {
			t.Errorf("the terminal's next hello names version %d", v)
		}
	})
}

func TestWhatCouldNotBePublishedIsPublishedLater(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		b.pass(time.Minute)
		b.hub.mu.Lock()
		b.hub.down = true
		b.hub.mu.Unlock()
		want := must(b.svc.Configure(t.Context(), m.tid, map[string]string{"shop.name": "x"}, "ops", ""))
		b.pass(time.Minute)
		b.restart()
		b.hub.mu.Lock()
		b.hub.down = false
		b.hub.mu.Unlock()
		b.pass(time.Minute)
		all := documents[fleet.Config](b, m.tid, fleet.DownConfig)
		if len(all) != 1 || all[0].Rev != want.Rev || all[0].Cfg["shop.name"] != "x" {
			t.Errorf("published: %+v", all)
		}
	})
}

func TestWhatIsWantedIsKeptKeyByKey(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		for _, change := range []map[string]string{{"a": "1", "b": "2"}, {"b": "3"}, {"a": ""}} {
			must(b.svc.Configure(t.Context(), m.tid, change, "ops", ""))
		}
		want := must(b.svc.Desired(t.Context(), m.tid))
		if want.Rev != 3 || len(want.Cfg) != 1 || want.Cfg["b"] != "3" || want.By != "ops" {
			t.Errorf("wanted is %+v", want)
		}
		all := documents[fleet.Config](b, m.tid, fleet.DownConfig)
		if last := all[len(all)-1]; last.Hash != fleet.HashOf(last.Cfg) || last.Rev != 3 {
			t.Errorf("sent last: %+v", last)
		}
	})
}

// What a terminal has refused it would refuse again, at every hello.
func TestARefusedConfigurationIsNotSentAgain(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		want := must(b.svc.Configure(t.Context(), m.tid, map[string]string{"a": "bad"}, "ops", ""))
		b.hub.say(m.tid, fleet.UpConfig, fleet.ConfigReport{V: fleet.Wire, Rev: want.Rev, Status: fleet.ConfigRefused, Code: fleet.RefusedValue, Text: "no"})
		b.pass(0)
		m.connect()
		b.pass(time.Second)
		if n := len(documents[fleet.Config](b, m.tid, fleet.DownConfig)); n != 1 {
			t.Errorf("sent %d times", n)
		}
	})
}

// reports has a terminal answer a revision.
func (m *machine) reports(rev uint64, status fleet.ConfigStatus) {
	m.b.hub.say(m.tid, fleet.UpConfig, fleet.ConfigReport{V: fleet.Wire, Rev: rev, Status: status, At: fleet.At(time.Now())})
	m.b.pass(0)
}

// What a terminal has refused, or taken back because it cut the line to the wallets,
// must not come back with the next change of something else.
func TestARefusedOrRevertedChangeIsNotBuiltOn(t *testing.T) {
	type step struct {
		key     string // wanted, unless it is empty
		rev     uint64
		answers fleet.ConfigStatus
	}
	const applied, refused, reverted, trial = fleet.ConfigApplied, fleet.ConfigRefused, fleet.ConfigReverted, fleet.ConfigTrial
	for name, c := range map[string]struct {
		steps []step
		want  string // the keys of the next change, z among them
	}{
		"nothing went wrong":                {[]step{{"a", 1, applied}, {"b", 2, applied}}, "a b z"},
		"nobody has answered":               {[]step{{key: "a"}, {key: "b"}}, "a b z"},
		"refused":                           {[]step{{"a", 1, applied}, {"b", 2, refused}}, "a z"},
		"taken back":                        {[]step{{"a", 1, applied}, {"b", 2, reverted}}, "a z"},
		"the very first was refused":        {[]step{{"a", 1, refused}}, "z"},
		"two in a row were refused":         {[]step{{"a", 1, applied}, {"b", 2, refused}, {"c", 3, refused}}, "a z"},
		"refused, and then one that was":    {[]step{{"a", 1, applied}, {"b", 2, refused}, {"c", 3, applied}}, "a c z"},
		"refused while one was watched":     {[]step{{"a", 1, trial}, {"b", 2, refused}}, "a z"},
		"and that one stayed":               {[]step{{"a", 1, trial}, {"b", 2, refused}, {"", 1, applied}}, "a z"},
		"and that one was taken back":       {[]step{{"a", 1, trial}, {"b", 2, refused}, {"", 1, reverted}}, "z"},
		"taken back with one that held":     {[]step{{"a", 1, applied}, {"b", 2, trial}, {"c", 3, reverted}}, "a z"},
		"a word on what is long forgotten":  {[]step{{"a", 1, applied}, {"b", 2, applied}, {"", 1, reverted}}, "a b z"},
		"watched, and it holds all the way": {[]step{{"a", 1, trial}, {"b", 2, trial}, {"", 2, applied}}, "a b z"},
	} {
		t.Run(name, func(t *testing.T) {
			inBureau(t, func(b *bureau) {
				m := b.machine(1)
				m.connect()
				for _, s := range c.steps {
					if s.key != "" {
						must(b.svc.Configure(t.Context(), m.tid, map[string]string{s.key: "1"}, "ops", ""))
					}
					if s.answers != "" {
						m.reports(s.rev, s.answers)
					}
				}
				next := must(b.svc.Configure(t.Context(), m.tid, map[string]string{"z": "1"}, "ops", ""))
				if got := strings.Join(slices.Sorted(maps.Keys(next.Cfg)), " "); got != c.want {
					t.Errorf("the next change wants %q, not %q", got, c.want)
				}
				sent := documents[fleet.Config](b, m.tid, fleet.DownConfig)
				if last := sent[len(sent)-1]; last.Rev != next.Rev || len(last.Cfg) != len(next.Cfg) {
					t.Errorf("sent last: %+v", last)
				}
			})
		})
	}
}

// A terminal that was taken out of the fleet is heard, and sent nothing any more.
func TestATerminalThatWasTakenOutIsSentNothing(t *testing.T) {
	inBureau(t, func(b *bureau) {
		b.crowd(20, takesAll)
		r := b.begin(service.Plan{Change: map[string]string{"log.level": "warn"}, Rings: []int{50, 100}, Policy: service.Policy{Rest: time.Minute}})
		m := &machine{b: b, sess: 1, epoch: oneEpoch, boot: "boot"}
		for _, one := range b.course(r.ID).Members {
			if one.Ring == 1 {
				m.tid = one.TID
			}
		}
		must(b.svc.Configure(t.Context(), m.tid, map[string]string{"shop.name": "x"}, "ops", ""))
		b.pass(10 * time.Second)
		if err := b.svc.Retire(t.Context(), m.tid); err != nil {
			t.Fatal(err)
		}
		before := len(b.hub.sent[m.tid])
		if _, err := b.svc.Configure(t.Context(), m.tid, map[string]string{"shop.name": "y"}, "ops", ""); !errors.Is(err, service.ErrConflict) {
			t.Errorf("a setting: %v", err)
		}
		if _, err := b.svc.Assign(t.Context(), m.tid, "cert", nil, time.Now().Add(time.Hour), "ops"); !errors.Is(err, service.ErrConflict) {
			t.Errorf("a job: %v", err)
		}
		m.connect()
		m.send(fleet.Audits, 1, 2)
		c := b.until(r.ID, 3*time.Hour)
		b.keys.rotate(t)
		b.restart()
		b.pass(time.Minute)
		if n := len(b.hub.sent[m.tid]); n != before || m.stored(fleet.Audits) != 2 {
			t.Errorf("it was sent %d documents since, and %d of 2 events are stored", n-before, m.stored(fleet.Audits))
		}
		if c.Rollout.State != service.RolloutDone || c.Counts[1][service.MemberSilent] != 1 || c.Counts[1][service.MemberDone] != 9 {
			t.Errorf("the rollout is %s (%s) with %v", c.Rollout.State, c.Rollout.Reason, c.Counts)
		}
		if err := b.svc.Enrol(t.Context(), m.tid, nil); err != nil {
			t.Fatal(err)
		}
		b.pass(time.Minute)
		if len(b.hub.sent[m.tid]) == before {
			t.Error("enrolled once more it is sent nothing either")
		}
	})
}
