package sandbox_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
)

const asJSON = "application/json"

// The control API says what is wrong, in JSON, whatever is wrong.
func TestControlRefusals(t *testing.T) {
	b := open(t)
	id := b.phone("approve")
	for _, c := range []struct {
		method, path, body, kind string
		status                   int
		code                     string
	}{
		{"GET", "/_sandbox/nothing", "", "", 404, "not_found"},
		{"GET", "/_sandbox/customers/nobody", "", "", 404, "no_customer"},
		{"POST", "/_sandbox/customers/nobody/paycode", "", "", 404, "no_customer"},
		{"POST", "/_sandbox/customers/nobody/confirm", "", "", 404, "no_customer"},
		{"POST", "/_sandbox/customers/nobody/scan", `{"qr":"x"}`, asJSON, 404, "no_customer"},
		{"DELETE", "/_sandbox/ledger", "", "", 405, "method"},
		{"GET", "/_sandbox/customers/" + id + "/paycode", "", "", 405, "method"},
		{"POST", "/_sandbox/faults", "[]", asJSON, 405, "method"},
		{"POST", "/_sandbox/customers", `{"wallet":"toy"}`, "application/x-www-form-urlencoded", 415, "media_type"},
		{"POST", "/_sandbox/customers", `{"wallet":`, asJSON, 400, "unreadable"},
		{"POST", "/_sandbox/customers", `{"walet":"toy"}`, asJSON, 400, "unreadable"},
		{"POST", "/_sandbox/customers", `{} {}`, asJSON, 400, "unreadable"},
		{"POST", "/_sandbox/customers", `{"name":"` + strings.Repeat("x", 64<<10) + `"}`, asJSON, 413, "too_large"},
		{"POST", "/_sandbox/customers", `{"wallet":"gold"}`, asJSON, 422, "wallet"},
		{"POST", "/_sandbox/customers", `{"behaviour":"steal"}`, asJSON, 422, "behaviour"},
		{"POST", "/_sandbox/customers", `{"balance":-1}`, asJSON, 422, "balance"},
		{"PUT", "/_sandbox/faults", `{"kind":"delay"}`, asJSON, 400, "unreadable"},
		{"PUT", "/_sandbox/faults", `[{"kind":"explode"}]`, asJSON, 422, "fault"},
		{"PUT", "/_sandbox/faults", `[{"kind":"delay","wallet":"gold"}]`, asJSON, 422, "fault"},
		{"PUT", "/_sandbox/faults", `[{"kind":"delay","operation":"dance"}]`, asJSON, 422, "fault"},
		{"PUT", "/_sandbox/faults", `[{"kind":"delay","count":0}]`, asJSON, 422, "fault"},
		{"PUT", "/_sandbox/faults", `[{"kind":"delay","delay_ms":-1}]`, asJSON, 422, "fault"},
		{"PUT", "/_sandbox/faults", `[{"kind":"status","status":99}]`, asJSON, 422, "fault"},
		{"PUT", "/_sandbox/faults", `[{"kind":"drop_request","after_bytes":-1}]`, asJSON, 422, "fault"},
		{"POST", "/phone/" + id + "/present/9", `{"code":"1"}`, asJSON, 404, "no_counter"},
		{"POST", "/phone/" + id + "/present/1", `{"code":"a\rb"}`, asJSON, 422, "code"},
		{"GET", "/ui/phone.html", "", "", 404, "not_found"},
		{"GET", "/ui/..%2Fschema.sql", "", "", 404, "not_found"},
	} {
		var headers []string
		if c.kind != "" {
			headers = []string{"Content-Type", c.kind}
		}
		status, body, header := b.ask(c.method, c.path, c.body, headers...)
		if status != c.status || !json.Valid([]byte(body)) || b.member(body, "code") != c.code || len(b.member(body, "say")) < 10 {
			t.Errorf("%s %s: %d %s, want %d %s", c.method, c.path, status, body, c.status, c.code)
		}
		if c.status == 405 && header.Get("Allow") == "" {
			t.Errorf("%s %s does not say what is allowed", c.method, c.path)
		}
	}
	if len(b.scanned) != 0 {
		t.Errorf("a refused code reached the scanner: %q", b.scanned)
	}
}

// A wrong list changes nothing: all of it is checked before any of it counts.
func TestAWrongFaultListChangesNothing(t *testing.T) {
	b := open(t)
	b.ask("PUT", "/_sandbox/faults", `[{"kind":"status","count":3}]`)
	b.ask("PUT", "/_sandbox/faults", `[{"kind":"refuse_connection"},{"kind":"nonsense"}]`)
	_, body, _ := b.ask("GET", "/_sandbox/faults", "")
	want := `{"faults":[{"wallet":"*","operation":"*","kind":"status","count":3,"status":500,"left":3}]}`
	if strings.TrimSpace(body) != want {
		t.Errorf("in force: %s", body)
	}
}

