package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/mqtt"
)

// retainedPresence is what the broker keeps about the terminal, for whoever comes
// with the address of the ready file.
func retainedPresence(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + u.Host).SetUsername(u.User.Username()).SetPassword(password))
	if token := c.Connect(); !token.WaitTimeout(patience) || token.Error() != nil {
		t.Fatalf("%s: %v", address, token.Error())
	}
	defer c.Disconnect(50)
	kept := make(chan string, 1)
	c.Subscribe(demoTID.Topic(fleet.UpPresence), 1, func(_ paho.Client, m paho.Message) {
		var p fleet.Presence
		if json.Unmarshal(m.Payload(), &p) == nil && m.Retained() {
			kept <- string(p.State)
		}
	})
	select {
	case state := <-kept:
		return state
	case <-time.After(patience):
		return "nothing"
	}
}

// fakePresence is as much of a terminal's side of the fleet as a demo looks at.
type fakePresence struct {
	sess uint64
	link *mqtt.Link
}

func (f *fakePresence) message(state fleet.State) fleet.Message {
	text, err := json.Marshal(fleet.Presence{V: fleet.Wire, State: state, Sess: f.sess})
	if err != nil {
		panic(err)
	}
	return fleet.Message{Channel: fleet.UpPresence, Payload: text}
}

func (f *fakePresence) Connecting(context.Context) (fleet.Message, error) {
	f.sess = uint64(time.Now().UnixNano())
	return f.message(fleet.StateLost), nil
}

func (f *fakePresence) Connected() {
	if err := f.link.Publish(context.Background(), f.message(fleet.StateOnline)); err != nil {
		fmt.Fprintln(os.Stderr, "presence:", err)
	}
}

func (f *fakePresence) Incoming(m fleet.Incoming) { m.Ack() }

func (f *fakePresence) Disconnected(err error) { fmt.Fprintln(os.Stderr, "broker:", err) }

// attendFleet connects as the configuration says, password included.
func attendFleet(ctx context.Context, config string) {
	password := func() (string, error) {
		text, err := os.ReadFile(setting(config, "password")[0])
		return strings.TrimSpace(string(text)), err
	}
	f := &fakePresence{}
	var err error
	if f.link, err = mqtt.New(mqtt.Options{TID: fleet.TID(setting(config, "tid")[0]), Broker: setting(config, "broker")[0], Password: password, Clock: agent.NewSystemClock()}); err != nil {
		fmt.Fprintln(os.Stderr, "broker:", err)
		return
	}
	_ = f.link.Run(ctx, f) // ends with the agent
}
