package service_test

import (
	"fmt"
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
		m.oldest = 1
		m.send(fleet.Audits, 1, 2)
		m.send(fleet.Audits, 6, 6)
		m.oldest = 9 // it has lost what is before
		m.send(fleet.Audits, 9, 10)
		if upto := b.acked(m.tid, fleet.Audits); upto != 10 || !strings.Contains(b.found(m.tid), "gap") {
			t.Errorf("acknowledged up to %d, found %q", upto, b.found(m.tid))
		}
		f := b.terminal(m.tid).Found[0]
		if f.Count != 2 || !strings.Contains(f.What, "7 to 8") {
			t.Errorf("it says %q, %d times", f.What, f.Count)
		}
	})
}

// A broker drops the first part of a stream, and once more when the terminal has
// sent it again. What came behind it twice is no word on what is before.
func TestWhatTheTerminalStillHasIsNotAcknowledgedOver(t *testing.T) {
	for name, oldest := range map[string]int64{"an agent of today": 1, "one from before": 0} {
		t.Run(name, func(t *testing.T) {
			inBureau(t, func(b *bureau) {
				m := b.machine(1)
				m.connect()
				m.oldest = oldest
				for range 4 {
					m.send(fleet.Payments, 41, 80)
					if upto := b.acked(m.tid, fleet.Payments); upto != 0 {
						t.Fatalf("acknowledged up to %d without the first part", upto)
					}
					b.pass(35 * time.Second)
				}
				m.send(fleet.Payments, 1, 40)
				if upto := b.acked(m.tid, fleet.Payments); upto != 80 || m.stored(fleet.Payments) != 80 || b.found(m.tid) != "" {
					t.Errorf("acknowledged up to %d, stored %d, found %q", upto, m.stored(fleet.Payments), b.found(m.tid))
				}
			})
		})
	}
}

