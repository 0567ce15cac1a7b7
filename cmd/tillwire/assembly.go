package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"tillwire/agent"
	"tillwire/agent/checkout"
	"tillwire/agent/keyring"
	"tillwire/agent/reconcile"
	"tillwire/agent/settings"
	"tillwire/agent/wallet"
	"tillwire/agent/wallet/voucher"
	"tillwire/agent/web"
	"tillwire/agent/words"
	"tillwire/drivers"
	"tillwire/offline"
	"tillwire/offline/replay"
)

// agentd is a running agent: its parts, from the sink (the store) to the source
// (the devices). Parts that know each other only by a function are bound late,
// so that each is built once and none is half built while another runs.
type agentd struct {
	config config
	clock  agent.Clock
	log    *slog.Logger
	level  *slog.LevelVar
	lines  *logRing

	problems *problems
	standing *standing
	clocks   *clockWatch
	metrics  *metrics
	words    *words.Words
	feed     *agent.Feed

	keys     *keyring.Keyring
	store    *offline.Store
	lock     *lock
	book     *settings.Book
	atStart  settings.Values
	wallets  *wallet.Set
	engine   *checkout.Engine
	trust    *voucher.Trust // nil: no wallet has an issuer
	keySets  *keySets       // the same
	bills    *reconcile.Runner
	replayer *replay.Replayer
	link     *replay.Link
	uplink   *uplink // nil: the machine has one way to the network
	lan      *lan
	displays *web.Displays
	web      *web.Server
	printing *printing
	units    []drivers.Unit
	devices  *drivers.Supervisor

	fleet fleetSide

	zone      *time.Location
	assembled atomic.Bool // every part is bound
}

// keysFolder holds the terminal's own keys, below the data folder.
const keysFolder = "keys"

// How many tasks of the outbox run at a time, and how many of one wallet: when its
// cloud hangs, a quarter of the workers is left for the others.
const (
	workers       = 16
	walletWorkers = 12
)

// storeError is the one kind of failure that stops selling: what cannot be
// recorded must not happen.
type storeError struct{ error }

func (e storeError) Unwrap() error { return e.error }

// assemble builds an agent from its configuration, from the sink to the source.
// Faults become problems and leave their part out. The error is a storeError, or
// a mistake of the program's own.
func (a *app) assemble(ctx context.Context, c config, faults []fault, done func()) (*agentd, error) {
	d := &agentd{config: c, clock: a.clock, level: new(slog.LevelVar), lines: &logRing{}, problems: &problems{}, standing: newStanding(a.clock),
		clocks: newClockWatch(a.clock, a.synced), metrics: newMetrics(), feed: agent.NewFeed(), fleet: newFleetSide(a.reboot), zone: zoneOf(c)}
	d.log = newLog(io.MultiWriter(a.stderr, d.lines), d.level, c.Terminal.Code)
	var err error
	if d.words, err = words.New(); err != nil {
		return nil, err
	}
	c.entitle(d.words)
	if err := d.openStore(ctx); err != nil {
		return nil, storeError{err}
	}
	fail := func(err error) (*agentd, error) { return nil, errors.Join(err, d.store.Close()) }
	if err := d.openSettings(ctx); err != nil {
		return fail(storeError{err})
	}
	d.noteFaults(faults)
	d.openWallets()
	if err := d.openEngine(ctx); err != nil {
		return fail(err)
	}
	d.openBills()
	d.lan = newLAN(c.Terminal.Data, c.HTTP.Hosts, d.clock)
	d.book.Subscribe(d.lan, settings.LANAccess)
	if err := d.openWeb(ctx, a, done); err != nil {
		return fail(err)
	}
	d.openFleet(ctx, faults)
	d.openDevices()
	d.watchProblems()
	return d, nil
}

// openStore makes the data folder, takes its keys and opens the journal in it.
func (d *agentd) openStore(ctx context.Context) error {
	data := d.config.Terminal.Data
	if err := os.MkdirAll(data, 0o700); err != nil {
		return fmt.Errorf("the data folder cannot be made: %w", err)
	}
	var err error
	d.store, err = offline.Open(ctx, offline.Options{
		Dir: data, Witness: d.config.Terminal.Witness, Machine: machineParts("/"), Name: "tillwire run", Clock: d.clock, Log: d.log,
		Timers: d.timersOf, Notify: d.committed, Observe: d.metrics.wrote, Keep: d.keep, PerWallet: walletWorkers,
		// Before everything is bound there is no setting to ask for.
		Steady: func() bool { return d.assembled.Load() && d.clocks.confirmed() },
	})
	if err != nil {
		return err
	}
	if d.keys, err = keyring.Open(filepath.Join(data, keysFolder)); err != nil {
		return errors.Join(err, d.store.Close())
	}
	return nil
}

