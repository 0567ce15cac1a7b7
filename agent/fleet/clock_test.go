package fleet

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"tillwire/agent"
)

// turned is a clock that stands beside the right time.
type turned struct {
	agent.Clock
	by time.Duration
}

// Now implements agent.Clock.
func (c turned) Now() time.Time { return c.Clock.Now().Add(c.by) }

// says acknowledges nothing under the service's key, and tells its time.
func (o *office) says(t time.Time) {
	o.t.Helper()
	hello := said[Hello](o, UpHello)
	o.send(DownAck, false, TypeAck, Ack{Claims: o.fresh(), T: At(t), Nonce: hello[len(hello)-1].Nonce, Acks: []AckMark{}}, o.online)
	o.pass(time.Second)
}

// obeys reports whether a command for the session that runs is done.
func (o *office) obeys() bool {
	o.t.Helper()
	hello := said[Hello](o, UpHello)
	before := o.times("ping")
	c := o.order("ping", "")
	c.Nonce = hello[len(hello)-1].Nonce
	o.command(c)
	return o.times("ping") == before+1
}

// alerts are the codes of what was told to be wrong.
func (o *office) alerts() (codes []string) {
	o.t.Helper()
	for _, e := range o.events(Alerts) {
		var data struct{ Code string }
		if err := json.Unmarshal(e.Data, &data); err != nil {
			o.t.Fatal(err)
		}
		codes = append(codes, data.Code)
	}
	return codes
}

const twoYears = 2 * 365 * 24 * time.Hour

// TestAWrongClockAtTheOfficeIsNotBelieved: a minute of it must not cut a terminal
// off for good.
func TestAWrongClockAtTheOfficeIsNotBelieved(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		o.says(time.Now().Add(4 * time.Minute)) // two good clocks
		if got := o.alerts(); len(got) != 0 || !o.obeys() {
			t.Fatalf("four minutes apart: %q", got)
		}
		o.says(time.Now().Add(twoYears))
		if got := o.alerts(); !slices.Equal(got, []string{"WRONG_TIME"}) {
			t.Errorf("two years ahead: %q", got)
		}
		o.pass(2 * time.Hour)
		o.restart()
		if !o.obeys() {
			t.Error("nothing the fleet sends is taken any more")
		}
		o.ackAll()
		if m := o.agent.out.Marks()[Commands]; m.First <= m.Last {
			t.Errorf("acknowledgements are not taken any more: %+v", m)
		}
	})
}

// TestWithoutAClockTheOfficesTimeHoldsForTheSession, and never beyond its own keys.
func TestWithoutAClockTheOfficesTimeHoldsForTheSession(t *testing.T) {
	inOffice(t, func(o *office) { o.clock = Clock{Quality: Unknown} }, func(o *office) {
		if !o.obeys() {
			t.Fatal("a command for this session is not taken")
		}
		o.says(time.Now().Add(twoYears)) // the keys end in a year
		if got := o.alerts(); !slices.Equal(got, []string{"WRONG_TIME"}) || !o.obeys() {
			t.Errorf("beyond the end of the keys: %q", got)
		}
		o.says(time.Now().AddDate(0, 1, 0))
		if o.obeys() {
			t.Error("what ended a month ago by the office's own time is done")
		}
		o.pass(2 * time.Hour) // long enough to be kept, if it were
		o.wire.cut()
		o.pass(2 * time.Second)
		if !o.obeys() {
			t.Error("in the next session nothing is taken any more")
		}
		o.restart()
		if !o.obeys() {
			t.Error("after a restart nothing is taken any more")
		}
	})
}

// TestAForgedTimeServiceIsForgotten: a machine that started two years ahead, and
// that no wallet has confirmed, keeps nothing of it.
func TestAForgedTimeServiceIsForgotten(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		o.stop()
		right := o.opt.Clock
		o.opt.Clock, o.clock = turned{right, twoYears}, Clock{Quality: Synced}
		o.openUp()
		o.says(time.Now())
		o.pass(2 * time.Hour)
		o.stop()
		o.opt.Clock = right
		o.openUp()
		if !o.obeys() {
			t.Error("nothing the fleet sends is taken any more")
		}
	})
}

// TestAWalletPutsTheCertainTimeRight where it was kept too late, by whatever mistake.
func TestAWalletPutsTheCertainTimeRight(t *testing.T) {
	inOffice(t, asItIs, func(o *office) {
		o.stop()
		value, err := json.Marshal(time.Now().Add(twoYears))
		if err != nil {
			t.Fatal(err)
		}
		if err := o.store.Save(context.Background(), agent.FleetItem{Key: floorKey, Value: value}); err != nil {
			t.Fatal(err)
		}
		o.clock.Confirmed = false
		o.openUp()
		if o.obeys() {
			t.Fatal("a time service alone turns the clock back")
		}
		change(o, &o.clock.Confirmed, true)
		if !o.obeys() {
			t.Error("a wallet has confirmed the clock, and nothing is taken")
		}
		o.pass(time.Minute)
		change(o, &o.clock, Clock{Quality: Unknown})
		o.restart()
		if !o.obeys() {
			t.Error("it was not kept")
		}
		var kept time.Time
		if err := load(context.Background(), o.store, floorKey, &kept); err != nil || kept.After(time.Now()) {
			t.Errorf("kept: %v, %v", kept, err)
		}
	})
}
