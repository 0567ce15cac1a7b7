package offline

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/mattn/go-sqlite3"
)

func freshFile(t *testing.T) *sqlite3.SQLiteConn {
	t.Helper()
	c, err := connect(filepath.Join(t.TempDir(), fileName), true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func list(t *testing.T) []migration {
	t.Helper()
	l, err := migrations(migrationFiles)
	if err != nil || len(l) == 0 {
		t.Fatalf("%d migrations, %v", len(l), err)
	}
	return l
}

func script(t *testing.T, m migration, name string) string {
	t.Helper()
	text, err := os.ReadFile(path.Join("migrations", fmt.Sprintf("%04d_%s", m.number, m.name), name))
	if err != nil {
		t.Fatalf("every migration has its test data: %v", err)
	}
	return string(text)
}

// TestEveryMigrationCarriesItsDataOver seeds the schema before a migration, runs
// it, and asks what is wrong afterwards.
func TestEveryMigrationCarriesItsDataOver(t *testing.T) {
	all := list(t)
	for i, m := range all {
		t.Run(m.name, func(t *testing.T) {
			c := freshFile(t)
			if err := migrate(c, all[:i]); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Exec(script(t, m, "before.sql"), nil); err != nil {
				t.Fatalf("before: %v", err)
			}
			if err := migrate(c, all[:i+1]); err != nil {
				t.Fatal(err)
			}
			queries := 0
			for q := range strings.SplitSeq(script(t, m, "after.sql"), ";\n") {
				if strings.TrimSpace(q) == "" {
					continue
				}
				queries++
				if wrong, err := ask(c, q); err != nil || len(wrong) > 0 {
					t.Errorf("after: %q, %v", wrong, err)
				}
			}
			if queries == 0 {
				t.Error("nothing is asked afterwards")
			}
			if version, err := schemaOf(c); err != nil || version != i+1 {
				t.Errorf("schema %d, %v", version, err)
			}
		})
	}
}

func next(t *testing.T, up string) []migration {
	t.Helper()
	all := list(t)
	files := fstest.MapFS{}
	for _, m := range all {
		files[fmt.Sprintf("migrations/%04d_%s/up.sql", m.number, m.name)] = &fstest.MapFile{Data: []byte(m.up)}
	}
	files[fmt.Sprintf("migrations/%04d_next/up.sql", len(all)+1)] = &fstest.MapFile{Data: []byte(up)}
	l, err := migrations(files)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestAMigrationHappensWholeOrNotAtAll(t *testing.T) {
	for name, up := range map[string]string{
		"an error in the middle": "CREATE TABLE extra(x TEXT) STRICT; INSERT INTO nowhere VALUES (1);",
		"a row that refers to nothing": `CREATE TABLE extra(x TEXT REFERENCES person(id) DEFERRABLE INITIALLY DEFERRED) STRICT;
			PRAGMA defer_foreign_keys = on; INSERT INTO extra VALUES ('nobody');`,
	} {
		t.Run(name, func(t *testing.T) {
			c := freshFile(t)
			if err := migrate(c, list(t)); err != nil {
				t.Fatal(err)
			}
			if err := migrate(c, next(t, up)); err == nil || !strings.Contains(err.Error(), "next") {
				t.Fatalf("migrated with %v", err)
			}
			if version, err := schemaOf(c); err != nil || version != len(list(t)) {
				t.Fatalf("schema %d, %v", version, err)
			}
			if found, err := ask(c, "SELECT name FROM sqlite_schema WHERE name = 'extra'"); err != nil || len(found) > 0 {
				t.Fatalf("left %v, %v", found, err)
			}
			if err := migrate(c, next(t, "CREATE TABLE extra(x TEXT) STRICT;")); err != nil {
				t.Fatalf("the connection is of no more use: %v", err)
			}
		})
	}
}

func TestAStoreIsCopiedBeforeItsShapeChanges(t *testing.T) {
	dir := t.TempDir()
	c, err := connect(filepath.Join(dir, fileName), true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	w := &writer{s: &Store{opt: Options{Dir: dir}}, conn: c}
	newer := next(t, "CREATE TABLE extra(x TEXT) STRICT;")
	copyOf := filepath.Join(dir, backupsName, fmt.Sprintf("before-schema-%04d.db", len(newer)))
	if err := w.backupBeforeMigration(t.Context(), newer); err != nil || exists(copyOf) {
		t.Fatalf("an empty store was copied: %v", err)
	}
	if err := migrate(c, list(t)); err != nil {
		t.Fatal(err)
	}
	if err := w.backupBeforeMigration(t.Context(), newer); err != nil || !exists(copyOf) {
		t.Fatalf("no copy was made: %v", err)
	}
	if err := verifyBackup(t.Context(), copyOf); err != nil {
		t.Fatal(err)
	}
}

// TestThePaymentsGuardsHold asks the newest schema for what no payment may be.
func TestThePaymentsGuardsHold(t *testing.T) {
	c := freshFile(t)
	if err := migrate(c, list(t)); err != nil {
		t.Fatal(err)
	}
	for state, allowed := range map[string]bool{"created": true, "sending": true, "not_sent": true, "paid": false, "reversed": false, "": false} {
		for facts, last := range map[string]int64{"one": 1, "two": 2, "three": 3} {
			_, err := c.Exec(`INSERT OR ABORT INTO payment(id, order_no, client, request_id, request_hash, lane, amount, currency, reference, mode,
				cashier, test, created, first_seq, version, state, final, held, wallet, txn, captured, refunded, last_seq)
				VALUES (?1 || ?2, ?1 || ?2 || 'x', 'till:a', ?1 || ?2, x'00', '1', 1280, 'CNY', '', 'any', '', 0, 1, 1, 1, ?1, 0, 0, '', '', 0, 0, ?2)`,
				values(state, last))
			if want := allowed || facts == "three"; (err == nil) != want || err != nil && !isConstraint(err) {
				t.Errorf("%q after %s facts: %v", state, facts, err)
			}
		}
	}
}

func TestMigrationsAreNumberedWithoutGaps(t *testing.T) {
	for name, folders := range map[string][]string{"a gap": {"0001_a", "0003_b"}, "a letter": {"000x_a"}, "twice": {"0001_a", "0001_b"}} {
		files := fstest.MapFS{}
		for _, f := range folders {
			files["migrations/"+f+"/up.sql"] = &fstest.MapFile{Data: []byte("SELECT 1;")}
		}
		if _, err := migrations(files); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// TestConnectionsAreAsAskedFor breaks single settings and expects every one of
// them to be noticed.
func TestConnectionsAreAsAskedFor(t *testing.T) {
	path := filepath.Join(t.TempDir(), fileName)
	c, err := connect(path, true)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, pragma := range []string{"synchronous = NORMAL", "synchronous = FULL", "foreign_keys = off", "secure_delete = off", "query_only = on", "journal_mode = DELETE"} {
		if _, err := ask(c, "PRAGMA "+pragma); err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(pragma, " ")
		if err := settle(c, true); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s went unnoticed: %v", pragma, err)
		}
		for _, undo := range []string{"synchronous = EXTRA", "foreign_keys = on", "secure_delete = fast", "query_only = off", "journal_mode = WAL"} {
			if _, err := ask(c, "PRAGMA "+undo); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := settle(c, true); err != nil {
		t.Fatal(err)
	}
}
