package web

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"tillwire/agent"
)

// sessionStore keeps who is signed in.
type sessionStore interface {
	SaveSession(ctx context.Context, s agent.Session) error
	Session(ctx context.Context, key []byte) (agent.Session, error)
	DeleteSession(ctx context.Context, key []byte) error
	DeleteSessions(ctx context.Context, person string) error
}

// The cookies. The owner's pages have one of their own, so that the owner may
// look at them in the browser of a register without signing the cashier out.
const (
	registerCookie = "__Host-tillwire"
	ownerCookie    = "__Host-tillwire-owner"
)

// How long a session lasts without and with activity.
const (
	cashierIdle = 3 * time.Minute
	ownerIdle   = 15 * time.Minute
	seenEvery   = time.Minute // how often activity is written down
)

// idleness measures inactivity on the monotonic clock; the store's wall times
// only bridge a restart.
type idleness struct {
	clock agent.Clock
	mu    sync.Mutex
	seen  map[string]time.Duration
	saved map[string]time.Duration
}

func idleLimit(r agent.Role) time.Duration {
	if r == agent.RoleOwner {
		return ownerIdle
	}
	return cashierIdle
}

// over reports whether a session has been idle, or has lasted, for too long. A
// wall clock that went back ends a session rather than stretching it.
func (i *idleness) over(sess agent.Session) bool {
	now := i.clock.Now()
	if age := now.Sub(sess.Created); age > agent.SessionLife || age < -time.Minute {
		return true
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	last, ok := i.seen[string(sess.Key)]
	if !ok {
		away := now.Sub(sess.Seen)
		if away < -time.Minute || away > idleLimit(sess.Role) {
			return true
		}
		i.seen[string(sess.Key)] = i.clock.Mono() - max(away, 0)
		return false
	}
	return i.clock.Mono()-last > idleLimit(sess.Role)
}

// touch notes activity and reports whether it should be written down now.
func (i *idleness) touch(key []byte) (save bool) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.clock.Mono()
	i.seen[string(key)] = now
	last, ok := i.saved[string(key)]
	if ok && now-last < seenEvery {
		return false
	}
	i.saved[string(key)] = now
	return ok
}

func (i *idleness) forget(key []byte) {
	i.mu.Lock()
	defer i.mu.Unlock()
	delete(i.seen, string(key))
	delete(i.saved, string(key))
}

// signIn begins a session under a new id; one that the browser brought along is
// ended, so that an id fixed beforehand is worth nothing.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request, p agent.Person, cookie string) error {
	s.signOut(w, r, cookie)
	value, now := newCookie(), s.Clock.Now()
	sess := agent.Session{Key: keyOf(value), Person: p.ID, Role: p.Role, Created: now, Seen: now}
	if err := s.Store.SaveSession(r.Context(), sess); err != nil {
		return err
	}
	s.idle.touch(sess.Key)
	http.SetCookie(w, &http.Cookie{Name: cookie, Value: value, Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
	return nil
}

// signOut ends the session of the request, if it has one.
func (s *Server) signOut(w http.ResponseWriter, r *http.Request, cookie string) {
	c, err := r.Cookie(cookie)
	if err != nil {
		return
	}
	key := keyOf(c.Value)
	s.idle.forget(key)
	if err := s.Store.DeleteSession(r.Context(), key); err != nil {
		s.Log.Error("a session could not be ended", "comp", "web", "err", err)
	}
	http.SetCookie(w, &http.Cookie{Name: cookie, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true, SameSite: http.SameSiteStrictMode})
}

// newCookie is the value of a cookie that nobody can guess.
func newCookie() string {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // crypto/rand does not fail; it ends the program instead
	return base64.RawURLEncoding.EncodeToString(secret)
}

func keyOf(cookie string) []byte {
	sum := sha256.Sum256([]byte(cookie))
	return sum[:]
}

// signedIn finds the session of a request and its person. It ends sessions that
// are over, and those of people who are disabled or changed their role.
func (s *Server) signedIn(r *http.Request, cookie string) (agent.Session, agent.Person, bool) {
	c, err := r.Cookie(cookie)
	if err != nil || c.Value == "" {
		return agent.Session{}, agent.Person{}, false
	}
	return s.resume(r.Context(), keyOf(c.Value))
}

func (s *Server) resume(ctx context.Context, key []byte) (agent.Session, agent.Person, bool) {
	sess, err := s.Store.Session(ctx, key)
	if err != nil {
		return sess, agent.Person{}, false
	}
	p, err := s.Store.Person(ctx, sess.Person)
	if err != nil || p.Disabled || p.Role != sess.Role || s.idle.over(sess) {
		s.idle.forget(key)
		if err := s.Store.DeleteSession(context.WithoutCancel(ctx), key); err != nil {
			s.Log.Error("a session could not be ended", "comp", "web", "err", err)
		}
		return sess, p, false
	}
	return sess, p, true
}

// active notes that somebody used the session.
func (s *Server) active(ctx context.Context, sess agent.Session) {
	if !s.idle.touch(sess.Key) {
		return
	}
	sess.Seen = s.Clock.Now()
	if err := s.Store.SaveSession(context.WithoutCancel(ctx), sess); err != nil {
		s.Log.Warn("a session's activity could not be written down", "comp", "web", "err", err)
	}
}
