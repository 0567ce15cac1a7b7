package wallet

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
)

var errWay = errors.New("no route to host")

// ways is a machine with two ways to the network; each answers after a while, with a
// connection or without one.
type ways struct {
	mu     sync.Mutex
	dialed []string
	closed []string
	over   []bool
}

func (w *ways) way(name string, after time.Duration, err error) Dial {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		w.mu.Lock()
		w.dialed = append(w.dialed, name)
		w.mu.Unlock()
		select {
		case <-time.After(after):
		case <-ctx.Done():
			if after > time.Hour {
				return nil, ctx.Err()
			}
			<-time.After(after) // this one was on its way already
		}
		if err != nil {
			return nil, err
		}
		near, far := net.Pipe()
		go func() {
			_, _ = io.Copy(io.Discard, far)
			w.mu.Lock()
			defer w.mu.Unlock()
			w.closed = append(w.closed, name)
		}()
		return &named{near, name}, nil
	}
}

func (w *ways) tried() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.dialed)
}

type named struct {
	net.Conn
	name string
}

func TestTheSecondUplinkIsTakenWhenTheFirstHasNone(t *testing.T) {
	const never = 100 * time.Hour
	for name, tc := range map[string]struct {
		first, second       time.Duration
		firstErr, secondErr error
		want                string // the way that is taken; "" for neither
		took                time.Duration
		dialed              int
	}{
		"the first answers":                     {first: 300 * time.Millisecond, want: "first", took: 300 * time.Millisecond, dialed: 1},
		"the first refuses":                     {firstErr: errWay, second: 200 * time.Millisecond, want: "second", took: 200 * time.Millisecond, dialed: 2},
		"the first swallows":                    {first: never, second: 200 * time.Millisecond, want: "second", took: 1200 * time.Millisecond, dialed: 2},
		"the first is slow, the second slower":  {first: 1500 * time.Millisecond, second: time.Second, want: "first", took: 1500 * time.Millisecond, dialed: 2},
		"the first is slower":                   {first: 2500 * time.Millisecond, second: time.Second, want: "second", took: 2 * time.Second, dialed: 2},
		"both refuse":                           {firstErr: errWay, secondErr: errWay, dialed: 2},
		"the first refuses, the second is away": {firstErr: errWay, second: never, took: 3 * time.Second, dialed: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &ways{}
				u := Uplinks{First: w.way("first", tc.first, tc.firstErr), Second: w.way("second", tc.second, tc.secondErr), Clock: agent.NewSystemClock(),
					Over: func(second bool) { w.over = append(w.over, second) }}
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				began := time.Now()
				conn, err := u.Dial(ctx, "tcp", "pay.example:443")
				took := time.Since(began)
				if (err == nil) != (tc.want != "") || took != tc.took || len(w.tried()) != tc.dialed {
					t.Fatalf("%v after %s over %v", err, took, w.tried())
				}
				if err != nil {
					if errors.Is(err, errWay) != (tc.firstErr != nil) {
						t.Errorf("the error does not tell: %v", err)
					}
					return
				}
				if got := conn.(*named).name; got != tc.want || len(w.over) != 1 || w.over[0] != (tc.want == "second") {
					t.Errorf("over %s, told %v", got, w.over)
				}
				// The other one is hung up on when it answers after all; this one stays.
				<-time.After(time.Minute)
				w.mu.Lock()
				for _, name := range w.closed {
					if name == tc.want {
						t.Errorf("the connection that was given out is closed: %v", w.closed)
					}
				}
				w.mu.Unlock()
				if err := conn.Close(); err != nil {
					t.Error(err)
				}
			})
		})
	}
}
