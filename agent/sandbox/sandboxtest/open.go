package sandboxtest

import (
	"cmp"
	"crypto/rand"
	"crypto/rsa"
	"encoding/hex"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

// Local is an address with a port of this machine that is free.
const Local = "127.0.0.1:0"

// Ledger is LedgerAt in a folder of the test's.
func Ledger(t *testing.T, clock agent.Clock) *sandbox.Ledger {
	t.Helper()
	return LedgerAt(t, filepath.Join(folder(t), "ledger.db"), clock)
}

// folder is one of the test's own: in memory where the system has plenty of it, since
// every answer of the cloud waits for the ledger's disk.
func folder(t *testing.T) string {
	t.Helper()
	const memory, plenty = "/dev/shm", 512 << 20
	var fs syscall.Statfs_t
	if syscall.Statfs(memory, &fs) == nil && fs.Bavail*uint64(fs.Bsize) >= plenty {
		if dir, err := os.MkdirTemp(memory, "tillwire-ledger-"); err == nil {
			t.Cleanup(func() { _ = os.RemoveAll(dir) })
			return dir
		}
	}
	return t.TempDir()
}

// LedgerAt opens a ledger for as long as the test runs.
func LedgerAt(t *testing.T, path string, clock agent.Clock) *sandbox.Ledger {
	t.Helper()
	l, err := sandbox.OpenLedger(t.Context(), path, clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// Cloud starts a cloud that keeps its log to itself, for as long as the test runs.
func Cloud(t *testing.T, o sandbox.Options) *sandbox.Cloud {
	t.Helper()
	c := start(t, o)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func start(t *testing.T, o sandbox.Options) *sandbox.Cloud {
	t.Helper()
	o.Log, o.Control = slog.New(slog.DiscardHandler), Local
	c, err := sandbox.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Phone gives a wallet a customer, with 1,000.00 unless it says otherwise. code is a
// fresh one, or "" where customers show none.
func Phone(t *testing.T, l *sandbox.Ledger, w sandbox.Wallet, c sandbox.Customer) (id, code string) {
	t.Helper()
	c.Wallet, c.Balance = w.Name(), cmp.Or(c.Balance, 100_000)
	c, err := l.AddCustomer(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if r, ok := w.(sandbox.Reader); ok && r.OnlyReads() {
		return c.ID, ""
	}
	made, err := l.IssueCode(t.Context(), c.ID, func(string) (string, error) { return w.PayCode() })
	if err != nil {
		t.Fatal(err)
	}
	return c.ID, made.Code
}

// Keys are RSA keys of 2048 bits, each made once for a whole test program: making
// one takes a while. The zero value is ready.
type Keys struct {
	mu   sync.Mutex
	made []*rsa.PrivateKey
}

// Source hands them out from the first on, as a wallet's KeySource.
func (k *Keys) Source() func() (*rsa.PrivateKey, error) {
	next := 0
	return func() (*rsa.PrivateKey, error) {
		k.mu.Lock()
		defer k.mu.Unlock()
		for len(k.made) <= next {
			key, err := rsa.GenerateKey(rand.Reader, 2048)
			if err != nil {
				return nil, err
			}
			k.made = append(k.made, key)
		}
		next++
		return k.made[next-1], nil
	}
}

// OrderNo is an order number of the demo terminal that was never used.
func OrderNo() string {
	b := make([]byte, 13)
	rand.Read(b)
	return "DEMO01" + strings.ToUpper(hex.EncodeToString(b))
}

// Until waits until something is done, for two minutes at most: the machine may have other
// things to do.
func Until(t *testing.T, done func() bool) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for !done() {
		select {
		case <-deadline:
			t.Fatal("waited in vain")
		default:
			runtime.Gosched()
		}
	}
}
