package keyfile

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"tillwire/agent/fleet"
)

// openSet reads a list that names its own roots. That it hangs together is all
// that can be seen from it: whether the roots are the fleet's, terminals know.
func openSet(raw []byte) (*fleet.KeySet, error) {
	d, err := fleet.Look(raw)
	if err != nil {
		return nil, err
	}
	var named struct{ Roots []string }
	if err := json.Unmarshal(d.Body, &named); err != nil {
		return nil, err
	}
	var roots []ed25519.PublicKey
	for _, text := range named.Roots {
		root, err := fleet.ReadPublic(text)
		if err != nil {
			return nil, err
		}
		roots = append(roots, root)
	}
	return fleet.ReadKeySet(raw, roots)
}

// Change is what a new list of keys does differently from the one before.
type Change struct {
	Add    []Info        // online keys and approvers
	Revoke []fleet.KeyID // withdrawn, and named as such: what they signed is refused
	Roots  []Info        // who signs from now on; nil: as before
	Life   time.Duration // of the list and of keys that are added
}

// The lives of lists and keys.
const (
	LeastLife = 24 * time.Hour
	MostLife  = 3 * 366 * 24 * time.Hour
	Life      = 366 * 24 * time.Hour
)

// early is how long before its making a list is valid already, for terminals
// whose clocks are behind.
const early = 10 * time.Minute

// Next makes the list of keys that follows another one; nil: the first.
func Next(before *fleet.KeySet, c Change, now time.Time) (fleet.KeySet, error) {
	if c.Life < LeastLife || c.Life > MostLife {
		return fleet.KeySet{}, fmt.Errorf("a list of keys lives from one day to three years")
	}
	from, until := fleet.At(now.Add(-early)), fleet.At(now.Add(c.Life))
	next := fleet.KeySet{Version: 1, Iat: from, Exp: until}
	if before != nil {
		next.Version, next.Roots = before.Version+1, slices.Clone(before.Roots)
		for _, k := range before.Keys {
			if k.Until.After(now) { // what has run out by itself need not be named
				next.Keys = append(next.Keys, k)
			}
		}
	}
	if c.Roots != nil {
		next.Roots = nil
		for _, root := range c.Roots {
			next.Roots = append(next.Roots, base64.StdEncoding.EncodeToString(root.Public))
		}
	}
	for _, add := range c.Add {
		if add.Role == Root {
			return fleet.KeySet{}, fmt.Errorf("%s is a root; roots are not in the list of keys, they sign it", add.ID)
		}
		if slices.ContainsFunc(next.Keys, func(k fleet.Key) bool { return k.ID == add.ID }) {
			return fleet.KeySet{}, fmt.Errorf("the list names the key %s already", add.ID)
		}
		next.Keys = append(next.Keys, fleet.NewKey(fleet.Use(add.Role), add.Public, from, until))
	}
	for _, id := range c.Revoke {
		i := slices.IndexFunc(next.Keys, func(k fleet.Key) bool { return k.ID == id })
		if i < 0 {
			return fleet.KeySet{}, fmt.Errorf("the list names no key %s", id)
		}
		next.Keys[i].Revoked = true
	}
	return next, check(next)
}

// check refuses a list that would leave the office unable to speak.
func check(s fleet.KeySet) error {
	if !slices.ContainsFunc(s.Keys, func(k fleet.Key) bool { return k.Use == fleet.Online && !k.Revoked }) {
		return errors.New("the list names no online key that is valid, so the service could not say anything. Add one")
	}
	if len(s.Roots) == 0 {
		return errors.New("the list names no root, so nobody could sign the next one")
	}
	return nil
}

// Sign seals a list with roots and reads it back as a terminal would that has the
// list before: with the wrong roots nothing is written.
func Sign(next fleet.KeySet, before *fleet.KeySet, roots ...ed25519.PrivateKey) ([]byte, error) {
	raw, err := fleet.Seal(fleet.TypeKeys, next, roots...)
	if err != nil {
		return nil, err
	}
	inForce := []ed25519.PublicKey{}
	if before != nil {
		inForce = before.RootKeys()
	} else {
		for _, r := range roots {
			inForce = append(inForce, r.Public().(ed25519.PublicKey))
		}
	}
	_, err = fleet.ReadKeySet(raw, inForce)
	switch fleet.CodeOf(err) {
	case fleet.RefusedSignature:
		return nil, fmt.Errorf("none of these roots may sign: terminals know others. Take a root of the list before: %w", err)
	case fleet.RefusedSigners:
		return nil, fmt.Errorf("the roots change, so one of the new ones must sign as well: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return raw, nil
}
