package embedded_test

import (
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"
	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/listeners"
	"github.com/mochi-mqtt/server/v2/packets"

	"tillwire/agent/fleet/brokertest"
	"tillwire/agent/fleet/embedded"
)

const patience = time.Minute

// TestTwoRowsOfNumbers: the office acknowledges what it hears once it is stored, and
// subscribes and publishes meanwhile.
func TestTwoRowsOfNumbers(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := mochi.New(&mochi.Options{InlineClient: true, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
	for _, err := range []error{s.AddHook(&brokertest.OpenDoor{}, nil), s.AddHook(&embedded.Numbers{}, nil), s.AddListener(listeners.NewNet("test", l)), s.Serve()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	defer s.Close()
	const id, messages = "office", 8
	heard := make(chan paho.Message, messages)
	c := paho.NewClient(paho.NewClientOptions().AddBroker("mqtt://" + l.Addr().String()).SetClientID(id).SetProtocolVersion(4).SetAutoAckDisabled(true).
		SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { heard <- m }))
	done := func(what string, token paho.Token) {
		t.Helper()
		if !token.WaitTimeout(patience) || token.Error() != nil {
			t.Fatalf("%s: %v", what, token.Error())
		}
	}
	done("connect", c.Connect())
	defer c.Disconnect(0)
	granted := func(filter string) {
		t.Helper()
		token, _ := c.Subscribe(filter, 1, nil).(*paho.SubscribeToken)
		done(filter, token)
		if code := token.Result()[filter]; code != 1 {
			t.Errorf("%s is answered with %#x", filter, code)
		}
	}
	granted("up/#") // the library's number 1
	var waiting []paho.Message
	for range messages { // the broker's numbers from 1 on
		if err := s.Publish("up/state", []byte("x"), false, 1); err != nil {
			t.Fatal(err)
		}
		select {
		case m := <-heard:
			waiting = append(waiting, m)
		case <-time.After(patience):
			t.Fatal("a message does not come")
		}
	}
	granted("other/#") // 2
	done("unsubscribe", c.Unsubscribe("other/#"))
	done("publish", c.Publish("down/cmd", 1, false, "x")) // 4
	at, known := s.Clients.Get(id)
	if !known {
		t.Fatal("the broker does not know the client")
	}
	if _, still := at.State.Subscriptions.Get("other/#"); still {
		t.Error("it is still subscribed")
	}
	for n := range uint16(messages) {
		if pk, there := at.State.Inflight.Get(n + 1); !there || pk.FixedHeader.Type != packets.Publish {
			t.Errorf("message %d is forgotten before it is acknowledged", n+1)
		}
	}
	for _, m := range waiting {
		m.Ack()
	}
	brokertest.Eventually(t, patience, "all are acknowledged", func() bool { return at.State.Inflight.Len() == 0 })
}
