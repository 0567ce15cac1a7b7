package main

import (
	"database/sql"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	_ "github.com/mattn/go-sqlite3" // to change a record behind the store's back

	"tillwire/cmd/cli"
)

// sold runs an agent, opens payments and cancels all but the last, and stops it.
func sold(t *testing.T, count int) string {
	t.Helper()
	file := equipped(t, sound)
	owned(t, file)
	r := started(t, file)
	r.ready()
	for i := range count {
		body := fmt.Sprintf(`{"request_id":"r%d","lane":"1","amount":{"value":%d,"currency":"CNY"},"reference":"table %d","mode":"scan"}`, i, 100+i, i)
		code, p := r.call("POST", "/api/v1/payments", body)
		if code != http.StatusCreated {
			t.Fatalf("open: %d %v", code, p)
		}
		if code, p = r.call("POST", "/api/v1/payments/"+fmt.Sprint(p["id"])+"/cancel", ""); code != http.StatusAccepted {
			t.Fatalf("cancel: %d %v", code, p)
		}
	}
	if code := r.ended(); code != cli.Fine {
		t.Fatalf("exit code %d: %s", code, r.said())
	}
	return file
}

// masked replaces what differs from run to run.
func masked(text string) string {
	for _, m := range []struct{ from, to string }{
		{`DEMO01[0-9A-Z]{26}`, "DEMO01<ULID>"},
		{`\b01[0-9A-HJKMNP-TV-Z]{24}\b`, "<ID>"},
		{`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?`, "<TIME>"},
	} {
		text = regexp.MustCompile(m.from).ReplaceAllString(text, m.to)
	}
	return text
}

func TestPaymentsForPeople(t *testing.T) {
	file := sold(t, 3)
	var b strings.Builder
	for _, line := range []string{
		"payments list", "payments list --limit 1", "payments list --status not_sent --text table", "payments list --status paid",
		"payments show r1", "payments show nothing", "payments show table", "payments export", "journal verify",
		"payments list --status pd", "payments list --from yesterday", "payments list --limit 501",
	} {
		r := invoke(t, "", append(strings.Fields(line), "--config", file)...)
		fmt.Fprintf(&b, "$ tillwire %s\n%s%s[exit %d]\n\n", line, r.stdout, r.stderr, r.code)
	}
	golden(t, "payments.txt", masked(b.String()))
}

func TestTheExportHoldsEveryPayment(t *testing.T) {
	file := sold(t, 5)
	r := invoke(t, "", "payments", "export", "--json", "--config", file)
	var out struct{ Payments []row }
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil || r.code != cli.Fine {
		t.Fatalf("%v: %+v", err, r)
	}
	if len(out.Payments) != 5 || out.Payments[4].RequestID != "r0" || out.Payments[4].Amount != 100 || out.Payments[4].Kept != 0 || out.Payments[4].Status != "not_sent" || !out.Payments[4].Final {
		t.Errorf("got %+v", out.Payments)
	}
	lines, err := csv.NewReader(strings.NewReader(invoke(t, "", "payments", "export", "--config", file).stdout)).ReadAll()
	if err != nil || len(lines) != 6 || len(lines[0]) != len(csvHeader) || lines[5][1] != out.Payments[4].OrderNo {
		t.Errorf("CSV: %v, %v", lines, err)
	}
	r = invoke(t, "", "payments", "export", "--json", "--status", "paid", "--config", file)
	if err := json.Unmarshal([]byte(r.stdout), &out); err != nil || len(out.Payments) != 0 {
		t.Errorf("nothing to export: %v: %+v", err, r)
	}
}

