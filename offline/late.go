package offline

import (
	"database/sql/driver"
	"slices"
	"strings"

	"github.com/mattn/go-sqlite3"
)

// late is what a batch writes at its end: the rows of the journal and the steps of
// the outbox. None of them can be refused for one request alone, so they need not
// be written one by one; if they fail, the batch fails as with its COMMIT. Several
// rows go with one statement, which saves most of what a statement costs beside
// its rows. What reads these tables in a batch calls flush first.
type late struct {
	facts []driver.Value // the arguments of whole rows
	steps []string       // keys in the outbox; batch.rows says what becomes of them
	args  []driver.Value
}

func (l *late) forget() {
	clear(l.facts)
	clear(l.steps)
	clear(l.args)
	l.facts, l.steps, l.args = l.facts[:0], l.steps[:0], l.args[:0]
}

// fact adds a row to the journal at the end of the batch. pay is nil for an audit
// entry, at in Unix nanoseconds.
func (b *batch) fact(seq int64, pay driver.Value, prev int64, at, ev, hash driver.Value) {
	b.late.facts = append(b.late.facts, seq, pay, prev, at, ev, hash)
	b.wrote++
}

// step makes the outbox's row at the end of the batch what batch.rows says then.
func (b *batch) step(key string) {
	b.late.steps = append(b.late.steps, key)
	b.wrote++
}

// flush writes what waits. Its error spoils the batch, whoever called it.
func (b *batch) flush() error {
	err := b.flushLate()
	if err != nil {
		b.wrote++
	}
	return err
}

func (b *batch) flushLate() error {
	l := &b.late
	if err := b.w.sql.facts.exec(b, l.facts); err != nil {
		return err
	}
	slices.Sort(l.steps)
	l.steps = slices.Compact(l.steps)
	if err := b.flushSteps(true, b.w.sql.puts); err != nil {
		return err
	}
	if err := b.flushSteps(false, b.w.sql.drops); err != nil {
		return err
	}
	l.forget()
	return nil
}

// flushSteps writes those steps that stay, or those that go.
func (b *batch) flushSteps(stay bool, by bulk) error {
	l := &b.late
	clear(l.args)
	l.args = l.args[:0]
	for _, key := range l.steps {
		r, changed := b.rows[key]
		switch {
		case !changed || stay != (r.number != 0):
		case stay:
			l.args = append(l.args, r.key, r.number, string(r.payment), string(r.step.Op), r.step.RefundNo, int64(r.tries),
				flag(r.dead), r.last, r.created.UnixNano())
		default:
			l.args = append(l.args, key)
		}
	}
	return by.exec(b, l.args)
}

// bulkRows is how many rows go with one statement. Fewer at a time gain nothing
// over one by one.
const bulkRows = 16

// bulk is a statement for one row and the same for bulkRows.
type bulk struct {
	width     int // arguments of a row
	one, many *statement
}

// prepareBulk prepares a statement in which %s stands for the rows, each of the
// form of row.
func prepareBulk(c *sqlite3.SQLiteConn, query, row string) (k bulk, err error) {
	k.width = strings.Count(row, "?")
	if k.one, err = prepare(c, strings.Replace(query, "%s", row, 1)); err != nil {
		return k, err
	}
	k.many, err = prepare(c, strings.Replace(query, "%s", strings.Repeat(row+",", bulkRows-1)+row, 1))
	return k, err
}

// exec writes rows whose arguments stand one behind the other.
func (k bulk) exec(b *batch, args []driver.Value) error {
	for len(args) > 0 {
		stmt, n := k.one, k.width
		if len(args) >= bulkRows*k.width {
			stmt, n = k.many, bulkRows*k.width
		}
		if err := b.exec(stmt, args[:n]...); err != nil {
			return err
		}
		args = args[n:]
	}
	return nil
}
