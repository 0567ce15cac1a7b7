package fleet

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"tillwire/agent"
)

// keysKey is where the key set in use is kept.
const keysKey = "keys/current"

// Trust holds the key set in use. It is safe for concurrent use.
type Trust struct {
	store   agent.FleetStore
	genesis []ed25519.PublicKey // the roots of the configuration

	mu      sync.RWMutex
	current *KeySet
	raw     []byte
	trouble error
}

// keptKeys is the set as it is kept: with the roots it was signed by, because
// those may be other ones than the configuration names.
type keptKeys struct {
	Genesis [][]byte `json:"genesis"` // roots of the configuration at that time
	Roots   [][]byte `json:"roots"`   // in force when it was taken
	Raw     []byte   `json:"raw"`
}

// OpenTrust loads the key set that was taken last. A kept set that does not
// verify any more, or that hangs on other roots than the configuration names
// now, is left out and told by Trouble. The error is the store's.
func OpenTrust(ctx context.Context, roots []ed25519.PublicKey, store agent.FleetStore) (*Trust, error) {
	t := &Trust{store: store, genesis: roots}
	rows, err := store.Load(ctx, keysKey, "", 1)
	if err != nil {
		return nil, fmt.Errorf("load the fleet's keys: %w", err)
	}
	if len(rows) == 0 || rows[0].Key != keysKey {
		return t, nil
	}
	var kept keptKeys
	if err := json.Unmarshal(rows[0].Value, &kept); err != nil {
		t.trouble = refuse(RefusedMalformed, err)
		return t, nil
	}
	if !sameKeys(publicOf(kept.Genesis), roots) {
		t.trouble = refuse(RefusedSignature, errors.New("the kept list of keys hangs on other roots than the configuration names"))
		return t, nil
	}
	t.current, t.trouble = readKeySet(kept.Raw, publicOf(kept.Roots))
	if t.trouble != nil {
		t.current = nil
	}
	t.raw = kept.Raw
	return t, nil
}

func publicOf(list [][]byte) (keys []ed25519.PublicKey) {
	for _, k := range list {
		keys = append(keys, k)
	}
	return keys
}

func bytesOf(list []ed25519.PublicKey) (raw [][]byte) {
	for _, k := range list {
		raw = append(raw, k)
	}
	return raw
}

// Current is the key set in use, or nil.
func (t *Trust) Current() *KeySet {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.current
}

// Trouble is why the kept set is not in use, or nil. A set that is offered and
// taken ends it.
func (t *Trust) Trouble() error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.trouble
}

// Offer takes a key set from the fleet and reports whether it is new; it is in
// use once it is saved. The roots in force are those of the set in use, or of
// the configuration as long as there is none. After any error the set in use
// stays.
func (t *Trust) Offer(ctx context.Context, raw []byte, now Moment) (isNew bool, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.current != nil && bytes.Equal(raw, t.raw) {
		return false, nil
	}
	roots := t.genesis
	if t.current != nil {
		roots = t.current.roots
	}
	set, err := readKeySet(raw, roots)
	if err != nil {
		return false, err
	}
	switch {
	case t.current != nil && set.Version <= t.current.Version:
		return false, refuseAuthentic(RefusedReplay, fmt.Errorf("version %d, %d is in use", set.Version, t.current.Version))
	case now.ended(set.Exp.Time):
		return false, refuseAuthentic(Expired, nil)
	}
	kept, err := json.Marshal(keptKeys{Genesis: bytesOf(t.genesis), Roots: bytesOf(roots), Raw: raw})
	if err != nil {
		return false, fmt.Errorf("keep the fleet's keys: %w", err)
	}
	if err := t.store.Save(ctx, agent.FleetItem{Key: keysKey, Value: kept}); err != nil {
		return false, fmt.Errorf("keep the fleet's keys: %w", err)
	}
	t.current, t.raw, t.trouble = set, raw, nil
	return true, nil
}
