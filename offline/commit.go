package offline

import (
	"cmp"
	"database/sql/driver"
	"fmt"

	"tillwire/agent"
)

// statements are the writer's, prepared once.
type statements struct {
	begin, commit, rollback   *statement
	insert, moved, same, step *statement
	fact                      *statement
	rowPut, rowDrop           *statement
	refundPut, refundMove     *statement
	byRequest, byID, byRow    *statement
}

const paymentColumns = `id, order_no, client, request_id, request_hash, lane, amount, currency, reference, mode, cashier, test,
	created, version, state, final, held, last_seq`

// factsOf walks back from a payment's last row.
const factsOf = `WITH RECURSIVE f(seq, prev, ev, hash) AS (
	SELECT seq, prev, ev, hash FROM journal WHERE seq = ?1
	UNION ALL SELECT j.seq, j.prev, j.ev, j.hash FROM f JOIN journal j ON j.seq = f.prev WHERE f.prev > 0)
	SELECT seq, ev FROM f`

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
		"UPDATE payment SET state = ?2, last_seq = ?3 WHERE id = ?1":             &w.sql.step,
		"INSERT INTO journal(seq, pay, prev, at, ev, hash) VALUES (?,?,?,?,?,?)": &w.sql.fact,
		`INSERT INTO outbox(key, row, pay, op, refund_no, tries, dead, last, created) VALUES (?,?,?,?,?,?,?,?,?)
			ON CONFLICT(key) DO UPDATE SET row = excluded.row, op = excluded.op, tries = excluded.tries, dead = excluded.dead,
			last = excluded.last, created = excluded.created`: &w.sql.rowPut,
		"DELETE FROM outbox WHERE key = ?":                                                 &w.sql.rowDrop,
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
	p := &c.next.payment
	begin, path := p.Status.State, []agent.State(nil)
	if begin != agent.Created && !b.w.s.allowed(agent.Created, begin) {
		begin, path = agent.Created, c.path
	}
	print, at := c.code(b)
	err := b.exec(b.w.sql.insert, string(p.ID), p.OrderNo, p.Client, p.RequestID, p.RequestHash, p.Lane, p.Amount.Value,
		string(p.Amount.Currency), p.Reference, string(p.Mode), p.Cashier, flag(p.Test), p.Created.UnixNano(), first, p.Version,
		string(begin), flag(p.Status.Final()), flag(c.next.held), p.Status.Wallet, p.Status.Txn, p.Status.Captured, p.Status.RefundedSum(),
		last, print, orZero(at))
	if err != nil {
		return err
	}
	if err := b.follow(p.ID, path, last); err != nil {
		return err
	}
	return b.rest(c, 0)
}

// update writes the next facts of a payment.
func (b *batch) update(c *change) error {
	_, last := b.number(c)
	p, was := &c.next.payment, &c.base.payment
	if to := p.Status.State; to != was.Status.State && !b.w.s.allowed(was.Status.State, to) {
		if err := b.follow(p.ID, c.path, last); err != nil {
			return err
		}
	}
	print, at := c.code(b)
	args := []driver.Value{string(p.ID), p.Version, string(p.Status.State), p.Status.Wallet, p.Status.Txn, p.Status.Captured,
		p.Status.RefundedSum(), last, print, at}
	stmt := b.w.sql.same
	if p.Status.Final() != was.Status.Final() || c.next.held != c.base.held {
		stmt, args = b.w.sql.moved, append(args, flag(p.Status.Final()), flag(c.next.held))
	}
	if err := b.exec(stmt, args...); err != nil {
		return err
	}
	return b.rest(c, was.Facts[len(was.Facts)-1].Seq)
}

// follow takes a payment through states that no single move connects.
func (b *batch) follow(id agent.PaymentID, path []agent.State, last int64) error {
	for _, state := range path {
		if err := b.exec(b.w.sql.step, string(id), string(state), last); err != nil {
			return err
		}
	}
	return nil
}

// code is the fingerprint to remember and when it was seen, NULL when there is none.
func (c *change) code(b *batch) (print, at any) {
	if c.print == nil {
		return nil, nil
	}
	return c.print, b.w.s.opt.Clock.Now().UnixNano()
}

func orZero(at any) any {
	if at == nil {
		return int64(0)
	}
	return at
}

// rest writes what follows a payment's row and, once all of it is written, makes
// the batch know. prev is the payment's last row before.
func (b *batch) rest(c *change, prev int64) error {
	head, err := b.chain(c, prev)
	if err != nil {
		return err
	}
	if err := b.refunds(c); err != nil {
		return err
	}
	rows, last, err := b.reconcile(c)
	if err != nil {
		return err
	}
	p := &c.next.payment
	b.seq, b.head, b.row = c.written[len(c.written)-1].Seq, head, last
	b.payments[p.ID] = c.next
	switch {
	case c.next.held:
		b.lanes[p.Lane] = p.ID
	case b.holder(p.Lane) == p.ID:
		b.lanes[p.Lane] = ""
	}
	for _, f := range c.written {
		if len(f.CodePrint) > 0 {
			b.codes[string(f.CodePrint)] = codeSeen{p.ID, b.w.s.opt.Clock.Mono() + codeMemory}
		}
	}
	for _, r := range rows {
		b.rows[r.key] = r
	}
	b.told = append(b.told, c.next)
	return nil
}

// chain appends the facts to the journal.
func (b *batch) chain(c *change, prev int64) ([32]byte, error) {
	head := b.head
	id := string(c.next.payment.ID)
	for i, ev := range c.events {
		head = link(head, ev, c.next.payment.ID)
		seq := c.written[i].Seq
		if err := b.exec(b.w.sql.fact, seq, id, prev, c.written[i].At.UnixNano(), ev, head[:]); err != nil {
			return head, err
		}
		prev = seq
	}
	return head, nil
}

// refunds copies what the facts did to refunds.
func (b *batch) refunds(c *change) error {
	for _, f := range c.written {
		r, ok := c.next.payment.Status.Refund(f.RefundNo)
		if !ok {
			continue
		}
		var err error
		if f.Kind == agent.FactRefundRequested {
			err = b.exec(b.w.sql.refundPut, r.No, string(c.next.payment.ID), cmp.Or(r.RequestID, r.No), r.Amount, string(r.State))
		} else {
			err = b.exec(b.w.sql.refundMove, r.No, string(r.State))
		}
		if err != nil {
			return err
		}
	}
	return nil
}
