package wechat

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// preparedFor is how old a prepared signature may be when it is sent. A commit
// takes milliseconds; what took longer was held up, and the time in it is stale.
const preparedFor = 5 * time.Second

// prepared is a signature that was made before its request may leave. It knows the
// request by the digest of what was signed and by nothing else: it can prove no
// other bytes, and the customer's code is not in it.
type prepared struct {
	made  time.Time
	nonce string
	sum   [sha256.Size]byte
	value string // of the header Authorization
	taken atomic.Bool
}

// Prepare implements agent.Preparer: the signature is most of the agent's own time
// between a scan and its request.
func (w *Wallet) Prepare(p agent.Payment, code agent.PayCode) (pay func(context.Context, agent.Payment, agent.PayCode) agent.Answer) {
	if w.c.classic() {
		return w.Pay // a keyed hash takes no time
	}
	body, err := wallet.Encode(w.codepay(p, code))
	if err != nil {
		return w.Pay // which says what is wrong
	}
	early, err := w.sign.prepare(http.MethodPost, w.payPath(), body)
	if err != nil {
		return w.Pay
	}
	return func(ctx context.Context, p agent.Payment, code agent.PayCode) agent.Answer {
		return w.pay(ctx, p, code, w.sign.with(early))
	}
}

func (s *signer) prepare(method, target string, body []byte) (*prepared, error) {
	p := &prepared{made: s.clock.Now(), nonce: rand.Text()}
	p.sum = p.digest(method, target, body)
	var err error
	p.value, err = s.authorization(method, target, body, p.made, p.nonce)
	return p, err
}

// with signs the first request with p if p covers it, and every other, such as the
// one to the next host, afresh.
func (s *signer) with(p *prepared) wallet.Signer {
	return func(r *http.Request, body []byte) error {
		if !p.taken.Swap(true) && p.covers(r.Method, r.URL.RequestURI(), body, s.clock.Now()) {
			s.put(r, p.value)
			return nil
		}
		return s.sign(r, body)
	}
}

// covers holds for exactly the request that was signed, while it is young. The
// wall clock says so on purpose: when it was set since, the signed time is wrong.
func (p *prepared) covers(method, target string, body []byte, now time.Time) bool {
	age := now.Round(0).Sub(p.made.Round(0))
	return age >= 0 && age < preparedFor && p.sum == p.digest(method, target, body)
}

func (p *prepared) digest(method, target string, body []byte) [sha256.Size]byte {
	return sha256.Sum256(message(method, target, strconv.FormatInt(p.made.Unix(), 10), p.nonce, body))
}
