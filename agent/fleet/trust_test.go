package fleet

import (
	"context"
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"tillwire/agent"
)

func openTrust(t *testing.T, store agent.FleetStore, roots ...ed25519.PublicKey) *Trust {
	t.Helper()
	trust, err := OpenTrust(context.Background(), roots, store)
	if err != nil {
		t.Fatal(err)
	}
	return trust
}

func at(when time.Time) Moment { return Moment{Now: when, Quality: Synced} }

func TestKeySetRotation(t *testing.T) {
	ctx, a, store := context.Background(), newAuthority(), NewMemory()
	trust := openTrust(t, store, a.roots()...)
	if trust.Current() != nil {
		t.Fatal("a new terminal trusts somebody")
	}
	offer := func(set KeySet, keys ...ed25519.PrivateKey) (bool, Code) {
		fresh, err := trust.Offer(ctx, seal(t, TypeKeys, set, keys...), at(noon()))
		return fresh, CodeOf(err)
	}
	next := newAuthority()
	next.root, next.spare = keyNamed("next root"), keyNamed("next spare")
	moved := next.keySet(4)
	stale := a.keySet(3)
	stale.Exp = At(noon())
	alien := a.keySet(3)
	alien.Keys[0].ID = alien.Keys[1].ID
	for _, c := range []struct {
		name  string
		set   KeySet
		keys  []ed25519.PrivateKey
		fresh bool
		want  Code
	}{
		{"signed by a stranger", a.keySet(2), []ed25519.PrivateKey{a.stranger}, false, RefusedSignature},
		{"signed by the service's key", a.keySet(2), []ed25519.PrivateKey{a.online}, false, RefusedSignature},
		{"the first", a.keySet(2), []ed25519.PrivateKey{a.root}, true, ""},
		{"the same again", a.keySet(2), []ed25519.PrivateKey{a.root}, false, ""},
		{"the version in use with another signer", a.keySet(2), []ed25519.PrivateKey{a.spare}, false, RefusedReplay},
		{"an older one", a.keySet(1), []ed25519.PrivateKey{a.root}, false, RefusedReplay},
		{"one that has run out", stale, []ed25519.PrivateKey{a.root}, false, Expired},
		{"a key under another's id", alien, []ed25519.PrivateKey{a.root}, false, RefusedMalformed},
		{"a newer one, by the spare root", a.keySet(3), []ed25519.PrivateKey{a.spare}, true, ""},
		{"new roots that did not sign", moved, []ed25519.PrivateKey{a.root}, false, RefusedSigners},
		{"new roots that nobody let in", moved, []ed25519.PrivateKey{next.root}, false, RefusedSignature},
		{"new roots, by old and new", moved, []ed25519.PrivateKey{a.root, next.root}, true, ""},
		{"by the old root afterwards", a.keySet(5), []ed25519.PrivateKey{a.root}, false, RefusedSignature},
		{"by the new root afterwards", next.keySet(5), []ed25519.PrivateKey{next.spare}, true, ""},
	} {
		if fresh, code := offer(c.set, c.keys...); fresh != c.fresh || code != c.want {
			t.Errorf("%s: new %v, %q; want %v, %q", c.name, fresh, code, c.fresh, c.want)
		}
	}
	if again := openTrust(t, store, a.roots()...); again.Trouble() != nil || again.Current().Version != 5 {
		t.Errorf("after a restart: %+v, %v", again.Current(), again.Trouble())
	}
	if other := openTrust(t, store, publicOfKey(a.stranger)); other.Current() != nil || other.Trouble() == nil {
		t.Error("a configuration with other roots still trusts the old ones' keys")
	}
}

func TestDamagedKeySetIsLeftOut(t *testing.T) {
	ctx, a, store := context.Background(), newAuthority(), NewMemory()
	if _, err := openTrust(t, store, a.roots()...).Offer(ctx, seal(t, TypeKeys, a.keySet(7), a.root), at(noon())); err != nil {
		t.Fatal(err)
	}
	rows, err := store.Load(ctx, "", "", 9)
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	rows[0].Value[len(rows[0].Value)/2] ^= 1
	if err := store.Save(ctx, rows...); err != nil {
		t.Fatal(err)
	}
	trust := openTrust(t, store, a.roots()...)
	if trust.Current() != nil || trust.Trouble() == nil {
		t.Fatal("a damaged set is in use")
	}
	if fresh, err := trust.Offer(ctx, seal(t, TypeKeys, a.keySet(7), a.root), at(noon())); !fresh || err != nil || trust.Trouble() != nil {
		t.Errorf("the set offered anew: %v, %v", fresh, err)
	}
}

// full is a disk without room.
type full struct{ *Memory }

func (full) Save(context.Context, ...agent.FleetItem) error { return errors.New("no space left") }

func TestKeySetIsInUseOnlyOnceKept(t *testing.T) {
	a := newAuthority()
	trust := openTrust(t, full{NewMemory()}, a.roots()...)
	if _, err := trust.Offer(context.Background(), seal(t, TypeKeys, a.keySet(1), a.root), at(noon())); err == nil || trust.Current() != nil {
		t.Errorf("in use though not kept: %v", err)
	}
}
