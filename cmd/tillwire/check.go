package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"tillwire/agent"
	"tillwire/agent/wallet"
	"tillwire/cmd/cli"
	"tillwire/drivers"
	"tillwire/offline"
)

// finding is one thing that `check` looked at.
type finding struct {
	Part string `json:"part"` // configuration, data, store, clock, wallet NAME, device ID, agent
	OK   bool   `json:"ok"`
	What string `json:"what"`
	Do   string `json:"do,omitempty"`
}

// checkup collects findings.
type checkup struct{ list []finding }

func (k *checkup) fine(part, format string, args ...any) {
	k.list = append(k.list, finding{Part: part, OK: true, What: fmt.Sprintf(format, args...)})
}

func (k *checkup) wrong(part, what, do string) {
	k.list = append(k.list, finding{Part: part, What: what, Do: do})
}

func (a *app) checkCommand() *cobra.Command {
	var offlineOnly bool
	c := &cobra.Command{Use: "check", Short: "Look at everything and say what is wrong and what to do", Args: cli.Exactly(),
		Long: `Looks at the configuration, the keys, the data folder, the clock, the devices and the way to the
wallets' clouds. It leaves everything as it is, asks no wallet anything, and may run beside the agent.`,
		RunE: func(c *cobra.Command, _ []string) error {
			k := &checkup{}
			a.checkAll(c.Context(), k, !offlineOnly)
			return a.printFindings(k.list)
		}}
	c.Flags().BoolVar(&offlineOnly, "no-network", false, "do not connect to the wallets' hosts")
	return c
}

func (a *app) checkAll(ctx context.Context, k *checkup, network bool) {
	c, faults, err := readConfig(a.config)
	if err != nil {
		k.wrong("configuration", err.Error(), "")
		return
	}
	members, walletFaults := openWallets(c.Wallets, walletEnv{terminal: c.Terminal, clock: a.clock, log: slog.New(slog.DiscardHandler), timers: agent.DefaultTimers})
	_, tokenFaults := readTokens(c)
	faults = append(append(append(faults, walletFaults...), tokenFaults...), fleetFaults(c)...)
	for _, f := range faults {
		k.wrong("configuration", f.where()+f.What, f.Do)
	}
	if len(faults) == 0 {
		k.fine("configuration", "%s: %s, %s, %s", a.config, plural(len(c.Wallets), "wallet", "wallets"),
			plural(len(c.Lanes), "lane", "lanes"), plural(len(c.Tokens), "till", "tills"))
	}
	if len(c.Wallets) == 0 || len(c.Lanes) == 0 {
		k.wrong("configuration", "there is no wallet or no lane yet.", fmt.Sprintf("Start the agent and open http://%s/setup, or write them into %s.", shownAddress(c.HTTP.Listen), a.config))
	}
	if wiped, is := wipedProblem(c.Terminal.Data); is {
		k.wrong("data", wiped.What, wiped.Do)
	}
	for _, p := range openLock(c.Terminal.Data).problems() {
		k.wrong("data", p.What, p.Do)
	}
	latest := a.checkData(ctx, k, c)
	a.checkClock(k, latest)
	a.checkDevices(k, c)
	if network {
		checkHosts(ctx, k, members)
		a.checkBroker(ctx, k, c.Fleet)
	}
}