// An agent from before says with its hello what it still has, and nothing later.
func TestAnAgentFromBeforeSaysWithItsHelloWhatIsGone(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		m.send(fleet.Audits, 1, 2)
		m.send(fleet.Audits, 9, 10)
		m.sess++
		m.begins(fleet.Audits, 9, 10)
		if upto := b.acked(m.tid, fleet.Audits); upto != 2 {
			t.Errorf("acknowledged up to %d before it has said why", upto)
		}
		m.send(fleet.Audits, 9, 10)
		if upto := b.acked(m.tid, fleet.Audits); upto != 10 || b.found(m.tid) != "gap " {
			t.Errorf("acknowledged up to %d, found %q", upto, b.found(m.tid))
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

// begins says hello with a stream.
func (m *machine) begins(s fleet.Stream, first, last uint64) {
	m.b.hub.say(m.tid, fleet.UpHello, fleet.Hello{V: fleet.Wire, Sess: m.sess, Nonce: fmt.Sprint("nonce ", m.sess), Boot: m.boot, Ver: "1.4.2", Clock: fleet.ClockReport{Quality: fleet.Synced},
		Streams: map[fleet.Stream]fleet.StreamMark{s: {Epoch: m.epoch, First: first, Last: last}}})
	m.b.pass(0)
}

func TestAServiceThatKnewNothingTakesATerminalWhereItIs(t *testing.T) {
	inBureau(t, func(b *bureau) {
		takes := func(what string, m *machine, want uint64) {
			t.Helper()
			m.send(fleet.Audits, 4711, 4712)
			if upto := b.acked(m.tid, fleet.Audits); upto != want || b.found(m.tid) != "" {
				t.Errorf("%s: acknowledged up to %d, want %d, found %q", what, upto, want, b.found(m.tid))
			}
		}
		m := b.machine(1)
		m.sess++
		m.begins(fleet.Audits, 4711, 4712)
		takes("after its hello", m, 4712)
		// The same without the hello.
		m = b.machine(2)
		m.oldest = 4711
		takes("its batch says it", m, 4712)
		m = b.machine(3)
		takes("nobody has said where the stream begins", m, 0)
		b.pass(35 * time.Second)
		takes("nor the second time", m, 0)
		m.sess++
		m.begins(fleet.Audits, 4711, 4712)
		takes("with the next hello", m, 4712)
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
			"no JSON":                {Channel: fleet.UpHello, Payload: []byte("{")},
			"not UTF-8":              {Channel: fleet.UpState, Payload: []byte("{\"shop\":\"\xff\"}")},
			"too large":              {Channel: fleet.UpBeat, Payload: []byte(`{"v":1,"x":"` + strings.Repeat("x", fleet.MaxMessage) + `"}`)},
			"another stream":         {Channel: fleet.UpCommand, Payload: []byte(`{"v":1,"stream":"tx","epoch":"e","first":1,"last":1,"events":[]}`)},
			"events in disorder":     {Channel: fleet.UpEvents + "tx", Payload: []byte(`{"v":1,"stream":"tx","epoch":"e","first":1,"last":2,"events":[{"sequence":"2"},{"sequence":"1"}]}`)},
			"a sequence of nobody":   {Channel: fleet.UpEvents + "tx", Payload: []byte(`{"v":1,"stream":"tx","epoch":"e","first":0,"last":0,"events":[]}`)},
			"a gap upside down":      {Channel: fleet.UpEvents + "tx", Payload: []byte(`{"v":1,"stream":"tx","epoch":"e","first":1,"last":1,"dropped":[{"from":9,"to":2}],"events":[{"sequence":"1"}]}`)},
			"a batch before itself":  {Channel: fleet.UpEvents + "tx", Payload: []byte(`{"v":1,"stream":"tx","epoch":"e","first":1,"last":1,"oldest":2,"events":[{"sequence":"1"}]}`)},
			"an epoch of NUL":        {Channel: fleet.UpEvents + "tx", Payload: []byte(`{"v":1,"stream":"tx","epoch":"\u0000","first":1,"last":1,"events":[{"sequence":"1"}]}`)},
			"a year of five digits":  {Channel: fleet.UpPresence, Payload: []byte(`{"v":1,"state":"online","sess":9,"since":"9999-12-31T23:59:59-01:00"}`)},
			"an event after the end": {Channel: fleet.UpEvents + "tx", Payload: []byte(`{"v":1,"stream":"tx","epoch":"e","first":1,"last":1,"events":[{"sequence":"1","time":"9999-12-31T23:59:59-01:00"}]}`)},
			"a hello of NUL":         {Channel: fleet.UpHello, Payload: []byte(`{"v":1,"sess":9,"boot":"b","nonce":"n","streams":{"tx":{"epoch":"\u0000","first":1,"last":1}}}`)},
			"a session without next": {Channel: fleet.UpHello, Payload: []byte(`{"v":1,"sess":18446744073709551615,"boot":"b","nonce":"n"}`)},
			"a boot like a book":     {Channel: fleet.UpPresence, Payload: []byte(`{"v":1,"state":"online","sess":9,"boot":"` + strings.Repeat("b", 1000) + `"}`)},
		} {
			b.hub.bring(m.tid, message)
			b.pass(0)
			if before++; b.hub.acked != before {
				t.Errorf("%s: %d messages are acknowledged to the broker, want %d", name, b.hub.acked, before)
			}
		}
		m.send(fleet.Audits, 1, 1)
		if m.stored(fleet.Audits) != 1 || m.stored(fleet.Payments) != 0 || b.terminal(m.tid).Presence.Sess != 1 {
			t.Error("what came after it was not stored, or it was")
		}
	})
}

// A stream that nobody knows may be a newer agent's; a thousand of them are not.
func TestStreamsThatNobodyKnowsAreNotKept(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		var list []string
		for n := range 1000 {
			list = append(list, fmt.Sprintf(`"s%d":{"epoch":"e","first":1,"last":1}`, n))
		}
		m.text(fleet.UpHello, `{"v":1,"sess":1,"boot":"b","nonce":"n","streams":{"tx":{"epoch":"e","first":3,"last":4},`+strings.Join(list, ",")+`}}`)
		row := b.terminal(m.tid)
		if len(row.Streams) != 1 || row.Streams[fleet.Payments].Upto != 2 || row.Session.Nonce != "n" {
			t.Errorf("%d streams are kept: %+v", len(row.Streams), row.Session)
		}
	})
}

// What a terminal says of commands must not stop anybody, whatever its number or time.
func TestAWordOnACommandOfNobodyIsStoredAndLeft(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		c := b.order(m.tid, "ping", "")
		b.pass(time.Second)
		m.text(fleet.UpCommand, `{"v":1,"stream":"cmd","epoch":"`+oneEpoch+`","first":1,"last":3,"oldest":1,"events":[`+
			`{"sequence":"1","time":"2026-11-20T12:00:00Z","data":{"jti":"\u0000","status":"SUCCEEDED"}},`+
			`{"sequence":"2","time":"2026-11-20T12:00:00Z","data":{"jti":"`+c.Order.Jti+`","status":"RUNNING","at":"9999-12-31T23:59:59-01:00"}},`+
			`{"sequence":"3","time":"2026-11-20T12:00:00Z","data":{"jti":"`+c.Order.Jti+`","status":"SUCCEEDED","at":"2026-11-20T12:00:00Z"}}]}`)
		if m.stored(fleet.Commands) != 3 || b.status(c.Order.Jti) != service.Status(fleet.Succeeded) {
			t.Errorf("%d of 3 are stored, the command is %s", m.stored(fleet.Commands), b.status(c.Order.Jti))
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
