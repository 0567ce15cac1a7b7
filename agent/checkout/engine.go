// Package checkout drives payments. Engine takes one payment as far as it will
// go, by one routine for a first try, a retry and a restart; a lane binds
// payments to the devices of one register.
//
// It imports only the root, the leaves agent/wallet/voucher and agent/wallet/emvqr, and
// the library that makes order numbers. Wallets, journal and devices come in through the
// root's ports.
package checkout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"tillwire/agent"
)

// Wallets is the set of configured wallets, as far as the counter needs it.
type Wallets interface {
	// Wallet finds a configured wallet by its brand.
	Wallet(name string) (agent.Wallet, bool)
	// Names lists the configured wallets in the shop's order.
	Names() []string
	// Identify says what a scanned text is and which wallet takes it for a payment in
	// the currency; "" is any.
	Identify(text agent.PayCode, in agent.Currency) agent.Code
	// Momentary reports that a text looks like a code that lives a minute, whoever takes
	// it here: it is never kept.
	Momentary(text agent.PayCode) bool
	// Explain is the sentence for a code that cannot be charged.
	Explain(agent.Code) agent.Sentence
}

// LaneConfig is one register.
type LaneConfig struct {
	ID      string
	Name    string
	Wallet  string        // default of payments that are shown
	Display agent.Display // nil when the lane has none
	Scanner listener      // nil when the lane has none that can be told anything
}

// listener is a scanner that can be told when to read. Its methods return at
// once and may be called from any goroutine.
type listener interface {
	// Listen says whether a payment waits for a code.
	Listen(waiting bool)
	// Answer says whether what was scanned last was taken.
	Answer(accepted bool)
}

// Options are the engine's surroundings. All but Log, Line, RideThrough and
// Offline are required.
type Options struct {
	Terminal    string // six characters, the first part of every order number
	Journal     agent.Journal
	Wallets     Wallets
	Lanes       []LaneConfig
	Feed        *agent.Feed
	Clock       agent.Clock
	Timers      func(wallet string) agent.Timers
	Fingerprint func(code string) []byte
	Line        func() agent.Line    // nil: the line is taken to be up
	RideThrough func() time.Duration // nil: 45 s
	Offline     *Offline             // nil: nothing is accepted without the wallet's word
	// Locked answers why no new payment may be opened; nil: nobody locks. What is under
	// way goes on to its end whatever it answers.
	Locked func() (reason string, locked bool)
	Log    *slog.Logger
}

// Engine drives every payment of the terminal. Its methods may be called from
// any goroutine.
type Engine struct {
	opt   Options
	lanes map[string]*lane
	order []string

	// work ends what the engine does on its own when the agent stops; a payment's
	// bookkeeping never depends on the context of the one who asked for it.
	work context.Context
	stop context.CancelFunc
	wg   sync.WaitGroup

	mu   sync.Mutex
	live map[agent.PaymentID]*live
	busy map[agent.PaymentID]bool
}

// New returns an engine. Call Boot once before anything else.
func New(opt Options) (*Engine, error) {
	if len(opt.Terminal) != 6 {
		return nil, fmt.Errorf("new engine: the terminal code %q must have six characters", opt.Terminal)
	}
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	if opt.Line == nil {
		opt.Line = func() agent.Line { return agent.Line{State: agent.LineOnline} }
	}
	if opt.Locked == nil {
		opt.Locked = func() (string, bool) { return "", false }
	}
	if opt.RideThrough == nil {
		opt.RideThrough = func() time.Duration { return 45 * time.Second }
	}
	e := &Engine{opt: opt, lanes: map[string]*lane{}, live: map[agent.PaymentID]*live{}, busy: map[agent.PaymentID]bool{}}
	e.work, e.stop = context.WithCancel(context.Background())
	for _, c := range opt.Lanes {
		if _, twice := e.lanes[c.ID]; twice {
			return nil, fmt.Errorf("new engine: lane %q is configured twice", c.ID)
		}
		e.lanes[c.ID] = newLane(c, opt.Clock)
		e.order = append(e.order, c.ID)
	}
	return e, nil
}

// Boot takes over the payments that the last run left open: their lanes are held
// again. What to do about each is in the outbox, all of it due at once.
func (e *Engine) Boot(ctx context.Context) error {
	open, err := e.opt.Journal.OpenPayments(ctx)
	if err != nil {
		return fmt.Errorf("boot: read open payments: %w", err)
	}
	for _, p := range open {
		e.Committed(p)
	}
	return nil
}

// Run keeps the lanes' displays up to date until ctx ends.
func (e *Engine) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, id := range e.order {
		l := e.lanes[id]
		wg.Go(func() { l.runDisplay(ctx, e) })
	}
	<-ctx.Done()
	wg.Wait()
	return nil
}

// Close lets the requests under way end by themselves for as long as grace, then
// cuts them, and returns once what became of each is recorded. What was cut is in
// doubt and is asked about at the next start.
func (e *Engine) Close(grace time.Duration) {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		e.wg.Wait()
	}()
	select {
	case <-ended:
	case <-e.opt.Clock.After(grace):
	}
	e.stop()
	<-ended
}