// checkData looks at the folder and the store; it returns the time of the last
// record.
func (a *app) checkData(ctx context.Context, k *checkup, c config) (latest time.Time) {
	dir := c.Terminal.Data
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := canBeMade(dir); err != nil {
			k.wrong("data", fmt.Sprintf("%s does not exist and cannot be made: %v.", dir, err), doFolder)
		} else {
			k.fine("data", "%s does not exist yet; the first start makes it", dir)
		}
		return latest
	case err != nil:
		k.wrong("data", err.Error()+".", "Run this as root or as the user tillwire.")
		return latest
	case !info.IsDir():
		k.wrong("data", dir+" is not a folder.", "Name another folder in terminal.data.")
		return latest
	case info.Mode().Perm()&0o077 != 0:
		k.wrong("data", fmt.Sprintf("%s may be read by others (mode %04o).", dir, info.Mode().Perm()), "chmod 700 "+dir)
	}
	if err := unix.Access(dir, unix.W_OK); err != nil {
		k.wrong("data", fmt.Sprintf("%s cannot be written: %v.", dir, err), "Mount the disk writable and give the folder to the user tillwire: chown -R tillwire "+dir)
	}
	if free, err := offline.FreeBytes(dir); err == nil && free < diskLow {
		k.wrong("data", fmt.Sprintf("only %d MiB are free on the disk of %s.", free>>20, dir), "Free some space: below 64 MiB no new payment is taken.")
	} else if err == nil {
		k.fine("data", "%s: %d MiB free", dir, free>>20)
	}
	return a.checkStore(ctx, k, dir)
}

// doFolder is what helps when the data folder cannot be made.
const doFolder = "Name a folder on a disk that can be written in terminal.data, or make the folder and give it to the user tillwire."

// canBeMade tries it with another name in the nearest folder there is, and takes
// that away again: rights alone do not tell, /proc looks writable to root.
func canBeMade(dir string) error {
	above := filepath.Dir(dir)
	for {
		if _, err := os.Stat(above); !errors.Is(err, fs.ErrNotExist) || above == filepath.Dir(above) {
			break
		}
		above = filepath.Dir(above)
	}
	trial, err := os.MkdirTemp(above, ".tillwire-check-")
	if err != nil {
		var path *fs.PathError
		if errors.As(err, &path) {
			err = path.Err // the trial's name helps nobody
		}
		return fmt.Errorf("nothing can be written in %s (%w)", above, err)
	}
	return os.Remove(trial)
}

func (a *app) checkStore(ctx context.Context, k *checkup, dir string) (latest time.Time) {
	var status controlStatus
	switch err := askStatus(ctx, dir, &status); {
	case errors.Is(err, errNotRunning):
		k.fine("agent", "no agent runs on this folder now")
	case err != nil:
		k.wrong("agent", err.Error()+".", "Restart the agent.")
	default:
		k.fine("agent", "runs, version %s, line %s", status.Version, status.Line.State)
		for _, p := range status.Problems {
			k.wrong("agent", p.What, p.Do)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "agent.db")); errors.Is(err, fs.ErrNotExist) {
		k.fine("store", "nothing was recorded yet")
		return latest
	}
	r, err := offline.OpenReader(ctx, dir)
	if err != nil {
		k.wrong("store", err.Error()+".", "Look at the disk and at the folder's rights.")
		return latest
	}
	defer r.Close()
	open, err := r.OpenPayments(ctx)
	if err != nil {
		k.wrong("store", err.Error()+".", "Run `tillwire journal verify`.")
		return latest
	}
	k.fine("store", "%s not final", plural(len(open), "payment is", "payments are"))
	if page, err := r.List(ctx, agent.Filter{Limit: 1}); err == nil && len(page.Payments) == 1 {
		latest = page.Payments[0].Status.Since
	}
	return latest
}

// checkClock compares the clock with the last record and asks the kernel whether
// somebody keeps it right.
func (a *app) checkClock(k *checkup, latest time.Time) {
	now := a.clock.Now()
	if latest.Sub(now) > clockTolerance {
		k.wrong("clock", fmt.Sprintf("it says %s, but a payment was recorded at %s.", now.Format(time.RFC3339), latest.Format(time.RFC3339)),
			"Set the time and switch on time synchronisation: timedatectl set-ntp true")
		return
	}
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	if err == nil && state == unix.TIME_ERROR {
		k.fine("clock", "%s; nobody keeps it right (`timedatectl set-ntp true` does). Wallets refuse requests five minutes off", now.Format(time.RFC3339))
		return
	}
	k.fine("clock", "%s", now.Format(time.RFC3339))
}

