package service_test

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// order orders a command and lets the service send it.
func (b *bureau) order(tid fleet.TID, name, args string) service.Command {
	b.Helper()
	ask := service.Ask{Name: name}
	if args != "" {
		ask.Args = json.RawMessage(args)
	}
	c, err := b.svc.Order(b.Context(), tid, ask, "ops")
	if err != nil {
		b.Fatal(err)
	}
	b.pass(0)
	return c
}

// sentCommands are the names and numbers of the commands that were sent.
func (b *bureau) sentCommands(tid fleet.TID) string {
	b.Helper()
	text := ""
	for _, c := range documents[fleet.Command](b, tid, fleet.DownCommand) {
		text += fmt.Sprint(c.Name, c.Seq, " ")
	}
	return text
}

// report is the terminal's word on a command, as the next event of its stream.
func (m *machine) report(seq uint64, jti string, status fleet.CommandStatus) {
	data, err := json.Marshal(fleet.CommandReport{Jti: jti, Status: status, At: fleet.At(time.Now()), Result: json.RawMessage(`{"pong":true}`)})
	if err != nil {
		panic(err)
	}
	m.b.hub.say(m.tid, fleet.UpCommand, fleet.Batch{V: fleet.Wire, Stream: fleet.Commands, Epoch: m.epoch, First: seq, Last: seq,
		Events: []fleet.Event{{SpecVersion: "1.0", Sequence: fleet.Sequence(seq), Time: fleet.At(time.Now()), Data: data}}})
	m.b.pass(0)
}

func (b *bureau) status(jti string) service.Status {
	b.Helper()
	return must(b.store.Command(b.Context(), jti)).Status
}

func TestACommandIsSentAndFollowedToItsEnd(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		c := b.order(m.tid, "ping", "")
		if b.status(c.Order.Jti) != service.Sent || b.sentCommands(m.tid) != "ping1 " {
			t.Fatalf("it is %s; sent: %s", b.status(c.Order.Jti), b.sentCommands(m.tid))
		}
		m.report(1, c.Order.Jti, fleet.Accepted)
		m.report(2, c.Order.Jti, fleet.Running)
		m.report(3, c.Order.Jti, fleet.Succeeded)
		m.report(4, c.Order.Jti, fleet.Failed) // a last word does not change
		got := must(b.store.Command(t.Context(), c.Order.Jti))
		var trail []string
		for _, s := range got.Trail {
			trail = append(trail, string(s.Status))
		}
		if strings.Join(trail, " ") != "WAITING SENT ACCEPTED RUNNING SUCCEEDED" || string(got.Result) != `{"pong":true}` || got.Ended.IsZero() {
			t.Errorf("its trail is %v, it is %+v", trail, got)
		}
		b.pass(time.Hour)
		if b.sentCommands(m.tid) != "ping1 " {
			t.Errorf("sent: %s", b.sentCommands(m.tid))
		}
	})
}

func TestACommandNobodyAnswersIsSentAgainAndGivenUp(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		c := b.order(m.tid, "ping", "")
		for range 3 {
			b.pass(time.Minute)
			m.beat() // it is there
		}
		n := strings.Count(b.sentCommands(m.tid), "ping1")
		if n < 3 || n > 8 {
			t.Errorf("sent %d times in three minutes", n)
		}
		b.pass(10 * time.Minute)
		if got := must(b.store.Command(t.Context(), c.Order.Jti)); got.Status != service.Lapsed || got.Text == "" {
			t.Errorf("it is %s: %s", got.Status, got.Text)
		}
		m.report(1, c.Order.Jti, fleet.Succeeded) // a word that comes late is better than our guess
		if s := b.status(c.Order.Jti); s != service.Status(fleet.Succeeded) {
			t.Errorf("afterwards it is %s", s)
		}
	})
}

func TestACommandForATerminalThatIsOffWaits(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		m.present(fleet.StateOffline)
		late, soon := b.order(m.tid, "ping", ""), ""
		b.pass(6 * time.Minute)
		if got := must(b.store.Command(t.Context(), late.Order.Jti)); got.Status != service.Lapsed || b.sentCommands(m.tid) != soon {
			t.Errorf("it is %s (%s); sent: %q", got.Status, got.Text, b.sentCommands(m.tid))
		}
		b.order(m.tid, "ping", "")
		b.pass(time.Minute)
		m.connect()
		b.pass(time.Second)
		if b.sentCommands(m.tid) != "ping2 " {
			t.Errorf("sent: %q", b.sentCommands(m.tid))
		}
	})
}

// A terminal refuses a number below one it has taken, so nothing may overtake.
func TestCommandsGoOneAfterAnother(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		first := b.order(m.tid, "ping", "")
		b.order(m.tid, "state.refresh", "")
		if b.sentCommands(m.tid) != "ping1 " {
			t.Errorf("sent: %s", b.sentCommands(m.tid))
		}
		m.report(1, first.Order.Jti, fleet.Accepted)
		b.pass(time.Second)
		if b.sentCommands(m.tid) != "ping1 state.refresh2 " {
			t.Errorf("once it was taken: %s", b.sentCommands(m.tid))
		}
	})
}

