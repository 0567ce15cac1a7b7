package web

import (
	"cmp"
	"crypto/rand"
	"net/http"
	"time"

	"tillwire/agent"
)

// storyData is one payment with everything that happened to it.
type storyData struct {
	row
	LaneName string
	Next     string // what happens next; "" when it has ended
	Steps    []step
	Refunds  []string

	Left    agent.Money // what can still be given back; nothing when zero
	Stuck   bool        // it is not collected and may be written off instead
	Request string      // the id of the refund that the form asks for
	Typed   string      // what was typed as its amount
	Reason  string
	Wrong   string // why it was refused
}

// step is one fact in words.
type step struct {
	At     time.Time
	NewDay bool // it happened on another day than the step before
	What   string
	Detail string // whose doing, which try, what the wallet said
	Amount agent.Money
}

func (s *Server) ownerPayment(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	p, err := s.Store.Payment(r.Context(), agent.PaymentID(r.PathValue("id")))
	if err != nil {
		return err
	}
	return s.storyPage(w, r, me, http.StatusOK, p, storyData{})
}

// storyPage shows a payment; d says what was just tried.
func (s *Server) storyPage(w http.ResponseWriter, r *http.Request, me agent.Person, status int, p agent.Payment, d storyData) error {
	lang := s.language(r)
	d.row, d.LaneName, d.Next = s.row(lang, p), s.laneName(p.Lane), s.next(lang, p)
	d.Left, d.Stuck = agent.Money{Value: p.Status.Refundable(), Currency: p.Amount.Currency}, stuck(p)
	// A form that comes back after a refusal asks for the same refund.
	d.Request, d.Typed = cmp.Or(d.Request, rand.Text()), cmp.Or(d.Typed, d.Left.Decimal())
	name := s.actors(r.Context())
	day := ""
	for _, f := range p.Facts {
		st := step{At: f.At, What: s.Words.Text(lang, "story."+string(f.Kind)), Amount: agent.Money{Value: f.Amount, Currency: p.Amount.Currency}}
		if now := f.At.In(s.Zone).Format(time.DateOnly); now != day {
			st.NewDay, day = day != "", now
		}
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
	s.render(w, r, status, "owner_payment", ownerView("payments", me, d))
	return nil
}

func reasonText(s *Server, lang string, f agent.Fact) string {
	if f.Reason == agent.ReasonNone {
		return ""
	}
	return s.Words.Say(lang, f.Reason.Say())
}

// ownerRefund gives money back on the owner's word: the password comes in the form that
// names payment and amount, so it stands for exactly this refund.
func (s *Server) ownerRefund(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	ctx := r.Context()
	p, err := s.Store.Payment(ctx, agent.PaymentID(r.PathValue("id")))
	if err != nil {
		return err
	}
	tried := storyData{Request: r.PostFormValue("request"), Typed: r.PostFormValue("amount"), Reason: r.PostFormValue("reason")}
	refused := func(err error) error {
		tried.Wrong = s.sentence(s.language(r), err)
		return s.storyPage(w, r, me, statusOf(err), p, tried)
	}
	minor, ok := p.Amount.Currency.Minor(tried.Typed)
	if !ok || minor == 0 {
		return refused(fail(agent.Invalid, agent.CodeUnreadable, "form.refund_amount", "Write an amount with a point, such as "+p.Amount.Decimal()+".", p.Amount.Decimal()))
	}
	left := agent.Money{Value: p.Status.Refundable(), Currency: p.Amount.Currency}
	if minor > left.Value && !asked(p, tried.Request) {
		return refused(fail(agent.Invalid, agent.CodeUnreadable, "form.refund_most", "At most "+left.Decimal()+" can still be given back.", left.Decimal()))
	}
	if err := checkRefundText(tried.Request, tried.Reason); err != nil {
		return refused(err)
	}
	amount := agent.Money{Value: minor, Currency: p.Amount.Currency}
	// A repeat needs no second word: it moves nothing.
	if !asked(p, tried.Request) {
		if err := s.again(r, me, string(p.ID)); err != nil {
			return refused(err)
		}
	}
	_, refund, repeated, err := s.Counter.Refund(ctx, agent.RefundRequest{Payment: p.ID, RequestID: tried.Request, Amount: amount, Why: tried.Reason, By: "person:" + me.ID})
	if err != nil {
		return refused(err)
	}
	if !repeated {
		s.audits.note(ctx, agent.Audit{Actor: "person:" + me.ID, Action: "refund", Object: string(p.ID), Detail: amount.String() + " " + refund.No + " via owner's page"})
	}
	http.Redirect(w, r, "/owner/payments/"+string(p.ID), http.StatusSeeOther)
	return nil
}
