package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tillwire/cmd/cli"
)

func TestAnAgentFromStartToStop(t *testing.T) {
	file := equipped(t, sound)
	owned(t, file)
	r := started(t, file)
	r.ready()
	code, p := r.call("POST", "/api/v1/payments", `{"request_id":"a","lane":"1","amount":{"value":1280,"currency":"CNY"},"reference":"table 4","mode":"scan"}`)
	if code != http.StatusCreated || p["status"] != "created" {
		t.Fatalf("open: %d %v", code, p)
	}
	code, metrics := r.call("GET", "/metrics", "")
	for _, want := range []string{"tillwire_build_info{", `tillwire_queue_entries{kind="expire"} 1`, `tillwire_queue_entries{kind="refund"} 0`, `tillwire_queue_oldest_age_seconds{kind="expire"}`, "tillwire_queue_held_entries 0", "tillwire_offline_uncollected_sales 0", "tillwire_offline_oldest_age_seconds 0", "tillwire_cloud_up", "tillwire_disk_free_bytes", "tillwire_sqlite_wal_bytes", "tillwire_sqlite_write_duration_seconds_count", `tillwire_scanner_connected{device="1.scanner"}`} {
		if !strings.Contains(fmt.Sprint(metrics["text"]), want) {
			t.Errorf("/metrics (%d) lacks %s", code, want)
		}
	}
	code, p = r.call("POST", "/api/v1/payments/"+fmt.Sprint(p["id"])+"/cancel", "")
	if code != http.StatusAccepted || p["status"] != "not_sent" {
		t.Errorf("cancel: %d %v", code, p)
	}
	if code := r.ended(); code != cli.Fine {
		t.Errorf("exit code %d", code)
	}
	for line := range strings.Lines(r.said()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil || entry["time"] == nil || entry["level"] == nil || entry["msg"] == nil || entry["tid"] != "DEMO01" {
			t.Errorf("not a line of the log: %s", line)
		}
	}
	// The journal outlives the agent.
	if r := invoke(t, "", "payments", "list", "--config", file); r.code != cli.Fine || !strings.Contains(r.stdout, "table 4") {
		t.Errorf("list after the stop: %+v", r)
	}
}

func TestNoPaymentCodeIsEverLogged(t *testing.T) {
	const canary = "134567890123456789"
	file := equipped(t, sound)
	owned(t, file)
	if r := invoke(t, "", "settings", "set", "--config", file, "log.level", "debug"); r.code != cli.Fine {
		t.Fatalf("settings set: %+v", r)
	}
	r := started(t, file)
	r.ready()
	r.call("POST", "/api/v1/payments", `{"request_id":"a","lane":"1","amount":{"value":1280,"currency":"CNY"},"reference":"","mode":"scan"}`)
	if code, answer := r.call("POST", "/api/v1/lanes/1/scan", `{"text":"`+canary+`"}`); code != http.StatusOK && code != http.StatusAccepted {
		t.Fatalf("scan: %d %v", code, answer)
	}
	r.waits("the scan in the log", func() bool { return strings.Contains(r.said(), `"msg":"scan"`) })
	r.ended()
	if strings.Contains(r.said(), canary) || strings.Contains(r.said(), canary[4:]) {
		t.Errorf("the code is in the log: %s", r.said())
	}
}

func TestAnAddressInUseIsSaidAndNothingIsTouched(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	file := equipped(t, strings.Replace(sound, "127.0.0.1:0", l.Addr().String(), 1))
	r := invoke(t, "", "run", "--config", file)
	if r.code != cli.Found || !strings.Contains(r.stderr, l.Addr().String()+" is in use") || !strings.Contains(r.stderr, "http.listen") {
		t.Errorf("got %+v", r)
	}
	if _, err := os.Stat(filepath.Join(filepath.Dir(file), "data")); !os.IsNotExist(err) {
		t.Errorf("the data folder was touched: %v", err)
	}
}

func TestASecondAgentOnTheSameDataIsRefused(t *testing.T) {
	file := equipped(t, sound)
	owned(t, file)
	first := started(t, file)
	first.ready()
	second := started(t, file) // port 0: only the folder is in the way
	second.waits("the refusal", func() bool { return strings.Contains(second.said(), "is used by") })
	code, answer := second.call("POST", "/api/v1/payments", "{}")
	if code != http.StatusServiceUnavailable || answer["code"] != "store_not_writable" {
		t.Errorf("the second agent sells: %d %v", code, answer)
	}
}

