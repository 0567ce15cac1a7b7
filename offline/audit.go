package offline

import (
	"context"
	"slices"

	"tillwire/agent"
)

// AppendAudit adds a sensitive act to the same chain as the facts. A zero At means
// now.
func (s *Store) AppendAudit(_ context.Context, a agent.Audit) error {
	if a.At.IsZero() {
		a.At = s.opt.Clock.Now()
	}
	ev, err := s.codec.audit(a)
	if err != nil {
		return internal("append audit", "encode entry: %w", err)
	}
	return s.write("append audit", func(b *batch) error {
		b.seq, b.head = b.seq+1, link(b.head, ev, "")
		b.fact(b.seq, nil, 0, a.At.UnixNano(), ev, slices.Clone(b.head[:]))
		return nil
	})
}

// AuditEntry is an audit entry with its row in the journal and that row's hash,
// which stands for the whole chain before it, the facts of payments included.
type AuditEntry struct {
	Seq  int64
	Hash [32]byte
	agent.Audit
}

// Audits lists audit entries, newest first. before is the row of the last one of
// the page before, 0 for the first page.
func (r *Reader) Audits(ctx context.Context, before int64, limit int) ([]AuditEntry, error) {
	return r.auditRows(ctx, `SELECT seq, ev, hash FROM journal INDEXED BY journal_audit
		WHERE pay IS NULL AND (?1 = 0 OR seq < ?1) ORDER BY seq DESC LIMIT ?2`, before, limit)
}

// AuditsBehind lists the audit entries behind a row, oldest first: whoever follows
// them reads each once, however many wait.
func (r *Reader) AuditsBehind(ctx context.Context, row int64, limit int) ([]AuditEntry, error) {
	return r.auditRows(ctx, `SELECT seq, ev, hash FROM journal INDEXED BY journal_audit
		WHERE pay IS NULL AND seq > ?1 ORDER BY seq LIMIT ?2`, row, limit)
}

func (r *Reader) auditRows(ctx context.Context, query string, row int64, limit int) ([]AuditEntry, error) {
	rows, err := r.db.QueryContext(ctx, query, row, limit)
	if err != nil {
		return nil, readError(err)
	}
	defer rows.Close()
	var list []AuditEntry
	for rows.Next() {
		var entry AuditEntry
		var ev, hash []byte
		if err := rows.Scan(&entry.Seq, &ev, &hash); err != nil {
			return nil, readError(err)
		}
		e, err := r.codec.event(ev)
		if err != nil {
			return nil, readError(err)
		}
		copy(entry.Hash[:], hash)
		entry.Audit = e.audit()
		list = append(list, entry)
	}
	if err := rows.Err(); err != nil {
		return nil, readError(err)
	}
	return list, nil
}
