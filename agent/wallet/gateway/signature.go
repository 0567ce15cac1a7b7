package gateway

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// label names the signature in the dictionaries Signature and Signature-Input,
// and is its tag as well, which tells what it is for (RFC 9421, 2.3).
const label = "tillwire"

// Why a message is not believed. All of them leave the operation in doubt.
var (
	ErrUnsigned   = errors.New("gateway: the answer is not signed")
	ErrSignature  = errors.New("gateway: the answer's signature is wrong")
	ErrUnknownKey = errors.New("gateway: the answer is signed with a key we do not hold")
	ErrCoverage   = errors.New("gateway: the answer's signature does not cover what it must")
	ErrDigest     = errors.New("gateway: the answer's body is not the one that was signed")
)

// component is one covered component: its identifier as it stands in the list,
// and its value.
type component struct{ id, value string }

// base is the signature base: a line for each component, and the list of them
// with its parameters as the last, which has no line end (RFC 9421, 2.5).
func base(list []component, input string) []byte {
	var b strings.Builder
	for _, c := range list {
		b.WriteString(c.id + ": " + c.value + "\n")
	}
	b.WriteString(`"@signature-params": ` + input)
	return []byte(b.String())
}

// Signer signs a terminal's requests. KeyID is printable ASCII without quotes
// and backslashes.
type Signer struct {
	KeyID string
	Key   ed25519.PrivateKey
}

// owns holds for the signer's own public key.
func (s Signer) owns(key ed25519.PublicKey) bool {
	return len(s.Key) == ed25519.PrivateKeySize && key.Equal(s.Key.Public())
}

// Sign digests the body (nil for none) and writes Content-Digest, Signature-Input
// and Signature. The nonce is for this request only. It returns the member of
// Signature that the answer has to cover.
func (s Signer) Sign(r *http.Request, body []byte, created time.Time, nonce string) string {
	if body != nil {
		r.Header["Content-Digest"] = []string{digest(body)}
	}
	list := requestComponents(r)
	ids := make([]string, len(list))
	for i, c := range list {
		ids[i] = c.id
	}
	input := "(" + strings.Join(ids, " ") + `);created=` + strconv.FormatInt(created.Unix(), 10) +
		`;keyid="` + s.KeyID + `";nonce="` + nonce + `";tag="` + label + `"`
	signature := ":" + base64.StdEncoding.EncodeToString(ed25519.Sign(s.Key, base(list, input))) + ":"
	r.Header["Signature-Input"] = []string{label + "=" + input}
	r.Header["Signature"] = []string{label + "=" + signature}
	return signature
}

// requestComponents is what a request's signature covers. A request without a
// body has neither digest nor type.
func requestComponents(r *http.Request) []component {
	list := []component{
		{`"@method"`, r.Method}, {`"@authority"`, authority(r)},
		{`"@path"`, r.URL.EscapedPath()}, {`"@query"`, "?" + r.URL.RawQuery},
	}
	if d := r.Header.Get("Content-Digest"); d != "" {
		list = append(list, component{`"content-digest"`, d}, component{`"content-type"`, r.Header.Get("Content-Type")})
	}
	if j := r.Header.Get("Tillwire-Journal"); j != "" {
		list = append(list, component{`"tillwire-journal"`, j})
	}
	return list
}

// authority is the host in lower case without the scheme's own port (RFC 9421, 2.2.3).
func authority(r *http.Request) string {
	host, own := r.URL.Host, ":443"
	if r.Host != "" {
		host = r.Host
	}
	if r.URL.Scheme == "http" {
		own = ":80"
	}
	return strings.TrimSuffix(strings.ToLower(host), own)
}

// digest is a value of Content-Digest (RFC 9530).
func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// VerifyAnswer checks that an answer is signed by one of the keys, by their id,
// for exactly the request whose signature Sign returned, and that the body is the
// one that was signed. It returns the time of the signature. The time itself is
// not judged: an answer that covers the request's fresh nonce cannot be old.
func VerifyAnswer(keys map[string]ed25519.PublicKey, status int, h http.Header, body []byte, request string) (time.Time, error) {
	var none time.Time
	text, err := member(h["Signature-Input"], label)
	if err != nil {
		return none, err
	}
	signature, err := member(h["Signature"], label)
	if err != nil {
		return none, err
	}
	in, err := parseInput(text)
	if err != nil {
		return none, err
	}
	list, err := in.answered(status, h, request)
	if err != nil {
		return none, err
	}
	key, ok := keys[in.params["keyid"]]
	if !ok {
		return none, fmt.Errorf("%w: %.64q", ErrUnknownKey, in.params["keyid"])
	}
	raw, err := bytesOf(signature)
	if err != nil || !ed25519.Verify(key, base(list, text), raw) {
		return none, ErrSignature
	}
	if sum, err := member(h["Content-Digest"], "sha-256"); err != nil || "sha-256="+sum != digest(body) {
		return none, ErrDigest
	}
	created, err := strconv.ParseInt(in.params["created"], 10, 64)
	if err != nil || in.params["tag"] != label {
		return none, fmt.Errorf("%w: created or tag is missing", ErrCoverage)
	}
	return time.Unix(created, 0), nil
}

// mustCover is the least that an answer's signature speaks for.
var mustCover = [...]string{"@status", "content-digest", "content-type", "signature"}

// answered gives the covered components of an answer their values. More than the
// least may be covered, as long as it is a plain field of the answer.
func (in input) answered(status int, h http.Header, request string) ([]component, error) {
	covered := map[string]bool{}
	list := make([]component, 0, len(in.items))
	for _, it := range in.items {
		value := ""
		switch {
		case covered[it.name]:
			return nil, fmt.Errorf("%w: %q stands there twice", ErrCoverage, it.name)
		case it.name == "@status" && len(it.params) == 0:
			value = strconv.Itoa(status)
		case it.name == "signature" && len(it.params) == 2 && it.params["req"] == bare && it.params["key"] == label:
			value = request
		case it.name != "" && it.name[0] != '@' && it.name != "signature" && len(it.params) == 0 && len(h.Values(it.name)) > 0:
			value = joined(h.Values(it.name))
		default:
			return nil, fmt.Errorf("%w: %.80q is not ours to check", ErrCoverage, it.id)
		}
		covered[it.name] = true
		list = append(list, component{it.id, value})
	}
	for _, name := range mustCover {
		if !covered[name] {
			return nil, fmt.Errorf("%w: %q is left out", ErrCoverage, name)
		}
	}
	return list, nil
}

// joined is the value of a field that may come in several lines (RFC 9421, 2.1).
func joined(values []string) string {
	trimmed := make([]string, len(values))
	for i, v := range values {
		trimmed[i] = strings.Trim(v, " \t")
	}
	return strings.Join(trimmed, ", ")
}
