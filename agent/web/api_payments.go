package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/qr"
)

// counter is the engine that drives payments.
type counter interface {
	Open(ctx context.Context, r agent.Request) (p agent.Payment, repeated bool, err error)
	Show(ctx context.Context, id agent.PaymentID, wallet string) (agent.Payment, error)
	Cancel(ctx context.Context, id agent.PaymentID, by string) (p agent.Payment, repeated bool, err error)
	Refund(ctx context.Context, r agent.RefundRequest) (p agent.Payment, refund agent.Refund, repeated bool, err error)
	Check(ctx context.Context, id agent.PaymentID) (agent.Payment, error)
	Scan(ctx context.Context, lane string, code agent.PayCode) agent.ScanResult
	Lanes() []agent.LaneInfo
	Offers() []agent.Offer
	offlineCounter
}

// HourTotals are the sums of the hour that begins at Hour, of one wallet in one
// currency at one lane by one person.
type HourTotals struct {
	Hour    time.Time
	Wallet  string // "" for payments that never came to one
	Lane    string
	Cashier string // name; "" for payments that a till opened
	agent.Totals
}

// PaymentRow is a payment as a line of an export. Taken and Refunded are minor units of
// Amount's currency; what was reversed took nothing.
type PaymentRow struct {
	ID              agent.PaymentID
	OrderNo, Txn    string
	Created         time.Time
	Wallet          string // "" for a payment that never came to one
	Lane, Cashier   string
	Reference       string
	Mode            agent.Mode
	State           agent.State
	Amount          agent.Money
	Taken, Refunded int64
	Test            bool
}

// payments is what the pages read of the store.
type payments interface {
	Payment(ctx context.Context, id agent.PaymentID) (agent.Payment, error)
	List(ctx context.Context, f agent.Filter) (agent.Page, error)
	// TotalsByHour sums per hour counted from the beginning of the span, per currency,
	// wallet, lane and person; hours without a payment may be left out.
	TotalsByHour(ctx context.Context, from, to time.Time) ([]HourTotals, error)
	// Rows hands out what a filter selects, oldest first, in pieces that hold nothing up;
	// its Cursor and Limit do not count. The first error of each ends it.
	Rows(ctx context.Context, f agent.Filter, each func(PaymentRow) error) error
	// Since lists the payments that have facts above seq, by their last fact.
	Since(ctx context.Context, seq int64, limit int) ([]agent.Payment, error)
	Queue(ctx context.Context) ([]agent.QueueEntry, error)
	QueueInfo() agent.QueueInfo
}

func (s *Server) openPayment(w http.ResponseWriter, r *http.Request, c caller) error {
	var req agent.Request
	if err := decode(r, &req); err != nil {
		return err
	}
	req.Client = c.client()
	p, repeated, err := s.begin(r, c, req)
	if err != nil {
		return err
	}
	s.respondBegun(w, r, p, repeated)
	return nil
}

// begin opens a payment for whoever is at its lane.
func (s *Server) begin(r *http.Request, c caller, req agent.Request) (p agent.Payment, repeated bool, err error) {
	if err := req.Check(); err != nil {
		return p, false, err
	}
	if err := s.seated(r, c, req.Lane); err != nil {
		return p, false, err
	}
	req.Cashier = c.person.Name
	return s.Counter.Open(r.Context(), req)
}

// respondBegun answers with a payment that was opened, now or by the same request before.
func (s *Server) respondBegun(w http.ResponseWriter, r *http.Request, p agent.Payment, repeated bool) {
	out := s.payment(s.apiLanguage(r), p)
	out.Repeated = repeated
	status := http.StatusCreated
	if repeated {
		status = http.StatusOK
	}
	w.Header().Set("Location", apiRoot+"/payments/"+string(p.ID))
	s.respond(w, status, out)
}

func (s *Server) getPayment(w http.ResponseWriter, r *http.Request, _ caller) error {
	p, err := s.Store.Payment(r.Context(), agent.PaymentID(r.PathValue("id")))
	if err != nil {
		return err
	}
	s.respond(w, http.StatusOK, s.payment(s.apiLanguage(r), p))
	return nil
}

func (s *Server) showPayment(w http.ResponseWriter, r *http.Request, _ caller) error {
	var body struct {
		Wallet string `json:"wallet"`
	}
	if err := decodeOptional(r, &body); err != nil {
		return err
	}
	p, err := s.Counter.Show(r.Context(), agent.PaymentID(r.PathValue("id")), body.Wallet)
	if err != nil {
		return err
	}
	s.respond(w, http.StatusAccepted, s.payment(s.apiLanguage(r), p))
	return nil
}

func (s *Server) cancelPayment(w http.ResponseWriter, r *http.Request, c caller) error {
	if err := decodeOptional(r, &struct{}{}); err != nil {
		return err
	}
	p, repeated, err := s.Counter.Cancel(r.Context(), agent.PaymentID(r.PathValue("id")), c.client())
	if err != nil {
		return err
	}
	status := http.StatusAccepted
	if repeated {
		status = http.StatusOK
	}
	out := s.payment(s.apiLanguage(r), p)
	out.Repeated = repeated
	s.respond(w, status, out)
	return nil
}

func (s *Server) checkPayment(w http.ResponseWriter, r *http.Request, _ caller) error {
	if err := decodeOptional(r, &struct{}{}); err != nil {
		return err
	}
	p, err := s.Counter.Check(r.Context(), agent.PaymentID(r.PathValue("id")))
	if err != nil {
		return err
	}
	s.respond(w, http.StatusOK, s.payment(s.apiLanguage(r), p))
	return nil
}