// keep is how long payments stay, as the owner has it now.
func (d *agentd) keep() time.Duration {
	return time.Duration(d.book.Values().Int(settings.RetentionDays)) * 24 * time.Hour
}

// committed hears of every commit, in order and before its writer does.
func (d *agentd) committed(p agent.Payment) {
	d.metrics.committed(p)
	if d.engine != nil {
		d.engine.Committed(p)
		d.printing.committed(p)
	}
	if d.replayer != nil {
		d.replayer.Kick()
	}
}

// timersOf gives the waits of a wallet by its brand. A payment that waits for a
// code has no wallet yet and the waits of the shop's first one; a wallet that is
// not configured any more has a gateway's.
func (d *agentd) timersOf(name string) agent.Timers {
	protocol := "gateway"
	for i, w := range d.config.Wallets {
		if w.Name == name || name == "" && i == 0 {
			protocol = w.Protocol
		}
	}
	if d.book == nil {
		return agent.DefaultTimers(protocol)
	}
	return settings.KeepStart(d.book.Timers(protocol), d.atStart.Timers(protocol))
}

func (d *agentd) openSettings(ctx context.Context) error {
	d.book = settings.New(d.store, settings.Table(startOf(d.config)))
	if err := d.book.Load(ctx); err != nil {
		return err
	}
	d.atStart = d.book.Values()
	level := logLevel{d.level}
	level.Commit(d.book.Values())
	d.book.Subscribe(level, settings.LogLevel)
	return d.words.Read(d.book.Values().Text(settings.ShopLanguage)) // and not while the first customer waits
}

// startOf is what the configuration says about settings: their defaults.
func startOf(c config) settings.Start {
	s := settings.Start{Shop: c.Terminal.Shop, Language: c.Terminal.Language, Languages: words.Codes(), Codes: codeRows(), FleetSpread: c.Fleet.spread()}
	seen := map[string]bool{}
	for _, w := range c.Wallets {
		if _, known := makers()[w.Protocol]; known && !seen[w.Protocol] {
			seen[w.Protocol] = true
			s.Protocols = append(s.Protocols, w.Protocol)
		}
	}
	if !knownLanguage(s.Language) {
		s.Language = words.English
	}
	if n := len([]rune(s.Shop)); n < 1 || n > 64 {
		s.Shop = "Shop"
	}
	return s
}

func zoneOf(c config) *time.Location {
	zone, err := time.LoadLocation(c.Terminal.TimeZone)
	if err != nil || c.Terminal.TimeZone == "Local" {
		return time.UTC
	}
	return zone
}

// noteFaults says what is wrong in the configuration, in the log and on the pages.
func (d *agentd) noteFaults(faults []fault) {
	for _, f := range faults {
		d.log.Error(f.What, "comp", "config", "code", "config", "file", f.File, "line", f.Line, "key", f.Key, "do", f.Do)
		d.problems.note(agent.Problem{Since: d.clock.Now(), ID: "problem.config", Args: []string{f.where() + f.What, f.Do}, What: "Configuration: " + f.where() + f.What, Do: f.Do})
	}
}

func (d *agentd) openWallets() {
	d.uplink = newUplink(d.config.Uplink, d.clock, d.overSecond)
	members, faults := openWallets(d.config.Wallets, walletEnv{
		terminal: d.config.Terminal, clock: d.clock, log: d.log.With("comp", "wallet"), timers: d.book.Timers,
		observe: func(x wallet.Exchange) { d.metrics.exchange(x, d.clock.Now()); d.observed(x) },
		skew:    func(name string, off time.Duration) { d.clocks.set(cloudOf+name, off) },
		kept:    filepath.Join(d.config.Terminal.Data, "gateways"), dial: d.uplink.dial(),
	})
	d.noteFaults(faults)
	set, err := wallet.NewSet(wallet.DefaultRules(), schemesOf, members...)
	if err != nil {
		// Names were checked before, so this is a rule of our own that does not compile.
		d.problems.note(agent.Problem{Since: d.clock.Now(), ID: "problem.wallets", Args: []string{err.Error()}, What: "The wallets cannot be put together: " + err.Error(), Do: "Report this with the log."})
	}
	d.wallets = set
	d.openCodes()
	d.link = replay.NewLink(replay.LinkOptions{Targets: d.targets(), Clock: d.clock, Changed: d.lineChanged})
	d.book.Subscribe(settings.Loosening{Now: d.book.Values, Line: d.link.Line}, settings.OfflineKeys()...)
}

