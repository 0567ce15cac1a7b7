package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"tillwire/agent"
)

// ownerPage is a page of the owner; its error becomes a page too.
type ownerPage func(w http.ResponseWriter, r *http.Request, me agent.Person) error

func (s *Server) routeOwner(mux router) {
	mux.HandleFunc("GET /owner", s.owner(s.ownerToday))
	for _, form := range []string{"csv", "xlsx"} {
		mux.HandleFunc("GET /owner/day."+form, s.owner(s.exportDay(form)))
		mux.HandleFunc("GET /owner/payments."+form, s.owner(s.exportPayments(form)))
		mux.HandleFunc("GET /owner/refunds."+form, s.owner(s.exportRefunds(form)))
	}
	mux.HandleFunc("GET /owner/payments", s.owner(s.ownerPayments))
	mux.HandleFunc("GET /owner/refunds", s.owner(s.ownerRefunds))
	mux.HandleFunc("GET /owner/payments/{id}", s.owner(s.ownerPayment))
	mux.HandleFunc("POST /owner/payments/{id}/refund", s.owner(s.ownerRefund))
	mux.HandleFunc("POST /owner/payments/{id}/write-off", s.owner(s.ownerWriteOff))
	mux.HandleFunc("GET /owner/queue", s.owner(s.ownerQueue))
	mux.HandleFunc("GET /owner/offline", s.owner(s.ownerOffline))
	mux.HandleFunc("POST /owner/offline/forward", s.owner(s.ownerForward))
	mux.HandleFunc("POST /owner/offline/trust", s.owner(s.ownerTrust))
	mux.HandleFunc("POST /owner/offline/time", s.owner(s.ownerTime))
	mux.HandleFunc("GET /owner/devices", s.owner(s.ownerDevices))
	mux.HandleFunc("POST /owner/devices", s.owner(s.tryDevice))
	mux.HandleFunc("GET /owner/lan", s.owner(s.ownerLAN))
	mux.HandleFunc("POST /owner/lan", s.owner(s.changeLAN))
	mux.HandleFunc("GET /owner/reconcile", s.owner(s.ownerReconcile))
	mux.HandleFunc("POST /owner/reconcile", s.owner(s.startReconcile))
	mux.HandleFunc("GET /owner/reconcile/csv", s.owner(s.reconcileCSV))
	mux.HandleFunc("GET /owner/people", s.owner(s.ownerPeople))
	mux.HandleFunc("POST /owner/people", s.owner(s.addPerson))
	mux.HandleFunc("POST /owner/people/{id}", s.owner(s.changePerson))
	mux.HandleFunc("GET /owner/second", s.owner(s.ownerSecond))
	mux.HandleFunc("POST /owner/second", s.owner(s.changeSecond))
	mux.HandleFunc("GET /owner/settings", s.owner(s.ownerSettings))
	mux.HandleFunc("POST /owner/settings", s.owner(s.changeSetting))
	mux.HandleFunc("GET /owner/backup", s.owner(s.ownerBackup))
	mux.HandleFunc("POST /owner/backup", s.owner(s.startBackup))
	mux.HandleFunc("GET /owner/log", s.owner(s.ownerLog))
	mux.HandleFunc("POST /owner/login", s.opened(s.ownerLogin))
	mux.HandleFunc("POST /owner/logout", s.opened(s.ownerLogout))
}

// owner lets the owner in, and shows everyone else the way in.
func (s *Server) owner(page ownerPage) http.HandlerFunc {
	return s.opened(func(w http.ResponseWriter, r *http.Request) {
		sess, me, ok := s.signedIn(r, ownerCookie)
		switch {
		case r.Method != http.MethodGet && provenanceOf(r) != own:
			s.problem(w, r, errOrigin())
		case ok && me.Role == agent.RoleOwner:
			s.active(r.Context(), sess)
			if err := page(w, r, me); err != nil {
				s.problem(w, r, err)
			}
		case r.Method == http.MethodGet:
			s.loginPage(w, r, http.StatusOK, nil)
		default:
			s.refuseOwner(w, r)
		}
	})
}

