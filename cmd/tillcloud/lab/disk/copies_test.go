//go:build faultfs

package disk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/offline"
)

// The checks that are about old and copied disks.
const (
	CheckNumbers  = "no-number-twice"
	CheckNoticed  = "rollback-is-noticed"
	CheckCompared = "missing-is-found-by-comparison"
)

// TestAnOldOrACopiedDiskChargesNobodyTwice is campaign C10.
func TestAnOldOrACopiedDiskChargesNobodyTwice(t *testing.T) {
	base := lab.Scratch(t)
	r := lab.Begin(t, "C10", "disks", 25, 300)
	kinds := []struct {
		name string
		do   func(*copied, context.Context) error
	}{
		{"the whole folder put back, its witness elsewhere", (*copied).folderBack},
		{"the database put back", (*copied).databaseBack},
		{"restored from a backup", (*copied).restored},
		{"one disk in two agents", (*copied).twins},
		{"a copy that went its own way", (*copied).forked},
	}
	r.Share(t, 2, func(t *testing.T, seed uint64) int {
		kind := kinds[int(seed)%len(kinds)]
		c := &copied{r: r, dir: filepath.Join(base, fmt.Sprint(seed)), dice: lab.NewDice("C10", seed), known: map[string]agent.Payment{}}
		c.run(t, kind.do)
		for i := range c.found {
			c.found[i].What = kind.name + ": " + c.found[i].What
		}
		if c.err != nil {
			c.err = fmt.Errorf("%s: %w", kind.name, c.err)
		}
		r.Violated(seed, c.found...)
		r.Broken(seed, errors.Join(c.err, os.RemoveAll(c.dir)))
		r.Count(kind.name, 1)
		return 1
	})
}

// copied is one case.
type copied struct {
	r     *lab.Run
	dice  lab.Dice
	dir   string
	shop  *lab.Shop
	till  *counter
	clock *lab.Clock
	found []lab.Violation
	err   error

	old   []agent.Payment          // of the image
	two   bool                     // both disks are in use
	open  []string                 // customers who have not confirmed yet
	known map[string]agent.Payment // what the disk that was taken away knew, by order number
}

func (c *copied) home() string       { return filepath.Join(c.dir, "agent") }
func (c *copied) at(n string) string { return filepath.Join(c.dir, n) }

func (c *copied) accuse(check, format string, args ...any) {
	c.found = append(c.found, lab.Violation{Check: check, What: fmt.Sprintf(format, args...)})
}

func (c *copied) run(t *testing.T, do func(*copied, context.Context) error) {
	t.Helper()
	pair, err := keys()
	if err != nil {
		c.err = err
		return
	}
	synctest.Test(t, func(t *testing.T) {
		c.clock = lab.NewClock()
		c.shop, c.err = lab.Open(t.Context(), lab.Options{Dir: c.dir, Clock: c.clock, Keys: pair, Network: lab.NewNetwork(), Lanes: 4,
			Free: roomy, Witness: c.at("witness"), Gone: c.away})
		if c.err == nil {
			c.till = &counter{shop: c.shop, dice: c.dice}
			c.err = errors.Join(c.past(t.Context()), do(c, t.Context()), c.shop.Close())
		}
	})
}

// past is what every copy has in common: payments of every kind, some of them under
// way.
func (c *copied) past(ctx context.Context) error {
	for range 2 + c.dice.IntN(3) {
		if _, err := c.till.sale(ctx, "1", lab.Pick(c.dice, sandbox.Approve, sandbox.Approve, sandbox.Decline)); err != nil {
			return err
		}
	}
	paid, err := c.till.sale(ctx, "1", sandbox.Approve)
	if err == nil && c.dice.Chance(2) {
		err = c.till.back(ctx, paid, 300)
	}
	if err != nil {
		return err
	}
	for _, lane := range []string{"2", "3"} {
		who, err := c.till.customer(ctx, sandbox.Password)
		if err == nil {
			_, err = c.till.scan(ctx, lane, who)
		}
		if err != nil {
			return err
		}
		c.open = append(c.open, who)
	}
	_, err = c.till.show(ctx, "4", false)
	return err
}

