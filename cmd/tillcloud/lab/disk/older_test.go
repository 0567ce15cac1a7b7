//go:build faultfs

package disk_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mattn/go-sqlite3"

	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// olderStore trades in a folder and then gives its store the first schema that was
// ever shipped, with the same content. It returns how long that took.
func olderStore(t *testing.T, dir string, pair lab.Keys, dice lab.Dice) (passed time.Duration, err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		clock := lab.NewClock()
		begin := clock.Mono()
		var shop *lab.Shop
		if shop, err = lab.Open(t.Context(), lab.Options{Dir: dir, Clock: clock, Keys: pair, Network: lab.NewNetwork(), Lanes: 2, Free: roomy}); err != nil {
			return
		}
		c := &counter{shop: shop, dice: dice, next: 100}
		p, err1 := c.sale(t.Context(), "1", sandbox.Approve)
		if err1 == nil {
			err1 = c.back(t.Context(), p, 300)
		}
		_, err2 := c.show(t.Context(), "2", false) // stays open over the migration
		err = errors.Join(err1, err2, shop.Close())
		passed = clock.Mono() - begin
	})
	if err != nil {
		return passed, err
	}
	return passed, downgrade(filepath.Join(dir, "agent"))
}

// downgrade copies every table's rows into a new file of schema 1.
func downgrade(home string) (err error) {
	up, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "offline", "migrations", "0001_journal", "up.sql"))
	if err != nil {
		return err
	}
	path := filepath.Join(home, "agent.db")
	opened, err := (&sqlite3.SQLiteDriver{}).Open("file:" + path + ".old")
	if err != nil {
		return err
	}
	c := opened.(*sqlite3.SQLiteConn)
	steps := []string{"PRAGMA auto_vacuum = incremental", "PRAGMA journal_mode = WAL", string(up),
		"ATTACH '" + path + "' AS newer", "PRAGMA application_id = 1414289234", "PRAGMA user_version = 1"}
	for _, step := range steps {
		if _, err := c.Exec(step, nil); err != nil {
			return errors.Join(fmt.Errorf("%.40s: %w", step, err), c.Close())
		}
	}
	for _, table := range []string{"edge", "meta", "payment", "journal", "outbox", "refund"} {
		if err := copyTable(c, table); err != nil {
			return errors.Join(fmt.Errorf("copy %s: %w", table, err), c.Close())
		}
	}
	if err := c.Close(); err != nil {
		return err
	}
	return os.Rename(path+".old", path)
}

func copyTable(c *sqlite3.SQLiteConn, table string) error {
	rows, err := c.Query("SELECT group_concat('\"' || name || '\"') FROM pragma_table_info('"+table+"')", nil)
	if err != nil {
		return err
	}
	columns, err := column(rows)
	if err != nil || len(columns) != 1 {
		return fmt.Errorf("columns %q: %w", columns, err)
	}
	names := strings.Join(columns, "")
	_, err = c.Exec("INSERT OR REPLACE INTO main."+table+"("+names+") SELECT "+names+" FROM newer."+table, nil)
	return err
}
