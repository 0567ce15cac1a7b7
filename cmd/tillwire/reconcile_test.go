package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/cmd/cli"
)

func TestWhenBillsAreComparedByThemselves(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 5, 2, 10, 30, 0, 0, shanghai)
	done := agent.Reconciliation{Wallets: []agent.WalletBill{{Failed: &agent.Sentence{English: "gives no bill"}}}}
	half := agent.Reconciliation{Wallets: []agent.WalletBill{{}, {Failed: &agent.Sentence{English: "not ready"}, Retry: true}}}
	tests := []struct {
		name  string
		at    string
		tried time.Duration // before now; 0: never
		known *agent.Reconciliation
		due   bool
	}{
		{"off", "off", 0, nil, false},
		{"too early", "10:31", 0, nil, false},
		{"now", "10:30", 0, nil, true},
		{"started late", "06:00", 0, nil, true},
		{"done", "10:30", 0, &done, false},
		{"not ready a moment ago", "10:30", time.Minute, &half, false},
		{"not ready an hour ago", "10:30", time.Hour, &half, true},
		{"failed a moment ago", "10:30", time.Minute, nil, false},
		{"the clock was set back", "10:30", -time.Hour, nil, true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var tried time.Time
			if test.tried != 0 {
				tried = now.Add(-test.tried)
			}
			day, due := dueDay(now, test.at, tried, func(day string) (agent.Reconciliation, bool) {
				if day != "2026-05-01" {
					t.Errorf("asks for %s", day)
				}
				if test.known == nil {
					return agent.Reconciliation{}, false
				}
				return *test.known, true
			})
			if due != test.due || due && day != "2026-05-01" {
				t.Errorf("%s %v", day, due)
			}
		})
	}
}

func TestDifferencesAreAProblemUntilALaterDayAgrees(t *testing.T) {
	day := func(day string, differences int) agent.Reconciliation {
		return agent.Reconciliation{Day: day, Wallets: []agent.WalletBill{{Differences: make([]agent.Difference, differences)}}}
	}
	if list := billProblems(nil); len(list) != 0 {
		t.Errorf("nothing compared: %v", list)
	}
	if list := billProblems([]agent.Reconciliation{day("2026-05-02", 3), day("2026-05-01", 0)}); len(list) != 1 || !strings.Contains(list[0].What, "2026-05-02 differ from the journal: 3 differences") {
		t.Errorf("three: %v", list)
	}
	if list := billProblems([]agent.Reconciliation{day("2026-05-01", 3), day("2026-05-02", 0)}); len(list) != 0 {
		t.Errorf("a later day agrees: %v", list)
	}
}

// TestReconcileByCommand: this shop's wallet cannot be reached, so what can be seen
// is that the command says so, beside an agent and without one.
func TestReconcileByCommand(t *testing.T) {
	file := equipped(t, sound)
	owned(t, file)
	for _, line := range []string{"reconcile", "reconcile yesterday", "reconcile 2026-05-01 --wallet nobody", "reconcile 2026-05-01 --csv --json"} {
		if r := invoke(t, "", append(strings.Fields(line), "--config", file)...); r.code != cli.Usage {
			t.Errorf("%s: %+v", line, r)
		}
	}
	alone := invoke(t, "", "reconcile", "2026-05-01", "--config", file)
	if alone.code != cli.Found || !strings.Contains(alone.stdout, "wechat was not compared: ") {
		t.Errorf("without an agent: %+v", alone)
	}
	a := started(t, file)
	a.ready()
	beside := invoke(t, "", "reconcile", "2026-05-01", "--json", "--config", file)
	var out struct {
		Day     string
		Whole   bool
		Wallets []walletRow
	}
	if err := json.Unmarshal([]byte(beside.stdout), &out); err != nil || beside.code != cli.Found || out.Whole || out.Day != "2026-05-01" || len(out.Wallets) != 1 || out.Wallets[0].Compared || out.Wallets[0].Why == "" {
		t.Errorf("beside an agent: %v %+v", err, beside)
	}
	if r := invoke(t, "", "reconcile", "2999-01-01", "--config", file); r.code != cli.Found || !strings.Contains(r.stderr, "That day has not begun yet.") {
		t.Errorf("a day to come: %+v", r)
	}
}

// TestAnAgentThatStopsInTheMiddleIsNoResult speaks as an agent does, and hangs up.
func TestAnAgentThatStopsInTheMiddleIsNoResult(t *testing.T) {
	file := equipped(t, sound)
	data := filepath.Join(filepath.Dir(file), "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(data, controlName))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				body := `{"progress":{"wallet":"wechat","bill":"2026-05-01","done":0,"of":1}}` + "\n"
				_, _ = bytes.NewBufferString("HTTP/1.1 200 OK\r\n\r\n" + body).WriteTo(c)
			}
			_ = c.Close()
		}
	}()
	if r := invoke(t, "", "reconcile", "2026-05-01", "--config", file); r.code != cli.Found || !strings.Contains(r.stderr, "stopped in the middle") || strings.Contains(r.stdout, "agrees") {
		t.Errorf("%+v", r)
	}
}
