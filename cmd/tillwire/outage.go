package main

import (
	"context"
	"encoding/json"
	"errors"
	"html/template"
	"net/http"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/words"
)

// outOfService answers in place of the agent while nothing can be recorded: the
// pages say why and what to do, the API refuses with 503. It looks every few
// seconds whether the agent can start after all.
func (h *host) outOfService(ctx context.Context, c config, list []agent.Problem) error {
	for i := range list {
		if list[i].Since.IsZero() {
			list[i].Since = h.app.clock.Now()
		}
	}
	if h.said != list[0].What {
		// Once, not every few seconds: the log of a full disk must not fill it.
		h.said = list[0].What
		for _, p := range list {
			h.log.Error(p.What, "comp", "tillwire", "code", "out_of_service", "do", p.Do)
		}
	}
	door, err := h.door()
	if err != nil {
		return err
	}
	say, err := words.New()
	if err != nil {
		return err
	}
	server := &http.Server{Handler: outage{list, c.Terminal.Shop, c.Terminal.Language, say}, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(door) }() // ends with Close below
	h.systemd.ready("not selling: " + list[0].What)
	select {
	case <-ctx.Done():
		return server.Close()
	case <-h.app.clock.After(h.app.retry):
		return errors.Join(server.Close(), errAgain)
	}
}

// outage is the page and the API of a terminal that cannot sell.
type outage struct {
	problems []agent.Problem
	shop     string
	language string // of the configuration
	words    *words.Words
}

// in is what the page says in a language.
func (o outage) in(lang string) map[string]any {
	type trouble struct{ What, Do string }
	list := make([]trouble, 0, len(o.problems))
	for _, p := range o.problems {
		what, do := p.Says()
		list = append(list, trouble{o.words.Say(lang, what), o.words.Say(lang, do)})
	}
	return map[string]any{"Lang": lang, "Dir": o.words.Dir(lang), "Problems": list, "Title": o.words.Text(lang, "outage.title"),
		"Hint": o.words.Text(lang, "outage.hint", o.shop), "Again": o.words.Text(lang, "outage.again")}
}

// ServeHTTP implements http.Handler.
func (o outage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	switch {
	case r.URL.Path == "/livez":
		o.json(w, http.StatusOK, map[string]any{"status": "ok"})
	case r.URL.Path == "/readyz":
		o.json(w, http.StatusServiceUnavailable, map[string]any{"status": "not ready", "problems": o.problems})
	case strings.HasPrefix(r.URL.Path, "/api/"):
		o.json(w, http.StatusServiceUnavailable, map[string]any{"code": agent.CodeNotWritable, "say": o.problems[0].What + " " + o.problems[0].Do, "problems": o.problems})
	default:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(http.StatusServiceUnavailable)
		page, err := template.New("outage").Parse(outagePage)
		if err == nil {
			_ = page.Execute(w, o.in(o.spoken(r))) // the browser is gone when this fails
		}
	}
}

// spoken is the language of a page. A customer's display speaks the shop's: what its browser
// wishes is nobody's wish.
func (o outage) spoken(r *http.Request) string {
	chosen, wish := r.URL.Query().Get("lang"), r.Header.Get("Accept-Language")
	if strings.HasPrefix(r.URL.Path, "/display/") {
		wish = ""
	}
	return o.words.Match(chosen, wish, o.language)
}

func (outage) json(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller is gone when this fails
}

// outagePage reloads itself, so that a screen in the shop comes back alone.
const outagePage = `<!doctype html>
<html lang="{{.Lang}}" dir="{{.Dir}}"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width"><title>{{.Title}}</title>
<style>
body { font: 1.25rem/1.5 system-ui, sans-serif; margin: 10vh auto; max-width: 40rem; padding: 0 1rem; color: #222; background: #fff }
h1 { font-size: 2rem } .do { border-inline-start: .3rem solid #b45309; padding-inline-start: 1rem }
</style></head><body>
<h1>{{.Title}}</h1>
<p>{{.Hint}}</p>
{{range .Problems}}<p>{{.What}}</p><p class="do">{{.Do}}</p>{{end}}
<p>{{.Again}}</p>
</body></html>
`
