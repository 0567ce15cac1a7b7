package service_test

import (
	"strings"
	"testing"
	"time"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

func TestEventsAreStoredOnceAndThenAcknowledged(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		for _, part := range [][3]uint64{{1, 3, 3}, {1, 3, 3}, {2, 5, 5}, {6, 6, 6}} {
			m.send(fleet.Payments, part[0], part[1])
			if upto := b.acked(m.tid, fleet.Payments); upto != part[2] || m.stored(fleet.Payments) != int(part[2]) {
				t.Errorf("after %d to %d: acknowledged up to %d, stored %d, want %d", part[0], part[1], upto, m.stored(fleet.Payments), part[2])
			}
		}
		if b.hub.acked == 0 || b.found(m.tid) != "" {
			t.Errorf("%d messages were acknowledged to the broker, found %q", b.hub.acked, b.found(m.tid))
		}
		b.restart()
		m.send(fleet.Payments, 5, 8)
		if m.stored(fleet.Payments) != 8 || b.acked(m.tid, fleet.Payments) != 8 {
			t.Errorf("after a restart %d are stored and %d acknowledged, want 8", m.stored(fleet.Payments), b.acked(m.tid, fleet.Payments))
		}
	})
}

func TestWhatOvertakesWaitsForWhatIsBeforeIt(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		m.send(fleet.Audits, 1, 2)
		m.send(fleet.Audits, 6, 7) // another service has 3 to 5 in its hands
		if upto := b.acked(m.tid, fleet.Audits); upto != 2 {
			t.Errorf("acknowledged up to %d over a hole", upto)
		}
		b.pass(time.Second)
		m.send(fleet.Audits, 6, 7)
		m.send(fleet.Audits, 3, 5)
		if upto := b.acked(m.tid, fleet.Audits); upto != 7 || m.stored(fleet.Audits) != 7 || b.found(m.tid) != "" {
			t.Errorf("up to %d of 7, stored %d, found %q", upto, m.stored(fleet.Audits), b.found(m.tid))
		}
	})
}

func TestAGapThatStaysIsFoundAndDoesNotStopTheStream(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		m.send(fleet.Audits, 1, 2)
		m.send(fleet.Audits, 9, 10)
		b.pass(35 * time.Second) // the terminal begins again at the first event it has
		m.send(fleet.Audits, 9, 10)
		if upto := b.acked(m.tid, fleet.Audits); upto != 10 || !strings.Contains(b.found(m.tid), "gap") {
			t.Errorf("acknowledged up to %d, found %q", upto, b.found(m.tid))
		}
		if what := b.terminal(m.tid).Found[0].What; !strings.Contains(what, "3 to 8") {
			t.Errorf("it says %q", what)
		}
	})
}

func TestWhatATerminalGaveUpIsNoGap(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		m.send(fleet.Metrics, 1, 2)
		m.send(fleet.Metrics, 8, 9, fleet.Gap{From: 3, To: 7, Reason: "old"})
		if upto := b.acked(m.tid, fleet.Metrics); upto != 9 || b.found(m.tid) != "dropped " {
			t.Errorf("acknowledged up to %d, found %q", upto, b.found(m.tid))
		}
	})
}

func TestANewFileOfATerminalBeginsAnew(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		m.send(fleet.Audits, 1, 5)
		old := *m
		m.epoch = "01KAFN00000000000000000001"
		m.send(fleet.Audits, 1, 2)
		old.send(fleet.Audits, 4, 6) // the broker had it still
		if upto := b.acked(m.tid, fleet.Audits); upto != 2 || m.stored(fleet.Audits) != 8 || b.found(m.tid) != "restart " {
			t.Errorf("acknowledged up to %d, stored %d, found %q", upto, m.stored(fleet.Audits), b.found(m.tid))
		}
	})
}

