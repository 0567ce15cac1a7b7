package web

import (
	"html/template"
	"net/http"
	"time"

	"tillwire/agent"
	"tillwire/agent/qr"
)

// receiptJSON is a receipt as the API shows it.
type receiptJSON struct {
	Shop      string      `json:"shop"`
	Title     string      `json:"title"`
	OrderNo   string      `json:"order_no"`
	Reference string      `json:"reference"`
	Wallet    string      `json:"wallet"`
	Txn       string      `json:"txn"`
	Amount    agent.Money `json:"amount"`
	Payer     *payerJSON  `json:"payer,omitempty"`
	Refunded  agent.Money `json:"refunded"`
	Paid      bool        `json:"paid"`
	Accepted  bool        `json:"accepted"` // without the wallet's word: not yet collected
	Test      bool        `json:"test"`
	Duplicate bool        `json:"duplicate"`
	Lane      string      `json:"lane"`
	Cashier   string      `json:"cashier"`
	At        time.Time   `json:"at"`
	Foot      string      `json:"foot"`
}

func (s *Server) getReceipt(w http.ResponseWriter, r *http.Request, _ caller) error {
	p, err := s.Store.Payment(r.Context(), agent.PaymentID(r.PathValue("id")))
	if err != nil {
		return err
	}
	c := s.receipt(p)
	lang := s.apiLanguage(r)
	s.respond(w, http.StatusOK, receiptJSON{
		Shop: c.Shop, Title: s.Words.Say(lang, c.Title), OrderNo: c.OrderNo, Reference: c.Reference, Wallet: c.Wallet,
		Txn: c.Txn, Amount: c.Amount, Payer: payer(c.Payer), Refunded: c.Refunded, Paid: c.Paid, Accepted: c.Accepted, Test: c.Test, Duplicate: c.Duplicate,
		Lane: c.Lane, Cashier: c.Cashier, At: c.At, Foot: s.Words.Say(lang, c.Foot),
	})
	return nil
}

// printPayment puts a payment's slip on paper again. What comes out is marked when an
// earlier one may be in somebody's hand.
func (s *Server) printPayment(w http.ResponseWriter, r *http.Request, _ caller) error {
	p, err := s.Store.Payment(r.Context(), agent.PaymentID(r.PathValue("id")))
	if err != nil {
		return err
	}
	if !s.Prints(p.Lane) {
		return noPrinter()
	}
	if err := s.Print(r.Context(), p.ID); err != nil {
		return err
	}
	s.respond(w, http.StatusAccepted, map[string]any{"queued": true})
	return nil
}

func noPrinter() error {
	return fail(agent.NotFound, agent.CodeNotFound, "error.no_printer", "This lane has no printer. Print the receipt page, or add a [[printer]] to the configuration")
}

// receipt makes the slip; one that may have been handed out before is marked as a
// duplicate.
func (s *Server) receipt(p agent.Payment) agent.Receipt {
	return agent.NewReceipt(p, s.shop(), p.Handed())
}

// slipPage is a slip on the screen.
type slipPage struct {
	agent.Slip
	Paper   string // the call that puts it on the lane's printer
	Title   agent.Sentence
	OrderNo string
	Printer bool // the lane has one
}

// receiptPage is the slip for a browser's printer, or for the lane's own. Whoever may
// see payments may see it.
func (s *Server) receiptPage(w http.ResponseWriter, r *http.Request) {
	_, _, atRegister := s.signedIn(r, registerCookie)
	_, _, atOwner := s.signedIn(r, ownerCookie)
	if !atRegister && !atOwner {
		s.problem(w, r, errUnauthorized())
		return
	}
	p, err := s.Store.Payment(r.Context(), agent.PaymentID(r.PathValue("id")))
	if err != nil {
		s.problem(w, r, err)
		return
	}
	c := s.receipt(p)
	s.renderSlip(w, r, slipPage{Slip: c.Slip(s.Words.Voice(s.language(r), s.Zone)),
		Paper: "/payments/" + string(p.ID) + "/print", Title: c.Title, OrderNo: c.OrderNo, Printer: atRegister && s.Prints(p.Lane)})
}

// renderSlip shows a slip; its script needs to know the terminal only where there is a printer
// to ask for.
func (s *Server) renderSlip(w http.ResponseWriter, r *http.Request, p slipPage) {
	s.render(w, r, http.StatusOK, "receipt", view{Data: p, Page: s.pageJSON(s.language(r), map[string]any{"api": apiRoot})})
}

// drawnCode draws a QR code into a page; what cannot be drawn is written.
func drawnCode(text string) template.HTML {
	m, err := qr.Encode(text, qr.M)
	if err != nil {
		return template.HTML(template.HTMLEscapeString(text))
	}
	return template.HTML(m.SVG(""))
}
