package main

import (
	"bytes"
	_ "embed"
	"html/template"
	"maps"
	"net"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

//go:embed page.html.tmpl
var pageText string

//go:embed page.css
var pageStyle []byte

// pageRows is how many terminals the page lists: those with trouble first.
const pageRows = 200

// page serves the fleet at a glance, and the metrics. Nothing can be done on it.
func (o *office) page() http.Handler {
	v := &view{clock: o.clock, service: o.service}
	t := template.Must(template.New("page").Funcs(template.FuncMap{
		"ago":  func(at time.Time) string { return ago(o.clock.Now(), at) },
		"text": eventText, "keys": func(m map[string]int) []string { return slices.Sorted(maps.Keys(m)) },
	}).Parse(pageText))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		overview, err := v.overview(r.Context())
		var rows service.Rows
		f := service.FilterOf(r.URL.Query())
		if err == nil {
			rows, err = o.service.List(r.Context(), f, service.Part{Order: service.ByTrouble, Limit: pageRows})
		}
		if err != nil {
			service.Answer(w, nil, err)
			return
		}
		write(w, t, "fleet", map[string]any{"Overview": overview, "Tally": tallyLine(*rows.Tally), "Rows": rows.Terminals, "More": rows.Tally.Terminals - len(rows.Terminals),
			"Filter": f, "Standings": service.Standings()}, nil)
	})
	mux.HandleFunc("GET /terminal/{tid}", func(w http.ResponseWriter, r *http.Request) {
		tid, err := fleet.ParseTID(r.PathValue("tid"))
		var sheet service.Sheet
		if err == nil {
			sheet, err = o.service.Sheet(r.Context(), tid)
		}
		var text bytes.Buffer
		if err == nil {
			(&screenful{w: &text, now: o.clock.Now(), sheet: sheet}).write()
		}
		write(w, t, "terminal", map[string]any{"Row": sheet.Row, "Text": text.String()}, err)
	})
	mux.HandleFunc("GET /page.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(pageStyle) // the other side is gone when this fails
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(o.meter.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if up, _ := o.service.Connected(); !up {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	return guard(mux)
}

// guard answers only those who mean this machine: a foreign page that lets its own
// name point here gets nothing.
func guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// write renders a page whole or not at all.
func write(w http.ResponseWriter, t *template.Template, name string, data map[string]any, err error) {
	var b bytes.Buffer
	if err == nil {
		err = t.ExecuteTemplate(&b, name, data)
	}
	if err != nil {
		service.Answer(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(b.Bytes()) // the other side is gone when this fails
}
