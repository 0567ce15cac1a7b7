package offline_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"

	"tillwire/agent"
	"tillwire/offline"
)

// busyDay is a store with payments in every kind of state.
func busyDay(t *testing.T) (*testStore, agent.Payment) {
	ts := openStore(t, nil)
	ts.sell(t, 1)
	ts.sell(t, 2, inDoubt)
	ts.sell(t, 3, refused, approved)
	paid := ts.sell(t, 4, approved)
	paid = ts.record(t, paid, refund(paid, 1, 500))
	if err := ts.AppendAudit(t.Context(), agent.Audit{Actor: "person:2", Action: "refund.approved", Object: string(paid.ID)}); err != nil {
		t.Fatal(err)
	}
	ts.record(t, paid, agent.Fact{Kind: agent.FactRefundDone, Op: agent.OpRefund, RefundNo: paid.OrderNo + "P1"})
	ts.sell(t, 5, refused, watched)
	return ts, paid
}

func TestASoundStoreIsCleanRunningAndStopped(t *testing.T) {
	ts, _ := busyDay(t)
	report := verify(t, ts.dir)
	if len(report.Findings) != 0 || report.Payments != 5 || report.Rows < 17 {
		t.Fatalf("running: %+v", report)
	}
	clean(t, copyFolder(t, ts.dir))
	if err := ts.Close(); err != nil {
		t.Fatal(err)
	}
	clean(t, ts.dir)
}

// TestOneChangedByteIsNamed changes single bytes of recorded facts by hand, past
// the triggers, and asks for the row.
func TestOneChangedByteIsNamed(t *testing.T) {
	ts, paid := busyDay(t)
	for _, fact := range paid.Facts {
		dir := copyFolder(t, ts.dir)
		db := byHand(t, dir)
		must(t, db, "DROP TRIGGER journal_update")
		var ev []byte
		if err := db.QueryRow("SELECT ev FROM journal WHERE seq = ?", fact.Seq).Scan(&ev); err != nil {
			t.Fatal(err)
		}
		ev[len(ev)-1] ^= 1
		must(t, db, "UPDATE journal SET ev = ? WHERE seq = ?", ev, fact.Seq)
		report := verify(t, dir)
		if len(report.Findings) == 0 {
			t.Fatalf("row %d was changed and nothing was found", fact.Seq)
		}
		if f := report.Findings[0]; f.Seq != fact.Seq || f.Payment != paid.ID || !strings.Contains(f.String(), fmt.Sprint("row ", fact.Seq)) {
			t.Fatalf("row %d was changed, found %v", fact.Seq, report.Findings)
		}
	}
}

func TestWhatWasTamperedWithIsNamed(t *testing.T) {
	cases := map[string]struct {
		drop, sql string
		names     string
	}{
		"an amount":             {"payment_keys", "UPDATE payment SET amount = 1 WHERE id = ?1", "asked for"},
		"a state":               {"payment_move", "UPDATE payment SET state = 'declined' WHERE id = ?1", "state"},
		"a payment code":        {"payment_keys", "UPDATE payment SET code_print = x'00' WHERE id = ?1", "payment code"},
		"a captured sum":        {"payment_move", "UPDATE payment SET captured = 5000 WHERE id = ?1", "captured"},
		"a removed fact":        {"journal_delete", "DELETE FROM journal WHERE seq = (SELECT last_seq FROM payment WHERE id = ?1)", "missing"},
		"a removed payment":     {"payment_delete", "DELETE FROM payment WHERE id = ?1", "missing"},
		"a removed refund":      {"refund_delete", "DELETE FROM refund WHERE pay = ?1", "refund"},
		"a raised refund":       {"refund_keys", "UPDATE refund SET amount = 501 WHERE pay = ?1", "501"},
		"an invented step":      {"outbox_keys", "INSERT INTO outbox VALUES ('x', 99, ?1, 'refund', 'x', 0, 0, '', 0)", "do not ask"},
		"a stolen step":         {"outbox_keys", "DELETE FROM outbox WHERE pay <> ?1", "1 is needed"},
		"a fact of another one": {"journal_update", "UPDATE journal SET pay = ?1 WHERE seq = 1", "hash"},
		"an audit entry":        {"journal_update", "UPDATE journal SET ev = x'a10165617564697a' WHERE pay IS NULL AND ?1 <> ''", "hash"},
		"a time":                {"journal_update", "UPDATE journal SET at = at + 1 WHERE seq = (SELECT last_seq FROM payment WHERE id = ?1)", "time"},
	}
	ts, paid := busyDay(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := copyFolder(t, ts.dir)
			db := byHand(t, dir)
			must(t, db, "PRAGMA foreign_keys = off")
			must(t, db, "DROP TRIGGER "+c.drop)
			must(t, db, c.sql, string(paid.ID))
			report := verify(t, dir)
			for _, f := range report.Findings {
				if strings.Contains(f.What, c.names) {
					return
				}
			}
			t.Fatalf("found %v", report.Findings)
		})
	}
}

