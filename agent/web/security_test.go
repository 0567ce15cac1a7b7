package web

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

func onlyOurOwnNamesAreAnswered(t *testing.T) {
	tm := newTerminal(t, func(o *Options) { o.Hosts = []string{"till.shop.example"} })
	tests := []struct {
		host   string
		status int
	}{
		{"localhost:8480", 200}, {"LOCALHOST", 200}, {"127.0.0.1:9", 200}, {"[::1]:8480", 200}, {"till.shop.example", 200}, {"till.shop.example:8480", 200},
		{"evil.example", 421}, {"localhost.evil.example", 421}, {"127.0.0.1.evil.example:8480", 421}, {"192.168.1.5", 421},
	}
	for _, test := range tests {
		for _, path := range []string{"/livez", "/api/v1/status", "/assets/x"} {
			a := tm.till().with("Host", test.host).do("GET", path, "")
			if got := a.status == 421; got != (test.status == 421) {
				t.Errorf("%s on %s: %d", test.host, path, a.status)
			}
			if a.status == 421 && a.body != "" {
				t.Errorf("a refused host is told %q", a.body)
			}
		}
	}
	if n := tm.audited("host_refused"); n != 1 {
		t.Errorf("many refusals within a minute left %d rows in the audit trail, want 1", n)
	}
}

func TestCallsFromOtherSitesAreRefused(t *testing.T) {
	tm := newTerminal(t)
	id := string(tm.open("a", "scan"))
	page := tm.signedIn("cas", "111111")
	tests := []struct {
		name   string
		c      *client
		method string
		path   string
		status int
	}{
		{"cross-site form post", page.with("Sec-Fetch-Site", "cross-site"), "POST", "/payments/" + id + "/cancel", 403},
		{"another port of this machine", page.with("Sec-Fetch-Site", "same-site"), "POST", "/payments/" + id + "/cancel", 403},
		{"foreign origin without Sec-Fetch", page.with("Sec-Fetch-Site", "").with("Origin", "https://evil.example"), "POST", "/payments/" + id + "/cancel", 403},
		{"origin null", page.with("Sec-Fetch-Site", "").with("Origin", "null"), "POST", "/payments/" + id + "/cancel", 403},
		{"a token does not help a foreign origin", tm.till().with("Origin", "https://evil.example"), "POST", "/payments/" + id + "/cancel", 403},
		{"cross-site stream", page.with("Sec-Fetch-Site", "cross-site"), "GET", "/events", 403},
		{"foreign stream", page.with("Sec-Fetch-Site", "").with("Origin", "https://evil.example"), "GET", "/events", 403},
		{"stream with a cookie and neither header", page.with("Sec-Fetch-Site", ""), "GET", "/events", 403},
		{"call with a cookie and neither header", page.with("Sec-Fetch-Site", ""), "GET", "/status", 403},
		{"sign-in with neither header", tm.page().with("Sec-Fetch-Site", ""), "POST", "/session", 403},
		{"stream with neither header nor cookie", tm.page().with("Sec-Fetch-Site", ""), "GET", "/events", 401},
		{"cross-site read", page.with("Sec-Fetch-Site", "cross-site"), "GET", "/payments", 403},
		{"our own page", page, "GET", "/payments", 200},
		{"our own page, old browser", page.with("Sec-Fetch-Site", "").with("Origin", tm.http.URL), "GET", "/payments", 200},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			body := ""
			if test.path == "/session" {
				body = `{"person":"cas","pin":"111111"}`
			}
			if a := test.c.api(test.method, test.path, body); a.status != test.status {
				t.Errorf("got %d %s, want %d", a.status, a.body, test.status)
			}
		})
	}
	if state := tm.payments[0].Status.State; state != agent.Created {
		t.Errorf("the payment was moved to %s", state)
	}
}

func everyAnswerIsHardened(t *testing.T) {
	tm := newTerminal(t)
	for _, path := range []string{"/", "/register", "/display/1", "/owner", "/livez", "/api/v1/status", "/api/v1/nothing", "/nothing"} {
		h := tm.page().do("GET", path, "").header
		csp := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "require-trusted-types-for 'script'"} {
			if !strings.Contains(csp, part) {
				t.Errorf("%s: the policy lacks %s: %s", path, part, csp)
			}
		}
		if strings.Contains(csp, "unsafe") {
			t.Errorf("%s: the policy is unsafe: %s", path, csp)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
		if h.Get("Access-Control-Allow-Origin") != "" || h.Get("Permissions-Policy") == "" || h.Get("Server") != "" {
			t.Errorf("%s: headers %v", path, h)
		}
	}
}

func nothingOutsideTheEmbeddedFilesIsServed(t *testing.T) {
	tm := newTerminal(t)
	root := tm.web.assets.root
	for _, path := range []string{root, root + "..%2f..%2fserver.go", root + "../../server.go", root + "ui/base.css", "/assets/old/base.css", "/assets/..%2fui/base.css",
		root + "base.css%00", root + "register.html", "/ui/base.css", "/openapi.yaml", "/debug/pprof/", "/.git/config"} {
		if a := tm.page().do("GET", path, ""); a.status != 404 && a.status != 301 && a.status != 307 {
			t.Errorf("%s: %d %.60q", path, a.status, a.body)
		}
	}
	a := tm.page().do("GET", root+"base.css", "")
	if a.status != 200 || !strings.Contains(a.header.Get("Cache-Control"), "immutable") || a.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("the style: %d %v", a.status, a.header)
	}
}

