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

// shiftSlack is how far a clock may have been set back within a shift before its sums
// lose a sale: the span of time only narrows the search that the journal's rows decide.
const shiftSlack = 36 * time.Hour

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
	var closed int64
	err := s.write("close shift", func(b *batch) error {
		err := b.do(`UPDATE shift SET closed = ?2, closed_by = ?3, left_over = ?4, upto = `+journalEnd+` WHERE id = ?1 AND closed IS NULL`, id, at.UnixNano(), by, end)
		if err != nil {
			return err
		}
		closed, err = b.asked("SELECT changes()")
		return err
	})
	if err != nil {
		return agent.Shift{}, err
	}
	if closed == 0 {
		return agent.Shift{}, noShift(agent.Conflict)
	}
	// It is closed by now: whoever asked may have gone, the count has to come all the same.
	return s.countShift(context.WithoutCancel(ctx), id)
}

// countShift writes down what a closed shift has come to, unless it was written before.
func (s *Store) countShift(ctx context.Context, id int64) (agent.Shift, error) {
	n, err := s.Shift(ctx, id)
	if err != nil {
		return n, err
	}
	text, err := json.Marshal(n.Wallets)
	if err != nil {
		return n, internal("close shift", "encode the sums: %w", err)
	}
	return n, s.write("count shift", func(b *batch) error {
		return b.do("UPDATE shift SET sums = ?2 WHERE id = ?1 AND sums IS NULL", id, string(text))
	})
}

// countShifts counts what a power cut kept from being counted, so that no Z report changes
// any more.
func (s *Store) countShifts(ctx context.Context) error {
	var ids []int64
	rows, err := s.db.QueryContext(ctx, "SELECT id FROM shift WHERE closed IS NOT NULL AND sums IS NULL")
	if err != nil {
		return readError(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return readError(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return readError(err)
	}
	for _, id := range ids {
		if _, err := s.countShift(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func noShift(class agent.Class) error {
	return &agent.Error{Op: "read shift", Class: class, Code: agent.CodeState,
		Say: agent.Sentence{ID: "error.no_shift", English: "No shift goes on at this register. Open one first."}}
}

const selectShift = `SELECT id, lane, currency, opened, opened_by, drawer, since, closed, closed_by, left_over, upto, sums FROM shift `

// Shift reads a shift by its number, or returns an Error of class NotFound. A shift that
// goes on is counted as far as it has come.
func (r *Reader) Shift(ctx context.Context, id int64) (agent.Shift, error) {
	return r.shift(ctx, "WHERE id = ?", id)
}

// LaneShift reads the newest shift of a lane, or returns an Error of class NotFound.
func (r *Reader) LaneShift(ctx context.Context, lane string) (agent.Shift, error) {
	return r.shift(ctx, "WHERE lane = ? ORDER BY id DESC LIMIT 1", lane)
}

func (r *Reader) shift(ctx context.Context, query string, args ...any) (n agent.Shift, err error) {
	var currency agent.Currency
	var opened, since int64
	var closed, end, upto sql.NullInt64
	var by, sums sql.NullString
	err = r.db.QueryRowContext(ctx, selectShift+query, args...).Scan(&n.ID, &n.Lane, &currency, &opened, &n.OpenedBy, &n.Begin.Value, &since, &closed, &by, &end, &upto, &sums)
	if errors.Is(err, sql.ErrNoRows) {
		return n, noShift(agent.NotFound)
	}
	if err != nil {
		return n, readError(err)
	}
	n.Opened, n.Begin.Currency, n.End.Currency = fromNano(opened), currency, currency
	last := int64(math.MaxInt64)
	if closed.Valid {
		n.Closed, n.ClosedBy, n.End.Value, last = fromNano(closed.Int64), by.String, end.Int64, upto.Int64
	}
	if sums.Valid {
		if err := json.Unmarshal([]byte(sums.String), &n.Wallets); err != nil {
			return n, internal("read shift", "decode the sums: %w", err)
		}
		return n, nil
	}
	n.Wallets, err = r.sums(ctx, "SELECT currency, wallet, "+sumsOf+"AND lane = ? AND first_seq > ? AND first_seq <= ? GROUP BY wallet, currency ORDER BY wallet, currency",
		n.Opened.Add(-shiftSlack), fromNano(math.MaxInt64), n.Lane, since, last)
	if err != nil {
		return n, err
	}
	old, err := r.earlier(ctx, "?", []any{since}, "p.lane = ? AND p.first_seq <= ? AND f.seq <= ?", n.Lane, since, last)
	n.Wallets = withEarlier(n.Wallets, old)
	return n, err
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

// Unpark takes an amount up again, on any lane. Of two who reach for it one gets it and
// the other an Error of class NotFound.
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
