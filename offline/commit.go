package offline

import (
	"cmp"
	"errors"
	"fmt"

	"tillwire/agent"
)

// statements are the writer's, prepared once.
type statements struct {
	begin, commit, rollback   *statement
	insert, moved, same, step *statement
	refundPut, refundMove     *statement
	byRequest, byID, byRow    *statement

	facts, puts, drops bulk
}

// Where the rows of the journal stand in the arguments of a payment's statements;
// sameWidth is how many arguments the shorter update takes.
const (
	insertFirst, insertLast = 13, 22
	updateLast, sameWidth   = 7, 10
)

const paymentColumns = `id, order_no, client, request_id, request_hash, lane, amount, currency, reference, mode, cashier, test,
	created, version, state, final, held, last_seq`

// factsOf walks back from a payment's last row.
const factsOf = `WITH RECURSIVE f(seq, prev, ev, hash) AS (
	SELECT seq, prev, ev, hash FROM journal WHERE seq = ?1
	UNION ALL SELECT j.seq, j.prev, j.ev, j.hash FROM f JOIN journal j ON j.seq = f.prev WHERE f.prev > 0)
	SELECT seq, ev FROM f`

// disconnect ends the prepared statements first: SQLite keeps a connection, its
// files and its place beside the log until the last of them is gone, and would
// leave the log behind.
func (w *writer) disconnect() error {
	var errs []error
	for _, s := range w.kept {
		errs = append(errs, s.stmt.Close())
	}
	w.kept = nil
	return errors.Join(append(errs, w.conn.Close())...)
}

func (w *writer) prepare() error {
	for text, into := range map[string]**statement{
		"BEGIN IMMEDIATE": &w.sql.begin, "COMMIT": &w.sql.commit, "ROLLBACK": &w.sql.rollback,
		`INSERT OR FAIL INTO payment(id, order_no, client, request_id, request_hash, lane, amount, currency, reference, mode, cashier, test,
			created, first_seq, version, state, final, held, wallet, txn, captured, refunded, last_seq, code_print, code_at)
			VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)`: &w.sql.insert,
		`UPDATE OR FAIL payment SET version = ?2, state = ?3, wallet = ?4, txn = ?5, captured = ?6, refunded = ?7, last_seq = ?8,
			code_print = coalesce(?9, code_print), code_at = coalesce(?10, code_at), final = ?11, held = ?12 WHERE id = ?1`: &w.sql.moved,
		// The same without the columns of the index of open payments, which then need not be written.
		`UPDATE OR FAIL payment SET version = ?2, state = ?3, wallet = ?4, txn = ?5, captured = ?6, refunded = ?7, last_seq = ?8,
			code_print = coalesce(?9, code_print), code_at = coalesce(?10, code_at) WHERE id = ?1`: &w.sql.same,
		"UPDATE payment SET state = ?2, last_seq = ?3 WHERE id = ?1":                       &w.sql.step,
		"INSERT INTO refund(refund_no, pay, request_id, amount, state) VALUES (?,?,?,?,?)": &w.sql.refundPut,
		"UPDATE refund SET state = ?2 WHERE refund_no = ?1":                                &w.sql.refundMove,
		"SELECT " + paymentColumns + " FROM payment WHERE client = ?1 AND request_id = ?2": &w.sql.byRequest,
		"SELECT " + paymentColumns + " FROM payment WHERE id = ?1":                         &w.sql.byID,
		factsOf: &w.sql.byRow,
	} {
		s, err := prepare(w.conn, text)
		if err != nil {
			return fmt.Errorf("prepare %q: %w", text, err)
		}
		*into = s
		w.kept = append(w.kept, s)
	}
	return w.prepareBulks()
}

