package offline_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

var shownHere = agent.Fact{Kind: agent.FactOfflineShown, Wallet: "citypay", QR: "PC1:"}

// bearer accepts a bearer voucher for the n-th sale.
func (ts *testStore) bearer(t *testing.T, n int, id string) (agent.Payment, error) {
	t.Helper()
	p, err := ts.Open(t.Context(), journaltest.Sale(n, "1"), opened, shownHere)
	if err != nil {
		t.Fatal(err)
	}
	now := ts.clock.Now()
	got, err := ts.Accept(t.Context(), p.ID, p.Version, agent.Acceptance{
		Fact: agent.Fact{Kind: agent.FactOfflineAccepted, Wallet: "citypay", Way: agent.WayBearer, Amount: 1280, By: "person:1"},
		Role: agent.RoleCashier, Now: now, Seen: now, Sealed: []byte("sealed bytes of a voucher"),
		Spend: &agent.Spend{Issuer: 7, ID: []byte(id), Until: now.Add(time.Hour)},
		Policy: agent.OfflinePolicy{On: true, Ways: agent.Ways(), Least: agent.RoleCashier, Window: 24 * time.Hour, Count: 9, LaneCount: 9,
			Caps: map[agent.Currency]agent.OfflineCap{"CNY": {Ceiling: 1280, Exact: 1280, Stored: 128000, Lane: 128000}}},
	})
	return got, err
}

