package offline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tillwire/agent"
)

// Finding is one thing that is wrong, with the row it is about.
type Finding struct {
	Seq     int64           // row of the journal; 0 when it is about none
	Payment agent.PaymentID // empty when it is about none
	What    string
}

// String names the row first, for a person at a terminal.
func (f Finding) String() string {
	var where []string
	if f.Seq != 0 {
		where = append(where, fmt.Sprintf("journal row %d", f.Seq))
	}
	if f.Payment != "" {
		where = append(where, "payment "+string(f.Payment))
	}
	if len(where) == 0 {
		return f.What
	}
	return strings.Join(where, ", ") + ": " + f.What
}

// Report is what a verification looked at and what it found.
type Report struct {
	Rows     int // of the journal
	Payments int
	Findings []Finding
}

// mostFindings bounds a report: a broken disk is known to be broken after as many.
const mostFindings = 1000

// Verify proves the store: every hash of the chain, every payment's row against
// what its facts add up to, every step that must be in the outbox, every sum of
// refunds, and the file itself. It reads one moment of a running agent's store, or
// that of one that has stopped, and changes nothing.
func (r *Reader) Verify(ctx context.Context, timers func(wallet string) agent.Timers) (Report, error) {
	tx, err := r.db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Report{}, readError(err)
	}
	v := &verifier{tx: tx, codec: r.codec, timers: timers, open: map[agent.PaymentID]*trail{}}
	err = v.run(ctx)
	if back := tx.Rollback(); err == nil && back != nil {
		err = readError(back)
	}
	return v.report, err
}

type verifier struct {
	tx     *sql.Tx
	codec  codec
	timers func(wallet string) agent.Timers
	anchor int64
	report Report
	open   map[agent.PaymentID]*trail // payments whose rows are being gathered
}

// trail is what the journal tells about one payment.
type trail struct {
	status agent.Status
	held   bool
	first  int64
	last   int64
	asked  []byte
	ver    int64
	print  []byte // of the last payment code
	bad    bool   // already named
}

func (v *verifier) find(seq int64, id agent.PaymentID, format string, args ...any) {
	if len(v.report.Findings) < mostFindings {
		v.report.Findings = append(v.report.Findings, Finding{seq, id, fmt.Sprintf(format, args...)})
	}
}

func (v *verifier) run(ctx context.Context) error {
	for _, step := range []func(context.Context) error{v.file, v.chain, v.rows, v.outbox, v.refunds, v.accepted} {
		if err := step(ctx); err != nil {
			return readError(err)
		}
	}
	return nil
}

// file is SQLite's own check, indexes and all.
func (v *verifier) file(ctx context.Context) error {
	for _, pragma := range []string{"PRAGMA integrity_check(50)", "PRAGMA foreign_key_check"} {
		rows, err := v.tx.QueryContext(ctx, pragma)
		if err != nil {
			return err
		}
		for rows.Next() {
			var line, rest any
			into := []any{&line, &rest, &rest, &rest}
			columns, err := rows.Columns()
			if err == nil {
				err = rows.Scan(into[:len(columns)]...)
			}
			if err != nil {
				return fmt.Errorf("%w%s", err, closing(rows.Close()))
			}
			if text(line) != "ok" {
				v.find(0, "", "%s says: %s", strings.TrimPrefix(pragma, "PRAGMA "), text(line))
			}
		}
		if err := rows.Err(); err != nil {
			return err
		}
	}
	return nil
}

// chain walks the journal from its anchor and lets each payment's facts add up.
func (v *verifier) chain(ctx context.Context) error {
	var hash []byte
	err := v.tx.QueryRowContext(ctx, "SELECT a.value, h.value FROM meta a, meta h WHERE a.key = 'anchor' AND h.key = 'anchor_hash'").Scan(&v.anchor, &hash)
	if err != nil {
		return err
	}
	if len(hash) != sha256.Size {
		v.find(0, "", "the anchor of the journal has no hash")
		hash = make([]byte, sha256.Size)
	}
	head, expect := [32]byte(hash), v.anchor+1
	rows, err := v.tx.QueryContext(ctx, "SELECT seq, coalesce(pay, ''), pay IS NULL, prev, at, ev, hash FROM journal ORDER BY seq")
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var l journalRow
		if err := rows.Scan(&l.seq, &l.pay, &l.audit, &l.prev, &l.at, &l.ev, &l.hash); err != nil {
			return err
		}
		v.report.Rows++
		if l.seq != expect {
			v.find(l.seq, "", "rows %d to %d before it are missing", expect, l.seq-1)
		}
		expect = l.seq + 1
		// The stored hash goes on as the link, so that one changed row is one finding.
		if want := link(head, l.ev, l.pay); subtle.ConstantTimeCompare(want[:], l.hash) != 1 {
			v.find(l.seq, l.pay, "the row or the one before it was changed: its hash does not fit")
		}
		if len(l.hash) == len(head) {
			head = [32]byte(l.hash)
		}
		v.row(l)
	}
	return rows.Err()
}

