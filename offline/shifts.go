package offline

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"math"
	"strconv"
	"time"

	"tillwire/agent"
)

// asked asks for a number behind what the batch has written so far.
func (b *batch) asked(query string, args ...driver.Value) (int64, error) {
	got, err := ask(b.w.conn, query, args...)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(got[0], 10, 64)
}

// journalEnd is the last row of the journal as the transaction sees it.
const journalEnd = "(SELECT coalesce(max(seq), 0) FROM journal)"

// OpenShift begins a shift on a lane; Conflict while one goes on there. The result
// carries its number.
func (s *Store) OpenShift(_ context.Context, n agent.Shift) (agent.Shift, error) {
	err := s.write("open shift", func(b *batch) error {
		err := b.do(`INSERT INTO shift(lane, currency, opened, opened_by, drawer, since) SELECT ?1, ?2, ?3, ?4, ?5, `+journalEnd+`
			WHERE NOT EXISTS (SELECT 1 FROM shift WHERE lane = ?1 AND closed IS NULL)`,
			n.Lane, string(n.Begin.Currency), n.Opened.UnixNano(), n.OpenedBy, n.Begin.Value)
		if err != nil {
			return err
		}
		n.ID, err = b.asked("SELECT changes() * last_insert_rowid()")
		return err
	})
	if err == nil && n.ID == 0 {
		return n, &agent.Error{Op: "open shift", Class: agent.Conflict, Code: agent.CodeState,
			Say: agent.Sentence{ID: "error.shift_open", English: "A shift goes on at this register. Close it first."}}
	}
	return n, err
}

// CloseShift ends a shift and counts it, once and for all; Conflict when it was closed
// before. What is under way at that moment is counted as not settled yet.
func (s *Store) CloseShift(ctx context.Context, id int64, at time.Time, by string, end int64) (agent.Shift, error) {
	ctx = context.WithoutCancel(ctx) // whoever asked may have gone
	// Every lane waits for whoever is in the writer's turn, and a shift of months is not counted
	// in a moment. So it is counted before, and there only when its lane has moved meanwhile.
	upto := s.lastSeq()
	before, unread := s.Reader.Shift(ctx, id)
	if unread != nil {
		return agent.Shift{}, unread
	}
	var n agent.Shift
	var closed int64
	err := s.write("close shift", func(b *batch) error {
		moved, err := b.asked("SELECT count(*) FROM journal j JOIN payment p ON p.id = j.pay WHERE j.seq > ? AND p.lane = ?", upto, before.Lane)
		if err != nil {
			return err
		}
		if n, unread = before, nil; moved > 0 {
			// Here nobody else writes, so the readers see what this end is after and nothing more.
			// What cannot be read is no fault of the writer's.
			if n, unread = s.Reader.Shift(ctx, id); unread != nil {
				return nil
			}
		}
		sums, err := json.Marshal(n.Wallets)
		if err != nil {
			return internal("close shift", "encode the sums: %w", err)
		}
		err = b.do("UPDATE shift SET closed = ?2, closed_by = ?3, left_over = ?4, upto = ?5, sums = ?6 WHERE id = ?1 AND closed IS NULL",
			id, at.UnixNano(), by, end, s.state.seq, string(sums))
		if err != nil {
			return err
		}
		closed, err = b.asked("SELECT changes()")
		return err
	})
	switch {
	case err != nil:
		return agent.Shift{}, err
	case unread != nil:
		return agent.Shift{}, unread
	case closed == 0:
		return agent.Shift{}, noShift(agent.Conflict)
	}
	n.Closed, n.ClosedBy, n.End.Value = fromNano(at.UnixNano()), by, end
	return n, nil
}

// lastSeq is the last row of the journal.
func (s *Store) lastSeq() int64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.state.seq
}

func noShift(class agent.Class) error {
	return &agent.Error{Op: "read shift", Class: class, Code: agent.CodeState,
		Say: agent.Sentence{ID: "error.no_shift", English: "No shift goes on at this register. Open one first."}}
}

