//go:build faultfs

package disk_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-sqlite3"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// mostStarts is how often a person restarts the agent before calling for help.
const mostStarts = 3

// atRest spoils the file while the agent is off. The shop sells again after a few
// starts, whatever was in the file is kept, the owner is told, and what a backup has
// is there.
func (f *failing) atRest(t *testing.T) (what string) {
	t.Helper()
	f.inShop(t, func(ctx context.Context) error {
		if _, err := f.morning(ctx); err != nil {
			return err
		}
		backup := f.dice.Chance(2)
		if backup {
			if err := f.backUp(ctx); err != nil {
				return err
			}
		}
		for range 3 {
			if _, err := f.till.sale(ctx, "1", sandbox.Approve); err != nil {
				return err
			}
		}
		f.shop.PowerOff()
		if err := f.shop.Bury(); err != nil {
			return err
		}
		path := filepath.Join(f.home(), "agent.db")
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		s := spoil(f.dice, content)
		if what = s.what; backup {
			what += ", with a backup"
		}
		if err := os.WriteFile(path, s.content, 0o600); err != nil {
			return err
		}
		f.note("files spoilt at rest")
		return f.restarts(ctx, s)
	})
	return what
}

// backUp makes the backup that a replacement is made of.
func (f *failing) backUp(ctx context.Context) error {
	dir := filepath.Join(f.home(), "backups")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	books, err := f.shop.Books(ctx)
	if err != nil {
		return err
	}
	f.saved = books.Payments
	return f.shop.Store().Backup(ctx, filepath.Join(dir, "agent-20000101T000000.db"))
}

// spoilt is a file that a disk, or a person, has spoilt.
type spoilt struct {
	what    string
	content []byte
	opens   bool // its first page is a database's, so the agent may have written to it
}

// spoil is what a disk, or a person, makes of a file.
func spoil(dice lab.Dice, content []byte) spoilt {
	bad := bytes.Clone(content)
	garbage := func(from, to int) {
		for i := from; i < to; i++ {
			bad[i] = byte(dice.Uint32())
		}
	}
	switch dice.IntN(6) {
	case 0:
		return spoilt{"an empty file", nil, false}
	case 1:
		n := dice.IntN(len(content))
		return spoilt{fmt.Sprintf("a file cut at %d of %d", n, len(content)), bad[:n], n >= 100}
	case 2:
		garbage(0, len(bad))
		return spoilt{"a file full of garbage", bad, false}
	case 3:
		clear(bad)
		return spoilt{"a file full of zeros", bad, false}
	case 4:
		garbage(0, 100)
		return spoilt{"a file without its header", bad, false}
	}
	n, first := 1+dice.IntN(6), false
	for range n {
		at := dice.IntN(len(bad)/page) * page
		garbage(at, at+page)
		first = first || at == 0
	}
	return spoilt{fmt.Sprintf("%d pages of garbage", n), bad, !first}
}

// page is the size of a page of the store's file.
const page = 4096

// restarts starts the agent until it sells, and judges what became of the file.
func (f *failing) restarts(ctx context.Context, s spoilt) error {
	for start := 1; ; start++ {
		err := f.start(ctx)
		if err == nil {
			wait(time.Minute)
			var p agent.Payment
			p, err = f.till.sale(ctx, "1", sandbox.Approve)
			if err == nil && p.Status.State != agent.Paid {
				err = fmt.Errorf("the sale is %s", p.Status.State)
			}
			f.hearProblems()
			if err == nil {
				break
			}
		}
		if start == mostStarts {
			f.accuse(CheckRecovers, "the shop does not sell after %d starts: %v", start, err)
			return nil
		}
		f.note("starts in vain on a spoilt file")
		f.vain++
		f.shop.PowerOff()
		if err := f.shop.Bury(); err != nil {
			f.said = append(f.said, err.Error())
		}
	}
	list, err := keptFiles(f.home())
	switch {
	case err != nil:
		return err
	case len(list) > 0:
		return f.replacement(ctx, s, list)
	}
	return f.unnoticed(ctx, s)
}

// hearProblems remembers what the owner's page says.
func (f *failing) hearProblems() {
	if store := f.shop.Store(); store != nil {
		for _, p := range store.Problems() {
			f.told = append(f.told, p.What)
		}
	}
}

// start starts the agent. When it replaces its file, what only that file knew may be
// gone; what the backup has may not.
func (f *failing) start(ctx context.Context) error {
	wait(time.Millisecond) // what is still under way at the cloud arrives
	orders, err := f.shop.Cloud().Ledger.Orders(ctx, 0)
	if err != nil {
		return err
	}
	before, err := keptFiles(f.home())
	if err != nil {
		return err
	}
	started := f.shop.PowerOn(ctx)
	after, err := keptFiles(f.home())
	if err == nil && len(after) > len(before) {
		f.shop.Released()
		for _, o := range orders {
			f.gone[o.OrderNo] = true
		}
		for _, p := range f.saved {
			delete(f.gone, p.OrderNo)
			f.shop.Promised(p.ID, p.Version)
		}
	}
	return errors.Join(started, err)
}

// keptFiles lists the files that were set aside.
func keptFiles(home string) (list []string, err error) {
	all, err := filepath.Glob(filepath.Join(home, "agent.db.damaged-*"))
	return slices.DeleteFunc(all, func(name string) bool { return strings.HasSuffix(name, "-wal") || strings.HasSuffix(name, "-shm") }), err
}

