package voucher

import (
	"bytes"
	"fmt"
	"sync"
)

// Shelf is where the caller keeps the key set in use. Save must be durable when
// it returns, and must keep the highest version even where it loses the bytes:
// it is what a set from before is told by.
type Shelf interface {
	// LoadKeySet answers the set as it was saved, nil when there is none, and the
	// highest version ever saved, 0 when there is none.
	LoadKeySet() (raw []byte, highest uint64, err error)
	SaveKeySet(raw []byte, version uint64) error
}

// Trust holds the key set in use. It is safe for concurrent use.
type Trust struct {
	roots []Root
	shelf Shelf

	mu      sync.RWMutex
	current *KeySet
	highest uint64
	trouble error
}

// OpenTrust loads what the shelf holds. A saved set that does not verify any
// more, because it was damaged or its root is not among the roots now, is left
// out and told by Trouble: it stops offline acceptance and nothing else. The
// error is that of the shelf.
func OpenTrust(roots []Root, shelf Shelf) (*Trust, error) {
	raw, highest, err := shelf.LoadKeySet()
	if err != nil {
		return nil, fmt.Errorf("load the list of issuers: %w", err)
	}
	t := &Trust{roots: roots, shelf: shelf, highest: highest}
	if raw == nil {
		return t, nil
	}
	set, err := readKeySet(raw, roots)
	switch {
	case err != nil:
		t.trouble = err
	case set.Version < highest:
		// An old file laid over a newer one: the version knows better.
		t.trouble = refuse(SetBack, nil)
	default:
		t.current, t.highest = set, set.Version
	}
	return t, nil
}

// Current is the key set in use, or nil.
func (t *Trust) Current() *KeySet {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.current
}

// Trouble is why the saved key set is not in use, or nil. A set that is offered
// and taken ends it.
func (t *Trust) Trouble() error {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.trouble
}

// Offer takes a key set that was fetched, and reports whether it is new. It is
// in use once it is saved. The set in use offered again is no error. The
// reasons are SetMalformed, SetRoot, SetForged, SetBack and SetTwice; any other
// error is the shelf's. After each the set in use stays.
func (t *Trust) Offer(raw []byte) (fresh bool, err error) {
	set, err := readKeySet(raw, t.roots)
	if err != nil {
		return false, err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case set.Version < t.highest:
		return false, refuse(SetBack, nil)
	case t.current != nil && set.Version == t.current.Version && bytes.Equal(set.raw, t.current.raw):
		return false, nil
	case t.current != nil && set.Version == t.current.Version:
		return false, refuse(SetTwice, nil)
	}
	if err := t.shelf.SaveKeySet(set.raw, set.Version); err != nil {
		return false, fmt.Errorf("save the list of issuers, version %d: %w", set.Version, err)
	}
	t.current, t.highest, t.trouble = set, set.Version, nil
	return true, nil
}
