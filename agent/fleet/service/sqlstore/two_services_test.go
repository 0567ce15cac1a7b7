package sqlstore_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/brokertest"
	"tillwire/agent/fleet/service"
	"tillwire/agent/fleet/service/storetest/postgres"
)

// wire is one service's side of a broker.
type wire struct {
	ready chan struct{}

	mu       sync.Mutex
	hear     func(fleet.Heard)
	commands map[string]int // how often each was sent, by number
	unacked  map[int]fleet.Heard
	count    int
}

func newWire() *wire {
	return &wire{ready: make(chan struct{}), commands: map[string]int{}, unacked: map[int]fleet.Heard{}}
}

// Run implements service.Broker.
func (w *wire) Run(ctx context.Context, hear func(fleet.Heard), state func(bool, error)) error {
	w.mu.Lock()
	w.hear = hear
	w.mu.Unlock()
	state(true, nil)
	close(w.ready)
	<-ctx.Done()
	return ctx.Err()
}

// Publish implements service.Broker.
func (w *wire) Publish(_ context.Context, _ fleet.TID, m fleet.Message) error {
	if m.Channel != fleet.DownCommand {
		return nil
	}
	var e fleet.Envelope
	var c fleet.Command
	err := json.Unmarshal(m.Payload, &e)
	if err == nil {
		var body []byte
		if body, err = base64.StdEncoding.DecodeString(e.Payload); err == nil {
			err = json.Unmarshal(body, &c)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.commands[c.Jti]++
	return err
}

// bring is a message that the broker gives to this service; until it is
// acknowledged it is the broker's to give again.
func (w *wire) bring(tid fleet.TID, c fleet.Channel, v any) {
	payload, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	w.again(fleet.Heard{TID: tid, Incoming: fleet.Incoming{Received: fleet.Received{Channel: c, Payload: payload}}})
}

func (w *wire) again(m fleet.Heard) {
	w.mu.Lock()
	w.count++
	n := w.count
	m.Ack = func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.unacked, n)
	}
	w.unacked[n] = m
	hear := w.hear
	w.mu.Unlock()
	hear(m)
}

// left is what was never acknowledged.
func (w *wire) left() (list []fleet.Heard) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for n := range w.count {
		if m, some := w.unacked[n+1]; some {
			list = append(list, m)
		}
	}
	return list
}

func (w *wire) sent(jti string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.commands[jti]
}

// noKeys signs nothing: who believes it is not asked here.
type noKeys struct{}

func (noKeys) Seal(kind string, document any) ([]byte, error) { return fleet.Seal(kind, document) }
func (noKeys) Set() ([]byte, uint64)                          { return nil, 0 }

// eventually looks until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	brokertest.Eventually(t, patience, what, holds)
}

const (
	shops   = 40
	batches = 10
	each    = 5
)

func shop(n int) fleet.TID { return fleet.TID(fmt.Sprintf("t-%06d", n)) }

// part is one batch of a shop's stream.
func part(n int) fleet.Batch {
	b := fleet.Batch{V: fleet.Wire, Stream: fleet.Audits, Epoch: "01KAFN00000000000000000000", First: uint64(n*each + 1), Last: uint64((n + 1) * each)}
	for seq := b.First; seq <= b.Last; seq++ {
		b.Events = append(b.Events, fleet.Event{SpecVersion: "1.0", Sequence: fleet.Sequence(seq), Data: json.RawMessage(`{}`)})
	}
	return b
}

// startTwo starts two services on one database.
func startTwo(t *testing.T, p *postgres.Server, schema string) (wires [2]*wire, services [2]*service.Service, kill [2]func()) {
	t.Helper()
	for i := range services {
		wires[i] = newWire()
		services[i] = service.New(service.Options{Name: "office.test", Store: open(t, p, schema), Broker: wires[i], Keys: noKeys{}, Clock: agent.NewSystemClock()})
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = services[i].Run(ctx) }()
		kill[i] = sync.OnceFunc(func() { cancel(); <-ended })
		t.Cleanup(kill[i])
		<-wires[i].ready
	}
	return wires, services, kill
}

// twoServices share a database and the messages of a broker. One is killed in the
// middle, and the broker gives the other what it had not acknowledged.
func twoServices(t *testing.T, p *postgres.Server) {
	schema := p.Empty()
	store := open(t, p, schema)
	wires, services, kill := startTwo(t, p, schema)
	for n := range shops {
		wires[n%2].bring(shop(n), fleet.UpPresence, fleet.Presence{V: fleet.Wire, State: fleet.StateOnline, Sess: 1, Boot: "boot"})
		wires[1-n%2].bring(shop(n), fleet.UpHello, fleet.Hello{V: fleet.Wire, Sess: 1, Boot: "boot", Nonce: "nonce"})
	}
	settled := func() bool { return len(wires[0].left())+len(wires[1].left()) == 0 }
	eventually(t, "every hello is stored", settled)
	var numbers []string
	began := time.Now()
	for n := range shops {
		c, err := services[n%2].Order(t.Context(), shop(n), service.Ask{Name: "ping"}, "ops")
		if err != nil {
			t.Fatal(err)
		}
		numbers = append(numbers, c.Order.Jti)
	}
	sent := func(jti string) int { return wires[0].sent(jti) + wires[1].sent(jti) }
	for _, jti := range numbers {
		eventually(t, "a command is sent", func() bool { return sent(jti) > 0 })
	}
	for _, jti := range numbers {
		// Nobody answers, so after ten seconds each is sent once more.
		if n := sent(jti); n != 1 && time.Since(began) < 9*time.Second {
			t.Errorf("two services sent a command %d times", n)
		}
		if c, err := store.Command(t.Context(), jti); err != nil || c.Status != service.Sent {
			t.Errorf("a command is %s: %v", c.Status, err)
		}
	}
	for n := range batches {
		if n == batches/2 {
			kill[0]()
			for _, m := range wires[0].left() {
				wires[1].again(m)
			}
		}
		for s := range shops {
			to := wires[(n+s)%2]
			if n >= batches/2 {
				to = wires[1]
			}
			to.bring(shop(s), fleet.Audits.Channel(), part(n))
		}
	}
	eventually(t, "the one that lives stores the rest", func() bool { return len(wires[1].left()) == 0 })
	for n := range shops {
		row, err := store.Terminal(t.Context(), shop(n))
		if err != nil {
			t.Fatal(err)
		}
		list, err := store.Events(t.Context(), service.EventFilter{TID: shop(n), Limit: 1000})
		if err != nil || len(list) != batches*each || row.Streams[fleet.Audits].Upto != batches*each {
			t.Errorf("%s: %d events, stored up to %d, want %d: %v", shop(n), len(list), row.Streams[fleet.Audits].Upto, batches*each, err)
		}
	}
}
