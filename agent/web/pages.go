package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"tillwire/agent"
)

// pages are the templates, each parsed for a language when it is first asked for:
// all of them together take a tenth of an idle agent's memory, and most shops open
// a few in one language.
type pages struct {
	set map[string]map[string]parsed // language → name
}

type parsed func() (*template.Template, error)

// view is what every page gets.
type view struct {
	Lang  string
	Dir   string // "ltr" or "rtl"
	Theme string // "light", "dark" or "" for the browser's wish
	Shop  string
	Test  bool   // no real money
	Here  string // this page without a language, for the language switch; ends with ? or &
	Nav   string // which entry of the owner's menu is open
	Me    string // name of who is signed in
	Page  string // JSON for the page's script
	Data  any
}

func loadPages(s *Server) (*pages, error) {
	p := &pages{set: map[string]map[string]parsed{}}
	files, err := fs.Glob(ui, "ui/*.html")
	if err != nil {
		return nil, err
	}
	for _, l := range s.Words.Languages() {
		p.set[l.Code] = map[string]parsed{}
		for _, file := range files {
			p.set[l.Code][strings.TrimSuffix(path.Base(file), ".html")] = sync.OnceValues(func() (*template.Template, error) {
				return template.New("").Funcs(s.funcs(l.Code)).ParseFS(ui, "ui/parts/*.html", file)
			})
		}
	}
	return p, nil
}

// write makes one page.
func (p *pages) write(w io.Writer, lang, name string, v view) error {
	known, ok := p.set[lang][name]
	if !ok {
		return fmt.Errorf("web: no page %q in %q", name, lang)
	}
	t, err := known()
	if err != nil {
		return fmt.Errorf("web: parse the page %s: %w", name, err)
	}
	return t.ExecuteTemplate(w, name+".html", v)
}

// funcs are what templates may call, bound to one language.
func (s *Server) funcs(lang string) template.FuncMap {
	return template.FuncMap{
		"t":         func(key string, args ...any) string { return s.Words.Text(lang, key, args...) },
		"say":       func(x agent.Sentence) string { return s.Words.Say(lang, x) },
		"money":     func(m agent.Money) string { return s.moneyIn(lang, m) },
		"less":      func(m agent.Money) string { m.Value = -m.Value; return s.moneyIn(lang, m) },
		"paid":      func(sum, asked agent.Money) string { return s.paidIn(lang, sum, asked) },
		"stamp":     func(t time.Time) string { return s.Words.Stamp(lang, t.In(s.Zone)) },
		"clock":     func(t time.Time) string { return t.In(s.Zone).Format("15:04:05") },
		"day":       func(t time.Time) string { return s.Words.Date(lang, t.In(s.Zone)) },
		"span":      func(d time.Duration) string { return s.Words.Span(lang, d) },
		"because":   func(english string) string { return s.because(lang, english) },
		"asset":     s.assets.url,
		"code":      drawnCode,
		"lane":      s.laneName,
		"wallet":    func(name string) string { return s.Words.Wallet(lang, name) },
		"group":     func(name string) string { return s.groupTitle(lang, name) },
		"reason":    func(d agent.DeviceStatus) string { return s.deviceReason(lang, d) },
		"languages": s.Words.Languages,
		"field":     func(f setupForm, name, kind string) formField { return s.field(lang, f, name, kind) },
		"sub":       func(a, b int64) int64 { return a - b },
		"cents":     func(c agent.Currency, v int64) agent.Money { return agent.Money{Value: v, Currency: c} },
	}
}

// render writes a page. It is built completely first, so that a broken template
// never sends half a page.
func (s *Server) render(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	lang := s.language(r)
	if chosen := r.URL.Query().Get("lang"); chosen != "" && r.Method == http.MethodGet {
		http.SetCookie(w, &http.Cookie{Name: "tillwire-lang", Value: lang, Path: "/", MaxAge: 365 * 24 * 3600, SameSite: http.SameSiteStrictMode})
	}
	s.renderIn(w, r, lang, status, name, v)
}

