package offline

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"

	"tillwire/agent"
)

// paymentWidth is the number of columns in paymentColumns.
const paymentWidth = 18

// record is a payment's row before its facts are read.
type record struct {
	payment agent.Payment
	state   agent.State
	final   bool
	held    bool
	last    int64
}

// recordOf reads a row of paymentColumns, from whichever connection it came. The
// tables are strict, so a wrong type means a damaged file.
func recordOf(v []driver.Value) (rec record, err error) {
	defer func() {
		if recover() != nil {
			err = fmt.Errorf("%w: a payment's row has values of wrong types", errDamaged)
		}
	}()
	hash, _ := v[4].([]byte)
	rec.payment = agent.Payment{
		ID: agent.PaymentID(v[0].(string)), OrderNo: v[1].(string), Client: v[2].(string), RequestID: v[3].(string), RequestHash: hash,
		Lane: v[5].(string), Amount: agent.Money{Value: v[6].(int64), Currency: agent.Currency(v[7].(string))}, Reference: v[8].(string),
		Mode: agent.Mode(v[9].(string)), Cashier: v[10].(string), Test: v[11].(int64) == 1, Created: fromNano(v[12].(int64)),
		Version: v[13].(int64),
	}
	rec.state, rec.final, rec.held, rec.last = agent.State(v[14].(string)), v[15].(int64) == 1, v[16].(int64) == 1, v[17].(int64)
	return rec, nil
}

// complete adds the facts, which came newest first, and lets the law say what they
// add up to. A row that says something else is not believed.
func (rec record) complete(c codec, seqs []int64, events [][]byte) (*entry, error) {
	p := rec.payment
	for i := len(events) - 1; i >= 0; i-- {
		e, err := c.event(events[i])
		if err != nil {
			return nil, rec.corrupt(fmt.Errorf("journal row %d cannot be read: %w", seqs[i], err))
		}
		p.Facts = append(p.Facts, e.fact(seqs[i]))
	}
	status, err := agent.Decide(p.Facts)
	if err != nil {
		return nil, rec.corrupt(err)
	}
	if len(p.Facts) == 0 || status.State != rec.state {
		return nil, rec.corrupt(fmt.Errorf("its row says %q, its %d facts say %q", rec.state, len(p.Facts), status.State))
	}
	p.Status = status
	return &entry{p, rec.held}, nil
}

func (rec record) corrupt(why error) error {
	return &agent.Error{Op: "read payment", Class: agent.Corrupt, Payment: rec.payment.ID, Err: why,
		Say: agent.Sentence{ID: "error.corrupt", Args: []string{string(rec.payment.ID)},
			English: fmt.Sprintf("The record of payment %s contradicts itself. Run \"tillwire journal verify\" and call the office.", rec.payment.ID)}}
}

// load finds a payment for the writer, as the batch sees it.
func (b *batch) load(id agent.PaymentID) (*entry, error) {
	if e, ok := b.payment(id); ok {
		return e, nil
	}
	e, found, err := b.fetch(b.w.sql.byID, string(id))
	if err == nil && !found {
		err = notFound("read payment", id)
	}
	return e, err
}

func (b *batch) byRequest(client, requestID string) (*entry, bool, error) {
	return b.fetch(b.w.sql.byRequest, client, requestID)
}

// fetch reads a payment through the writer's own connection, which also sees what
// the transaction has written so far. What of a payment waits for the end of the
// batch is never asked for: its entry is in the batch.
func (b *batch) fetch(by *statement, args ...driver.Value) (*entry, bool, error) {
	var rec record
	found := false
	err := by.each(paymentWidth, func(v []driver.Value) (err error) {
		rec, err = recordOf(v)
		found = true
		return err
	}, args...)
	if err != nil || !found {
		return nil, false, err
	}
	if e, ok := b.payment(rec.payment.ID); ok {
		return e, true, nil
	}
	var seqs []int64
	var events [][]byte
	err = b.w.sql.byRow.each(2, func(v []driver.Value) error {
		seqs, events = append(seqs, v[0].(int64)), append(events, v[1].([]byte))
		return nil
	}, rec.last)
	if err != nil {
		return nil, false, err
	}
	e, err := rec.complete(b.w.s.codec, seqs, events)
	return e, err == nil, err
}

// scan reads the rows of a query for paymentColumns.
func scan(rows *sql.Rows) (list []record, err error) {
	defer rows.Close()
	values := make([]driver.Value, paymentWidth)
	into := make([]any, paymentWidth)
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		rec, err := recordOf(values)
		if err != nil {
			return nil, err
		}
		list = append(list, rec)
	}
	return list, rows.Err()
}