// A broken part stops itself; the others sell, and the page says what is wrong.
func TestABrokenPartIsAProblemAndNotAnEnd(t *testing.T) {
	for _, c := range []struct {
		name, from, to, want string
	}{
		{"unknown key", `language = "en"`, `colour = "red"`, "terminal.colour: there is no such key."},
		{"wallet's key is missing", `merchant_key = "secrets/merchant.pem"`, `merchant_key = "secrets/none.pem"`, "secrets/none.pem does not exist"},
		{"wallet's key is the shop's own", `platform_key = "secrets/platform.pem"`, `platform_key = "secrets/merchant.pem"`, "wallet[0]"},
		{"driver", `driver = "virtual"`, `driver = "lin"`, "there is no driver"},
		{"scanner is not plugged in", `driver = "virtual"`, "driver = \"line\"\npath = \"/dev/no-such-scanner\"", "nothing is plugged in at /dev/no-such-scanner"},
		{"scanner's key", `driver = "virtual"`, "driver = \"line\"\npath = \"/dev/x\"\nbuad = 9600", "the configuration of 1.scanner is wrong"},
		{"till's token", `file = "secrets/till-1.token"`, `file = "secrets/till-2.token"`, "till-2.token does not exist"},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := equipped(t, strings.Replace(sound, c.from, c.to, 1))
			owned(t, file)
			r := started(t, file)
			r.waits("the problem", func() bool {
				var status controlStatus
				if err := askStatus(t.Context(), filepath.Join(filepath.Dir(file), "data"), &status); err != nil {
					return false
				}
				return strings.Contains(fmt.Sprintf("%+v", status.Problems), c.want)
			})
			if code, _ := r.call("GET", "/register", ""); code != http.StatusOK {
				t.Errorf("the register answers %d", code)
			}
		})
	}
}

// Without a store nothing is sold, the pages say why, and the agent goes on by
// itself once it can.
func TestWithoutAStoreThePagesSaySo(t *testing.T) {
	file := equipped(t, sound)
	blocked := write(t, filepath.Join(filepath.Dir(file), "data"), "a file in the way", 0o600)
	r := started(t, file)
	r.waits("an answer", func() bool { code, _ := r.call("GET", "/livez", ""); return code == http.StatusOK })
	if code, answer := r.call("GET", "/readyz", ""); code != http.StatusServiceUnavailable || answer["status"] != "not ready" {
		t.Errorf("/readyz: %d %v", code, answer)
	}
	if code, page := r.call("GET", "/register", ""); code != http.StatusServiceUnavailable || !strings.Contains(fmt.Sprint(page["text"]), "This terminal cannot sell now") || !strings.Contains(fmt.Sprint(page["text"]), blocked) {
		t.Errorf("/register: %d %v", code, page)
	}
	if code, answer := r.call("POST", "/api/v1/payments", "{}"); code != http.StatusServiceUnavailable || answer["code"] != "store_not_writable" {
		t.Errorf("API: %d %v", code, answer)
	}
	if err := os.Remove(blocked); err != nil {
		t.Fatal(err)
	}
	r.waits("the set-up page", func() bool { return strings.Contains(r.said(), "enter the claim code") })
	if code := r.ended(); code != cli.Fine {
		t.Errorf("exit code %d", code)
	}
}

// Whoever starts the agent by hand reads at once why nothing is sold.
func TestAnImpossibleDataFolderIsInTheLogAndInCheck(t *testing.T) {
	const impossible = "/proc/nope/data"
	file := equipped(t, strings.Replace(sound, `data = "data"`, `data = "`+impossible+`"`, 1))
	r := started(t, file)
	r.waits("the reason in the log", func() bool { return strings.Contains(r.said(), "Out of service") })
	for line := range strings.Lines(r.said()) {
		var entry struct{ Level, Msg, Do string }
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(entry.Msg, "Out of service") && (entry.Level != "ERROR" || !strings.Contains(entry.Msg, "/proc/nope") || !strings.Contains(entry.Do, "terminal.data")) {
			t.Errorf("got %+v", entry)
		}
	}
	out := invoke(t, "", "check", "--no-network", "--config", file)
	if out.code != cli.Found || !strings.Contains(out.stdout, "WRONG data: "+impossible+" does not exist and cannot be made") || !strings.Contains(out.stdout, "terminal.data") {
		t.Errorf("check: %+v", out)
	}
}

func TestAFatalMistakeIsOnThePageToo(t *testing.T) {
	r := started(t, equipped(t, strings.Replace(sound, `code = "DEMO01"`, `code = "demo"`, 1)))
	r.waits("the page", func() bool {
		_, page := r.call("GET", "/", "")
		return strings.Contains(fmt.Sprint(page["text"]), "is not exactly six of 0-9 and A-Z")
	})
}

func TestAFileThatIsNoConfigurationEndsTheRun(t *testing.T) {
	file := configured(t, "[terminal\n")
	if r := invoke(t, "", "run", "--config", file); r.code != cli.Found || !strings.Contains(r.stderr, "line 1") {
		t.Errorf("got %+v", r)
	}
	if r := invoke(t, "", "run", "--config", file+".none"); r.code != cli.Found || !strings.Contains(r.stderr, "there is no such file") || strings.Contains(r.stderr, "no such file or directory") {
		t.Errorf("got %+v", r)
	}
}
