package replay_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/offline/replay"
)

// network is a set of hosts that can be switched off.
type network struct {
	mu    sync.Mutex
	off   map[string]bool
	calls []string
}

func (n *network) dial(_ context.Context, host string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.off[host] {
		return errors.New("refused")
	}
	return nil
}

func (n *network) set(off bool, hosts ...string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, h := range hosts {
		n.off[h] = off
	}
}

func link(t *testing.T, test func(*network, *replay.Link, agent.Clock, func() []string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := &network{off: map[string]bool{}}
		clock := agent.NewSystemClock()
		var mu sync.Mutex
		var changes []string
		l := replay.NewLink(replay.LinkOptions{Clock: clock, Dial: n.dial,
			Targets: []replay.Target{{Wallet: "wechat", Hosts: []string{"w1", "w2"}}, {Wallet: "alipay", Hosts: []string{"a1"}}},
			Changed: func(w string, s agent.LineState) {
				mu.Lock()
				defer mu.Unlock()
				changes = append(changes, w+" "+string(s))
			}})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = l.Run(ctx) })
		synctest.Wait()
		test(n, l, clock, func() []string {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(changes)
		})
		cancel()
		wg.Wait()
	})
}

func TestLineIsNoticedInTime(t *testing.T) {
	link(t, func(n *network, l *replay.Link, clock agent.Clock, changes func() []string) {
		want := func(after time.Duration, shop, wechat, alipay agent.LineState) {
			t.Helper()
			<-clock.After(after)
			got := l.Line()
			if got.State != shop || got.Wallets["wechat"].State != wechat || got.Wallets["alipay"].State != alipay {
				t.Errorf("the line is %+v, want %s (%s, %s)", got, shop, wechat, alipay)
			}
		}
		on, down := agent.LineOnline, agent.LineDown
		want(time.Second, on, on, on)
		n.set(true, "w1")
		want(15*time.Second, on, on, on) // the other host of the same wallet is enough
		n.set(true, "w2")
		want(15*time.Second, agent.LineDegraded, down, on)
		n.set(true, "a1")
		want(15*time.Second, down, down, down)
		if d := l.Line().Down; d <= 0 || d > 15*time.Second {
			t.Errorf("the line has been down for %s", d)
		}
		n.set(false, "a1")
		want(10*time.Second, agent.LineDegraded, down, on)
		n.set(false, "w2")
		want(10*time.Second, on, on, on)
		if got, want := changes(), []string{"wechat down", "alipay down", "alipay online", "wechat online"}; !slices.Equal(got, want) {
			t.Errorf("changes %v, want %v", got, want)
		}
	})
}

// TestALineIsProvenByAnAnswer: before the first answer, and after the first failure, the
// line is taken for up and nothing may rely on it.
func TestALineIsProvenByAnAnswer(t *testing.T) {
	targets := []replay.Target{{Wallet: "wechat", Hosts: []string{"w1"}}, {Wallet: "alipay", Hosts: []string{"a1"}}}
	l := replay.NewLink(replay.LinkOptions{Clock: agent.NewSystemClock(), Targets: targets})
	want := func(proven bool, after string) {
		t.Helper()
		if line := l.Line(); line.State != agent.LineOnline || line.Proven != proven {
			t.Errorf("after %s: %s, proven %t", after, line.State, line.Proven)
		}
	}
	want(false, "a start")
	l.Observe("wechat", true)
	want(false, "the answer of one")
	l.Observe("alipay", true)
	want(true, "the answers of both")
	l.Observe("wechat", false)
	want(false, "a failure")
	l.Observe("wechat", true)
	want(true, "another answer")
}

// TestAConnectionThatLeadsElsewhereIsNoLine: a network of strangers takes every connection
// and answers with a page of its own. The line is up again when the wallet itself answers.
func TestAConnectionThatLeadsElsewhereIsNoLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := agent.NewSystemClock()
		var deaf, asked atomic.Int64
		l := replay.NewLink(replay.LinkOptions{Clock: clock, Targets: []replay.Target{{Wallet: "wechat",
			Reach: func(context.Context) error { return nil },
			Prove: func(context.Context) error {
				asked.Add(1)
				if deaf.Load() > 0 {
					return errors.New("a log-in page")
				}
				return nil
			}}}})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = l.Run(ctx) })
		defer wg.Wait()
		defer cancel()
		want := func(after time.Duration, state agent.LineState, proven bool, queries int64) {
			t.Helper()
			<-clock.After(after)
			if line := l.Line(); line.State != state || line.Proven != proven || asked.Load() < queries || queries == 0 && asked.Load() > 0 {
				t.Fatalf("the line is %s, proven %t, after %d queries; want %s, %t, %d", line.State, line.Proven, asked.Load(), state, proven, queries)
			}
		}
		lies := func(n int) {
			for range n {
				l.Disbelieve("wechat")
			}
		}
		want(time.Second, agent.LineOnline, true, 0)
		lies(2)
		want(time.Minute, agent.LineOnline, false, 0)
		l.Observe("wechat", true)
		lies(2)
		want(time.Minute, agent.LineOnline, false, 0) // they were not in a row
		lies(1)
		want(time.Second, agent.LineOnline, true, 1) // the wallet itself says otherwise
		deaf.Store(1)
		lies(3)
		want(15*time.Second, agent.LineDown, false, 3)
		want(time.Hour, agent.LineDown, false, 4)
		deaf.Store(0)
		want(10*time.Second, agent.LineOnline, true, 5)
		deaf.Store(1)
		lies(3)
		want(15*time.Second, agent.LineDown, false, 6)
		l.Observe("wechat", true) // as fast as a probe: its answer to a payment
		want(time.Millisecond, agent.LineOnline, true, 6)
		l.Disbelieve("unknown")
	})
}

// TestAWalletIsReachedAsItsRequestsAre: where it knows a way of its own to look, a mere
// connection to its hosts is not looked for.
func TestAWalletIsReachedAsItsRequestsAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		clock := agent.NewSystemClock()
		l := replay.NewLink(replay.LinkOptions{Clock: clock, Dial: func(context.Context, string) error { return nil },
			Targets: []replay.Target{{Wallet: "wechat", Hosts: []string{"w1"}, Reach: func(context.Context) error { return errors.New("no handshake") }}}})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { _ = l.Run(ctx) })
		<-clock.After(15 * time.Second)
		if line := l.Line(); line.State != agent.LineDown {
			t.Errorf("without a handshake the line is %s", line.State)
		}
		// Nobody can tell what only the wallet would know: an answer that is not believed
		// says nothing.
		l.Observe("wechat", true)
		for range 9 {
			l.Disbelieve("wechat")
		}
		if line := l.Line(); line.State != agent.LineOnline || !line.Proven {
			t.Errorf("the line is %s, proven %t", line.State, line.Proven)
		}
		cancel()
		wg.Wait()
	})
}

func TestTrafficSpeaksForTheLine(t *testing.T) {
	link(t, func(n *network, l *replay.Link, clock agent.Clock, _ func() []string) {
		n.set(true, "a1")
		l.Suspect("alipay")
		synctest.Wait()
		l.Suspect("alipay")
		synctest.Wait()
		if s := l.Line().Wallets["alipay"].State; s != agent.LineDown {
			t.Errorf("after two failed requests and probes the line is %s", s)
		}
		l.Observe("alipay", true)
		if s := l.Line().Wallets["alipay"].State; s != agent.LineOnline {
			t.Errorf("after an answer the line is %s", s)
		}
		l.Observe("unknown", false)
	})
}
