//go:build faultfs

package faultfs_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mattn/go-sqlite3"

	"tillwire/offline/faultfs"
)

// mode is how a plain program might open its database.
type mode struct{ journal, synchronous string }

func (m mode) open(t *testing.T, dir string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite3", "file:"+filepath.Join(dir, "plain.db")+"?_journal_mode="+m.journal+"&_synchronous="+m.synchronous+"&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	return db
}

// told is an acknowledgement: this payment is on record at this version.
type told struct{ id, version int }

// trade commits payments of two versions each and marks every commit.
func trade(t *testing.T, m mode, payments int) *faultfs.Tape {
	t.Helper()
	dir := fastDir(t)
	disk := attach(t, dir)
	rec := record(t, disk)
	db := m.open(t, dir)
	exec := func(query string, args ...any) {
		if _, err := db.Exec(query, args...); err != nil {
			t.Fatal(err)
		}
	}
	exec("PRAGMA wal_autocheckpoint = 40")
	exec("CREATE TABLE payment(id INTEGER PRIMARY KEY, version INT, text TEXT); CREATE INDEX version ON payment(version)")
	rec.Mark(told{})
	for id := range payments {
		exec("INSERT INTO payment VALUES (?, 1, ?)", id, strings.Repeat("x", 400))
		rec.Mark(told{id, 1})
		exec("UPDATE payment SET version = 2 WHERE id = ?", id)
		rec.Mark(told{id, 2})
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return stop(t, rec)
}

// verdict counts what was wrong with a series of images.
type verdict struct{ images, lost, schema, corrupt int }

func judge(t *testing.T, m mode, tape *faultfs.Tape, images int) (v verdict) {
	t.Helper()
	dir := fastDir(t)
	cursor := tape.Cursor()
	for i, cut := range tape.Cuts(images, 1) {
		cursor.Seek(cut)
		acked, err := cursor.Image(uint64(i), dir)
		if err != nil {
			t.Fatal(err)
		}
		v.images++
		v.look(m.open(t, dir), acked)
	}
	return v
}

// look opens one image as the program would after the power is back.
func (v *verdict) look(db *sql.DB, acked []any) {
	defer db.Close()
	var check string
	if err := db.QueryRow("PRAGMA integrity_check").Scan(&check); err != nil || check != "ok" {
		v.corrupt++
		return
	}
	have := map[int]int{}
	rows, err := db.Query("SELECT id, version FROM payment")
	if err != nil {
		if len(acked) > 0 {
			v.schema++
		}
		return
	}
	defer rows.Close()
	for rows.Next() {
		var id, version int
		if err := rows.Scan(&id, &version); err != nil {
			v.corrupt++
			return
		}
		have[id] = version
	}
	for _, a := range acked {
		if a := a.(told); have[a.id] < a.version {
			v.lost++
			return
		}
	}
}

// TestWhatEachSettingOfSQLiteLoses shows that the recorder finds what the manual of
// SQLite admits, and nothing where it promises durability.
func TestWhatEachSettingOfSQLiteLoses(t *testing.T) {
	for _, c := range []struct {
		mode
		loses, corrupts bool
	}{
		{mode{"WAL", "NORMAL"}, true, false}, // the driver's default
		{mode{"WAL", "FULL"}, false, false},
		{mode{"WAL", "EXTRA"}, false, false},
		{mode{"WAL", "OFF"}, true, true},
		{mode{"DELETE", "EXTRA"}, false, false},
		{mode{"DELETE", "FULL"}, true, false}, // the deleted journal is back and undoes a commit
		{mode{"DELETE", "OFF"}, true, true},
		{mode{"TRUNCATE", "FULL"}, false, false},
		{mode{"PERSIST", "FULL"}, false, false},
	} {
		t.Run(c.journal+" "+c.synchronous, func(t *testing.T) {
			v := judge(t, c.mode, trade(t, c.mode, 100), 1000)
			t.Logf("%+v", v)
			if v.images != 1000 || c.loses != (v.lost+v.schema > 0) || c.corrupts != (v.corrupt > 0) {
				t.Errorf("%+v", v)
			}
		})
	}
}

// TestTheLayerIsUnderTheDriver counts what one commit costs.
func TestTheLayerIsUnderTheDriver(t *testing.T) {
	dir := fastDir(t)
	disk := attach(t, dir)
	db := mode{"WAL", "FULL"}.open(t, dir)
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE a(b)"); err != nil {
		t.Fatal(err)
	}
	writes, syncs := disk.Count(faultfs.Write, faultfs.WAL), disk.Count(faultfs.Sync, faultfs.WAL)
	if _, err := db.Exec("INSERT INTO a VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	if disk.Count(faultfs.Write, faultfs.WAL) <= writes || disk.Count(faultfs.Sync, faultfs.WAL) != syncs+1 {
		t.Errorf("a commit wrote %d times and synced %d times", disk.Count(faultfs.Write, faultfs.WAL)-writes, disk.Count(faultfs.Sync, faultfs.WAL)-syncs)
	}
	if disk.Count(faultfs.Open, faultfs.Database) != 1 || disk.Count(faultfs.Open, faultfs.Any) < 2 {
		t.Errorf("%d databases and %d files were opened", disk.Count(faultfs.Open, faultfs.Database), disk.Count(faultfs.Open, faultfs.Any))
	}
	elsewhere := disk.Count(faultfs.Open, faultfs.Any)
	other := mode{"WAL", "FULL"}.open(t, fastDir(t))
	defer other.Close()
	if err := other.Ping(); err != nil {
		t.Fatal(err)
	}
	if disk.Count(faultfs.Open, faultfs.Any) != elsewhere {
		t.Error("a file in another folder was counted")
	}
}

