package web

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"tillwire/agent"
)

// noteMost is how long the note on a parked amount may be, in characters.
const noteMost = 40

// parkedJSON is an amount that was put aside.
type parkedJSON struct {
	ID     string      `json:"id"`
	Lane   string      `json:"lane"`
	Amount agent.Money `json:"amount"`
	Note   string      `json:"note"`
	By     string      `json:"by"`
	At     time.Time   `json:"at"`
}

// listParked tells what waits, of every register: a customer may come back to another.
func (s *Server) listParked(w http.ResponseWriter, r *http.Request, _ caller) error {
	all, err := s.Store.Parked(r.Context())
	if err != nil {
		return err
	}
	out := struct {
		Parked []parkedJSON `json:"parked"`
	}{[]parkedJSON{}}
	for _, p := range all {
		out.Parked = append(out.Parked, parkedJSON(p))
	}
	s.respond(w, http.StatusOK, out)
	return nil
}

func (s *Server) park(w http.ResponseWriter, r *http.Request, c caller) error {
	var body struct {
		ID     string      `json:"request_id"`
		Lane   string      `json:"lane"`
		Amount agent.Money `json:"amount"`
		Note   string      `json:"note"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	lane, err := s.lane(body.Lane)
	if err == nil {
		err = body.Amount.Check()
	}
	if err != nil {
		return err
	}
	note := strings.TrimSpace(body.Note)
	switch {
	case body.ID == "" || len(body.ID) > 128:
		return fail(agent.Invalid, agent.CodeUnreadable, "error.park_id", "Parking needs a request_id of 1 to 128 characters that is never used for another amount.")
	case utf8.RuneCountInString(note) > noteMost || strings.ContainsFunc(note, func(c rune) bool { return c < ' ' || c == utf8.RuneError }):
		return fail(agent.Invalid, agent.CodeUnreadable, "error.park_note", "The note has at most 40 characters.")
	}
	p := agent.Parked{ID: body.ID, Lane: lane.ID, Amount: body.Amount, Note: note, By: c.person.Name, At: s.Clock.Now()}
	if err := s.Store.Park(r.Context(), p); err != nil {
		return err
	}
	s.respond(w, http.StatusCreated, parkedJSON(p))
	return nil
}

// parkedClient asks for the payment of every parked amount, whoever takes it up at whatever
// register: with the amount's id for a request_id, there is one such payment for ever.
const parkedClient = "parked"

// payParked opens the payment that takes an amount up. Only then does the amount leave the list:
// whatever ends in between, the sale is not lost. Whoever finds it there or on the screen
// nevertheless is led to its payment, and charges nobody a second time.
func (s *Server) payParked(w http.ResponseWriter, r *http.Request, c caller) error {
	var req agent.Request
	if err := decode(r, &req); err != nil {
		return err
	}
	req.Client, req.RequestID = parkedClient, r.PathValue("id")
	p, repeated, err := s.begin(r, c, req)
	reused := agent.CodeOf(err) == agent.CodeRequestReused
	if err != nil && !reused {
		return err
	}
	s.takenUp(r.Context(), req.RequestID)
	if reused {
		return &agent.Error{Op: "take up a parked amount", Class: agent.Conflict, Code: agent.CodeRequestReused, Payment: p.ID,
			Say: agent.Sentence{ID: "error.not_parked", English: "This amount is not parked any more. Another register has taken it up."}}
	}
	s.respondBegun(w, r, p, repeated)
	return nil
}

// takenUp takes an amount that has its payment off the list. Where that fails the payment goes
// on, and the next who reaches for the amount tries again.
func (s *Server) takenUp(ctx context.Context, id string) {
	err := s.Store.Unpark(context.WithoutCancel(ctx), id)
	if err != nil && agent.ClassOf(err) != agent.NotFound {
		s.Log.Error("an amount that was taken up stays on the list", "comp", "web", "parked", id, "err", err)
	}
}

// unpark discards an amount.
func (s *Server) unpark(w http.ResponseWriter, r *http.Request, _ caller) error {
	if err := s.Store.Unpark(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
