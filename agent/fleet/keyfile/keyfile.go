package keyfile

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/argon2"

	"tillwire/agent/fleet"
)

// Role is what a key is for.
type Role string

// The roles. A root signs the list of keys and nothing else.
const (
	Root     Role = "root"
	Online        = Role(fleet.Online)
	Approver      = Role(fleet.Approver)
)

// Roles lists them.
func Roles() []Role { return []Role{Root, Online, Approver} }

// Info is what a file tells without its passphrase.
type Info struct {
	Role   Role
	ID     fleet.KeyID
	Public ed25519.PublicKey
	Locked bool // by a passphrase; false: whoever reads the file has the key
	Note   string
}

// The ways a file cannot be used.
var (
	// ErrPassphrase: another passphrase locks the file, or the file was changed.
	ErrPassphrase = errors.New("the passphrase is not the one of this key, or the file was changed")
	// ErrFile: the file is none of ours.
	ErrFile = errors.New("it is no key of a fleet's office as `tillfleet keys new` makes them")
	// ErrOpen: others may read the file.
	ErrOpen = errors.New("others may read the file; nobody but its owner may: chmod 600")
	// ErrWeak: the passphrase is too short.
	ErrWeak = fmt.Errorf("a passphrase has at least %d characters; five words drawn by lot are better than one with signs in it", LeastPassphrase)
)

// LeastPassphrase is the fewest characters of a passphrase.
const LeastPassphrase = 12

const (
	blockType = "TILLWIRE FLEET KEY"
	// RFC 9106, 4, second recommended option.
	kdf        = "argon2id-64MiB-3-4"
	kdfMemory  = 64 << 10 // KiB
	kdfTime    = 3
	kdfThreads = 4
	saltSize   = 16
	maxFile    = 4 << 10
)

// headers of the file; all of them are under the seal.
const (
	headRole   = "Role"
	headPublic = "Public"
	headNote   = "Note"
	headLock   = "Lock"
	headSalt   = "Salt"
	unlocked   = "none"
)

// New makes a key. Note says whose it is, for people.
func New(role Role, note string) (ed25519.PrivateKey, Info, error) {
	if !slices.Contains(Roles(), role) {
		return nil, Info{}, fmt.Errorf("a key is for %v, not %q", Roles(), role)
	}
	if len(note) > 120 || strings.ContainsFunc(note, func(r rune) bool { return r < ' ' || r > '~' }) || note != strings.TrimSpace(note) {
		return nil, Info{}, errors.New("a note is up to 120 characters of ASCII")
	}
	public, private, err := ed25519.GenerateKey(rand.Reader)
	return private, Info{Role: role, ID: fleet.IDOf(public), Public: public, Note: note}, err
}

// Write puts a key into a new file that nobody but its owner may read. An empty
// passphrase leaves it unlocked. The file must not be there yet.
func Write(path string, private ed25519.PrivateKey, info Info, passphrase string) error {
	text, err := encode(private, info, passphrase)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s is there already; a key is never overwritten. Name another file", path)
	}
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(path))
	}
	return nil
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func encode(private ed25519.PrivateKey, info Info, passphrase string) ([]byte, error) {
	block := &pem.Block{Type: blockType, Headers: map[string]string{headRole: string(info.Role), headPublic: base64.StdEncoding.EncodeToString(info.Public), headLock: unlocked}}
	if info.Note != "" {
		block.Headers[headNote] = info.Note
	}
	if passphrase == "" {
		block.Bytes = private.Seed()
		return pem.EncodeToMemory(block), nil
	}
	if len(passphrase) < LeastPassphrase {
		return nil, ErrWeak
	}
	salt := make([]byte, saltSize)
	rand.Read(salt) // never fails, by its contract
	block.Headers[headLock], block.Headers[headSalt] = kdf, base64.StdEncoding.EncodeToString(salt)
	box, err := boxOf(passphrase, salt)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, box.NonceSize())
	rand.Read(nonce)
	block.Bytes = box.Seal(nonce, nonce, private.Seed(), about(block.Headers))
	return pem.EncodeToMemory(block), nil
}

func boxOf(passphrase string, salt []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(argon2.IDKey([]byte(passphrase), salt, kdfTime, kdfMemory, kdfThreads, 32))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// about is what the seal holds together with the key.
func about(headers map[string]string) []byte {
	var b strings.Builder
	for _, name := range []string{headRole, headPublic, headNote, headLock, headSalt} {
		fmt.Fprintf(&b, "%s: %q\n", name, headers[name])
	}
	return []byte(b.String())
}

// Look reads what a file tells without its passphrase.
func Look(path string) (Info, error) {
	_, info, err := read(path)
	return info, err
}

// Open reads a key. One that is not locked takes no passphrase.
func Open(path, passphrase string) (ed25519.PrivateKey, Info, error) {
	block, info, err := read(path)
	if err != nil {
		return nil, info, err
	}
	seed := block.Bytes
	if info.Locked {
		salt, err := base64.StdEncoding.DecodeString(block.Headers[headSalt])
		if err != nil || len(salt) != saltSize {
			return nil, info, fmt.Errorf("%s: %w", path, ErrFile)
		}
		box, err := boxOf(passphrase, salt)
		if err != nil {
			return nil, info, err
		}
		if len(seed) < box.NonceSize() {
			return nil, info, fmt.Errorf("%s: %w", path, ErrFile)
		}
		if seed, err = box.Open(nil, seed[:box.NonceSize()], seed[box.NonceSize():], about(block.Headers)); err != nil {
			return nil, info, fmt.Errorf("%s: %w", path, ErrPassphrase)
		}
	}
	if len(seed) != ed25519.SeedSize {
		return nil, info, fmt.Errorf("%s: %w", path, ErrFile)
	}
	private := ed25519.NewKeyFromSeed(seed)
	if !info.Public.Equal(private.Public()) {
		return nil, info, fmt.Errorf("%s: %w", path, ErrFile)
	}
	return private, info, nil
}

func read(path string) (*pem.Block, Info, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return nil, Info{}, err
	}
	if !stat.Mode().IsRegular() || stat.Size() > maxFile {
		return nil, Info{}, fmt.Errorf("%s: %w", path, ErrFile)
	}
	if stat.Mode().Perm()&0o077 != 0 {
		return nil, Info{}, fmt.Errorf("%s: %w", path, ErrOpen)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, Info{}, err
	}
	block, _ := pem.Decode(text)
	if block == nil || block.Type != blockType {
		return nil, Info{}, fmt.Errorf("%s: %w", path, ErrFile)
	}
	h := block.Headers
	public, err := fleet.ReadPublic(h[headPublic])
	if err != nil || !slices.Contains(Roles(), Role(h[headRole])) || h[headLock] != kdf && h[headLock] != unlocked {
		return nil, Info{}, fmt.Errorf("%s: %w", path, ErrFile)
	}
	return block, Info{Role: Role(h[headRole]), ID: fleet.IDOf(public), Public: public, Locked: h[headLock] != unlocked, Note: h[headNote]}, nil
}
