package keyring

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

func opened(t *testing.T, dir string) *Keyring {
	t.Helper()
	k, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func same(a, b *Keyring) bool {
	return a.device.Equal(b.device) && bytes.Equal(a.hasher.pepper, b.hasher.pepper) && bytes.Equal(a.fingerprint, b.fingerprint)
}

func TestFirstUseCreatesAPrivateIdentityThatStays(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	first := opened(t, dir)
	if !first.Created() {
		t.Error("the first open did not say that it created an identity")
	}
	second := opened(t, dir)
	if second.Created() || !same(first, second) {
		t.Error("the second open has another identity")
	}
	if other := opened(t, filepath.Join(t.TempDir(), "keys")); same(first, other) || other.DeviceID() == first.DeviceID() {
		t.Error("two terminals have one identity")
	}
	for path, want := range map[string]fs.FileMode{dir: fs.ModeDir | 0o700, filepath.Join(dir, identityFile): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode() != want {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, want)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}

func TestTheIdentitySignsNamesAndFingerprints(t *testing.T) {
	k := opened(t, filepath.Join(t.TempDir(), "keys"))
	message := []byte("presence")
	if !ed25519.Verify(k.PublicKey(), message, k.Sign(message)) || ed25519.Verify(k.PublicKey(), []byte("other"), k.Sign(message)) {
		t.Error("the signature does not verify as it should")
	}
	if id := k.DeviceID(); len(id) != 16 || strings.Trim(id, "abcdefghijklmnopqrstuvwxyz234567") != "" {
		t.Errorf("device id %q", id)
	}
	a, b := k.Fingerprint("134567890123456789"), k.Fingerprint("134567890123456780")
	if len(a) != FingerprintSize || bytes.Equal(a, b) || !bytes.Equal(a, k.Fingerprint("134567890123456789")) {
		t.Errorf("fingerprints %x and %x", a, b)
	}
	if other := opened(t, filepath.Join(t.TempDir(), "keys")); bytes.Equal(a, other.Fingerprint("134567890123456789")) {
		t.Error("two terminals give one code the same fingerprint")
	}
	// RFC 4231, test case 2, truncated to our length.
	known := Keyring{fingerprint: []byte("Jefe")}
	if got := hex.EncodeToString(known.Fingerprint("what do ya want for nothing?")); got != "5bdcc146bf60754e6a042426089575c7" {
		t.Errorf("not HMAC-SHA256: %s", got)
	}
	k.PublicKey()[0] ^= 0xFF
	if !ed25519.Verify(k.PublicKey(), message, k.Sign(message)) {
		t.Error("what was handed out is not a copy")
	}
}

func TestTwoOpensAtOnceAgree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	rings := make([]*Keyring, 12)
	var opens sync.WaitGroup
	for i := range rings {
		opens.Go(func() {
			var err error
			if rings[i], err = Open(dir); err != nil {
				t.Error(err)
			}
		})
	}
	opens.Wait()
	created := 0
	for _, k := range rings {
		if k == nil || !same(k, rings[0]) {
			t.Fatal("two opens have different identities")
		}
		if k.Created() {
			created++
		}
	}
	if created != 1 {
		t.Errorf("%d opens say they created it", created)
	}
}

func TestALeftOverOfAPowerCutIsReplaced(t *testing.T) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, identityTemp), []byte("-----BEGIN PRIV"), 0o644); err != nil {
		t.Fatal(err)
	}
	k := opened(t, dir)
	if again := opened(t, dir); !k.Created() || !same(k, again) {
		t.Error("the identity was not made anew")
	}
	if _, err := os.Stat(filepath.Join(dir, identityTemp)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the left-over is still there: %v", err)
	}
}

func TestADamagedIdentityIsRefusedAndNeverReplaced(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	good := opened(t, dir)
	path := filepath.Join(dir, identityFile)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	reopen := func(content []byte) (*Keyring, error) {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		k, err := Open(dir)
		if after, readErr := os.ReadFile(path); readErr != nil || !bytes.Equal(after, content) {
			t.Fatalf("the file was changed: %v", readErr)
		}
		return k, err
	}
	for cut := 0; cut < len(whole)-1; cut += 3 {
		if _, err := reopen(whole[:cut]); !errors.Is(err, ErrCorrupt) {
			t.Fatalf("cut at %d: %v", cut, err)
		}
	}
	for i := 0; i < len(whole); i += 2 {
		flipped := bytes.Clone(whole)
		flipped[i] ^= 1
		k, err := reopen(flipped)
		// A flip in the line ends of the checksum changes nothing that counts.
		if !errors.Is(err, ErrCorrupt) && (err != nil || !same(k, good)) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
	}
	if k, err := reopen(whole); err != nil || !same(k, good) {
		t.Errorf("restored: %v", err)
	}
	_, err = reopen(nil)
	for _, says := range []string{path, "damaged", "restore it from a copy"} {
		if !strings.Contains(fmt.Sprint(err), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
}

func TestAnIncompleteIdentityNamesWhatIsMissing(t *testing.T) {
	id, err := newIdentity()
	if err != nil {
		t.Fatal(err)
	}
	for says, broken := range map[string]identity{
		"no pepper":          {device: id.device, pepper: id.pepper[:31], fingerprint: id.fingerprint},
		"no fingerprint key": {device: id.device, pepper: id.pepper},
	} {
		data, err := broken.encode()
		if err != nil {
			t.Fatal(err)
		}
		if _, what := decodeIdentity(data); what != says {
			t.Errorf("said %q, want %q", what, says)
		}
	}
}

func TestOpenPermissionsAreRefusedWithTheCommandThatMendsThem(t *testing.T) {
	cases := []struct {
		name      string
		dir, file fs.FileMode
		class     error
		do        string
	}{
		{"both private", 0o700, 0o600, nil, ""},
		{"file read-only", 0o500, 0o400, nil, ""},
		{"file for the group", 0o700, 0o640, ErrPermission, "chmod 600 "},
		{"file for the world", 0o700, 0o604, ErrPermission, "chmod 600 "},
		{"folder for the group", 0o750, 0o600, ErrPermission, "chmod 700 "},
		{"folder for the world", 0o755, 0o600, ErrPermission, "chmod 700 "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "keys")
			opened(t, dir)
			if err := errors.Join(os.Chmod(filepath.Join(dir, identityFile), c.file), os.Chmod(dir, c.dir)); err != nil {
				t.Fatal(err)
			}
			_, err := Open(dir)
			if !errors.Is(err, c.class) || c.class != nil && !strings.Contains(err.Error(), c.do+dir) {
				t.Errorf("%v; want %v with %q", err, c.class, c.do)
			}
		})
	}
}

