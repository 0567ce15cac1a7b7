package web

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"tillwire/agent"
)

// people is the store of those who may sign in. Person.Locked is what is left of a
// lock-out when it is read; it survives a restart and no clock shortens it.
type people interface {
	People(ctx context.Context) ([]agent.Person, error)
	Person(ctx context.Context, id string) (agent.Person, error)
	SavePerson(ctx context.Context, p agent.Person) error
	// SaveTries records wrong tries in a row and how long they lock out from now on.
	SaveTries(ctx context.Context, id string, failures int, locked time.Duration) error
}

// secrets turns PINs and passwords into what is stored, and compares them. Both
// are slow on purpose. Verify with nothing stored takes as long and answers false.
type secrets interface {
	Hash(ctx context.Context, secret string) (string, error)
	Verify(ctx context.Context, stored, secret string) (bool, error)
}

// The limits on guessing. Below freeTries nothing happens; then the wait
// doubles; from lockTries on only half an hour or a manager helps.
const (
	freeTries = 5
	lockTries = 10
	firstWait = 30 * time.Second
	longWait  = 30 * time.Minute

	sprayWindow = 5 * time.Minute // wrong tries of all people together …
	sprayTries  = 10              // … above which every further try …
	sprayPause  = 5 * time.Second // … must keep this distance
)

// gate checks PINs and passwords. Everything waits for one lock: the hash costs
// memory on purpose, and counting must not be raced.
type gate struct {
	store   people
	clock   agent.Clock
	secrets secrets

	mu     sync.Mutex
	lost   map[string]tries // what the store could not take
	misses []time.Duration  // wrong tries on the whole terminal
}

// tries are wrong tries in a row that are only known here: a store that cannot
// write must not give endless tries.
type tries struct {
	failures int
	until    time.Duration // Clock.Mono at which the lock-out ends
}

func newGate(store people, clock agent.Clock, secrets secrets) *gate {
	return &gate{store: store, clock: clock, secrets: secrets, lost: map[string]tries{}}
}

// lockFor is the wait after so many wrong tries in a row.
func lockFor(failures int) time.Duration {
	switch {
	case failures < freeTries:
		return 0
	case failures >= lockTries:
		return longWait
	}
	return firstWait << (failures - freeTries)
}

func errSignIn() error {
	return fail(agent.Forbidden, codeSignIn, "error.sign_in", "That is not right. Try again.")
}

func errLocked(wait time.Duration) error {
	return waiting{fail(agent.Forbidden, codeLocked, "error.locked", "Too many wrong tries. Wait, or ask a manager to unlock."), wait}
}

// check signs one person in by PIN or password. Unknown and wrong look alike.
func (g *gate) check(ctx context.Context, id, secret string, roles ...agent.Role) (agent.Person, error) {
	return g.checkAlso(ctx, id, secret, nil, roles...)
}

// checkAlso is check where something more than the secret must hold: without it the try
// was as wrong as any other.
func (g *gate) checkAlso(ctx context.Context, id, secret string, also func(agent.Person) (bool, error), roles ...agent.Role) (agent.Person, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.throttled(); err != nil {
		return agent.Person{}, err
	}
	p, err := g.store.Person(ctx, id)
	if err != nil && agent.ClassOf(err) != agent.NotFound {
		return p, err
	}
	if err != nil || p.Disabled || !slices.Contains(roles, p.Role) {
		g.pretend(ctx, secret)
		return agent.Person{}, errSignIn()
	}
	return g.try(ctx, []agent.Person{p}, secret, also)
}

// authority finds the person of one of the roles whose secret this is, for a
// step that a PIN alone approves. A wrong PIN counts against all of them.
func (g *gate) authority(ctx context.Context, secret string, roles ...agent.Role) (agent.Person, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.throttled(); err != nil {
		return agent.Person{}, err
	}
	all, err := g.store.People(ctx)
	if err != nil {
		return agent.Person{}, err
	}
	var candidates []agent.Person
	for _, p := range all {
		// A PIN has six digits and a password at least twelve characters: one
		// can never be the other, so neither counts against its owner.
		if !p.Disabled && slices.Contains(roles, p.Role) && agent.IsPIN(secret) == (p.Role != agent.RoleOwner) {
			candidates = append(candidates, p)
		}
	}
	if len(candidates) == 0 {
		g.pretend(ctx, secret)
		return agent.Person{}, errSignIn()
	}
	return g.try(ctx, candidates, secret, nil)
}

