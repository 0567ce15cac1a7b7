package web

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// TestSecurityAssertions are the attacks that a local page must stand, by the numbers they
// have in the threat model: 1 to 14 the web, 15 to 25 sessions and people, 28 to 35 the
// scanner and the screens. The others are where what they attack is: 9 and 29 in cmd, 30 in
// drivers/scanner, 31, 32 and 35 in agent/checkout.
func TestSecurityAssertions(t *testing.T) {
	for _, a := range []struct {
		number int
		name   string
		holds  func(*testing.T)
	}{
		{1, "a foreign host is answered 421 and nothing", onlyOurOwnNamesAreAnswered},
		{2, "a cross-site form gives nothing back", func(t *testing.T) { noForeignRefund(t, "Sec-Fetch-Site", "cross-site") }},
		{3, "nor does a foreign origin", func(t *testing.T) { noForeignRefund(t, "Origin", "https://evil.example") }},
		{4, "JSON in a text body is refused", jsonAsText},
		{5, "reading changes nothing", readingChangesNothing},
		{6, "a stream is for our own pages", streamsAreForOwnPages},
		{7, "no page can be framed", everyAnswerIsHardened},
		{8, "markup stays text", markupStaysText},
		{10, "plain HTTP is refused in the shop's network", plainHTTPIsRefusedOnTheNetwork},
		{11, "so are old TLS and weak ciphers", oldTLSIsRefused},
		{12, "slow and huge requests do not stop payments", slowRequestsDoNotStopPayments},
		{13, "nothing outside the embedded files is served", nothingOutsideTheEmbeddedFilesIsServed},
		{14, "a stranger learns no figures and no version", strangersLearnNothing},
		{15, "ten wrong PINs lock", lockingOut},
		{16, "a lock-out survives a restart and a hand on the clock", aLockOutSurvivesARestartAndAHandOnTheClock},
		{17, "spraying slows everybody down", sprayingIsSlowedDown},
		{18, "unknown people and wrong PINs look alike", unknownPeopleAndWrongPINsLookAlike},
		{19, "a session fixed before signing in is worth nothing", aSessionFixedBeforeSigningInIsWorthNothing},
		{20, "a cookie is worth nothing after signing out", signingInAndOut},
		{20, "nor after its person was disabled", aDisabledPersonIsOutAtOnce},
		{21, "idle sessions lock, payments go on", idleSessionsLock},
		{22, "a cashier reaches neither manager's nor owner's acts", noHandlerIsReachedWithoutARole},
		{23, "an approval is bound to its amount and used once", anApprovalIsBound},
		{23, "and to one request", anApprovalServesOneRequest},
		{24, "a code of the second factor counts once", aCodeCountsOnce},
		{25, "nobody can sign in before the first start", nothingWorksBeforeTheFirstStart},
		{28, "noise from a scanner is refused and the next scan works", noiseIsRefused},
		{33, "a display's page can change nothing", aDisplaysPageCanChangeNothing},
		{34, "no button says paid", nothingButTheWalletSaysPaid},
	} {
		t.Run(fmt.Sprintf("%02d %s", a.number, a.name), a.holds)
	}
}

// noForeignRefund sends what another site could make a signed-in browser send, with an
// approval that is good.
func noForeignRefund(t *testing.T, header, value string) {
	tm := newTerminal(t)
	id := string(tm.open("a", "scan"))
	tm.pay(agent.PaymentID(id))
	mia := tm.signedIn("mia", "222222")
	approval := mia.want(201, "POST", "/approvals", `{"pin":"222222","payment":"`+id+`","amount":1280}`).json(t)["approval"].(string)
	foreign := mia.with("Sec-Fetch-Site", "").with(header, value)
	body := `{"request_id":"r","amount":1280,"approval":"` + approval + `"}`
	if a := foreign.api("POST", "/payments/"+id+"/refunds", body); a.status != http.StatusForbidden || a.code(t) != codeOrigin {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if r := tm.payments[0].Status.Refunds; len(r) != 0 {
		t.Errorf("it gave back %+v", r)
	}
	mia.want(201, "POST", "/payments/"+id+"/refunds", body)
}

func markupStaysText(t *testing.T) {
	browserMarkupStaysText(t)
	markupFromOutsideIsText(t)
}

func jsonAsText(t *testing.T) {
	tm := newTerminal(t)
	cass := tm.signedIn("cas", "111111")
	for _, kind := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json-patch+json", ""} {
		if a := cass.with("Content-Type", kind).api("POST", "/payments", openBody("x", "scan")); a.status != http.StatusUnsupportedMediaType {
			t.Errorf("%q: %d %s", kind, a.status, a.body)
		}
	}
	if len(tm.payments) != 0 {
		t.Error("a payment was opened")
	}
}