func metricsAreForThisMachine(t *testing.T) {
	tm := newTerminal(t, func(o *Options) {
		o.Metrics = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "tillwire_up 1\n") })
		o.Hosts = []string{"10.0.0.5"}
	})
	if a := tm.page().do("GET", "/metrics", ""); a.status != 200 {
		t.Errorf("from this machine: %d", a.status)
	}
	far := func(token string) (status int, body string) {
		req := tm.till().request("GET", "/metrics", "")
		req.Host, req.RemoteAddr = "10.0.0.5", "10.0.0.9:1234"
		req.Header.Del("Authorization")
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		rec := newRecorder()
		tm.web.Handler().ServeHTTP(rec, req)
		return rec.status, rec.body.String()
	}
	if status, body := far(""); status != 401 || strings.Contains(body, "tillwire_up") {
		t.Errorf("from the LAN: %d %s", status, body)
	}
	if status, _ := far(tillToken); status != 200 {
		t.Errorf("from the LAN with a token: %d", status)
	}
}

// farRecorder is a response without a connection.
type farRecorder struct {
	nowhere
	header http.Header
	status int
	body   bytes.Buffer
}

func newRecorder() *farRecorder { return &farRecorder{header: http.Header{}, status: 200} }

func (r *farRecorder) Header() http.Header         { return r.header }
func (r *farRecorder) WriteHeader(status int)      { r.status = status }
func (r *farRecorder) Write(b []byte) (int, error) { return r.body.Write(b) }

func readinessTellsDetailsOnlyToThisMachine(t *testing.T) {
	tm := newTerminal(t, func(o *Options) {
		o.Ready = func(context.Context) []Check {
			return []Check{{Name: "journal", OK: true}, {Name: "disk", Detail: "Full. Free some space."}}
		}
		o.Hosts = []string{"10.0.0.5"}
	})
	if a := tm.page().do("GET", "/readyz", ""); a.status != 503 || !strings.Contains(a.body, "Free some space") || !strings.Contains(a.body, "1.2.3") {
		t.Errorf("here: %d %s", a.status, a.body)
	}
	req := tm.till().request("GET", "/readyz", "")
	req.Host, req.RemoteAddr = "10.0.0.5", "10.0.0.9:1234"
	rec := newRecorder()
	tm.web.Handler().ServeHTTP(rec, req)
	if body := rec.body.String(); rec.status != 503 || strings.Contains(body, "Free some space") || strings.Contains(body, "1.2.3") {
		t.Errorf("there: %d %s", rec.status, body)
	}
	if a := tm.page().do("GET", "/livez", ""); a.status != 200 {
		t.Errorf("alive: %d", a.status)
	}
}

func slowAndHugeRequestsHitLimits(t *testing.T) {
	tm := newTerminal(t)
	h := tm.web.HTTP()
	if h.ReadHeaderTimeout <= 0 || h.ReadTimeout <= 0 || h.WriteTimeout <= 0 || h.IdleTimeout <= 0 {
		t.Error("a limit is missing")
	}
	conn, err := net.Dial("tcp", tm.http.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	// The server may hang up while we still write; only its answer counts.
	_, _ = fmt.Fprintf(conn, "GET /livez HTTP/1.1\r\nHost: localhost\r\nX-Big: %s\r\n\r\n", strings.Repeat("x", 1<<20))
	got := make([]byte, 64)
	n, _ := conn.Read(got)
	if !strings.HasPrefix(string(got[:n]), "HTTP/1.1 431 ") {
		t.Errorf("a header of 1 MiB is answered with %q", got[:n])
	}
	if a := tm.page().do("GET", "/livez", ""); a.status != 200 {
		t.Errorf("afterwards: %d", a.status)
	}
}

func aDisplaysPageCanChangeNothing(t *testing.T) {
	tm := newTerminal(t)
	id := string(tm.open("a", "scan"))
	page := tm.page()
	for _, call := range tm.web.calls() {
		if call.need == anyone {
			continue
		}
		path := strings.NewReplacer("{id}", id, "{lane}", "1").Replace(call.path)
		if a := page.api(call.method, path, ""); a.status != 401 {
			t.Errorf("%s %s without a session: %d", call.method, path, a.status)
		}
	}
}

func noHandlerIsReachedWithoutARole(t *testing.T) {
	tm := newTerminal(t)
	cass := tm.signedIn("cas", "111111")
	for _, call := range tm.web.calls() {
		if call.need != manager {
			continue
		}
		path := strings.NewReplacer("{id}", "cas", "{lane}", "1").Replace(call.path)
		if a := cass.api(call.method, path, ""); a.status != 403 || a.code(t) != "forbidden" {
			t.Errorf("a cashier on %s %s: %d %s", call.method, path, a.status, a.body)
		}
	}
	if tm.audited("refused") == 0 {
		t.Error("the refusal is not in the audit trail")
	}
}
