package sandbox

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// FaultKind is what goes wrong.
type FaultKind string

// The kinds of fault. "Executed" means that the ledger moves as if nothing
// were wrong; only the client does not learn of it.
const (
	DropRequest      FaultKind = "drop_request"      // reset after AfterBytes of the request; not executed
	DropResponse     FaultKind = "drop_response"     // executed, reset after AfterBytes of the answer
	Delay            FaultKind = "delay"             // executed, the answer is held for DelayMS
	StatusOnly       FaultKind = "status"            // not executed; unsigned answer with Status
	BadSignature     FaultKind = "bad_signature"     // executed, the answer's signature is wrong
	WrongAmount      FaultKind = "wrong_amount"      // executed, the answer states another amount
	Duplicate        FaultKind = "duplicate"         // executed as two requests, answered once
	CaptivePortal    FaultKind = "captive_portal"    // not executed; unsigned 200 with HTML
	RefuseConnection FaultKind = "refuse_connection" // the wallet's listeners are closed
)

// FaultKinds lists all kinds, in the order a page offers them.
var FaultKinds = []FaultKind{DropRequest, DropResponse, Delay, StatusOnly, BadSignature, WrongAmount, Duplicate, CaptivePortal, RefuseConnection}

const (
	// The values that a fault has when its member is left out.
	anyName       = "*"
	defaultStatus = 500
	defaultDelay  = 3 * time.Second
	longestDelay  = 10 * time.Minute
)

// Fault breaks the next Count matching requests. One request meets at most one
// fault: the first of the list that matches and has something left.
type Fault struct {
	Wallet     string    `json:"wallet"`    // a wallet's name or "*"
	Operation  string    `json:"operation"` // an operation or "*"
	Kind       FaultKind `json:"kind"`
	Count      int       `json:"count"`                 // matching requests to break; default 1
	AfterBytes int64     `json:"after_bytes,omitempty"` // drop_request and drop_response
	DelayMS    int64     `json:"delay_ms,omitempty"`    // delay; default 3000
	Status     int       `json:"status,omitempty"`      // status; default 500
	Host       int       `json:"host,omitempty"`        // 1 is the wallet's first host, 2 its second; 0 is every one
	Left       int       `json:"left"`                  // how many of Count are still to come
}

// check completes a fault with the defaults, or says what is wrong with it.
func (f *Fault) check(wallets []string) error {
	if f.Wallet == "" {
		f.Wallet = anyName
	}
	if f.Operation == "" {
		f.Operation = anyName
	}
	if f.Kind == StatusOnly && f.Status == 0 {
		f.Status = defaultStatus
	}
	if f.Kind == Delay && f.DelayMS == 0 {
		f.DelayMS = defaultDelay.Milliseconds()
	}
	switch {
	case f.Wallet != anyName && !slices.Contains(wallets, f.Wallet):
		return fmt.Errorf("wallet %q is not one of %v or *", f.Wallet, wallets)
	case f.Operation != anyName && !slices.Contains(operations, Operation(f.Operation)):
		return fmt.Errorf("operation %q is not one of %v or *", f.Operation, operations)
	case !slices.Contains(FaultKinds, f.Kind):
		return fmt.Errorf("kind %q is not one of %v", f.Kind, FaultKinds)
	case f.Count < 1:
		return fmt.Errorf("count is %d and must be at least 1", f.Count)
	case f.AfterBytes < 0:
		return fmt.Errorf("after_bytes is %d and must not be negative", f.AfterBytes)
	case f.DelayMS < 0 || f.DelayMS > longestDelay.Milliseconds():
		return fmt.Errorf("delay_ms is %d and must be 0 to %d", f.DelayMS, longestDelay.Milliseconds())
	case f.Kind == StatusOnly && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status is %d and must be 200 to 599", f.Status)
	case f.Host < 0:
		return fmt.Errorf("host is %d; hosts are numbered from 1, and 0 is every one", f.Host)
	}
	f.Left = f.Count
	return nil
}

// matches compares where a request arrived; its operation is compared apart,
// because refusing connections has none.
func (f *Fault) matches(wallet string, host int) bool {
	return (f.Wallet == anyName || f.Wallet == wallet) && (f.Host == 0 || f.Host == host)
}

// faultList is the list in force. It lives in memory only: a cloud that starts
// again starts healthy.
type faultList struct {
	mu   sync.Mutex
	list []Fault
}

// replace puts a new list in force for every request that arrives from now on.
func (l *faultList) replace(list []Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = slices.Clone(list)
}

// snapshot is a copy with what is left of each fault.
func (l *faultList) snapshot() []Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Fault{}, l.list...)
}

// take returns the fault that one request meets and counts it. The zero Fault
// means none.
func (l *faultList) take(wallet string, op Operation, host int) Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range l.list {
		f := &l.list[i]
		if f.Kind == RefuseConnection || f.Left == 0 || !f.matches(wallet, host) {
			continue
		}
		if f.Operation == anyName || f.Operation == string(op) {
			f.Left--
			return *f
		}
	}
	return Fault{}
}

// cut reports whether the shop's line is: every wallet refuses, at every host.
func (l *faultList) cut() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.list, func(f Fault) bool { return f.Kind == RefuseConnection && f.Wallet == anyName && f.Host == 0 })
}

// refused reports whether a wallet's host must not accept connections.
func (l *faultList) refused(wallet string, host int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.list, func(f Fault) bool { return f.Kind == RefuseConnection && f.matches(wallet, host) })
}
