package wechat

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"tillwire/agent/wallet"
)

// Why an answer is not believed. All of them leave the operation in doubt.
var (
	ErrUnsigned   = errors.New("wechat: the answer is not signed")
	ErrProbe      = errors.New("wechat: the answer is signed as a test that must be refused")
	ErrSignature  = errors.New("wechat: the answer's signature is wrong")
	ErrUnknownKey = errors.New("wechat: the answer is signed with a key we do not hold")
	ErrClock      = errors.New("wechat: the answer's time is too far from ours; set the terminal's clock")
	ErrOtherOrder = errors.New("wechat: the answer is about another order, merchant or amount")
)

// window is how far an answer's time may be from ours: from five minutes on it
// is refused, as the official SDK does.
const window = 5 * time.Minute

// probe begins signatures that WeChat sends to see whether they are checked.
const probe = "WECHATPAY/SIGNTEST/"

// keyring holds the keys WeChat signs with, by the id its answers name. A
// merchant may have several at a time while keys are replaced.
type keyring struct {
	mu     sync.RWMutex
	keys   map[string]platformKey
	newest string // the one we ask to be answered with
}

type platformKey struct {
	key         *rsa.PublicKey
	from, until time.Time // zero: no limit (public keys)
}

func (p platformKey) holds(now time.Time) bool {
	return (p.from.IsZero() || !now.Before(p.from)) && (p.until.IsZero() || now.Before(p.until))
}

func (k *keyring) add(id string, key platformKey) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil {
		k.keys = map[string]platformKey{}
	}
	k.keys[id] = key
	if best, ok := k.keys[k.newest]; !ok || key.from.After(best.from) {
		k.newest = id
	}
}

func (k *keyring) find(id string, now time.Time) (*rsa.PublicKey, bool) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	p, ok := k.keys[id]
	if !ok || !p.holds(now) {
		return nil, false
	}
	return p.key, true
}

// current names the newest key, or "" before there is any.
func (k *keyring) current() string {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return k.newest
}

// usable reports whether any key can verify an answer now.
func (k *keyring) usable(now time.Time) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, p := range k.keys {
		if p.holds(now) {
			return true
		}
	}
	return false
}

// signed is what the headers of an answer say about its signature.
type signed struct {
	stamp, nonce, serial, signature string
	at                              time.Time
}

func readSigned(h http.Header) (signed, error) {
	s := signed{h.Get("Wechatpay-Timestamp"), h.Get("Wechatpay-Nonce"), h.Get("Wechatpay-Serial"), h.Get("Wechatpay-Signature"), time.Time{}}
	if s.signature == "" || s.stamp == "" || s.serial == "" {
		return s, ErrUnsigned
	}
	if strings.HasPrefix(s.signature, probe) {
		return s, ErrProbe
	}
	if kind := h.Get("Wechatpay-Signature-Type"); kind != "" && kind != scheme {
		return s, fmt.Errorf("%w: its kind is %.40q", ErrSignature, kind)
	}
	seconds, err := strconv.ParseInt(s.stamp, 10, 64)
	if err != nil {
		return s, fmt.Errorf("%w: its time is no number", ErrSignature)
	}
	s.at = time.Unix(seconds, 0)
	return s, nil
}

// check verifies the signature over the raw body (empty for 204).
func (s signed) check(key *rsa.PublicKey, body []byte) error {
	text := make([]byte, 0, len(s.stamp)+len(s.nonce)+len(body)+3)
	text = append(append(text, s.stamp...), '\n')
	text = append(append(text, s.nonce...), '\n')
	text = append(append(text, body...), '\n')
	if err := wallet.VerifyRSA(key, text, s.signature); err != nil {
		return fmt.Errorf("%w: %w", ErrSignature, err)
	}
	return nil
}

// fresh refuses an answer whose time is five minutes or more away.
func (s signed) fresh(now time.Time) error {
	if off := s.at.Sub(now); off >= window || off <= -window {
		return fmt.Errorf("%w (it is off by %s)", ErrClock, off.Abs())
	}
	return nil
}
