package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"tillwire/agent"
)

// caller is who makes a call.
type caller struct {
	till    string // name of the token; empty for people
	person  agent.Person
	session agent.Session
}

// client names the caller in payments and records.
func (c caller) client() string {
	if c.till != "" {
		return "till:" + c.till
	}
	return "person:" + c.person.ID
}

// need is what a call asks of its caller.
type need int

const (
	anyone    need = iota
	reader         // a till or anyone signed in
	cashier        // somebody signed in
	manager        // a manager or the owner
	approving      // a till or somebody signed in; the PIN in the call is the authority
)

func (n need) allows(c caller) bool {
	switch n {
	case anyone:
		return true
	case reader, approving:
		return c.till != "" || c.person.ID != ""
	case cashier:
		return c.person.ID != ""
	case manager:
		return c.person.Role == agent.RoleManager || c.person.Role == agent.RoleOwner
	}
	return false
}

// identify finds out who calls. A bearer token counts before a session; without
// the headers that every browser sends only a token counts, because a session
// cookie alone does not show that our own page made the call.
func (s *Server) identify(r *http.Request) (caller, error) {
	where := provenanceOf(r)
	if where == foreign {
		return caller{}, errOrigin()
	}
	if header := r.Header.Get("Authorization"); header != "" {
		secret, ok := strings.CutPrefix(header, "Bearer ")
		if name := s.till(strings.TrimSpace(secret)); ok && name != "" {
			return caller{till: name}, nil
		}
		return caller{}, errUnauthorized()
	}
	cookies := []string{registerCookie, ownerCookie}
	if stationOf(r) != "" {
		// The register opens for a PIN and locks when nobody is at it. An owner who looks at the
		// own pages in the same browser must neither open it nor be kept signed in by it.
		cookies = cookies[:1]
	}
	for _, cookie := range cookies {
		sess, p, ok := s.signedIn(r, cookie)
		if !ok {
			continue
		}
		if where == silent {
			return caller{}, errOrigin()
		}
		return caller{person: p, session: sess}, nil
	}
	return caller{}, nil
}

// till finds the token's name. Every token is compared, and as a digest, so that
// the time tells nothing.
func (s *Server) till(secret string) (name string) {
	got := sha256.Sum256([]byte(secret))
	for n, token := range s.Tokens {
		want := sha256.Sum256([]byte(token))
		if subtle.ConstantTimeCompare(got[:], want[:]) == 1 && token != "" {
			name = n
		}
	}
	return name
}

func errUnauthorized() error {
	return fail(agent.Forbidden, codeUnauthorized, "error.unauthorized", "Sign in, or send the till's bearer token.")
}

func errForbidden() error {
	return fail(agent.Forbidden, codeForbidden, "error.forbidden", "You may not do this. Ask a manager.")
}

// admit lets a caller in or says why not. A person who tries what the role does
// not allow is written down.
func (s *Server) admit(r *http.Request, n need) (caller, error) {
	c, err := s.identify(r)
	if err != nil {
		return c, err
	}
	if n == anyone && c.till == "" && provenanceOf(r) == silent {
		return c, errOrigin()
	}
	if n.allows(c) {
		return c, nil
	}
	if c.till == "" && c.person.ID == "" {
		return c, errUnauthorized()
	}
	s.audits.rarely(r.Context(), agent.Audit{Actor: c.client(), Action: "refused", Object: r.Pattern})
	return c, errForbidden()
}
