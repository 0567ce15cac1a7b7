package desk

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"crypto/x509"
	"encoding/base32"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// Options are what a desk is made with; all of it is required.
type Options struct {
	Store     agent.FleetStore
	Authority service.Authority
	// Holder answers whose certificate this is, as long as it may be renewed.
	Holder func(ctx context.Context, c *x509.Certificate) (fleet.TID, error)
	// Taken reports that a terminal of the name is in the fleet.
	Taken func(ctx context.Context, tid fleet.TID) (bool, error)
	// Enrol brings a terminal into the books.
	Enrol func(ctx context.Context, tid fleet.TID, labels map[string]string) error
	// Retire takes a terminal out of the books.
	Retire func(ctx context.Context, tid fleet.TID) error
	// Revoked brings the new list of revoked certificates to where brokers read it.
	Revoked func(ctx context.Context) error
	// Grant is everything a terminal is given but its name and certificate.
	Grant func() fleet.Grant
	Clock agent.Clock
	Log   *slog.Logger
}

// Desk takes terminals into the fleet. It is safe for concurrent use.
type Desk struct {
	opt Options
	mu  sync.Mutex // one decision at a time
}

// New makes a desk.
func New(opt Options) *Desk { return &Desk{opt: opt} }

// What strangers may put on the desk: everybody can reach it.
const (
	claimPrefix = "claim/"
	mostClaims  = 500 // that wait
	mostFrom    = 20  // of one address: a shop behind one router, but not a flood
	pollEvery   = 3 * time.Second
)

// claimRow is a claim as the store keeps it.
type claimRow struct {
	HW      string          `json:"hw"`
	Ver     string          `json:"ver"`
	Request []byte          `json:"request"`
	Code    string          `json:"code"`
	Words   string          `json:"words"`
	From    string          `json:"from"`
	Made    time.Time       `json:"made"`
	Tries   int             `json:"tries,omitempty"` // of wrong codes, while it waited
	State   fleet.ClaimWord `json:"state"`
	Grant   *fleet.Grant    `json:"grant,omitempty"`
	Granted time.Time       `json:"granted,omitzero"`
}

// ClaimView is a claim as the office sees it.
type ClaimView struct {
	Claim string    `json:"claim"`
	HW    string    `json:"hw"`
	Ver   string    `json:"ver"`
	Words string    `json:"words"` // must be those on the terminal's screen
	From  string    `json:"from"`
	Made  time.Time `json:"made"`
}

func (r claimRow) view(id string) ClaimView {
	return ClaimView{id, r.HW, r.Ver, r.Words, r.From, r.Made}
}

// over reports that a claim's time has passed.
func (r claimRow) over(now time.Time) bool {
	if r.State == fleet.ClaimGranted {
		return now.Sub(r.Granted) > fleet.ClaimLife
	}
	return now.Sub(r.Made) > fleet.ClaimLife || r.Tries >= fleet.ClaimTries
}

func (d *Desk) load(ctx context.Context) (map[string]claimRow, error) {
	rows, err := d.opt.Store.Load(ctx, claimPrefix, "", 2*mostClaims)
	if err != nil {
		return nil, err
	}
	all := map[string]claimRow{}
	for _, row := range rows {
		var r claimRow
		if err := json.Unmarshal(row.Value, &r); err != nil {
			return nil, fmt.Errorf("the claim %s is damaged: %w", row.Key, err)
		}
		all[strings.TrimPrefix(row.Key, claimPrefix)] = r
	}
	return all, nil
}

func (d *Desk) save(ctx context.Context, changed map[string]*claimRow) error {
	var items []agent.FleetItem
	for id, r := range changed {
		item := agent.FleetItem{Key: claimPrefix + id}
		if r != nil {
			value, err := json.Marshal(r)
			if err != nil {
				return err
			}
			item.Value = value
		}
		items = append(items, item)
	}
	if len(items) == 0 {
		return nil
	}
	return d.opt.Store.Save(ctx, items...)
}