// refuseOwner answers somebody who tries to change what is the owner's. A person
// of the shop who does so is written down.
func (s *Server) refuseOwner(w http.ResponseWriter, r *http.Request) {
	if _, p, ok := s.signedIn(r, registerCookie); ok {
		s.audits.rarely(r.Context(), agent.Audit{Actor: "person:" + p.ID, Action: "refused", Object: r.Pattern})
		s.problem(w, r, errForbidden())
		return
	}
	s.problem(w, r, errUnauthorized())
}

// loginData is what the way in shows.
type loginData struct {
	Owners []agent.Person
	Next   string
	Wrong  string
	Wait   time.Duration
	Second bool // some owner needs a code beside the password
}

func (s *Server) loginPage(w http.ResponseWriter, r *http.Request, status int, err error) {
	d := loginData{Next: safeNext(r)}
	all, failed := s.Store.People(r.Context())
	if failed != nil {
		s.problem(w, r, failed)
		return
	}
	for _, p := range all {
		if p.Role == agent.RoleOwner && !p.Disabled {
			d.Owners = append(d.Owners, p)
		}
	}
	d.Second = s.needsSecond(r.Context(), d.Owners)
	if err != nil {
		d.Wrong = s.sentence(s.language(r), err)
		d.Wait = waitOf(err)
	}
	s.render(w, r, status, "login", view{Data: d})
}

// safeNext is where to go after signing in: a page of the owner and nowhere else.
func safeNext(r *http.Request) string {
	next := r.URL.Path
	if r.Method == http.MethodPost {
		next = r.PostFormValue("next")
	}
	if next != "/owner" && !strings.HasPrefix(next, "/owner/") || strings.Contains(next, "//") || strings.Contains(next, "..") {
		return "/owner"
	}
	return next
}

func (s *Server) ownerLogin(w http.ResponseWriter, r *http.Request) {
	if provenanceOf(r) != own {
		s.problem(w, r, errOrigin())
		return
	}
	p, err := s.gate.checkAlso(r.Context(), r.PostFormValue("person"), r.PostFormValue("password"), func(p agent.Person) (bool, error) {
		return s.second(r.Context(), p.ID, r.PostFormValue("code"))
	}, agent.RoleOwner)
	if err == nil {
		err = s.signIn(w, r, p, ownerCookie)
	}
	if err != nil {
		s.audits.rarely(r.Context(), agent.Audit{Actor: "person:" + clip(r.PostFormValue("person")), Action: "sign_in_refused", Object: "owner"})
		s.loginPage(w, r, statusOf(err), err)
		return
	}
	s.audits.note(r.Context(), agent.Audit{Actor: "person:" + p.ID, Action: "sign_in", Object: "owner"})
	http.Redirect(w, r, safeNext(r), http.StatusSeeOther)
}

func (s *Server) ownerLogout(w http.ResponseWriter, r *http.Request) {
	if provenanceOf(r) != own {
		s.problem(w, r, errOrigin())
		return
	}
	s.signOut(w, r, ownerCookie)
	http.Redirect(w, r, "/owner", http.StatusSeeOther)
}

// again asks the owner for the password once more, in the form that wants something which a
// page that was left open must not be enough for. object is what the act is about.
func (s *Server) again(r *http.Request, me agent.Person, object string) error {
	_, err := s.gate.check(r.Context(), me.ID, r.PostFormValue("password"), agent.RoleOwner)
	if err != nil {
		s.audits.note(r.Context(), agent.Audit{Actor: "person:" + me.ID, Action: "approval_refused", Object: object})
	}
	return err
}

// ownerView is the frame of every page of the owner.
func ownerView(nav string, me agent.Person, data any) view {
	return view{Nav: nav, Me: me.Name, Data: data}
}

// actors turns "person:ID" into names for stories and lists.
func (s *Server) actors(ctx context.Context) func(string) string {
	names := map[string]string{}
	if all, err := s.Store.People(ctx); err == nil {
		for _, p := range all {
			names["person:"+p.ID] = p.Name
		}
	}
	return func(actor string) string {
		if name, ok := names[actor]; ok {
			return name
		}
		return strings.TrimPrefix(actor, "till:")
	}
}
