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
	// Reach proves a way to the cloud, encryption included, and asks nothing of it. nil
	// connects to Hosts, which proves a way to whoever takes connections in their place.
	Reach func(ctx context.Context) error
	// Prove asks what only the wallet itself can answer. It is asked while answers come
	// that nobody believes, such as a network's own log-in page; nil: those count for
	// nothing.
	Prove func(ctx context.Context) error
}

// LinkOptions are what a Link works with; Targets and Clock are required.
type LinkOptions struct {
	Targets []Target
	Clock   agent.Clock
	// Dial looks for a host of a wallet without Reach; nil opens a TCP connection and
	// closes it again.
	Dial func(ctx context.Context, host string) error
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

	// After so many answers in a row that are not the wallet's own a connection proves
	// nothing any more.
	proveAfter   = 3
	proveTimeout = 8 * time.Second
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
	lies    int  // answers in a row that were not the wallet's own
	proves  bool // it can be asked for one that is
	reached bool // in this run, whatever came after
}

// deceived reports that somebody else answers in the wallet's place.
func (w *walletLink) deceived() bool { return w.lies >= proveAfter }

// NewLink returns a Link that takes every line for up until it learns better.
func NewLink(opt LinkOptions) *Link {
	if opt.Dial == nil {
		opt.Dial = dial
	}
	now, mono := opt.Clock.Now(), opt.Clock.Mono()
	l := &Link{opt: opt, kick: map[string]chan struct{}{}, wallets: map[string]*walletLink{}, state: agent.LineOnline, since: now, mono: mono}
	for _, t := range opt.Targets {
		l.wallets[t.Wallet] = &walletLink{state: agent.LineOnline, since: now, mono: mono, proves: t.Prove != nil}
		l.kick[t.Wallet] = make(chan struct{}, 1)
		l.order = append(l.order, t.Wallet)
	}
	return l
}

// dial connects to a host and hangs up.
func dial(ctx context.Context, host string) error {
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
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
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
		_, proving := l.health(t.Wallet)
		var err error
		if proving {
			once, cancel := context.WithTimeout(ctx, proveTimeout)
			err = t.Prove(once)
			cancel()
		} else {
			err = l.probe(ctx, t)
		}
		l.note(t.Wallet, err == nil, proving)
		wait := probeUp
		if failing, deceived := l.health(t.Wallet); failing && !deceived {
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
	if t.Reach != nil {
		once, cancel := context.WithTimeout(ctx, probeTimeout)
		defer cancel()
		return t.Reach(once)
	}
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

func (l *Link) health(wallet string) (failing, deceived bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.wallets[wallet]
	return w.failed > 0, w.deceived()
}

// Suspect asks for a probe now: a request has just failed to leave.
func (l *Link) Suspect(wallet string) {
	select {
	case l.kick[wallet] <- struct{}{}:
	default:
	}
}

// Disbelieve takes in an answer that was not the wallet's own. One proves little, and a
// few make the wallet itself be asked.
func (l *Link) Disbelieve(wallet string) {
	l.mu.Lock()
	w := l.wallets[wallet]
	ask := false
	if w != nil && w.proves {
		w.lies++
		ask = w.lies == proveAfter
	}
	l.mu.Unlock()
	if ask {
		l.Suspect(wallet)
	}
}

// Observe takes in that a wallet's cloud answered, or was not reached.
func (l *Link) Observe(wallet string, reached bool) { l.note(wallet, reached, true) }

// note takes in what a request or a probe has found. proven tells the wallet's own answer
// from a mere connection, which counts for nothing while somebody answers in its place.
func (l *Link) note(wallet string, reached, proven bool) {
	l.mu.Lock()
	w := l.wallets[wallet]
	if w == nil {
		l.mu.Unlock()
		return
	}
	before := w.state
	switch {
	case reached && (proven || !w.deceived()):
		w.failed, w.reached = 0, true
		if proven {
			w.lies = 0
		}
		w.turn(agent.LineOnline, l.opt.Clock)
	case !reached:
		if w.failed++; w.failed >= downAfter {
			w.turn(agent.LineDown, l.opt.Clock)
		}
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
		line.Proven = line.Proven && w.reached && w.failed == 0 && w.lies == 0
	}
	return line
}