// getQR draws the code that is on display now, for a cashier whose screen turns
// to the customer because the lane has no display.
func (s *Server) getQR(w http.ResponseWriter, r *http.Request, _ caller) error {
	p, err := s.Store.Payment(r.Context(), agent.PaymentID(r.PathValue("id")))
	if err != nil {
		return err
	}
	if p.Status.State != agent.QRShown || p.Status.QR == "" {
		return fail(agent.NotFound, agent.CodeNotFound, "error.no_qr", "This payment shows no code now.")
	}
	svg, err := drawQR(p.Status.QR, s.money(p.Amount))
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	_, _ = w.Write([]byte(svg))
	return nil
}

// drawQR is the code as an image that scales. A payload too long for a small
// panel is still drawn: a screen has room.
func drawQR(payload, title string) (string, error) {
	m, err := qr.ForPanel(payload)
	if err != nil {
		m, err = qr.Encode(payload, qr.M)
	}
	if err != nil {
		return "", &agent.Error{Op: "draw code", Class: agent.Internal, Err: err,
			Say: agent.Sentence{ID: "error.qr", English: "The code cannot be drawn. Take another way to pay."}}
	}
	return m.SVG(title), nil
}

func (s *Server) listPayments(w http.ResponseWriter, r *http.Request, _ caller) error {
	page, err := s.found(r)
	if err != nil {
		return err
	}
	lang := s.apiLanguage(r)
	out := struct {
		Payments []paymentJSON `json:"payments"`
		Next     string        `json:"next"`
	}{make([]paymentJSON, 0, len(page.Payments)), page.Next}
	for _, p := range page.Payments {
		out.Payments = append(out.Payments, s.payment(lang, p))
	}
	s.respond(w, http.StatusOK, out)
	return nil
}

// found is the page of payments that a request's query asks for.
func (s *Server) found(r *http.Request) (agent.Page, error) {
	f, err := s.filter(r)
	if err != nil {
		return agent.Page{}, err
	}
	return s.Store.List(r.Context(), f)
}

// States is every state of a payment, in the order of the API's description: the words that
// a filter by status takes.
func States() []agent.State {
	return []agent.State{agent.Created, agent.Sending, agent.AwaitPayer, agent.Unknown, agent.Reversing, agent.Paid,
		agent.Declined, agent.NotSent, agent.Reversed, agent.QRShown, agent.Closing, agent.Closed, agent.RefundDue,
		agent.Refunded, agent.Review, agent.OfflineAccepted, agent.Redeeming, agent.OfflineRejected, agent.Voided}
}

// filter reads the query of a list.
func (s *Server) filter(r *http.Request) (agent.Filter, error) {
	q := r.URL.Query()
	f := agent.Filter{Lane: q.Get("lane"), Wallet: q.Get("wallet"), Currency: agent.Currency(q.Get("currency")), Cashier: q.Get("cashier"),
		GivenBack: q.Get("given_back") == "true", Text: strings.TrimSpace(q.Get("q")), Whole: q.Get("whole") == "true", Cursor: q.Get("cursor"), Limit: 50}
	err := s.daysOf(&f, q.Get("day"), q.Get("since"), q.Get("until"))
	if err != nil {
		return f, err
	}
	for name, into := range map[string]*time.Time{"from": &f.From, "to": &f.To} {
		if text := q.Get(name); text != "" {
			if *into, err = time.Parse(time.RFC3339, text); err != nil {
				return f, unreadable("The parameter " + name + " must be a time such as 2026-05-01T00:00:00Z.")
			}
		}
	}
	if text := q.Get("limit"); text != "" {
		if f.Limit, err = strconv.Atoi(text); err != nil || f.Limit < 1 || f.Limit > 500 {
			return f, unreadable("The parameter limit must be a number from 1 to 500.")
		}
	}
	for word := range strings.SplitSeq(q.Get("status"), ",") {
		if err := addStatus(&f, strings.TrimSpace(word)); err != nil {
			return f, err
		}
	}
	return f, nil
}

func addStatus(f *agent.Filter, word string) error {
	switch {
	case word == "":
		return nil
	case word == "open":
		f.Open = true
		return nil
	}
	if state := agent.State(word); slices.Contains(States(), state) {
		f.States = append(f.States, state)
		return nil
	}
	return unreadable("There is no status \"" + clip(word) + "\".")
}

// daysOf keeps a list to one day, or to those from since to until, both counted in.
func (s *Server) daysOf(f *agent.Filter, day, since, until string) (err error) {
	if day != "" {
		if f.From, f.To, err = s.day(day); err != nil {
			return err
		}
	}
	if since != "" {
		if f.From, _, err = s.day(since); err != nil {
			return err
		}
	}
	if until != "" {
		if _, f.To, err = s.day(until); err != nil {
			return err
		}
	}
	if !f.From.IsZero() && !f.To.IsZero() && !f.From.Before(f.To) {
		return fail(agent.Invalid, agent.CodeUnreadable, "payments.order", "The first day is after the last one. Swap them.")
	}
	return nil
}

// day is a calendar day in the shop's zone: "today", "yesterday" or 2026-05-01.
func (s *Server) day(text string) (from, to time.Time, err error) {
	now := s.Clock.Now().In(s.Zone)
	from = time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, s.Zone)
	switch text {
	case "today":
	case "yesterday":
		from = from.AddDate(0, 0, -1)
	default:
		if from, err = time.ParseInLocation(time.DateOnly, text, s.Zone); err != nil {
			return from, to, unreadable("The parameter day must be today, yesterday or a date such as 2026-05-01.")
		}
	}
	return from, from.AddDate(0, 0, 1), nil
}
