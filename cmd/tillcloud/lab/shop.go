package lab

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"tillwire/agent"
	"tillwire/agent/checkout"
	"tillwire/agent/wallet"
	"tillwire/agent/wallet/voucher"
	"tillwire/offline"
	"tillwire/offline/replay"
)

// Point is a place on the road of a payment where a campaign may cut the power.
type Point struct {
	Place string // "boot", "open", "record", "durable", "told", "answered", "send", "arrived", "executed"
	What  string // how far the start is, the mode, the kind of the last fact, or the operation
}

// Options are what a shop is built with. Dir, Clock and Keys are required.
type Options struct {
	Dir     string // the agent's data below agent/, the cloud's below cloud/
	Clock   *Clock
	Keys    Keys
	Network *Network // nil: real sockets on the loopback
	// Dial replaces how the shop reaches the cloud; nil: directly.
	Dial  wallet.Dial
	Lanes int // 1 when zero
	// Wallets are what the shop takes, by name, in its order; none: wechat.
	Wallets []string
	// Outage is what the owner lets be accepted while the line is down, by the wallets of
	// Apart that the shop takes; nil: nothing. It may not change while the shop is open.
	Outage *agent.OfflinePolicy
	// Timers are the waits of a wallet; nil: those of its protocol.
	Timers      func(wallet string) agent.Timers
	RideThrough time.Duration // 45 s when zero
	Workers     int           // of the outbox; 16 when zero
	// At hears of every point; it may call PowerOff. nil is allowed.
	At func(Point)
	// Meddle decides what happens to a request on its way; nil: nothing.
	Meddle func(Arrival) Meddling
	// Free tells how much room the disk has; nil: plenty.
	Free func(dir string) (uint64, error)
	// Witness is where the store's witness stands; empty: in its folder.
	Witness string
	// Display is a lane's display for the customer; nil: one that always works. What it
	// is told to show is judged either way.
	Display func(lane string) agent.Display
	// Step hears of every task of the outbox before it is done, and may panic as a
	// broken program would. nil is allowed.
	Step func(agent.Task)
	// Told hears of every commit, as the screens do, once it was shown to them. It
	// runs on the store's writer: it must be quick and must not call the shop.
	Told func(agent.Payment)
	// Wrote hears of every transaction of the agent's store, before Told does: how
	// many requests it carried and how long its commit took. nil is allowed.
	Wrote func(requests int, took time.Duration)
	// Gone tells of an order whose payment the agent may have forgotten rightly,
	// because retention took it; nil: none.
	Gone func(orderNo string) bool
	// Look wraps every look of the oracle at the agent's disk while the shop trades, so
	// that a fault of that disk meets the agent and not its judge; nil: a plain call.
	Look func(look func())
	// Forgets makes a cloud that keeps nothing of orders which are undone before it has
	// seen them, as sandbox.Ledger.ForgetUnseen says.
	Forgets bool
	// Steady reports that a wallet has confirmed the wall clock; nil: nobody has, and
	// retention removes nothing.
	Steady func() bool
	// Log gets what the agent logs, and may be nil. All of it, down to what is only for
	// finding faults, is read for payment codes.
	Log *slog.Logger
}

// Shop is a whole shop: an agent with its store, and the cloud it talks to. Its
// methods may be called from any goroutine.
type Shop struct {
	opt Options

	mu    sync.Mutex // guards what follows
	cloud *Cloud
	hosts map[string]string // wallet to the address of its cloud
	till  *till             // nil while the power is off
	seen  evidence

	abilities map[string][]byte // what each gateway has said that it can do

	requests atomic.Int64
	errands  sync.WaitGroup // requests that arrive late
}

// till is one run of the agent, from power on to power off. Of an agent that runs
// elsewhere there is only the reader.
type till struct {
	store    *offline.Store
	reader   *offline.Reader // independent of the store: what is durable
	engine   *checkout.Engine
	feed     *agent.Feed
	replayer *replay.Replayer
	link     *replay.Link
	wallets  []client       // in the shop's order
	trust    *voucher.Trust // nil: no wallet has an issuer
	renew    chan struct{}  // the list of issuers is fetched now; nil with no issuer
	on       atomic.Bool
	stop     context.CancelFunc
	runs     sync.WaitGroup
	booted   time.Duration
	screens  []*screen       // of the lanes; under the shop's mutex
	leases   map[int64]int64 // row of the outbox to the payment's version when it was leased; under the shop's mutex
}

