package web

import (
	"context"
	"net/http"
	"slices"
	"time"

	"tillwire/agent"
)

// row is a payment in a list.
type row struct {
	agent.Payment
	Word string
	Tone agent.Tone
	Icon string
	Say  string
}

// icons are the shapes of the states, the same as on the register.
var icons = map[agent.State]string{
	agent.Created: "scan", agent.Sending: "dots", agent.AwaitPayer: "phone", agent.QRShown: "qr", agent.Unknown: "question",
	agent.Reversing: "hourglass", agent.Closing: "hourglass", agent.RefundDue: "back", agent.Refunded: "back", agent.Paid: "tick", agent.Review: "flag",
	agent.OfflineAccepted: "hourglass", agent.Redeeming: "hourglass", agent.OfflineRejected: "flag",
}

func (s *Server) row(lang string, p agent.Payment) row {
	word, tone := p.Status.Word()
	icon := icons[p.Status.State]
	if icon == "" {
		icon = "cross"
	}
	return row{Payment: p, Word: s.Words.Say(lang, word), Tone: tone, Icon: icon, Say: s.Words.Say(lang, p.Say())}
}

func (s *Server) rows(lang string, list []agent.Payment) []row {
	out := make([]row, 0, len(list))
	for _, p := range list {
		out = append(out, s.row(lang, p))
	}
	return out
}

// paymentsData is the list with its filters.
type paymentsData struct {
	Rows         []row
	Q, Only      string
	Since, Until string
	Wallet       string
	Wallets      []string // those to choose from
	Lane         string
	Lanes        []agent.LaneInfo
	Cashier      string
	People       []string
	Currency     string
	Query        string // the filters as an address has them, for the export
	More         string // address of the next page; "" on the last
}

// File is the address of everything that the filters find, as a file.
func (d paymentsData) File(form string) string { return "/owner/payments." + form + "?" + d.Query }

func (s *Server) ownerPayments(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	page, err := s.found(r)
	if err != nil {
		return err
	}
	people, err := s.names(r.Context())
	if err != nil {
		return err
	}
	q := r.URL.Query()
	d := paymentsData{Rows: s.rows(s.language(r), page.Payments), Q: q.Get("q"), Only: q.Get("status"), Since: q.Get("since"), Until: q.Get("until"),
		Wallet: q.Get("wallet"), Lane: q.Get("lane"), Lanes: s.Counter.Lanes(), Cashier: q.Get("cashier"), Currency: q.Get("currency")}
	// What is no longer configured or has left can still be asked for: its payments are there.
	d.Wallets, d.People = withChosen(s.dayWallets(nil), d.Wallet), withChosen(people, d.Cashier)
	if d.Lane != "" && !slices.ContainsFunc(d.Lanes, func(l agent.LaneInfo) bool { return l.ID == d.Lane }) {
		d.Lanes = append(slices.Clone(d.Lanes), agent.LaneInfo{ID: d.Lane, Name: d.Lane})
	}
	if day := q.Get("day"); day != "" {
		from, _, err := s.day(day)
		if err != nil {
			return err
		}
		d.Since = from.Format(time.DateOnly)
		d.Until = d.Since
	}
	for name, values := range q {
		if name == "lang" || name == "cursor" || values[0] == "" {
			q.Del(name)
		}
	}
	d.Query = q.Encode()
	d.More = s.more(r, page)
	s.render(w, r, http.StatusOK, "owner_payments", ownerView("payments", me, d))
	return nil
}

// more is the address of the page after one, "" after the last.
func (s *Server) more(r *http.Request, page agent.Page) string {
	if page.Next == "" {
		return ""
	}
	q := r.URL.Query()
	q.Set("cursor", page.Next)
	return r.URL.Path + "?" + q.Encode()
}

// names lists the people of the shop by name.
func (s *Server) names(ctx context.Context) (list []string, err error) {
	all, err := s.Store.People(ctx)
	for _, p := range all {
		list = append(list, p.Name)
	}
	slices.Sort(list)
	return slices.Compact(list), err
}

// withChosen is a list to choose from with the choice that was made.
func withChosen(list []string, chosen string) []string {
	if chosen != "" && !slices.Contains(list, chosen) {
		return append(list, chosen)
	}
	return list
}
