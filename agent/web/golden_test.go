package web

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// update rewrites the golden files: go test ./agent/web -run Golden -update.
var update = flag.Bool("update", false, "rewrite the golden files")

// goldenTerminal stands still at one moment, with payments in every key state.
func goldenTerminal(t *testing.T) *terminal {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	tm := newTerminal(t, func(o *Options) {
		o.Zone, o.Settings, o.Bills = shanghai, table{}, &comparisons{results: []agent.Reconciliation{aprilDay("p1")}}
		o.Backups = &safe{now: Backups{List: []Backup{{Path: "/var/lib/tillwire/backups/agent-20260501T033000.db", At: time.Date(2026, 5, 1, 3, 30, 0, 0, time.UTC), Bytes: 5 << 20}}}}
		o.Line = func() agent.Line {
			return agent.Line{State: agent.LineDown, Since: time.Date(2026, 5, 1, 4, 4, 0, 0, time.UTC)}
		}
		o.Problems = func() []agent.Problem {
			return []agent.Problem{{What: "The disk is nearly full.", Do: "Free some space.", Since: time.Date(2026, 5, 1, 2, 0, 0, 0, time.UTC)}}
		}
		o.Devices = func() []agent.DeviceStatus {
			return []agent.DeviceStatus{{ID: "1.scanner", Kind: agent.KindScanner, Lane: "1", Driver: "line", Path: "/dev/ttyACM0",
				State: agent.DeviceLost, Since: time.Date(2026, 5, 1, 3, 0, 0, 0, time.UTC), Reason: "Unplugged. Plug it in again."}}
		}
	})
	tm.clock.wall = time.Date(2026, 5, 1, 6, 30, 0, 0, time.UTC)
	for i := range tm.people {
		tm.people[i].Created = tm.clock.wall
	}
	tm.web.Displays.lanes["1"].since = tm.clock.wall
	paid := tm.open("paid", "scan")
	p := tm.pay(paid)
	tm.fact(paid, agent.Fact{Kind: agent.FactRefundRequested, RefundNo: p.NextRefundNo(), RequestID: "r", Amount: 280, By: "person:mia", Text: "cold soup"},
		agent.Fact{Kind: agent.FactRefundDone, RefundNo: p.NextRefundNo()})
	doubt := tm.open("doubt", "scan")
	tm.fact(doubt, agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat"}, agent.Fact{Kind: agent.FactInDoubt, Reason: agent.ReasonNoAnswer})
	return tm
}

// table is a small settings table.
type table struct{}

func (table) Settings() []SettingRow {
	return []SettingRow{
		{Key: "shop.name", Title: "Shop name", Help: "On receipts.", Type: "text", Range: "1 to 64 characters", Value: `Joe's <b>shop</b>`, Default: "Corner shop", By: "Olive", Effect: agent.EffectLive},
		{Key: "log.level", Title: "Log detail", Help: "How much.", Type: "choice", Choices: []string{"info", "debug"}, Value: "debug", Default: "info", Effect: agent.EffectRestart},
	}
}

// drawn is what a page draws by lot: the id of the refund that its form asks for.
var drawn = regexp.MustCompile(`name="request" value="[A-Z2-7]+"`)

func TestGoldenPages(t *testing.T) {
	tm := goldenTerminal(t)
	tests := []struct {
		name, path string
		c          *client
	}{
		{"register", "/register", tm.page()},
		{"register-zh", "/register?lang=zh-CN", tm.page()},
		{"display", "/display/1", tm.page()},
		{"login", "/owner", tm.page()},
		{"owner-today", "/owner", tm.owner()},
		{"owner-today-zh", "/owner?lang=zh-CN", tm.owner()},
		{"owner-payments", "/owner/payments?status=paid", tm.owner()},
		{"owner-payment", "/owner/payments/" + string(tm.payments[0].ID), tm.owner()},
		{"owner-reconcile", "/owner/reconcile?day=2026-04-30", tm.owner()},
		{"owner-queue", "/owner/queue", tm.owner()},
		{"owner-offline", "/owner/offline", tm.owner()},
		{"owner-devices", "/owner/devices", tm.owner()},
		{"owner-lan", "/owner/lan", tm.owner()},
		{"owner-refunds", "/owner/refunds", tm.owner()},
		{"owner-backup", "/owner/backup", tm.owner()},
		{"owner-day", "/owner?day=2026-04-30", tm.owner()},
		{"owner-people", "/owner/people", tm.owner()},
		{"owner-settings", "/owner/settings?key=shop.name&done=live", tm.owner()},
		{"receipt-paid", "/receipt/" + string(tm.payments[0].ID), tm.owner()},
		{"receipt-doubt", "/receipt/" + string(tm.payments[1].ID), tm.owner()},
		{"not-found", "/nowhere", tm.page()},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := test.c.do("GET", test.path, "")
			got := strings.ReplaceAll(a.body, tm.web.assets.root, "/assets/DIGEST/")
			got = drawn.ReplaceAllString(got, `name="request" value="DRAWN"`)
			file := filepath.Join("testdata", "golden", test.name+".html")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s is not as in %s; look at the difference, then run with -update\n%s", test.path, file, difference(string(want), got))
			}
		})
	}
}

// difference is the first line in which two texts differ.
func difference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "- " + a[i] + "\n+ " + b[i]
		}
	}
	return "one of the two is longer"
}