func TestAnotherSiteMovesNoMoney(t *testing.T) {
	b := open(t)
	id := b.phone("approve")
	for _, headers := range [][]string{{"Sec-Fetch-Site", "cross-site"}, {"Origin", "https://evil.example"}} {
		if status, body, _ := b.ask("POST", "/_sandbox/customers/"+id+"/paycode", "", headers...); status != 403 {
			t.Errorf("%v: %d %s", headers, status, body)
		}
	}
	if status, body, _ := b.ask("GET", "/_sandbox/ledger", "", "Host", "rebound.example"); status != 421 {
		t.Errorf("another name: %d %s", status, body)
	}
}

// Members that may be left out, and posts without a body.
func TestDefaults(t *testing.T) {
	b := open(t)
	status, body, _ := b.ask("POST", "/_sandbox/customers", "")
	if status != 200 || b.member(body, "wallet") != "toy" || b.member(body, "behaviour") != "approve" {
		t.Errorf("a customer out of nothing: %d %s", status, body)
	}
	status, body, _ = b.ask("POST", "/_sandbox/customers/"+b.member(body, "id")+"/paycode", "")
	until, err := time.Parse(time.RFC3339, b.member(body, "expires"))
	if left := time.Until(until); status != 200 || err != nil || left < 50*time.Second || left > time.Minute {
		t.Errorf("a code: %d %s", status, body)
	}
}

// The whole road with a wallet of another wire: pay, the ledger, the requests.
func TestAnyWalletStandsOnTheSameLedger(t *testing.T) {
	b := open(t)
	id := b.phone("approve")
	_, body, _ := b.ask("POST", "/_sandbox/customers/"+id+"/paycode", "")
	host := b.cloud.HostURLs("toy")[0]
	for _, c := range []struct {
		path, body string
		status     int
		answer     string
	}{
		{"/pay/A1", b.member(body, "code"), 200, "paid"},
		{"/pay/A1", b.member(body, "code"), 200, "paid"},
		{"/pay/A1", "another", 400, "number_used"},
		{"/pay/A2", b.member(body, "code"), 400, "code_used"},
		{"/pay/A3", "never issued", 400, "code_unknown"},
		{"/present/A4", "", 200, "created"},
		{"/query/A5", "", 400, "not_found"},
	} {
		if status, answer, _ := b.send("POST", host+c.path, c.body); status != c.status || answer != c.answer {
			t.Errorf("%s: %d %s, want %d %s", c.path, status, answer, c.status, c.answer)
		}
	}
	_, body, _ = b.ask("GET", "/_sandbox/ledger", "")
	var ledger struct {
		Orders []struct {
			OrderNo  string `json:"order_no"`
			State    string
			Captured int64
			History  []sandbox.Event
		}
	}
	if err := json.Unmarshal([]byte(body), &ledger); err != nil {
		t.Fatal(err)
	}
	text := ""
	for _, o := range ledger.Orders {
		text += o.OrderNo + " " + o.State + ", "
		if len(o.History) == 0 || o.History[0].At.IsZero() {
			t.Errorf("%s has no history", o.OrderNo)
		}
	}
	if text != "A1 paid, A2 declined, A3 declined, A4 created, " || ledger.Orders[0].Captured != 100 {
		t.Errorf("the ledger: %s", body)
	}
	if _, body, _ = b.ask("GET", "/_sandbox/requests", ""); strings.Count(body, `"operation":"pay"`) != 5 || strings.Contains(body, "never issued") {
		t.Errorf("the requests: %s", body)
	}
}

func TestOneProcessPerLedger(t *testing.T) {
	b := open(t)
	if l, err := sandbox.OpenLedger(t.Context(), b.path, agent.NewSystemClock()); err == nil || !strings.Contains(err.Error(), "another tillcloud") {
		t.Errorf("a second one opened: %v %v", l, err)
	}
}

func TestAClosedLedgerSaysSo(t *testing.T) {
	l, err := sandbox.OpenLedger(t.Context(), t.TempDir()+"/l.db", agent.NewSystemClock())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := l.Customers(t.Context()); err == nil {
		t.Error("a closed ledger answers")
	}
}

// Every address of the control API, every kind of fault and every operation stands on
// its page.
func TestThePageNamesEveryCall(t *testing.T) {
	page, err := os.ReadFile("CONTROL.md")
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile("control.go")
	if err != nil {
		t.Fatal(err)
	}
	calls := regexp.MustCompile(`"/_sandbox(/[^"$]+)": `).FindAllStringSubmatch(string(source), -1)
	if len(calls) < 10 {
		t.Fatalf("only %d calls were found in the source", len(calls))
	}
	var names []string
	for _, m := range calls {
		names = append(names, m[1])
	}
	for _, k := range sandbox.FaultKinds {
		names = append(names, "`"+string(k)+"`")
	}
	for _, b := range sandbox.Behaviours {
		names = append(names, "`"+string(b)+"`")
	}
	for _, name := range names {
		if !strings.Contains(string(page), name) {
			t.Errorf("CONTROL.md does not name %s", name)
		}
	}
}
