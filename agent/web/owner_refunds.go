package web

import (
	"net/http"
	"net/url"
	"time"

	"tillwire/agent"
)

// refundsData is what went back or is on its way back.
type refundsData struct {
	Rows         []refundRow
	Since, Until string
	More         string // address of the next page; "" on the last
}

// File is the address of the payments that these refunds belong to, as a file. Its days are
// those of the refunds as well.
func (d refundsData) File(form string) string {
	q := url.Values{"given_back": {"true"}}
	for name, day := range map[string]string{"since": d.Since, "until": d.Until} {
		if day != "" {
			q.Set(name, day)
		}
	}
	return "/owner/payments." + form + "?" + q.Encode()
}

// refundRow is one refund with the payment that it belongs to.
type refundRow struct {
	Payment agent.Payment
	Amount  agent.Money
	At      time.Time // when it was asked for
	Tone    agent.Tone
	Icon    string
	Say     string
	Auto    bool
	By, Why string
}

func (s *Server) ownerRefunds(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	f, err := s.filter(r)
	if err != nil {
		return err
	}
	f.GivenBack = true
	page, err := s.Store.List(r.Context(), f)
	if err != nil {
		return err
	}
	lang, name := s.language(r), s.actors(r.Context())
	d := refundsData{Since: r.URL.Query().Get("since"), Until: r.URL.Query().Get("until"), More: s.more(r, page)}
	for _, p := range page.Payments {
		for _, refund := range p.Status.Refunds {
			x := s.refundRow(lang, name, p, refund)
			// Another refund of the same payment may belong to another day.
			if !x.At.Before(f.From) && (f.To.IsZero() || x.At.Before(f.To)) {
				d.Rows = append(d.Rows, x)
			}
		}
	}
	s.render(w, r, http.StatusOK, "owner_refunds", ownerView("refunds", me, d))
	return nil
}

func (s *Server) refundRow(lang string, name func(string) string, p agent.Payment, refund agent.Refund) refundRow {
	x := refundRow{Payment: p, Amount: agent.Money{Value: refund.Amount, Currency: p.Amount.Currency}, Tone: agent.ToneDoubt, Icon: "hourglass",
		Say: s.Words.Say(lang, refund.Say(p.Amount.Currency)), Auto: refund.Auto, By: name(refund.By), Why: refund.Why}
	switch refund.State {
	case agent.RefundDone:
		x.Tone, x.Icon = agent.ToneGood, "back"
	case agent.RefundFailed:
		x.Tone, x.Icon = agent.ToneBad, "cross"
	}
	for _, f := range p.Facts {
		if f.Kind == agent.FactRefundRequested && f.RefundNo == refund.No {
			x.At = f.At
		}
	}
	return x
}