func TestATerminalThatServedAnotherOfficeGetsHigherNumbers(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.sess++
		m.present(fleet.StateOnline)
		b.hub.say(m.tid, fleet.UpHello, fleet.Hello{V: fleet.Wire, Sess: 1, Nonce: "n", Boot: m.boot, Command: fleet.SeqMark{LastSeq: 41}, Config: fleet.ConfigMark{Rev: 7}, Clock: fleet.ClockReport{Quality: fleet.Unknown}})
		b.pass(0)
		c := b.order(m.tid, "ping", "")
		if c.Order.Seq != 42 || c.Order.Nonce != "n" { // it does not know the time, so the session vouches
			t.Errorf("the command is %+v", c.Order)
		}
		if want := must(b.svc.Configure(t.Context(), m.tid, map[string]string{"a": "b"}, "ops", "")); want.Rev != 8 {
			t.Errorf("the configuration has revision %d", want.Rev)
		}
	})
}

func TestWhatWouldOnlyBeRefusedIsNotSent(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		old := b.machine(2)
		old.sess++
		old.present(fleet.StateOnline)
		b.hub.say(old.tid, fleet.UpHello, fleet.Hello{V: fleet.Wire, Sess: 1, Nonce: "n", Boot: old.boot, Caps: []string{"cmd:ping/1"}})
		b.pass(0)
		for name, c := range map[string]struct {
			tid       fleet.TID
			ask, args string
			kind      error
		}{
			"no such command":    {m.tid, "shell", "", service.ErrInvalid},
			"arguments":          {m.tid, "display.message", `{"text":""}`, service.ErrInvalid},
			"an unknown one":     {"t-999999", "ping", "", service.ErrUnknown},
			"what it cannot do":  {old.tid, "queue.flush", "", service.ErrConflict},
			"dangerous and away": {"t-000002", "terminal.lock", `{"reason":"x"}`, service.ErrConflict},
		} {
			_, err := b.svc.Order(t.Context(), c.tid, service.Ask{Name: c.ask, Args: json.RawMessage(c.args)}, "ops")
			if !errors.Is(err, c.kind) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// approve signs a proposal with a person's key.
func (b *bureau) approve(c service.Command, key ed25519.PrivateKey) (service.Command, error) {
	sig, err := fleet.Sign(fleet.TypeCommand, c.Body, key)
	if err != nil {
		b.Fatal(err)
	}
	return b.svc.Approve(b.Context(), c.Order.Jti, publicOf(key), sig, "anna")
}

func TestWhatIsDangerousNeedsTwoPeopleWithinItsTime(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		c := b.order(m.tid, "terminal.lock", `{"reason":"stolen"}`)
		if c.Status != service.Proposed || c.Order.Nonce == "" {
			t.Fatalf("it is %s with the nonce %q", c.Status, c.Order.Nonce)
		}
		if _, err := b.svc.Order(t.Context(), m.tid, service.Ask{Name: "ping"}, "ops"); !errors.Is(err, service.ErrConflict) {
			t.Errorf("something that would overtake it: %v", err)
		}
		c = must(b.approve(c, b.keys.anna))
		if _, err := b.approve(c, b.keys.anna); !errors.Is(err, service.ErrConflict) {
			t.Errorf("one person twice: %v", err)
		}
		forged := fleet.Signature{KeyID: fleet.IDOf(publicOf(b.keys.boris)), Sig: c.Signed[0].Sig}
		if _, err := b.svc.Approve(t.Context(), c.Order.Jti, publicOf(b.keys.boris), forged, "boris"); !errors.Is(err, service.ErrInvalid) {
			t.Errorf("a signature of another key: %v", err)
		}
		if b.sentCommands(m.tid) != "" {
			t.Error("it was sent with one signature")
		}
		must(b.approve(c, b.keys.boris))
		b.pass(0)
		if b.sentCommands(m.tid) != "terminal.lock1 " {
			t.Errorf("sent: %q", b.sentCommands(m.tid))
		}
		m.report(1, c.Order.Jti, fleet.Succeeded)
		again := b.order(m.tid, "terminal.unlock", "")
		b.pass(20 * time.Minute)
		if s := b.status(again.Order.Jti); s != service.Lapsed {
			t.Errorf("a proposal nobody approves is %s", s)
		}
	})
}

func TestWhatWasNotSentCanBeTakenBack(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		c := b.order(m.tid, "terminal.lock", `{"reason":"stolen"}`)
		if got := must(b.svc.Cancel(t.Context(), c.Order.Jti, "ops")); got.Status != service.Cancelled || !got.Status.Final() {
			t.Errorf("it is %s", got.Status)
		}
		sent := b.order(m.tid, "ping", "")
		if _, err := b.svc.Cancel(t.Context(), sent.Order.Jti, "ops"); !errors.Is(err, service.ErrConflict) {
			t.Errorf("taking back what was sent: %v", err)
		}
	})
}

func TestAServiceThatWasKilledGoesOn(t *testing.T) {
	inBureau(t, func(b *bureau) {
		m := b.machine(1)
		m.connect()
		m.present(fleet.StateOffline)
		c := b.order(m.tid, "ping", "")
		b.restart()
		m.connect()
		b.pass(time.Second)
		if b.sentCommands(m.tid) != "ping1 " || b.status(c.Order.Jti) != service.Sent {
			t.Errorf("sent: %q, it is %s", b.sentCommands(m.tid), b.status(c.Order.Jti))
		}
	})
}
