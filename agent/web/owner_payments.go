package web

import (
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

// paymentsData is the list with its search.
type paymentsData struct {
	Rows         []row
	Q, Day, Only string
	Wallet       string
	Wallets      []string // those to choose from
	Currency     string
	More         string // address of the next page; "" on the last
}

func (s *Server) ownerPayments(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	page, err := s.found(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	d := paymentsData{Rows: s.rows(s.language(r), page.Payments), Q: q.Get("q"), Day: q.Get("day"), Only: q.Get("status"),
		Wallet: q.Get("wallet"), Wallets: s.dayWallets(nil), Currency: q.Get("currency")}
	if d.Wallet != "" && !slices.Contains(d.Wallets, d.Wallet) {
		d.Wallets = append(d.Wallets, d.Wallet) // no longer configured, and its payments are still there
	}
	if page.Next != "" {
		q.Set("cursor", page.Next)
		d.More = "/owner/payments?" + q.Encode()
	}
	s.render(w, r, http.StatusOK, "owner_payments", ownerView("payments", me, d))
	return nil
}

// storyData is one payment with everything that happened to it.
type storyData struct {
	row
	LaneName string
	Steps    []step
	Refunds  []string
}

// step is one fact in words.
type step struct {
	At     time.Time
	What   string
	Detail string // whose doing, which try, what the wallet said
	Amount agent.Money
}

func (s *Server) ownerPayment(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	p, err := s.Store.Payment(r.Context(), agent.PaymentID(r.PathValue("id")))
	if err != nil {
		return err
	}
	lang := s.language(r)
	d := storyData{row: s.row(lang, p), LaneName: p.Lane}
	// A lane that the configuration no longer names keeps its id.
	if lane, err := s.lane(p.Lane); err == nil {
		d.LaneName = lane.Name
	}
	name := s.actors(r.Context())
	for _, f := range p.Facts {
		st := step{At: f.At, What: s.Words.Text(lang, "story."+string(f.Kind)), Amount: agent.Money{Value: f.Amount, Currency: p.Amount.Currency}}
		for _, part := range []string{s.Words.Wallet(lang, f.Wallet), reasonText(s, lang, f), f.Code, f.Text, f.Txn, f.RefundNo, name(f.By)} {
			if part == "" {
				continue
			}
			if st.Detail != "" {
				st.Detail += " · "
			}
			st.Detail += part
		}
		d.Steps = append(d.Steps, st)
	}
	for _, rf := range p.Status.Refunds {
		d.Refunds = append(d.Refunds, s.Words.Say(lang, rf.Say(p.Amount.Currency)))
	}
	s.render(w, r, http.StatusOK, "owner_payment", ownerView("payments", me, d))
	return nil
}

func reasonText(s *Server, lang string, f agent.Fact) string {
	if f.Reason == agent.ReasonNone {
		return ""
	}
	return s.Words.Say(lang, f.Reason.Say())
}

func (s *Server) ownerQueue(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	list, err := s.Store.Queue(r.Context())
	if err != nil {
		return err
	}
	s.render(w, r, http.StatusOK, "owner_queue", ownerView("queue", me, list))
	return nil
}

func (s *Server) ownerDevices(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	s.render(w, r, http.StatusOK, "owner_devices", ownerView("devices", me, s.devices()))
	return nil
}

// logRow is one act of the audit trail.
type logRow struct {
	agent.Audit
	Who, What string
}

func (s *Server) ownerLog(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	acts, err := s.Audits(r.Context(), 200)
	if err != nil {
		return err
	}
	lang := s.language(r)
	name := s.actors(r.Context())
	// known puts what the program itself says into the page's language; a name stays.
	known := func(family, word string) string {
		if key := family + "." + word; s.Words.Has(lang, key) {
			return s.Words.Text(lang, key)
		}
		return name(word)
	}
	list := make([]logRow, 0, len(acts))
	for _, a := range acts {
		a.Object = known("act_at", a.Object)
		list = append(list, logRow{Audit: a, Who: known("actor", a.Actor), What: known("act", a.Action)})
	}
	s.render(w, r, http.StatusOK, "owner_log", ownerView("log", me, list))
	return nil
}
