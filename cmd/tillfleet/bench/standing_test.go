package bench

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/enrol"
	"tillwire/agent/fleet/mqtt"
	"tillwire/agent/fleet/service"
	"tillwire/agent/fleet/service/desk"
)

// voice says at the broker whatever a test wants a terminal to say, with a
// certificate of the terminal's.
type voice struct {
	*mqtt.Link
	id    fleet.TID
	began chan struct{}
}

// Connecting implements fleet.Session.
func (v *voice) Connecting(context.Context) (fleet.Message, error) {
	return fleet.Message{Channel: fleet.UpPresence, Payload: []byte(`{"v":1,"state":"lost","sess":0}`)}, nil
}

// Connected implements fleet.Session.
func (v *voice) Connected() { v.began <- struct{}{} }

// Incoming implements fleet.Session.
func (v *voice) Incoming(m fleet.Incoming) { m.Ack() }

// Disconnected implements fleet.Session.
func (v *voice) Disconnected(error) {}

// speak connects as a terminal.
func (t *town) speak(test *testing.T, id fleet.TID) *voice {
	test.Helper()
	pair, err := t.certificate(id)
	if err != nil {
		test.Fatal(err)
	}
	v := &voice{id: id, began: make(chan struct{}, 64)}
	files := mqtt.Files{CA: t.authority()}
	v.Link, err = mqtt.New(mqtt.Options{TID: id, Broker: "mqtts://127.0.0.1:" + t.port, Clock: agent.NewSystemClock(), TLS: func() (*tls.Config, error) {
		config, err := files.Config()
		if err == nil {
			config.Certificates = []tls.Certificate{pair}
		}
		return config, err
	}})
	if err != nil {
		test.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = v.Run(ctx, v) // its error is the context's
	}()
	test.Cleanup(func() { cancel(); <-ended })
	select {
	case <-v.began:
	case <-time.After(patience):
		test.Fatal("the terminal does not connect")
	}
	return v
}

// certificate makes one of the fleet's, as if the terminal had joined.
func (t *town) certificate(id fleet.TID) (pair tls.Certificate, err error) {
	ca, err := desk.OpenAuthority(filepath.Dir(t.authority()), fleet.NewMemory(), time.Now)
	if err != nil {
		return pair, err
	}
	key, err := enrol.NewKey()
	if err != nil {
		return pair, err
	}
	request, err := key.Request()
	if err != nil {
		return pair, err
	}
	c, err := ca.Issue(context.Background(), id, request)
	if err != nil {
		return pair, err
	}
	secret, err := key.PEM()
	if err != nil {
		return pair, err
	}
	return tls.X509KeyPair(c.PEM, secret)
}

func (v *voice) say(test *testing.T, c fleet.Channel, document any) {
	test.Helper()
	text, err := json.Marshal(document)
	if err == nil {
		err = v.Publish(test.Context(), fleet.Message{Channel: c, Payload: text})
	}
	if err != nil {
		test.Fatal(err)
	}
}

// birth is what a terminal says when a session begins.
func (v *voice) birth(test *testing.T, boot string, sess uint64) {
	test.Helper()
	v.say(test, fleet.UpPresence, fleet.Presence{V: fleet.Wire, State: fleet.StateOnline, Sess: sess, Boot: boot, Ver: "1.4.2", Since: fleet.At(time.Now())})
	v.say(test, fleet.UpHello, fleet.Hello{V: fleet.Wire, Sess: sess, Nonce: fmt.Sprint("nonce of ", boot, sess), Boot: boot, Ver: "1.4.2", Clock: fleet.ClockReport{Quality: fleet.Synced}})
}

// listed is a terminal's row as the office lists it.
func (t *town) listed(id fleet.TID, more ...string) (service.Row, error) {
	text, err := t.run(append([]string{"ls", "--json", "--text", string(id)}, more...)...)
	if err != nil {
		return service.Row{}, err
	}
	var rows service.Rows
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		return service.Row{}, err
	}
	if len(rows.Terminals) != 1 {
		return service.Row{}, errors.New("it is not in the list")
	}
	return rows.Terminals[0], nil
}

// lateWill is assertion 53: the broker delivers the last word of a session that is
// over behind the next one's first.
func (t *town) lateWill(test *testing.T) {
	v := t.speak(test, "t-0053-late-will")
	v.birth(test, "one", 7)
	if err := until("the office lists it", func() bool { row, err := t.listed(v.id); return err == nil && row.Standing == service.StandingOnline }); err != nil {
		test.Fatal(err)
	}
	v.say(test, fleet.UpPresence, fleet.Presence{V: fleet.Wire, State: fleet.StateLost, Sess: 6})
	v.say(test, fleet.UpState, fleet.Report{V: fleet.Wire, Rev: 1, Sess: 7, At: fleet.At(time.Now()), Ver: "behind the will"})
	if err := until("what came behind the will is taken", func() bool { return t.has(v.id, "behind the will") }); err != nil {
		test.Fatal(err)
	}
	if row, err := t.listed(v.id); err != nil || row.Standing != service.StandingOnline {
		test.Errorf("53: after the will of an older session it is %q: %v", row.Standing, err)
	}
	v.say(test, fleet.UpPresence, fleet.Presence{V: fleet.Wire, State: fleet.StateLost, Sess: 7})
	if err := until("its own will counts", func() bool { row, err := t.listed(v.id); return err == nil && row.Standing == service.StandingLost }); err != nil {
		test.Error(err)
	}
}

// has reports whether the office's sheet of a terminal holds a text.
func (t *town) has(id fleet.TID, text string) bool {
	sheet, err := t.run("show", string(id), "--json")
	return err == nil && strings.Contains(sheet, text)
}

// copiedDisk is assertion 54: two machines take each other's place at the broker.
func (t *town) copiedDisk(test *testing.T) {
	v := t.speak(test, "t-0054-copied")
	for sess := uint64(41); sess <= 44; sess++ {
		v.birth(test, []string{"the machine", "its copy"}[sess%2], sess)
	}
	if err := until("54: the copy is found", func() bool { row, err := t.listed(v.id, "--found", "clone"); return err == nil && row.TID == v.id }); err != nil {
		test.Fatal(err)
	}
}
