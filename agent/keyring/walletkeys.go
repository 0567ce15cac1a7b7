package keyring

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"unicode/utf8"
)

// minRSA is the least modulus that wallets take and we use, in bits.
const minRSA = 2048

// LoadPrivateKey reads a merchant's RSA key that signs requests: PEM in PKCS #8
// or PKCS #1, or the bare base64 that Alipay's key tool writes. The file must
// be readable by the agent alone (0600, or a systemd credential). What people
// put there by mistake is refused by its name; the error is an *Error.
func LoadPrivateKey(path string) (*rsa.PrivateKey, error) {
	l := loader{op: "load private key", path: path}
	blocks, err := l.blocksOf(private)
	if err != nil {
		return nil, err
	}
	for _, b := range blocks {
		if key, ok := parsePrivate(b); ok {
			return l.rsaPrivate(key)
		}
	}
	return nil, l.instead(blocks, "the private key, which wallets deliver as apiclient_key.pem or app_private_key")
}

// LoadPublicKey reads the RSA key that a wallet signs its answers with: PEM
// (PKIX or PKCS #1) or bare base64. It is no secret, but nobody else may be
// able to change the file. Errors are as in LoadPrivateKey.
func LoadPublicKey(path string) (*rsa.PublicKey, error) {
	l := loader{op: "load public key", path: path}
	blocks, err := l.blocksOf(trusted)
	if err != nil {
		return nil, err
	}
	for _, b := range blocks {
		if key, ok := parsePublic(b); ok {
			public, ok := key.(*rsa.PublicKey)
			if !ok {
				return nil, l.wrong("holds a public key that is not RSA", "download the wallet's RSA public key")
			}
			if err := l.strong(public); err != nil {
				return nil, err
			}
			return public, nil
		}
	}
	return nil, l.instead(blocks, "the wallet's public key (pub_key.pem, alipayPublicKey)")
}

// LoadCertificate reads a certificate with an RSA key, as WeChat's certificate
// mode uses. Validity in time is the caller's to judge: clocks of shops lie.
func LoadCertificate(path string) (*x509.Certificate, error) {
	l := loader{op: "load certificate", path: path}
	blocks, err := l.blocksOf(trusted)
	if err != nil {
		return nil, err
	}
	for _, b := range blocks {
		if cert, err := x509.ParseCertificate(b.Bytes); err == nil {
			public, ok := cert.PublicKey.(*rsa.PublicKey)
			if !ok {
				return nil, l.wrong("holds a certificate whose key is not RSA", "download the wallet's certificate")
			}
			if err := l.strong(public); err != nil {
				return nil, err
			}
			return cert, nil
		}
	}
	return nil, l.instead(blocks, "a certificate (apiclient_cert.pem, wechatpay_….pem)")
}

// LoadRoots reads a file of root certificates as Alipay's certificate mode names
// it (alipayRootCert.crt) and gives every block of it as PEM. One with an RSA key
// must be among them; the others (SM2) are nobody's to read here.
func LoadRoots(path string) ([]byte, error) {
	l := loader{op: "load root certificates", path: path}
	blocks, err := l.blocksOf(trusted)
	if err != nil {
		return nil, err
	}
	var text []byte
	usable := false
	for _, b := range blocks {
		if cert, err := x509.ParseCertificate(b.Bytes); err == nil {
			_, ours := cert.PublicKey.(*rsa.PublicKey)
			usable = usable || ours
		}
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: b.Bytes})...)
	}
	if !usable {
		return nil, l.instead(blocks, "the wallet's root certificates (alipayRootCert.crt)")
	}
	return text, nil
}

// CheckPair refuses the wallet's public key when it is the public half of the
// merchant's own: someone filed the wrong download, and every genuine answer
// would fail to verify. path names the public key's file for the message.
func CheckPair(merchant *rsa.PrivateKey, platform *rsa.PublicKey, path string) error {
	if !merchant.PublicKey.Equal(platform) {
		return nil
	}
	return loader{op: "check keys", path: path}.wrong("holds the merchant's own public key", "put the wallet's public key there, from the wallet's merchant site")
}

