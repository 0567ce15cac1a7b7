package sandbox_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// A phone holds its wallet's currency, shows it, and pays with no other.
func TestAPhonePaysInItsOwnCurrency(t *testing.T) {
	b := open(t)
	b.wallet.currency = "THB"
	id := b.phone("approve")
	if _, page, _ := b.ask("GET", "/phone/"+id, ""); !strings.Contains(page, "฿10.00") {
		t.Error("the phone does not show its currency")
	}
	host := b.cloud.HostURLs("toy")[0]
	_, body, _ := b.ask("POST", "/_sandbox/customers/"+id+"/paycode", "")
	if status, reason, _ := b.send("POST", host+"/pay/A1", b.member(body, "code")); status != 400 || reason != "currency" {
		t.Errorf("a payment in yuan answers %d %q", status, reason)
	}
	b.send("POST", host+"/present/A2", "")
	if _, body, _ := b.ask("POST", "/_sandbox/customers/"+id+"/scan", `{"qr":"toy:A2"}`); b.member(body, "status") != "declined" {
		t.Errorf("the phone says %s", body)
	}
	if _, body, _ := b.ask("GET", "/_sandbox/customers/"+id, ""); b.member(body, "balance") != "1000" || b.member(body, "currency") != "THB" {
		t.Errorf("the phone holds %s", body)
	}
}

// A ledger of before phones had a currency opens, and its phones hold yuan.
func TestAnOlderLedger(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ledger.db")
	clock := agent.NewSystemClock()
	ledger, err := sandbox.OpenLedger(t.Context(), path, clock)
	if err != nil {
		t.Fatal(err)
	}
	made, err := ledger.AddCustomer(t.Context(), sandbox.Customer{Wallet: "toy", Balance: 5, Behaviour: sandbox.Approve})
	if err != nil {
		t.Fatal(err)
	}
	if err := ledger.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite3", path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "ALTER TABLE customer DROP COLUMN currency"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if ledger, err = sandbox.OpenLedger(t.Context(), path, clock); err != nil {
			t.Fatal(err)
		}
		if c, err := ledger.Customer(t.Context(), made.ID); err != nil || c != made || c.Currency != "CNY" {
			t.Errorf("the phone is %+v: %v", c, err)
		}
		if err := ledger.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