func (w *writer) prepareBulks() (err error) {
	for _, p := range []struct {
		into       *bulk
		query, row string
	}{
		{&w.sql.facts, "INSERT OR FAIL INTO journal(seq, pay, prev, at, ev, hash) VALUES %s", "(?,?,?,?,?,?)"},
		{&w.sql.puts, `INSERT INTO outbox(key, row, pay, op, refund_no, tries, dead, last, created) VALUES %s
			ON CONFLICT(key) DO UPDATE SET row = excluded.row, op = excluded.op, tries = excluded.tries, dead = excluded.dead,
			last = excluded.last, created = excluded.created`, "(?,?,?,?,?,?,?,?,?)"},
		{&w.sql.drops, "DELETE FROM outbox WHERE key IN (%s)", "?"},
	} {
		if *p.into, err = prepareBulk(w.conn, p.query, p.row); err != nil {
			return fmt.Errorf("prepare %q: %w", p.query, err)
		}
		w.kept = append(w.kept, p.into.one, p.into.many)
	}
	return nil
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// number gives the facts their rows in the journal.
func (b *batch) number(c *change) (first, last int64) {
	for i := range c.written {
		c.written[i].Seq = b.seq + int64(i) + 1
	}
	return c.written[0].Seq, c.written[len(c.written)-1].Seq
}

// insert writes a new payment. Its first statement is the one that the database
// may refuse for a repeat; nothing else has been written then.
func (b *batch) insert(c *change) error {
	first, last := b.number(c)
	c.args[insertFirst], c.args[insertLast] = first, last
	if err := b.exec(b.w.sql.insert, c.args...); err != nil {
		return err
	}
	if err := b.follow(c, last); err != nil {
		return err
	}
	return b.rest(c, 0)
}

// update writes the next facts of a payment.
func (b *batch) update(c *change) error {
	_, last := b.number(c)
	c.args[updateLast] = last
	if err := b.follow(c, last); err != nil {
		return err
	}
	stmt := b.w.sql.same
	if len(c.args) > sameWidth {
		stmt = b.w.sql.moved
	}
	if err := b.exec(stmt, c.args...); err != nil {
		return err
	}
	facts := c.base.payment.Facts
	return b.rest(c, facts[len(facts)-1].Seq)
}

// follow takes a payment through states that no single move connects.
func (b *batch) follow(c *change, last int64) error {
	for _, state := range c.detour {
		if err := b.exec(b.w.sql.step, c.id, string(state), last); err != nil {
			return err
		}
	}
	return nil
}

// rest adds what follows a payment's row and, once the database has refused none of
// it, makes the batch know. prev is the payment's last row before.
func (b *batch) rest(c *change, prev int64) error {
	if err := b.refunds(c); err != nil {
		return err
	}
	if err := b.settleAccepted(c); err != nil {
		return err
	}
	b.chain(c, prev)
	p := &c.next.payment
	b.payments[p.ID] = c.next
	switch {
	case c.next.held:
		b.lanes[p.Lane] = p.ID
	case b.holder(p.Lane) == p.ID:
		b.lanes[p.Lane] = ""
	}
	for i := range c.written {
		if print := c.written[i].CodePrint; len(print) > 0 {
			b.codes[string(print)] = codeSeen{p.ID, b.mono + codeMemory}
		}
	}
	b.reconcile(c)
	b.told = append(b.told, c.next)
	return nil
}

// chain appends the facts to the journal.
func (b *batch) chain(c *change, prev int64) {
	for i := range c.links {
		l := &c.links[i]
		b.head = link(b.head, l.ev, c.next.payment.ID)
		l.hash = b.head
		seq := c.written[i].Seq
		b.fact(seq, c.id, prev, l.args.at, l.args.ev, l.args.hash)
		prev = seq
	}
	b.seq = prev
}

// refunds copies what the facts did to refunds.
func (b *batch) refunds(c *change) error {
	for i := range c.written {
		f := &c.written[i]
		r, ok := c.next.payment.Status.Refund(f.RefundNo)
		if !ok {
			continue
		}
		var err error
		if f.Kind == agent.FactRefundRequested {
			err = b.exec(b.w.sql.refundPut, r.No, c.id, cmp.Or(r.RequestID, r.No), r.Amount, string(r.State))
		} else {
			err = b.exec(b.w.sql.refundMove, r.No, string(r.State))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
