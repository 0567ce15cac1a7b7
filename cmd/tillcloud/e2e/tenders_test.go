package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// tender is a wallet of the demo shop in a currency, and what its code to show is
// recognised as; codes tells whether its customers have codes of their own.
type tender struct {
	wallet, currency string
	codes            bool
	scheme           string
}

// tenders are all that a newcomer can pay by. WeChat Pay at home and abroad, and
// Alipay and Alipay+, have codes that look alike: the currency tells them apart.
var tenders = []tender{
	{"wechat", "CNY", true, "wechat"},
	{"wechatglobal", "JPY", true, "wechat"},
	{"alipay", "CNY", true, "alipay"},
	{"alipayplus", "SGD", true, "url"},
	{"unionpay", "CNY", true, "emv"},
	{"promptpay", "THB", false, "promptpay"},
	{"pix", "BRL", false, "pix"},
	{"upi", "INR", false, "upi"},
	{"cornerpay", "CNY", false, "url"},
}

// scanOnly is how many wallets of the demo show no code: the shop's own card.
const scanOnly = 1

// phone makes a customer of a wallet with money in its currency.
func (s *shop) phone(w tender, behaviour string) string {
	s.t.Helper()
	ask := object{"wallet": w.wallet, "balance": 100_000_00, "behaviour": behaviour}
	if w.wallet != "wechatglobal" { // its customers are at home in China, whatever the price
		ask["currency"] = w.currency
	}
	return fmt.Sprint(s.sandbox("POST", "/customers", ask)["id"])
}

// priced opens a payment in the wallet's currency. Who scans names no wallet.
func (s *shop) priced(lane int, w tender, value int64, mode string) object {
	s.t.Helper()
	body := object{"request_id": s.run + "-" + strconv.FormatInt(s.request.Add(1), 10), "lane": s.Lanes[lane].ID,
		"amount": object{"value": value, "currency": w.currency}, "reference": "e2e", "mode": mode}
	if mode == "show" {
		body["wallet"] = w.wallet
	}
	status, p := s.api("POST", "/payments", body)
	if status != http.StatusCreated {
		s.t.Errorf("open a payment by %s: %d %v", w.wallet, status, p)
	}
	return p
}

// tillwire runs a command of the agent's program on the shop's configuration, and
// returns what it says and its exit code.
func (s *shop) tillwire(args ...string) (string, int) {
	s.t.Helper()
	cmd := exec.Command(filepath.Join(bins, "tillwire"), append(args, "--config", s.Config)...)
	out, err := cmd.Output()
	if err != nil && cmd.ProcessState == nil {
		s.t.Fatalf("tillwire %v: %v", args, err)
	}
	return string(out) + stderr(err), cmd.ProcessState.ExitCode()
}

// TestE2EEveryWallet pays by each wallet of the demo, by scan where its customers
// have codes and by QR, gives a part back, and compares three books: the ledger row
// by row, the bookkeeper's export, and each wallet's own bill of the day.
func TestE2EEveryWallet(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	begun := alipayDay()
	want := map[string]string{}
	for i, w := range tenders {
		t.Run(w.wallet, func(t *testing.T) {
			phone, value := s.phone(w, "approve"), int64(1200+i)
			if w.codes {
				p := s.priced(0, w, value, "scan")
				s.scan(0, s.paycode(phone))
				p = s.reaches(p, "paid")
				if p["wallet"] != w.wallet {
					t.Errorf("the code went to %v", p["wallet"])
				}
				want[fmt.Sprint(p["order_no"])] = fmt.Sprintf("%s %s %d 0", w.wallet, w.currency, value)
			} else if status, out, err := s.call("POST", s.Sandbox+"/customers/"+phone+"/paycode", "", nil); err != nil || status != 422 || out["code"] != "no_codes" {
				t.Errorf("a phone that only scans shows %d %v %v", status, out, err)
			}
			q := s.byQR(t, w, phone, value+100)
			s.refund(q, 300)
			q = s.settled(q)
			if q["status"] != "paid" || num(q["refunded"].(object)["value"]) != 300 {
				t.Errorf("after a part refund it is %v with %v given back", q["status"], q["refunded"])
			}
			want[fmt.Sprint(q["order_no"])] = fmt.Sprintf("%s %s %d 300", w.wallet, w.currency, value+100)
		})
	}
	ledger := s.ledger()
	for no, row := range ledger {
		if got := fmt.Sprintf("%v %v %d %d", row["wallet"], row["currency"], num(row["captured"]), num(row["refunded"])); got != want[no] || row["reversed"] != false {
			t.Errorf("the ledger has %s reversed %v, want %s", got, row["reversed"], want[no])
		}
	}
	if scans := 5; len(want) != len(tenders)+scans || len(ledger) != len(want) {
		t.Errorf("%d payments by %d wallets, and %d rows in the ledger", len(want), len(tenders), len(ledger))
	}
	s.books()
	for _, day := range slices.Compact([]string{begun, alipayDay()}) {
		s.agrees(day)
	}
	s.noCodesOnDisk()
}

