package sandbox

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"

	"tillwire/agent"
)

//go:embed schema.sql
var schema string

// ErrClosed is the answer of a ledger that has been closed.
var ErrClosed = errors.New("sandbox: the ledger is closed")

// Ledger is the cloud's durable truth: customers, orders, refunds, payment
// codes, keys and the requests that were seen. Every read and every write goes
// through one goroutine and one connection, in the order of arrival, so a query
// is linearizable with a payment and a reversal without any lock of its own,
// and calls that wait together share one commit.
type Ledger struct {
	clock agent.Clock
	db    *sql.DB
	conn  *sql.Conn
	lock  *os.File
	jobs  chan job
	quit  chan struct{}
	ended chan struct{}
	// The key never leaves the process except into the ledger itself.
	key []byte // keys the fingerprints of payment codes and bodies

	forgets atomic.Bool // see ForgetUnseen
}

type job struct {
	run  func(*tx) error
	done chan error // nil when nobody waits
}

func (j job) awaited() bool { return j.done != nil }

// OpenLedger opens or makes the ledger file at path (its folder with 0700). A
// second process on the same file is refused, because two clouds on one ledger
// would both believe themselves.
func OpenLedger(ctx context.Context, path string, clock agent.Clock) (*Ledger, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("sandbox ledger: make its folder: %w", err)
	}
	lock, err := lockFile(path + ".lock")
	if err != nil {
		return nil, err
	}
	l := &Ledger{clock: clock, lock: lock, jobs: make(chan job, 1024), quit: make(chan struct{}), ended: make(chan struct{})}
	if err := l.open(ctx, path); err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox ledger %s: %w", path, err), l.release())
	}
	go l.write()
	l.key, err = l.Secret(ctx, "fingerprint", func() ([]byte, error) { return randomBytes(32), nil })
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// lockFile holds an advisory lock for as long as the file stays open; the kernel
// drops it with the process, so a kill leaves nothing to clean up.
func lockFile(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sandbox ledger: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox ledger: another tillcloud works on %s; end it or take another data folder: %w", filepath.Dir(path), err), f.Close())
	}
	return f, nil
}

// open opens the database and makes what is missing. WAL and synchronous FULL:
// an answer that was given survives a power cut.
func (l *Ledger) open(ctx context.Context, path string) error {
	// Made here, because SQLite would let others read the keys in it.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		return err
	}
	dsn := url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath()}
	dsn.RawQuery = "_journal_mode=WAL&_synchronous=FULL&_foreign_keys=1&_busy_timeout=5000&_txlock=immediate&_stmt_cache_size=64"
	db, err := sql.Open("sqlite3", dsn.String())
	if err != nil {
		return err
	}
	l.db = db
	if l.conn, err = db.Conn(ctx); err != nil {
		return err
	}
	// One connection is all there is; the writer goroutine owns it from here on.
	// The driver takes unknown or misspelt parameters silently, so what counts
	// for a power cut is read back.
	for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2"} {
		var got string
		if err := l.conn.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got); err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("PRAGMA %s is %q, not %q: is the file on a filesystem that SQLite can lock?", pragma, got, want)
		}
	}
	if _, err := l.conn.ExecContext(ctx, schema); err != nil {
		return err
	}
	return l.older(ctx)
}

// older brings a ledger of before up to the schema, which only makes what is
// missing as a whole: phones once had no currency, when there was only one, and no
// cloud converted.
func (l *Ledger) older(ctx context.Context) error {
	for _, c := range []struct{ table, name, kind string }{
		{"customer", "currency", "TEXT NOT NULL DEFAULT 'CNY'"},
		{"orders", "payer_amount", "INTEGER NOT NULL DEFAULT 0"},
		{"orders", "payer_currency", "TEXT NOT NULL DEFAULT ''"},
		{"orders", "rate", "INTEGER NOT NULL DEFAULT 0"},
	} {
		var has bool
		err := l.conn.QueryRowContext(ctx, "SELECT count(*) FROM pragma_table_info(?) WHERE name = ?", c.table, c.name).Scan(&has)
		if err == nil && !has {
			_, err = l.conn.ExecContext(ctx, "ALTER TABLE "+c.table+" ADD COLUMN "+c.name+" "+c.kind)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Close ends the writer after what is queued and closes the file.
func (l *Ledger) Close() error {
	select {
	case <-l.quit:
		return nil
	default:
	}
	close(l.quit)
	<-l.ended
	return l.release()
}

// release closes the file without waiting for anyone.
func (l *Ledger) release() error {
	var errs []error
	if l.conn != nil {
		errs = append(errs, l.conn.Close())
	}
	if l.db != nil {
		errs = append(errs, l.db.Close())
	}
	return errors.Join(append(errs, l.lock.Close())...)
}

// Secret returns the value kept under name, and makes and stores it first when
// there is none: keys survive a restart with the ledger they sign for.
func (l *Ledger) Secret(ctx context.Context, name string, produce func() ([]byte, error)) ([]byte, error) {
	var value []byte
	err := l.do(ctx, func(t *tx) error {
		err := t.row("SELECT value FROM secret WHERE name = ?", name).Scan(&value)
		if !errors.Is(err, sql.ErrNoRows) {
			return err
		}
		if value, err = produce(); err != nil {
			return err
		}
		return t.exec("INSERT INTO secret (name, value) VALUES (?, ?)", name, value)
	})
	if err != nil {
		return nil, fmt.Errorf("sandbox secret %s: %w", name, err)
	}
	return value, nil
}

// Update changes the value kept under name in one step; change is given nil when
// there is none, and what it answers is durable when Update returns.
func (l *Ledger) Update(ctx context.Context, name string, change func([]byte) ([]byte, error)) error {
	err := l.do(ctx, func(t *tx) error {
		var value []byte
		err := t.row("SELECT value FROM secret WHERE name = ?", name).Scan(&value)
		if err != nil && !noRows(err) {
			return err
		}
		if value, err = change(value); err != nil {
			return err
		}
		return t.exec("INSERT INTO secret (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value", name, value)
	})
	if err != nil {
		return fmt.Errorf("sandbox state %s: %w", name, err)
	}
	return nil
}

// Fingerprint is a keyed hash under the ledger's own key. A payment code has
// too few digits for a plain hash to hide it.
func (l *Ledger) Fingerprint(parts ...string) []byte {
	mac := hmac.New(sha256.New, l.key)
	for _, part := range parts {
		fmt.Fprintf(mac, "%d:%s", len(part), part)
	}
	return mac.Sum(nil)
}

// randomBytes are from the system's source, for ids, keys and nonces.
func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) // never fails: crypto/rand ends the program instead
	return b
}
