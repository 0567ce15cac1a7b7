package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// defaultBalance is what a customer has who was made without one: ¥10,000.00, or
// the same number of another currency's minor units.
const defaultBalance = 1_000_000

func (c *Cloud) getCustomers(w http.ResponseWriter, r *http.Request) {
	list, err := c.options.Ledger.Customers(r.Context())
	if err != nil {
		c.broken(w, r, err)
		return
	}
	reply(w, http.StatusOK, map[string]any{"customers": list})
}

func (c *Cloud) postCustomer(w http.ResponseWriter, r *http.Request) {
	ask := struct {
		Wallet    string    `json:"wallet"`
		Name      string    `json:"name"`
		Balance   *int64    `json:"balance"`
		Behaviour Behaviour `json:"behaviour"`
		Currency  string    `json:"currency"` // one of the wallet's; empty is its first
	}{Behaviour: Approve}
	if !read(w, r, &ask) {
		return
	}
	// A phone of the first wallet is what most callers mean.
	names := c.walletNames()
	if ask.Wallet == "" && len(names) > 0 {
		ask.Wallet = names[0]
	}
	// Zero is a balance too, so absent and zero are told apart.
	balance := int64(defaultBalance)
	if ask.Balance != nil {
		balance = *ask.Balance
	}
	switch {
	case !slices.Contains(names, ask.Wallet):
		fail(w, http.StatusUnprocessableEntity, "wallet", fmt.Sprintf("The wallet %q is not one of %s.", ask.Wallet, strings.Join(names, ", ")))
		return
	case !slices.Contains(Behaviours, ask.Behaviour):
		fail(w, http.StatusUnprocessableEntity, "behaviour", fmt.Sprintf("The behaviour %q is not one of %v.", ask.Behaviour, Behaviours))
		return
	case balance < 0 || balance > MaxBalance:
		fail(w, http.StatusUnprocessableEntity, "balance", fmt.Sprintf("The balance is in minor units, 0 to %d.", MaxBalance))
		return
	case ask.Currency != "" && !slices.Contains(currenciesOf(c.wallet(ask.Wallet)), ask.Currency):
		fail(w, http.StatusUnprocessableEntity, "currency", fmt.Sprintf("Phones of %s hold %s.", ask.Wallet, strings.Join(currenciesOf(c.wallet(ask.Wallet)), ", ")))
		return
	case utf8.RuneCountInString(ask.Name) > 40:
		fail(w, http.StatusUnprocessableEntity, "name", "The name is longer than 40 characters.")
		return
	}
	customer, err := c.options.Ledger.AddCustomer(r.Context(), Customer{Wallet: ask.Wallet, Name: ask.Name, Balance: balance,
		Currency: cmp.Or(ask.Currency, currenciesOf(c.wallet(ask.Wallet))[0]), Behaviour: ask.Behaviour})
	if err != nil {
		c.broken(w, r, err)
		return
	}
	reply(w, http.StatusOK, customer)
}

func (c *Cloud) getCustomer(w http.ResponseWriter, r *http.Request) {
	customer, err := c.options.Ledger.Customer(r.Context(), r.PathValue("id"))
	if err != nil {
		c.broken(w, r, err)
		return
	}
	reply(w, http.StatusOK, customer)
}

// issue makes a fresh code for the phone in the address.
func (c *Cloud) issue(r *http.Request) (PayCode, error) {
	return c.options.Ledger.IssueCode(r.Context(), r.PathValue("id"), func(name string) (string, error) {
		wallet := c.wallet(name)
		if wallet == nil {
			return "", fmt.Errorf("wallet %q is not open", name)
		}
		return wallet.PayCode()
	})
}

func (c *Cloud) postPayCode(w http.ResponseWriter, r *http.Request) {
	if !read(w, r, &struct{}{}) {
		return
	}
	code, err := c.issue(r)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	reply(w, http.StatusOK, map[string]string{"code": code.Code, "expires": iso(code.Expires)})
}

func (c *Cloud) postScan(w http.ResponseWriter, r *http.Request) {
	var ask struct {
		QR string `json:"qr"`
	}
	if !read(w, r, &ask) {
		return
	}
	slip, err := c.Scan(r.Context(), r.PathValue("id"), ask.QR)
	c.scanned(w, r, slip, err)
}