// agrees compares the day with the bills of all wallets, and finds no difference.
func (s *shop) agrees(day string) {
	s.t.Helper()
	var r struct {
		Whole   bool
		Wallets []struct {
			Wallet, Why string
			Differences []difference
		}
	}
	say, code := s.tillwire("reconcile", day, "--json")
	if err := json.Unmarshal([]byte(say), &r); err != nil || code != 0 || !r.Whole || len(r.Wallets) != len(tenders)+scanOnly {
		s.t.Errorf("reconcile %s ends with %d: %v\n%s", day, code, err, say)
	}
	for _, w := range r.Wallets {
		if w.Why != "" || len(w.Differences) > 0 {
			s.t.Errorf("the bill of %s: %s %+v", w.Wallet, w.Why, w.Differences)
		}
	}
}

// byQR shows a code, which is the wallet's own and says the amount, and has the phone
// scan it.
func (s *shop) byQR(t *testing.T, w tender, phone string, value int64) object {
	t.Helper()
	q := s.reaches(s.priced(1, w, value, "show"), "qr_shown")
	var is struct {
		Scheme, Mode, Reason string
		Valid                bool
		Warnings             []string
	}
	say, _ := s.tillwire("code", fmt.Sprint(q["qr"]), "--json")
	if err := json.Unmarshal([]byte(say), &is); err != nil || is.Scheme != w.scheme || is.Mode != "merchant" || !is.Valid || len(is.Warnings) > 0 {
		t.Errorf("the code %v is shown: %+v %v", q["qr"], is, err)
	}
	if answer := s.sandbox("POST", "/customers/"+phone+"/scan", object{"qr": q["qr"]}); answer["status"] != "paid" {
		t.Errorf("the phone says %v", answer)
	}
	return s.reaches(q, "paid")
}

// TestE2EAWalletWithTheWrongPrice: a code goes nowhere when no wallet that could take
// it takes the currency; and nothing is begun that no wallet here could end.
func TestE2EAWalletWithTheWrongPrice(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	p := s.priced(0, tender{"alipayplus", "SGD", true, "url"}, 1200, "scan")
	status, out := s.api("POST", "/lanes/"+s.Lanes[0].ID+"/scan", object{"text": s.paycode(s.customer("approve"))})
	if status >= 300 || out["accepted"] != false || !strings.Contains(fmt.Sprint(out["say"]), "SGD") {
		t.Errorf("a WeChat code for Singapore dollars: %d %v", status, out)
	}
	if p = s.payment(p); p["status"] != "created" {
		t.Errorf("it is %v", p["status"])
	}
	s.cancel(p)
	s.reaches(p, "not_sent")
	for i, ask := range []object{{"mode": "show", "wallet": "pix", "amount": object{"value": 1200, "currency": "CNY"}},
		{"mode": "scan", "amount": object{"value": 1200, "currency": "THB"}}} { // its wallets have no codes
		ask["request_id"], ask["lane"], ask["reference"] = fmt.Sprint(s.run, "-wrong-", i), s.Lanes[0].ID, "e2e"
		if status, out := s.api("POST", "/payments", ask); status != http.StatusUnprocessableEntity {
			t.Errorf("%v is answered %d %v", ask, status, out)
		}
	}
	if rows := s.ledger(); len(rows) != 0 {
		t.Errorf("the ledger has %v", rows)
	}
}

// TestE2EGatewayConforms runs the conformance suite, which nobody of the sandbox's
// makers wrote, against each brand of the demo's acquirer.
func TestE2EGatewayConforms(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	for _, w := range tenders {
		if slices.Contains([]string{"wechat", "wechatglobal", "alipay"}, w.wallet) {
			continue // they have clouds of their own
		}
		t.Run(w.wallet, func(t *testing.T) {
			args := []string{"gateway", "conform", w.wallet}
			if w.codes {
				phone := s.phone(w, "approve")
				args = append(args, s.paycode(phone), s.paycode(phone))
			}
			say, code := s.tillwire(args...)
			if kept := strings.Count(say, "\nok "); code != 0 || kept < 20 || w.codes && strings.Contains(say, "left out  ") {
				t.Errorf("it ends with %d and %d promises kept:\n%s", code, kept, say)
			}
		})
	}
}
