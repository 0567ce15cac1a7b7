package web

import (
	"net/http"

	"tillwire/agent"
)

// goOffline lets a payment be accepted without the wallet's word. A till and a cashier
// may do what the owner lets cashiers do; with a manager's approval it is the
// manager's act.
func (s *Server) goOffline(w http.ResponseWriter, r *http.Request, c caller) error {
	var body struct {
		Wallet   string `json:"wallet"`
		Approval string `json:"approval"`
	}
	if err := decodeOptional(r, &body); err != nil {
		return err
	}
	p, err := s.Store.Payment(r.Context(), agent.PaymentID(r.PathValue("id")))
	if err != nil {
		return err
	}
	by, role := c.client(), c.person.Role
	if c.till != "" {
		role = agent.RoleCashier
	}
	if body.Approval != "" {
		manager, err := s.approvals.take(actOffline, body.Approval, "offline", p.ID, p.Amount)
		if err != nil {
			return err
		}
		by, role = "person:"+manager, agent.RoleManager
	}
	p, err = s.Counter.GoOffline(r.Context(), p.ID, body.Wallet, by, role)
	return s.accepted(w, r, c, "offline", by, p, err)
}

// acceptOnSight takes a manager's word for what the customer's phone shows.
func (s *Server) acceptOnSight(w http.ResponseWriter, r *http.Request, c caller) error {
	return s.approved(w, r, c, actSight, func(p agent.Payment, by string) (agent.Payment, error) {
		return s.Counter.AcceptOnSight(r.Context(), p.ID, by, agent.RoleManager)
	})
}

// voidPayment takes an accepted sale back. The goods may be gone already, so it is a
// manager's decision like a refund.
func (s *Server) voidPayment(w http.ResponseWriter, r *http.Request, c caller) error {
	return s.approved(w, r, c, actVoid, func(p agent.Payment, by string) (agent.Payment, error) {
		return s.Counter.Void(r.Context(), p.ID, by)
	})
}

// approved does what needs a manager's PIN, which is bound to the act, the payment and all
// of its amount.
func (s *Server) approved(w http.ResponseWriter, r *http.Request, c caller, what act, do func(p agent.Payment, by string) (agent.Payment, error)) error {
	var body struct {
		Approval string `json:"approval"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	p, err := s.Store.Payment(r.Context(), agent.PaymentID(r.PathValue("id")))
	if err != nil {
		return err
	}
	action := "offline_" + string(what)
	manager, err := s.approvals.take(what, body.Approval, action, p.ID, p.Amount)
	if err != nil {
		return err
	}
	by := "person:" + manager
	p, err = do(p, by)
	return s.accepted(w, r, c, action, by, p, err)
}

// accepted writes down who did it and answers the payment as it now is.
func (s *Server) accepted(w http.ResponseWriter, r *http.Request, c caller, action, by string, p agent.Payment, err error) error {
	if err != nil {
		return err
	}
	s.audits.note(r.Context(), agent.Audit{Actor: by, Action: action, Object: string(p.ID), Detail: p.Amount.String() + " via " + c.client()})
	s.respond(w, http.StatusAccepted, s.payment(s.apiLanguage(r), p))
	return nil
}

// forwardNow makes everything due that waits to be collected.
func (s *Server) forwardNow(w http.ResponseWriter, r *http.Request, _ caller) error {
	if err := decodeOptional(r, &struct{}{}); err != nil {
		return err
	}
	revived, err := s.Store.ForwardNow(r.Context())
	if err != nil {
		return err
	}
	s.respond(w, http.StatusAccepted, struct {
		offlineJSON
		Revived int `json:"revived"`
	}{s.offline(r.Context()), revived})
	return nil
}
