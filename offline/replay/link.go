package replay

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync"
	"time"

	"tillwire/agent"
)

// Target is a wallet's cloud as the link sees it.
type Target struct {
	Wallet string
	Hosts  []string // base URLs; one that answers is enough
}

// LinkOptions are what a Link works with; all but Dial and Up are required.
type LinkOptions struct {
	Targets []Target
	Clock   agent.Clock
	// Dial opens a connection and closes it again; nil uses Open. A light probe
	// proves a way to the host, not that the host is right in the head.
	Dial func(ctx context.Context, host string) error
	// Open is how a connection is opened, as the wallets' own are; nil uses TCP.
	Open func(ctx context.Context, network, address string) (net.Conn, error)
	// Changed is called after each change of a wallet's state.
	Changed func(wallet string, state agent.LineState)
}

// The rhythm of probes: a lost line is noticed within two probes, a returned one
// within one.
const (
	probeUp      = 5 * time.Second
	probeDown    = 2 * time.Second
	probeTimeout = 3 * time.Second
	downAfter    = 2 // failures in a row
)

// Link knows whether the wallets' clouds can be reached, from probes and from the
// traffic itself.
type Link struct {
	opt  LinkOptions
	kick map[string]chan struct{}

	mu      sync.Mutex
	wallets map[string]*walletLink
	order   []string
	state   agent.LineState
	since   time.Time
	mono    time.Duration
}

type walletLink struct {
	state   agent.LineState
	since   time.Time
	mono    time.Duration
	failed  int
	reached bool // in this run, whatever came after
}

// NewLink returns a Link that takes every line for up until it learns better.
func NewLink(opt LinkOptions) *Link {
	if opt.Open == nil {
		opt.Open = (&net.Dialer{}).DialContext
	}
	if opt.Dial == nil {
		opt.Dial = opt.dial
	}
	now, mono := opt.Clock.Now(), opt.Clock.Mono()
	l := &Link{opt: opt, kick: map[string]chan struct{}{}, wallets: map[string]*walletLink{}, state: agent.LineOnline, since: now, mono: mono}
	for _, t := range opt.Targets {
		l.wallets[t.Wallet] = &walletLink{state: agent.LineOnline, since: now, mono: mono}
		l.kick[t.Wallet] = make(chan struct{}, 1)
		l.order = append(l.order, t.Wallet)
	}
	return l
}

// dial connects to a host and hangs up.
func (o LinkOptions) dial(ctx context.Context, host string) error {
	u, err := url.Parse(host)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80"}[u.Scheme]
	}
	if port == "" {
		port = "443"
	}
	c, err := o.Open(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return err
	}
	return c.Close()
}

// Run probes until ctx ends.
func (l *Link) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, t := range l.opt.Targets {
		wg.Go(func() { l.watch(ctx, t) })
	}
	wg.Wait()
	return nil
}

func (l *Link) watch(ctx context.Context, t Target) {
	for {
		l.Observe(t.Wallet, l.probe(ctx, t) == nil)
		wait := probeUp
		if l.failing(t.Wallet) {
			wait = probeDown
		}
		select {
		case <-ctx.Done():
			return
		case <-l.opt.Clock.After(wait):
		case <-l.kick[t.Wallet]:
		}
	}
}

func (l *Link) probe(ctx context.Context, t Target) error {
	var errs []error
	for _, host := range t.Hosts {
		once, cancel := context.WithTimeout(ctx, probeTimeout)
		err := l.opt.Dial(once, host)
		cancel()
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func (l *Link) failing(wallet string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.wallets[wallet].failed > 0
}

// Suspect asks for a probe now: a request has just failed to leave.
func (l *Link) Suspect(wallet string) {
	select {
	case l.kick[wallet] <- struct{}{}:
	default:
	}
}

// Observe takes in that a wallet's cloud was reached, or was not.
func (l *Link) Observe(wallet string, reached bool) {
	l.mu.Lock()
	w := l.wallets[wallet]
	if w == nil {
		l.mu.Unlock()
		return
	}
	before := w.state
	if reached {
		w.failed, w.reached = 0, true
		w.turn(agent.LineOnline, l.opt.Clock)
	} else if w.failed++; w.failed >= downAfter {
		w.turn(agent.LineDown, l.opt.Clock)
	}
	after := w.state
	l.sum()
	l.mu.Unlock()
	if before != after && l.opt.Changed != nil {
		l.opt.Changed(wallet, after)
	}
}

func (w *walletLink) turn(s agent.LineState, c agent.Clock) {
	if w.state != s {
		w.state, w.since, w.mono = s, c.Now(), c.Mono()
	}
}

// sum computes the shop's line from the wallets'.
func (l *Link) sum() {
	down := 0
	for _, w := range l.wallets {
		if w.state == agent.LineDown {
			down++
		}
	}
	state := agent.LineDegraded
	switch down {
	case 0:
		state = agent.LineOnline
	case len(l.wallets):
		state = agent.LineDown
	}
	if state != l.state {
		l.state, l.since, l.mono = state, l.opt.Clock.Now(), l.opt.Clock.Mono()
	}
}

// Line is a snapshot of what is known.
func (l *Link) Line() agent.Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.opt.Clock.Mono()
	line := agent.Line{State: l.state, Since: l.since, Wallets: map[string]agent.WalletLine{}, Proven: len(l.order) > 0}
	if l.state == agent.LineDown {
		line.Down = now - l.mono
	}
	for _, name := range l.order {
		w := l.wallets[name]
		wl := agent.WalletLine{State: w.state, Since: w.since}
		if w.state == agent.LineDown {
			wl.Down = now - w.mono
		}
		line.Wallets[name] = wl
		line.Proven = line.Proven && w.reached && w.failed == 0
	}
	return line
}
