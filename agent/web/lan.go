package web

import (
	"crypto/tls"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"tillwire/agent"
)

// lanCiphers are those of TLS 1.2 that the shop's network may use: forward secret and
// authenticated. TLS 1.3 has no others.
var lanCiphers = []uint16{
	tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
}

// LAN returns a server for the shop's network: the same pages behind TLS, for paired devices
// and tills with a token alone. certificate gives the terminal's own. Serve it with ServeTLS.
//
// It ends by Close: a device that is shut out must not keep a stream.
func (s *Server) LAN(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)) *http.Server {
	h := limited(s.lanHandler())
	h.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12, CipherSuites: lanCiphers, GetCertificate: certificate, NextProtos: []string{"http/1.1"}}
	// One way to speak, the same that the tests of the pages know from the counter.
	h.Protocols = new(http.Protocols)
	h.Protocols.SetHTTP1(true)
	// Every device whose browser does not know the certificate yet fails once: no news.
	h.ErrorLog = slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug)
	return h
}

func (s *Server) lanHandler() http.Handler {
	mux := s.routes()
	pairing := newRouter(mux)
	pairing.HandleFunc("GET /pair", s.pairPage)
	pairing.HandleFunc("POST /pair", s.pairDevice)
	pairing.refuseOthers(s.problem)
	return s.guard(s.pairedOnly(mux), s.ownAddress)
}

// ownAddress holds for the names that the pages have on this machine, and for the address at
// which the request came in: a name that leads there from elsewhere is DNS rebinding.
func (s *Server) ownAddress(r *http.Request) bool {
	if s.ownHost(r) {
		return true
	}
	at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	name, _, err := net.SplitHostPort(r.Host)
	if err != nil {
		name = r.Host
	}
	ip := net.ParseIP(strings.Trim(name, "[]"))
	return ok && ip != nil && ip.Equal(at.IP)
}

// pairedOnly shows devices that nobody has let in the way to be let in, and nothing else. A
// till's token is a pairing of its own: the owner has put it on both machines.
func (s *Server) pairedOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/pair" || strings.HasPrefix(r.URL.Path, "/assets/") {
			next.ServeHTTP(w, r)
			return
		}
		program := strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == "/nexo"
		if secret, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok && program && s.till(strings.TrimSpace(secret)) != "" {
			next.ServeHTTP(w, r)
			return
		}
		in, leave, err := s.paired.enter(r)
		switch {
		case err == nil:
			defer leave()
			next.ServeHTTP(w, in)
		case agent.CodeOf(err) == codeNotPaired && r.Method == http.MethodGet && !program:
			http.Redirect(w, r, "/pair", http.StatusSeeOther)
		default:
			s.respondError(w, r, err)
		}
	})
}

// pairData is the page on which a device is let in.
type pairData struct{ Name, Wrong string }

func (s *Server) pairPage(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, http.StatusOK, "pair", view{Data: pairData{}})
}

func (s *Server) pairDevice(w http.ResponseWriter, r *http.Request) {
	if provenanceOf(r) != own {
		s.problem(w, r, errOrigin())
		return
	}
	name := strings.TrimSpace(r.PostFormValue("name"))
	secret, d, err := s.paired.pair(r.Context(), r.PostFormValue("code"), name)
	if err != nil {
		s.audits.rarely(r.Context(), agent.Audit{Actor: "network", Action: "pair_refused", Object: clip(name)})
		s.render(w, r, statusOf(err), "pair", view{Data: pairData{name, s.sentence(s.language(r), err)}})
		return
	}
	s.audits.note(r.Context(), agent.Audit{Actor: d.By, Action: "device_paired", Object: d.Name})
	http.SetCookie(w, &http.Cookie{Name: pairedCookie, Value: secret, Path: "/", MaxAge: int(pairedFor.Seconds()), Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/register", http.StatusSeeOther)
}

// LANDoor is how the pages stand open to the shop's network.
type LANDoor struct {
	On        bool     // the owner wants it
	Addresses []string // where the pages answer, "https://192.168.1.5:8483"; empty while they do not
	Print     string   // SHA-256 of the certificate, as browsers show it: "AB:CD:…"
	Trouble   string   // why they do not answer, in English; empty when nothing is wrong
}

// lanData is the owner's page about the devices of the network.
type lanData struct {
	LANDoor
	Devices []pairedDevice
	Actor   func(string) string
	Code    string // for the next device; empty when none is waited for
	Left    string // how long it counts
	Wrong   string
}

// Pair is where a device is let in; empty while the door is shut.
func (d lanData) Pair() string {
	if len(d.Addresses) == 0 {
		return ""
	}
	return d.Addresses[0] + "/pair"
}

func (s *Server) ownerLAN(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	return s.lanPage(w, r, me, http.StatusOK, "")
}

func (s *Server) lanPage(w http.ResponseWriter, r *http.Request, me agent.Person, status int, wrong string) error {
	list, err := s.paired.devices(r.Context())
	if err != nil {
		return err
	}
	d := lanData{LANDoor: s.Options.LAN(), Devices: list, Actor: s.actors(r.Context()), Wrong: wrong}
	if code, left := s.paired.expected(); len(d.Addresses) > 0 && code != "" {
		d.Code, d.Left = code, s.Words.Span(s.language(r), left)
	}
	s.render(w, r, status, "owner_lan", ownerView("devices", me, d))
	return nil
}

// changeLAN makes a code for a device, withdraws it, or shuts a device out.
func (s *Server) changeLAN(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	actor := "person:" + me.ID
	switch r.PostFormValue("do") {
	case "expect":
		if len(s.Options.LAN().Addresses) == 0 {
			break // it was shut meanwhile; the page says so
		}
		s.paired.expect(actor)
		s.audits.note(r.Context(), agent.Audit{Actor: actor, Action: "pair_code", Object: "network"})
	case "forget":
		s.paired.forget()
	case "remove":
		gone, err := s.paired.remove(r.Context(), r.PostFormValue("device"))
		if err != nil {
			return s.lanPage(w, r, me, statusOf(err), s.sentence(s.language(r), err))
		}
		s.audits.note(r.Context(), agent.Audit{Actor: actor, Action: "device_unpaired", Object: gone.Name})
	default:
		return unreadable("There is no such change.")
	}
	http.Redirect(w, r, "/owner/lan", http.StatusSeeOther)
	return nil
}
