package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"tillwire/agent"
)

// shifts is the store of shifts and of amounts that were put aside.
type shifts interface {
	OpenShift(ctx context.Context, n agent.Shift) (agent.Shift, error)
	CloseShift(ctx context.Context, id int64, at time.Time, by string, end int64) (agent.Shift, error)
	Shift(ctx context.Context, id int64) (agent.Shift, error)
	// LaneShift is the newest shift of a lane, closed or not.
	LaneShift(ctx context.Context, lane string) (agent.Shift, error)
	// Shifts lists the shifts that were open at some moment of a span, without their sums.
	Shifts(ctx context.Context, from, to time.Time) ([]agent.Shift, error)

	Park(ctx context.Context, p agent.Parked) error
	Parked(ctx context.Context) ([]agent.Parked, error)
	Unpark(ctx context.Context, id string) error
}

// shiftJSON is a shift as the API shows it.
type shiftJSON struct {
	ID       int64       `json:"id"`
	Lane     string      `json:"lane"`
	Opened   time.Time   `json:"opened"`
	OpenedBy string      `json:"opened_by"`
	Begin    agent.Money `json:"begin"` // counted in the drawer
	Closed   *time.Time  `json:"closed"`
	ClosedBy string      `json:"closed_by"`
	End      agent.Money `json:"end"`
	Sums     []shiftSum  `json:"sums"`    // one a currency
	Wallets  []shiftSum  `json:"wallets"` // one a wallet and currency
}

// shiftSum is what a wallet, or all of them, took in a shift. Amounts are minor units.
type shiftSum struct {
	Wallet   string         `json:"wallet"` // empty: all
	Currency agent.Currency `json:"currency"`
	Count    int            `json:"count"`
	Paid     int            `json:"paid"`
	Open     int            `json:"open"`
	Captured int64          `json:"captured"`
	Refunded int64          `json:"refunded"`
	// Since the report before, of payments of before this shift.
	CapturedEarlier int64 `json:"captured_earlier"`
	Earlier         int64 `json:"refunded_earlier"`
}

func sumOf(wallet string, t agent.Totals) shiftSum {
	return shiftSum{wallet, t.Currency, t.Count, t.Paid, t.Open, t.Captured, t.Refunded, t.CapturedEarlier, t.Earlier}
}

// sumsOf adds up a shift's wallets, one row a currency in the order of their first.
func sumsOf(n agent.Shift) (list []agent.Totals) {
	at := map[agent.Currency]int{}
	for _, w := range n.Wallets {
		i, known := at[w.Currency]
		if !known {
			i, at[w.Currency] = len(list), len(list)
			list = append(list, agent.Totals{Currency: w.Currency})
		}
		list[i].Add(w.Totals)
	}
	return list
}

func shiftOf(n agent.Shift) shiftJSON {
	out := shiftJSON{ID: n.ID, Lane: n.Lane, Opened: n.Opened, OpenedBy: n.OpenedBy, Begin: n.Begin, ClosedBy: n.ClosedBy, End: n.End, Sums: []shiftSum{}, Wallets: []shiftSum{}}
	if n.Over() {
		out.Closed = &n.Closed
	}
	for _, t := range sumsOf(n) {
		out.Sums = append(out.Sums, sumOf("", t))
	}
	for _, w := range n.Wallets {
		out.Wallets = append(out.Wallets, sumOf(w.Wallet, w.Totals))
	}
	return out
}

// drawer reads what somebody counted in a lane's drawer, in minor units of the shop's currency.
func (s *Server) drawer(r *http.Request) (lane agent.LaneInfo, m agent.Money, err error) {
	if lane, err = s.lane(r.PathValue("lane")); err != nil {
		return lane, m, err
	}
	var body struct {
		Counted *int64 `json:"counted"`
	}
	if err := decode(r, &body); err != nil {
		return lane, m, err
	}
	m.Currency = s.Currency
	if body.Counted == nil || *body.Counted < 0 {
		return lane, m, fail(agent.Invalid, agent.CodeAmount, "error.counted", "Count the money in the drawer and enter the sum; 0 when it is empty.")
	}
	if m.Value = *body.Counted; m.Value > 0 {
		err = m.Check()
	}
	return lane, m, err
}