// Take puts a claim on the desk. Nothing is believed of it but that whoever made
// it has the key it names.
func (d *Desk) Take(ctx context.Context, q fleet.ClaimRequest, from string) (fleet.ClaimTaken, error) {
	request, err := service.ReadRequest(q.Request)
	switch {
	case err != nil:
		return fleet.ClaimTaken{}, err
	case q.V != fleet.Wire || len(q.Code) != len(fleet.ClaimHash("")) || len(q.HW) > 64 || len(q.Ver) > 64 || strings.ContainsFunc(q.HW+q.Ver+q.Code, unprintable):
		return fleet.ClaimTaken{}, fmt.Errorf("%w: a member of the claim is missing or impossible", service.ErrInvalid)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	all, err := d.load(ctx)
	if err != nil {
		return fleet.ClaimTaken{}, err
	}
	now, waiting, theirs := d.opt.Clock.Now(), 0, 0
	changed := map[string]*claimRow{}
	for id, r := range all {
		switch {
		case r.over(now):
			changed[id] = nil
		case r.State == fleet.ClaimWaits:
			waiting++
			if r.From == from {
				theirs++
			}
		}
	}
	if waiting >= mostClaims || theirs >= mostFrom {
		return fleet.ClaimTaken{}, fmt.Errorf("%w: too many terminals ask to join; try again in ten minutes", service.ErrConflict)
	}
	id := drawn(20)
	changed[id] = &claimRow{HW: q.HW, Ver: q.Ver, Request: q.Request, Code: q.Code, Words: fleet.KeyWords(request.RawSubjectPublicKeyInfo), From: from, Made: now, State: fleet.ClaimWaits}
	if err := d.save(ctx, changed); err != nil {
		return fleet.ClaimTaken{}, err
	}
	return fleet.ClaimTaken{Claim: id, Until: fleet.At(now.Add(fleet.ClaimLife)), PollS: int(pollEvery / time.Second)}, nil
}

func unprintable(r rune) bool { return r < ' ' || r > '~' }

// drawn is a word of random letters and digits, five bits each.
func drawn(letters int) string {
	dice := make([]byte, letters)
	rand.Read(dice) // never fails, by its contract
	return strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(dice))[:letters]
}

// State answers where a claim stands. One that nobody knows is over.
func (d *Desk) State(ctx context.Context, id string) (fleet.ClaimState, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, err := d.load(ctx)
	if err != nil {
		return fleet.ClaimState{}, err
	}
	r, known := all[id]
	if !known || r.over(d.opt.Clock.Now()) {
		return fleet.ClaimState{State: fleet.ClaimOver}, nil
	}
	return fleet.ClaimState{State: r.State, Grant: r.Grant}, nil
}

// Waiting lists the claims that wait for a decision.
func (d *Desk) Waiting(ctx context.Context) ([]ClaimView, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, err := d.load(ctx)
	list := []ClaimView{}
	for id, r := range all {
		if r.State == fleet.ClaimWaits && !r.over(d.opt.Clock.Now()) {
			list = append(list, r.view(id))
		}
	}
	return list, err
}