// TestTheDatabaseRefuses tries by hand what no program may do.
func TestTheDatabaseRefuses(t *testing.T) {
	ts, paid := busyDay(t)
	db := byHand(t, ts.dir)
	for _, c := range []struct{ what, sql string }{
		{"an illegal move", "UPDATE payment SET state = 'closed' WHERE id = ?1"},
		{"a second held payment on a lane", `INSERT INTO payment SELECT 'new' || substr(?1, 1, 0), 'new', client, 'new', request_hash, lane, amount, currency, reference, mode, cashier, test, created,
			1000, 1, 'sending', 0, 1, wallet, txn, 0, 0, 1001, NULL, 0 FROM payment WHERE lane = 'lane 1'`},
		{"a changed amount", "UPDATE payment SET amount = amount + 1 WHERE id = ?1"},
		{"a changed currency", "UPDATE payment SET currency = 'JPY' WHERE id = ?1"},
		{"a changed order number", "UPDATE payment SET order_no = 'X' WHERE id = ?1"},
		{"a version that jumps", "UPDATE payment SET version = version + 2 WHERE id = ?1"},
		{"a reduced capture", "UPDATE payment SET captured = captured - 1 WHERE id = ?1"},
		{"a refund above the capture", "INSERT INTO refund VALUES ('n', ?1, 'q', 781, 'requested')"},
		{"a refund by the same request", "INSERT INTO refund VALUES ('n', ?1, 'refund 1', 1, 'requested')"},
		{"a changed refund", "UPDATE refund SET amount = 1 WHERE pay = ?1"},
		{"a removed refund", "DELETE FROM refund WHERE pay = ?1"},
		{"a changed fact", "UPDATE journal SET at = 0 WHERE pay = ?1"},
		{"a removed fact", "DELETE FROM journal WHERE pay = ?1"},
		{"a removed payment", "DELETE FROM payment WHERE id = ?1"},
		{"a payment that begins paid", `INSERT INTO payment SELECT 'new', 'new', client, 'new', request_hash, lane, amount, currency, reference, mode, cashier, test, created,
			1000, 1, 'paid', 1, 0, wallet, txn, captured, 0, 1001, NULL, 0 FROM payment WHERE id = ?1`},
		{"a second step with one number", "INSERT INTO outbox SELECT key, row + 1, pay, op, refund_no, 0, 0, '', 0 FROM outbox WHERE ?1 <> ''"},
		{"a step under another number", "UPDATE outbox SET key = 'x' WHERE ?1 <> ''"},
		{"a step of no payment", "INSERT INTO outbox VALUES ('x', 99, 'nobody' || ?1, 'query', '', 0, 0, '', 0)"},
		{"an anchor that moves back", "UPDATE meta SET value = value - 1 WHERE key = 'anchor' AND ?1 <> ''"},
		{"a word for a number", "UPDATE payment SET refunded = 'much' WHERE id = ?1"},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, err := db.Exec(c.sql, string(paid.ID))
			var refused sqlite3.Error
			if !errors.As(err, &refused) || refused.Code != sqlite3.ErrConstraint {
				t.Fatalf("the database answered %v", err)
			}
		})
	}
	clean(t, ts.dir)
}

func must(t *testing.T, db *sql.DB, statement string, args ...any) {
	t.Helper()
	if _, err := db.Exec(statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func TestAMissingStoreIsSaidToBeMissing(t *testing.T) {
	var known *agent.Error
	if _, err := offline.OpenReader(t.Context(), t.TempDir()); !errors.As(err, &known) || known.Class != agent.NotFound || known.Say.English == "" {
		t.Fatalf("%v", err)
	}
}
