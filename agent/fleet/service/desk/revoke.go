package desk

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

const (
	crlNumber = "crl/number"
	crlChange = "crl/change"
	// Long, because brokers refuse everybody once their list has run out.
	crlLife = 366 * 24 * time.Hour
	// A list that nothing has changed in is signed anew after this.
	crlFresh = 24 * time.Hour
	// How long a certificate that nobody can use any more stays in the books: a clock
	// that is wrong for a day must not empty them.
	keepRecord = 365 * 24 * time.Hour
)

// revocations is a list that was signed, and after which change.
type revocations struct {
	pem    []byte
	change string
	made   time.Time
}

// each visits every certificate that was issued and has not run out, grace and all;
// nobody can use the others, or renew them, and no list need name them. Those are
// forgotten a year later.
func (a *Authority) each(ctx context.Context, visit func(serial string, r record)) error {
	var over []agent.FleetItem
	for after := ""; ; {
		rows, err := a.store.Load(ctx, certPrefix, after, page)
		if err != nil {
			return err
		}
		for _, row := range rows {
			after = row.Key
			var r record
			if err := json.Unmarshal(row.Value, &r); err != nil {
				return fmt.Errorf("the record of the certificate %s is damaged: %w", row.Key, err)
			}
			if since := a.now().Sub(r.Until.Add(fleet.CertificateGrace)); since > 0 {
				if since > keepRecord {
					over = append(over, agent.FleetItem{Key: row.Key})
				}
				continue
			}
			visit(row.Key[len(certPrefix):], r)
		}
		if len(rows) < page {
			break
		}
	}
	for part := range slices.Chunk(over, page) {
		if err := a.store.Save(ctx, part...); err != nil {
			return err
		}
	}
	return nil
}

// Revoke implements service.Authority.
func (a *Authority) Revoke(ctx context.Context, tid fleet.TID) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	var items []agent.FleetItem
	var failed error
	err := a.each(ctx, func(serial string, r record) {
		if r.TID != tid || !r.Revoked.IsZero() {
			return
		}
		r.Revoked = a.now()
		value, err := json.Marshal(r)
		if err != nil {
			failed = err
		}
		items = append(items, agent.FleetItem{Key: certPrefix + serial, Value: value})
	})
	if err == nil {
		err = failed
	}
	if err != nil || len(items) == 0 {
		return err
	}
	// In the same commit, so that every service on the database sees that the list it
	// has signed is not the last.
	items = append(items, agent.FleetItem{Key: crlChange, Value: []byte(drawn(20))})
	return a.store.Save(ctx, items...)
}

// Revocations implements service.Authority. Whoever asks again is given the same list
// for a day, unless somebody was revoked, here or by another service: everybody may
// ask, and must not have the database read through and a number written each time.
func (a *Authority) Revocations(ctx context.Context) ([]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	change, err := a.item(ctx, crlChange) // before the certificates: what comes between is seen the next time
	if err != nil {
		return nil, err
	}
	if a.list.pem != nil && a.list.change == string(change) && a.now().Sub(a.list.made).Abs() < crlFresh {
		return a.list.pem, nil
	}
	text, err := a.signRevocations(ctx)
	if err != nil {
		return nil, err
	}
	a.list = revocations{pem: text, change: string(change), made: a.now()}
	return text, nil
}

func (a *Authority) signRevocations(ctx context.Context) ([]byte, error) {
	list := &x509.RevocationList{ThisUpdate: a.now(), NextUpdate: a.now().Add(crlLife)}
	err := a.each(ctx, func(serial string, r record) {
		if n, ok := new(big.Int).SetString(serial, 16); ok && !r.Revoked.IsZero() {
			list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: n, RevocationTime: r.Revoked})
		}
	})
	if err != nil {
		return nil, err
	}
	if list.Number, err = a.nextNumber(ctx); err != nil {
		return nil, err
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.root, a.key)
	if err != nil {
		return nil, fmt.Errorf("sign the list of revoked certificates: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der}), nil
}

// item is what the store keeps under a key; nil: nothing.
func (a *Authority) item(ctx context.Context, key string) ([]byte, error) {
	rows, err := a.store.Load(ctx, key, "", 1)
	if err != nil || len(rows) == 0 || rows[0].Key != key {
		return nil, err
	}
	return rows[0].Value, nil
}

// nextNumber counts the lists, so that brokers can tell a newer one.
func (a *Authority) nextNumber(ctx context.Context) (*big.Int, error) {
	value, err := a.item(ctx, crlNumber)
	if err != nil {
		return nil, err
	}
	n := int64(0)
	if value != nil {
		if err := json.Unmarshal(value, &n); err != nil {
			return nil, err
		}
	}
	if value, err = json.Marshal(n + 1); err != nil {
		return nil, err
	}
	return big.NewInt(n + 1), a.store.Save(ctx, agent.FleetItem{Key: crlNumber, Value: value})
}

// Ending counts the terminals whose last certificate ends within a time: each should
// have renewed it long before. One that has ended, or was revoked, is not counted.
func (a *Authority) Ending(ctx context.Context, within time.Duration) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	last := map[fleet.TID]time.Time{}
	err := a.each(ctx, func(_ string, r record) {
		if r.Revoked.IsZero() && r.Until.After(last[r.TID]) {
			last[r.TID] = r.Until
		}
	})
	now, n := a.now(), 0
	for _, until := range last {
		if until.After(now) && until.Before(now.Add(within)) {
			n++
		}
	}
	return n, err
}
