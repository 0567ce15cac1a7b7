package offline

import (
	"context"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
)

// The bounds of a page.
const (
	pageDefault = 50
	pageMost    = 500
)

// searchWithin is how many payments one page of a search for a text looks through in a
// running agent, the newest first: a text can stand anywhere, so each has to be read, and a
// page must answer while somebody waits. The next page looks further.
const searchWithin = 50_000

// List returns payments newest first, a page at a time.
func (r *Reader) List(ctx context.Context, f agent.Filter) (agent.Page, error) {
	return r.list(ctx, f, 0)
}

// list is List, which looks through at most within payments for a text; 0 is all of them.
func (r *Reader) list(ctx context.Context, f agent.Filter, within int) (agent.Page, error) {
	q, err := listQuery(f)
	if err != nil {
		return agent.Page{}, err
	}
	further := ""
	if f.Text != "" && within > 0 && q.by == "" && !f.GivenBack { // what was given back is little
		page, err := r.named(ctx, f)
		if err != nil || len(page.Payments) > 0 {
			return page, err
		}
		if further, err = r.nearer(ctx, &f, within); err != nil {
			return agent.Page{}, err
		}
		if q, err = listQuery(f); err != nil {
			return agent.Page{}, err
		}
	}
	limit := f.Limit
	if limit <= 0 {
		limit = pageDefault
	}
	limit = min(limit, pageMost)
	entries, err := r.payments(ctx, selectPayment+q.by+q.where()+" ORDER BY created DESC, id DESC LIMIT ?", append(q.args, limit+1)...)
	if err != nil {
		return agent.Page{}, err
	}
	page := agent.Page{Next: further}
	if len(entries) > limit {
		entries = entries[:limit]
		last := entries[limit-1].payment
		page.Next = cursor(last.Created.UnixNano(), string(last.ID))
	}
	page.Payments = plain(entries)
	return page, nil
}

func cursor(created int64, id string) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%d %s", created, id))
}

// named finds the payment whose whole order number the text is, whatever its age.
func (r *Reader) named(ctx context.Context, f agent.Filter) (page agent.Page, err error) {
	if f.Cursor != "" {
		return page, nil // it would have been on the page before
	}
	number := strings.ToUpper(f.Text)
	f.Text = ""
	q, err := listQuery(f)
	if err != nil {
		return page, err
	}
	q.and("order_no = ?", number)
	entries, err := r.payments(ctx, selectPayment+q.by+q.where(), q.args...)
	page.Payments = plain(entries)
	return page, err
}

// before is an id that comes before every payment's.
const before = "!"

// nearer has a filter look through the newest of its payments only, and returns the cursor
// that goes on after them; "" when there are no more.
func (r *Reader) nearer(ctx context.Context, f *agent.Filter, within int) (next string, err error) {
	q, err := listQuery(agent.Filter{To: f.To, Cursor: f.Cursor})
	if err != nil {
		return "", err
	}
	var last int64
	err = r.db.QueryRowContext(ctx, "SELECT created FROM payment "+q.where()+" ORDER BY created DESC, id DESC LIMIT 1 OFFSET ?", append(q.args, within-1)...).Scan(&last)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil // there are fewer
	}
	if err != nil {
		return "", readError(err)
	}
	if !f.From.Before(fromNano(last)) {
		return "", nil
	}
	// All of one moment belong to one page, however many there are.
	f.From = fromNano(last)
	return cursor(last, before), nil
}

// query is a condition in the making.
type query struct {
	by    string // what the rows are found by; "" lets SQLite choose
	parts []string
	args  []any
}

func (q *query) and(part string, args ...any) {
	q.parts = append(q.parts, part)
	q.args = append(q.args, args...)
}

func (q *query) where() string {
	if len(q.parts) == 0 {
		return ""
	}
	return "WHERE " + strings.Join(q.parts, " AND ")
}

func listQuery(f agent.Filter) (*query, error) {
	q := &query{}
	if f.GivenBack {
		q.givenBack(f.From, f.To)
		f.From, f.To = time.Time{}, time.Time{}
	}
	if !f.From.IsZero() {
		q.and("created >= ?", f.From.UnixNano())
	}
	switch {
	case f.To.IsZero():
	case f.Cursor == "":
		q.and("created < ?", f.To.UnixNano())
	default:
		// The sign keeps the index from being searched by this beside a cursor: each page
		// would begin at the end of the span again and pass over all pages before.
		q.and("+created < ?", f.To.UnixNano())
	}
	switch {
	case f.Open || len(f.States) > 0 && !slices.ContainsFunc(f.States, agent.State.Final):
		// What is open is little, and the order of the list would have a year read for it.
		q.by = "INDEXED BY payment_open "
		q.and("final = 0")
	case len(f.States) > 0 && !slices.ContainsFunc(f.States, func(s agent.State) bool { return s != agent.OfflineRejected && s != agent.Voided }):
		q.and("id IN (SELECT pay FROM accepted)") // they end nothing else, and are as few
	}
	if f.Lane != "" {
		q.and("lane = ?", f.Lane)
	}
	if f.Wallet != "" {
		q.and("wallet = ?", f.Wallet)
	}
	if f.Currency != "" {
		q.and("currency = ?", string(f.Currency))
	}
	if f.Cashier != "" {
		q.and("cashier = ?", f.Cashier)
	}
	if len(f.States) > 0 {
		states := make([]any, len(f.States))
		for i, s := range f.States {
			states[i] = string(s)
		}
		q.and("state IN (?"+strings.Repeat(",?", len(states)-1)+")", states...)
	}
	if f.Text != "" {
		q.text(f.Text, f.Whole)
	}
	if f.Cursor != "" {
		var created int64
		var id string
		text, err := base64.RawURLEncoding.DecodeString(f.Cursor)
		if err == nil {
			_, err = fmt.Sscanf(string(text), "%d %s", &created, &id)
		}
		if err != nil {
			return nil, &agent.Error{Op: "list payments", Class: agent.Invalid, Code: agent.CodeUnreadable, Err: err,
				Say: agent.Sentence{ID: "error.cursor", English: "The cursor is not one that a page ended with. Begin again without it."}}
		}
		q.and("(created, id) < (?, ?)", created, id)
	}
	return q, nil
}

