package keyfile

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent/fleet"
)

const passphrase = "correct horse battery staple"

func made(t *testing.T, role Role) (ed25519.PrivateKey, Info) {
	t.Helper()
	key, info, err := New(role, "for a test")
	if err != nil {
		t.Fatal(err)
	}
	return key, info
}

func TestAKeyIsItsOwnersAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "anna.key")
	key, info := made(t, Approver)
	if err := Write(file, key, info, "too short"); !errors.Is(err, ErrWeak) {
		t.Errorf("with a short passphrase: %v", err)
	}
	if err := Write(file, key, info, passphrase); err != nil {
		t.Fatal(err)
	}
	if err := Write(file, key, info, passphrase); err == nil {
		t.Error("a key was overwritten")
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(text, []byte(base64.StdEncoding.EncodeToString(key.Seed())[:20])) {
		t.Error("the key stands in the file")
	}
	if stat, err := os.Stat(file); err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("others may read it: %v, %v", stat, err)
	}
	if seen, err := Look(file); err != nil || seen.Role != Approver || seen.ID != info.ID || !seen.Locked || seen.Note != "for a test" {
		t.Errorf("without the passphrase: %+v, %v", seen, err)
	}
	if back, _, err := Open(file, passphrase); err != nil || !back.Equal(key) {
		t.Errorf("opened: %v", err)
	}
	if _, _, err := Open(file, passphrase+"!"); !errors.Is(err, ErrPassphrase) {
		t.Errorf("with another passphrase: %v", err)
	}
	// What a file says about itself is under the seal too.
	for _, c := range []struct{ old, new string }{{"Role: approver", "Role: root"}, {"Note: for a test", "Note: for a best"}} {
		other := filepath.Join(t.TempDir(), "changed.key")
		changed := strings.Replace(string(text), c.old, c.new, 1)
		if changed == string(text) {
			t.Fatalf("the file has no %q:\n%s", c.old, text)
		}
		if err := os.WriteFile(other, []byte(changed), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(other, passphrase); !errors.Is(err, ErrPassphrase) {
			t.Errorf("%q for %q: %v", c.new, c.old, err)
		}
	}
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(file, passphrase); !errors.Is(err, ErrOpen) {
		t.Errorf("that others may read: %v", err)
	}
}

