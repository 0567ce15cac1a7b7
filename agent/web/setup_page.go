package web

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/words"
)

// setupCookie names the browser that entered the claim code.
const setupCookie = "__Host-tillwire-setup"

func (s *Server) routeSetup(mux router) {
	mux.HandleFunc("GET /setup", s.unclaimed(s.setupPage))
	mux.HandleFunc("POST /setup/claim", s.unclaimed(s.enterClaim))
	mux.HandleFunc("POST /setup", s.unclaimed(s.finishSetup))
}

// unclaimed lets the set-up be seen only until the terminal has an owner.
func (s *Server) unclaimed(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		closed, err := s.beforeFirstStart(r.Context())
		switch {
		case err != nil:
			s.problem(w, r, err)
		case !closed && r.Method == http.MethodGet:
			http.Redirect(w, r, "/register", http.StatusSeeOther)
		case !closed:
			s.problem(w, r, fail(agent.Forbidden, codeForbidden, "setup.done_before", "This terminal is set up already."))
		case r.Method != http.MethodGet && provenanceOf(r) != own:
			s.problem(w, r, errOrigin())
		default:
			next(w, r)
		}
	}
}

// claimed reports whether this browser has entered the code.
func (s *Server) claimed(r *http.Request) bool {
	c, err := r.Cookie(setupCookie)
	return err == nil && s.claim.entered(c.Value)
}

func (s *Server) setupPage(w http.ResponseWriter, r *http.Request) {
	if !s.claimed(r) {
		s.claim.fresh()
		s.render(w, r, http.StatusOK, "setup_claim", view{Data: ""})
		return
	}
	s.render(w, r, http.StatusOK, "setup_form", view{Data: s.newForm(r)})
}

func (s *Server) enterClaim(w http.ResponseWriter, r *http.Request) {
	session, ok := s.claim.enter(r.PostFormValue("code"))
	if !ok {
		s.audits.rarely(r.Context(), agent.Audit{Actor: "network", Action: "claim_refused", Object: "setup"})
		wrong := s.Words.Text(s.language(r), "setup.code_wrong")
		s.render(w, r, http.StatusForbidden, "setup_claim", view{Data: wrong})
		return
	}
	http.SetCookie(w, &http.Cookie{Name: setupCookie, Value: session, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/setup", http.StatusSeeOther)
}

// setupForm is the form with what was typed and what is wrong with it.
type setupForm struct {
	Values map[string]string
	Wrong  map[string]string // field → sentence; "" for the whole form
	Ports  []Port
	Brands []string
	Zone   string
}

// Value is what stands in a field, for the template.
func (f setupForm) Value(name string) string { return f.Values[name] }

func (s *Server) newForm(r *http.Request) setupForm {
	f := setupForm{Wrong: map[string]string{}, Zone: s.Zone.String(), Values: map[string]string{
		"currency": string(s.Currency), "language": s.language(r), "zone": s.Zone.String(), "protocol": "wechat", "mode": "direct", "platform": "public_key", "alipay_mode": "public_key", "money": "test",
		"lane_name": s.Words.Text(s.language(r), "setup.lane_default"), "baud": "9600",
	}}
	if f.Values["zone"] == "Local" {
		f.Values["zone"] = time.UTC.String()
	}
	f.Brands = s.claim.setup.Brands
	if s.claim.setup.Scanners != nil {
		f.Ports = s.claim.setup.Scanners()
	}
	return f
}

// formField is one field of the form with its label, help and complaint.
type formField struct {
	Name, Type, Label, Help, Value, Wrong string
	Ports                                 []Port
}

func (s *Server) field(lang string, f setupForm, name, kind string) formField {
	out := formField{Name: name, Type: kind, Value: f.Values[name], Wrong: f.Wrong[name], Ports: f.Ports, Label: s.Words.Text(lang, "setup."+name)}
	if key := "setup." + name + "_help"; s.Words.Has(words.English, key) {
		out.Help = s.Words.Text(lang, key)
	}
	return out
}

// secretFields never come back to the browser once they were sent.
var secretFields = []string{"owner_password", "cashier_pin", "manager_pin", "api_v3_key", "merchant_key", "app_key", "signing_key"}

func (s *Server) finishSetup(w http.ResponseWriter, r *http.Request) {
	if !s.claimed(r) {
		s.claim.fresh()
		s.render(w, r, http.StatusForbidden, "setup_claim", view{Data: s.Words.Text(s.language(r), "setup.code_first")})
		return
	}
	form := s.newForm(r)
	if err := r.ParseMultipartForm(maxForm); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) || !errors.Is(err, http.ErrNotMultipart) {
			s.problem(w, r, fail(agent.Invalid, codeTooLarge, "setup.too_large", "The form with its files is larger than 256 KiB."))
			return
		}
	}
	for name, values := range r.PostForm {
		form.Values[name] = values[0]
		// A password is what was typed: the owner's door takes it as it is, too.
		if name != "owner_password" {
			form.Values[name] = strings.TrimSpace(values[0])
		}
	}
	takeFiles(r, form.Values)
	lang := s.language(r)
	set := check(form.Values, func(field, key string) { form.Wrong[field] = s.Words.Text(lang, key) })
	if len(form.Wrong) == 0 {
		err := s.settle(r, set, form.Values)
		if err == nil {
			s.render(w, r, http.StatusOK, "setup_done", view{})
			if s.claim.setup.Done != nil {
				s.claim.setup.Done()
			}
			return
		}
		s.Log.Error("the first start could not be finished", "comp", "web", "err", err)
		form.Wrong[""] = s.sentence(lang, err)
	}
	for name, value := range form.Values {
		// Whatever looks like a key may have been pasted into the wrong field.
		if slices.Contains(secretFields, name) || strings.Contains(value, "PRIVATE KEY") {
			delete(form.Values, name)
		}
	}
	s.render(w, r, http.StatusUnprocessableEntity, "setup_form", view{Data: form})
}