func TestAFaultIsWhatSQLiteReports(t *testing.T) {
	dir := fastDir(t)
	disk := attach(t, dir)
	db := mode{"WAL", "FULL"}.open(t, dir)
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE a(b)"); err != nil {
		t.Fatal(err)
	}
	for _, f := range []faultfs.Fault{
		{Op: faultfs.Write, Kind: faultfs.WAL},
		{Op: faultfs.Write, Kind: faultfs.WAL, Part: 700},
		{Op: faultfs.Write, Kind: faultfs.WAL, Code: faultfs.CodeFull, Forever: true},
		{Op: faultfs.Sync, Kind: faultfs.WAL},
		{Op: faultfs.Sync, After: 1},
	} {
		t.Run(f.String(), func(t *testing.T) {
			fault, err := disk.Inject(f)
			if err != nil {
				t.Fatal(err)
			}
			var seen error
			for n := int64(0); n <= f.After && seen == nil; n++ {
				_, seen = db.Exec("INSERT INTO a VALUES (1)")
			}
			var code sqlite3.Error
			if !errors.As(seen, &code) || f.Code != 0 && int(code.ExtendedCode) != f.Code {
				t.Errorf("the program saw %v (%d)", seen, code.ExtendedCode)
			}
			if fault.Hits() == 0 || fault.Clear() == 0 {
				t.Error("the fault did not strike")
			}
			if _, err := db.Exec("INSERT INTO a VALUES (1)"); err != nil {
				t.Errorf("after it was cleared: %v", err)
			}
		})
	}
}

// TestARecordingCanBeginInTheMiddle, with the files that are there as durable.
func TestARecordingCanBeginInTheMiddle(t *testing.T) {
	dir := fastDir(t)
	disk := attach(t, dir)
	m := mode{"WAL", "FULL"}
	db := m.open(t, dir)
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE payment(id INTEGER PRIMARY KEY, version INT); INSERT INTO payment VALUES (0, 1)"); err != nil {
		t.Fatal(err)
	}
	rec := record(t, disk)
	if _, err := disk.Record(); err == nil {
		t.Error("a second recording began")
	}
	if _, err := db.Exec("UPDATE payment SET version = 2"); err != nil {
		t.Fatal(err)
	}
	rec.Mark(told{0, 2})
	tape := stop(t, rec)
	if _, err := rec.Stop(); err == nil {
		t.Error("it could be stopped twice")
	}
	for cut := range tape.Len() + 1 {
		image := fastDir(t)
		acked, err := tape.Image(cut, 7, image)
		if err != nil {
			t.Fatal(err)
		}
		v := verdict{}
		v.look(m.open(t, image), append([]any{told{0, 1}}, acked...))
		if v != (verdict{}) {
			t.Fatalf("cut %d: %+v", cut, v)
		}
	}
	if n := len(tape.Acked(tape.Len())); n != 1 {
		t.Errorf("%d marks", n)
	}
}

func TestTheSameSeedGivesTheSameImage(t *testing.T) {
	tape := trade(t, mode{"WAL", "NORMAL"}, 20)
	a, b := fastDir(t), fastDir(t)
	other := 0
	for _, cut := range tape.Cuts(200, 3) {
		for _, dir := range []string{a, b} {
			if _, err := tape.Image(cut, uint64(cut), dir); err != nil {
				t.Fatal(err)
			}
		}
		one := folder(t, a)
		if one != folder(t, b) {
			t.Fatalf("cut %d gave two images", cut)
		}
		if _, err := tape.Image(cut, uint64(cut)+1, b); err != nil {
			t.Fatal(err)
		}
		if one != folder(t, b) {
			other++
		}
	}
	if other < 100 {
		t.Errorf("another seed gave another image in %d of 200 cuts", other)
	}
}

func folder(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(e.Name() + ":")
		all.Write(content)
	}
	return all.String()
}
