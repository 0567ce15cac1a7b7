package web

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"tillwire/agent"
)

// bills compares the wallets' bills with the journal, for the owner's page.
type bills interface {
	// Start compares a day in the background; Conflict while another day is compared.
	Start(day string) error
	// Progress is what is being compared: of which wallet the bill of which day is
	// being fetched. day is "" when nothing is.
	Progress() (day, wallet, bill string, done, of int)
	// Result is what was last found on a day, as long as it is remembered.
	Result(day string) (agent.Reconciliation, bool)
	// Results lists what is remembered.
	Results() []agent.Reconciliation
	CSV(w io.Writer, r agent.Reconciliation, say func(agent.Sentence) string) error
}

// reconcileData is the page of one day.
type reconcileData struct {
	Day, Today string // as a date field writes them
	At         time.Time
	Result     *agent.Reconciliation // nil: not compared yet
	Known      []time.Time           // days that are remembered, the newest first
	Running    *comparing
	Early      bool   // yesterday's bills cannot be had yet, and this is the day before
	Wrong      string // why it could not be started
}

// comparing is how far a comparison is.
type comparing struct {
	At           time.Time // the day
	Wallet, Bill string
	Done, Of     int
	Other        bool // another day than the page's
}

// openBills refuses where there is nothing to compare.
func (s *Server) openBills() error {
	if s.Bills == nil {
		return fail(agent.NotFound, agent.CodeNotFound, "page.not_found", "There is no such page.")
	}
	return nil
}

// billsFrom is the hour from which wallets have made the bill of the day before: about
// ten in the morning (WeChat Pay v3, tradebill).
const billsFrom = 10

// ownerReconcile shows what is known of a day: the last one that has bills, when none is
// named.
func (s *Server) ownerReconcile(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	return s.reconcilePage(w, r, me, http.StatusOK, r.URL.Query().Get("day"), "")
}

func (s *Server) reconcilePage(w http.ResponseWriter, r *http.Request, me agent.Person, status int, day, wrong string) error {
	if err := s.openBills(); err != nil {
		return err
	}
	now := s.Clock.Now().In(s.Zone)
	d := reconcileData{Today: now.Format(time.DateOnly), Wrong: wrong}
	var err error
	if d.At, err = time.ParseInLocation(time.DateOnly, day, s.Zone); err != nil {
		d.At, d.Early = s.lastBilled(now)
	}
	d.Day = d.At.Format(time.DateOnly)
	if result, ok := s.Bills.Result(d.Day); ok {
		d.Result = &result
	}
	for _, known := range s.Bills.Results() {
		if at, err := time.ParseInLocation(time.DateOnly, known.Day, s.Zone); err == nil && known.Day != d.Day {
			d.Known = append(d.Known, at)
		}
	}
	slices.SortFunc(d.Known, func(a, b time.Time) int { return b.Compare(a) })
	if running, wallet, bill, done, of := s.Bills.Progress(); running != "" {
		at, err := time.ParseInLocation(time.DateOnly, running, s.Zone)
		if err == nil {
			d.Running = &comparing{At: at, Wallet: wallet, Bill: bill, Done: done, Of: of, Other: running != d.Day}
		}
	}
	s.render(w, r, status, "owner_reconcile", ownerView("reconcile", me, d))
	return nil
}

// lastBilled is yesterday, or the day before as long as yesterday has no bills and was
// not compared all the same.
func (s *Server) lastBilled(now time.Time) (day time.Time, early bool) {
	yesterday := now.AddDate(0, 0, -1)
	if _, known := s.Bills.Result(yesterday.Format(time.DateOnly)); known || now.Hour() >= billsFrom {
		return yesterday, false
	}
	return yesterday.AddDate(0, 0, -1), true
}

// startReconcile compares a day anew, or for the first time.
func (s *Server) startReconcile(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	if err := s.openBills(); err != nil {
		return err
	}
	day := r.PostFormValue("day")
	if err := s.Bills.Start(day); err != nil {
		return s.reconcilePage(w, r, me, statusOf(err), day, s.sentence(s.language(r), err))
	}
	s.audits.note(r.Context(), agent.Audit{Actor: "person:" + me.ID, Action: "reconcile", Object: day})
	http.Redirect(w, r, "/owner/reconcile?day="+url.QueryEscape(day), http.StatusSeeOther)
	return nil
}

// reconcileCSV gives what was found as a file, in the language of the page.
func (s *Server) reconcileCSV(w http.ResponseWriter, r *http.Request, _ agent.Person) error {
	if err := s.openBills(); err != nil {
		return err
	}
	result, ok := s.Bills.Result(r.URL.Query().Get("day"))
	if !ok {
		return fail(agent.NotFound, agent.CodeNotFound, "page.not_compared", "This day has not been compared since the agent started. Compare it again.")
	}
	lang := s.language(r)
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="reconcile-`+result.Day+`.csv"`)
	// Spreadsheets take a file for UTF-8 only with this mark before it.
	if _, err := io.WriteString(w, "\ufeff"); err != nil {
		return nil // the browser has gone away
	}
	if err := s.Bills.CSV(w, result, func(x agent.Sentence) string { return s.Words.Say(lang, x) }); err != nil {
		s.Log.Warn("an export was cut off", "comp", "web", "err", err)
	}
	return nil
}