// givenBack finds the payments of which something was asked back in a span, by the fact
// that asked for it: money may go back long after its sale.
func (q *query) givenBack(from, to time.Time) {
	if from.IsZero() && to.IsZero() {
		q.and("id IN (SELECT pay FROM refund)")
		return
	}
	first, next := bounds(from, to)
	asked := kindMark(agent.FactRefundRequested)
	q.and("id IN ("+factsOfRefunds(behind)+"SELECT pay FROM f WHERE substr(ev, 2, ?) = ? AND at >= ? AND at < ?)",
		slack(first), slack(first), len(asked), asked, first, next)
}

// text looks for a word of a person's: part of what names a payment, or all of it. The id
// is looked at for the whole only, since every order number ends with one.
func (q *query) text(word string, whole bool) {
	like := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(word)
	columns := []string{"reference", "order_no", "txn", "request_id"}
	if whole {
		columns = append(columns, "id")
	} else {
		like = "%" + like + "%"
	}
	parts, args := make([]string, len(columns)), make([]any, len(columns))
	for i, column := range columns {
		parts[i], args[i] = column+` LIKE ? ESCAPE '\'`, like
	}
	q.and("("+strings.Join(parts, " OR ")+")", args...)
}

// Since returns the payments that changed after a row of the journal, in the order
// of their last change, at most limit. An event stream resumes with it.
func (r *Reader) Since(ctx context.Context, seq int64, limit int) ([]agent.Payment, error) {
	entries, err := r.payments(ctx, selectPayment+`WHERE id IN
		(SELECT pay FROM journal WHERE seq > ?1 AND pay IS NOT NULL) ORDER BY last_seq LIMIT ?2`, seq, limit)
	return plain(entries), err
}

// List is the reader's, of what everybody has been told.
func (s *Store) List(ctx context.Context, f agent.Filter) (agent.Page, error) {
	page, err := s.list(ctx, f, searchWithin)
	s.passedOn()
	return page, err
}

// Since is the reader's, of what everybody has been told.
func (s *Store) Since(ctx context.Context, seq int64, limit int) ([]agent.Payment, error) {
	list, err := s.Reader.Since(ctx, seq, limit)
	s.passedOn()
	return list, err
}

// passedOn waits for the commit under way. The file shows it to a reader a moment
// before the lanes hear of it: a list would name a payment that the next scan does
// not find yet.
func (s *Store) passedOn() {
	s.writer.turn.Lock()
	defer s.writer.turn.Unlock()
}

// paid selects the payments that took money: one that was reversed never did, one that is
// being returned did.
const paid = "state IN ('paid', 'refunded', 'refund_due')"

// took is what a payment has taken, by the same states as paid.
func took(s agent.Status) int64 {
	switch s.State {
	case agent.Paid, agent.Refunded, agent.RefundDue:
		return s.Captured
	}
	return 0
}

const sumsOf = "count(*), coalesce(sum(" + paid + "), 0), coalesce(sum(CASE WHEN " + paid + " THEN captured ELSE 0 END), 0), coalesce(sum(refunded), 0), coalesce(sum(final = 0), 0) FROM payment "

// inSpan selects the payments that were created in a span.
const inSpan = "WHERE created >= ? AND created < ? "

// Totals sums the payments created in a span, per currency. What is taken and given back
// counts with the payment that it belongs to; that of earlier payments stands apart.
func (r *Reader) Totals(ctx context.Context, from, to time.Time) ([]agent.Totals, error) {
	sums, err := r.sums(ctx, "SELECT currency, '', "+sumsOf+inSpan+"GROUP BY currency ORDER BY currency", from.UnixNano(), to.UnixNano())
	if err != nil {
		return nil, err
	}
	var list []agent.Totals
	for _, sum := range sums {
		list = append(list, sum.Totals)
	}
	old, err := r.earlier(ctx, func(f agent.Fact) bool { return !f.At.Before(from) && f.At.Before(to) },
		touched+" AND +created < ?", append(touchedArgs(from, to), from.UnixNano())...)
	for _, w := range old {
		i := slices.IndexFunc(list, func(t agent.Totals) bool { return t.Currency == w.Currency })
		if i < 0 {
			i, list = len(list), append(list, agent.Totals{Currency: w.Currency})
		}
		list[i].Add(w.Totals)
	}
	slices.SortFunc(list, func(a, b agent.Totals) int { return strings.Compare(string(a.Currency), string(b.Currency)) })
	return list, err
}

// sums runs a query for currency, wallet and sumsOf.
func (r *Reader) sums(ctx context.Context, query string, args ...any) ([]agent.WalletTotal, error) {
	rows, err := r.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, readError(err)
	}
	defer rows.Close()
	list := []agent.WalletTotal{}
	for rows.Next() {
		var t agent.WalletTotal
		if err := rows.Scan(&t.Currency, &t.Wallet, &t.Count, &t.Paid, &t.Captured, &t.Refunded, &t.Open); err != nil {
			return nil, readError(err)
		}
		list = append(list, t)
	}
	if err := rows.Err(); err != nil {
		return nil, readError(err)
	}
	return list, nil
}
