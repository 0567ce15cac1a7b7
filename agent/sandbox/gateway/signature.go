package gateway

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"tillwire/agent/sandbox"
)

const (
	// label is the member of Signature-Input and Signature that counts.
	label = "tillwire"
	// maxSkew is how far a request's time may be from ours.
	maxSkew = 300 * time.Second
	// nonceLife is how long a nonce counts as used.
	nonceLife = 600 * time.Second
	// leastNonce is sixteen random bytes in the shortest usual text, base64.
	leastNonce = 22
)

// proof is what a request's signature fields say.
type proof struct {
	input     item // of Signature-Input
	signature []byte
}

// readProof reads both fields. A request without a readable signature gets an
// answer that does not refer to one.
func readProof(h http.Header) (*proof, *problem) {
	if len(h.Values("Signature-Input")) == 0 || len(h.Values("Signature")) == 0 {
		return nil, unsigned("signature_missing", "Signature-Input or Signature is missing")
	}
	inputs, errInput := dictionary(strings.Join(h.Values("Signature-Input"), ", "))
	signatures, errSignature := dictionary(strings.Join(h.Values("Signature"), ", "))
	if errInput != nil || errSignature != nil {
		return nil, unsigned("signature_invalid", "Signature-Input or Signature is no structured field")
	}
	input, signature := inputs[label], signatures[label]
	if input.kind == 0 || signature.kind == 0 {
		return nil, unsigned("signature_missing", "there is no signature "+label)
	}
	if signature.kind != 'b' {
		return nil, unsigned("signature_invalid", "the signature is no byte sequence")
	}
	p := &proof{input: input, signature: signature.bytes}
	if input.kind != '(' {
		return p, unsigned("signature_invalid", "Signature-Input is no list")
	}
	return p, nil
}

// member is how an answer names the signature of its request.
func (p *proof) member() string {
	return ":" + base64.StdEncoding.EncodeToString(p.signature) + ":"
}

// authenticate checks who asks: the signature covers what it must, holds, is
// fresh, and is used for the first time. Nothing was changed before that.
func (a *Acquirer) authenticate(call sandbox.Call) (*proof, *problem) {
	r := call.Request
	p, bad := readProof(r.Header)
	if bad != nil {
		return p, bad
	}
	created, _ := p.input.param("created", 'i')
	keyID, _ := p.input.param("keyid", 's')
	nonce, _ := p.input.param("nonce", 's')
	tag, _ := p.input.param("tag", 's')
	alg, given := p.input.param("alg", 's')
	switch {
	case created.kind == 0, len(nonce.text) < leastNonce, tag.text != label, given && alg.text != "ed25519":
		return p, unsigned("signature_invalid", "created, nonce, tag or alg is missing or wrong")
	case keyID.text != a.terminal.KeyID:
		return p, unsigned("key_unknown", "no key is filed under this keyid")
	}
	base, bad := requestBase(r, call.Body, p.input)
	if bad != nil {
		return p, bad
	}
	if !ed25519.Verify(a.terminal.Key.Public().(ed25519.PublicKey), []byte(base), p.signature) {
		return p, unsigned("signature_invalid", "the signature does not fit the request")
	}
	if bad := checkBody(r, call.Body); bad != nil {
		return p, bad
	}
	now := a.clock.Now()
	if off := now.Sub(time.Unix(created.number, 0)); off >= maxSkew || off <= -maxSkew {
		return p, unsigned("clock_skew", "created is "+strconv.FormatInt(int64(off/time.Second), 10)+" s before the gateway's time")
	}
	// Only a nonce that was signed is worth remembering.
	if !a.nonces.use(nonce.text, now) && !call.Again {
		return p, unsigned("nonce_reused", "the nonce was used before")
	}
	return p, nil
}

// checkBody recomputes the digest, which the signature only covers as a field.
func checkBody(r *http.Request, body []byte) *problem {
	if len(body) == 0 {
		return nil
	}
	digests, err := dictionary(strings.Join(r.Header.Values("Content-Digest"), ", "))
	sum := sha256.Sum256(body)
	if d := digests["sha-256"]; err != nil || d.kind != 'b' || !bytes.Equal(d.bytes, sum[:]) {
		return unsigned("signature_invalid", "Content-Digest is not that of the body")
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return invalid("Content-Type is not application/json")
	}
	return nil
}