func (ts *testStore) accepted(t *testing.T, n int, id string) agent.Payment {
	t.Helper()
	p, err := ts.bearer(t, n, id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func contents(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestWhatWasAcceptedIsVerified(t *testing.T) {
	for what, tc := range map[string]struct{ change, finding string }{
		"a cap is emptied by hand":   {"DROP TRIGGER accepted_keys; UPDATE accepted SET amount = 1", "its acceptance is not the one"},
		"it is closed by hand":       {"UPDATE accepted SET open = 0, sealed = NULL", "its acceptance is open: false"},
		"a spent code is given back": {"DELETE FROM spent", "is not among the spent ones"},
		"its row is gone":            {"DROP TRIGGER accepted_delete; DELETE FROM accepted", "no row says so"},
	} {
		t.Run(what, func(t *testing.T) {
			ts := openStore(t, nil)
			p := ts.accepted(t, 1, "bearer01")
			clean(t, ts.dir)
			if _, err := byHand(t, ts.dir).Exec(tc.change); err != nil {
				t.Fatal(err)
			}
			report := verify(t, ts.dir)
			if len(report.Findings) != 1 || report.Findings[0].Payment != p.ID || !strings.Contains(report.Findings[0].What, tc.finding) {
				t.Errorf("findings %v", report.Findings)
			}
		})
	}
}

func TestTheDatabaseRefusesWhatNoProgramMayDo(t *testing.T) {
	ts := openStore(t, nil)
	ts.accepted(t, 1, "bearer01")
	p := ts.record(t, ts.accepted(t, 2, "bearer02"), agent.Fact{Kind: agent.FactForwardStarted, Op: agent.OpRedeem})
	ts.record(t, p, agent.Fact{Kind: agent.FactLoss, Op: agent.OpRedeem, Reason: agent.ReasonRevoked})
	clean(t, ts.dir)
	db := byHand(t, ts.dir)
	for _, change := range []string{
		"UPDATE accepted SET amount = 1", "UPDATE accepted SET lane = '2'", "UPDATE accepted SET open = 1", "DELETE FROM accepted WHERE open = 1",
		"UPDATE spent SET counter = 9", "INSERT INTO spent SELECT * FROM spent", "UPDATE accepted SET sealed = x'00' WHERE open = 0",
	} {
		if _, err := db.Exec(change); err == nil {
			t.Errorf("%s was allowed", change)
		}
	}
}

// TestWhatIsForwardedIsWipedFromTheDisk: neither file nor log holds the code once the
// sale has ended and the log was put into the file.
func TestWhatIsForwardedIsWipedFromTheDisk(t *testing.T) {
	ts := openStore(t, nil)
	p := ts.accepted(t, 1, "bearer01")
	if got, err := ts.Sealed(t.Context(), p.ID); err != nil || len(got) == 0 {
		t.Fatalf("sealed %q, %v", got, err)
	}
	p = ts.record(t, p, agent.Fact{Kind: agent.FactForwardStarted, Op: agent.OpRedeem})
	ts.record(t, p, agent.Fact{Kind: agent.FactApproved, Op: agent.OpRedeem, Amount: 1280})
	ts.reopen(t, nil)
	files, err := filepath.Glob(filepath.Join(ts.dir, "agent.db*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if bytes.Contains(contents(t, f), []byte("sealed bytes of a voucher")) {
			t.Errorf("%s still holds what was forwarded", f)
		}
	}
}

// TestAStoreThatWasPutBackAcceptsNothing: what it has spent since then is not known.
func TestAStoreThatWasPutBackAcceptsNothing(t *testing.T) {
	ts := openStore(t, nil)
	ts.accepted(t, 1, "bearer01")
	ts.reopen(t, nil)
	old := copyFolder(t, ts.dir)
	ts.accepted(t, 2, "bearer02")
	ts.reopen(t, nil)
	if err := ts.Close(); err != nil {
		t.Fatal(err)
	}
	copyFile(t, filepath.Join(old, "agent.db"), filepath.Join(ts.dir, "agent.db"))
	ts.Store = nil
	ts.reopen(t, nil)
	if _, err := ts.bearer(t, 3, "bearer02"); agent.CodeOf(err) != agent.CodeOffline || !strings.Contains(err.Error(), "put back") {
		t.Fatalf("accepted by a store that was put back: %v", err)
	}
	p, err := ts.Payment(t.Context(), journaltest.Sale(3, "1").ID)
	if err != nil || p.Status.State != agent.QRShown {
		t.Fatalf("the sale is %s, %v: selling online goes on", p.Status.State, err)
	}
	ts.record(t, p, agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 1280})
	if err := ts.TrustSpent(t.Context(), "person:owner"); err != nil {
		t.Fatal(err)
	}
	ts.accepted(t, 4, "bearer03")
	if _, err := ts.bearer(t, 5, "bearer01"); !errors.Is(err, agent.ErrSpent) {
		t.Errorf("a code spent before the copy: %v", err)
	}
}

// TestATimeSeenByMistakeIsPutRight: otherwise nothing is accepted until it has come.
func TestATimeSeenByMistakeIsPutRight(t *testing.T) {
	ts := openStore(t, nil)
	ts.accepted(t, 1, "bearer01")
	right := ts.clock.Now()
	if err := ts.Saw(t.Context(), right.Add(8*365*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if p, err := ts.bearer(t, 2, "bearer02"); err == nil {
		t.Fatalf("accepted %s, eight years late for the window", p.ID)
	}
	p, err := ts.Payment(t.Context(), journaltest.Sale(2, "1").ID)
	if err != nil {
		t.Fatal(err)
	}
	ts.record(t, p, agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 1280}) // the lane is free again
	if err := ts.ResetSeen(t.Context(), "person:owner"); err != nil {
		t.Fatal(err)
	}
	ts.reopen(t, nil)
	if at, err := ts.SeenTime(t.Context()); err != nil || !at.Equal(right) {
		t.Errorf("seen %s, %v; want %s", at, err, right)
	}
	ts.accepted(t, 3, "bearer03")
	acts, err := ts.Audits(t.Context(), 0, 9)
	if err != nil {
		t.Fatal(err)
	}
	wrong := right.Add(8 * 365 * 24 * time.Hour).UTC().Format(time.RFC3339)
	if len(acts) == 0 || acts[0].Action != "offline.reset_time" || acts[0].Actor != "person:owner" || !strings.Contains(acts[0].Detail, wrong) {
		t.Errorf("the audit trail has %+v", acts)
	}
}

func TestTheListOfIssuersStaysWithItsHighestVersion(t *testing.T) {
	ts := openStore(t, nil)
	if raw, highest, err := ts.LoadKeySet(); raw != nil || highest != 0 || err != nil {
		t.Fatalf("a new store has %q of %d, %v", raw, highest, err)
	}
	const huge = 1<<64 - 1
	for _, save := range []struct {
		raw           string
		version, want uint64
	}{{"five", 5, 5}, {"four", 4, 5}, {"huge", huge, huge}} {
		if err := ts.SaveKeySet([]byte(save.raw), save.version); err != nil {
			t.Fatal(err)
		}
		ts.reopen(t, nil)
		if raw, highest, err := ts.LoadKeySet(); string(raw) != save.raw || highest != save.want || err != nil {
			t.Errorf("after %s: %q of %d, %v", save.raw, raw, highest, err)
		}
	}
}

func TestSpentCodesOutliveTheirPayments(t *testing.T) {
	ts := openStore(t, func(opt *offline.Options) { opt.Keep = func() time.Duration { return time.Hour } })
	p := ts.record(t, ts.accepted(t, 1, "bearer01"), agent.Fact{Kind: agent.FactForwardStarted, Op: agent.OpRedeem})
	ts.record(t, p, agent.Fact{Kind: agent.FactApproved, Op: agent.OpRedeem, Amount: 1280})
	ts.clock.Advance(48 * time.Hour)
	if n, err := ts.Prune(t.Context(), ts.clock.Now()); n != 1 || err != nil {
		t.Fatalf("%d payments went, %v", n, err)
	}
	if got, err := ts.bearer(t, 2, "bearer01"); !errors.Is(err, agent.ErrSpent) || got.ID != "" {
		t.Errorf("accepted again: %v", err)
	}
	clean(t, ts.dir)
}

// TestAStoreOnAnotherMachineAcceptsNothing: of two terminals with one disk each would
// accept what the other has spent. Parts that come and go are no other machine.
func TestAStoreOnAnotherMachineAcceptsNothing(t *testing.T) {
	on := func(parts ...string) func(*offline.Options) {
		return func(opt *offline.Options) { opt.Machine = parts }
	}
	ts := openStore(t, on("net a"))
	ts.accepted(t, 1, "bearer01")
	for n, parts := range [][]string{{"net a", "net b"}, {}, {"net b"}, {"net b", "serial 1"}, {"serial 1"}} {
		ts.reopen(t, on(parts...))
		ts.accepted(t, 2+n, "bearer1"+string(rune('0'+n)))
	}
	refused := func(n int, id string) (agent.Payment, error) {
		p, err := ts.bearer(t, n, id)
		shown, readErr := ts.Payment(t.Context(), journaltest.Sale(n, "1").ID)
		if readErr != nil {
			t.Fatal(readErr)
		}
		// Selling online goes on, and the lane is free again.
		ts.record(t, shown, agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 1280})
		return p, err
	}
	ts.reopen(t, on("net c"))
	p, err := refused(9, "bearer02")
	if agent.CodeOf(err) != agent.CodeOffline || !strings.Contains(err.Error(), "another machine") {
		t.Fatalf("the copy accepts: %s, %v", p.ID, err)
	}
	if problems := ts.Problems(); len(problems) == 0 || !strings.Contains(problems[0].What, "another machine") {
		t.Errorf("nobody is told: %v", problems)
	}
	if at, err := ts.PutBack(t.Context()); err != nil || at.IsZero() {
		t.Errorf("the owner's page would not ask: %v, %v", at, err)
	}
	ts.reopen(t, on("net c"))
	if _, err := refused(10, "bearer03"); agent.CodeOf(err) != agent.CodeOffline {
		t.Errorf("another start makes it trusted: %v", err)
	}
	if err := ts.TrustSpent(t.Context(), "person:owner"); err != nil {
		t.Fatal(err)
	}
	ts.accepted(t, 11, "bearer04")
}
