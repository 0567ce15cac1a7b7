package keyring

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestEd25519KeysOfAGateway(t *testing.T) {
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	m := newMaterial(t)
	encode := func(kind string, der []byte, err error) string {
		if err != nil {
			t.Fatal(err)
		}
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	own := encode("PRIVATE KEY", der, err)
	der, err = x509.MarshalPKIXPublicKey(public)
	theirs := encode("PUBLIC KEY", der, err)
	file := func(text string, mode os.FileMode) string {
		path := filepath.Join(t.TempDir(), "key.pem")
		if err := os.WriteFile(path, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil { // whatever the umask took off
			t.Fatal(err)
		}
		return path
	}
	if got, err := LoadSigningKey(file(own, 0o600)); err != nil || !got.Equal(key) {
		t.Errorf("the private key: %v", err)
	}
	if got, err := LoadVerifyKey(file(theirs, 0o644)); err != nil || !got.Equal(public) {
		t.Errorf("the public key: %v", err)
	}
	signing := func(path string) error { _, err := LoadSigningKey(path); return err }
	verifying := func(path string) error { _, err := LoadVerifyKey(path); return err }
	for _, row := range []struct {
		name string
		load func(string) error
		path string
		want string
	}{
		{"others may read it", signing, file(own, 0o644), "0644"},
		{"the public half instead", signing, file(theirs, 0o600), "holds a public key"},
		{"an RSA key", signing, file(encode("PRIVATE KEY", m.pkcs8, nil), 0o600), "not Ed25519"},
		{"no key", signing, file("hello", 0o600), "neither PEM nor base64"},
		{"no file", signing, "/nowhere/key.pem", ""},
		{"the private key instead", verifying, file(own, 0o600), "PRIVATE key"},
		{"an RSA public key", verifying, file(encode("PUBLIC KEY", m.pkix, nil), 0o600), "not Ed25519"},
		{"others may write it", verifying, file(theirs, 0o666), ""},
	} {
		err := row.load(row.path)
		var wrong *Error
		if !errors.As(err, &wrong) || !strings.Contains(wrong.Error(), row.want) || wrong.Do == "" && wrong.Cause == nil {
			t.Errorf("%s: %v", row.name, err)
		}
	}
}