// meanwhile is what happens on the disk that is taken away later: what was under way
// ends, something is paid back, something new is sold.
func (c *copied) meanwhile(ctx context.Context) error {
	before, err := c.shop.Books(ctx)
	if err != nil {
		return err
	}
	c.old = before.Payments
	if _, err := c.shop.Cloud().Ledger.Confirm(ctx, c.open[0]); err != nil {
		return err
	}
	for _, p := range c.old {
		switch {
		case p.Status.State == agent.Paid && c.dice.Chance(2):
			err = c.till.back(ctx, p, lab.Pick(c.dice, int64(100), 200, 500))
		case p.Status.State == agent.QRShown && c.dice.Chance(2):
			var who string
			if who, err = c.till.customer(ctx, sandbox.Approve); err == nil {
				_, err = c.shop.Cloud().Ledger.Scan(ctx, who, p.Status.QR)
			}
		case p.Status.State == agent.AwaitPayer && c.dice.Chance(3):
			err = c.unlessEnded(c.till.cancel(ctx, p))
		}
		if err != nil {
			return err
		}
	}
	for range 1 + c.dice.IntN(4) {
		if _, err := c.till.sale(ctx, "1", lab.Pick(c.dice, sandbox.Approve, sandbox.Approve, sandbox.Decline, sandbox.Password)); err != nil {
			return err
		}
	}
	wait(c.dice.Between(0, 3*time.Minute))
	return nil
}

// unlessEnded drops the refusal of what came too late.
func (c *copied) unlessEnded(err error) error {
	var known *agent.Error
	if errors.As(err, &known) && known.Class == agent.Conflict {
		return nil
	}
	return err
}

