package lab

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// NewBooks begins a new period of a shop that trades on, after Settle and Judge: the
// store lets go of what is final as its retention does, the ledger and the evidence of
// what they held. So a shop that trades for an hour is judged in parts, and what it still
// holds is the agent's own and not the laboratory's memory of it. The cloud is away
// meanwhile; its customers stay.
func (s *Shop) NewBooks(ctx context.Context) error {
	store := s.Store()
	if store == nil {
		return ErrPowerOff
	}
	s.errands.Wait() // what arrives late belongs to the old books
	const ahead = 24 * time.Hour
	if _, err := store.Prune(ctx, s.opt.Clock.Now().Add(ahead)); err != nil {
		return fmt.Errorf("begin new books: %w", err)
	}
	err := s.StopCloud()
	if err == nil {
		err = s.emptyLedger(ctx)
	}
	if err = errors.Join(err, s.StartCloud(ctx)); err != nil {
		return fmt.Errorf("begin new books: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = newEvidence()
	return nil
}

// emptyLedger removes every order from the ledger of a cloud that is stopped.
func (s *Shop) emptyLedger(ctx context.Context) error {
	db, err := sql.Open("sqlite3", ledgerFile(s.opt.Dir))
	if err != nil {
		return err
	}
	for _, table := range []string{"history", "refund", "paycode", "orders", "request"} {
		if err == nil {
			_, err = db.ExecContext(ctx, "DELETE FROM "+table)
		}
	}
	return errors.Join(err, db.Close())
}

func ledgerFile(dir string) string { return filepath.Join(dir, "cloud", "ledger.db") }