// try verifies the secret for each candidate that is not locked out.
func (g *gate) try(ctx context.Context, candidates []agent.Person, secret string, also func(agent.Person) (bool, error)) (agent.Person, error) {
	var free []agent.Person
	wait := longWait
	for _, p := range candidates {
		if left := g.remaining(p); left > 0 {
			wait = min(wait, left)
			continue
		}
		free = append(free, p)
	}
	if len(free) == 0 {
		return agent.Person{}, errLocked(wait)
	}
	for _, p := range free {
		// A caller that hangs up meanwhile must not get a try for nothing.
		right, err := g.secrets.Verify(context.WithoutCancel(ctx), p.Secret, secret)
		if err != nil {
			return agent.Person{}, fmt.Errorf("check the secret of %s: %w", p.ID, err)
		}
		if right && also != nil {
			if right, err = also(p); err != nil {
				return agent.Person{}, err
			}
		}
		if !right {
			continue
		}
		if g.failures(p) > 0 || p.Locked > 0 {
			p.Failures, p.Locked = 0, 0
			if err := g.forgive(ctx, p.ID); err != nil {
				return agent.Person{}, err
			}
		}
		return p, nil
	}
	for _, p := range free {
		if err := g.wrong(ctx, p); err != nil {
			return agent.Person{}, err
		}
	}
	g.missed()
	return agent.Person{}, errSignIn()
}

// wrong counts a wrong try.
func (g *gate) wrong(ctx context.Context, p agent.Person) error {
	failures := g.failures(p) + 1
	wait := lockFor(failures)
	if err := g.store.SaveTries(context.WithoutCancel(ctx), p.ID, failures, wait); err != nil {
		g.lost[p.ID] = tries{failures, g.clock.Mono() + wait}
		return err
	}
	delete(g.lost, p.ID)
	return nil
}

func (g *gate) failures(p agent.Person) int { return max(p.Failures, g.lost[p.ID].failures) }

// remaining is the lock-out still to sit out, in running time.
func (g *gate) remaining(p agent.Person) time.Duration {
	if lost, here := g.lost[p.ID]; here {
		return max(p.Locked, lost.until-g.clock.Mono())
	}
	return p.Locked
}

// locked is how long a person must still wait, for lists.
func (g *gate) locked(p agent.Person) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.remaining(p)
}

// unlock forgives a person's wrong tries.
func (g *gate) unlock(ctx context.Context, id string) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, err := g.store.Person(ctx, id); err != nil {
		return err
	}
	return g.forgive(ctx, id)
}

func (g *gate) forgive(ctx context.Context, id string) error {
	if err := g.store.SaveTries(ctx, id, 0, 0); err != nil {
		return err
	}
	delete(g.lost, id)
	return nil
}

// change edits a person while no try is being counted, so that neither write
// undoes the other.
func (g *gate) change(ctx context.Context, id string, edit func(*agent.Person)) (agent.Person, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	p, err := g.store.Person(ctx, id)
	if err != nil {
		return p, err
	}
	edit(&p)
	return p, g.store.SavePerson(ctx, p)
}

// taken reports whether a PIN already belongs to somebody: a PIN alone must say
// who approved.
func (g *gate) taken(ctx context.Context, pin, except string) (bool, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	all, err := g.store.People(ctx)
	if err != nil {
		return false, err
	}
	for _, p := range all {
		if p.ID == except || p.Role == agent.RoleOwner {
			continue
		}
		if same, err := g.secrets.Verify(ctx, p.Secret, pin); same || err != nil {
			return same, err
		}
	}
	return false, nil
}

// pretend spends the time of a real check, so that an unknown name takes as long
// as a wrong PIN.
func (g *gate) pretend(ctx context.Context, secret string) {
	_, _ = g.secrets.Verify(context.WithoutCancel(ctx), "", secret)
	g.missed()
}

func (g *gate) missed() {
	now := g.clock.Mono()
	g.misses = append(slices.DeleteFunc(g.misses, func(at time.Duration) bool { return now-at > sprayWindow }), now)
	if len(g.misses) > 2*sprayTries {
		g.misses = g.misses[len(g.misses)-2*sprayTries:]
	}
}

// throttled slows everybody down once wrong tries come from everywhere: one try
// for each of many people locks nobody out.
func (g *gate) throttled() error {
	now := g.clock.Mono()
	recent := 0
	for _, at := range g.misses {
		if now-at <= sprayWindow {
			recent++
		}
	}
	if recent < sprayTries {
		return nil
	}
	if left := sprayPause - (now - g.misses[len(g.misses)-1]); left > 0 {
		return waiting{fail(agent.Forbidden, codeThrottled, "error.throttled", "Too many wrong tries on this terminal. Wait a few seconds."), left}
	}
	return nil
}