// later trades on the disk that is in the agent now.
func (c *copied) later(ctx context.Context) error {
	if err := c.freeLane(ctx); err != nil {
		return err
	}
	for range 2 {
		p, err := c.till.sale(ctx, "1", sandbox.Approve)
		if err != nil {
			return err
		}
		if _, twice := c.known[p.OrderNo]; twice {
			c.accuse(CheckNumbers, "order number %s was given a second time", p.OrderNo)
		}
	}
	// A customer comes back with goods that were paid before the copy was made.
	for _, p := range c.old {
		now, err := c.shop.Store().Payment(ctx, p.ID)
		amount := lab.Pick(c.dice, int64(100), 200, 500)
		if err == nil && now.Status.Refundable() >= amount && c.dice.Chance(2) {
			err = c.unlessEnded(c.till.back(ctx, now, amount))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *copied) freeLane(ctx context.Context) error {
	open, err := c.shop.Store().OpenPayments(ctx)
	for _, p := range open {
		if err == nil && p.Lane == "1" {
			_, err = c.till.until(ctx, p.ID, 5*time.Minute, free)
		}
	}
	return err
}

// off ends the run and keeps what its disk knew. What was answered holds for that
// disk; on the other one holds what was answered there.
func (c *copied) off(ctx context.Context) error {
	books, err := c.shop.Books(ctx)
	if err != nil {
		return err
	}
	c.shop.PowerOff()
	err = c.shop.Bury()
	c.shop.Released()
	for _, p := range c.known {
		c.shop.Promised(p.ID, p.Version)
	}
	c.known = map[string]agent.Payment{}
	for _, p := range books.Payments {
		c.known[p.OrderNo] = p
	}
	return err
}

// copyTo copies the agent's folder, after a stop or while it runs.
func (c *copied) copyTo(ctx context.Context, to string) error {
	stop := c.dice.Chance(2)
	if stop {
		c.shop.PowerOff()
		if err := c.shop.Bury(); err != nil {
			return err
		}
	}
	err := os.CopyFS(to, os.DirFS(c.home()))
	if err == nil {
		err = os.RemoveAll(filepath.Join(to, "agent.db-shm"))
	}
	if stop {
		err = errors.Join(err, c.shop.PowerOn(ctx))
	}
	return err
}

func (c *copied) folderBack(ctx context.Context) error { return c.rollback(ctx, c.home()) }

func (c *copied) databaseBack(ctx context.Context) error { return c.rollback(ctx, "") }

// rollback puts an old copy back: in the place of a folder, or its database alone.
func (c *copied) rollback(ctx context.Context, folder string) error {
	if err := c.copyTo(ctx, c.at("image")); err != nil {
		return err
	}
	if err := c.meanwhile(ctx); err != nil {
		return err
	}
	note, err := os.ReadFile(c.at("witness"))
	if err != nil {
		return err
	}
	was, err := c.shop.Store().Incarnation(ctx)
	if err = errors.Join(err, c.off(ctx)); err != nil {
		return err
	}
	if c.dice.Chance(2) { // the last run had no end: its last note is of before
		if err := os.WriteFile(c.at("witness"), note, 0o600); err != nil {
			return err
		}
	}
	if folder != "" {
		err = errors.Join(os.RemoveAll(folder), os.Rename(c.at("image"), folder))
	} else {
		for _, name := range []string{"agent.db", "agent.db-wal", "agent.db-shm"} {
			err = errors.Join(err, os.RemoveAll(filepath.Join(c.home(), name)))
			if _, there := os.Stat(filepath.Join(c.at("image"), name)); there == nil {
				err = errors.Join(err, os.Rename(filepath.Join(c.at("image"), name), filepath.Join(c.home(), name)))
			}
		}
	}
	if err = errors.Join(err, c.shop.PowerOn(ctx)); err != nil {
		return err
	}
	now, err := c.shop.Store().Incarnation(ctx)
	if problems := c.shop.Store().Problems(); err == nil && (now == was || len(problems) == 0) {
		c.accuse(CheckNoticed, "an old disk was put back; problems %v, a new incarnation: %v", problems, now != was)
	}
	return errors.Join(err, c.later(ctx), c.judged(ctx))
}

// restored goes back to a backup with the command's own function.
func (c *copied) restored(ctx context.Context) error {
	if err := c.shop.Store().Backup(ctx, c.at("backup.db")); err != nil {
		return err
	}
	if err := c.meanwhile(ctx); err != nil {
		return err
	}
	was, err := c.shop.Store().Incarnation(ctx)
	if err = errors.Join(err, c.off(ctx)); err != nil {
		return err
	}
	if _, err := offline.Restore(ctx, c.at("backup.db"), offline.RestoreOptions{Dir: c.home(), Name: "lab", Clock: c.clock, By: "owner", Force: true, Witness: c.at("witness")}); err != nil {
		return err
	}
	if err := c.shop.PowerOn(ctx); err != nil {
		return err
	}
	now, err := c.shop.Store().Incarnation(ctx)
	if err == nil && now == was {
		c.accuse(CheckNoticed, "a restored disk goes on under the incarnation of before")
	}
	return errors.Join(err, c.later(ctx), c.judged(ctx))
}

// twins lets two agents trade in turns, each with a copy of the same disk, until
// both have settled. A witness beside the database is copied with it: that there
// are two, only the cloud can tell.
func (c *copied) twins(ctx context.Context) error {
	c.two = true
	if err := c.copyTo(ctx, c.at("image")); err != nil {
		return err
	}
	if err := c.meanwhile(ctx); err != nil {
		return err
	}
	for range 2 + 2*c.dice.IntN(2) {
		if err := c.swap(ctx); err != nil {
			return err
		}
		if err := c.later(ctx); err != nil {
			return err
		}
	}
	for range 2 {
		if err := c.judged(ctx); err != nil {
			return err
		}
		if err := c.swap(ctx); err != nil {
			return err
		}
	}
	return nil
}

// swap takes one twin's disk out and puts the other's in, with its witness.
func (c *copied) swap(ctx context.Context) error {
	if err := c.off(ctx); err != nil {
		return err
	}
	return c.turn(ctx)
}

// turn puts the other twin's disk into an agent that is off.
func (c *copied) turn(ctx context.Context) error {
	return errors.Join(os.Rename(c.home(), c.at("other")), os.Rename(c.at("image"), c.home()), os.Rename(c.at("other"), c.at("image")),
		os.RemoveAll(c.at("witness")), c.shop.PowerOn(ctx))
}
