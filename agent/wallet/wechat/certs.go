package wechat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

const (
	// opKeys names the download in metrics and logs; it is no payment's operation.
	opKeys agent.Operation = "keys"
	// refreshEvery is WeChat's advice for platform certificates.
	refreshEvery = 12 * time.Hour
	// refreshPause keeps answers with an unknown serial from causing a download each.
	refreshPause = time.Minute
)

// Refresh downloads the platform certificates and keeps the old ones until they
// expire. In public-key mode there is nothing to do.
func (w *Wallet) Refresh(ctx context.Context) error {
	if w.c.Platform != PlatformCertificate {
		return nil
	}
	w.refreshing.Lock()
	defer w.refreshing.Unlock()
	return w.refresh(ctx).Err
}

// Run refreshes the platform certificates every 12 hours until ctx ends, and
// sooner after a failure. The agent starts without them: the first operation
// fetches what it needs.
func (w *Wallet) Run(ctx context.Context) error {
	if w.c.Platform != PlatformCertificate {
		<-ctx.Done()
		return nil
	}
	for {
		wait := refreshEvery
		if err := w.Refresh(ctx); err != nil {
			wait = refreshPause
			w.c.Log.Warn("platform certificates were not refreshed", "wallet", w.c.Name, "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-w.c.Clock.After(wait):
		}
	}
}

// ready makes sure that answers can be verified before anything is asked: an
// answer that cannot be verified is worth as little as none, and a pay request
// that was not sent is known not to have charged anyone. The verdict is Accepted,
// or NotDelivered with the reason.
func (w *Wallet) ready(ctx context.Context) agent.Answer {
	if w.c.Platform != PlatformCertificate || w.keys.usable(w.c.Clock.Now()) {
		return agent.Answer{Verdict: agent.Accepted}
	}
	w.refreshing.Lock()
	defer w.refreshing.Unlock()
	if w.keys.usable(w.c.Clock.Now()) {
		return agent.Answer{Verdict: agent.Accepted}
	}
	a := w.refresh(ctx)
	if a.Verdict != agent.Accepted {
		a.Verdict = agent.NotDelivered
	}
	return a
}

// learn looks for a key that an answer named and we do not hold.
func (w *Wallet) learn(ctx context.Context, id string) {
	if w.c.Platform != PlatformCertificate {
		w.c.Log.Error("WeChat signs with a key that is not configured: download the WeChat Pay public key again", "wallet", w.c.Name, "key", fmt.Sprintf("%.80q", id))
		return
	}
	w.refreshing.Lock()
	defer w.refreshing.Unlock()
	if _, ok := w.keys.find(id, w.c.Clock.Now()); ok || w.c.Clock.Mono()-w.refreshed < refreshPause && w.refreshed != 0 {
		return
	}
	if a := w.refresh(ctx); a.Err != nil {
		w.c.Log.Warn("platform certificates were not refreshed", "wallet", w.c.Name, "err", a.Err)
	}
}

// refresh runs with w.refreshing held. Its answer carries an error unless it is
// Accepted.
func (w *Wallet) refresh(ctx context.Context) agent.Answer {
	w.refreshed = w.c.Clock.Mono()
	a := w.cloud.Do(ctx, wallet.Call{Op: opKeys, Method: http.MethodGet, Target: w.certificatesPath(), Read: w.readCertificates})
	if a.Verdict != agent.Accepted {
		a.Err = fmt.Errorf("download platform certificates: %w", a.Err)
	}
	return a
}

type certificateList struct {
	Data []struct {
		Serial  string    `json:"serial_no"`
		From    time.Time `json:"effective_time"`
		Until   time.Time `json:"expire_time"`
		Encrypt struct {
			Algorithm  string `json:"algorithm"`
			Nonce      string `json:"nonce"`
			Additional string `json:"associated_data"`
			Sealed     string `json:"ciphertext"`
		} `json:"encrypt_certificate"`
	} `json:"data"`
}

// readCertificates trusts a list because the APIv3 key opened it, and verifies
// the answer with a key of that very list: there is no other on the first day.
func (w *Wallet) readCertificates(r wallet.Reply) agent.Answer {
	doubt := wallet.Unverified
	setup := func(err error) agent.Answer {
		return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonSetup, Err: err}
	}
	if r.Status == http.StatusNotFound {
		return setup(errors.New("WeChat has no platform certificates for this merchant: set platform to public_key and configure the WeChat Pay public key"))
	}
	if r.Status != http.StatusOK {
		return doubt(fmt.Errorf("HTTP %d", r.Status))
	}
	var list certificateList
	if err := json.Unmarshal(r.Body, &list); err != nil {
		return doubt(fmt.Errorf("the list cannot be read: %w", err))
	}
	var fresh keyring
	for _, d := range list.Data {
		text, err := open(w.c.APIv3Key, d.Encrypt.Nonce, d.Encrypt.Additional, d.Encrypt.Sealed)
		if err != nil {
			return setup(err)
		}
		key, cert, err := parsePlatformKey(text)
		if err != nil || cert == nil {
			return doubt(fmt.Errorf("certificate %.80q is not one: %w", d.Serial, err))
		}
		if serial := strings.ToUpper(cert.SerialNumber.Text(16)); strings.TrimLeft(strings.ToUpper(d.Serial), "0") != serial {
			return doubt(fmt.Errorf("certificate %.80q carries the serial %s", d.Serial, serial))
		}
		fresh.add(d.Serial, platformKey{key, d.From, d.Until})
	}
	s, err := readSigned(r.Header)
	if err != nil {
		return doubt(err)
	}
	now := w.c.Clock.Now()
	key, ok := fresh.find(s.serial, now)
	if !ok {
		key, ok = w.keys.find(s.serial, now)
	}
	if !ok {
		return doubt(ErrUnknownKey)
	}
	if err := s.check(key, r.Body); err != nil {
		return doubt(err)
	}
	w.skew(r, s)
	if err := s.fresh(now); err != nil {
		return doubt(err)
	}
	for id, k := range fresh.keys {
		w.keys.add(id, k)
	}
	return agent.Answer{Verdict: agent.Accepted}
}