func (c *Cloud) postConfirm(w http.ResponseWriter, r *http.Request) {
	if !read(w, r, &struct{}{}) {
		return
	}
	slip, err := c.Confirm(r.Context(), r.PathValue("id"))
	c.scanned(w, r, slip, err)
}

// scanned answers a phone. A decline is an answer like any other, not an error.
func (c *Cloud) scanned(w http.ResponseWriter, r *http.Request, slip Slip, err error) {
	c.issued(w, r, slip, err)
}

// orderJSON is a row of the ledger as the control API shows it.
type orderJSON struct {
	Wallet   string  `json:"wallet"`
	OrderNo  string  `json:"order_no"`
	Amount   int64   `json:"amount"`
	Currency string  `json:"currency"`
	State    State   `json:"state"`
	Captured int64   `json:"captured"`
	Refunded int64   `json:"refunded"`
	Reversed bool    `json:"reversed"`
	History  []Event `json:"history"`
	Kind     Kind    `json:"kind"`
	Merchant string  `json:"merchant"`
	Customer string  `json:"customer,omitempty"`
	Reason   Reason  `json:"reason,omitempty"`
	Created  string  `json:"created"`
}

func (c *Cloud) getLedger(w http.ResponseWriter, r *http.Request) {
	orders, err := c.options.Ledger.Orders(r.Context(), 0)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	list := []orderJSON{}
	for _, o := range orders {
		list = append(list, orderJSON{Wallet: o.Wallet, OrderNo: o.OrderNo, Amount: o.Amount, Currency: o.Currency, State: o.State, Captured: o.Captured,
			Refunded: o.Refunded, Reversed: o.Reversed, History: o.History, Kind: o.Kind, Merchant: o.Merchant, Customer: o.Customer, Reason: o.Reason, Created: iso(o.Created)})
	}
	reply(w, http.StatusOK, map[string]any{"orders": list})
}

func (c *Cloud) getFaults(w http.ResponseWriter, r *http.Request) {
	reply(w, http.StatusOK, map[string]any{"faults": c.Faults()})
}

// faultAsk is a fault as a client writes it; a missing count is one.
type faultAsk struct {
	Wallet     string    `json:"wallet"`
	Operation  string    `json:"operation"`
	Kind       FaultKind `json:"kind"`
	Count      *int      `json:"count"`
	AfterBytes int64     `json:"after_bytes"`
	DelayMS    int64     `json:"delay_ms"`
	Status     int       `json:"status"`
	Host       int       `json:"host"`
	Left       int       `json:"left"` // so that a list which was read can be put back
}

func (c *Cloud) putFaults(w http.ResponseWriter, r *http.Request) {
	var asks []faultAsk
	if !read(w, r, &asks) {
		return
	}
	list := []Fault{}
	for _, a := range asks {
		f := Fault{Wallet: a.Wallet, Operation: a.Operation, Kind: a.Kind, Count: 1, AfterBytes: a.AfterBytes, DelayMS: a.DelayMS, Status: a.Status, Host: a.Host}
		if a.Count != nil {
			f.Count = *a.Count
		}
		list = append(list, f)
	}
	c.setFaults(w, r, list)
}

// deleteFaults makes all well again, listeners included.
func (c *Cloud) deleteFaults(w http.ResponseWriter, r *http.Request) {
	c.setFaults(w, r, nil)
}

// setFaults tells a wrong list (the caller's) from a listener that would not open
// (ours).
func (c *Cloud) setFaults(w http.ResponseWriter, r *http.Request, list []Fault) {
	err := c.SetFaults(list)
	var gate gateError
	switch {
	case errors.As(err, &gate):
		c.broken(w, r, err)
	case err != nil:
		fail(w, http.StatusUnprocessableEntity, "fault", err.Error())
	default:
		reply(w, http.StatusOK, map[string]any{"faults": c.Faults()})
	}
}

func (c *Cloud) getRequests(w http.ResponseWriter, r *http.Request) {
	list, err := c.options.Ledger.Requests(r.Context(), 0)
	if err != nil {
		c.broken(w, r, err)
		return
	}
	reply(w, http.StatusOK, map[string]any{"requests": list})
}