// payments runs a query for paymentColumns and reads the facts of what it finds.
func (r *Reader) payments(ctx context.Context, query string, args ...any) ([]*entry, error) {
	rows, err := r.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, readError(err)
	}
	list, err := scan(rows)
	if err != nil {
		return nil, readError(err)
	}
	entries := make([]*entry, 0, len(list))
	for _, rec := range list {
		e, err := r.facts(ctx, rec)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (r *Reader) facts(ctx context.Context, rec record) (*entry, error) {
	rows, err := r.db.QueryContext(ctx, factsOf, rec.last)
	if err != nil {
		return nil, readError(err)
	}
	defer rows.Close()
	var seqs []int64
	var events [][]byte
	for rows.Next() {
		var seq int64
		var ev []byte
		if err := rows.Scan(&seq, &ev); err != nil {
			return nil, readError(err)
		}
		seqs, events = append(seqs, seq), append(events, ev)
	}
	if err := rows.Err(); err != nil {
		return nil, readError(err)
	}
	return rec.complete(r.codec, seqs, events)
}

// one runs a query that finds at most one payment.
func (r *Reader) one(ctx context.Context, query string, args ...any) (*entry, error) {
	entries, err := r.payments(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, notFound("read payment", "")
	}
	return entries[0], nil
}

func readError(err error) error {
	return &agent.Error{Op: "read store", Class: agent.Unavailable, Err: err,
		Say: agent.Sentence{ID: "error.store_read", English: "The store cannot be read. Look at the disk, then restart the agent."}}
}

const selectPayment = "SELECT " + paymentColumns + " FROM payment "

// Payment returns one payment with its facts, or an Error of class NotFound.
func (r *Reader) Payment(ctx context.Context, id agent.PaymentID) (agent.Payment, error) {
	return bare(r.one(ctx, selectPayment+"WHERE id = ?", string(id)))
}

// ByRequest finds the payment that a client asked for under an id of its own.
func (r *Reader) ByRequest(ctx context.Context, client, requestID string) (agent.Payment, error) {
	return bare(r.one(ctx, selectPayment+"WHERE client = ? AND request_id = ?", client, requestID))
}

// ByOrderNo finds a payment by the number that the wallet knows it by.
func (r *Reader) ByOrderNo(ctx context.Context, orderNo string) (agent.Payment, error) {
	return bare(r.one(ctx, selectPayment+"WHERE order_no = ?", orderNo))
}

// OpenPayments lists what is not final, oldest first.
func (r *Reader) OpenPayments(ctx context.Context) ([]agent.Payment, error) {
	return r.oldestFirst(ctx, "INDEXED BY payment_open WHERE final = 0")
}

// Unfinished lists the payments that have not ended or for which something is still to
// be done, such as a refund, oldest first.
func (r *Reader) Unfinished(ctx context.Context) ([]agent.Payment, error) {
	return r.oldestFirst(ctx, "WHERE final = 0 OR id IN (SELECT pay FROM outbox)")
}

func (r *Reader) oldestFirst(ctx context.Context, where string) ([]agent.Payment, error) {
	entries, err := r.payments(ctx, selectPayment+where)
	slices.SortFunc(entries, func(x, y *entry) int { return int(x.payment.Facts[0].Seq - y.payment.Facts[0].Seq) })
	return plain(entries), err
}

func plain(entries []*entry) []agent.Payment {
	list := make([]agent.Payment, 0, len(entries))
	for _, e := range entries {
		list = append(list, e.payment)
	}
	return list
}

// current is a payment as the last commit left it; what is under way costs no read.
func (s *Store) current(ctx context.Context, id agent.PaymentID) (*entry, error) {
	s.mu.RLock()
	e, ok := s.state.payments[id]
	s.mu.RUnlock()
	if ok {
		return e, nil
	}
	return s.one(ctx, selectPayment+"WHERE id = ?", string(id))
}

// Payment implements agent.Journal.
func (s *Store) Payment(ctx context.Context, id agent.PaymentID) (agent.Payment, error) {
	s.mu.RLock()
	_, known := s.state.payments[id]
	s.mu.RUnlock()
	e, err := s.current(ctx, id)
	if !known {
		s.passedOn() // out of the file, which shows a commit before anybody has begun to tell of it
	}
	s.writer.telling.RLock()
	defer s.writer.telling.RUnlock()
	return bare(e, err)
}

func bare(e *entry, err error) (agent.Payment, error) {
	if err != nil {
		return agent.Payment{}, err
	}
	return e.payment, nil
}