func readingChangesNothing(t *testing.T) {
	tm := newTerminal(t)
	id := string(tm.open("a", "scan"))
	reads := map[string]bool{}
	for _, c := range tm.web.calls() {
		reads[c.path] = reads[c.path] || c.method == http.MethodGet
	}
	mia, before := tm.signedIn("mia", "222222"), len(tm.audits)
	for _, c := range tm.web.calls() {
		if c.method == http.MethodGet || reads[c.path] {
			continue
		}
		path := strings.NewReplacer("{id}", id, "{lane}", "1").Replace(c.path)
		if a := mia.api("GET", path, ""); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") == "" {
			t.Errorf("GET %s: %d", path, a.status)
		}
	}
	if state := tm.payments[0].Status.State; state != agent.Created || len(tm.payments) != 1 || len(tm.audits) != before {
		t.Errorf("reading changed something: %s, %d payments, %d acts", state, len(tm.payments), len(tm.audits)-before)
	}
}

func streamsAreForOwnPages(t *testing.T) {
	tm := newTerminal(t)
	page := tm.signedIn("cas", "111111")
	for name, c := range map[string]*client{
		"a foreign origin":          page.with("Sec-Fetch-Site", "").with("Origin", "https://evil.example"),
		"no origin, with a session": page.with("Sec-Fetch-Site", ""),
		"another site":              page.with("Sec-Fetch-Site", "cross-site"),
	} {
		for _, path := range []string{apiRoot + "/events", "/display/1/events"} {
			if a := c.do("GET", path, ""); a.status != http.StatusForbidden {
				t.Errorf("%s on %s: %d", name, path, a.status)
			}
		}
	}
}

// slowRequestsDoNotStopPayments holds two hundred connections that never finish their
// request while a till takes a payment.
func slowRequestsDoNotStopPayments(t *testing.T) {
	tm := newTerminal(t)
	slowAndHugeRequestsHitLimits(t)
	address := tm.http.Listener.Addr().String()
	for range 200 {
		conn, err := net.DialTimeout("tcp", address, 10*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := fmt.Fprint(conn, "POST /api/v1/payments HTTP/1.1\r\nHost: localhost\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
	}
	if p := tm.pay(tm.open("a", "scan")); p.Status.State != agent.Paid {
		t.Errorf("the payment is %s", p.Status.State)
	}
}

func strangersLearnNothing(t *testing.T) {
	metricsAreForThisMachine(t)
	readinessTellsDetailsOnlyToThisMachine(t)
	tm := newTerminal(t, func(o *Options) { o.Hosts = []string{"10.0.0.5"} })
	for _, path := range []string{"/debug/pprof/", "/debug/vars", "/openapi.yaml", "/api/v1/openapi.yaml", "/api/v1/status", "/metrics", "/api/v1/people", "/shift/1", "/receipt/1"} {
		req := tm.till().request("GET", path, "")
		req.Host, req.RemoteAddr = "10.0.0.5", "10.0.0.9:1234"
		req.Header.Del("Authorization")
		rec := newRecorder()
		tm.web.Handler().ServeHTTP(rec, req)
		if rec.status != http.StatusUnauthorized && rec.status != http.StatusNotFound || strings.Contains(rec.body.String(), "1.2.3") {
			t.Errorf("%s: %d %s", path, rec.status, rec.body.String())
		}
	}
}

func noiseIsRefused(t *testing.T) {
	tm := newTerminal(t)
	id := tm.open("a", "scan")
	till := tm.till()
	for name, body := range map[string]string{
		"more than 4 KiB": `{"text":"` + strings.Repeat("1", maxScan+1) + `"}`,
		"nothing":         `{"text":""}`,
		"a second member": `{"text":"1","text2":"1"}`,
		"two values":      `{"text":"1"}{"text":"2"}`,
		"not text":        `{"text":12}`,
		"cut off":         `{"text":"13456789`,
	} {
		if a := till.api("POST", "/lanes/1/scan", body); a.status != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if len(tm.scans) != 0 {
		t.Errorf("noise reached the counter: %q", tm.scans)
	}
	till.want(202, "POST", "/lanes/1/scan", `{"text":"134567890123456789"}`)
	if p, _ := tm.Payment(t.Context(), id); p.Status.State != agent.Sending {
		t.Errorf("after the noise a scan leads to %s", p.Status.State)
	}
}

// nothingButTheWalletSaysPaid: a screenshot on a customer's phone proves nothing. No call
// of the local API makes a payment paid, and accepting it at the shop's risk takes a
// manager, leaves a trace and still does not say paid.
func nothingButTheWalletSaysPaid(t *testing.T) {
	tm := newTerminal(t)
	id := string(tm.open("a", "show"))
	cass, mia := tm.signedIn("cas", "111111"), tm.signedIn("mia", "222222")
	for _, c := range []*client{tm.till(), cass, mia} {
		for _, call := range tm.web.calls() {
			if call.method == http.MethodGet || strings.HasSuffix(call.path, "/cancel") || strings.HasPrefix(call.path, "/session") {
				continue
			}
			path := strings.NewReplacer("{id}", id, "{lane}", "1").Replace(call.path)
			for _, body := range []string{"{}", `{"status":"paid"}`} {
				c.api(call.method, path, body)
			}
		}
	}
	if p, _ := tm.Payment(t.Context(), agent.PaymentID(id)); p.Status.State == agent.Paid || p.Status.Captured != 0 {
		t.Errorf("the payment became %s", p.Status.State)
	}
	cass.want(403, "POST", "/payments/"+id+"/sight", `{"approval":"none"}`)
}
