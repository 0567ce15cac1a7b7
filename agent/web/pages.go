package web

import (
	"html/template"
	"net/http"
)

type pages struct{ set map[string]*template.Template }

func loadPages(s *Server) (*pages, error) { return &pages{}, nil }

func (s *Server) routePages(mux *http.ServeMux) {
	mux.Handle("GET /assets/", s.assets)
	mux.HandleFunc("GET /display/{lane}/events", s.displayEvents)
	mux.HandleFunc("POST /display/{lane}/beat", s.displayBeat)
}

// language is what a page is shown in: asked for, chosen before, wanted by the
// browser, or the shop's own.
func (s *Server) language(r *http.Request) string {
	chosen := ""
	if c, err := r.Cookie("tillwire-lang"); err == nil {
		chosen = c.Value
	}
	return s.Words.Match(r.URL.Query().Get("lang"), chosen, r.Header.Get("Accept-Language"), s.Setting("shop.language"))
}
