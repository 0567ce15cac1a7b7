package web

import (
	"bufio"
	"encoding/csv"
	"io"
	"net/http"
	"strconv"
	"time"

	"tillwire/agent"
	"tillwire/agent/words"
)

// column is one of a table that goes out as a file. Its name never changes, because
// programs read it in CSV; what a person reads in a spreadsheet is in the page's language.
type column struct {
	name  string
	key   string // of the words that a person reads
	width int    // in characters
}

// cell is one value of a table. An amount stays one until a form writes its digits.
type cell struct {
	kind  cellKind
	plain string // of a text: for programs
	shown string // and for people
	at    time.Time
	money agent.Money
	count int64
}

type cellKind int

const (
	cellText cellKind = iota
	cellTime
	cellMoney
	cellCount
)

func textCell(plain, shown string) cell { return cell{kind: cellText, plain: plain, shown: shown} }
func sameCell(of string) cell           { return textCell(of, of) }
func amountCell(m agent.Money) cell     { return cell{kind: cellMoney, money: m} }
func countCell(n int) cell              { return cell{kind: cellCount, count: int64(n)} }
func (s *Server) when(t time.Time) cell { return cell{kind: cellTime, at: t.In(s.Zone)} }

// sheet is a file in the making.
type sheet interface {
	row(cells []cell) error
	close() error
}

// csvTable writes comma-separated values.
type csvTable struct{ out *csv.Writer }

func (c csvTable) row(cells []cell) error {
	record := make([]string, len(cells))
	for i, x := range cells {
		switch x.kind {
		case cellText:
			record[i] = words.Cell(x.plain)
		case cellTime:
			record[i] = x.at.Format(time.DateTime)
		case cellMoney:
			record[i] = x.money.Decimal()
		case cellCount:
			record[i] = strconv.FormatInt(x.count, 10)
		}
	}
	return c.out.Write(record)
}

func (c csvTable) close() error {
	c.out.Flush()
	return c.out.Error()
}

// exports is how many files are made at a time: each keeps a processor busy that the
// lanes may need.
const exports = 2

// pace gives each piece of a long answer its own time: the server's limit is for whole
// answers. It counts what has gone out.
type pace struct {
	w     io.Writer
	ctl   *http.ResponseController
	clock agent.Clock
	sent  int
}

func (p *pace) Write(piece []byte) (int, error) {
	if err := p.ctl.SetWriteDeadline(p.clock.Now().Add(writeLimit)); err != nil {
		return 0, err
	}
	n, err := p.w.Write(piece)
	p.sent += n
	return n, err
}

// export sends a table as a file. fill writes its rows; a file that cannot be finished
// ends in a broken download, never in a short file that looks whole.
func (s *Server) export(w http.ResponseWriter, r *http.Request, form, name, title string, cols []column, fill func(sheet) error) error {
	if err := s.exports.take(); err != nil {
		return fail(agent.Unavailable, codeStreams, "payments.two_exports", "Two downloads are running. Wait until one is done.")
	}
	defer s.exports.free()
	p := &pace{w: w, ctl: http.NewResponseController(w), clock: s.Clock}
	// A read limit that has passed would end the request in the middle of the file.
	if err := p.ctl.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	kind := "text/csv; charset=utf-8"
	if form == "xlsx" {
		kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+"."+form+`"`)
	out := bufio.NewWriterSize(p, 64<<10)
	t, err := s.newSheet(out, form, s.language(r), title, cols)
	if err == nil {
		err = fill(t)
	}
	if err == nil {
		err = t.close()
	}
	if err == nil {
		err = out.Flush()
	}
	if err == nil {
		return nil
	}
	if p.sent == 0 {
		w.Header().Del("Content-Disposition")
		return err
	}
	s.Log.Warn("an export was cut off", "comp", "web", "file", name, "err", err)
	panic(http.ErrAbortHandler) // net/http, Handler: the client sees a broken answer
}

func (s *Server) newSheet(w io.Writer, form, lang, title string, cols []column) (sheet, error) {
	head := make([]cell, len(cols))
	for i, c := range cols {
		head[i] = textCell(c.name, s.Words.Text(lang, c.key))
	}
	if form == "xlsx" {
		return newWorkbook(w, title, cols, head), nil
	}
	// Spreadsheets take a file for UTF-8 only with this mark before it.
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return nil, err
	}
	t := csvTable{csv.NewWriter(w)}
	return t, t.row(head)
}