func TestAServiceThatKnewNothingTakesATerminalWhereItIs(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.sess++
		b.hub.say(m.tid, fleet.UpHello, fleet.Hello{V: fleet.Wire, Sess: m.sess, Nonce: "nonce", Boot: m.boot, Ver: "1.4.2", Clock: fleet.ClockReport{Quality: fleet.Synced},
			Streams: map[fleet.Stream]fleet.StreamMark{fleet.Audits: {Epoch: m.epoch, First: 4711, Last: 4712}}})
		m.send(fleet.Audits, 4711, 4712)
		if upto := b.acked(m.tid, fleet.Audits); upto != 4712 || b.found(m.tid) != "" {
			t.Errorf("acknowledged up to %d, found %q", upto, b.found(m.tid))
		}
		// The same without the hello, once the terminal has begun there twice.
		other := b.machine(2)
		other.send(fleet.Audits, 4711, 4712)
		if upto := b.acked(other.tid, fleet.Audits); upto != 0 {
			t.Errorf("acknowledged up to %d though nobody has said where the stream begins", upto)
		}
		b.pass(30 * time.Second)
		other.send(fleet.Audits, 4711, 4712)
		if upto := b.acked(other.tid, fleet.Audits); upto != 4712 || b.found(other.tid) != "" {
			t.Errorf("acknowledged up to %d, found %q", upto, b.found(other.tid))
		}
	})
}

// A broker that is restarted may lose the very first batch of a terminal and
// deliver its second: the first event must not be acknowledged away.
func TestTheFirstBatchMayComeLate(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		m.send(fleet.Payments, 2, 3)
		if upto := b.acked(m.tid, fleet.Payments); upto != 0 {
			t.Errorf("acknowledged up to %d without the first", upto)
		}
		m.send(fleet.Payments, 1, 1)
		if upto := b.acked(m.tid, fleet.Payments); upto != 3 || m.stored(fleet.Payments) != 3 || b.found(m.tid) != "" {
			t.Errorf("acknowledged up to %d, stored %d, found %q", upto, m.stored(fleet.Payments), b.found(m.tid))
		}
	})
}

// What a terminal, or whoever has its certificate, sends must not stop the others.
func TestWhatCannotBeReadIsAcknowledgedToTheBrokerAndLeft(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		before := b.hub.acked
		for name, message := range map[string]fleet.Message{
			"no JSON":              {Channel: fleet.UpHello, Payload: []byte("{")},
			"not UTF-8":            {Channel: fleet.UpState, Payload: []byte("{\"shop\":\"\xff\"}")},
			"too large":            {Channel: fleet.UpBeat, Payload: []byte(`{"v":1,"x":"` + strings.Repeat("x", fleet.MaxMessage) + `"}`)},
			"another stream":       {Channel: fleet.UpCommand, Payload: []byte(`{"v":1,"stream":"tx","epoch":"e","first":1,"last":1,"events":[]}`)},
			"events in disorder":   {Channel: fleet.UpEvents + "tx", Payload: []byte(`{"v":1,"stream":"tx","epoch":"e","first":1,"last":2,"events":[{"sequence":"2"},{"sequence":"1"}]}`)},
			"a sequence of nobody": {Channel: fleet.UpEvents + "tx", Payload: []byte(`{"v":1,"stream":"tx","epoch":"e","first":0,"last":0,"events":[]}`)},
			"a gap upside down":    {Channel: fleet.UpEvents + "tx", Payload: []byte(`{"v":1,"stream":"tx","epoch":"e","first":1,"last":1,"dropped":[{"from":9,"to":2}],"events":[{"sequence":"1"}]}`)},
			"a boot like a book":   {Channel: fleet.UpPresence, Payload: []byte(`{"v":1,"state":"online","sess":9,"boot":"` + strings.Repeat("b", 1000) + `"}`)},
		} {
			b.hub.bring(m.tid, message)
			b.pass(0)
			if before++; b.hub.acked != before {
				t.Errorf("%s: %d messages are acknowledged to the broker, want %d", name, b.hub.acked, before)
			}
		}
		m.send(fleet.Audits, 1, 1)
		if m.stored(fleet.Audits) != 1 || b.terminal(m.tid).Presence.Sess != 1 {
			t.Error("what came after it was not stored, or it was")
		}
	})
}

