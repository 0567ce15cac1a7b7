package web

import (
	"net/http"
	"time"

	"tillwire/agent"
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

// receipt makes the slip; one that was printed before is marked as a duplicate.
func (s *Server) receipt(p agent.Payment) agent.Receipt {
	printed := false
	for _, f := range p.Facts {
		printed = printed || f.Kind == agent.FactPrinted
	}
	return agent.NewReceipt(p, s.shop(), printed)
}

// receiptPage is the slip for a browser's printer. Whoever may see payments may
// see it.
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
	s.render(w, r, http.StatusOK, "receipt", view{Data: s.receipt(p)})
}
