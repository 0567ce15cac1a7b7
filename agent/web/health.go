package web

import (
	"net/http"
	"time"
)

func (s *Server) routeHealth(mux *http.ServeMux) {
	health := newRouter(mux)
	health.HandleFunc("GET /livez", s.livez)
	health.HandleFunc("GET /readyz", s.readyz)
	health.HandleFunc("GET /metrics", s.metrics)
	health.refuseOthers(s.respondError)
}

// livez answers as long as requests are answered at all.
func (s *Server) livez(w http.ResponseWriter, _ *http.Request) {
	s.respond(w, http.StatusOK, map[string]any{"status": "ok", "uptime_s": int64((s.Clock.Mono() - s.began) / time.Second)})
}

// readyz answers whether the terminal can sell. What is wrong in detail is for
// this machine only.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	checks := append([]Check{}, s.Ready(r.Context())...)
	closed, err := s.beforeFirstStart(r.Context())
	switch {
	case err != nil:
		checks = append(checks, Check{Name: "store", Detail: "The store cannot be read. See the log."})
	case closed:
		checks = append(checks, Check{Name: "set_up", Detail: "Not set up yet. Open /setup."})
	}
	status, word := http.StatusOK, "ready"
	for _, c := range checks {
		if !c.OK {
			status, word = http.StatusServiceUnavailable, "not ready"
		}
	}
	out := map[string]any{"status": word}
	if loopback(r) {
		out["checks"], out["version"] = checks, s.Version
	}
	s.respond(w, status, out)
}

// metrics are for this machine, or for a caller with a token.
func (s *Server) metrics(w http.ResponseWriter, r *http.Request) {
	c, err := s.identify(r)
	switch {
	case s.Metrics == nil:
		http.NotFound(w, r)
	case provenanceOf(r) == foreign:
		s.respondError(w, r, errOrigin())
	case !loopback(r) && (err != nil || c.till == ""):
		s.respondError(w, r, errUnauthorized())
	default:
		s.Metrics.ServeHTTP(w, r)
	}
}
