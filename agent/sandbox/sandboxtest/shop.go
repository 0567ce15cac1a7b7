package sandboxtest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"tillwire/agent/sandbox"
)

// Shop is a cloud of one wallet with a clock that stands still. It can be stopped
// and started again with the same ledger.
type Shop struct {
	*testing.T
	Clock  *Clock
	Ledger *sandbox.Ledger
	Cloud  *sandbox.Cloud
	HTTP   *http.Client
	path   string
	wallet string
}

// NewShop is a shop whose cloud has not started.
func NewShop(t *testing.T) *Shop {
	t.Helper()
	return &Shop{T: t, Clock: NewClock(), path: filepath.Join(folder(t), "ledger.db"), HTTP: &http.Client{Transport: &http.Transport{}}}
}

// Start opens the ledger, asks for the wallet on it and starts the cloud.
func (s *Shop) Start(wallet func(*sandbox.Ledger) (sandbox.Open, error)) {
	s.Helper()
	var err error
	if s.Ledger, err = sandbox.OpenLedger(s.Context(), s.path, s.Clock); err != nil {
		s.Fatal(err)
	}
	o, err := wallet(s.Ledger)
	if err != nil {
		s.Fatal(err)
	}
	s.wallet = o.Wallet.Name()
	s.Cloud = start(s.T, sandbox.Options{Ledger: s.Ledger, Clock: s.Clock, Wallets: []sandbox.Open{o}})
}

// Stop ends the cloud and closes the ledger.
func (s *Shop) Stop() {
	s.Helper()
	s.HTTP.CloseIdleConnections()
	if err := s.Cloud.Close(); err != nil {
		s.Error(err)
	}
	if err := s.Ledger.Close(); err != nil {
		s.Error(err)
	}
}

// Raw sends a request and returns what came back, however broken.
func (s *Shop) Raw(r *http.Request) (status int, header http.Header, body []byte, err error) {
	response, err := s.HTTP.Do(r)
	if err != nil {
		return 0, nil, nil, err
	}
	defer response.Body.Close()
	body, err = io.ReadAll(response.Body)
	return response.StatusCode, response.Header, body, err
}

// Control asks the control API; into may be nil.
func (s *Shop) Control(method, path, body string, into any) int {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.Cloud.ControlURL()+"/_sandbox/"+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	status, _, raw, err := s.Raw(r)
	if err != nil {
		s.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(raw, into); err != nil {
			s.Fatalf("%s %s: %s: %v", method, path, raw, err)
		}
	}
	return status
}

// Phone is a customer's id.
func (s *Shop) Phone(behaviour string, balance int) string {
	s.Helper()
	var out struct{ ID string }
	if status := s.Control("POST", "customers", fmt.Sprintf(`{"wallet":%q,"balance":%d,"behaviour":%q}`, s.wallet, balance, behaviour), &out); status != 200 {
		s.Fatalf("customer: %d", status)
	}
	return out.ID
}

// Code is a fresh code on a customer's phone.
func (s *Shop) Code(customer string) string {
	s.Helper()
	var out struct{ Code, Expires string }
	if status := s.Control("POST", "customers/"+customer+"/paycode", "", &out); status != 200 {
		s.Fatalf("paycode: %d", status)
	}
	return out.Code
}

// Touch has a customer scan or confirm, and is the status that the phone shows.
func (s *Shop) Touch(customer, what, body string) string {
	s.Helper()
	var out struct{ Status string }
	s.Control("POST", "customers/"+customer+"/"+what, body, &out)
	return out.Status
}

// Row is a line of the ledger. It has no name of its own, so that tables of tests may
// write their rows without the members' names.
type Row = struct {
	OrderNo  string `json:"order_no"`
	State    string `json:"state"`
	Amount   int64  `json:"amount"`
	Captured int64  `json:"captured"`
	Refunded int64  `json:"refunded"`
	Reversed bool   `json:"reversed"`
}

// Row is the only line of an order; empty when there is none.
func (s *Shop) Row(orderNo string) Row {
	s.Helper()
	var out struct{ Orders []Row }
	s.Control("GET", "ledger", "", &out)
	found := Row{}
	for _, o := range out.Orders {
		if o.OrderNo != orderNo {
			continue
		}
		if found.OrderNo != "" {
			s.Fatalf("two rows for %s", orderNo)
		}
		found = o
	}
	return found
}

// Seen is a line of the list of requests.
type Seen struct {
	Wallet, Operation, Method, Path, Fault string
	OrderNo                                string `json:"order_no"`
	Status                                 int
}

// Requests lists every request that the cloud has seen, in order.
func (s *Shop) Requests() []Seen {
	s.Helper()
	var out struct{ Requests []Seen }
	s.Control("GET", "requests", "", &out)
	return out.Requests
}

// Faults replaces the list of faults.
func (s *Shop) Faults(list string) {
	s.Helper()
	var out struct{ Say string }
	if status := s.Control("PUT", "faults", list, &out); status != 200 {
		s.Fatalf("faults %s: %d %s", list, status, out.Say)
	}
}
