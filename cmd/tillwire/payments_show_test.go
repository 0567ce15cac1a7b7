package main

import (
	"log/slog"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/offline"
)

// A person names a payment by whatever is at hand. What is called just that wins over
// what only has it somewhere in a number, however new that is: a sixth of all order
// numbers has some "R1" in it.
func TestAPaymentIsFoundByWhatItIsCalled(t *testing.T) {
	store, err := offline.Open(t.Context(), offline.Options{Dir: t.TempDir(), Name: "test", Clock: agent.NewSystemClock(), Log: slog.New(slog.DiscardHandler),
		Timers: agent.DefaultTimers, BackupEvery: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, s := range []struct{ id, request, reference, txn string }{
		{"01JZ3N8Q4T6V8W0X2Y4Z6A8B01", "r1", "table 1", "4200007"},
		{"01JZ3N8Q4T6V8W0X2Y4Z6AR102", "r11", "table 11", "42000071"},
		{"01JZ3N8Q4T6V8W0X2Y4Z6A8B03", "4200007", "T", ""},
		{"01JZ3N8Q4T6V8W0X2Y4Z6A8B04", "r4", "window seat", ""},
		{"01JZ3N8Q4T6V8W0X2Y4Z6A8B05", "r5", "window seat", ""},
		{"01JZ3N8Q4T6V8W0X2Y4Z6A8B06", "r6", "DEMO0101JZ3N8Q4T6V8W0X2Y4Z6A8B04", ""},
	} {
		facts := []agent.Fact{{Kind: agent.FactOpened}}
		if s.txn != "" {
			facts = append(facts, agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat"},
				agent.Fact{Kind: agent.FactApproved, Op: agent.OpPay, Amount: 1280, Txn: s.txn})
		}
		p := agent.Payment{ID: agent.PaymentID(s.id), OrderNo: "DEMO01" + s.id, Client: "till:till-1", RequestID: s.request, RequestHash: []byte("h"),
			Lane: s.id[24:], Amount: agent.Money{Value: 1280, Currency: "CNY"}, Reference: s.reference, Mode: agent.ModeScan}
		if _, err := store.Open(t.Context(), p, facts...); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct{ what, word, want string }{
		{"an id", "01JZ3N8Q4T6V8W0X2Y4Z6AR102", "02"},
		{"an order number, though a reference is the same", "DEMO0101JZ3N8Q4T6V8W0X2Y4Z6A8B04", "04"},
		{"an id in small letters", "01jz3n8q4t6v8w0x2y4z6a8b03", "03"},
		{"a request id that is part of others", "r1", "01"},
		{"the same in big letters", "R1", "01"},
		{"a reference that is part of another", "table 1", "01"},
		{"a reference that is one letter", "T", "03"},
		{"a transaction", "42000071", "02"},
		{"part of one", "able 11", "02"},
		{"the end of an order number", "6AR102", "02"},
		{"a transaction that is another's request id", "4200007", "several"},
		{"a reference of two", "window seat", "several"},
		{"part of two", "window", "several"},
		{"part of all", "DEMO01", "several"},
		{"nobody's", "terrace", "no payment"},
		{"a sign of a pattern", "table _", "no payment"},
	} {
		p, err := findPayment(t.Context(), store.Reader, c.word)
		switch {
		case err != nil && !strings.Contains(err.Error(), c.want):
			t.Errorf("%s: %q says %v, want %s", c.what, c.word, err, c.want)
		case err == nil && (p.Lane != c.want || len(p.Facts) == 0):
			t.Errorf("%s: %q finds the payment of %s with %d facts, want %s", c.what, c.word, p.Lane, len(p.Facts), c.want)
		}
	}
}
