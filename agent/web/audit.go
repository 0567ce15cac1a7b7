package web

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"tillwire/agent"
)

// auditLog keeps sensitive acts.
type auditLog interface {
	AppendAudit(ctx context.Context, a agent.Audit) error
	// Audits lists at most limit acts, newest first.
	Audits(ctx context.Context, limit int) ([]agent.Audit, error)
}

// auditor writes the audit trail. A trail that cannot be written is logged and
// does not stop the act: the act itself needs the same disk and will fail there.
type auditor struct {
	log   *slog.Logger
	clock agent.Clock
	store auditLog

	mu   sync.Mutex
	last map[string]time.Duration
}

func (a *auditor) note(ctx context.Context, act agent.Audit) {
	act.At = a.clock.Now()
	if err := a.store.AppendAudit(context.WithoutCancel(ctx), act); err != nil {
		a.log.Error("an act could not be written to the audit trail", "comp", "web", "action", act.Action, "err", err)
	}
}

// rarely is note for refusals anyone can cause: one a minute of each kind.
func (a *auditor) rarely(ctx context.Context, act agent.Audit) {
	a.mu.Lock()
	now := a.clock.Mono()
	last, seen := a.last[act.Action]
	quiet := seen && now-last < rareness
	if !quiet {
		a.last[act.Action] = now
	}
	a.mu.Unlock()
	if !quiet {
		a.note(ctx, act)
	}
}
