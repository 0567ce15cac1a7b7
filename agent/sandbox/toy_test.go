package sandbox_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/sandboxtest"
)

// toy is a wallet with the smallest wire there is. That it needs nothing but
// the interface shows that ledger and faults know no wire.
type toy struct {
	ledger   *sandbox.Ledger
	next     int
	currency string // of its phones; its shops always ask for CNY
}

func (w *toy) Currencies() []string { return []string{cmp.Or(w.currency, "CNY")} }

func (*toy) Name() string { return "toy" }

func (*toy) Classify(r *http.Request) (sandbox.Operation, string) {
	op, no, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return sandbox.Operation(op), no
}

func (*toy) OrderNo([]byte) string { return "" }

func (w *toy) PayCode() (string, error) {
	w.next++
	return fmt.Sprintf("99%04d", w.next), nil
}

func (w *toy) Answer(ctx context.Context, c sandbox.Call) sandbox.Answer {
	op, no := w.Classify(c.Request)
	key := sandbox.Key{Wallet: "toy", Merchant: "shop", OrderNo: no}
	var o *sandbox.Order
	var err error
	switch op {
	case sandbox.OpPay:
		o, err = w.ledger.Pay(ctx, sandbox.Charge{Key: key, Amount: 100, Currency: "CNY", Code: string(c.Body), Request: c.Body})
	case sandbox.OpPresent:
		o, err = w.ledger.Present(ctx, sandbox.Showing{Key: key, Amount: 100, Currency: "CNY", QR: "toy:" + no, Request: c.Body})
	default:
		o, err = w.ledger.Order(ctx, key)
	}
	if err != nil {
		return sandbox.Answer{Status: 400, Header: http.Header{}, Body: []byte(sandbox.RefusedFor(err))}
	}
	return sandbox.Answer{Status: 200, Header: http.Header{}, Body: []byte(o.State)}
}

// bench is a cloud with the toy wallet.
type bench struct {
	*testing.T
	ledger  *sandbox.Ledger
	wallet  *toy
	cloud   *sandbox.Cloud
	path    string
	scanned []string
	display func() (string, error)
}

func open(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	b.wallet = &toy{ledger: b.ledger}
	b.start(sandbox.Options{Wallets: []sandbox.Open{{Wallet: b.wallet, Hosts: []string{sandboxtest.Local}}},
		Counters: []sandbox.Counter{{ID: "1", Name: "Register 1", Present: func(code string) error { b.scanned = append(b.scanned, code); return nil },
			Look: func(context.Context) (string, error) { return b.display() }}}})
	return b
}

// newBench is a bench whose cloud has not started.
func newBench(t *testing.T) *bench {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cloud", "ledger.db") // the folder is made with it
	return &bench{T: t, path: path, ledger: sandboxtest.LedgerAt(t, path, agent.NewSystemClock())}
}

func (b *bench) start(o sandbox.Options) {
	b.Helper()
	o.Ledger, o.Clock = b.ledger, agent.NewSystemClock()
	b.cloud = sandboxtest.Cloud(b.T, o)
}

// ask sends a request to the control listener.
func (b *bench) ask(method, path, body string, headers ...string) (int, string, http.Header) {
	b.Helper()
	return b.send(method, b.cloud.ControlURL()+path, body, headers...)
}

func (b *bench) send(method, url, body string, headers ...string) (int, string, http.Header) {
	b.Helper()
	r, err := http.NewRequestWithContext(b.Context(), method, url, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		b.Fatal(err)
	}
	return response.StatusCode, string(raw), response.Header
}

// member reads one member of a JSON object.
func (b *bench) member(text, name string) string {
	b.Helper()
	var o map[string]any
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		b.Fatalf("%q: %v", text, err)
	}
	return fmt.Sprint(o[name])
}

func (b *bench) phone(behaviour string) string {
	b.Helper()
	_, body, _ := b.ask("POST", "/_sandbox/customers", fmt.Sprintf(`{"wallet":"toy","balance":1000,"behaviour":%q}`, behaviour))
	return b.member(body, "id")
}
