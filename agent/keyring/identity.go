package keyring

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// All three secrets live in one file, so that there is never a terminal with
// half an identity. The blocks are PEM; the last is the SHA-256 of what stands
// before it, because a flipped bit in the pepper would show only as PINs that
// no longer work.
const (
	identityFile = "identity.pem"
	identityTemp = identityFile + ".new"

	blockDevice      = "PRIVATE KEY" // PKCS #8, readable by openssl
	blockPepper      = "TILLWIRE PIN PEPPER"
	blockFingerprint = "TILLWIRE FINGERPRINT KEY"
	blockChecksum    = "TILLWIRE CHECKSUM"

	opIdentity = "open identity"
)

type identity struct {
	device      ed25519.PrivateKey
	pepper      []byte
	fingerprint []byte
}

// openIdentity loads or creates under a lock on the folder, so that of two
// agents starting at once one creates and the other loads.
func openIdentity(dir string) (identity, bool, error) {
	folder, err := openFolder(dir)
	if err != nil {
		return identity{}, false, err
	}
	defer folder.Close() // releases the lock
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX); err != nil {
		return identity{}, false, &Error{Op: opIdentity, Path: dir, Class: ErrFile, What: "cannot be locked", Cause: err}
	}
	path := filepath.Join(dir, identityFile)
	_, err = os.Lstat(path)
	switch {
	case err == nil:
		id, err := loadIdentity(path)
		return id, false, err
	case !errors.Is(err, fs.ErrNotExist):
		return identity{}, false, openError(opIdentity, path, err)
	}
	id, err := newIdentity()
	if err != nil {
		return identity{}, false, &Error{Op: opIdentity, Path: path, Class: ErrFile, What: "no key can be made", Cause: err}
	}
	if err := id.save(folder, dir); err != nil {
		return identity{}, false, err
	}
	return id, true, nil
}

// openFolder makes dir when it is missing and checks that it is private.
func openFolder(dir string) (*os.File, error) {
	fail := func(what, do string, err error) (*os.File, error) {
		return nil, &Error{Op: opIdentity, Path: dir, Class: ErrFile, What: what, Do: do, Cause: err}
	}
	switch err := os.Mkdir(dir, 0o700); {
	case err == nil:
		// The folder's own name must survive a power cut as well.
		if err := syncFolder(filepath.Dir(dir)); err != nil {
			return fail("cannot be made durable", "check the disk", err)
		}
	case errors.Is(err, fs.ErrNotExist):
		return fail("the folder above it does not exist", "mkdir -p "+filepath.Dir(dir), nil)
	case !errors.Is(err, fs.ErrExist):
		return fail("cannot be created", "check owner and free space of "+filepath.Dir(dir), errors.Unwrap(err))
	}
	folder, err := os.Open(dir)
	if err != nil {
		return nil, openError(opIdentity, dir, err)
	}
	info, err := folder.Stat()
	if err == nil && !info.IsDir() {
		err = &Error{Op: opIdentity, Path: dir, Class: ErrFile, What: "is not a folder", Do: "name the folder for keys"}
	} else if err == nil {
		err = ownership(dir, info).check(opIdentity, private, false)
	}
	if err != nil {
		folder.Close()
		return nil, err
	}
	return folder, nil
}

func newIdentity() (identity, error) {
	_, device, err := ed25519.GenerateKey(nil)
	if err != nil {
		return identity{}, err
	}
	id := identity{device: device, pepper: make([]byte, SecretSize), fingerprint: make([]byte, SecretSize)}
	rand.Read(id.pepper)      // never fails: the runtime ends the process instead
	rand.Read(id.fingerprint) // see crypto/rand
	return id, nil
}

func (id identity) encode() ([]byte, error) {
	device, err := x509.MarshalPKCS8PrivateKey(id.device)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, block := range []pem.Block{{Type: blockDevice, Bytes: device}, {Type: blockPepper, Bytes: id.pepper}, {Type: blockFingerprint, Bytes: id.fingerprint}} {
		b.Write(pem.EncodeToMemory(&block))
	}
	sum := sha256.Sum256(b.Bytes())
	b.Write(pem.EncodeToMemory(&pem.Block{Type: blockChecksum, Bytes: sum[:]}))
	return b.Bytes(), nil
}

// save writes under another name, syncs, renames and syncs the folder: after a
// power cut there is a whole identity or none. A left-over of a cut is
// overwritten; nobody else writes while we hold the folder's lock.
func (id identity) save(folder *os.File, dir string) error {
	path, temp := filepath.Join(dir, identityFile), filepath.Join(dir, identityTemp)
	fail := func(err error) error {
		os.Remove(temp)
		return &Error{Op: "create identity", Path: path, Class: ErrFile, What: "cannot be written", Do: "check owner and free space of " + dir, Cause: err}
	}
	data, err := id.encode()
	if err != nil {
		return fail(err)
	}
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fail(err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, giveToOwner(f, folder), f.Sync(), f.Close())
	if err != nil {
		return fail(err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fail(err)
	}
	if err := folder.Sync(); err != nil {
		return fail(err)
	}
	return nil
}

// giveToOwner hands a file made by root (an operator's command before the
// first start) to whoever the folder belongs to; the agent could not read it
// otherwise.
func giveToOwner(f, folder *os.File) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := folder.Stat()
	if err != nil {
		return err
	}
	return f.Chown(int(ownership("", info).owner), -1)
}

func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func loadIdentity(path string) (identity, error) {
	data, err := readFile(opIdentity, path, private)
	if err != nil {
		return identity{}, err
	}
	id, what := decodeIdentity(data)
	if what != "" {
		return identity{}, &Error{
			Op: opIdentity, Path: path, Class: ErrCorrupt, What: "is damaged: " + what,
			Do: "restore it from a copy; without one move it away, then the terminal starts as a new device and every PIN must be set again",
		}
	}
	return id, nil
}

// decodeIdentity returns what is wrong as words, "" when nothing is. The
// cause is kept short: what a parser says could repeat part of the file.
func decodeIdentity(data []byte) (identity, string) {
	at := bytes.LastIndex(data, []byte("-----BEGIN "+blockChecksum))
	if at < 0 {
		return identity{}, "its end is missing"
	}
	sum := sha256.Sum256(data[:at])
	if check, _ := pem.Decode(data[at:]); check == nil || !bytes.Equal(check.Bytes, sum[:]) {
		return identity{}, "the checksum does not match"
	}
	blocks := map[string][]byte{}
	for rest := data[:at]; ; {
		block, tail := pem.Decode(rest)
		if block == nil {
			break
		}
		blocks[block.Type], rest = block.Bytes, tail
	}
	id := identity{pepper: blocks[blockPepper], fingerprint: blocks[blockFingerprint]}
	key, _ := x509.ParsePKCS8PrivateKey(blocks[blockDevice])
	var missing []string
	if device, ok := key.(ed25519.PrivateKey); ok {
		id.device = device
	} else {
		missing = append(missing, "device key")
	}
	if len(id.pepper) != SecretSize {
		missing = append(missing, "pepper")
	}
	if len(id.fingerprint) != SecretSize {
		missing = append(missing, "fingerprint key")
	}
	if missing != nil {
		return identity{}, "no " + strings.Join(missing, ", no ")
	}
	return id, ""
}
