package wechat

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tillwire/agent/sandbox"
)

const (
	scheme = "WECHATPAY2-SHA256-RSA2048"
	// clockTolerance is how far a request's timestamp may be off (API v3: five minutes).
	clockTolerance = 300 * time.Second
)

// credential is the Authorization header of API v3, taken apart.
type credential struct {
	merchant, nonce, timestamp, serial, signature string
}

// parseCredential takes the five attributes in any order, each exactly once.
func parseCredential(header string) (credential, error) {
	var c credential
	rest, ok := strings.CutPrefix(header, scheme+" ")
	if !ok {
		return c, fmt.Errorf("the scheme is not %s", scheme)
	}
	slots := map[string]*string{"mchid": &c.merchant, "nonce_str": &c.nonce, "timestamp": &c.timestamp, "serial_no": &c.serial, "signature": &c.signature}
	for part := range strings.SplitSeq(rest, ",") {
		name, quoted, found := strings.Cut(strings.TrimSpace(part), "=")
		slot := slots[name]
		if !found || slot == nil || len(quoted) < 3 || quoted[0] != '"' || quoted[len(quoted)-1] != '"' {
			return c, fmt.Errorf("the attribute %q is unknown, repeated or not quoted", name)
		}
		*slot = quoted[1 : len(quoted)-1]
		delete(slots, name)
	}
	if len(slots) > 0 {
		return c, fmt.Errorf("%d of the five attributes are missing", len(slots))
	}
	return c, nil
}

// signError is the 401 for everything about a signature. signed is what was
// verified, or empty when it never came to that.
func signError(call sandbox.Call, message, signed string) *problem {
	p := &problem{http.StatusUnauthorized, "SIGN_ERROR", message, "268443699", nil}
	if signed != "" {
		// The real cloud shows what it verified, cut short; a body may hold a
		// payment code, so ours stops before the body.
		p.detail = map[string]any{"field": "signature", "issue": "sign not match", "location": "authorization",
			"sign_information": map[string]any{"method": call.Request.Method, "url": call.Request.RequestURI,
				"truncated_sign_message": signed[:len(signed)-len(call.Body)-1], "sign_message_length": len(signed)}}
	}
	return p
}

// authenticate verifies a request's signature and returns who signed it.
func (w *Wallet) authenticate(call sandbox.Call) (*Merchant, *problem) {
	r := call.Request
	c, err := parseCredential(r.Header.Get("Authorization"))
	if err != nil {
		return nil, signError(call, "The Authorization header cannot be read: "+err.Error()+".", "")
	}
	m := w.merchants[c.merchant]
	switch {
	case m == nil:
		return nil, signError(call, "The merchant number is not known.", "")
	// The case of a serial number means nothing; both are in use.
	case !strings.EqualFold(c.serial, m.Serial):
		return nil, signError(call, "serial_no is not that of the merchant's API certificate.", "")
	case len(c.nonce) > 32:
		return nil, signError(call, "nonce_str is longer than 32 characters.", "")
	}
	stamp, err := strconv.ParseInt(c.timestamp, 10, 64)
	if err != nil {
		return nil, signError(call, "timestamp is not a number of seconds.", "")
	}
	now := w.clock.Now()
	if off := now.Sub(time.Unix(stamp, 0)).Abs(); off > clockTolerance {
		return nil, signError(call, fmt.Sprintf("timestamp is %d s off; check the clock.", int64(off/time.Second)), "")
	}
	// The request line is signed as it came over the wire, escapes included.
	message := r.Method + "\n" + r.RequestURI + "\n" + c.timestamp + "\n" + c.nonce + "\n" + string(call.Body) + "\n"
	signature, err := base64.StdEncoding.DecodeString(c.signature)
	if err != nil {
		return nil, signError(call, "signature is not base64.", "")
	}
	sum := sha256.Sum256([]byte(message))
	if rsa.VerifyPKCS1v15(&m.Key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return nil, signError(call, "The signature does not fit the request.", message)
	}
	// Only a nonce that was signed is worth remembering.
	if !w.nonces.use(c.merchant, c.nonce, now) && !call.Again {
		return nil, signError(call, "nonce_str was used before.", "")
	}
	return m, nil
}

// sign completes an answer. The key is the one that the client says it can
// verify with; without a word, or with one we do not have, the public key.
func (w *Wallet) sign(a *sandbox.Answer, r *http.Request, tail string, lie sandbox.Lie) {
	key, serial := w.platform.Key, w.platform.PublicKeyID
	if strings.EqualFold(r.Header.Get("Wechatpay-Serial"), w.platform.Serial) || wantsCertificates(r) {
		key, serial = w.platform.CertKey, w.platform.Serial
	}
	stamp := strconv.FormatInt(w.clock.Now().Unix(), 10)
	nonce := randomHex(32)
	sum := sha256.Sum256([]byte(stamp + "\n" + nonce + "\n" + string(a.Body) + "\n"))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		// A key that cannot sign leaves the answer unsigned, which every client must refuse.
		return
	}
	// One wrong bit leaves it well-formed: only a client that verifies notices.
	if lie == sandbox.LieSignature {
		signature[len(signature)/2] ^= 0x01
	}
	for name, value := range map[string]string{
		"Wechatpay-Timestamp": stamp, "Wechatpay-Nonce": nonce, "Wechatpay-Serial": serial,
		"Wechatpay-Signature": base64.StdEncoding.EncodeToString(signature), "Wechatpay-Signature-Type": scheme,
		"Request-Id": strings.ToUpper(randomHex(32)) + "-" + tail,
	} {
		a.Header.Set(name, value)
	}
}

// randomHex is n hexadecimal digits; n is even.
func randomHex(n int) string {
	raw := make([]byte, n/2)
	rand.Read(raw) // never fails
	return hex.EncodeToString(raw)
}
