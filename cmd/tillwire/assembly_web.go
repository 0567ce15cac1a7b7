package main

import (
	"context"
	"fmt"
	"os"
	"slices"

	"tillwire/agent"
	"tillwire/agent/keyring"
	"tillwire/agent/settings"
	"tillwire/agent/web"
	"tillwire/offline"
)

// The least and most characters of a till's bearer token.
const (
	tokenLeast = 32
	tokenMost  = 256
)

// openWeb builds the pages and the local API. done is called when the first
// start has saved everything.
func (d *agentd) openWeb(ctx context.Context, a *app, done func()) (err error) {
	tokens, faults := readTokens(d.config)
	d.noteFaults(faults)
	store := pageStore{d.store, d.forwardNow}
	d.web, err = web.New(web.Options{
		Version: version, Test: d.test(), Shop: d.config.Terminal.Shop, Terminal: d.config.Terminal.Code, Zone: d.zone,
		Currency: agent.Currency(d.config.Terminal.Currency), Hosts: d.config.HTTP.Hosts, Tokens: tokens,
		Counter: d.engine, Store: store, Feed: d.feed, Displays: d.displays, Settings: ownerSettings{d.book, d.store, d.clock},
		Clock: d.clock, Words: d.words, Log: d.log,
		Line: d.link.Line, Devices: func() []agent.DeviceStatus { return d.devices.Status() }, Problems: d.problems.list,
		Policy: func() agent.OfflinePolicy { return d.book.Values().Offline() }, Confirmed: d.clocks.confirmed,
		Bills: ownerBills{d.bills}, Backups: pageBackups{d.store}, Setting: d.setting, Ready: d.ready, Metrics: d.metrics.handler(),
		Gear: shopGear{d, a.sysRoot()}, LAN: d.lan.door,
		Print: func(ctx context.Context, id agent.PaymentID) error {
			return d.printing.again(ctx, printRequest{Payment: id})
		},
		Prints: func(lane string) bool { return d.printing.of(lane) != nil },
		PrintReport: func(_ context.Context, lane string, r agent.Report) error {
			return d.printing.report(lane, r)
		},
		Secrets: d.keys.Hasher(), Seal: d.keys.Seal, Unseal: d.keys.Unseal,
		Setup: a.firstStart(d.config, done), Till: d.openTill(),
	})
	if err != nil {
		return err
	}
	return d.web.Boot(ctx)
}

// test holds when some wallet's host is not the brand's own.
func (d *agentd) test() bool {
	return slices.ContainsFunc(d.wallets.All(), func(w agent.Wallet) bool { return w.Info().Test })
}

// readTokens reads the tills' bearer tokens. One that is wrong is left out: its
// till is refused until the file is right.
func readTokens(c config) (map[string]string, []fault) {
	tokens := map[string]string{}
	var faults []fault
	for _, t := range c.Tokens {
		if t.File == "" || !namePattern.MatchString(t.Name) {
			continue // reported with the line by the check of the configuration
		}
		secret, err := keyring.LoadSecret(t.File, tokenLeast, tokenMost)
		if err != nil {
			for _, f := range partFaults(t.where, err, func(string, string) string { return "file" }) {
				f.Do += " Until then the till " + t.Name + " is refused."
				faults = append(faults, f)
			}
			continue
		}
		tokens[t.Name] = string(secret)
	}
	return tokens, faults
}

// setting gives the pages a setting's text, or "" when there is none.
func (d *agentd) setting(key string) string {
	text, _ := d.book.Values().Lookup(key)
	return text
}

// ready says whether the terminal can sell now. A line that is down is no
// reason: offline, it still records, shows and refuses rightly.
func (d *agentd) ready(context.Context) []web.Check {
	store := web.Check{Name: "store", OK: true}
	if err := d.store.Err(); err != nil {
		store.OK, store.Detail = false, err.Error()
	}
	wallets := web.Check{Name: "wallets", OK: len(d.wallets.All()) > 0 || len(d.config.Wallets) == 0}
	if !wallets.OK {
		wallets.Detail = "No wallet can be used. `tillwire check` says why."
	}
	line := d.link.Line()
	return []web.Check{store, wallets, {Name: "line", OK: true, Detail: string(line.State)}}
}

