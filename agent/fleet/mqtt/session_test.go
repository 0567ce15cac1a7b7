package mqtt

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// recorder is a session that remembers what it was told.
type recorder struct {
	mu       sync.Mutex
	sess     int
	up, down int
	err      error
	got      []fleet.Incoming
	on       func(fleet.Incoming) // what to do with a message; nil: acknowledge it
}

// Connecting implements fleet.Session.
func (r *recorder) Connecting(context.Context) (fleet.Message, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sess++
	return fleet.Message{Channel: fleet.UpPresence, Payload: fmt.Appendf(nil, `{"v":1,"state":"lost","sess":%d}`, r.sess)}, nil
}

// Connected implements fleet.Session.
func (r *recorder) Connected() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up++
}

// Disconnected implements fleet.Session.
func (r *recorder) Disconnected(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.down, r.err = r.down+1, err
}

// Incoming implements fleet.Session.
func (r *recorder) Incoming(m fleet.Incoming) {
	r.mu.Lock()
	r.got = append(r.got, m)
	on := r.on
	r.mu.Unlock()
	if on != nil {
		on(m)
		return
	}
	m.Ack()
}

func (r *recorder) counts() (up, down, got int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.up, r.down, len(r.got)
}

func (r *recorder) lastErr() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// at once is a dice that never waits long.
func atOnce(time.Duration) time.Duration { return time.Millisecond }

// run starts a link and returns how to stop it.
func run(t *testing.T, o Options, s fleet.Session) (*Link, func()) {
	t.Helper()
	if o.Clock == nil {
		o.Clock = agent.NewSystemClock()
	}
	if o.Draw == nil {
		o.Draw = atOnce
	}
	l, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = l.Run(ctx, s) // its error is the context's
	}()
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			select {
			case <-ended:
			case <-time.After(patience):
				t.Error("the link does not stop")
			}
		})
	}
	t.Cleanup(stop)
	return l, stop
}

func (b *broker) options(id fleet.TID, addr string) Options {
	return Options{TID: id, Broker: "mqtts://" + addr, TLS: tlsOf(b.pki.issue(b.t, string(id)))}
}

func connected(t *testing.T, r *recorder, times int) {
	t.Helper()
	eventually(t, fmt.Sprintf("connection %d", times), func() bool { up, _, _ := r.counts(); return up >= times })
}
