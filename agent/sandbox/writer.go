package sandbox

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"
)

// batchLimit bounds how many calls share one commit.
const batchLimit = 256

// tx is one call's view of the transaction it runs in. now is read once per
// call, so that everything a call writes carries one time.
// A call must not keep its tx: it is good until the call returns.
type tx struct {
	ctx context.Context
	sql *sql.Tx
	now time.Time
	led *Ledger
}

// exec runs a statement whose result nobody needs.
func (t *tx) exec(query string, args ...any) error {
	_, err := t.sql.ExecContext(t.ctx, query, args...)
	return err
}

func (t *tx) row(query string, args ...any) *sql.Row {
	return t.sql.QueryRowContext(t.ctx, query, args...)
}

func (t *tx) rows(query string, args ...any) (*sql.Rows, error) {
	return t.sql.QueryContext(t.ctx, query, args...)
}

// do runs one call and returns after its commit. What was begun is finished
// whatever happens to ctx: a client that hangs up must not decide whether its
// order exists.
func (l *Ledger) do(ctx context.Context, run func(*tx) error) error {
	if err := ctx.Err(); err != nil {
		return err // left to chance below, where both may be ready
	}
	done := make(chan error, 1)
	select {
	case l.jobs <- job{run, done}:
	case <-l.quit:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-done:
		return err
	case <-l.ended:
		select {
		case err := <-done:
			return err
		default:
			return ErrClosed
		}
	}
}

// later queues a call of one statement that nobody waits for. Everything queued after it
// sees it, and is durable together with it.
func (l *Ledger) later(run func(*tx) error) {
	select {
	case l.jobs <- job{run: run}:
	case <-l.quit:
	}
}

// write is the only user of the connection. What nobody waits for is kept for the
// commit of whoever comes next: one of its own would cost as much as the call itself.
func (l *Ledger) write() {
	defer close(l.ended)
	var batch []job
	for {
		select {
		case next := <-l.jobs:
			batch = l.gather(append(batch, next))
			if len(batch) == batchLimit || slices.ContainsFunc(batch, job.awaited) {
				l.commit(batch)
				batch = nil
			}
		case <-l.quit:
			for len(l.jobs) > 0 {
				l.commit(l.gather(batch))
				batch = nil
			}
			l.commit(batch)
			return
		}
	}
}

// gather adds what is waiting already, without waiting for more.
func (l *Ledger) gather(batch []job) []job {
	for len(batch) < batchLimit {
		select {
		case next := <-l.jobs:
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// commit runs a batch in one transaction. A call that fails is undone alone; a
// commit that fails fails them all, and nobody is answered before it.
func (l *Ledger) commit(batch []job) {
	if len(batch) == 0 {
		return
	}
	ctx := context.Background()
	results := make([]error, len(batch))
	err := func() error {
		sqlTx, err := l.conn.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		for i, j := range batch {
			t := &tx{ctx: ctx, sql: sqlTx, now: l.clock.Now().Truncate(time.Millisecond), led: l}
			if len(batch) == 1 {
				// Alone it needs no savepoint: what it undoes is the transaction.
				if results[i] = j.run(t); results[i] != nil {
					return sqlTx.Rollback()
				}
				break
			}
			if results[i], err = runOne(t, j); err != nil {
				return errors.Join(err, sqlTx.Rollback())
			}
		}
		return sqlTx.Commit()
	}()
	for i, j := range batch {
		if !j.awaited() {
			continue
		}
		// A commit that failed may or may not be on disk. The caller hears an error and
		// asks again by number; both outcomes are then answered rightly.
		if err != nil {
			j.done <- fmt.Errorf("sandbox ledger: commit: %w", err)
			continue
		}
		j.done <- results[i]
	}
}

// runOne runs one call in a savepoint of its own; one that nobody waits for is a single
// statement, which is undone by itself. The second error means that the transaction
// itself is no longer usable.
func runOne(t *tx, j job) (result, broken error) {
	if !j.awaited() {
		return j.run(t), nil
	}
	if err := t.exec("SAVEPOINT one"); err != nil {
		return nil, err
	}
	if result = j.run(t); result != nil {
		if err := t.exec("ROLLBACK TO one"); err != nil {
			return result, err
		}
	}
	return result, t.exec("RELEASE one")
}
