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

// File is the address of all refunds of these days, as a file.
func (d refundsData) File(form string) string {
	q := url.Values{}
	for name, day := range map[string]string{"since": d.Since, "until": d.Until} {
		if day != "" {
			q.Set(name, day)
		}
	}
	return "/owner/refunds." + form + "?" + q.Encode()
}

// refundRow is one refund with the payment that it belongs to.
type refundRow struct {
	Payment agent.Payment
	No      string
	State   agent.RefundState
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
	d.Rows = s.refundRows(lang, name, f, page.Payments)
	s.render(w, r, http.StatusOK, "owner_refunds", ownerView("refunds", me, d))
	return nil
}

// refundRows are the refunds of these payments that were asked for in the days of a filter:
// another refund of the same payment may belong to another day.
func (s *Server) refundRows(lang string, name func(string) string, f agent.Filter, list []agent.Payment) (rows []refundRow) {
	for _, p := range list {
		for _, refund := range p.Status.Refunds {
			x := s.refundRow(lang, name, p, refund)
			if !x.At.Before(f.From) && (f.To.IsZero() || x.At.Before(f.To)) {
				rows = append(rows, x)
			}
		}
	}
	return rows
}

func (s *Server) refundRow(lang string, name func(string) string, p agent.Payment, refund agent.Refund) refundRow {
	x := refundRow{Payment: p, No: refund.No, State: refund.State, Amount: agent.Money{Value: refund.Amount, Currency: p.Amount.Currency}, Tone: agent.ToneDoubt, Icon: "hourglass",
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

// refundsAtOnce is how many payments with refunds are in memory at a time.
const refundsAtOnce = 500

// refundColumns are those of an export of refunds. The refund number is what a wallet's own
// bill names a refund by.
func refundColumns() []column {
	return []column{{"time", "fact.time", 20}, {"refund_no", "receipt.refund_no", 38}, {"order_no", "fact.order_no", 36}, {"transaction", "fact.txn", 34}, {"wallet", "fact.wallet", 16},
		{"lane", "fact.lane", 14}, {"reference", "fact.reference", 20}, {"status", "payments.status", 40}, {"currency", "setup.currency", 10}, {"amount", "payments.amount", 14},
		{"approved_by", "receipt.by", 20}, {"reason", "receipt.why", 24}, {"test", "test", 8}}
}

// exportRefunds sends the refunds that the page lists, and those of its further pages: a row
// each, so that two of one payment are two amounts and two days.
func (s *Server) exportRefunds(form string) ownerPage {
	return func(w http.ResponseWriter, r *http.Request, me agent.Person) error {
		f, err := s.filter(r)
		if err != nil {
			return err
		}
		f.GivenBack, f.Cursor, f.Limit = true, "", refundsAtOnce
		lang, who, name := s.language(r), s.actors(r.Context()), s.fileOf("refunds", f)
		s.audits.note(r.Context(), agent.Audit{Actor: "person:" + me.ID, Action: "export", Object: name + "." + form})
		return s.export(w, r, form, name, s.Words.Text(lang, "nav.refunds"), refundColumns(), func(t sheet) error {
			for {
				page, err := s.Store.List(r.Context(), f)
				if err != nil {
					return err
				}
				for _, x := range s.refundRows(lang, who, f, page.Payments) {
					if err := t.row(s.refundCells(lang, x)); err != nil {
						return err
					}
				}
				if f.Cursor = page.Next; f.Cursor == "" {
					return nil
				}
			}
		})
	}
}

func (s *Server) refundCells(lang string, x refundRow) []cell {
	p, by := x.Payment, x.By
	if x.Auto {
		by = s.Words.Text(lang, "refunds.auto")
	}
	return []cell{s.when(x.At), sameCell(x.No), sameCell(p.OrderNo), sameCell(p.Status.Txn), textCell(p.Status.Wallet, s.Words.Wallet(lang, p.Status.Wallet)), textCell(p.Lane, s.laneName(p.Lane)),
		sameCell(p.Reference), textCell(string(x.State), x.Say), sameCell(string(p.Amount.Currency)), amountCell(x.Amount), textCell(x.By, by), sameCell(x.Why), s.testCell(lang, p.Test)}
}