// shopWallets is the set of wallets in the words the counter uses.
type shopWallets struct{ *wallet.Set }

// Names lists the configured wallets in the shop's order.
func (s shopWallets) Names() (names []string) {
	for _, w := range s.All() {
		names = append(names, w.Info().Name)
	}
	return names
}

func (d *agentd) openEngine(ctx context.Context) (err error) {
	var kiosks []string
	for _, l := range d.config.Lanes {
		if l.Display["driver"] == kiosk {
			kiosks = append(kiosks, l.ID)
		}
	}
	d.lock = openLock(d.config.Terminal.Data)
	d.problems.ask(d.lock.problems)
	d.displays = web.NewDisplays(d.clock, kiosks...)
	d.buildDevices()
	d.openPrinting()
	engine, err := checkout.New(checkout.Options{
		Terminal: d.config.Terminal.Code, Journal: d.store, Wallets: shopWallets{d.wallets}, Lanes: d.lanes(), Feed: d.feed, Clock: d.clock,
		Timers: d.timersOf, Fingerprint: d.keys.Fingerprint, Line: d.link.Line, Log: d.log,
		RideThrough: func() time.Duration { return d.book.Values().Duration(settings.RideThrough) },
		Offline:     d.openOffline(), Locked: d.lock.state,
	})
	if err != nil {
		return err
	}
	d.engine = engine
	d.replayer = replay.New(replay.Options{Outbox: d.store, Resume: engine.Resume, Clock: d.clock, Log: d.log,
		Workers: workers, Bury: d.store.Bury, Panicked: d.metrics.panics.WithLabelValues("replay").Inc})
	return engine.Boot(ctx)
}

// triggered is a scanner that is told when a payment waits for a code.
type triggered interface {
	Listen(waiting bool)
	Answer(accepted bool)
}

// lanes lists the registers that can be used; a wrong id was reported before.
func (d *agentd) lanes() (list []checkout.LaneConfig) {
	seen := map[string]bool{}
	for _, l := range d.config.Lanes {
		if seen[l.ID] || !namePattern.MatchString(l.ID) {
			continue
		}
		seen[l.ID] = true
		lane := checkout.LaneConfig{ID: l.ID, Name: l.Name, Wallet: l.Wallet}
		lane.Display = d.board(l.ID, d.displayOf(l.ID))
		for _, u := range d.units {
			if s, ok := u.Device.(triggered); ok && u.Config.Lane == l.ID {
				lane.Scanner = s
			}
		}
		list = append(list, lane)
	}
	return list
}

// buildDevices checks every device's configuration; nothing is opened.
func (d *agentd) buildDevices() {
	env := drivers.Env{Clock: d.clock, Log: d.log.With("comp", "drivers"), Sink: func(s agent.Scan) { d.engine.Scanned(s) }}
	for _, c := range deviceConfigs(d.config, d.book.Values().Text(settings.ScannerDedupe)) {
		d.units = append(d.units, registry().Build(c, env))
	}
}

// openPrinting puts the printers to work; their slips follow commits.
func (d *agentd) openPrinting() {
	d.printing = newPrinting(d.config.printers(), d.units)
	d.printing.words, d.printing.zone, d.printing.log = d.words, d.zone, d.log
	d.printing.shop = func() string { return d.book.Values().Text(settings.ShopName) }
	d.printing.payment, d.printing.nameOf = d.store.Payment, d.store.PersonName
	d.printing.printed = func(id agent.PaymentID, end agent.PrintEnd, printer string) error {
		return d.engine.Printed(id, end, printer)
	}
}

// openDevices puts the devices under supervision; they are opened in the
// background once the agent runs.
func (d *agentd) openDevices() {
	d.devices = drivers.NewSupervisor(drivers.Options{Clock: d.clock, Log: d.log.With("comp", "drivers"),
		Claims:  drivers.NewClaims(filepath.Join(d.config.Terminal.Data, "locks")),
		Changed: func(agent.DeviceStatus) { d.feed.Publish(agent.Event{Kind: "status"}) }})
	for _, u := range d.units {
		d.devices.Add(u)
	}
}
