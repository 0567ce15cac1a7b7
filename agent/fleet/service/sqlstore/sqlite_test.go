package sqlstore_test

import (
	"database/sql"
	"errors"
	"net/url"
	"path/filepath"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
	"tillwire/agent/fleet/service/sqlstore"
	"tillwire/agent/fleet/service/storetest"
)

// sqlite is a store on a file. Nothing here survives a power cut, and nothing must.
func sqlite(t *testing.T, path string) service.Store {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), sqlstore.SQLite(), raw(t, path, 1), raw(t, path, 2))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// raw is the file itself.
func raw(t *testing.T, path string, most int) *sql.DB {
	t.Helper()
	values := url.Values{"_busy_timeout": {"30000"}, "_journal_mode": {"WAL"}, "_synchronous": {"OFF"}, "_txlock": {"immediate"}}
	db, err := sql.Open("sqlite3", "file:"+path+"?"+values.Encode())
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(most)
	return db
}

// A row that cannot be read, of a disk or of a service from before, hides no other.
func TestADamagedRowIsShownAmongTheOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	s := sqlite(t, path)
	err := s.Change(t.Context(), nil, func(tx service.Tx) error {
		for _, tid := range []fleet.TID{"t-000001", "t-000002", "t-000003"} {
			if err := tx.SaveTerminal(t.Context(), service.Terminal{TID: tid}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	db := raw(t, path, 1)
	_, err = db.ExecContext(t.Context(), `UPDATE terminal SET doc = '{"tid":"t-000002","presence":{"since":"10000-01-01T00:59:59.000Z"}}' WHERE tid = 't-000002'`)
	if err = errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	list, err := s.Terminals(t.Context(), "", 9)
	if err != nil || len(list) != 3 || list[1].TID != "t-000002" || len(list[1].Found) != 1 || list[1].Found[0].Kind != service.FoundDamaged || list[2].Found != nil {
		t.Errorf("listed: %+v, %v", list, err)
	}
	if _, err := s.Terminal(t.Context(), "t-000002"); !errors.Is(err, service.ErrDamaged) {
		t.Errorf("asked for itself: %v", err)
	}
}

func TestSQLiteKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() service.Store {
		path := filepath.Join(t.TempDir(), "fleet.db")
		return func() service.Store { return sqlite(t, path) }
	})
}
