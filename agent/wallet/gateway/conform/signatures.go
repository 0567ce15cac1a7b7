package conform

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/url"
	"time"

	"tillwire/agent/wallet/gateway"
)

const ruleSignatures = "Signatures"

// signatureChecks send what must not be believed. Each asks afterwards whether it
// changed something.
var signatureChecks = []check{
	{"a query of a number nobody used", "6. Signed answers", func(ctx context.Context, b *bench) error {
		for host := range b.Config.Hosts {
			c := b.query(b.number())
			c.host = host
			if err := b.refused(ctx, c, http.StatusNotFound, "order_not_found"); err != nil {
				return err
			}
		}
		return nil
	}},
	{"a request without a signature", ruleSignatures, func(ctx context.Context, b *bench) error {
		return b.unbelieved(ctx, func(c *call) {
			c.spoil = func(r *http.Request, body []byte) []byte {
				r.Header.Del("Signature")
				r.Header.Del("Signature-Input")
				return body
			}
		}, http.StatusUnauthorized, "signature_missing")
	}},
	{"a signature by another key", ruleSignatures, func(ctx context.Context, b *bench) error {
		_, other, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			return err
		}
		return b.unbelieved(ctx, func(c *call) { c.signer = &gateway.Signer{KeyID: b.Config.Signer.KeyID, Key: other} },
			http.StatusUnauthorized, "signature_invalid")
	}},
	{"a key id that was never exchanged", ruleSignatures, func(ctx context.Context, b *bench) error {
		return b.unbelieved(ctx, func(c *call) { c.signer = &gateway.Signer{KeyID: "nobody-" + rand.Text(), Key: b.Config.Signer.Key} },
			http.StatusUnauthorized, "key_unknown")
	}},
	{"a body that was changed on the way", ruleSignatures, func(ctx context.Context, b *bench) error {
		return b.unbelieved(ctx, func(c *call) {
			c.spoil = func(_ *http.Request, body []byte) []byte { return bytes.Replace(body, []byte("}"), []byte(" }"), 1) }
		}, http.StatusUnauthorized, "signature_invalid")
	}},
	{"a body and a digest that were changed on the way", ruleSignatures, func(ctx context.Context, b *bench) error {
		return b.unbelieved(ctx, func(c *call) {
			c.spoil = func(r *http.Request, body []byte) []byte {
				body = bytes.Replace(body, []byte("}"), []byte(" }"), 1)
				r.Header.Set("Content-Digest", digest(body))
				return body
			}
		}, http.StatusUnauthorized, "signature_invalid")
	}},
	{"a signature that does not cover the body", ruleSignatures, func(ctx context.Context, b *bench) error {
		return b.unbelieved(ctx, func(c *call) {
			c.bare = true
			c.spoil = func(r *http.Request, body []byte) []byte {
				r.Header.Set("Content-Digest", digest(body))
				return body
			}
		}, http.StatusUnauthorized, "signature_invalid")
	}},
	{"another path under the same signature", ruleSignatures, func(ctx context.Context, b *bench) error {
		other := order(b.number(), "/close")
		return b.unbelieved(ctx, func(c *call) {
			c.spoil = func(r *http.Request, body []byte) []byte {
				r.URL.Path = gateway.Root + other
				return body
			}
		}, http.StatusUnauthorized, "signature_invalid")
	}},
	{"a request from the past and one from the future", ruleSignatures, func(ctx context.Context, b *bench) error {
		for _, late := range []time.Duration{310 * time.Second, -310 * time.Second} {
			if err := b.unbelieved(ctx, func(c *call) { c.late = late }, http.StatusUnauthorized, "clock_skew"); err != nil {
				return err
			}
		}
		return nil
	}},
	{"a nonce that was used before", ruleSignatures, func(ctx context.Context, b *bench) error {
		c := b.query(b.number())
		c.nonce = rand.Text()
		if err := b.refused(ctx, c, http.StatusNotFound, "order_not_found"); err != nil {
			return err
		}
		return b.unbelieved(ctx, func(again *call) { again.nonce = c.nonce }, http.StatusUnauthorized, "nonce_reused")
	}},
	{"a merchant that is not ours", "Errors", func(ctx context.Context, b *bench) error {
		return b.refused(ctx, call{method: http.MethodGet, path: order(b.number()), query: url.Values{"merchant": {"M" + rand.Text()}, "brand": {b.Brand.Name}}},
			http.StatusForbidden, "merchant_unknown")
	}},
}

// unbelieved sends a close (or, where the brand shows nothing, a reversal) of a
// fresh number with something wrong about it, and wants to hear so and nothing
// changed: a tombstone would show in the query.
func (b *bench) unbelieved(ctx context.Context, spoil func(*call), status int, code string) error {
	how := "close"
	if !b.Brand.Shows {
		how = "reverse"
	}
	no := b.number()
	c := b.undo(no, how)
	spoil(&c)
	if err := b.refused(ctx, c, status, code); err != nil {
		return err
	}
	return b.refused(ctx, b.query(no), http.StatusNotFound, "order_not_found")
}

// digest is RFC 9530's, written here once more: the client only gives it to what
// it signs.
func digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}