// replacement judges a store that took the place of the spoilt one.
func (f *failing) replacement(ctx context.Context, s spoilt, list []string) error {
	f.note("spoilt files set aside")
	kept := false
	for _, name := range list {
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		kept = kept || f.holds(content, s)
		if !slices.ContainsFunc(f.told, func(what string) bool { return strings.Contains(what, filepath.Base(name)) }) {
			f.accuse(CheckSeen, "the store was replaced, and nobody was told of %s: %q", filepath.Base(name), f.told)
		}
	}
	if !kept {
		f.accuse(CheckKept, "what was in the spoilt file is gone")
	}
	for _, p := range f.saved {
		if is, err := f.shop.Store().Payment(ctx, p.ID); err != nil || is.Version < p.Version {
			f.accuse(CheckBackup, "payment %s of the backup, in version %d there, is in version %d: %v", p.OrderNo, p.Version, is.Version, err)
		}
	}
	if len(f.saved) > 0 {
		f.note("spoilt files replaced by a backup")
	}
	found, err := f.ends(ctx)
	f.found = append(f.found, found...)
	return err
}

// ends lets everything come to its end and judges it.
func (f *failing) ends(ctx context.Context) ([]lab.Violation, error) {
	if err := f.shop.Settle(ctx, 10*time.Minute, wait); err != nil {
		return nil, err
	}
	return f.shop.Judge(ctx)
}

// setAside looks for a file that was replaced, and whether there was a reason.
func setAside(home string) (replaced, broken bool, err error) {
	list, err := keptFiles(home)
	for _, name := range list {
		replaced = true
		bad, err := unsound(name)
		if err != nil {
			return replaced, broken, err
		}
		broken = broken || bad
	}
	return replaced, broken, err
}

// unsound reports that SQLite finds fault with a kept file. It reads a copy, and the
// log beside it, as the agent did: what a read that lied has put into the log is not
// in the file yet, and reading the log changes both.
func unsound(name string) (bool, error) {
	dir, err := os.MkdirTemp(filepath.Dir(filepath.Dir(name)), "kept-")
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(dir)
	copied := filepath.Join(dir, "agent.db")
	for _, suffix := range []string{"", "-wal"} {
		content, err := os.ReadFile(name + suffix)
		if err == nil {
			err = os.WriteFile(copied+suffix, content, 0o600)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return false, err
		}
	}
	opened, err := (&sqlite3.SQLiteDriver{}).Open("file:" + copied)
	if err != nil {
		return true, nil // what cannot be opened is not sound
	}
	c := opened.(*sqlite3.SQLiteConn)
	rows, err := c.Query("PRAGMA integrity_check(1)", nil)
	var says []string
	if err == nil {
		says, err = column(rows)
	}
	return err != nil || len(says) != 1 || says[0] != "ok", c.Close()
}

// Until the agent notices, it may write: a start touches the clock's and the
// sessions' pages and the first one, a sale before the check in the background is
// through those at the ends of a dozen trees.
const (
	writtenByAStart = 4
	writtenByASale  = 24
)

// holds reports that a kept file has what was in the spoilt one: all of it when the
// agent cannot have taken it for a database, else all but what it may have written.
func (f *failing) holds(content []byte, s spoilt) bool {
	if !s.opens {
		return bytes.Equal(content, s.content)
	}
	other := 0
	for at := 0; at < len(s.content); at += page {
		end := min(at+page, len(s.content))
		if end > len(content) || !bytes.Equal(content[at:end], s.content[at:end]) {
			other++
		}
	}
	if f.r != nil {
		f.r.Figure(fmt.Sprintf("pages of a kept file written in %d starts", f.vain+1), float64(other))
	}
	return other <= writtenByAStart+f.vain*writtenByASale
}

// unnoticed judges a store that lives on in the spoilt file: its verification says
// what is wrong with it, or nothing is. Only what it names may be different.
func (f *failing) unnoticed(ctx context.Context, s spoilt) error {
	if len(s.content) == 0 {
		f.accuse(CheckKept, "the file was empty, the store begins anew, and nothing was set aside")
		return nil
	}
	report, err := f.shop.Report(ctx)
	switch {
	case saysDamaged(err), err == nil && len(report.Findings) > 0:
		f.note("spoilt files that verification names")
		return nil
	case err != nil:
		return fmt.Errorf("verification of a spoilt file: %w", err)
	}
	found, err := f.ends(ctx)
	if err != nil {
		return err
	}
	f.note("spoilt files without harm")
	if len(found) == 0 && len(f.told) > 0 {
		f.accuse(CheckSeen, "nothing is wrong, and the owner reads %q", f.told)
	}
	for _, v := range found {
		f.accuse(CheckSeen, "harm that nobody noticed, told %q: %s", f.told, v)
	}
	return nil
}

// saysDamaged holds for an error that tells whoever reads it that the file is not
// what was written.
func saysDamaged(err error) bool {
	var e sqlite3.Error
	return errors.As(err, &e) && (e.Code == sqlite3.ErrCorrupt || e.Code == sqlite3.ErrNotADB) || err != nil && strings.Contains(err.Error(), "the store is damaged")
}
