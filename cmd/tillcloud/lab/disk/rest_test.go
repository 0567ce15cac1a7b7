//go:build faultfs

package disk_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
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
// starts, whatever was in the file is kept, and the owner is told.
func (f *failing) atRest(t *testing.T) (what string) {
	t.Helper()
	f.inShop(t, func(ctx context.Context) error {
		if _, err := f.morning(ctx); err != nil {
			return err
		}
		backup := f.dice.Chance(2)
		if backup {
			dir := filepath.Join(f.home(), "backups")
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			if err := f.shop.Store().Backup(ctx, filepath.Join(dir, "agent-20000101T000000.db")); err != nil {
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
		var spoilt []byte
		what, spoilt = spoil(f.dice, content)
		if backup {
			what += ", with a backup"
		}
		if err := os.WriteFile(path, spoilt, 0o600); err != nil {
			return err
		}
		f.note("files spoilt at rest")
		return f.restarts(ctx, spoilt)
	})
	return what
}

// spoil is what a disk, or a person, makes of a file.
func spoil(dice lab.Dice, content []byte) (what string, spoilt []byte) {
	spoilt = bytes.Clone(content)
	garbage := func(from, to int) {
		for i := from; i < to; i++ {
			spoilt[i] = byte(dice.Uint32())
		}
	}
	const page = 4096
	switch dice.IntN(6) {
	case 0:
		return "an empty file", nil
	case 1:
		n := dice.IntN(len(content))
		return fmt.Sprintf("a file cut at %d of %d", n, len(content)), spoilt[:n]
	case 2:
		garbage(0, len(spoilt))
		return "a file full of garbage", spoilt
	case 3:
		clear(spoilt)
		return "a file full of zeros", spoilt
	case 4:
		garbage(0, 100)
		return "a file without its header", spoilt
	}
	n := 1 + dice.IntN(6)
	for range n {
		at := dice.IntN(len(spoilt)/page) * page
		garbage(at, at+page)
	}
	return fmt.Sprintf("%d pages of garbage", n), spoilt
}

// restarts starts the agent until it sells.
func (f *failing) restarts(ctx context.Context, spoilt []byte) error {
	told := false
	for start := 1; ; start++ {
		err := f.shop.PowerOn(ctx)
		if err == nil {
			wait(time.Minute)
			var p agent.Payment
			p, err = f.till.sale(ctx, "1", sandbox.Approve)
			if err == nil && p.Status.State != agent.Paid {
				err = fmt.Errorf("the sale is %s", p.Status.State)
			}
			told = told || len(f.shop.Store().Problems()) > 0
			if err == nil {
				break
			}
		}
		if start == mostStarts {
			f.accuse(CheckRecovers, "the shop does not sell after %d starts: %v", start, err)
			return nil
		}
		f.note("starts in vain on a spoilt file")
		f.shop.PowerOff()
		if err := f.shop.Bury(); err != nil {
			f.said = append(f.said, err.Error())
		}
	}
	replaced, same, err := f.kept(spoilt)
	if err != nil {
		return err
	}
	if replaced {
		f.note("spoilt files set aside")
		if !same {
			f.accuse(CheckKept, "what was in the spoilt file is gone")
		}
		if !told {
			f.accuse(CheckSeen, "the store was replaced and nobody was told")
		}
		return nil
	}
	return f.unnoticed(ctx, spoilt, told)
}

// kept looks for what was in the spoilt file.
func (f *failing) kept(spoilt []byte) (replaced, same bool, err error) {
	list, err := filepath.Glob(filepath.Join(f.home(), "agent.db.damaged-*"))
	for _, name := range list {
		if strings.HasSuffix(name, "-wal") || strings.HasSuffix(name, "-shm") {
			continue
		}
		replaced = true
		content, err := os.ReadFile(name)
		if err != nil {
			return replaced, same, err
		}
		same = same || holds(content, spoilt)
	}
	return replaced, same || len(spoilt) == 0, err
}

// setAside looks for a file that was replaced, and whether there was a reason.
func setAside(home string) (replaced, broken bool, err error) {
	list, err := filepath.Glob(filepath.Join(home, "agent.db.damaged-*"))
	for _, name := range list {
		if strings.HasSuffix(name, "-wal") || strings.HasSuffix(name, "-shm") {
			continue
		}
		replaced = true
		opened, err := (&sqlite3.SQLiteDriver{}).Open("file:" + name + "?mode=ro&immutable=1")
		if err != nil {
			return replaced, true, nil
		}
		c := opened.(*sqlite3.SQLiteConn)
		rows, err := c.Query("PRAGMA integrity_check(1)", nil)
		var says []string
		if err == nil {
			says, err = column(rows)
		}
		broken = broken || err != nil || len(says) != 1 || says[0] != "ok"
		if err := c.Close(); err != nil {
			return replaced, broken, err
		}
	}
	return replaced, broken, err
}

// holds reports that a file still has most of another's pages in their places: the
// agent may have written some before it noticed.
func holds(content, spoilt []byte) bool {
	const page = 4096
	same, pages := 0, (len(spoilt)+page-1)/page
	for at := 0; at < min(len(content), len(spoilt)); at += page {
		if end := min(at+page, len(content), len(spoilt)); bytes.Equal(content[at:end], spoilt[at:end]) {
			same++
		}
	}
	return same >= pages/2
}

// unnoticed judges a store that lives on in the spoilt file: nothing is wrong with
// it, or its verification says what is.
func (f *failing) unnoticed(ctx context.Context, spoilt []byte, told bool) error {
	if len(spoilt) == 0 {
		if !told {
			f.accuse(CheckSeen, "the file was empty, the store begins anew, and nobody was told")
		}
		return nil
	}
	report, err := f.shop.Report(ctx)
	if err != nil || len(report.Findings) > 0 {
		f.note("spoilt files that verification names")
		return nil
	}
	if err := f.shop.Settle(ctx, 10*time.Minute, wait); err != nil {
		return err
	}
	found, err := f.shop.Judge(ctx)
	if err != nil {
		return err
	}
	f.note("spoilt files without harm")
	for _, v := range found {
		f.accuse(CheckSeen, "harm that nobody noticed: %s", v)
	}
	return nil
}
