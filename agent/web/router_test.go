package web

import (
	"net/http"
	"testing"
)

// TestEveryPathSaysWhatItTakes to a method that it does not take, whether it is a page, a file
// or a call.
func TestEveryPathSaysWhatItTakes(t *testing.T) {
	tm := newTerminal(t, func(o *Options) { o.Till = func(http.ResponseWriter, *http.Request, string) {} })
	const read, both, write = "GET, HEAD", "GET, HEAD, POST", "POST"
	for path, allowed := range map[string]string{
		"/": read, "/assets/x": read, "/register": read, "/receipt/x": read, "/shift/1": read, "/display/1": read, "/display/1/events": read, "/display/1/beat": write, "/display/1/alive": read,
		"/owner": read, "/owner/day.csv": read, "/owner/day.xlsx": read, "/owner/payments": read, "/owner/payments.xlsx": read, "/owner/payments/x": read, "/owner/payments/x/refund": write,
		"/owner/payments/x/write-off": write, "/owner/refunds": read, "/owner/refunds.csv": read, "/owner/queue": read, "/owner/offline": read, "/owner/offline/forward": write, "/owner/log": read,
		"/owner/people": both, "/owner/people/x": write, "/owner/settings": both, "/owner/reconcile": both, "/owner/reconcile/csv": read, "/owner/login": write, "/owner/logout": write,
		"/setup": both, "/setup/claim": write, "/livez": read, "/metrics": read, "/nexo": write,
		"/api/v1/status": read, "/api/v1/payments": "POST, GET, HEAD", "/api/v1/parked/x": "DELETE",
	} {
		if a := tm.page().do("PATCH", path, ""); a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") != allowed {
			t.Errorf("%s: %d, takes %q, want %q", path, a.status, a.header.Get("Allow"), allowed)
		}
	}
	if a := tm.page().do("PATCH", "/nothing", ""); a.status != http.StatusNotFound {
		t.Errorf("a page that is not there: %d", a.status)
	}
}
