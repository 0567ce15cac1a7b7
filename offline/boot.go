package offline

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/mattn/go-sqlite3"

	"tillwire/agent"
)

// boot brings the file into the shape that this program needs and reads what the
// writer keeps in memory.
func (w *writer) boot(ctx context.Context) error {
	list, err := migrations(migrationFiles)
	if err != nil {
		return err
	}
	// What a crashed run left in the log is put into the file and synced again
	// before anything new is appended: a commit whose sync failed may stand in the
	// log unsynced, and nothing durable must ever stand behind it.
	if _, err := ask(w.conn, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return err
	}
	if err := w.backupBeforeMigration(ctx, list); err != nil {
		return err
	}
	if err := migrate(w.conn, list); err != nil {
		return err
	}
	if err := chmod(filepath.Join(w.s.opt.Dir, fileName)); err != nil {
		return err
	}
	if err := w.prepare(); err != nil {
		return err
	}
	if err := w.limit(0); err != nil {
		return err
	}
	w.layBallast()
	if err := w.identify(); err != nil {
		return err
	}
	if err := w.notice(w.s.replaced...); err != nil {
		return err
	}
	if len(w.s.replaced) > 0 {
		if err := w.distrust(); err != nil {
			return err
		}
	}
	if err := w.confront(); err != nil {
		return err
	}
	if err := w.recognise(); err != nil {
		return err
	}
	if err := w.syncEdges(); err != nil {
		return err
	}
	if err := w.watchClock(); err != nil {
		return err
	}
	if err := w.freshen(); err != nil {
		return err
	}
	return w.remember(ctx)
}

// freshen ends the sessions whose time is over, and gives what was buried another
// chance: this start may be of a program that has learnt to finish it.
func (w *writer) freshen() error {
	if _, err := w.conn.Exec(deleteOldSessions, values(w.s.sessionsFrom())); err != nil {
		return err
	}
	_, err := w.conn.Exec("UPDATE outbox SET dead = 0 WHERE dead = 1", nil)
	return err
}

// chmod keeps the journal to the agent's own user.
func chmod(path string) error { return os.Chmod(path, 0o600) }

// identify gives a new store its incarnation.
func (w *writer) identify() error {
	_, err := w.conn.Exec("INSERT OR IGNORE INTO meta(key, value) VALUES ('incarnation', ?)", values(newIncarnation()))
	return err
}

func newIncarnation() string {
	var id [16]byte
	rand.Read(id[:]) // never fails, by its contract
	return hex.EncodeToString(id[:])
}

// syncEdges writes the law's moves into the database where they differ from what
// the program of the last start knew.
func (w *writer) syncEdges() error {
	var stored []string
	stored, err := ask(w.conn, `SELECT "from" || '>' || "to" FROM edge ORDER BY 1`)
	if err != nil {
		return err
	}
	var law []string
	for e := range w.s.edges {
		law = append(law, string(e[0])+">"+string(e[1]))
	}
	slices.Sort(law)
	if slices.Equal(stored, law) {
		return nil
	}
	if _, err := w.conn.Exec("BEGIN IMMEDIATE; DELETE FROM edge", nil); err != nil {
		return err
	}
	for e := range w.s.edges {
		if _, err := w.conn.Exec(`INSERT INTO edge("from", "to") VALUES (?, ?)`, values(string(e[0]), string(e[1]))); err != nil {
			_, undo := w.conn.Exec("ROLLBACK", nil)
			return errors.Join(err, undo)
		}
	}
	_, err = w.conn.Exec("COMMIT", nil)
	return err
}

func (s *Store) allowed(from, to agent.State) bool { return s.edges[[2]agent.State{from, to}] }

// remember reads what the writer keeps in memory. It looks at open payments, the
// outbox and the last minutes, never at the whole of the file.
func (w *writer) remember(ctx context.Context) error {
	s, st := w.s, &w.s.state
	// A look before this one may have got half way through a file that is damaged.
	*st, s.locks = newState(), map[string]time.Duration{}
	if err := w.readCounters(st); err != nil {
		return err
	}
	open, err := s.payments(ctx, selectPayment+"INDEXED BY payment_open WHERE final = 0")
	if err != nil {
		return err
	}
	for _, e := range open {
		st.payments[e.payment.ID] = e
		if e.held {
			st.lanes[e.payment.Lane] = e.payment.ID
		}
	}
	if err := s.readOutbox(ctx, st); err != nil {
		return err
	}
	if err := s.readCodes(ctx, st); err != nil {
		return err
	}
	return s.readLocks(ctx)
}