const selectShift = `SELECT id, lane, currency, opened, opened_by, drawer, since, closed, closed_by, left_over, sums FROM shift `

// Shift reads a shift by its number, or returns an Error of class NotFound. A shift that
// goes on is counted as far as it has come.
func (r *Reader) Shift(ctx context.Context, id int64) (agent.Shift, error) {
	return r.shift(ctx, "WHERE id = ?", id)
}

// LaneShift reads the newest shift of a lane, or returns an Error of class NotFound.
func (r *Reader) LaneShift(ctx context.Context, lane string) (agent.Shift, error) {
	return r.shift(ctx, "WHERE lane = ? ORDER BY id DESC LIMIT 1", lane)
}

// Shifts lists the shifts that were open at some moment of a span, in the order in which they
// began, without their sums: Shift counts one. A shift whose clock was set back belongs to the
// span of its beginning as well.
func (r *Reader) Shifts(ctx context.Context, from, to time.Time) ([]agent.Shift, error) {
	rows, err := r.db.QueryContext(ctx, selectShift+"WHERE opened < ? AND (closed IS NULL OR max(opened, closed) >= ?) ORDER BY opened, id", to.UnixNano(), from.UnixNano())
	if err != nil {
		return nil, readError(err)
	}
	defer rows.Close()
	var list []agent.Shift
	for rows.Next() {
		kept, err := readShift(rows.Scan)
		if err != nil {
			return nil, readError(err)
		}
		list = append(list, kept.shift)
	}
	if err := rows.Err(); err != nil {
		return nil, readError(err)
	}
	return list, nil
}

// shiftRow is a shift as the table has it: where the journal stood at its beginning, and its
// sums once it is closed.
type shiftRow struct {
	shift agent.Shift
	since int64
	sums  sql.NullString
}

// readShift reads a row of selectShift.
func readShift(scan func(...any) error) (row shiftRow, err error) {
	n := &row.shift
	var currency agent.Currency
	var opened int64
	var closed, end sql.NullInt64
	var by sql.NullString
	err = scan(&n.ID, &n.Lane, &currency, &opened, &n.OpenedBy, &n.Begin.Value, &row.since, &closed, &by, &end, &row.sums)
	if err != nil {
		return row, err
	}
	n.Opened, n.Begin.Currency, n.End.Currency = fromNano(opened), currency, currency
	if closed.Valid {
		n.Closed, n.ClosedBy, n.End.Value = fromNano(closed.Int64), by.String, end.Int64
	}
	return row, nil
}

func (r *Reader) shift(ctx context.Context, query string, args ...any) (agent.Shift, error) {
	row, err := readShift(r.db.QueryRowContext(ctx, selectShift+query, args...).Scan)
	n := row.shift
	if errors.Is(err, sql.ErrNoRows) {
		return n, noShift(agent.NotFound)
	}
	if err != nil {
		return n, readError(err)
	}
	if !n.Over() {
		n.Wallets, err = r.count(ctx, n, row.since)
		return n, err
	}
	if err := json.Unmarshal([]byte(row.sums.String), &n.Wallets); err != nil {
		return n, internal("read shift", "decode the sums: %w", err)
	}
	return n, nil
}

// laneSums sums the payments of a lane that began between two rows of the journal, by the first
// row that each of them has there: no clock decides what belongs to a shift.
const laneSums = "SELECT currency, wallet, " + sumsOf + "WHERE id IN (SELECT pay FROM journal WHERE seq > ? AND seq <= ? AND prev = 0) AND lane = ? GROUP BY wallet, currency ORDER BY wallet, currency"

