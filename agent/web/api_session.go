package web

import (
	"net/http"
	"time"

	"tillwire/agent"
)

// personJSON is somebody as their colleagues may see them.
type personJSON struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Role     agent.Role `json:"role"`
	Disabled bool       `json:"disabled"`
	Locked   int64      `json:"locked"` // seconds of lock-out left
}

func (s *Server) openSession(w http.ResponseWriter, r *http.Request, _ caller) error {
	var body struct {
		Person string `json:"person"`
		PIN    string `json:"pin"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	p, err := s.gate.check(r.Context(), body.Person, body.PIN, agent.RoleCashier, agent.RoleManager)
	if err != nil {
		s.audits.rarely(r.Context(), agent.Audit{Actor: "person:" + clip(body.Person), Action: "sign_in_refused", Object: "register"})
		return err
	}
	if err := s.signIn(w, r, p, registerCookie); err != nil {
		return err
	}
	s.audits.note(r.Context(), agent.Audit{Actor: "person:" + p.ID, Action: "sign_in", Object: "register"})
	s.respond(w, http.StatusOK, s.person(r, p))
	return nil
}

func (s *Server) getSession(w http.ResponseWriter, r *http.Request, c caller) error {
	s.respond(w, http.StatusOK, s.person(r, c.person))
	return nil
}

// touchSession is how the register says that somebody is typing.
func (s *Server) touchSession(w http.ResponseWriter, _ *http.Request, _ caller) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) closeSession(w http.ResponseWriter, r *http.Request, _ caller) error {
	s.signOut(w, r, registerCookie)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) listPeople(w http.ResponseWriter, r *http.Request, _ caller) error {
	all, err := s.Store.People(r.Context())
	if err != nil {
		return err
	}
	out := struct {
		People []personJSON `json:"people"`
	}{[]personJSON{}}
	for _, p := range all {
		out.People = append(out.People, s.person(r, p))
	}
	s.respond(w, http.StatusOK, out)
	return nil
}

func (s *Server) unlockPerson(w http.ResponseWriter, r *http.Request, c caller) error {
	if err := decodeOptional(r, &struct{}{}); err != nil {
		return err
	}
	p, err := s.Store.Person(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	if p.Role == agent.RoleOwner && c.person.Role != agent.RoleOwner {
		return errForbidden()
	}
	if err := s.gate.unlock(r.Context(), p.ID); err != nil {
		return err
	}
	s.audits.note(r.Context(), agent.Audit{Actor: c.client(), Action: "unlock", Object: "person:" + p.ID})
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) person(r *http.Request, p agent.Person) personJSON {
	left := s.gate.locked(p)
	return personJSON{ID: p.ID, Name: p.Name, Role: p.Role, Disabled: p.Disabled, Locked: int64((left + time.Second - 1) / time.Second)}
}