// Find answers the claim with a code that a person has read from a terminal. A
// wrong code counts against every claim that waits, because it was a guess at
// each of them.
func (d *Desk) Find(ctx context.Context, typed string) (ClaimView, error) {
	code, err := fleet.ReadClaimCode(typed)
	if err != nil {
		return ClaimView{}, fmt.Errorf("%w: %w", service.ErrInvalid, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	all, err := d.load(ctx)
	if err != nil {
		return ClaimView{}, err
	}
	hash, now, changed := fleet.ClaimHash(code), d.opt.Clock.Now(), map[string]*claimRow{}
	for id, r := range all {
		if r.State != fleet.ClaimWaits || r.over(now) {
			continue
		}
		if subtle.ConstantTimeCompare([]byte(r.Code), []byte(hash)) == 1 {
			return r.view(id), nil
		}
		r.Tries++
		changed[id] = &r
	}
	if err := d.save(ctx, changed); err != nil {
		return ClaimView{}, err
	}
	return ClaimView{}, fmt.Errorf("%w: no terminal shows this code. Read it again; a code is good for ten minutes, once, and after five wrong ones the terminal shows another", service.ErrUnknown)
}

// Decision is what the office says to a claim.
type Decision struct {
	TID     fleet.TID         `json:"tid"` // empty: one is drawn
	Labels  map[string]string `json:"labels,omitempty"`
	Replace bool              `json:"replace,omitempty"` // a terminal of this name: its certificates are revoked
	Actor   string            `json:"-"`
}

// Approve gives a claim what it asks for, once.
func (d *Desk) Approve(ctx context.Context, id string, say Decision) (fleet.TID, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, err := d.load(ctx)
	if err != nil {
		return "", err
	}
	r, known := all[id]
	if !known || r.State != fleet.ClaimWaits || r.over(d.opt.Clock.Now()) {
		return "", fmt.Errorf("%w: the claim is over; the terminal shows another code now", service.ErrConflict)
	}
	tid := say.TID
	if tid == "" {
		tid = fleet.TID("t-" + drawn(10))
	}
	if _, err := fleet.ParseTID(string(tid)); err != nil {
		return "", fmt.Errorf("%w: %w", service.ErrInvalid, err)
	}
	if err := d.makeRoom(ctx, tid, say.Replace); err != nil {
		return "", err
	}
	c, err := d.opt.Authority.Issue(ctx, tid, r.Request)
	if err != nil {
		return "", err
	}
	if err := d.opt.Enrol(ctx, tid, say.Labels); err != nil {
		return "", err
	}
	grant := d.opt.Grant()
	grant.TID, grant.Certificate, grant.Authority = tid, string(c.PEM), string(d.opt.Authority.Root())
	r.State, r.Grant, r.Granted = fleet.ClaimGranted, &grant, d.opt.Clock.Now()
	if err := d.save(ctx, map[string]*claimRow{id: &r}); err != nil {
		return "", err
	}
	d.opt.Log.Info("a terminal joined the fleet", "code", "enrolled", "tid", string(tid), "hw", r.HW, "actor", say.Actor, "serial", c.Serial)
	return tid, nil
}

// makeRoom refuses a name that is in use, unless its machine is replaced.
func (d *Desk) makeRoom(ctx context.Context, tid fleet.TID, replace bool) error {
	taken, err := d.opt.Taken(ctx, tid)
	switch {
	case err != nil || !taken:
		return err
	case !replace:
		return fmt.Errorf("%w: %s is in the fleet. Take another name, or replace it: then the certificates of its present machine are withdrawn", service.ErrConflict, tid)
	}
	return d.shutOut(ctx, tid)
}

// shutOut withdraws a terminal's certificates, in the books and where brokers look.
// It may be tried again after an error.
func (d *Desk) shutOut(ctx context.Context, tid fleet.TID) error {
	if err := d.opt.Authority.Revoke(ctx, tid); err != nil {
		return err
	}
	if err := d.opt.Revoked(ctx); err != nil {
		return fmt.Errorf("the certificates of %s are withdrawn, but no broker knows it: the list for them is not written. Mend that and do this again: %w", tid, err)
	}
	return nil
}

// Refuse takes a claim off the desk; nothing of it is left.
func (d *Desk) Refuse(ctx context.Context, id string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	all, err := d.load(ctx)
	if err != nil {
		return err
	}
	if r, known := all[id]; !known || r.State != fleet.ClaimWaits {
		return fmt.Errorf("%w: no such claim waits", service.ErrUnknown)
	}
	return d.save(ctx, map[string]*claimRow{id: nil})
}

// Revoke shuts a terminal out: its certificates are withdrawn and the books say so.
// The broker must still read the new list, and end the terminal's session.
func (d *Desk) Revoke(ctx context.Context, tid fleet.TID, actor string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := errors.Join(d.shutOut(ctx, tid), d.opt.Retire(ctx, tid)); err != nil {
		return err
	}
	d.opt.Log.Warn("a terminal is shut out of the fleet", "code", "revoked", "tid", string(tid), "actor", actor)
	return nil
}

// Renew gives the holder of a certificate the next one, over a new key or the same.
func (d *Desk) Renew(ctx context.Context, holder *x509.Certificate, q fleet.RenewRequest) (fleet.Renewed, error) {
	tid, err := d.opt.Holder(ctx, holder)
	if err != nil {
		return fleet.Renewed{}, err
	}
	c, err := d.opt.Authority.Issue(ctx, tid, q.Request)
	if err != nil {
		return fleet.Renewed{}, err
	}
	d.opt.Log.Info("a terminal's certificate was renewed", "code", "renewed", "tid", string(tid), "serial", c.Serial)
	return fleet.Renewed{Certificate: string(c.PEM), Authority: string(d.opt.Authority.Root())}, nil
}
