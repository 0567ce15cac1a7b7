package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
)

// peopleData is the list of people with the form for a new one.
type peopleData struct {
	People []personRow
	Wrong  string
	Name   string // what was typed into the form
	Role   string
}

type personRow struct {
	agent.Person
	Left time.Duration // of a lock-out
	Self bool
}

func (s *Server) ownerPeople(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	return s.peoplePage(w, r, me, http.StatusOK, peopleData{})
}

func (s *Server) peoplePage(w http.ResponseWriter, r *http.Request, me agent.Person, status int, d peopleData) error {
	all, err := s.Store.People(r.Context())
	if err != nil {
		return err
	}
	slices.SortFunc(all, func(a, b agent.Person) int { return strings.Compare(string(b.Role)+a.Name, string(a.Role)+b.Name) })
	for _, p := range all {
		d.People = append(d.People, personRow{Person: p, Left: s.gate.locked(p), Self: p.ID == me.ID})
	}
	s.render(w, r, status, "owner_people", ownerView("people", me, d))
	return nil
}

func (s *Server) addPerson(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	name, role := strings.TrimSpace(r.PostFormValue("name")), agent.Role(r.PostFormValue("role"))
	secret := r.PostFormValue("secret")
	// Whoever may sign in from now on may sell, and may be a manager or an owner. The password
	// comes first: what is wrong with a PIN tells which ones are taken.
	err := s.again(r, me, "people")
	if err == nil {
		err = s.checkPerson(r.Context(), name, role, secret, "")
	}
	if err != nil {
		return s.peoplePage(w, r, me, statusOf(err), peopleData{Wrong: s.sentence(s.language(r), err), Name: name, Role: string(role)})
	}
	p, err := s.newPerson(r.Context(), name, role, secret)
	if err != nil {
		return err
	}
	s.audits.note(r.Context(), agent.Audit{Actor: "person:" + me.ID, Action: "person_added", Object: "person:" + p.ID, Detail: name + " " + string(role)})
	http.Redirect(w, r, "/owner/people", http.StatusSeeOther)
	return nil
}

// newPerson saves somebody under a new id.
func (s *Server) newPerson(ctx context.Context, name string, role agent.Role, secret string) (agent.Person, error) {
	stored, err := s.Secrets.Hash(ctx, secret)
	if err != nil {
		return agent.Person{}, err
	}
	p := agent.Person{ID: strings.ToLower(rand.Text()[:12]), Name: name, Role: role, Secret: stored, Created: s.Clock.Now()}
	return p, s.Store.SavePerson(ctx, p)
}

// checkPerson says what is wrong with a name, role and secret.
func (s *Server) checkPerson(ctx context.Context, name string, role agent.Role, secret, id string) error {
	if err := agent.CheckName(name); err != nil {
		return err
	}
	return s.checkSecret(ctx, role, secret, id)
}

func (s *Server) checkSecret(ctx context.Context, role agent.Role, secret, id string) error {
	if err := agent.CheckSecret(role, secret); err != nil || role == agent.RoleOwner {
		return err
	}
	taken, err := s.gate.taken(ctx, secret, id)
	if err == nil && taken {
		err = fail(agent.Invalid, agent.CodeUnreadable, "form.pin_taken", "Choose another PIN.")
	}
	return err
}

// changePerson disables, enables or unlocks somebody, or gives a new secret. What lets
// somebody in needs the owner's password again. Whoever is changed is signed out everywhere.
func (s *Server) changePerson(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	ctx, id, what := r.Context(), r.PathValue("id"), r.PostFormValue("do")
	p, err := s.Store.Person(ctx, id)
	if err != nil {
		return err
	}
	refused := func(err error) error {
		return s.peoplePage(w, r, me, statusOf(err), peopleData{Wrong: p.Name + ": " + s.sentence(s.language(r), err)})
	}
	if what == "enable" || what == "secret" {
		if err := s.again(r, me, "person:"+id); err != nil {
			return refused(err)
		}
	}
	edit := func(*agent.Person) {}
	switch what {
	case "unlock":
		err = s.gate.unlock(ctx, id)
	case "disable":
		if id == me.ID {
			return fail(agent.Conflict, agent.CodeState, "form.self", "You cannot disable yourself.")
		}
		edit = func(p *agent.Person) { p.Disabled = true }
	case "enable":
		edit = func(p *agent.Person) { p.Disabled = false }
	case "secret":
		if err := s.checkSecret(ctx, p.Role, r.PostFormValue("secret"), id); err != nil {
			return refused(err)
		}
		stored, err := s.Secrets.Hash(ctx, r.PostFormValue("secret"))
		if err != nil {
			return err
		}
		edit = func(p *agent.Person) { p.Secret = stored }
	default:
		return unreadable("There is no such change.")
	}
	if err != nil {
		return err
	}
	if _, err := s.gate.change(ctx, id, edit); err != nil {
		return err
	}
	if what != "unlock" {
		if err := s.Store.DeleteSessions(ctx, id); err != nil {
			return err
		}
	}
	s.audits.note(ctx, agent.Audit{Actor: "person:" + me.ID, Action: "person_" + what, Object: "person:" + id})
	http.Redirect(w, r, "/owner/people", http.StatusSeeOther)
	return nil
}
