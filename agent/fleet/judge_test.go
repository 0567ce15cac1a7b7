package fleet

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// bench is a terminal at noon in a session, that took nothing yet.
func bench(t *testing.T, a *authority) (Judge, Situation) {
	t.Helper()
	all := func(Class) bool { return true }
	can := func(string, int) bool { return true }
	return Judge{TID: tid, Has: can, Allowed: all}, Situation{Keys: a.opened(t, a.keySet(1)), Nonce: nonce,
		Time: Moment{Now: noon(), Floor: noon().Add(-time.Hour), Quality: Synced}, Known: func(string) bool { return false }}
}

// TestOrderOfAcceptance breaks a good command in every way and, in the last
// column, in all later ways at once: the step that is named comes first.
func TestOrderOfAcceptance(t *testing.T) {
	type broken struct {
		command  Command
		kind     string
		keys     []ed25519.PrivateKey
		set      KeySet
		message  Received
		mangle   func([]byte) []byte
		change   func(*Judge, *Situation)
		noKeySet bool
	}
	for _, c := range []struct {
		name string
		hurt func(a *authority, b *broken)
		want Code
	}{
		{"good", func(*authority, *broken) {}, ""},
		{"43 retained", func(_ *authority, b *broken) { b.message.Retained = true; b.kind = TypeConfig }, RefusedRetained},
		{"too large", func(_ *authority, b *broken) {
			b.mangle = func([]byte) []byte { return bytes.Repeat([]byte(" "), MaxMessage+1) }
		}, RefusedSize},
		{"no JSON", func(_ *authority, b *broken) { b.mangle = func(m []byte) []byte { return m[:len(m)-1] } }, RefusedMalformed},
		{"something behind", func(_ *authority, b *broken) { b.mangle = func(m []byte) []byte { return append(m, '1') } }, RefusedMalformed},
		{"unknown member", func(_ *authority, b *broken) {
			b.mangle = func(m []byte) []byte { return append([]byte(`{"more":1,`), m[1:]...) }
		}, RefusedMalformed},
		{"member twice", func(_ *authority, b *broken) {
			b.mangle = func(m []byte) []byte { return append([]byte(`{"payloadType":"x",`), m[1:]...) }
		}, RefusedMalformed},
		{"38 a configuration sent as a command", func(_ *authority, b *broken) { b.kind = TypeConfig }, RefusedMalformed},
		{"38 the type swapped under the signature", func(_ *authority, b *broken) {
			b.kind = TypeConfig
			b.mangle = func(m []byte) []byte { return bytes.Replace(m, []byte(TypeConfig), []byte(TypeCommand), 1) }
		}, RefusedSignature},
		{"38 a byte of the payload flipped", func(_ *authority, b *broken) { b.mangle = flip }, RefusedSignature},
		{"36 unsigned", func(_ *authority, b *broken) { b.keys = nil }, RefusedMalformed},
		{"36 signed by a stranger", func(a *authority, b *broken) {
			b.keys = []ed25519.PrivateKey{a.stranger}
			b.command.Aud = "t-0002-other"
		}, RefusedKey},
		{"36 a stranger under a known key's id", func(a *authority, b *broken) {
			b.keys = []ed25519.PrivateKey{a.stranger}
			b.mangle = func(m []byte) []byte {
				return bytes.Replace(m, []byte(IDOf(publicOfKey(a.stranger))), []byte(IDOf(publicOfKey(a.online))), 1)
			}
		}, RefusedSignature},
		{"36 key expired", func(_ *authority, b *broken) { b.set.Keys[0].Until = At(noon()) }, RefusedKeyExpired},
		{"36 key not valid yet", func(_ *authority, b *broken) { b.set.Keys[0].From = At(noon().Add(time.Hour)) }, RefusedKeyExpired},
		{"36 key revoked", func(_ *authority, b *broken) { b.set.Keys[0].Revoked = true }, RefusedKeyRevoked},
		{"no key set", func(_ *authority, b *broken) { b.noKeySet = true }, RefusedNoKeys},
		{"key set run out", func(_ *authority, b *broken) { b.set.Exp = At(noon()) }, RefusedNoKeys},
		{"an approver for what the service signs", func(a *authority, b *broken) { b.keys = []ed25519.PrivateKey{a.anna} }, RefusedSigners},
		{"44 dangerous with the online key", func(a *authority, b *broken) { b.command = a.wipe() }, RefusedSigners},
		{"44 dangerous with one approver", func(a *authority, b *broken) { b.command = a.wipe(); b.keys = []ed25519.PrivateKey{a.anna} }, RefusedSigners},
		{"dangerous with one approver and the online key", func(a *authority, b *broken) {
			b.command = a.wipe()
			b.keys = []ed25519.PrivateKey{a.anna, a.online}
		}, RefusedSigners},
		{"dangerous with two approvers", func(a *authority, b *broken) { b.command = a.wipe(); b.keys = []ed25519.PrivateKey{a.anna, a.boris} }, ""},
		{"37 for another terminal", func(_ *authority, b *broken) { b.command.Aud = "t-0002-other"; b.command.Name = "no.such" }, RefusedAudience},
		{"39 taken before", func(_ *authority, b *broken) {
			b.change = func(_ *Judge, s *Situation) { s.Known = func(string) bool { return true }; s.HighSeq = 99 }
		}, Duplicate},
		{"40 older than one taken, and forgotten", func(_ *authority, b *broken) {
			b.change = func(_ *Judge, s *Situation) { s.HighSeq = b.command.Seq }
			b.command.Exp = At(noon().Add(-time.Millisecond))
		}, RefusedReplay},
		{"41 expired", func(_ *authority, b *broken) { b.command.Exp = At(noon()); b.command.Name = "no.such" }, Expired},
		{"41 the clock a year back", func(_ *authority, b *broken) {
			b.command.Exp = At(noon().Add(-2 * time.Hour))
			b.command.Iat = At(noon().Add(-3 * time.Hour))
			b.change = func(_ *Judge, s *Situation) { s.Time.Now = noon().AddDate(-1, 0, 0) }
		}, Expired},
		{"from the future", func(_ *authority, b *broken) {
			b.command.Iat = At(noon().Add(6 * time.Minute))
			b.command.Exp = At(noon().Add(8 * time.Minute))
		}, Expired},
		{"42 clock unknown, no nonce", func(_ *authority, b *broken) { b.change = clockless }, RefusedNonce},
		{"42 clock unknown, nonce", func(_ *authority, b *broken) { b.change = clockless; b.command.Nonce = nonce }, ""},
		{"42 nonce of the last session", func(_ *authority, b *broken) { b.change = clockless; b.command.Nonce = strings.Repeat("A", 22) }, RefusedNonce},
		{"dangerous without a nonce", func(a *authority, b *broken) {
			b.command = a.wipe()
			b.command.Nonce = ""
			b.keys = []ed25519.PrivateKey{a.anna, a.boris}
		}, RefusedNonce},
		{"a nonce while no session runs", func(_ *authority, b *broken) {
			b.command.Nonce = nonce
			b.change = func(_ *Judge, s *Situation) { s.Nonce = "" }
		}, RefusedNonce},
		{"not in the catalogue", func(_ *authority, b *broken) { b.command.Name = "shell.exec" }, RefusedUnknown},
		{"another version", func(_ *authority, b *broken) { b.command.Version = 2 }, RefusedUnknown},
		{"not in this terminal", func(_ *authority, b *broken) {
			b.change = func(j *Judge, _ *Situation) { j.Has = func(string, int) bool { return false } }
		}, RefusedUnknown},
		{"dangerous under another class", func(a *authority, b *broken) {
			b.command.Name, b.command.Args = "terminal.wipe", json.RawMessage(`{"reason":"lost"}`)
		}, RefusedMalformed},
		{"owner does not allow it", func(_ *authority, b *broken) {
			b.change = func(j *Judge, _ *Situation) { j.Allowed = func(c Class) bool { return c != Read } }
		}, RefusedPolicy},
		{"arguments it does not take", func(_ *authority, b *broken) { b.command.Args = json.RawMessage(`{"x":1}`) }, RefusedMalformed},
		{"lives longer than a day", func(_ *authority, b *broken) { b.command.Exp = At(noon().AddDate(0, 0, 2)) }, RefusedMalformed},
		{"no sequence", func(_ *authority, b *broken) { b.command.Seq = 0 }, RefusedMalformed},
		{"no actor", func(_ *authority, b *broken) { b.command.Actor = "" }, RefusedMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := newAuthority()
			b := &broken{command: a.ping(), kind: TypeCommand, keys: []ed25519.PrivateKey{a.online}, set: a.keySet(1),
				mangle: func(m []byte) []byte { return m }, change: func(*Judge, *Situation) {}}
			c.hurt(a, b)
			j, s := bench(t, a)
			s.Keys = a.opened(t, b.set)
			if b.noKeySet {
				s.Keys = nil
			}
			b.change(&j, &s)
			b.message.Channel, b.message.Payload = DownCommand, b.mangle(seal(t, b.kind, b.command, b.keys...))
			_, err := j.Command(b.message, s)
			if got := CodeOf(err); got != c.want || (err == nil) != (c.want == "") {
				t.Errorf("judged %q (%v), want %q", got, err, c.want)
			}
		})
	}
}

