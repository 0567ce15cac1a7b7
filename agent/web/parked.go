package web

import (
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

// unpark takes an amount up, or discards it: either way nobody else gets it.
func (s *Server) unpark(w http.ResponseWriter, r *http.Request, _ caller) error {
	if err := s.Store.Unpark(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
