package web

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
)

// policy is the content security policy of every answer. Nothing may be framed,
// fetched from elsewhere or run inline, and scripts cannot write markup
// (Trusted Types).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"

// guard is what every request passes before it is looked at: the host it was
// sent to, the size it may have, the site it comes from. ours says which hosts are.
func (s *Server) guard(next http.Handler, ours func(*http.Request) bool) http.Handler {
	cross := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		harden(w.Header())
		if !ours(r) {
			// A name that is not ours on our address is DNS rebinding: say nothing.
			s.audits.rarely(r.Context(), agent.Audit{Actor: "network", Action: "host_refused", Object: clip(r.Host)})
			w.WriteHeader(http.StatusMisdirectedRequest)
			return
		}
		limit := int64(maxBody)
		if r.URL.Path == "/setup" {
			limit = maxForm
		}
		r.Body = http.MaxBytesReader(w, r.Body, limit)
		if err := cross.Check(r); err != nil {
			s.audits.rarely(r.Context(), agent.Audit{Actor: "network", Action: "origin_refused", Object: clip(r.URL.Path)})
			s.respondError(w, r, errOrigin())
			return
		}
		next.ServeHTTP(w, r)
	})
}

func errOrigin() error {
	return fail(agent.Forbidden, codeOrigin, "error.origin", "This call was made from another site and is refused.")
}

func harden(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), usb=(), serial=(), payment=()")
	h.Set("Cache-Control", "no-store")
}

// ownHost holds for loopback's names and the configured ones, with any port.
func (s *Server) ownHost(r *http.Request) bool {
	host := r.Host
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	if name == "localhost" || name == "127.0.0.1" || name == "::1" {
		return true
	}
	return name != "" && slices.ContainsFunc(s.Hosts, func(h string) bool { return strings.EqualFold(h, name) || strings.EqualFold(h, host) })
}

// provenance is where a request says it comes from.
type provenance int

const (
	silent  provenance = iota // neither header: not a browser, or a very old one
	own                       // our own pages, or the address line
	foreign                   // another site or another port
)

// provenanceOf believes Sec-Fetch-Site first: no page can forge it, and under our
// own referrer policy a browser writes "null" for the origin of a form.
func provenanceOf(r *http.Request) provenance {
	site, origin := r.Header.Get("Sec-Fetch-Site"), r.Header.Get("Origin")
	switch {
	case site == "" && origin == "":
		return silent
	case site != "" && site != "same-origin" && site != "none":
		return foreign
	case origin == "" || site != "" && origin == "null":
		return own
	}
	if u, err := url.Parse(origin); err != nil || u.Host != r.Host {
		return foreign
	}
	return own
}

// loopback holds for a request from this machine.
func loopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// clip shortens what a stranger sent before it is kept.
func clip(text string) string {
	if len(text) > 80 {
		text = text[:80]
	}
	return strings.ToValidUTF8(text, "?")
}

// rareness is how often one kind of refusal is written to the audit trail: an
// attacker must not be able to fill the disk with it.
const rareness = time.Minute
