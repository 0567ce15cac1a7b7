package offline

import (
	"context"
	"database/sql/driver"
	"fmt"
	"math"
	"time"

	"tillwire/agent"
)

// Retention's steps: small, so that a customer's commit never waits for long.
const (
	pruneRows   = 500 // journal rows of one transaction
	vacuumPages = 64
)

// Prune lets go what ended before a moment, from the beginning of the chain, and
// returns how many payments went. The chain goes on from an anchor: the hash of
// the last row that went. The first payment that must stay ends the work, however
// much lies behind it, since a chain with holes proves nothing. Open payments stay
// for ever.
func (s *Store) Prune(ctx context.Context, before time.Time) (payments int, err error) {
	return s.prune(ctx, before, math.MaxInt64)
}

// retain lets go what ended longer ago than keep by its own time, and was there that
// long ago by a clock that somebody confirmed.
func (s *Store) retain(ctx context.Context, keep time.Duration) (payments int, err error) {
	last, err := s.vouch(keep)
	if err != nil || last == 0 {
		return 0, err
	}
	return s.prune(ctx, s.opt.Clock.Now().Add(-keep), last)
}

// prune is Prune up to a row of the journal.
func (s *Store) prune(ctx context.Context, before time.Time, last int64) (payments int, err error) {
	for ctx.Err() == nil {
		var rows, gone int
		err := s.write("retention", func(b *batch) (err error) {
			rows, gone, err = b.prune(before, last)
			return err
		})
		if err != nil || rows == 0 {
			return payments, err
		}
		payments += gone
		if err := s.submit("retention", request{alone: (*writer).vacuum}); err != nil {
			return payments, err
		}
	}
	return payments, ctx.Err()
}

// leaving is a stretch of the chain's beginning that may go.
type leaving struct {
	last     int64
	hash     []byte
	rows     int
	payments []string
}

func (b *batch) prune(before time.Time, last int64) (rows, payments int, err error) {
	l, err := b.leaving(before, last)
	if err != nil || l.rows == 0 {
		return 0, 0, err
	}
	// The anchor first: the database lets nothing go that lies behind it.
	err = b.do("UPDATE meta SET value = CASE key WHEN 'anchor' THEN ?1 ELSE ?2 END WHERE key IN ('anchor', 'anchor_hash')", l.last, l.hash)
	if err == nil {
		err = b.do("DELETE FROM journal WHERE seq <= ?", l.last)
	}
	for _, id := range l.payments {
		if err == nil {
			err = b.do("DELETE FROM refund WHERE pay = ?", id)
		}
		if err == nil {
			err = b.do("DELETE FROM accepted WHERE pay = ?", id)
		}
		if err == nil {
			err = b.do("DELETE FROM payment WHERE id = ?", id)
		}
	}
	if err != nil {
		return 0, 0, err
	}
	for _, id := range l.payments {
		b.payments[agent.PaymentID(id)] = nil
	}
	return l.rows, len(l.payments), nil
}

// leaving finds what may go next. A payment goes with its first row; rows of it
// that stand further on stay behind without it until the anchor reaches them.
func (b *batch) leaving(before time.Time, last int64) (l leaving, err error) {
	if err := b.flush(); err != nil {
		return l, err
	}
	s, err := prepare(b.w.conn, `SELECT j.seq, j.hash, j.pay, j.prev, j.at, p.final, coalesce(p.last_seq, 0), coalesce(e.at, 0),
		EXISTS (SELECT 1 FROM outbox o WHERE o.pay = j.pay)
		FROM journal j LEFT JOIN payment p ON p.id = j.pay LEFT JOIN journal e ON e.seq = p.last_seq
		WHERE j.seq > (SELECT value FROM meta WHERE key = 'anchor') ORDER BY j.seq LIMIT ?`)
	if err != nil {
		return l, err
	}
	defer s.stmt.Close()
	stopped := false
	err = s.each(9, func(v []driver.Value) error {
		pay, isPayment := v[2].(string)
		ended := v[4].(int64)
		if isPayment && v[5] != nil {
			ended = v[7].(int64)
			stopped = stopped || v[5].(int64) == 0 || v[8].(int64) == 1
		}
		if stopped = stopped || ended >= before.UnixNano() || max(v[0].(int64), v[6].(int64)) > last; stopped {
			return nil
		}
		l.last, l.hash = v[0].(int64), v[1].([]byte)
		l.rows++
		if isPayment && v[5] != nil && v[3].(int64) == 0 {
			l.payments = append(l.payments, pay)
		}
		return nil
	}, int64(pruneRows))
	return l, err
}

// vacuum gives free pages back to the disk. The pragma frees one page for each row
// that is read from it, so it must be drained.
func (w *writer) vacuum() error {
	_, err := ask(w.conn, fmt.Sprintf("PRAGMA incremental_vacuum(%d)", vacuumPages))
	return err
}
