package printer

import (
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/words"
)

var update = flag.Bool("update", false, "write the golden files anew")

func voice(t *testing.T, lang string) agent.Voice {
	t.Helper()
	w, err := words.New()
	if err != nil {
		t.Fatal(err)
	}
	return w.Voice(lang, time.FixedZone("", 8*3600))
}

// sale is one payment of ¥1,234.50 that was made with Alipay.
func sale(state agent.State) agent.Payment {
	at := time.Date(2026, 3, 9, 10, 41, 7, 0, time.UTC)
	return agent.Payment{
		ID: "01JZ3N8Q4T6V8W0X2Y4Z6A8B0C", OrderNo: "TW0001" + "01JZ3N8Q4T6V8W0X2Y4Z6A8B0C", Lane: "1", Cashier: "Mei 美",
		Amount: agent.Money{Value: 123450, Currency: "CNY"}, Reference: "桌子 12 / table 12", Created: at,
		Status: agent.Status{State: state, Since: at.Add(9 * time.Second), Wallet: "alipay", Txn: "2026030922001455551234567890", Captured: 123450,
			Payer: agent.PayerSum{Amount: agent.Money{Value: 17150, Currency: "USD"}, Rate: "7.1983"}},
		Facts: []agent.Fact{{Kind: agent.FactRefundDone, RefundNo: "TW000101JZ3N8Q4T6V8W0X2Y4Z6A8B0CP1", At: at.Add(time.Hour)}},
	}
}

// slips are one of each kind.
func slips(v agent.Voice) map[string]agent.Slip {
	const shop = "老张茶馆 Zhang's Tea"
	paid, doubt := sale(agent.Paid), sale(agent.Unknown)
	doubt.Status.Captured, doubt.Status.Txn, doubt.Status.Payer = 0, "", agent.PayerSum{}
	promised := sale(agent.OfflineAccepted)
	promised.Status.Captured, promised.Status.Txn, promised.Status.Payer = 0, "", agent.PayerSum{}
	back := agent.Refund{No: paid.OrderNo + "P1", Amount: 3450, State: agent.RefundDone, Why: "一壶茶退回", By: "Lin"}
	open := back
	open.State = agent.RefundProcessing
	copyOf := func(c agent.Copy) agent.Receipt {
		r := agent.NewReceipt(paid, shop, false)
		r.Copy = c
		return r
	}
	test := agent.NewReceipt(paid, shop, true)
	test.Test = true
	day := time.Date(2026, 3, 9, 0, 0, 0, 0, time.FixedZone("", 8*3600))
	sums := agent.Totals{Currency: "CNY", Count: 131, Paid: 120, Captured: 4_567_890, CapturedEarlier: 880, Refunded: 3450, Earlier: 1280, Open: 1}
	report := agent.Report{Shop: shop, Terminal: "TW0001", From: day, To: day.Add(20 * time.Hour), At: day.Add(20 * time.Hour), By: "Lin",
		Sums: []agent.Totals{sums}, Wallets: []agent.WalletTotal{
			{Wallet: "wechat", Totals: agent.Totals{Currency: "CNY", Paid: 80, Captured: 3_000_000}},
			{Wallet: "alipay", Totals: agent.Totals{Currency: "CNY", Paid: 40, Captured: 1_567_890, Refunded: 3450}},
			{Wallet: "", Totals: agent.Totals{Currency: "CNY", Count: 11}}}}
	closed := report
	closed.Z, closed.To, closed.Sums[0].Open = true, day.AddDate(0, 0, 1), 1
	return map[string]agent.Slip{
		"customer": copyOf(agent.CopyCustomer).Slip(v), "shop": copyOf(agent.CopyShop).Slip(v), "reprint": test.Slip(v),
		"refund": agent.NewRefundReceipt(paid, back, shop, false).Slip(v), "refund-open": agent.NewRefundReceipt(paid, open, shop, false).Slip(v),
		"offline": agent.NewReceipt(promised, shop, false).Slip(v),
		"doubt":   agent.NewReceipt(doubt, shop, false).Slip(v), "unpaid": agent.NewReceipt(sale(agent.Declined), shop, false).Slip(v),
		"report-x": report.Slip(v), "report-z": closed.Slip(v), "report-none": agent.Report{Shop: shop, Terminal: "TW0001", From: day, To: day, At: day}.Slip(v),
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s has changed; look at it, then run the test with -update\n got:\n%s\nwant:\n%s", name, got, want)
	}
}

func TestEverySlipInEveryLanguageAndWidth(t *testing.T) {
	for _, lang := range []string{"en", "zh-CN"} {
		for name, slip := range slips(voice(t, lang)) {
			for width, columns := range map[string]int{"58": 32, "80": 48} {
				text := Text(slip, columns)
				golden(t, name+"."+lang+"."+width+".txt", text)
				for _, line := range strings.Split(text, "\n") {
					if n := wide(screenGlyphs(line)); n > columns {
						t.Errorf("%s in %s on %s mm: a line of %d columns: %q", name, lang, width, n, line)
					}
				}
			}
		}
	}
}

func TestEverySlipAsThePrinterGetsIt(t *testing.T) {
	for profile, lang := range map[string]string{"epson-tm-usb": "en", "cn-gb18030-58": "zh-CN"} {
		p, ok := FindProfile(profile)
		if !ok {
			t.Fatal(profile)
		}
		for name, slip := range slips(voice(t, lang)) {
			golden(t, name+"."+profile+".hex", hex.Dump(p.Render(slip)))
		}
	}
}

// Where a signature is missing money is not: the sum stands once and large.
func TestOnlyWhatWasTakenStandsLarge(t *testing.T) {
	v := voice(t, "en")
	for name, large := range map[string]bool{"customer": true, "offline": true, "doubt": false, "unpaid": false, "refund": true, "refund-open": false} {
		found := false
		for _, l := range slips(v)[name].Lines {
			found = found || l.Kind == agent.SlipSum
		}
		if found != large {
			t.Errorf("%s: the amount stands large: %t", name, found)
		}
	}
}

func TestNoTextBecomesACommand(t *testing.T) {
	s := agent.Slip{Lines: []agent.SlipLine{{Kind: agent.SlipNote, Text: "a\x1bp\x00\x19\xfab\n\x1dV\x00\u009b\x10\x04\x01"}}}
	for _, p := range Profiles() {
		got := p.Render(s)
		for _, command := range []string{"\x1bp", "\x1dV\x00", "\x10\x04"} {
			if strings.Contains(string(got), command) {
				t.Errorf("%s: text opens a drawer, cuts or asks: % X", p.Name, got)
			}
		}
	}
}
