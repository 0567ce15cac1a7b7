package offline_test

import (
	"database/sql"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/mattn/go-sqlite3"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

// copyFolder copies a data folder as a power cut leaves it: the files as they are,
// without a clean stop.
func copyFolder(t *testing.T, from string) string {
	t.Helper()
	to := t.TempDir()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			copyFile(t, filepath.Join(from, e.Name()), filepath.Join(to, e.Name()))
		}
	}
	return to
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	in, err := os.Open(from)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
}

// byHand opens a store's file past the program, as a curious person would.
func byHand(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "agent.db")+"?_busy_timeout=5000&_foreign_keys=on")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func (ts *testStore) sell(t *testing.T, n int, facts ...agent.Fact) agent.Payment {
	t.Helper()
	p, err := ts.Open(t.Context(), journaltest.Sale(n, fmt.Sprint("lane ", n)), opened, sent(n))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range facts {
		p = ts.record(t, p, f)
	}
	return p
}

func (ts *testStore) record(t *testing.T, p agent.Payment, facts ...agent.Fact) agent.Payment {
	t.Helper()
	p, err := ts.Record(t.Context(), p.ID, p.Version, facts...)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var (
	refused = agent.Fact{Kind: agent.FactRefused, Op: agent.OpPay, Reason: agent.ReasonNotEnough}
	watched = agent.Fact{Kind: agent.FactWatched, Op: agent.OpQuery}
	inDoubt = agent.Fact{Kind: agent.FactInDoubt, Op: agent.OpPay, Reason: agent.ReasonNoAnswer}
)

func refund(p agent.Payment, n int, amount int64) agent.Fact {
	return agent.Fact{Kind: agent.FactRefundRequested, RefundNo: fmt.Sprintf("%sP%d", p.OrderNo, n), RequestID: fmt.Sprint("refund ", n), Amount: amount, By: "person:2"}
}

// verify runs a verification as the command does, past the running store.
func verify(t *testing.T, dir string) offline.Report {
	t.Helper()
	r, err := offline.OpenReader(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	report, err := r.Verify(t.Context(), agent.DefaultTimers)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func clean(t *testing.T, dir string) {
	t.Helper()
	if report := verify(t, dir); len(report.Findings) != 0 {
		t.Fatalf("findings in a sound store: %v", report.Findings)
	}
}
