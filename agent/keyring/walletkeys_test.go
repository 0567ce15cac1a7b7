package keyring

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

// material is one merchant's download folder, made fresh for every run.
type material struct {
	key                            *rsa.PrivateKey
	pkcs8, pkcs1, pkix, pkcs1Pub   []byte // DER
	certificate, ecKey, ecPub, csr []byte // DER
	short                          []byte // PKCS #8 of 1024 bits
}

func newMaterial(t *testing.T) material {
	t.Helper()
	must := func(der []byte, err error) []byte {
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// crypto/rsa makes short keys only when told to.
	t.Setenv("GODEBUG", "rsa1024min=0")
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "merchant"}, NotAfter: time.Unix(1<<31, 0)}
	return material{
		key:         key,
		pkcs8:       must(x509.MarshalPKCS8PrivateKey(key)),
		pkcs1:       x509.MarshalPKCS1PrivateKey(key),
		pkix:        must(x509.MarshalPKIXPublicKey(&key.PublicKey)),
		pkcs1Pub:    x509.MarshalPKCS1PublicKey(&key.PublicKey),
		certificate: must(x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)),
		ecKey:       must(x509.MarshalPKCS8PrivateKey(ec)),
		ecPub:       must(x509.MarshalPKIXPublicKey(&ec.PublicKey)),
		csr:         must(x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)),
		short:       must(x509.MarshalPKCS8PrivateKey(short)),
	}
}

func inPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func utf16LE(s string) string {
	out := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return string(out)
}

func file(t *testing.T, content string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "key.pem")
	if err := errors.Join(os.WriteFile(path, []byte(content), 0o600), os.Chmod(path, mode)); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestKeyFilesAreReadInTheFormsWalletsDeliver(t *testing.T) {
	m := newMaterial(t)
	windows := func(s string) string { return utf8BOM + strings.ReplaceAll(s, "\n", "\r\n") }
	for name, content := range map[string]string{
		"PKCS #8":                  inPEM("PRIVATE KEY", m.pkcs8),
		"PKCS #1":                  inPEM("RSA PRIVATE KEY", m.pkcs1),
		"saved on Windows":         windows(inPEM("PRIVATE KEY", m.pkcs8)),
		"a wrong title":            inPEM("RSA PRIVATE KEY", m.pkcs8),
		"behind its certificate":   inPEM("CERTIFICATE", m.certificate) + inPEM("PRIVATE KEY", m.pkcs8),
		"bare base64 of Alipay":    base64.StdEncoding.EncodeToString(m.pkcs8) + "\n",
		"bare base64, Java's form": base64.StdEncoding.EncodeToString(m.pkcs1),
		"DER":                      string(m.pkcs8),
	} {
		key, err := LoadPrivateKey(file(t, content, 0o600))
		if err != nil || !key.Equal(m.key) {
			t.Errorf("private key, %s: %v", name, err)
		}
	}
	for name, content := range map[string]string{
		"PKIX":             inPEM("PUBLIC KEY", m.pkix),
		"PKCS #1":          inPEM("RSA PUBLIC KEY", m.pkcs1Pub),
		"saved on Windows": windows(inPEM("PUBLIC KEY", m.pkix)),
		"bare base64":      base64.StdEncoding.EncodeToString(m.pkix),
	} {
		key, err := LoadPublicKey(file(t, content, 0o644))
		if err != nil || !key.Equal(&m.key.PublicKey) {
			t.Errorf("public key, %s: %v", name, err)
		}
	}
	cert, err := LoadCertificate(file(t, inPEM("CERTIFICATE", m.certificate), 0o644))
	if err != nil || cert.SerialNumber.Int64() != 7 {
		t.Errorf("certificate: %v", err)
	}
}

func TestRootsAreReadTogether(t *testing.T) {
	m := newMaterial(t)
	text := inPEM("CERTIFICATE", []byte("an SM2 certificate")) + inPEM("CERTIFICATE", m.certificate)
	roots, err := LoadRoots(file(t, text, 0o644))
	if err != nil || string(roots) != text {
		t.Errorf("%s (%v)", roots, err)
	}
	for _, wrong := range []string{inPEM("CERTIFICATE", []byte("an SM2 certificate")), inPEM("PUBLIC KEY", m.pkix)} {
		if _, err := LoadRoots(file(t, wrong, 0o644)); err == nil || !strings.Contains(err.Error(), "alipayRootCert") {
			t.Errorf("%v", err)
		}
	}
}