func (a *app) checkDevices(k *checkup, c config) {
	env := drivers.Env{Clock: a.clock, Log: slog.New(slog.DiscardHandler), Sink: func(agent.Scan) {}}
	for _, d := range deviceConfigs(c, "") {
		part := "device " + d.ID
		unit := registry().Build(d, env)
		switch {
		case d.Disabled:
			k.fine(part, "switched off in the configuration")
		case unit.Err != nil:
			k.wrong(part, keyTrouble(unit.Err), "Correct the device's table in the configuration and restart the agent.")
		case d.Keys["address"] != nil:
			k.fine(part, "%s at %v; whether it answers the running agent tells", d.Driver, d.Keys["address"])
		case d.Path == "":
			k.fine(part, "%s, needs nothing plugged in", d.Driver)
		default:
			checkPath(k, part, d.Path)
		}
	}
}

// keyTrouble is what a driver has against its table, without the sentence around
// it that the pages show.
func keyTrouble(err error) string {
	var key *drivers.KeyError
	if errors.As(err, &key) {
		err = key
	}
	return trimDot(err.Error()) + "."
}

// plural writes a number with the fitting words.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", many)
}

func checkPath(k *checkup, part, path string) {
	err := unix.Access(path, unix.R_OK|unix.W_OK)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		k.wrong(part, "nothing is plugged in at "+path+".", "Plug it in, or correct the path: `tillwire devices list` shows what there is.")
	case errors.Is(err, fs.ErrPermission):
		k.wrong(part, path+" may not be opened by this user.", "Add the user to the device's group: usermod -aG dialout tillwire")
	case err != nil:
		k.wrong(part, fmt.Sprintf("%s: %v.", path, err), "")
	default:
		k.fine(part, "%s is there", path)
	}
}

// hostPatience is how long the hosts of one wallet may take to answer.
const hostPatience = 5 * time.Second

// checkHosts connects to each wallet's hosts, encryption included, and hangs up.
func checkHosts(ctx context.Context, k *checkup, members []wallet.Member) {
	for _, m := range members {
		info := m.Wallet.Info()
		part := "wallet " + info.Name
		reacher, ok := m.Wallet.(interface{ Reach(context.Context) error })
		if !ok {
			continue
		}
		once, cancel := context.WithTimeout(ctx, hostPatience)
		err := reacher.Reach(once)
		cancel()
		switch {
		case err != nil:
			k.wrong(part, fmt.Sprintf("no host can be reached: %v.", err), "Check the shop's line, name resolution and firewall.")
		case info.Test:
			k.fine(part, "%s can be reached; a TEST host, not the brand's own", info.Hosts[0])
		default:
			k.fine(part, "%s can be reached", info.Hosts[0])
		}
	}
}

func (a *app) printFindings(list []finding) error {
	bad := 0
	for _, f := range list {
		if !f.OK {
			bad++
		}
	}
	if a.json {
		if err := a.printJSON(map[string]any{"ok": bad == 0, "findings": list}); err != nil {
			return err
		}
	} else {
		for _, f := range list {
			mark := "ok   "
			if !f.OK {
				mark = "WRONG"
			}
			a.printf("%s %s: %s\n", mark, f.Part, f.What)
			if f.Do != "" {
				a.printf("      -> %s\n", f.Do)
			}
		}
	}
	if bad > 0 {
		if !a.json {
			a.printf("%s wrong.\n", plural(bad, "thing is", "things are"))
		}
		return cli.ErrFound
	}
	return nil
}

// askStatus asks the running agent how it is.
func askStatus(ctx context.Context, data string, status *controlStatus) error {
	return askAgentPath(ctx, data, http.MethodGet, "/status", struct{}{}, status)
}