func TestOnlyOurFilesAreKeys(t *testing.T) {
	dir := t.TempDir()
	key, info := made(t, Online)
	open := filepath.Join(dir, "open.key")
	if err := Write(open, key, info, ""); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(open)
	if err != nil {
		t.Fatal(err)
	}
	if back, seen, err := Open(open, ""); err != nil || seen.Locked || !back.Equal(key) {
		t.Errorf("a key that is not locked: %+v, %v", seen, err)
	}
	other, _ := made(t, Online)
	for name, bad := range map[string]string{
		"empty":                "",
		"garbage":              "garbage",
		"another kind of key":  strings.ReplaceAll(string(text), "TILLWIRE FLEET KEY", "PRIVATE KEY"),
		"an unknown role":      strings.Replace(string(text), "Role: online", "Role: everything", 1),
		"another's public key": strings.Replace(string(text), base64.StdEncoding.EncodeToString(info.Public), base64.StdEncoding.EncodeToString(other.Public().(ed25519.PublicKey)), 1),
		"too long":             string(text) + strings.Repeat(" ", maxFile),
	} {
		file := filepath.Join(dir, "bad")
		if err := os.WriteFile(file, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Open(file, ""); !errors.Is(err, ErrFile) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := New("boss", ""); err == nil {
		t.Error("a key for nobody")
	}
	if _, _, err := New(Root, "two\nlines"); err == nil {
		t.Error("a note that would be another header")
	}
}

func noon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

// TestAFleetChangesItsKeys goes through the life of a fleet's keys. A terminal
// that begins with the first root believes every list, and no other.
func TestAFleetChangesItsKeys(t *testing.T) {
	root, rootInfo := made(t, Root)
	spare, spareInfo := made(t, Root)
	stranger, _ := made(t, Root)
	_, online := made(t, Online)
	_, newer := made(t, Online)
	_, anna := made(t, Approver)
	believed := []ed25519.PublicKey{rootInfo.Public}
	var before *fleet.KeySet
	step := func(c Change, at time.Time, roots ...ed25519.PrivateKey) error {
		t.Helper()
		c.Life = Life
		next, err := Next(before, c, at)
		if err != nil {
			return err
		}
		raw, err := Sign(next, before, roots...)
		if err != nil {
			return err
		}
		if before, err = fleet.ReadKeySet(raw, believed); err != nil {
			t.Fatalf("a terminal does not believe version %d: %v", next.Version, err)
		}
		believed = before.RootKeys()
		return nil
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	if step(Change{Add: []Info{anna}, Roots: []Info{rootInfo}}, noon(), root) == nil {
		t.Error("a list without an online key")
	}
	if step(Change{Add: []Info{online}}, noon(), root) == nil {
		t.Error("a list without a root")
	}
	if step(Change{Add: []Info{online, rootInfo}, Roots: []Info{rootInfo}}, noon(), root) == nil {
		t.Error("a root among the keys it signs")
	}
	must(step(Change{Add: []Info{online, anna}, Roots: []Info{rootInfo}}, noon(), root))
	if step(Change{Add: []Info{newer}}, noon(), stranger) == nil {
		t.Error("signed by a stranger")
	}
	if step(Change{Add: []Info{online}}, noon(), root) == nil {
		t.Error("a key twice")
	}
	must(step(Change{Add: []Info{newer}}, noon().AddDate(0, 1, 0), root))
	must(step(Change{Revoke: []fleet.KeyID{online.ID}}, noon().AddDate(0, 2, 0), root))
	if step(Change{Revoke: []fleet.KeyID{newer.ID}}, noon(), root) == nil {
		t.Error("the last online key was withdrawn")
	}
	if step(Change{Revoke: []fleet.KeyID{"0123456789abcdef"}}, noon(), root) == nil {
		t.Error("a key that is not there was withdrawn")
	}
	if step(Change{Roots: []Info{spareInfo}}, noon(), root) == nil {
		t.Error("new roots that did not sign")
	}
	must(step(Change{Roots: []Info{spareInfo}}, noon().AddDate(0, 3, 0), root, spare))
	if step(Change{}, noon(), root) == nil {
		t.Error("the old root signs on")
	}
	must(step(Change{}, noon().AddDate(1, 0, 5), spare))
	if before.Version != 5 || len(before.Keys) != 1 || before.Keys[0].ID != newer.ID {
		t.Errorf("in the end: version %d, keys %+v", before.Version, before.Keys)
	}
}

// TestTheServiceSignsOnlyWhatIsBelieved replaces the list under a running service.
func TestTheServiceSignsOnlyWhatIsBelieved(t *testing.T) {
	root, rootInfo := made(t, Root)
	key, online := made(t, Online)
	_, other := made(t, Online)
	_, anna := made(t, Approver)
	now := noon()
	file := filepath.Join(t.TempDir(), "keys.json")
	ring, err := NewRing(key, file, func() time.Time { return now })
	if err != nil {
		t.Fatal(err)
	}
	seal := func() error { _, err := ring.Seal(fleet.TypeAck, map[string]int{"n": 1}); return err }
	if err := seal(); err == nil || ring.Trouble() == nil {
		t.Error("signs without a list")
	}
	var before *fleet.KeySet
	list := func(c Change) {
		t.Helper()
		c.Life = Life
		next, err := Next(before, c, now)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := Sign(next, before, root)
		if err != nil {
			t.Fatal(err)
		}
		// As `tillfleet keys rotate` does: a new file in the place of the old one.
		if err := os.WriteFile(file+".new", raw, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
		_, before, err = ReadSet(file)
		if err != nil {
			t.Fatal(err)
		}
	}
	says := func(word string) {
		t.Helper()
		if err := seal(); word == "" && err != nil || word != "" && (err == nil || !strings.Contains(err.Error(), word)) {
			t.Errorf("sealing: %v, want %q", err, word)
		}
	}
	list(Change{Add: []Info{other, anna}, Roots: []Info{rootInfo}})
	says("does not name")
	list(Change{Add: []Info{online}})
	says("")
	if raw, version := ring.Set(); version != 2 || len(raw) == 0 || ring.Trouble() != nil {
		t.Errorf("version %d, %v", version, ring.Trouble())
	}
	if err := os.WriteFile(file, []byte("garbage"), 0o644); err != nil {
		t.Fatal(err)
	}
	says("") // the list before is still good
	if ring.Trouble() == nil {
		t.Error("a damaged file is no trouble")
	}
	list(Change{Revoke: []fleet.KeyID{online.ID}})
	says("withdrawn")
	now = now.AddDate(2, 0, 0)
	says("run out")
}

// TestTwoApproversSignTheSameBytes is how a dangerous command comes about.
func TestTwoApproversSignTheSameBytes(t *testing.T) {
	anna, _ := made(t, Approver)
	boris, _ := made(t, Approver)
	raw, err := fleet.Seal(fleet.TypeCommand, map[string]string{"name": "terminal.wipe"})
	if err != nil {
		t.Fatal(err)
	}
	once, err := fleet.Countersign(raw, anna)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fleet.Countersign(once, anna); err == nil {
		t.Error("one key signs twice")
	}
	twice, err := fleet.Countersign(once, boris)
	if err != nil {
		t.Fatal(err)
	}
	want, err := fleet.Seal(fleet.TypeCommand, map[string]string{"name": "terminal.wipe"}, anna, boris)
	if err != nil {
		t.Fatal(err)
	}
	var got, both fleet.Envelope
	if json.Unmarshal(twice, &got) != nil || json.Unmarshal(want, &both) != nil || got.Payload != both.Payload || len(got.Signatures) != 2 ||
		got.Signatures[0] != both.Signatures[0] || got.Signatures[1] != both.Signatures[1] {
		t.Errorf("one after the other gives\n%s\nat once\n%s", twice, want)
	}
	if d, err := fleet.Look(once); err != nil || len(d.Signers) != 1 || d.Type != fleet.TypeCommand || string(d.Body) != `{"name":"terminal.wipe"}` {
		t.Errorf("a look into it: %+v, %v", d, err)
	}
	if _, err := fleet.Countersign([]byte("{}x"), anna); err == nil {
		t.Error("garbage was signed")
	}
}