func TestClassicMistakesAreCalledByName(t *testing.T) {
	m := newMaterial(t)
	private := func(path string) error { _, err := LoadPrivateKey(path); return err }
	public := func(path string) error { _, err := LoadPublicKey(path); return err }
	certificate := func(path string) error { _, err := LoadCertificate(path); return err }
	old := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-256-CBC,00"}, Bytes: []byte("x")}))
	whole := inPEM("PRIVATE KEY", m.pkcs8)
	cases := []struct {
		name, content string
		load          func(string) error
		says          string
	}{
		{"public key for private", inPEM("PUBLIC KEY", m.pkix), private, "holds a public key"},
		{"certificate for private key", inPEM("CERTIFICATE", m.certificate), private, "holds a certificate"},
		{"request for private key", inPEM("CERTIFICATE REQUEST", m.csr), private, "request for a certificate"},
		{"passphrase", inPEM("ENCRYPTED PRIVATE KEY", []byte("x")), private, "passphrase"},
		{"passphrase, old form", old, private, "passphrase"},
		{"elliptic curve", inPEM("PRIVATE KEY", m.ecKey), private, "not RSA"},
		{"1024 bits", inPEM("PRIVATE KEY", m.short), private, "1024 bits"},
		{"empty", " \n", private, "is empty"},
		{"cut off", whole[:len(whole)/2], private, "cut off"},
		{"UTF-16", utf16LE(whole), private, "UTF-16"},
		{"a container", "0\x82\x01\x00.p12", private, ".p12"},
		{"some text", "hello, world!", private, "neither PEM nor base64"},
		{"damaged inside", inPEM("PRIVATE KEY", []byte("x")), private, "no key that can be read"},
		{"a whole disk", strings.Repeat("A", maxFile+1), private, "too large"},
		{"private key for public", whole, public, "holds a PRIVATE key"},
		{"certificate for public key", inPEM("CERTIFICATE", m.certificate), public, "holds a certificate"},
		{"elliptic public key", inPEM("PUBLIC KEY", m.ecPub), public, "not RSA"},
		{"key for certificate", inPEM("PUBLIC KEY", m.pkix), certificate, "holds a public key"},
		{"private key for certificate", whole, certificate, "holds a PRIVATE key"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := file(t, c.content, 0o600)
			err := c.load(path)
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, ErrWrongKey) || !strings.Contains(e.What, c.says) || e.Path != path || e.Do == "" {
				t.Fatalf("%v, want %q", err, c.says)
			}
			if body := strings.TrimSpace(c.content); len(body) > 40 && strings.Contains(err.Error(), body[len(body)/2:len(body)/2+16]) {
				t.Errorf("the message quotes the file: %v", err)
			}
		})
	}
}

func TestTheMerchantsOwnKeyIsNotTheWallets(t *testing.T) {
	m := newMaterial(t)
	err := CheckPair(m.key, &m.key.PublicKey, "/etc/tillwire/wechat_pub_key.pem")
	if !errors.Is(err, ErrWrongKey) || !strings.Contains(err.Error(), "wechat_pub_key.pem: holds the merchant's own public key") {
		t.Errorf("%v", err)
	}
	other, errKey := rsa.GenerateKey(rand.Reader, 2048)
	if err := errors.Join(errKey, CheckPair(m.key, &other.PublicKey, "x")); err != nil {
		t.Error(err)
	}
}

func TestKeyFilesMustBePrivateOrAtLeastTrusted(t *testing.T) {
	m := newMaterial(t)
	if _, err := LoadPrivateKey(file(t, inPEM("PRIVATE KEY", m.pkcs8), 0o640)); !errors.Is(err, ErrPermission) || !strings.Contains(err.Error(), "chmod 600 ") {
		t.Errorf("a private key readable by a group: %v", err)
	}
	if _, err := LoadPublicKey(file(t, inPEM("PUBLIC KEY", m.pkix), 0o666)); !errors.Is(err, ErrPermission) || !strings.Contains(err.Error(), "chmod go-w ") {
		t.Errorf("a public key writable by all: %v", err)
	}
	if _, err := LoadSecret(file(t, "secret", 0o604), 1, 64); !errors.Is(err, ErrPermission) {
		t.Errorf("a secret readable by all: %v", err)
	}
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(file(t, inPEM("PRIVATE KEY", m.pkcs8), 0o600), link); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadPrivateKey(link); err != nil {
		t.Errorf("through a symbolic link: %v", err)
	}
	missing := filepath.Join(t.TempDir(), "none.pem")
	if _, err := LoadPrivateKey(missing); !errors.Is(err, fs.ErrNotExist) || !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), missing) {
		t.Errorf("missing: %v", err)
	}
	if _, err := LoadSecret(t.TempDir(), 1, 64); !errors.Is(err, ErrFile) || !strings.Contains(err.Error(), "not a regular file") {
		t.Errorf("a folder: %v", err)
	}
}

func TestSecretsAreOneLineOfText(t *testing.T) {
	const secret = "0123456789abcdef0123456789ABCDEF"
	cases := []struct{ name, content, want, says string }{
		{"plain", secret, secret, ""},
		{"with a line end", secret + "\n", secret, ""},
		{"saved on Windows", utf8BOM + secret + "\r\n", secret, ""},
		{"too short", secret[:31], "", "holds 31 characters, not 32"},
		{"too long", secret + "0", "", "holds 33 characters"},
		{"empty", "\n", "", "is empty"},
		{"two lines", secret[:16] + "\n" + secret[16:], "", "more than one line"},
		{"a space behind", secret[:31] + " ", "", "space"},
		{"a space before", " " + secret[:31], "", "space"},
		{"bytes", secret[:31] + "\x00", "", "no text"},
		{"not UTF-8", secret[:31] + "\xff", "", "no text"},
		{"UTF-16", utf16LE(secret), "", "UTF-16"},
		{"a key file", inPEM("PRIVATE KEY", []byte("xx")), "", "PEM"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, err := LoadSecret(file(t, c.content, 0o600), 32, 32)
			if string(got) != c.want || (err == nil) != (c.says == "") {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if err != nil && (!errors.Is(err, ErrWrongKey) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), secret[:8])) {
				t.Errorf("%v, want %q", err, c.says)
			}
		})
	}
	if _, err := LoadSecret(file(t, "short", 0o600), 8, 128); !strings.Contains(err.Error(), "8 to 128") {
		t.Errorf("range: %v", err)
	}
}