// clockless makes the situation that of a terminal whose clock nobody confirmed.
func clockless(_ *Judge, s *Situation) {
	s.Time = Moment{Now: time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), Floor: noon().Add(-time.Hour), Quality: Unknown}
}

// flip changes the actor's name inside of the signed payload.
func flip(m []byte) []byte {
	var e Envelope
	if json.Unmarshal(m, &e) != nil {
		return nil
	}
	body, err := base64.StdEncoding.DecodeString(e.Payload)
	if err != nil {
		return nil
	}
	e.Payload = base64.StdEncoding.EncodeToString(bytes.Replace(body, []byte("ops@"), []byte("opt@"), 1))
	changed, err := json.Marshal(e)
	if err != nil {
		return nil
	}
	return changed
}

// TestEveryByteIsUnderTheSignature flips each bit of a good command in turn:
// whatever is still taken must be the same command.
func TestEveryByteIsUnderTheSignature(t *testing.T) {
	a := newAuthority()
	j, s := bench(t, a)
	good := seal(t, TypeCommand, a.ping(), a.online)
	want, err := j.Command(Received{Payload: good}, s)
	if err != nil {
		t.Fatal(err)
	}
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 1
		if got, err := j.Command(Received{Payload: bad}, s); err == nil && got.Claims != want.Claims {
			t.Fatalf("with byte %d flipped another command was taken: %+v", i, got)
		}
	}
}