// One byte inside a recorded fact, changed by hand past the database's own
// guards: the check names the row.
func TestVerifyNamesTheChangedRow(t *testing.T) {
	file := sold(t, 3)
	db, err := sql.Open("sqlite3", filepath.Join(filepath.Dir(file), "data", "agent.db"))
	if err != nil {
		t.Fatal(err)
	}
	const row = 4
	var event []byte
	if err := db.QueryRow("SELECT ev FROM journal WHERE seq = ?", row).Scan(&event); err != nil {
		t.Fatal(err)
	}
	event[len(event)-1] ^= 1
	triggers, err := db.Query("SELECT name FROM sqlite_master WHERE type = 'trigger'")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for triggers.Next() {
		var name string
		if err := triggers.Scan(&name); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	for _, name := range names {
		if _, err := db.Exec("DROP TRIGGER " + name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.Exec("UPDATE journal SET ev = ? WHERE seq = ?", event, row); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	r := invoke(t, "", "journal", "verify", "--json", "--config", file)
	var v verdict
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil || r.code != cli.Found || v.OK || len(v.Findings) == 0 || v.Findings[0].Row != row {
		t.Errorf("got %v: %+v", err, r)
	}
	if r := invoke(t, "", "journal", "verify", "--config", file); r.code != cli.Found || !strings.Contains(r.stdout, fmt.Sprint("row ", row)) {
		t.Errorf("got %+v", r)
	}
}

func TestBackupAndRestore(t *testing.T) {
	file := sold(t, 2)
	copied := filepath.Join(t.TempDir(), "copy.db")
	if r := invoke(t, "", "backup", copied, "--config", file); r.code != cli.Fine || !strings.Contains(r.stdout, copied) {
		t.Fatalf("backup: %+v", r)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v", info, err)
	}
	held := write(t, filepath.Join(t.TempDir(), "held.db"), "another backup", 0o600)
	if r := invoke(t, "", "backup", held, "--config", file); r.code != cli.Found || r.stdout != "" || !strings.Contains(r.stderr, held+" exists") || !strings.Contains(r.stderr, "--force") {
		t.Errorf("backup onto a file: %+v", r)
	}
	if text, err := os.ReadFile(held); err != nil || string(text) != "another backup" {
		t.Errorf("the file there became %q, %v", text, err)
	}
	if r := invoke(t, "", "backup", held, "--force", "--config", file); r.code != cli.Fine {
		t.Errorf("backup --force: %+v", r)
	}
	r := invoke(t, "", "restore", held, "--config", file)
	if r.code != cli.Fine || !strings.Contains(r.stdout, "is kept as") {
		t.Fatalf("restore: %+v", r)
	}
	if r := invoke(t, "", "payments", "list", "--config", file); !strings.Contains(r.stdout, "table 1") {
		t.Errorf("after the restore: %+v", r)
	}
	if r := invoke(t, "", "journal", "verify", "--config", file); r.code != cli.Fine {
		t.Errorf("verify after the restore: %+v", r)
	}
	if r := invoke(t, "", "restore", copied+".none", "--config", file); r.code != cli.Found || strings.Count(r.stderr, "no such file") != 1 {
		t.Errorf("restore of nothing: %+v", r)
	}
	broken := write(t, filepath.Join(t.TempDir(), "broken.db"), "no store", 0o600)
	if r := invoke(t, "", "restore", broken, "--config", file); r.code != cli.Found || !strings.Contains(r.stderr, "not a sound backup") || strings.Contains(r.stderr, "restore: restore") {
		t.Errorf("restore of something else: %+v", r)
	}
}

func TestCommandsOnAStoreThatDoesNotExist(t *testing.T) {
	file := equipped(t, sound)
	for _, line := range []string{"payments list", "payments export", "journal verify", "settings get", "backup x.db"} {
		r := invoke(t, "", append(strings.Fields(line), "--config", file)...)
		if r.code != cli.Found || !strings.Contains(r.stderr, "There is no store in") {
			t.Errorf("%s: %+v", line, r)
		}
	}
}

func TestAnUnknownSettingIsToldInOneSentence(t *testing.T) {
	file := equipped(t, sound)
	for key, want := range map[string]string{"nope": "Known: ", "log.lev": `Did you mean "log.level"?`} {
		read, changed := invoke(t, "", "settings", "get", key, "--config", file), invoke(t, "", "settings", "set", key, "1", "--config", file)
		if read != changed || read.code != cli.Found || !strings.Contains(read.stderr, want) {
			t.Errorf("%s: get says %+v, set says %+v", key, read, changed)
		}
	}
}
