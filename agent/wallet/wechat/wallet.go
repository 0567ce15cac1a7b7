package wechat

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// Wallet is WeChat Pay as one merchant uses it. It is safe for concurrent use.
type Wallet struct {
	c     Config
	cloud *wallet.Transport
	old   *wallet.Transport // API v2; nil unless code payments go over it
	sign  *signer
	keys  keyring

	refreshing sync.Mutex
	refreshed  time.Duration // Clock.Mono of the last try to download certificates
}

// A Wallet offers everything a counter can ask of one.
var (
	_ agent.Wallet    = (*Wallet)(nil)
	_ agent.Charger   = (*Wallet)(nil)
	_ agent.Preparer  = (*Wallet)(nil)
	_ agent.Presenter = (*Wallet)(nil)
	_ agent.Reverser  = (*Wallet)(nil)
	_ agent.Closer    = (*Wallet)(nil)
	_ agent.Refunder  = (*Wallet)(nil)
	_ agent.Biller    = (*Wallet)(nil)
)

// New checks the configuration and prepares the wallet; it sends nothing. The
// error is an agent.Error of class Invalid that says what to correct.
func New(c Config) (*Wallet, error) {
	c.complete()
	if err := c.check(); err != nil {
		return nil, err
	}
	w := &Wallet{c: c}
	key, err := w.loadKeys()
	if err != nil {
		return nil, c.wrong(err)
	}
	w.sign = &signer{merchant: c.MerchantID, serial: c.MerchantSerial, key: key, clock: c.Clock, platform: w.keys.current}
	o := wallet.Options{Wallet: c.Name, Hosts: c.Hosts, Timers: c.Timers, Clock: c.Clock, Log: c.Log,
		TLS: c.TLS, Dial: c.Dial, Agent: c.UserAgent, Sign: w.sign.sign, Observe: c.Observe, RequestID: "Request-Id"}
	if w.cloud, err = wallet.NewTransport(o); err == nil && c.classic() {
		w.old, err = c.classicTransport(o)
	}
	if err != nil {
		return nil, c.wrong(err)
	}
	return w, nil
}

func (w *Wallet) loadKeys() (*rsa.PrivateKey, error) {
	merchant, err := parseMerchantKey(w.c.MerchantKey)
	if err != nil {
		return nil, err
	}
	for _, p := range w.c.PlatformKeys {
		key, cert, err := parsePlatformKey(p.PEM)
		switch {
		case err != nil:
			return nil, fmt.Errorf("platform_key %s: %w", p.ID, err)
		case p.ID == "":
			return nil, errors.New("platform_key_id is missing: it stands beside the public key on the merchant platform (PUB_KEY_ID_…)")
		case key.Equal(&merchant.PublicKey):
			return nil, fmt.Errorf("platform_key %s is the shop's own public key: download WeChat's from the merchant platform", p.ID)
		}
		k := platformKey{key: key}
		if cert != nil {
			k.from, k.until = cert.NotBefore, cert.NotAfter
		}
		w.keys.add(p.ID, k)
	}
	return merchant, nil
}

// Info implements agent.Wallet.
func (w *Wallet) Info() agent.WalletInfo {
	return agent.WalletInfo{Name: w.c.Name, Protocol: "wechat", Test: w.c.test(), Hosts: w.cloud.Hosts(), Currency: w.c.currencies()}
}

// Reach connects to a host and hangs up; see wallet.Transport.
func (w *Wallet) Reach(ctx context.Context) error { return w.cloud.Reach(ctx) }

// CloseIdle drops the connections that are kept for the next request.
func (w *Wallet) CloseIdle() {
	w.cloud.CloseIdle()
	if w.old != nil {
		w.old.CloseIdle()
	}
}

// request is one operation before it is signed.
type request struct {
	op     agent.Operation
	method string
	target string
	body   any // nil for none
	once   bool
	sign   wallet.Signer                              // nil: every request is signed as it goes
	read   func(status int, body []byte) agent.Answer // sees verified answers only
}

// do sends a request and believes its answer only if WeChat signed it. It ends
// within Timers.Pay, the download of a missing certificate included.
func (w *Wallet) do(ctx context.Context, r request) agent.Answer {
	ctx, cancel := context.WithTimeout(ctx, w.c.Timers.Pay)
	defer cancel()
	if a := w.ready(ctx); a.Verdict != agent.Accepted {
		return a
	}
	call := wallet.Call{Op: r.op, Method: r.method, Target: r.target, Once: r.once, Sign: r.sign}
	if r.body != nil {
		text, err := wallet.Encode(r.body)
		if err != nil {
			return agent.Answer{Verdict: agent.NotDelivered, Reason: agent.ReasonSetup, Err: err}
		}
		call.Body = text
	}
	call.Read = func(reply wallet.Reply) agent.Answer {
		if err := w.verify(ctx, reply); err != nil {
			return wallet.Unverified(fmt.Errorf("%s: HTTP %d: %w", r.op, reply.Status, err))
		}
		return r.read(reply.Status, reply.Body)
	}
	return w.cloud.Do(ctx, call)
}

// verify believes an answer, error answers included, or says why not.
func (w *Wallet) verify(ctx context.Context, r wallet.Reply) error {
	s, err := readSigned(r.Header)
	if err != nil {
		w.suspectClock(r)
		return err
	}
	key, ok := w.keys.find(s.serial, w.c.Clock.Now())
	if !ok {
		w.learn(ctx, s.serial)
		if key, ok = w.keys.find(s.serial, w.c.Clock.Now()); !ok {
			w.suspectClock(r)
			return fmt.Errorf("%w: %.80q", ErrUnknownKey, s.serial)
		}
	}
	if err := s.check(key, r.Body); err != nil {
		return err
	}
	w.skew(r, s)
	return s.fresh(w.c.Clock.Now())
}

// skew reports our clock's error from an answer whose signature holds. The Date
// header is written last and so is nearer to now than the signed time, but it is
// not signed: it only counts where the two agree.
func (w *Wallet) skew(r wallet.Reply, s signed) {
	at := s.at
	if date, err := http.ParseTime(r.Header.Get("Date")); err == nil && date.Sub(at).Abs() < time.Minute {
		at = date
	}
	w.c.ClockSkew(at.Sub(w.c.Clock.Now()))
}

// suspectClock reports an error of our clock that would explain an answer that
// cannot be verified: with a wrong clock WeChat refuses our signature, and a
// certificate seems to have expired. A small difference explains nothing.
func (w *Wallet) suspectClock(r wallet.Reply) {
	date, err := http.ParseTime(r.Header.Get("Date"))
	if err != nil {
		return
	}
	if off := date.Sub(w.c.Clock.Now()); off.Abs() >= window {
		w.c.ClockSkew(off)
	}
}
