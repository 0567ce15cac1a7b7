package web

import (
	"cmp"
	"net/http"
	"slices"

	"tillwire/agent"
)

// approve takes a manager's PIN for one act, a refund when it names none. The PIN is the
// authority, so a till may ask as well: it is how a till's own screen offers refunds.
func (s *Server) approve(w http.ResponseWriter, r *http.Request, c caller) error {
	var body struct {
		PIN     string          `json:"pin"`
		Payment agent.PaymentID `json:"payment"`
		Amount  looseAmount     `json:"amount"`
		Act     act             `json:"act"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	if body.Act = cmp.Or(body.Act, actRefund); !slices.Contains(acts, body.Act) {
		return unreadable("The act of an approval is refund, offline, sight or void.")
	}
	p, err := s.Store.Payment(r.Context(), body.Payment)
	if err != nil {
		return err
	}
	amount, err := body.Amount.money(p)
	if err != nil {
		return err
	}
	by, err := s.gate.authority(r.Context(), body.PIN, agent.RoleManager, agent.RoleOwner)
	if err != nil {
		s.audits.note(r.Context(), agent.Audit{Actor: c.client(), Action: "approval_refused", Object: string(p.ID)})
		return err
	}
	id := s.approvals.grant(body.Act, p.ID, amount, by.ID)
	s.audits.note(r.Context(), agent.Audit{Actor: "person:" + by.ID, Action: "approval", Object: string(p.ID), Detail: string(body.Act) + " " + amount.String()})
	s.respond(w, http.StatusCreated, map[string]any{
		"approval": id, "expires": s.Clock.Now().Add(approvalLife), "by": by.Name,
	})
	return nil
}

func (s *Server) refundPayment(w http.ResponseWriter, r *http.Request, c caller) error {
	var body struct {
		RequestID string      `json:"request_id"`
		Amount    looseAmount `json:"amount"`
		Reason    string      `json:"reason"`
		Approval  string      `json:"approval"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	id := agent.PaymentID(r.PathValue("id"))
	p, err := s.Store.Payment(r.Context(), id)
	if err != nil {
		return err
	}
	amount, err := body.Amount.money(p)
	if err != nil {
		return err
	}
	if err := checkRefundText(body.RequestID, body.Reason); err != nil {
		return err
	}
	req := agent.RefundRequest{Payment: id, RequestID: body.RequestID, Amount: amount, Why: body.Reason}
	if !asked(p, body.RequestID) {
		// A repeat needs no second approval: it moves nothing.
		by, err := s.approvals.take(actRefund, body.Approval, body.RequestID, id, amount)
		if err != nil {
			return err
		}
		req.By = "person:" + by
	}
	p, refund, repeated, err := s.Counter.Refund(r.Context(), req)
	if err != nil {
		return err
	}
	status := http.StatusOK
	if !repeated {
		status = http.StatusCreated
		s.audits.note(r.Context(), agent.Audit{Actor: req.By, Action: "refund", Object: string(id), Detail: amount.String() + " " + refund.No + " via " + c.client()})
	}
	out := s.payment(s.apiLanguage(r), p)
	out.Repeated = repeated
	s.respond(w, status, struct {
		refundJSON
		Repeated bool        `json:"repeated,omitempty"`
		Payment  paymentJSON `json:"payment"`
	}{s.refund(s.apiLanguage(r), p, refund), repeated, out})
	return nil
}

// asked reports whether this refund was requested before; whether it is the same
// one is the engine's to say.
func asked(p agent.Payment, requestID string) bool {
	for _, r := range p.Status.Refunds {
		if r.RequestID == requestID {
			return true
		}
	}
	return false
}

func checkRefundText(requestID, reason string) error {
	switch {
	case requestID == "" || len(requestID) > 128:
		return fail(agent.Invalid, agent.CodeUnreadable, "error.request_id", "A refund needs a request_id of 1 to 128 characters that is never used for another one.")
	case len(reason) > 256:
		return unreadable("The reason is longer than 256 bytes.")
	}
	return nil
}
