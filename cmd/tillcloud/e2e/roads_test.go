package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
)

// TestE2EBothWays is the newcomer's first minute: a payment by scan, one by QR.
func TestE2EBothWays(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	phone := s.customer("approve")

	p := s.open(0, 1280, "scan")
	s.scan(0, s.paycode(phone))
	p = s.reaches(p, "paid")
	if row := s.ledger()[fmt.Sprint(p["order_no"])]; num(row["captured"]) != 1280 || num(row["refunded"]) != 0 {
		t.Errorf("the ledger has %v", row)
	}

	q := s.open(1, 990, "show")
	q = s.reaches(q, "qr_shown")
	answer := s.sandbox("POST", "/customers/"+phone+"/scan", object{"qr": q["qr"]})
	if answer["status"] != "paid" {
		t.Errorf("the phone says %v", answer)
	}
	q = s.reaches(q, "paid")
	if row := s.ledger()[fmt.Sprint(q["order_no"])]; num(row["captured"]) != 990 {
		t.Errorf("the ledger has %v", row)
	}
	s.books()
	s.cards()
	s.noCodesOnDisk()
}

// TestE2ECustomers meets each kind of customer once.
func TestE2ECustomers(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	for _, tc := range []struct {
		behaviour string
		confirm   bool
		want      string
	}{
		{"approve", false, "paid"},
		{"slow", false, "paid"},
		{"decline", false, "declined"},
		{"password", true, "paid"},
		{"abandon", false, "reversed declined"}, // whoever is first: our reversal, or the cloud that drops the order at 45 s
	} {
		t.Run(tc.behaviour, func(t *testing.T) {
			phone := s.customer(tc.behaviour)
			p := s.open(0, 500, "scan")
			s.scan(0, s.paycode(phone))
			if tc.confirm {
				s.reaches(p, "await_payer")
				s.sandbox("POST", "/customers/"+phone+"/confirm", nil)
			}
			if p = s.settled(p); !slices.Contains(strings.Fields(tc.want), fmt.Sprint(p["status"])) {
				t.Errorf("ends %v, want %s", p["status"], tc.want)
			}
		})
	}
	s.books()
}

// TestE2ERefund gives money back with a manager's PIN, and not without.
func TestE2ERefund(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	phone := s.customer("approve")
	p := s.open(0, 1280, "scan")
	s.scan(0, s.paycode(phone))
	s.reaches(p, "paid")
	refunds := fmt.Sprintf("/payments/%v/refunds", p["id"])
	amount := object{"value": 500, "currency": "CNY"}

	if status, out := s.api("POST", refunds, object{"request_id": "r0", "amount": amount, "reason": "broken", "approval": "none"}); status != 403 {
		t.Errorf("a refund without approval: %d %v", status, out)
	}
	if status, out := s.api("POST", "/approvals", object{"pin": "000000", "payment": p["id"], "amount": amount}); status == 201 || status == 200 {
		t.Errorf("an approval with a wrong PIN: %d %v", status, out)
	}
	_, ok := s.api("POST", "/approvals", object{"pin": s.ManagerPIN, "payment": p["id"], "amount": amount})
	if status, out := s.api("POST", refunds, object{"request_id": "r1", "amount": object{"value": 600, "currency": "CNY"}, "reason": "broken", "approval": ok["approval"]}); status != 403 {
		t.Errorf("an approval for another amount: %d %v", status, out)
	}
	_, ok = s.api("POST", "/approvals", object{"pin": s.ManagerPIN, "payment": p["id"], "amount": amount})
	body := object{"request_id": "r2", "amount": amount, "reason": "broken", "approval": ok["approval"]}
	if status, out := s.api("POST", refunds, body); status != 201 && status != 202 {
		t.Errorf("a refund with approval: %d %v", status, out)
	}
	p = s.settled(p)
	if p["status"] != "paid" {
		t.Errorf("after a part refund the payment is %v", p["status"])
	}
	if row := s.ledger()[fmt.Sprint(p["order_no"])]; num(row["refunded"]) != 500 {
		t.Errorf("the ledger has %v", row)
	}
	s.books()
}

// TestE2ESecondStart closes the shop and opens it again on the same data.
func TestE2ESecondStart(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	phone := s.customer("approve")
	p := s.open(0, 1280, "scan")
	s.scan(0, s.paycode(phone))
	s.reaches(p, "paid")
	s.stop()
	if err := syscall.Kill(s.AgentPID, 0); err == nil {
		t.Errorf("the agent outlived its shop")
	}
	before := s.ready
	s.start()
	if s.Token != before.Token || s.CashierPIN != before.CashierPIN {
		t.Error("the shop has forgotten its people or tills")
	}
	if p = s.payment(p); p["status"] != "paid" {
		t.Errorf("the payment is %v after the second start", p["status"])
	}
	s.books()
}

// cards scans what is no business of a wallet's counter: numbers that are cards' by their
// check digit and an EMV code of a customer, with and without a payment that waits. This
// is assertion 29 of the threat model: none of them may be found anywhere afterwards.
func (s *shop) cards() {
	s.t.Helper()
	secrets := []string{"4111111111111111", "4112345678901234563", "4112345678907",
		"hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWITTwegAAAAZmZmUAhQcm9kdWN0MmJJWggSNFZ4kBI0WF8gDkNBUkRIT0xERVIvRU1W"}
	for _, waits := range []bool{false, true} {
		var p object
		if waits {
			p = s.open(0, 1280, "scan")
		}
		for _, secret := range secrets {
			_, answer := s.api("POST", "/lanes/"+s.Lanes[0].ID+"/scan", object{"text": secret})
			if strings.Contains(fmt.Sprint(answer), secret) || answer["accepted"] != false {
				s.t.Errorf("the scan of a card is answered %v", answer)
			}
		}
		if waits {
			s.cancel(p)
		}
	}
	s.canaries = append(s.canaries, secrets...)
}

// noCodesOnDisk greps everything the agent and the cloud wrote to their logs and
// the agent's own folder for every payment code that was scanned.
func (s *shop) noCodesOnDisk() {
	s.t.Helper()
	if len(s.canaries) == 0 {
		s.t.Error("no payment code was made, so none can be missing")
	}
	for _, root := range []string{s.DataDir, filepath.Join(s.dir, "shop", "log")} {
		_ = filepath.WalkDir(root, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return nil
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return nil
			}
			for _, code := range s.canaries {
				if bytes.Contains(text, []byte(code)) {
					s.t.Errorf("%s holds a payment code", path)
				}
			}
			return nil
		})
	}
}

// verify runs `tillwire journal verify`.
func (s *shop) verify() {
	s.t.Helper()
	out, err := exec.Command(filepath.Join(bins, "tillwire"), "journal", "verify", "--config", s.Config).CombinedOutput()
	if err != nil {
		s.t.Errorf("journal verify: %v\n%s", err, out)
	}
}