type journalRow struct {
	seq, prev, at int64
	pay           agent.PaymentID
	audit         bool
	ev, hash      []byte
}

// row reads one event and adds it to its payment's trail.
func (v *verifier) row(l journalRow) {
	e, err := v.codec.event(l.ev)
	if err != nil {
		v.find(l.seq, l.pay, "its event cannot be read: %v", err)
		return
	}
	if e.At != l.at {
		v.find(l.seq, l.pay, "its time column was changed")
	}
	if l.audit != (e.Kind == auditKind) {
		v.find(l.seq, l.pay, "an audit entry and a payment's fact were confused")
	}
	if l.audit {
		return
	}
	t := v.open[l.pay]
	if t == nil {
		t = &trail{held: true, first: l.seq, asked: e.Asked, bad: l.prev != 0}
		v.open[l.pay] = t
		if l.prev > v.anchor {
			v.find(l.seq, l.pay, "its fact before, row %d, is missing", l.prev)
		}
	} else if l.prev != t.last {
		v.find(l.seq, l.pay, "it points back to row %d instead of %d", l.prev, t.last)
	}
	t.last, t.ver = l.seq, e.Version
	if len(e.CodePrint) > 0 {
		t.print = e.CodePrint
	}
	if t.bad {
		return // begun before the anchor: the payment has gone, and its law with it
	}
	next, err := t.status.Apply(e.fact(l.seq))
	if err != nil {
		v.find(l.seq, l.pay, "the law of payments forbids this fact: %v", err)
		t.bad = true
		return
	}
	t.status, t.held = next, t.held && next.Held()
}

// otherWidth is how many columns are read beside those that every reader wants.
const otherWidth = 6

// rows compares every payment's row with its trail.
func (v *verifier) rows(ctx context.Context) error {
	rows, err := v.tx.QueryContext(ctx, "SELECT wallet, txn, captured, refunded, first_seq, code_print, "+paymentColumns+" FROM payment ORDER BY first_seq")
	if err != nil {
		return err
	}
	defer rows.Close()
	seen := map[agent.PaymentID]bool{}
	values := make([]any, otherWidth+paymentWidth)
	into := make([]any, len(values))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		rec, err := recordOf(drivers(values[otherWidth:]))
		if err != nil {
			v.find(0, agent.PaymentID(text(values[otherWidth])), "%v", err)
			continue
		}
		v.report.Payments++
		seen[rec.payment.ID] = true
		v.compare(rec, values[:otherWidth])
	}
	for _, id := range slices.Sorted(maps.Keys(v.open)) {
		if t := v.open[id]; !seen[id] && !t.bad {
			v.find(t.first, id, "the payment's row is missing")
		}
	}
	return rows.Err()
}

// compare names every column that says something else than the facts.
func (v *verifier) compare(rec record, other []any) {
	p, t := rec.payment, v.open[rec.payment.ID]
	if t == nil {
		v.find(0, p.ID, "the journal has no fact of it")
		return
	}
	if t.first != other[4] {
		v.find(t.first, p.ID, "its row says first_seq = %v", other[4])
	}
	if asked, err := v.codec.asked(&p); err != nil || subtle.ConstantTimeCompare(asked, t.asked) != 1 {
		v.find(t.first, p.ID, "what the shop asked for (order number, amount, lane, reference, ...) was changed")
	}
	if t.bad {
		return
	}
	if print, _ := other[5].([]byte); !bytes.Equal(print, t.print) {
		v.find(t.last, p.ID, "its row has the print of another payment code than its facts")
	}
	s := t.status
	for _, c := range []struct {
		name         string
		stored, want any
	}{
		{"state", string(rec.state), string(s.State)}, {"final", rec.final, s.Final()}, {"held", rec.held, t.held},
		{"version", p.Version, t.ver}, {"last_seq", rec.last, t.last}, {"wallet", other[0], s.Wallet}, {"txn", other[1], s.Txn},
		{"captured", other[2], s.Captured}, {"refunded", other[3], s.RefundedSum()},
	} {
		if c.stored != c.want {
			v.find(t.last, p.ID, "its row says %s = %v, its facts add up to %v", c.name, c.stored, c.want)
		}
	}
}
