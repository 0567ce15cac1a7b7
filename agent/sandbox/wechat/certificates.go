package wechat

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"net/http"
	"time"
)

// certificates answers the platform's certificate, encrypted under the
// merchant's APIv3 key: trust comes from that key, and the answer itself is
// signed with the certificate it carries.
func (t *task) certificates() (result, error) {
	if kind := t.params.Get("algorithm_type"); kind != "" && kind != "RSA" && kind != "ALL" {
		return result{}, &problem{http.StatusNotFound, "RESOURCE_NOT_EXISTS", "There is no certificate of this algorithm.", "268435461", nil}
	}
	block, err := aes.NewCipher([]byte(t.who.APIv3Key))
	if err != nil {
		return result{}, err
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return result{}, err
	}
	// The nonce is text on the wire, and GCM takes its twelve bytes as they are.
	nonce := randomHex(12)
	sealed := gcm.Seal(nil, []byte(nonce), t.platform.Certificate, []byte("certificate"))
	from, to, err := t.platform.validity()
	if err != nil {
		return result{}, err
	}
	return result{http.StatusOK, map[string]any{"data": []any{map[string]any{
		"serial_no": t.platform.Serial, "effective_time": stamp(from), "expire_time": stamp(to),
		"encrypt_certificate": map[string]any{"algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "certificate",
			"ciphertext": base64.StdEncoding.EncodeToString(sealed)},
	}}}}, nil
}

// validity is when the certificate may be used.
func (p *Platform) validity() (from, to time.Time, err error) {
	cert, err := parseCertificate(p.Certificate)
	if err != nil {
		return from, to, err
	}
	return cert.NotBefore, cert.NotAfter, nil
}