// count is what a shift that goes on has come to since a row of the journal. Each movement of
// money on its lane belongs to one report: that of an own sale to this one, and that of an
// older one as well when it came after the report before, be it between the two shifts.
func (r *Reader) count(ctx context.Context, n agent.Shift, since int64) ([]agent.WalletTotal, error) {
	list, err := r.sums(ctx, laneSums, since, int64(math.MaxInt64), n.Lane)
	if err != nil {
		return nil, err
	}
	told := since // a lane's first report begins with its shift
	err = r.db.QueryRowContext(ctx, "SELECT upto FROM shift WHERE lane = ? AND id < ? ORDER BY id DESC LIMIT 1", n.Lane, n.ID).Scan(&told)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return nil, readError(err)
	}
	between, err := r.sums(ctx, laneSums, told, since, n.Lane)
	if err != nil {
		return nil, err
	}
	for _, t := range between {
		list = plus(list, agent.WalletTotal{Wallet: t.Wallet, Totals: agent.Totals{Currency: t.Currency, CapturedEarlier: t.Captured, Earlier: t.Refunded}})
	}
	// The first row that a payment has behind a row of the journal goes on from one before it.
	old, err := r.earlier(ctx, func(f agent.Fact) bool { return f.Seq > told },
		"id IN (SELECT pay FROM journal WHERE seq > ? AND prev BETWEEN 1 AND ?) AND lane = ?", told, told, n.Lane)
	return plus(list, old...), err
}

// Shift is the reader's, of what everybody has been told.
func (s *Store) Shift(ctx context.Context, id int64) (agent.Shift, error) {
	s.passedOn()
	return s.Reader.Shift(ctx, id)
}

// parkedMost is how many amounts may be put aside on a terminal: more is a list that
// nobody keeps.
const parkedMost = 50

// Park puts an amount aside; the same id again changes nothing. Conflict when too many
// wait already.
func (s *Store) Park(_ context.Context, p agent.Parked) error {
	var kept int64
	err := s.write("park", func(b *batch) error {
		err := b.do(`INSERT INTO parked(id, lane, amount, currency, note, "by", at) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7
			WHERE (SELECT count(*) FROM parked) < ?8 ON CONFLICT(id) DO NOTHING`,
			p.ID, p.Lane, p.Amount.Value, string(p.Amount.Currency), p.Note, p.By, p.At.UnixNano(), int64(parkedMost))
		if err != nil {
			return err
		}
		kept, err = b.asked("SELECT count(*) FROM parked WHERE id = ?", p.ID)
		return err
	})
	if err == nil && kept == 0 {
		return &agent.Error{Op: "park", Class: agent.Conflict, Code: agent.CodeState,
			Say: agent.Sentence{ID: "error.parked_full", English: "Too many amounts are parked. Take up or discard one first."}}
	}
	return err
}

// Parked lists what was put aside, oldest first.
func (r *Reader) Parked(ctx context.Context) ([]agent.Parked, error) {
	rows, err := r.db.QueryContext(ctx, `SELECT id, lane, amount, currency, note, "by", at FROM parked ORDER BY at, id`)
	if err != nil {
		return nil, readError(err)
	}
	defer rows.Close()
	var list []agent.Parked
	for rows.Next() {
		var p agent.Parked
		var at int64
		if err := rows.Scan(&p.ID, &p.Lane, &p.Amount.Value, &p.Amount.Currency, &p.Note, &p.By, &at); err != nil {
			return nil, readError(err)
		}
		p.At = fromNano(at)
		list = append(list, p)
	}
	if err := rows.Err(); err != nil {
		return nil, readError(err)
	}
	return list, nil
}

// Unpark takes an amount off the list: its payment exists, or nobody wants it any more. Of two
// who do so the second gets an Error of class NotFound.
func (s *Store) Unpark(_ context.Context, id string) error {
	var gone int64
	err := s.write("unpark", func(b *batch) error {
		if err := b.do("DELETE FROM parked WHERE id = ?", id); err != nil {
			return err
		}
		var err error
		gone, err = b.asked("SELECT changes()")
		return err
	})
	if err == nil && gone == 0 {
		return &agent.Error{Op: "unpark", Class: agent.NotFound, Code: agent.CodeNotFound,
			Say: agent.Sentence{ID: "error.not_parked", English: "This amount is not parked any more. Another register has taken it up."}}
	}
	return err
}