// requestBase writes what the signature was made over. The list comes from the
// request; it may cover more than it must, and not less.
func requestBase(r *http.Request, body []byte, input item) (string, *problem) {
	must := []string{"@method", "@authority", "@path", "@query"}
	if len(body) > 0 {
		must = append(must, "content-digest", "content-type")
	}
	if len(r.Header.Values("Tillwire-Journal")) > 0 {
		must = append(must, "tillwire-journal")
	}
	var b strings.Builder
	var covered []string
	for _, c := range input.list {
		v, ok := component(r, c.text)
		if c.kind != 's' || len(c.params) > 0 || !ok || slices.Contains(covered, c.text) {
			return "", unsigned("signature_invalid", "a component is unknown, missing or there twice: "+c.raw)
		}
		covered = append(covered, c.text)
		b.WriteString(`"` + c.text + `": ` + v + "\n")
	}
	for _, name := range must {
		if !slices.Contains(covered, name) {
			return "", unsigned("signature_invalid", "the signature does not cover "+name)
		}
	}
	return b.String() + `"@signature-params": ` + input.raw, nil
}

// component is the value of one covered component (RFC 9421, 2.1 and 2.2).
func component(r *http.Request, name string) (string, bool) {
	switch name {
	case "@method":
		return r.Method, true
	case "@authority":
		port := ":80"
		if r.TLS != nil {
			port = ":443"
		}
		return strings.TrimSuffix(strings.ToLower(r.Host), port), true
	case "@path":
		return r.URL.EscapedPath(), true
	case "@query":
		return "?" + r.URL.RawQuery, true
	case "@request-target":
		return r.RequestURI, true
	}
	values := slices.Clone(r.Header.Values(name))
	if len(values) == 0 || name != strings.ToLower(name) || strings.HasPrefix(name, "@") {
		return "", false
	}
	for i := range values {
		values[i] = strings.TrimSpace(values[i])
	}
	return strings.Join(values, ", "), true
}

// sign puts digest and signature on an answer, over the signature of its request.
func (a *Acquirer) sign(answer *sandbox.Answer, p *proof, lie sandbox.Lie) {
	sum := sha256.Sum256(answer.Body)
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	list := `"@status" "content-digest" "content-type"`
	lines := `"@status": ` + strconv.Itoa(answer.Status) + "\n" + `"content-digest": ` + digest + "\n" +
		`"content-type": ` + answer.Header.Get("Content-Type") + "\n"
	if p != nil {
		const part = `"signature";req;key="` + label + `"`
		list += " " + part
		lines += part + ": " + p.member() + "\n"
	}
	params := "(" + list + ");created=" + strconv.FormatInt(a.clock.Now().Unix(), 10) + `;keyid="` + a.keyID + `";tag="` + label + `"`
	signature := ed25519.Sign(a.key, []byte(lines+`"@signature-params": `+params))
	// One wrong bit leaves it well-formed: only a client that verifies notices.
	if lie == sandbox.LieSignature {
		signature[len(signature)/2] ^= 0x01
	}
	answer.Header.Set("Content-Digest", digest)
	answer.Header.Set("Signature-Input", label+"="+params)
	answer.Header.Set("Signature", label+"=:"+base64.StdEncoding.EncodeToString(signature)+":")
}

// nonces remembers which were used, for as long as the contract says.
type nonces struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

// use reports whether the nonce is fresh, and remembers it.
func (n *nonces) use(nonce string, now time.Time) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if at, used := n.seen[nonce]; used && now.Sub(at) < nonceLife {
		return false
	}
	// Cleaned only now and then: going through all of them costs more than keeping some.
	if len(n.seen) >= 4096 {
		for old, at := range n.seen {
			if now.Sub(at) >= nonceLife {
				delete(n.seen, old)
			}
		}
	}
	n.seen[nonce] = now
	return true
}