// ErrPowerOff is what happens to everything that is tried without power.
var ErrPowerOff = errors.New("the power is off")

// Open builds the cloud and starts the agent.
func Open(ctx context.Context, o Options) (*Shop, error) {
	s := newShop(o)
	if err := s.StartCloud(ctx); err != nil {
		return nil, err
	}
	if err := s.PowerOn(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func newShop(o Options) *Shop {
	o.Lanes = max(o.Lanes, 1)
	if len(o.Wallets) == 0 {
		o.Wallets = []string{"wechat"}
	}
	if o.Timers == nil {
		o.Timers = DefaultTimers
	}
	if o.RideThrough == 0 {
		o.RideThrough = 45 * time.Second
	}
	if o.Free == nil {
		o.Free = func(string) (uint64, error) { return 1 << 40, nil }
	}
	if o.Gone == nil {
		o.Gone = func(string) bool { return false }
	}
	if o.Look == nil {
		o.Look = func(look func()) { look() }
	}
	s := &Shop{opt: o, hosts: map[string]string{}, seen: newEvidence(), abilities: map[string][]byte{}}
	s.opt.Log = s.listened(o.Log)
	return s
}

// DefaultTimers are the waits of a wallet by its name. Where no wallet is known yet,
// they are those of any.
func DefaultTimers(wallet string) agent.Timers {
	w, _ := WalletNamed(wallet)
	return agent.DefaultTimers(w.Protocol)
}

// StartCloud starts the sandbox again after StopCloud, at the same address.
func (s *Shop) StartCloud(ctx context.Context) error {
	s.mu.Lock()
	hosts := maps.Clone(s.hosts)
	s.mu.Unlock()
	c, err := openCloud(ctx, s, hosts)
	if err != nil {
		return fmt.Errorf("start the cloud: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cloud = c
	for _, name := range s.opt.Wallets {
		s.hosts[name] = c.HostURLs(name)[0][len("http://"):]
	}
	return nil
}

// StopCloud ends the sandbox; its ledger stays on disk.
func (s *Shop) StopCloud() error { return s.Cloud().close() }

// Cloud is the running sandbox.
func (s *Shop) Cloud() *Cloud {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cloud
}

// Till is the running agent's engine, or nil while the power is off.
func (s *Shop) Till() *checkout.Engine {
	if t := s.running(); t != nil {
		return t.engine
	}
	return nil
}

// Feed is what the running agent tells its screens, or nil while the power is off.
func (s *Shop) Feed() *agent.Feed {
	if t := s.running(); t != nil {
		return t.feed
	}
	return nil
}

// Store is the running agent's store, or nil while the power is off.
func (s *Shop) Store() *offline.Store {
	if t := s.running(); t != nil {
		return t.store
	}
	return nil
}

func (s *Shop) running() *till {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.till == nil || !s.till.on.Load() {
		return nil
	}
	return s.till
}

// AgentDir is the agent's data folder.
func (s *Shop) AgentDir() string { return filepath.Join(s.opt.Dir, "agent") }

// Timers are the waits of a wallet.
func (s *Shop) Timers(wallet string) agent.Timers { return s.opt.Timers(wallet) }

// Names lists the shop's wallets in its order.
func (s *Shop) Names() []string { return slices.Clone(s.opt.Wallets) }

// PowerOn starts the agent on what its folder holds.
func (s *Shop) PowerOn(ctx context.Context) error {
	t := &till{leases: map[int64]int64{}}
	t.on.Store(true)
	var err error
	if t.wallets, err = s.connect(); err != nil {
		return fmt.Errorf("power on: %w", err)
	}
	t.store, err = offline.Open(ctx, offline.Options{Dir: s.AgentDir(), Name: "lab", Clock: s.opt.Clock, Log: s.opt.Log, Timers: s.opt.Timers,
		Notify: func(p agent.Payment) { s.committed(t, p) }, Free: s.opt.Free, Witness: s.opt.Witness, BackupEvery: -1, PerWallet: 12,
		Steady: s.opt.Steady, Observe: s.opt.Wrote})
	if err != nil {
		return fmt.Errorf("power on: %w", err)
	}
	s.opt.Look(func() { t.reader, err = offline.OpenReader(context.WithoutCancel(ctx), s.AgentDir()) })
	if err != nil {
		return errors.Join(fmt.Errorf("power on: %w", err), t.store.Close())
	}
	if err := s.assemble(t); err != nil {
		return errors.Join(fmt.Errorf("power on: %w", err), t.reader.Close(), t.store.Close())
	}
	s.mu.Lock()
	s.till = t
	s.mu.Unlock()
	if err := s.boot(ctx, t); err != nil {
		return errors.Join(fmt.Errorf("power on: %w", err), s.Bury())
	}
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.stop = stop
	t.booted = s.opt.Clock.Mono()
	t.runs.Go(func() { _ = t.engine.Run(work) })
	t.runs.Go(func() { _ = t.replayer.Run(work) })
	t.runs.Go(func() { _ = t.link.Run(work) })
	s.freshen(work, t)
	return nil
}

// boot takes over what the last run left, unless the power goes again.
func (s *Shop) boot(ctx context.Context, t *till) error {
	s.at(Point{Place: "boot", What: "store open"})
	if !t.on.Load() {
		return ErrPowerOff
	}
	if err := s.found(ctx, t); err != nil {
		return err
	}
	if err := t.engine.Boot(ctx); err != nil {
		return err
	}
	s.at(Point{Place: "boot", What: "lanes held"})
	if !t.on.Load() {
		return ErrPowerOff
	}
	return nil
}

// connect builds the wallets as the agent's configuration would.
func (s *Shop) connect() (list []client, err error) {
	wallets, err := s.opt.chosen()
	if err != nil {
		return nil, err
	}
	cloud := s.Cloud()
	for _, w := range wallets {
		c, err := w.connect(s, cloud.Wallet(w.Name), s.host(w.Name))
		if err != nil {
			return nil, fmt.Errorf("connect %s: %w", w.Name, err)
		}
		list = append(list, c)
	}
	return list, nil
}

// host is the base URL of a wallet's cloud.
func (s *Shop) host(wallet string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return "http://" + s.hosts[wallet]
}

// dial is the shop's way to the cloud.
func (s *Shop) dial(ctx context.Context, network, address string) (conn netConn, err error) {
	switch {
	case s.running() == nil:
		return nil, ErrPowerOff
	case s.opt.Dial != nil:
		conn, err = s.opt.Dial(ctx, network, address)
	case s.opt.Network != nil:
		conn, err = s.opt.Network.Dial(ctx, network, address)
	default:
		conn, err = dialTCP(ctx, network, address)
	}
	if err != nil {
		return nil, err
	}
	return &wire{Conn: conn, shop: s}, nil
}

// assemble binds the parts as the agent does.
func (s *Shop) assemble(t *till) error {
	var members []wallet.Member
	var targets []replay.Target
	shown := ""
	for _, w := range t.wallets {
		info := w.Info()
		known, _ := WalletNamed(info.Name)
		members = append(members, wallet.Member{Wallet: w, Takes: known.Takes})
		targets = append(targets, replay.Target{Wallet: info.Name, Hosts: info.Hosts})
		if _, shows := w.(agent.Presenter); shows && shown == "" {
			shown = info.Name
		}
	}
	set, err := wallet.NewSet(append(wallet.DefaultRules(), cardCodes), nil, members...)
	if err != nil {
		return err
	}
	t.link = replay.NewLink(replay.LinkOptions{Clock: s.opt.Clock, Targets: targets,
		Dial: s.probe, Changed: func(name string, state agent.LineState) { s.lineChanged(t, name, state) }})
	var lanes []checkout.LaneConfig
	for i := range s.opt.Lanes {
		lane := checkout.LaneConfig{ID: strconv.Itoa(i + 1), Wallet: shown}
		lane.Display = s.screen(t, lane.ID)
		lanes = append(lanes, lane)
	}
	journal := &gated{s: s, t: t}
	apart, err := s.apart(t, journal)
	if err != nil {
		return err
	}
	t.feed = agent.NewFeed()
	t.engine, err = checkout.New(checkout.Options{Terminal: "LAB001", Journal: journal, Wallets: purse{set, s.opt.Wallets}, Lanes: lanes,
		Feed: t.feed, Clock: s.opt.Clock, Timers: s.opt.Timers, Line: t.link.Line, Log: s.opt.Log, Offline: apart,
		Fingerprint: fingerprint, RideThrough: func() time.Duration { return s.opt.RideThrough }})
	if err != nil {
		return err
	}
	t.replayer = replay.New(replay.Options{Outbox: &leases{s: s, t: t}, Resume: s.stepped(t.engine.Resume), Clock: s.opt.Clock, Log: s.opt.Log,
		Workers: s.opt.Workers, Bury: t.store.Bury})
	return nil
}

// stepped lets the campaign see each step of the outbox.
func (s *Shop) stepped(resume func(context.Context, agent.Task) (time.Duration, string)) func(context.Context, agent.Task) (time.Duration, string) {
	if s.opt.Step == nil {
		return resume
	}
	return func(ctx context.Context, t agent.Task) (time.Duration, string) {
		s.opt.Step(t)
		return resume(ctx, t)
	}
}

// purse is the set of wallets in the words the counter uses.
type purse struct {
	*wallet.Set
	names []string
}

// Names implements checkout.Wallets.
func (p purse) Names() []string { return p.names }

// fingerprint is keyed in the agent; a laboratory has no secrets to keep.
func fingerprint(code string) []byte {
	mac := hmac.New(sha256.New, []byte("lab"))
	mac.Write([]byte(code))
	return mac.Sum(nil)
}

func (s *Shop) probe(ctx context.Context, host string) error {
	c, err := s.dial(ctx, "tcp", host[len("http://"):])
	if err != nil {
		return err
	}
	return c.Close()
}

// observed lets the traffic tell the line's state, as the agent does; but whatever comes
// back is taken for the wallet's, since a lie may follow any request here.
func (s *Shop) observed(x wallet.Exchange) {
	t := s.running()
	switch {
	case t == nil:
	case x.Status != 0:
		t.link.Observe(x.Wallet, true)
	case x.Err != nil:
		t.link.Suspect(x.Wallet)
	}
}

func (s *Shop) lineChanged(t *till, name string, state agent.LineState) {
	if state != agent.LineOnline || !t.on.Load() {
		return
	}
	select {
	case t.renew <- struct{}{}:
	default:
	}
	// A store that is going down refuses; its rows are due at the next start anyway.
	if err := t.store.Hasten(context.Background(), name); err == nil {
		t.replayer.Kick()
	}
}

// PowerOff cuts the agent's power: from this moment on it writes nothing, sends
// nothing and hears nothing. It may be called at any point, also by the agent's
// own goroutines; Bury then clears the remains away.
func (s *Shop) PowerOff() {
	s.mu.Lock()
	t := s.till
	s.mu.Unlock()
	if t == nil || !t.on.CompareAndSwap(true, false) {
		return
	}
	s.darken(t)
	if s.opt.Network != nil {
		// In a goroutine of its own: the caller may be on one of these connections.
		s.errands.Go(func() { _ = s.opt.Network.Sever() })
	}
}

// Bury ends what is left of the agent after PowerOff, and keeps its folder.
func (s *Shop) Bury() error {
	s.mu.Lock()
	t := s.till
	s.till = nil
	s.mu.Unlock()
	if t == nil {
		return nil
	}
	t.on.Store(false)
	s.darken(t)
	if t.store == nil {
		return t.reader.Close()
	}
	t.closeIdle()
	if t.stop != nil {
		t.stop()
	}
	t.engine.Close(0)
	t.runs.Wait()
	t.closeIdle()
	return errors.Join(t.reader.Close(), t.store.Close())
}

func (t *till) closeIdle() {
	for _, w := range t.wallets {
		w.CloseIdle()
	}
}

// Restart is a power cut and the power coming back.
func (s *Shop) Restart(ctx context.Context) error {
	s.PowerOff()
	return errors.Join(s.Bury(), s.PowerOn(ctx))
}

// Close ends everything.
func (s *Shop) Close() error {
	err := s.Bury()
	if c := s.Cloud(); c != nil {
		err = errors.Join(err, c.close())
	}
	s.errands.Wait()
	return err
}
