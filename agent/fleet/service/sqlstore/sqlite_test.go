package sqlstore_test

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"tillwire/agent/fleet/service"
	"tillwire/agent/fleet/service/sqlstore"
	"tillwire/agent/fleet/service/storetest"
)

// sqlite is a store on a file. Nothing here survives a power cut, and nothing must.
func sqlite(t *testing.T, path string) service.Store {
	t.Helper()
	values := url.Values{"_busy_timeout": {"30000"}, "_journal_mode": {"WAL"}, "_synchronous": {"OFF"}, "_txlock": {"immediate"}}
	open := func(most int) *sql.DB {
		db, err := sql.Open("sqlite3", "file:"+path+"?"+values.Encode())
		if err != nil {
			t.Fatal(err)
		}
		db.SetMaxOpenConns(most)
		return db
	}
	s, err := sqlstore.Open(t.Context(), sqlstore.SQLite(), open(1), open(2))
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

func TestSQLiteKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() service.Store {
		path := filepath.Join(t.TempDir(), "fleet.db")
		return func() service.Store { return sqlite(t, path) }
	})
}