// readHead finds the end of the chain.
func readHead(c *sqlite3.SQLiteConn) (seq int64, head [32]byte, err error) {
	rows, err := ask(c, `SELECT seq || ' ' || lower(hex(hash)) FROM journal WHERE seq = (SELECT max(seq) FROM journal)
		UNION ALL SELECT a.value || ' ' || lower(hex(h.value)) FROM meta a, meta h WHERE a.key = 'anchor' AND h.key = 'anchor_hash'`)
	if err != nil {
		return 0, head, err
	}
	var hash []byte
	if len(rows) > 0 {
		_, err = fmt.Sscanf(rows[0], "%d %x", &seq, &hash)
	}
	if err != nil || len(hash) != len(head) {
		return 0, head, fmt.Errorf("%w: the end of the journal reads %q", errDamaged, rows)
	}
	return seq, [32]byte(hash), nil
}

// readCounters finds where this run goes on. Fencing tokens begin where no other
// run's can be.
func (w *writer) readCounters(st *state) (err error) {
	if st.seq, st.head, err = readHead(w.conn); err != nil {
		return err
	}
	var token [8]byte
	rand.Read(token[:]) // never fails, by its contract
	st.lease = int64(binary.BigEndian.Uint64(token[:]) >> 2)
	last, err := ask(w.conn, "SELECT coalesce(max(row), 0) FROM outbox")
	if err != nil {
		return err
	}
	st.row, err = strconv.ParseInt(last[0], 10, 64)
	return err
}

func (s *Store) readOutbox(ctx context.Context, st *state) error {
	rows, err := s.db.QueryContext(ctx, "SELECT key, row, pay, op, refund_no, tries, dead, last, created FROM outbox")
	if err != nil {
		return err
	}
	defer rows.Close()
	var list []row
	for rows.Next() {
		var r row
		var created int64
		if err := rows.Scan(&r.key, &r.number, &r.payment, &r.step.Op, &r.step.RefundNo, &r.tries, &r.dead, &r.last, &created); err != nil {
			return err
		}
		r.created, r.due = fromNano(created), s.opt.Clock.Mono()
		list = append(list, r)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	for _, r := range list {
		e, err := s.current(ctx, r.payment)
		if err != nil {
			return err
		}
		st.payments[r.payment] = e
		r.orderNo, r.wallet = e.payment.OrderNo, e.payment.Status.Wallet
		st.rows[r.key] = &r
	}
	return nil
}

// mostCodes bounds what a start reads; no shop scans as many in ten minutes.
const mostCodes = 20_000

// latestRows of the journal bring back the codes of their payments whatever the
// clock says: it may have been wrong when they were scanned, or be wrong now.
const latestRows = 1000

// readCodes remembers the payment codes of the last ten minutes. The wall clock is
// all that two runs share, and it may have been set ahead or right in between; so
// the latest codes count in any case, from now on. A code lives about a minute.
func (s *Store) readCodes(ctx context.Context, st *state) error {
	now, mono := s.opt.Clock.Now(), s.opt.Clock.Mono()
	since := now.Add(-codeMemory)
	// A code is scanned within minutes of the payment being opened.
	rows, err := s.db.QueryContext(ctx, `SELECT id, code_print, code_at FROM payment INDEXED BY payment_created
		WHERE created > ? AND code_print IS NOT NULL AND code_at > ? ORDER BY created DESC LIMIT ?`, since.Add(-codeMemory).UnixNano(), since.UnixNano(), mostCodes)
	if err != nil {
		return err
	}
	if err := readCodeRows(rows, func(print []byte, id agent.PaymentID, at time.Time) {
		st.codes[string(print)] = codeSeen{id, mono + codeMemory - max(now.Sub(at), 0)}
	}); err != nil {
		return err
	}
	rows, err = s.db.QueryContext(ctx, `SELECT id, code_print, code_at FROM payment
		WHERE code_print IS NOT NULL AND id IN (SELECT pay FROM journal WHERE seq > (SELECT max(seq) FROM journal) - ? AND pay IS NOT NULL)`, latestRows)
	if err != nil {
		return err
	}
	return readCodeRows(rows, func(print []byte, id agent.PaymentID, _ time.Time) {
		if _, timed := st.codes[string(print)]; !timed {
			st.codes[string(print)] = codeSeen{id, mono + codeMemory}
		}
	})
}

func readCodeRows(rows *sql.Rows, each func([]byte, agent.PaymentID, time.Time)) error {
	defer rows.Close()
	for rows.Next() {
		var id agent.PaymentID
		var print []byte
		var at int64
		if err := rows.Scan(&id, &print, &at); err != nil {
			return err
		}
		each(print, id, fromNano(at))
	}
	return rows.Err()
}
