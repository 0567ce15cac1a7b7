package wallettest

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"tillwire/agent"
)

// control is a client of the sandbox's control API, …/_sandbox/*. No fault
// touches that.
type control struct {
	base  string
	brand string
	http  *http.Client
}

// Fault is one entry of PUT faults, as the control API takes it.
type Fault struct {
	Wallet     string          `json:"wallet"`
	Operation  agent.Operation `json:"operation"`
	Kind       string          `json:"kind"`
	Count      int             `json:"count"`
	AfterBytes int64           `json:"after_bytes,omitempty"`
	DelayMS    int64           `json:"delay_ms,omitempty"`
	Status     int             `json:"status,omitempty"`
}

// row is one order of the ledger, the truth to compare with. Amounts are minor
// units.
type row struct {
	Wallet   string `json:"wallet"`
	OrderNo  string `json:"order_no"`
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
	State    string `json:"state"`
	Captured int64  `json:"captured"`
	Refunded int64  `json:"refunded"`
	Reversed bool   `json:"reversed"`
}

// keeps is what the shop holds of the order in the end.
func (r row) keeps() int64 {
	if r.Reversed {
		return 0
	}
	return r.Captured - r.Refunded
}

func (c *control) call(t *testing.T, method, path string, in, out any) {
	t.Helper()
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		body = bytes.NewReader(text)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, c.base+"/_sandbox/"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := c.http.Do(r)
	if err != nil {
		t.Fatalf("control API: %v", err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode/100 != 2 {
		t.Fatalf("control API: %s %s: %d %s (%v)", method, path, answer.StatusCode, text, err)
	}
	if out != nil {
		if err := json.Unmarshal(text, out); err != nil {
			t.Fatalf("control API: %s %s: %v in %s", method, path, err, text)
		}
	}
}

// customer makes a phone with a balance in minor units.
func (c *control) customer(t *testing.T, behaviour string, balance int64) string {
	t.Helper()
	var out struct {
		ID string `json:"id"`
	}
	c.call(t, http.MethodPost, "customers", map[string]any{"wallet": c.brand, "behaviour": behaviour, "balance": balance}, &out)
	return out.ID
}

func (c *control) payCode(t *testing.T, customer string) agent.PayCode {
	t.Helper()
	var out struct {
		Code string `json:"code"`
	}
	c.call(t, http.MethodPost, "customers/"+customer+"/paycode", nil, &out)
	return agent.NewPayCode(out.Code)
}

// scan lets the phone scan the shop's code and returns what it says.
func (c *control) scan(t *testing.T, customer, qr string) string {
	t.Helper()
	var out struct {
		Status string `json:"status"`
	}
	c.call(t, http.MethodPost, "customers/"+customer+"/scan", map[string]string{"qr": qr}, &out)
	return out.Status
}

func (c *control) confirm(t *testing.T, customer string) {
	t.Helper()
	c.call(t, http.MethodPost, "customers/"+customer+"/confirm", nil, nil)
}

// order reads one row of the ledger; known is false when there is none.
func (c *control) order(t *testing.T, no string) (found row, known bool) {
	t.Helper()
	var out struct {
		Orders []row `json:"orders"`
	}
	c.call(t, http.MethodGet, "ledger", nil, &out)
	for _, r := range out.Orders {
		if r.OrderNo != no || r.Wallet != c.brand {
			continue
		}
		if known {
			t.Errorf("the ledger has order %s twice", no)
		}
		found, known = r, true
	}
	return found, known
}

// seen counts the requests of one operation that reached the wallet's hosts.
func (c *control) seen(t *testing.T, op agent.Operation) (n int) {
	t.Helper()
	var out struct {
		Requests []struct {
			Wallet    string          `json:"wallet"`
			Operation agent.Operation `json:"operation"`
		} `json:"requests"`
	}
	c.call(t, http.MethodGet, "requests", nil, &out)
	for _, r := range out.Requests {
		if r.Wallet == c.brand && r.Operation == op {
			n++
		}
	}
	return n
}

func (c *control) fault(t *testing.T, f Fault) {
	t.Helper()
	c.call(t, http.MethodPut, "faults", []Fault{f}, nil)
}

func (c *control) heal(t *testing.T) {
	t.Helper()
	c.call(t, http.MethodDelete, "faults", nil, nil)
}

// newControl gives up on the control API after a minute, so that a hanging cloud
// fails the test and does not stop it.
func newControl(t *testing.T, base, brand string) *control {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &control{base: base, brand: brand, http: &http.Client{Timeout: time.Minute, Transport: transport}}
}