// Committed hears of every commit, in order. The journal calls it before it
// answers the writer, so no screen can be ahead of the disk or behind an answer.
func (e *Engine) Committed(p agent.Payment) {
	if l := e.lanes[p.Lane]; l != nil {
		l.committed(p)
	}
	e.opt.Feed.Publish(agent.Event{ID: p.Last().Seq, Kind: "payment", Lane: p.Lane, Payment: &p})
	if p.Status.Final() {
		e.forget(p.ID)
	}
}

// Lanes lists the registers in the shop's order.
func (e *Engine) Lanes() []agent.LaneInfo {
	infos := make([]agent.LaneInfo, 0, len(e.order))
	for _, id := range e.order {
		infos = append(infos, e.lanes[id].info())
	}
	return infos
}

// Offers lists what each configured wallet can do now, in the shop's order. What a
// wallet behind an acquirer takes may change while the shop is open.
func (e *Engine) Offers() []agent.Offer {
	names := e.opt.Wallets.Names()
	list := make([]agent.Offer, 0, len(names))
	for _, name := range names {
		w, ok := e.opt.Wallets.Wallet(name)
		if !ok {
			continue
		}
		info := w.Info()
		o := agent.Offer{Name: name, Currencies: append([]agent.Currency{}, info.Currency...), Test: info.Test}
		_, o.Scan = w.(agent.Charger)
		_, o.Show = w.(agent.Presenter)
		list = append(list, o)
	}
	return list
}

// Open records a payment and begins it. repeated reports that the same client
// asked for it before; then nothing new happens.
func (e *Engine) Open(ctx context.Context, r agent.Request) (p agent.Payment, repeated bool, err error) {
	if err := r.Check(); err != nil {
		return p, false, err
	}
	p, facts, err := e.newPayment(r)
	if err != nil {
		// A repeat is answered whatever has become of its lane or wallet.
		if old, repeated, other := e.repeat(ctx, r); repeated || other != nil {
			return old, repeated, other
		}
		return agent.Payment{}, false, err
	}
	// Known before the commit, so that no step can take it for a leftover of the
	// last run.
	id := p.ID
	now := e.opt.Clock.Mono()
	e.remember(id, &live{opened: now, started: now})
	p, err = e.opt.Journal.Open(context.WithoutCancel(ctx), p, facts...)
	if err != nil {
		e.forget(id)
		if errors.Is(err, agent.ErrRepeated) {
			return p, true, nil
		}
		return p, false, err
	}
	if r.Mode == agent.ModeShow {
		e.begin(id)
	}
	return p, false, nil
}

// repeat answers a request that was served before and could not be served today.
func (e *Engine) repeat(ctx context.Context, r agent.Request) (agent.Payment, bool, error) {
	p, err := e.opt.Journal.ByRequest(ctx, r.Client, r.RequestID)
	if agent.ClassOf(err) == agent.NotFound {
		return agent.Payment{}, false, nil
	}
	if err != nil {
		return agent.Payment{}, false, err
	}
	if string(p.RequestHash) != string(r.Hash()) {
		return p, false, &agent.Error{Op: "open payment", Class: agent.Conflict, Code: agent.CodeRequestReused, Payment: p.ID,
			Say: agent.Sentence{ID: "error.request_reused", English: "This request_id was used for another payment. Use a new one."}}
	}
	return p, true, nil
}

func (e *Engine) newPayment(r agent.Request) (agent.Payment, []agent.Fact, error) {
	l := e.lanes[r.Lane]
	if l == nil {
		return agent.Payment{}, nil, unknownLane(r.Lane)
	}
	if why, locked := e.opt.Locked(); locked {
		return agent.Payment{}, nil, lockedError(why)
	}
	now := e.opt.Clock.Now()
	id := ulid.Make().String()
	p := agent.Payment{
		ID: agent.PaymentID(id), OrderNo: e.opt.Terminal + id, Client: r.Client, RequestID: r.RequestID,
		RequestHash: r.Hash(), Lane: r.Lane, Amount: r.Amount, Reference: r.Reference, Mode: r.Mode,
		Cashier: r.Cashier, Created: now,
	}
	opened := agent.Fact{Kind: agent.FactOpened, At: now}
	if r.OnlineOnly {
		opened.Code = agent.CodeOnlineOnly
	}
	name := r.Wallet
	if name == "" && r.Mode == agent.ModeShow {
		name = l.cfg.Wallet
	}
	if name == "" {
		if err := e.payable(r.Mode, r.Amount.Currency); err != nil {
			return p, nil, err
		}
		p.Test = e.anyTest()
		return p, []agent.Fact{opened}, nil
	}
	w, err := e.presenter(name, r.Amount)
	if err != nil {
		return p, nil, err
	}
	p.Test = w.Info().Test
	facts := []agent.Fact{opened}
	if r.Mode == agent.ModeShow {
		facts = append(facts, agent.Fact{Kind: agent.FactPresentStarted, At: now, Op: agent.OpPresent, Attempt: 1, Wallet: name})
	}
	return p, facts, nil
}

// anyTest reports whether some wallet is a test one: a payment that waits for a
// code may become its.
func (e *Engine) anyTest() bool {
	for _, name := range e.opt.Wallets.Names() {
		if w, ok := e.opt.Wallets.Wallet(name); ok && w.Info().Test {
			return true
		}
	}
	return false
}