// ownerSettings offers the book to the owner's page.
type ownerSettings struct {
	book  *settings.Book
	store *offline.Store
	clock agent.Clock
}

// Settings lists every setting with its value.
func (o ownerSettings) Settings() (rows []web.SettingRow) {
	for _, c := range o.book.Entries() {
		rows = append(rows, web.SettingRow{Key: c.Key, Title: c.Title, Help: c.Help, Type: string(c.Type), Choices: c.Choices,
			Range: c.Range(), Value: c.Value, Default: c.Default, By: c.By, At: c.At, Effect: c.Effect})
	}
	return rows
}

// Changes lists the latest changes of all doors.
func (o ownerSettings) Changes(ctx context.Context, limit int) ([]web.SettingChange, error) {
	changes, err := o.store.SettingChanges(ctx, limit)
	list := make([]web.SettingChange, 0, len(changes))
	for _, c := range changes {
		list = append(list, web.SettingChange(c))
	}
	return list, err
}

// Set changes one setting for a person, through the book's one door.
func (o ownerSettings) Set(ctx context.Context, key, value, by string) (agent.Effect, error) {
	effects, err := o.book.Apply(ctx, []agent.Change{{Key: key, Value: value, By: by, At: o.clock.Now()}})
	if err != nil {
		return "", fmt.Errorf("change a setting: %w", err)
	}
	return effects[key], nil
}

// watchProblems registers everything that can go wrong while the agent runs.
func (d *agentd) watchProblems() {
	data := d.config.Terminal.Data
	if p, is := descriptorProblem(d.clock.Now()); is {
		d.problems.note(p)
	}
	if info, err := os.Stat(data); err == nil && info.Mode().Perm()&0o077 != 0 {
		d.problems.note(agent.Problem{Since: d.clock.Now(), ID: "problem.data_open", Args: []string{data}, What: fmt.Sprintf("The data folder %s may be read by others.", data), Do: "chmod 700 " + data})
	}
	ask := d.problems.ask
	ask(d.store.Problems)
	ask(func() []agent.Problem { return diskProblems(d.standing, data) })
	ask(func() []agent.Problem { return queueProblems(d.standing, d.store.QueueInfo()) })
	ask(d.clocks.problems)
	ask(d.issuerProblems)
	parts := machineParts("/")
	ask(func() []agent.Problem { return d.copyProblems(parts) })
	ask(func() []agent.Problem { return lineProblems(d.link.Line) })
	ask(d.uplinkProblems)
	ask(func() []agent.Problem { return d.lan.problems(d.standing) })
	ask(func() []agent.Problem { return deviceProblems(d.devices.Status) })
	ask(d.book.Problems)
	ask(func() []agent.Problem { return billProblems(d.bills.Results()) })
	d.metrics.registry.MustRegister(newDeviceCollector(func() []agent.DeviceStatus {
		return append(d.devices.Status(), d.displays.Status()...)
	}))
	d.publishGauges(data)
}

func (d *agentd) publishGauges(data string) {
	ctx := context.Background()
	m := d.metrics
	m.registry.MustRegister(newQueueCollector(d.store.Queue), newExposureCollector(d.clock, d.store.Exposure))
	m.gauge("queue_held_entries", "Given up; a person must look.", func() float64 { return float64(d.store.QueueInfo().Dead) })
	m.gauge("payment_unknown_open", "Payments in doubt, being undone or with the office.", func() float64 { return m.unknown(ctx, d.store.OpenPayments) })
	m.gauge("cloud_up", "1 online, 0.5 degraded, 0 down.", func() float64 {
		return map[agent.LineState]float64{agent.LineOnline: 1, agent.LineDegraded: .5}[d.link.Line().State]
	})
	m.gauge("clock_offset_seconds", "The wallets' time less this machine's, beyond a minute.", func() float64 { return d.clocks.offset().Seconds() })
	m.gauge("sqlite_wal_bytes", "Size of the store's write-ahead log.", func() float64 { return float64(d.store.LogBytes()) })
	m.gauge("disk_free_bytes", "Free space for the data folder.", func() float64 {
		free, err := offline.FreeBytes(data)
		if err != nil {
			return -1
		}
		return float64(free)
	})
}