// dayColumns are those of a day's export. Rows are never sums of others: whoever adds a
// column up must not count anything twice.
func dayColumns() []column {
	return []column{{"day", "payments.day", 12}, {"hour", "day.hour", 8}, {"wallet", "fact.wallet", 16}, {"lane", "fact.lane", 14}, {"cashier", "fact.cashier", 16},
		{"currency", "setup.currency", 10}, {"paid", "day.count", 8}, {"open", "today.open", 8}, {"taken", "day.taken", 14}, {"given_back", "today.refunded", 14},
		{"takings", "today.takings", 14}, {"test", "test", 8}}
}

// exportDay sends a day by hour, wallet, register and person.
func (s *Server) exportDay(form string) ownerPage {
	return func(w http.ResponseWriter, r *http.Request, me agent.Person) error {
		asked := r.URL.Query().Get("day")
		if asked == "" {
			asked = "today"
		}
		from, to, err := s.day(asked)
		if err != nil {
			return err
		}
		hours, err := s.Store.TotalsByHour(r.Context(), from, to)
		if err != nil {
			return err
		}
		lang, name := s.language(r), from.Format(time.DateOnly)
		return s.export(w, r, form, "takings-"+name, s.Words.Text(lang, "today.takings")+" "+name, dayColumns(), func(t sheet) error {
			for _, h := range filtered(hours, moved) {
				if err := t.row([]cell{sameCell(name), countCell(h.Hour.In(s.Zone).Hour()), textCell(h.Wallet, s.Words.Wallet(lang, h.Wallet)), textCell(h.Lane, s.laneName(h.Lane)), sameCell(h.Cashier),
					sameCell(string(h.Currency)), countCell(h.Paid), countCell(h.Open), amountCell(h.of(h.Captured)), amountCell(h.of(h.Refunded)), amountCell(h.net()), s.testCell(lang, s.Test)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func (s *Server) testCell(lang string, test bool) cell {
	if !test {
		return sameCell("")
	}
	return textCell("TEST", s.Words.Text(lang, "test"))
}

// paymentColumns are those of an export of payments. The order number and the transaction
// are what a wallet's own bill names a payment by.
func paymentColumns() []column {
	return []column{{"time", "fact.time", 20}, {"order_no", "fact.order_no", 36}, {"transaction", "fact.txn", 34}, {"wallet", "fact.wallet", 16}, {"lane", "fact.lane", 14},
		{"cashier", "fact.cashier", 16}, {"reference", "fact.reference", 20}, {"status", "payments.status", 18}, {"currency", "setup.currency", 10}, {"amount", "payments.amount", 14},
		{"taken", "day.taken", 14}, {"given_back", "today.refunded", 14}, {"kept", "reconcile.net", 14}, {"test", "test", 8}}
}

// fileOf names a file by what is in it and by the days of a filter.
func (s *Server) fileOf(what string, f agent.Filter) string {
	if !f.From.IsZero() {
		what += "-" + f.From.In(s.Zone).Format(time.DateOnly)
	}
	if !f.To.IsZero() {
		what += "-" + f.To.In(s.Zone).Add(-time.Second).Format(time.DateOnly)
	}
	return what
}

// exportPayments sends everything that the list's filters find.
func (s *Server) exportPayments(form string) ownerPage {
	return func(w http.ResponseWriter, r *http.Request, me agent.Person) error {
		f, err := s.filter(r)
		if err != nil {
			return err
		}
		lang, name := s.language(r), s.fileOf("payments", f)
		s.audits.note(r.Context(), agent.Audit{Actor: "person:" + me.ID, Action: "export", Object: name + "." + form})
		return s.export(w, r, form, name, s.Words.Text(lang, "nav.payments"), paymentColumns(), func(t sheet) error {
			return s.Store.Rows(r.Context(), f, func(p PaymentRow) error { return t.row(s.paymentCells(lang, p)) })
		})
	}
}

func (s *Server) paymentCells(lang string, p PaymentRow) []cell {
	word, _ := agent.Status{State: p.State}.Word()
	in := func(v int64) cell { return amountCell(agent.Money{Value: v, Currency: p.Amount.Currency}) }
	return []cell{s.when(p.Created), sameCell(p.OrderNo), sameCell(p.Txn), textCell(p.Wallet, s.Words.Wallet(lang, p.Wallet)), textCell(p.Lane, s.laneName(p.Lane)), sameCell(p.Cashier), sameCell(p.Reference),
		textCell(string(p.State), s.Words.Say(lang, word)), sameCell(string(p.Amount.Currency)), amountCell(p.Amount), in(p.Taken), in(p.Refunded), in(p.Taken - p.Refunded), s.testCell(lang, p.Test)}
}