// Assertion 53 of the fleet's list.
func Test53LateWillSaysNothing(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		m.connect()
		lost := fleet.Presence{V: fleet.Wire, State: fleet.StateLost, Sess: 1}
		b.hub.say(m.tid, fleet.UpPresence, lost)
		b.pass(0)
		if s := b.terminal(m.tid).Standing(time.Now()); s != service.StandingOnline {
			t.Errorf("after a will of the session before it is %s", s)
		}
		lost.Sess = 2
		b.hub.say(m.tid, fleet.UpPresence, lost)
		b.pass(0)
		if s := b.terminal(m.tid).Standing(time.Now()); s != service.StandingLost {
			t.Errorf("after its own will it is %s", s)
		}
	})
}

func TestHowATerminalStands(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		if err := b.svc.Enrol(t.Context(), m.tid, map[string]string{"city": "Lyon"}); err != nil {
			t.Fatal(err)
		}
		stands := func(want service.Standing) {
			t.Helper()
			if s := b.terminal(m.tid).Standing(time.Now()); s != want {
				t.Errorf("it is %s, want %s", s, want)
			}
		}
		stands(service.StandingNever)
		m.connect()
		stands(service.StandingOnline)
		b.pass(3 * time.Minute)
		stands(service.StandingOnline)
		b.pass(time.Minute)
		stands(service.StandingStale)
		m.beat()
		stands(service.StandingOnline)
		m.present(fleet.StateOffline)
		b.hub.say(m.tid, fleet.UpPresence, fleet.Presence{V: fleet.Wire, State: fleet.StateLost, Sess: m.sess})
		b.pass(0)
		stands(service.StandingOffline) // it had said good bye
		if err := b.svc.Retire(t.Context(), m.tid); err != nil {
			t.Fatal(err)
		}
		stands(service.StandingRetired)
	})
}

// Assertion 54: two machines from one disk take each other's place at the broker,
// and are found within two heartbeats.
func Test54CopiedDiskIsFound(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.sess = 40
		m.connect()
		copied := &machine{b: b, tid: m.tid, boot: "boot-of-the-copy", sess: m.sess, epoch: m.epoch}
		copied.connect() // 42, after 41
		if b.found(m.tid) != "" {
			t.Errorf("a restart alone is found as %q", b.found(m.tid))
		}
		b.pass(time.Minute)
		m.connect() // 42 again, by the other run
		if b.found(m.tid) != "clone " {
			t.Errorf("found %q", b.found(m.tid))
		}
		row := b.terminal(m.tid).Row(time.Now())
		if len(row.Troubles) == 0 || !row.Troubles[0].Bad || !strings.Contains(row.Troubles[0].What, "Two machines") {
			t.Errorf("the list says %+v", row.Troubles)
		}
		if err := b.svc.Dismiss(t.Context(), m.tid, service.FoundClone); err != nil || b.found(m.tid) != "" {
			t.Errorf("dismissed: %v, found %q", err, b.found(m.tid))
		}
	})
}

func TestTwoMachinesFromOneMemoryImageAreFound(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		m.hello("another nonce in the same session")
		if b.found(m.tid) != "clone " {
			t.Errorf("found %q", b.found(m.tid))
		}
	})
}

// Assertion 66, the office's half: a disk that was set back.
func Test66DiskSetBackIsFoundAndNothingIsStoredTwice(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.sess = 40
		m.connect()
		m.send(fleet.Audits, 1, 9)
		back := &machine{b: b, tid: m.tid, boot: "boot-of-last-week", sess: 29, epoch: m.epoch}
		back.connect()
		back.send(fleet.Audits, 5, 7)
		if !strings.Contains(b.found(m.tid), "regression") || m.stored(fleet.Audits) != 9 {
			t.Errorf("found %q, stored %d", b.found(m.tid), m.stored(fleet.Audits))
		}
	})
}

func TestAServiceWhoseStoreIsDownKeepsTheBrokerWaiting(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		acked := b.hub.acked
		b.store.broken.Store(true)
		m.send(fleet.Audits, 1, 3)
		if b.hub.acked != acked || b.acked(m.tid, fleet.Audits) != 0 {
			t.Error("something was acknowledged that is not stored")
		}
		b.store.broken.Store(false)
		b.pass(2 * time.Second)
		if b.hub.acked == acked || b.acked(m.tid, fleet.Audits) != 3 {
			t.Errorf("up to %d of 3 afterwards", b.acked(m.tid, fleet.Audits))
		}
	})
}