// takeFiles lets a chosen file stand for the text of its field.
func takeFiles(r *http.Request, values map[string]string) {
	if r.MultipartForm == nil {
		return
	}
	for name, files := range r.MultipartForm.File {
		if len(files) == 0 || files[0].Size == 0 || files[0].Size > maxForm {
			continue
		}
		file, err := files[0].Open()
		if err != nil {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(file, maxForm))
		file.Close()
		if err == nil {
			values[strings.TrimSuffix(name, "_file")] = strings.TrimSpace(string(text))
		}
	}
}

// settle writes everything. The owner comes last: only an owner ends the first
// start, so whatever fails before leaves the form open.
func (s *Server) settle(r *http.Request, set Setup, values map[string]string) error {
	ctx := r.Context()
	if err := s.claim.setup.Apply(ctx, set); err != nil {
		return err
	}
	for _, p := range []struct {
		role         agent.Role
		name, secret string
	}{{agent.RoleCashier, "cashier", "cashier_pin"}, {agent.RoleManager, "manager", "manager_pin"}, {agent.RoleOwner, "owner", "owner_password"}} {
		if err := s.savePerson(r, p.role, values[p.name], values[p.secret]); err != nil {
			return err
		}
	}
	s.claim.end()
	s.audits.note(ctx, agent.Audit{Actor: "setup", Action: "set_up", Object: set.Shop})
	return nil
}

// savePerson saves somebody of the form; a name that is there from an earlier try
// gets the new secret instead of a double.
func (s *Server) savePerson(r *http.Request, role agent.Role, name, secret string) error {
	all, err := s.Store.People(r.Context())
	if err != nil {
		return err
	}
	for _, p := range all {
		if p.Name != name || p.Role != role {
			continue
		}
		if p.Secret, err = s.Secrets.Hash(r.Context(), secret); err != nil {
			return err
		}
		return s.Store.SavePerson(r.Context(), p)
	}
	_, err = s.newPerson(r.Context(), name, role, secret)
	return err
}