// renderIn is render in a given language, which is not remembered.
func (s *Server) renderIn(w http.ResponseWriter, r *http.Request, lang string, status int, name string, v view) {
	v.Lang, v.Dir, v.Shop, v.Test, v.Here = lang, s.Words.Dir(lang), s.shop(), s.Test, here(r)
	if c, err := r.Cookie("tillwire-theme"); err == nil && (c.Value == "light" || c.Value == "dark") {
		v.Theme = c.Value
	}
	var out bytes.Buffer
	if err := s.pages.write(&out, v.Lang, name, v); err != nil {
		s.Log.Error("a page could not be made", "comp", "web", "page", name, "err", err)
		http.Error(w, "The page could not be made. The log has the details.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", v.Lang)
	w.Header().Set("Vary", "Cookie, Accept-Language")
	// Only the pages that wait on a slow box: they hold nothing secret and repeat nothing
	// that they were sent, which the length of packed text could give away.
	if name == "register" || name == "display" {
		sendPacked(w, r, status, out.Bytes())
		return
	}
	w.WriteHeader(status)
	_, _ = out.WriteTo(w)
}

// because says in a language why a try did not end something. The queue keeps that in
// English; what is not one of the reasons stays so.
func (s *Server) because(lang, english string) string {
	for _, reason := range agent.Reasons() {
		if say := reason.Say(); say.English == english {
			return s.Words.Say(lang, say)
		}
	}
	return english
}

// here is the address of this page to which a language is added. What was asked for
// besides stays: whoever works at the second register does so in any language. The
// answer to a form has no address of its own.
func here(r *http.Request) string {
	at := r.URL.Path
	switch {
	case at == "/owner/login", at == "/owner/logout":
		at = "/owner"
	case at == "/setup/claim":
		at = "/setup"
	case strings.HasPrefix(at, "/owner/payments/"):
		at = strings.TrimSuffix(strings.TrimSuffix(at, "/refund"), "/write-off")
	case strings.HasPrefix(at, "/owner/people/"):
		at = "/owner/people"
	}
	asked := r.URL.Query()
	asked.Del("lang")
	if len(asked) == 0 {
		return at + "?"
	}
	return at + "?" + asked.Encode() + "&"
}

// pageJSON is the data of a page's script, with the texts the script shows. It
// stands in an attribute, where the template escapes it.
func (s *Server) pageJSON(lang string, data map[string]any) string {
	texts := map[string]any{}
	for _, key := range s.Words.Keys("js.") {
		texts[strings.TrimPrefix(key, "js.")] = s.Words.Script(lang, key)
	}
	data["words"], data["lang"], data["figures"] = texts, lang, s.Words.Figures(lang)
	data["locale"] = lang + "-u-nu-latn" // of times; digits are those of the keyboard in every language
	text, err := json.Marshal(data)
	if err != nil {
		s.Log.Error("a page's data could not be encoded", "comp", "web", "err", err)
		return "{}"
	}
	return string(text)
}

// problem is a page that says what is wrong and where to go.
func (s *Server) problem(w http.ResponseWriter, r *http.Request, err error) {
	lang := s.language(r)
	status := statusOf(err)
	if status >= http.StatusInternalServerError {
		s.Log.Error("a page failed", "comp", "web", "route", r.Pattern, "err", err)
	}
	s.render(w, r, status, "problem", view{Data: s.sentence(lang, err)})
}

func (s *Server) routePages(mux *http.ServeMux) {
	pages := newRouter(mux)
	pages.HandleFunc("GET /assets/", s.assets.ServeHTTP)
	pages.HandleFunc("GET /{$}", s.opened(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/register", http.StatusSeeOther) }))
	pages.HandleFunc("GET /register", s.opened(s.registerPage))
	pages.HandleFunc("GET /receipt/{id}", s.opened(s.receiptPage))
	pages.HandleFunc("GET /shift/{id}", s.opened(s.shiftPage))
	pages.HandleFunc("GET /display/{lane}", s.opened(s.displayPage))
	pages.HandleFunc("GET /display/{lane}/events", s.opened(s.displayEvents))
	pages.HandleFunc("POST /display/{lane}/beat", s.opened(s.displayBeat))
	pages.HandleFunc("GET /display/{lane}/alive", s.opened(s.displayAlive))
	s.routeOwner(pages)
	s.routeSetup(pages)
	pages.refuseOthers(s.problem)
	mux.HandleFunc("/", s.opened(func(w http.ResponseWriter, r *http.Request) {
		s.problem(w, r, fail(agent.NotFound, agent.CodeNotFound, "page.not_found", "There is no such page."))
	}))
}

// opened lets a page be seen once the terminal is set up; before, everything
// leads to the set-up.
func (s *Server) opened(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		closed, err := s.beforeFirstStart(r.Context())
		switch {
		case err != nil:
			s.problem(w, r, err)
		case closed && r.Method == http.MethodGet:
			http.Redirect(w, r, "/setup", http.StatusSeeOther)
		case closed:
			s.respondError(w, r, fail(agent.Unavailable, codeNotSetUp, "error.not_set_up", "This terminal is not set up yet. Open /setup."))
		default:
			next(w, r)
		}
	}
}

// language is what a page is shown in: asked for, chosen before, wanted by the
// browser, or the shop's own.
func (s *Server) language(r *http.Request) string {
	chosen := ""
	if c, err := r.Cookie("tillwire-lang"); err == nil {
		chosen = c.Value
	}
	return s.Words.Match(r.URL.Query().Get("lang"), chosen, r.Header.Get("Accept-Language"), s.Setting(shopLanguage))
}
