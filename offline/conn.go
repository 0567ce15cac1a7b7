package offline

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/url"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// What the file must be, and what SQLite must be to touch it.
const (
	// applicationID marks the file as ours ("TLWR"), so that no other program's
	// database is taken for a journal.
	applicationID = 0x544c5752
	pageSize      = 4096
	// Versions from 3.7.0 to 3.51.2 can damage a WAL database when two connections
	// write and checkpoint at the same moment.
	minSQLite = 3_051_003
	// busyMS is how long a connection waits for another process's lock.
	busyMS = 5000
)

// The settings that matter live in the DSN: a PRAGMA through a pool reaches one
// connection of it. EXTRA costs the same as FULL in WAL mode and stays right
// should anyone change the journal mode.
func dsn(path string, writer bool) string {
	values := url.Values{
		"_busy_timeout": {fmt.Sprint(busyMS)}, "_synchronous": {"EXTRA"}, "_foreign_keys": {"on"}, "_stmt_cache_size": {"64"},
	}
	if writer {
		values.Set("_journal_mode", "WAL")
		values.Set("_auto_vacuum", "incremental")
		values.Set("_secure_delete", "fast")
		values.Set("_txlock", "immediate")
		values.Set("_mutex", "no") // one goroutine uses it
		values.Set("_cache_size", "-8192")
	} else {
		values.Set("mode", "ro")
		values.Set("_query_only", "1")
	}
	return "file:" + escape(path) + "?" + values.Encode()
}

// escape keeps a question mark in a folder's name from beginning the parameters.
func escape(path string) string { return (&url.URL{Path: path}).EscapedPath() }

// connect opens one connection and refuses to hand it out unless its settings read
// back as they were asked for. The driver's own defaults lose the last commits of
// a terminal whose plug is pulled.
func connect(path string, writer bool) (*sqlite3.SQLiteConn, error) {
	if _, number, _ := sqlite3.Version(); number < minSQLite {
		return nil, fmt.Errorf("SQLite %d is linked, at least %d is needed", number, minSQLite)
	}
	opened, err := (&sqlite3.SQLiteDriver{}).Open(dsn(path, writer))
	if err != nil {
		return nil, err
	}
	c := opened.(*sqlite3.SQLiteConn)
	if err := settle(c, writer); err != nil {
		return nil, fmt.Errorf("%w%s", err, closing(c.Close()))
	}
	return c, nil
}

func closing(err error) string {
	if err == nil {
		return ""
	}
	return fmt.Sprintf(" (and closing: %v)", err)
}

// settle sets what the DSN cannot and asserts the whole.
func settle(c *sqlite3.SQLiteConn, writer bool) error {
	pragmas := []string{"mmap_size=0", "trusted_schema=off", "temp_store=memory"}
	want := map[string]string{"journal_mode": "wal", "synchronous": "3", "foreign_keys": "1", "trusted_schema": "0", "mmap_size": "0"}
	if writer {
		pragmas = append(pragmas, "wal_autocheckpoint=1000", "journal_size_limit=4194304")
		want["auto_vacuum"], want["query_only"], want["secure_delete"], want["wal_autocheckpoint"] = "2", "0", "2", "1000"
	} else {
		want["query_only"] = "1"
	}
	for _, p := range pragmas {
		if _, err := ask(c, "PRAGMA "+p); err != nil {
			return fmt.Errorf("pragma %s: %w", p, err)
		}
	}
	for name, value := range want {
		got, err := ask(c, "PRAGMA "+name)
		if err != nil {
			return fmt.Errorf("pragma %s: %w", name, err)
		}
		if len(got) != 1 || got[0] != value {
			return fmt.Errorf("pragma %s reads %s where %s is required for payments to survive a power cut", name, strings.Join(got, ","), value)
		}
	}
	return nil
}

// ask runs one statement and returns the first column of its rows as text. Rows
// are drained, because some pragmas do a part of their work with each.
func ask(c *sqlite3.SQLiteConn, query string, args ...driver.Value) ([]string, error) {
	return texts(c.Query(query, args))
}

// askWithin is ask for a statement that takes long: it is broken off with ctx.
func askWithin(ctx context.Context, c *sqlite3.SQLiteConn, query string) ([]string, error) {
	return texts(c.QueryContext(ctx, query, nil))
}

func texts(rows driver.Rows, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var texts []string
	width := len(rows.Columns())
	for {
		values := make([]driver.Value, width)
		if err := rows.Next(values); err != nil {
			return texts, ignoreEOF(err)
		}
		if width > 0 {
			texts = append(texts, text(values[0]))
		}
	}
}

func text(v driver.Value) string {
	if b, ok := v.([]byte); ok {
		return string(b)
	}
	return fmt.Sprint(v)
}

// connector makes the readers' pool go through connect.
type connector struct{ path string }

// Connect implements driver.Connector.
func (k connector) Connect(context.Context) (driver.Conn, error) { return connect(k.path, false) }

// Driver implements driver.Connector.
func (k connector) Driver() driver.Driver { return &sqlite3.SQLiteDriver{} }

// readers is how many connections read at the same time.
const readers = 4

func openReaders(path string) *sql.DB {
	db := sql.OpenDB(connector{path})
	db.SetMaxOpenConns(readers)
	db.SetMaxIdleConns(readers)
	return db
}
