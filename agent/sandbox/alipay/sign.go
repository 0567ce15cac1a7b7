package alipay

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"

	"tillwire/agent/sandbox"
)

// verify holds the signature of a request against the application's key (RSA2:
// SHA-256 with RSA, PKCS #1 v1.5).
func (a *App) verify(p params) *problem {
	signature, err := base64.StdEncoding.DecodeString(p["sign"])
	if err != nil {
		return invalid("signature", "The parameter sign is not base64.")
	}
	sum := sha256.Sum256([]byte(p.canonical()))
	if rsa.VerifyPKCS1v15(&a.Key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return invalid("signature", "The signature does not fit the request; check the string and the key.")
	}
	return nil
}

// seal writes the whole answer: the member that carries it, the signature over
// exactly that member's bytes and, in certificate mode, whose key it was. Without
// an application it is not signed, as the real gateway's refusal of one is not.
func (w *Wallet) seal(app *App, member string, body map[string]any, lie sandbox.Lie) []byte {
	raw := encode(body)
	out := []byte(`{"` + member + `":` + string(raw))
	if app != nil {
		key := w.platform.Key
		if app.CertSN != "" {
			key = w.platform.CertKey
		}
		sum := sha256.Sum256(raw)
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
		if err != nil {
			signature = nil // an answer without a signature is one that every client must refuse
		}
		// One wrong bit leaves it well-formed: only a client that verifies notices.
		if lie == sandbox.LieSignature && len(signature) > 0 {
			signature[len(signature)/2] ^= 0x01
		}
		out = append(out, `,"sign":"`+base64.StdEncoding.EncodeToString(signature)+`"`...)
		if app.CertSN != "" {
			out = append(out, `,"alipay_cert_sn":"`+w.platform.CertSN+`"`...)
		}
	}
	return append(out, '}')
}

// encode writes JSON as the gateway does: <, > and & as they are, every slash
// escaped. A client that reads an answer and writes it anew before it verifies
// gets other bytes, and finds out here.
func encode(v any) []byte {
	raw := sandbox.WriteJSON(v, `{"code":"20000","msg":"Service Currently Unavailable"}`)
	return bytes.ReplaceAll(raw, []byte("/"), []byte(`\/`))
}