func TestRetainedDocuments(t *testing.T) {
	a := newAuthority()
	j, s := bench(t, a)
	cfg := map[string]string{"shop.name": "Corner"}
	config := func() Config {
		c := Config{Claims: a.claims(), Rev: 1, Hash: HashOf(cfg), Cfg: cfg}
		c.Exp = At(noon().AddDate(1, 0, 0))
		return c
	}
	judge := func(c Config, key ed25519.PrivateKey) Code {
		_, err := j.Config(Received{Channel: DownConfig, Payload: seal(t, TypeConfig, c, key), Retained: true}, s)
		return CodeOf(err)
	}
	good, forged, other, old := config(), config(), config(), config()
	forged.Hash = HashOf(map[string]string{"shop.name": "Other"})
	other.Aud = "t-0002-other"
	old.Iat, old.Exp = At(noon().AddDate(0, 0, -2)), At(noon().AddDate(0, 0, -1))
	refusing := func() Code {
		own, s := bench(t, a)
		own.Allowed = func(c Class) bool { return c != Safe }
		_, err := own.Config(Received{Channel: DownConfig, Payload: seal(t, TypeConfig, good, a.online), Retained: true}, s)
		return CodeOf(err)
	}
	for _, c := range []struct {
		name string
		got  Code
		want Code
	}{
		{"the owner lets the fleet change no settings", refusing(), RefusedPolicy},
		{"good", judge(good, a.online), ""},
		{"its hash is another's", judge(forged, a.online), RefusedMalformed},
		{"for another terminal", judge(other, a.online), RefusedAudience},
		{"expired", judge(old, a.online), Expired},
		{"signed by an approver", judge(good, a.anna), RefusedSigners},
		{"signed by a stranger", judge(good, a.stranger), RefusedKey},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", c.name, c.got, c.want)
		}
	}
}

// Test56ForgedAcknowledgement: what no key signed moves nothing.
func Test56ForgedAcknowledgement(t *testing.T) {
	a := newAuthority()
	j, s := bench(t, a)
	ack := Ack{Claims: a.claims(), T: At(noon()), Nonce: nonce, Acks: []AckMark{{Audits, "01KAFN00000000000000000000", 40}}}
	if _, err := j.Ack(Received{Payload: seal(t, TypeAck, ack, a.online)}, s); err != nil {
		t.Errorf("a good acknowledgement is refused: %v", err)
	}
	plain, err := json.Marshal(ack)
	if err != nil {
		t.Fatal(err)
	}
	for name, raw := range map[string][]byte{"bare": plain, "unsigned": seal(t, TypeAck, ack), "stranger": seal(t, TypeAck, ack, a.stranger)} {
		if _, err := j.Ack(Received{Payload: raw}, s); err == nil {
			t.Errorf("%s: it was taken", name)
		}
	}
}
