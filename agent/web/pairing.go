package web

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"tillwire/agent"
)

// keeper keeps small texts by name.
type keeper interface {
	// Kept is nil when there is none.
	Kept(ctx context.Context, name string) ([]byte, error)
	Keep(ctx context.Context, name string, text []byte) error
}

const (
	pairedCookie = "__Host-tillwire-paired"
	pairedKept   = "paired"             // what the store calls the list
	pairedMost   = 32                   // devices
	pairedFor    = 400 * 24 * time.Hour // no browser keeps a cookie for longer
)

// codeNotPaired is what a device of the network is told that the owner has not let in.
const codeNotPaired = "not_paired"

// pairedDevice is a tablet or phone that the owner has let in.
type pairedDevice struct {
	ID   string    `json:"id"`
	Name string    `json:"name"`
	Key  []byte    `json:"key"` // SHA-256 of its cookie; the cookie itself is never stored
	At   time.Time `json:"at"`
	By   string    `json:"by"` // "person:…", whose code it was
}

// pairings are the devices of the shop's network that may see the pages. A pairing only opens
// the door: whoever stands behind it signs in as at the counter.
type pairings struct {
	store keeper
	clock agent.Clock

	mu     sync.Mutex
	list   []pairedDevice
	read   bool                // list is the store's
	visits map[*visit]struct{} // requests under way

	code  string // for the next device; "" when none is waited for
	by    string // whose code it is
	born  time.Duration
	wrong int
}

// visit is a request of a paired device; it ends with the pairing.
type visit struct {
	device string
	end    context.CancelFunc
}

func newPairings(store keeper, clock agent.Clock) *pairings {
	return &pairings{store: store, clock: clock, visits: map[*visit]struct{}{}}
}

// devices lists those that are let in, the latest first.
func (p *pairings) devices(ctx context.Context) ([]pairedDevice, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.load(ctx); err != nil {
		return nil, err
	}
	list := slices.Clone(p.list)
	slices.Reverse(list)
	return list, nil
}

func (p *pairings) load(ctx context.Context) error {
	if p.read {
		return nil
	}
	text, err := p.store.Kept(ctx, pairedKept)
	if err != nil {
		return fmt.Errorf("read the paired devices: %w", err)
	}
	var list []pairedDevice
	if text != nil {
		if err := json.Unmarshal(text, &list); err != nil {
			return fmt.Errorf("the list of paired devices cannot be read: %w", err)
		}
	}
	p.list, p.read = list, true
	return nil
}

func (p *pairings) save(ctx context.Context, list []pairedDevice) error {
	text, err := json.Marshal(list)
	if err == nil {
		err = p.store.Keep(context.WithoutCancel(ctx), pairedKept, text)
	}
	if err != nil {
		return fmt.Errorf("save the paired devices: %w", err)
	}
	p.list = list
	return nil
}

// expect makes a new code for one device, in place of the last.
func (p *pairings) expect(by string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.code, p.by, p.born, p.wrong = drawnLetters(), by, p.clock.Mono(), 0
}

// forget withdraws the code.
func (p *pairings) forget() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.code = ""
}

// expected is the code and how long it still counts; "" when there is none.
func (p *pairings) expected() (code string, left time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.waits() {
		return "", 0
	}
	return spelled(p.code), claimLife - (p.clock.Mono() - p.born)
}

// waits reports whether a code counts, and drops one that is too old.
func (p *pairings) waits() bool {
	if p.clock.Mono()-p.born > claimLife {
		p.code = ""
	}
	return p.code != ""
}

func errPairCode() error {
	return fail(agent.Forbidden, codeForbidden, "error.pair_code", "This code is not right, or does not count any more. Ask for a new one on the owner's page.")
}

// pair lets a device in that brings the code, and answers the secret of its cookie. A code
// serves one device and is gone after a few wrong tries: a new one needs the owner.
func (p *pairings) pair(ctx context.Context, typed, name string) (secret string, d pairedDevice, err error) {
	if err := agent.CheckName(name); err != nil {
		return "", d, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.waits() {
		return "", d, errPairCode()
	}
	if subtle.ConstantTimeCompare([]byte(unspelled(typed)), []byte(p.code)) != 1 {
		if p.wrong++; p.wrong >= claimTries {
			p.code = ""
		}
		return "", d, errPairCode()
	}
	if err := p.load(ctx); err != nil {
		return "", d, err
	}
	if len(p.list) >= pairedMost {
		return "", d, fail(agent.Conflict, agent.CodeState, "error.pair_many", "As many devices are paired as there may be. Remove one on the owner's page first.")
	}
	secret = newCookie()
	d = pairedDevice{ID: rand.Text()[:12], Name: name, Key: keyOf(secret), At: p.clock.Now(), By: p.by}
	if err := p.save(ctx, append(slices.Clone(p.list), d)); err != nil {
		return "", d, err
	}
	p.code = ""
	return secret, d, nil
}

// remove shuts a device out, in the middle of whatever it is being answered.
func (p *pairings) remove(ctx context.Context, id string) (pairedDevice, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.load(ctx); err != nil {
		return pairedDevice{}, err
	}
	at := slices.IndexFunc(p.list, func(d pairedDevice) bool { return d.ID == id })
	if at < 0 {
		return pairedDevice{}, fail(agent.NotFound, agent.CodeNotFound, "error.pair_unknown", "This device is not paired any more.")
	}
	gone := p.list[at]
	if err := p.save(ctx, slices.Delete(slices.Clone(p.list), at, at+1)); err != nil {
		return pairedDevice{}, err
	}
	for v := range p.visits {
		if v.device == id {
			v.end()
		}
	}
	return gone, nil
}

// enter begins a request of a paired device. The caller calls leave at its end; a request of
// any other device is refused.
func (p *pairings) enter(r *http.Request) (in *http.Request, leave func(), err error) {
	c, err := r.Cookie(pairedCookie)
	if err != nil {
		return nil, nil, errNotPaired()
	}
	key := keyOf(c.Value)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.load(r.Context()); err != nil {
		return nil, nil, err
	}
	at := slices.IndexFunc(p.list, func(d pairedDevice) bool { return subtle.ConstantTimeCompare(d.Key, key) == 1 })
	if at < 0 {
		return nil, nil, errNotPaired()
	}
	ctx, end := context.WithCancel(context.WithValue(r.Context(), pairedMark{}, true))
	v := &visit{device: p.list[at].ID, end: end}
	p.visits[v] = struct{}{}
	return r.WithContext(ctx), func() {
		p.mu.Lock()
		delete(p.visits, v)
		p.mu.Unlock()
		end()
	}, nil
}

// pairedMark is in the context of what a paired device asks for.
type pairedMark struct{}

// atCounter holds for a request from this machine or from a device that the owner let in.
func atCounter(r *http.Request) bool {
	return loopback(r) || r.Context().Value(pairedMark{}) != nil
}

func errNotPaired() error {
	return fail(agent.Forbidden, codeNotPaired, "error.not_paired", "This device is not paired with the terminal. Open /pair on it and enter a code of the owner's page.")
}