func TestWhatIsNoFolderOrFileIsNamed(t *testing.T) {
	base := t.TempDir()
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	pipes := filepath.Join(base, "pipes")
	if err := errors.Join(os.Mkdir(pipes, 0o700), unix.Mkfifo(filepath.Join(pipes, identityFile), 0o600)); err != nil {
		t.Fatal(err)
	}
	dangling := filepath.Join(base, "dangling")
	if err := errors.Join(os.Mkdir(dangling, 0o700), os.Symlink("/nowhere/identity.pem", filepath.Join(dangling, identityFile))); err != nil {
		t.Fatal(err)
	}
	for dir, says := range map[string]string{
		file:                              "is not a folder",
		filepath.Join(file, "keys"):       "cannot be created",
		filepath.Join(base, "no", "keys"): "mkdir -p " + filepath.Join(base, "no"),
		pipes:                             "is not a regular file",
		dangling:                          "does not exist",
	} {
		if _, err := Open(dir); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", dir, err, says)
		}
	}
}

func TestWhoMayOwnAKeyFile(t *testing.T) {
	const root, agent, other = 0, 990, 1000
	cases := []struct {
		name        string
		owner, self uint32
		mode        fs.FileMode
		secrecy     secrecy
		credential  bool
		want        error
	}{
		{"the agent's own", agent, agent, 0o600, private, false, nil},
		{"root's, private", root, agent, 0o400, private, false, nil},
		{"someone else's", other, agent, 0o600, private, false, ErrOwner},
		{"anyone's, for root's commands", agent, root, 0o600, private, false, nil},
		{"root's, readable by a group", root, agent, 0o440, private, false, ErrPermission},
		{"a systemd credential", root, agent, 0o440, private, true, nil},
		{"a systemd credential, strict", root, agent, 0o400, private, true, nil},
		{"a credential for the world", root, agent, 0o444, private, true, ErrPermission},
		{"a credential the group may write", root, agent, 0o460, private, true, ErrPermission},
		{"a credential not of root", agent, agent, 0o440, private, true, ErrPermission},
		{"a public key for the world", root, agent, 0o644, trusted, false, nil},
		{"a public key the group may write", root, agent, 0o664, trusted, false, ErrPermission},
		{"a public key of someone else", other, agent, 0o644, trusted, false, ErrOwner},
	}
	for _, c := range cases {
		o := owned{path: "/etc/tillwire/key.pem", mode: c.mode, owner: c.owner, self: c.self}
		if err := o.check("load", c.secrecy, c.credential); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
	for path, want := range map[string]bool{
		"/run/credentials/tillwire.service/key": true, "/run/credentials/../key": false, "/etc/run/credentials/key": false,
	} {
		if inCredentials(path) != want {
			t.Errorf("%s: %t", path, !want)
		}
	}
}

func TestNothingPrintsTheKeys(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "keys")
	k := opened(t, dir)
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t"} {
		fmt.Fprintf(&out, verb+verb+verb+"\n", k, *k, k.Hasher())
	}
	slog.New(slog.NewTextHandler(&out, nil)).Info("open", "keyring", k, "value", *k, "hasher", k.Hasher())
	slog.New(slog.NewJSONHandler(&out, nil)).Info("open", "keyring", k, "value", *k, "hasher", k.Hasher())
	if err := json.NewEncoder(&out).Encode([]any{k, *k, k.Hasher()}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), k.DeviceID()) {
		t.Error("not even the device id is printed")
	}
	for name, secret := range map[string][]byte{"device key": k.device.Seed(), "pepper": k.hasher.pepper, "fingerprint key": k.fingerprint} {
		for _, form := range []string{
			string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)),
			base64.StdEncoding.EncodeToString(secret)[:40], strings.Trim(fmt.Sprint(secret), "[]"), fmt.Sprintf("%#v", secret)[7:],
		} {
			if strings.Contains(out.String(), form) {
				t.Errorf("the %s is printed", name)
			}
		}
	}
	if fmt.Sprint(Keyring{}) == "" {
		t.Error("an empty keyring prints nothing")
	}
}