// LoadSecret reads one line of text such as an API key, of least to most
// bytes without its line end. The file must be private as for LoadPrivateKey.
func LoadSecret(path string, least, most int) ([]byte, error) {
	l := loader{op: "load secret", path: path}
	data, err := readFile(l.op, path, private)
	if err != nil {
		return nil, err
	}
	if err := l.encoding(data); err != nil {
		return nil, err
	}
	data = bytes.TrimRight(bytes.TrimPrefix(data, []byte(utf8BOM)), "\r\n")
	switch {
	case bytes.Contains(data, []byte("-----BEGIN ")):
		return nil, l.wrong("holds a key or certificate in PEM", "put the secret itself there, one line of text")
	case bytes.ContainsAny(data, "\r\n"):
		return nil, l.wrong("has more than one line", "leave one line, the secret itself")
	case bytes.ContainsFunc(data, func(r rune) bool { return r < 0x20 || r == 0x7F || r == utf8.RuneError }):
		return nil, l.wrong("holds characters that are no text", "put the secret there as text")
	case bytes.ContainsFunc(data[:min(1, len(data))], isSpace), bytes.ContainsFunc(data[max(0, len(data)-1):], isSpace):
		return nil, l.wrong("begins or ends with a space", "remove the space")
	case len(data) < least || len(data) > most:
		want := fmt.Sprintf("%d to %d", least, most)
		if least == most {
			want = fmt.Sprint(least)
		}
		return nil, l.wrong(fmt.Sprintf("holds %d characters, not %s", len(data), want), "copy the secret again, whole")
	}
	return data, nil
}

func isSpace(r rune) bool { return r == ' ' }

// loader carries what every message about a key file needs.
type loader struct{ op, path string }

func (l loader) wrong(what, do string) error {
	return &Error{Op: l.op, Path: l.path, Class: ErrWrongKey, What: what, Do: do}
}

func (l loader) rsaPrivate(key any) (*rsa.PrivateKey, error) {
	merchant, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, l.wrong("holds a private key that is not RSA", "use the RSA key that is registered with the wallet")
	}
	if err := l.strong(&merchant.PublicKey); err != nil {
		return nil, err
	}
	return merchant, nil
}

func (l loader) strong(key *rsa.PublicKey) error {
	if bits := key.N.BitLen(); bits < minRSA {
		return l.wrong(fmt.Sprintf("holds an RSA key of %d bits", bits), fmt.Sprintf("make one of at least %d bits and register it with the wallet", minRSA))
	}
	return nil
}

const utf8BOM = "\xEF\xBB\xBF"

// encoding refuses text that a Windows editor saved as UTF-16.
func (l loader) encoding(data []byte) error {
	switch {
	case len(bytes.TrimSpace(data)) == 0:
		return l.wrong("is empty", "copy the file again")
	case bytes.HasPrefix(data, []byte("\xFF\xFE")), bytes.HasPrefix(data, []byte("\xFE\xFF")):
		return l.wrong("is text in UTF-16, as Windows editors write it", "save it as plain text (ASCII or UTF-8)")
	}
	return nil
}

// blocksOf reads the file, whose secrecy is checked, and takes it apart.
func (l loader) blocksOf(s secrecy) ([]*pem.Block, error) {
	data, err := readFile(l.op, l.path, s)
	if err != nil {
		return nil, err
	}
	return l.blocks(data)
}

// blocks gives the DER inside a key file. A byte order mark and carriage
// returns are taken off, they change nothing. Bare base64 or DER becomes one
// block without a type.
func (l loader) blocks(data []byte) ([]*pem.Block, error) {
	if err := l.encoding(data); err != nil {
		return nil, err
	}
	data = bytes.TrimPrefix(data, []byte(utf8BOM))
	var all []*pem.Block
	for rest := data; ; {
		block, tail := pem.Decode(rest)
		if block == nil {
			break
		}
		all, rest = append(all, block), tail
	}
	switch {
	case len(all) > 0:
		return all, nil
	case bytes.Contains(data, []byte("-----BEGIN ")):
		return nil, l.wrong("begins as PEM, but the rest is cut off or damaged", "copy the file again, whole, as a file and not as text")
	case data[0] == 0x30:
		return []*pem.Block{{Bytes: data}}, nil
	}
	bare := strings.Join(strings.Fields(string(data)), "")
	if der, err := base64.StdEncoding.DecodeString(bare); err == nil && utf8.ValidString(bare) {
		return []*pem.Block{{Bytes: der}}, nil
	}
	return nil, l.wrong("is neither PEM nor base64", "name the key file itself")
}
