package desk

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// books is a store that counts what is written.
type books struct {
	agent.FleetStore
	saves int
}

func (b *books) Save(ctx context.Context, items ...agent.FleetItem) error {
	b.saves++
	return b.FleetStore.Save(ctx, items...)
}

// revoked are the numbers in a list, and the list's own.
func revoked(t *testing.T, list []byte) (n int, number int64) {
	t.Helper()
	block, _ := pem.Decode(list)
	if block == nil {
		t.Fatalf("no list: %q", list)
	}
	crl, err := x509.ParseRevocationList(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return len(crl.RevokedCertificateEntries), crl.Number.Int64()
}

// TestWhoeverAsksForTheListWritesNothing: everybody can reach the door, so asking a
// thousand times must cost no more than asking once.
func TestWhoeverAsksForTheListWritesNothing(t *testing.T) {
	o := newOffice(t)
	m := o.joins("10.0.0.1")
	if _, err := o.Approve(t.Context(), m.claim, Decision{TID: "t-0001-corner"}); err != nil {
		t.Fatal(err)
	}
	count := &books{FleetStore: o.opt.Store}
	o.ca.store = count
	door, _ := o.doors()
	ask := func() (list []byte) {
		t.Helper()
		res, err := door.Client().Get(door.URL + "/enrol/v1/revoked.crl")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if list, err = io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
			t.Fatal(res.Status, err)
		}
		return list
	}
	first := ask()
	written := count.saves
	for range 50 {
		if !bytes.Equal(ask(), first) {
			t.Fatal("another list, though nothing has changed")
		}
	}
	if count.saves != written {
		t.Errorf("asking wrote %d times to the database", count.saves-written)
	}
	if n, number := revoked(t, first); n != 0 || number != 1 {
		t.Errorf("the first list: %d revoked, number %d", n, number)
	}
}

// records counts the certificates in the books.
func records(t *testing.T, store agent.FleetStore) int {
	t.Helper()
	rows, err := store.Load(t.Context(), certPrefix, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	return len(rows)
}

// TestTheListIsNewAfterAChangeAndEveryDay: two authorities with one database are two
// services.
func TestTheListIsNewAfterAChangeAndEveryDay(t *testing.T) {
	o := newOffice(t)
	dir, store := t.TempDir(), fleet.NewMemory()
	if err := MakeAuthority(dir, "Fleet of a test", o.now); err != nil {
		t.Fatal(err)
	}
	open := func() *Authority {
		ca, err := OpenAuthority(dir, store, o.Now)
		if err != nil {
			t.Fatal(err)
		}
		return ca
	}
	one, two := open(), open()
	issue := func(tid fleet.TID) {
		t.Helper()
		if _, err := one.Issue(t.Context(), tid, o.request(o.key())); err != nil {
			t.Fatal(err)
		}
	}
	look := func(what string, ca *Authority, wantRevoked int, wantNumber int64) {
		t.Helper()
		list, err := ca.Revocations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if n, number := revoked(t, list); n != wantRevoked || number != wantNumber {
			t.Errorf("%s: %d revoked, number %d; want %d and %d", what, n, number, wantRevoked, wantNumber)
		}
	}
	issue("t-0001-corner")
	issue("t-0002-market")
	look("the first", one, 0, 1)
	look("of the second service", two, 0, 2)
	if err := one.Revoke(t.Context(), "t-0001-corner"); err != nil {
		t.Fatal(err)
	}
	look("after a change", one, 1, 3)
	look("which the other service made", two, 1, 4)
	look("and once more", two, 1, 4)
	if err := one.Revoke(t.Context(), "t-0001-corner"); err != nil {
		t.Fatal(err)
	}
	look("nothing was left to revoke", one, 1, 3)
	o.now = o.now.Add(25 * time.Hour)
	look("a day later", one, 1, 5)
	if n, err := one.Ending(t.Context(), 20*24*time.Hour); n != 0 || err != nil {
		t.Errorf("%d certificates end soon: %v", n, err)
	}
	o.now = o.now.Add(fleet.CertificateLife - 10*24*time.Hour)
	if n, err := one.Ending(t.Context(), 20*24*time.Hour); n != 1 || err != nil {
		t.Errorf("%d certificates end soon, want the one that is not revoked: %v", n, err)
	}
	o.now = o.now.Add(fleet.CertificateGrace + 11*24*time.Hour)
	look("when all have run out", one, 0, 6)
	if n := records(t, store); n != 2 {
		t.Errorf("%d records of 2 are kept", n)
	}
	o.now = o.now.Add(keepRecord)
	look("a year later", one, 0, 7)
	if n := records(t, store); n != 0 {
		t.Errorf("%d records are kept of certificates that nobody can use", n)
	}
}

// TestWhatNoBrokerKnowsIsNotPromised: when the list cannot be brought to the brokers,
// whoever shuts a machine out is told, and does it again.
func TestWhatNoBrokerKnowsIsNotPromised(t *testing.T) {
	o := newOffice(t)
	m, next := o.joins("10.0.0.1"), o.joins("10.0.0.2")
	if _, err := o.Approve(t.Context(), m.claim, Decision{TID: "t-0001-corner"}); err != nil {
		t.Fatal(err)
	}
	o.unread = errors.New("the disk is full")
	if _, err := o.Approve(t.Context(), next.claim, Decision{TID: "t-0001-corner", Replace: true}); !errors.Is(err, o.unread) || o.state(next).State != fleet.ClaimWaits {
		t.Errorf("replaced: %v, %v", err, o.state(next))
	}
	if err := o.Revoke(t.Context(), "t-0001-corner", "ops"); !errors.Is(err, o.unread) || len(o.known) != 0 {
		t.Errorf("revoked: %v, the books hold %v", err, o.known)
	}
	if _, err := o.ca.Holder(t.Context(), certificate(t, o.state(m).Grant.Certificate)); !errors.Is(err, service.ErrInvalid) {
		t.Errorf("its certificate: %v", err)
	}
	o.unread = nil
	if err := o.Revoke(t.Context(), "t-0001-corner", "ops"); err != nil || o.lists != 1 {
		t.Errorf("done again: %v, %d lists", err, o.lists)
	}
}
