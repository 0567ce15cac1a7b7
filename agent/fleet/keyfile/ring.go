package keyfile

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"time"

	"tillwire/agent/fleet"
)

// Ring is what a running service signs with: its online key, and the list of keys
// that says so. The list's file may be replaced while the service runs. It is
// safe for concurrent use.
type Ring struct {
	key  ed25519.PrivateKey
	id   fleet.KeyID
	path string
	now  func() time.Time

	mu      sync.Mutex
	seen    fs.FileInfo // of the file that was read last
	raw     []byte
	set     *fleet.KeySet
	trouble error
}

// NewRing takes the online key and the file with the list. The list is read when
// it is needed, so it may come later.
func NewRing(online ed25519.PrivateKey, path string, now func() time.Time) (*Ring, error) {
	public, ok := online.Public().(ed25519.PublicKey)
	if !ok {
		return nil, ErrFile
	}
	return &Ring{key: online, id: fleet.IDOf(public), path: path, now: now}, nil
}

// Set is the list of keys as a root signed it, and its version; version 0: there
// is none that could be used.
func (r *Ring) Set() (envelope []byte, version uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.look()
	if r.set == nil {
		return nil, 0
	}
	return r.raw, r.set.Version
}

// Trouble is why the file as it is now is not in use; nil when it is.
func (r *Ring) Trouble() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.look()
	return r.trouble
}

// look reads the file anew when it has changed. A list that cannot be used leaves
// the one before in use.
func (r *Ring) look() {
	info, err := os.Stat(r.path)
	if err == nil && r.seen != nil && os.SameFile(info, r.seen) && info.ModTime().Equal(r.seen.ModTime()) && info.Size() == r.seen.Size() {
		return
	}
	if r.trouble = err; err != nil {
		return
	}
	raw, set, err := ReadSet(r.path)
	if err == nil && r.set != nil && set.Version < r.set.Version {
		err = fmt.Errorf("%s has version %d, and %d was in use", r.path, set.Version, r.set.Version)
	}
	r.seen, r.trouble = info, err
	if err == nil {
		r.raw, r.set = raw, set
	}
}

// Seal signs a document with the online key. It refuses what no terminal would
// believe: the list must be valid and name the key.
func (r *Ring) Seal(payloadType string, document any) ([]byte, error) {
	r.mu.Lock()
	r.look()
	err := r.may()
	r.mu.Unlock()
	if err != nil {
		return nil, err
	}
	return fleet.Seal(payloadType, document, r.key)
}

// may says why the online key cannot sign now.
func (r *Ring) may() error {
	const renew = "; make a new list with `tillfleet keys rotate`"
	now := r.now()
	switch {
	case r.set == nil && r.trouble != nil:
		return fmt.Errorf("there is no list of keys: %w", r.trouble)
	case r.set == nil:
		return errors.New("there is no list of keys")
	case !now.Before(r.set.Exp.Time):
		return fmt.Errorf("the list of keys has run out on %s%s", r.set.Exp.Format(time.DateOnly), renew)
	}
	for _, k := range r.set.Keys {
		if k.ID != r.id {
			continue
		}
		switch {
		case k.Revoked:
			return fmt.Errorf("the online key %s was withdrawn%s", r.id, renew)
		case k.Use != fleet.Online:
			return fmt.Errorf("the key %s is no online key in the list%s", r.id, renew)
		case now.Before(k.From.Time) || !now.Before(k.Until.Time):
			return fmt.Errorf("the online key %s is valid from %s to %s%s", r.id, k.From.Format(time.DateOnly), k.Until.Format(time.DateOnly), renew)
		}
		return nil
	}
	return fmt.Errorf("the list of keys does not name the online key %s%s", r.id, renew)
}

// maxSet bounds the file with a list of keys.
const maxSet = fleet.MaxMessage

// ReadSet reads a list of keys from a file and checks that one of the roots that
// it names has signed it.
func ReadSet(path string) (raw []byte, set *fleet.KeySet, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, err
	}
	if info.Size() > maxSet {
		return nil, nil, fmt.Errorf("%s is too large for a list of keys", path)
	}
	if raw, err = os.ReadFile(path); err != nil {
		return nil, nil, err
	}
	if set, err = openSet(raw); err != nil {
		return nil, nil, fmt.Errorf("%s is no list of keys: %w", path, err)
	}
	return raw, set, nil
}