// getShift tells a lane's newest shift, counted as far as it has come; null before the first.
func (s *Server) getShift(w http.ResponseWriter, r *http.Request, _ caller) error {
	lane, err := s.lane(r.PathValue("lane"))
	if err != nil {
		return err
	}
	n, err := s.Store.LaneShift(r.Context(), lane.ID)
	if agent.ClassOf(err) == agent.NotFound {
		s.respond(w, http.StatusOK, map[string]any{"shift": nil})
		return nil
	}
	if err != nil {
		return err
	}
	s.respond(w, http.StatusOK, map[string]any{"shift": shiftOf(n)})
	return nil
}

func (s *Server) openShift(w http.ResponseWriter, r *http.Request, c caller) error {
	lane, counted, err := s.drawer(r)
	if err != nil {
		return err
	}
	n, err := s.Store.OpenShift(r.Context(), agent.Shift{Lane: lane.ID, Opened: s.Clock.Now(), OpenedBy: c.person.Name, Begin: counted})
	if err != nil {
		return err
	}
	s.audits.note(r.Context(), agent.Audit{Actor: c.client(), Action: "shift_open", Object: "lane " + lane.ID, Detail: counted.String()})
	s.respond(w, http.StatusCreated, map[string]any{"shift": shiftOf(n)})
	return nil
}

// closeShift ends the lane's shift. A payment that still holds the lane belongs to it, so
// it is brought to its end first.
func (s *Server) closeShift(w http.ResponseWriter, r *http.Request, c caller) error {
	lane, counted, err := s.drawer(r)
	if err != nil {
		return err
	}
	if lane.Payment != "" {
		return &agent.Error{Op: "close shift", Class: agent.Conflict, Code: agent.CodeLaneBusy, Payment: lane.Payment,
			Say: agent.Sentence{ID: "error.shift_busy", English: "A payment is under way at this register. Bring it to its end, then close the shift."}}
	}
	now, err := s.Store.LaneShift(r.Context(), lane.ID)
	if err != nil {
		return err
	}
	n, err := s.Store.CloseShift(r.Context(), now.ID, s.Clock.Now(), c.person.Name, counted.Value)
	if err != nil {
		return err
	}
	s.audits.note(r.Context(), agent.Audit{Actor: c.client(), Action: "shift_close", Object: "lane " + lane.ID, Detail: counted.String()})
	s.respond(w, http.StatusOK, map[string]any{"shift": shiftOf(n)})
	return nil
}

// theShift reads the shift that a path names.
func (s *Server) theShift(r *http.Request) (agent.Shift, error) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		return agent.Shift{}, unreadable("The number of a shift has digits only.")
	}
	return s.Store.Shift(r.Context(), id)
}

// report is the slip of a shift: its X report while it goes on, its Z report afterwards.
func (s *Server) report(n agent.Shift, by string) agent.Report {
	r := agent.Report{Shop: s.shop(), Terminal: s.Terminal, Z: n.Over(), From: n.Opened, To: n.Closed, At: s.Clock.Now(), By: by, Test: s.Test, Sums: sumsOf(n), Wallets: n.Wallets, Shift: &n}
	if !n.Over() {
		r.To = r.At
	}
	return r
}

func (s *Server) printShift(w http.ResponseWriter, r *http.Request, c caller) error {
	if err := decodeOptional(r, &struct{}{}); err != nil {
		return err
	}
	n, err := s.theShift(r)
	if err != nil {
		return err
	}
	if s.PrintReport == nil || !s.Prints(n.Lane) {
		return noPrinter()
	}
	if err := s.PrintReport(r.Context(), n.Lane, s.report(n, c.person.Name)); err != nil {
		return err
	}
	s.respond(w, http.StatusAccepted, map[string]any{"queued": true})
	return nil
}

// shiftPage is a shift's report for a browser's printer, or for the lane's own.
func (s *Server) shiftPage(w http.ResponseWriter, r *http.Request) {
	_, at, here := s.signedIn(r, registerCookie)
	if !here {
		_, at, here = s.signedIn(r, ownerCookie)
	}
	if !here {
		s.problem(w, r, errUnauthorized())
		return
	}
	n, err := s.theShift(r)
	if err != nil {
		s.problem(w, r, err)
		return
	}
	title := agent.Sentence{ID: "receipt.report_x", English: "X report"}
	if n.Over() {
		title = agent.Sentence{ID: "receipt.report_z", English: "Z report"}
	}
	s.renderSlip(w, r, slipPage{Slip: s.report(n, at.Name).Slip(s.Words.Voice(s.language(r), s.Zone)),
		Paper: "/shifts/" + strconv.FormatInt(n.ID, 10) + "/print", Title: title, OrderNo: n.Lane, Printer: s.PrintReport != nil && s.Prints(n.Lane)})
}
