package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"math/big"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tillwire/agent"
)

// The claim code shows that whoever sets the terminal up stands in front of it.
const (
	claimLetters = "ACDEFGHJKLMNPQRTWXY34679" // none that look or sound alike in print
	claimLength  = 8
	claimLife    = 10 * time.Minute
	claimTries   = 5
	claimSession = 30 * time.Minute // to fill in the form
)

// claim guards the first start: a code that lives ten minutes, is used once, and
// is replaced after five wrong tries.
type claim struct {
	setup *FirstStart
	clock agent.Clock

	owned atomic.Bool // an owner was found; never looked up again

	mu      sync.Mutex
	code    string
	born    time.Duration
	wrong   int
	session string        // who entered the code; empty when nobody has
	until   time.Duration // end of that session
}

func newClaim(setup *FirstStart, clock agent.Clock) *claim {
	return &claim{setup: setup, clock: clock}
}

// owned reports whether the store has an owner, which is what ends the first
// start for good.
func (s *Server) owned(ctx context.Context) (bool, error) {
	if s.claim == nil || s.claim.owned.Load() {
		return true, nil
	}
	all, err := s.Store.People(ctx)
	if err != nil {
		return false, err
	}
	for _, p := range all {
		if p.Role == agent.RoleOwner && !p.Disabled {
			s.claim.owned.Store(true)
			return true, nil
		}
	}
	return false, nil
}

// beforeFirstStart holds while nothing but /setup may work.
func (s *Server) beforeFirstStart(ctx context.Context) (bool, error) {
	owned, err := s.owned(ctx)
	return !owned, err
}

// renew makes a new code and has it printed.
func (c *claim) renew() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.renewLocked()
}

func (c *claim) renewLocked() {
	c.code, c.born, c.wrong = drawnLetters(), c.clock.Mono(), 0
	c.setup.Claim(spelled(c.code))
}

// drawnLetters is a new code that a person carries from one screen to another.
func drawnLetters() string {
	var b strings.Builder
	for range claimLength {
		// crypto/rand does not fail; it ends the program instead.
		n, _ := rand.Int(rand.Reader, big.NewInt(int64(len(claimLetters))))
		b.WriteByte(claimLetters[n.Int64()])
	}
	return b.String()
}

// spelled is a code as people see it, and unspelled what they made of it.
func spelled(code string) string { return code[:4] + "-" + code[4:] }

func unspelled(typed string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(typed))
}

// fresh prints a new code when the last one is too old or used; it is called
// when somebody opens the page.
func (c *claim) fresh() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.code == "" || c.clock.Mono()-c.born > claimLife {
		c.renewLocked()
	}
}

// enter takes a code and, when it is right, answers the secret of the set-up
// session.
func (c *claim) enter(text string) (session string, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	typed := unspelled(text)
	switch {
	case c.code == "" || c.clock.Mono()-c.born > claimLife:
		c.renewLocked()
		return "", false
	case subtle.ConstantTimeCompare([]byte(typed), []byte(c.code)) != 1:
		if c.wrong++; c.wrong >= claimTries {
			c.renewLocked()
		}
		return "", false
	}
	c.code, c.session, c.until = "", newCookie(), c.clock.Mono()+claimSession
	return c.session, true
}

// entered reports whether a session secret is the one that entered the code.
func (c *claim) entered(session string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.session != "" && c.clock.Mono() < c.until && subtle.ConstantTimeCompare([]byte(session), []byte(c.session)) == 1
}

// end closes the set-up for good.
func (c *claim) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.session = ""
	c.owned.Store(true)
}
