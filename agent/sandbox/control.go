package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// maxControlBody bounds what the control API reads.
const maxControlBody = 64 << 10

// methods serves one path by method, and says 405 with the list otherwise.
type methods map[string]http.HandlerFunc

// ServeHTTP answers HEAD like GET, as net/http's own mux does.
func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if handler, ok := m[method]; ok {
		handler(w, r)
		return
	}
	var allowed []string
	for name := range m {
		allowed = append(allowed, name)
	}
	slices.Sort(allowed)
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	fail(w, http.StatusMethodNotAllowed, "method", "This address answers "+strings.Join(allowed, " and ")+".")
}

// controlHandler is the table of addresses. Paths are matched without a method,
// so that a wrong method is told apart from a wrong address, and both in JSON.
func (c *Cloud) controlHandler() http.Handler {
	mux := http.NewServeMux()
	for path, m := range map[string]methods{
		"/{$}":                             {"GET": redirect("/phone")},
		"/_sandbox":                        {"GET": redirect("/_sandbox/")},
		"/_sandbox/{$}":                    {"GET": c.controlPage},
		"/phone":                           {"GET": c.phonesPage},
		"/phone/{id}":                      {"GET": c.phonePage},
		"/phone/{id}/state":                {"GET": c.phoneState},
		"/phone/{id}/code":                 {"POST": c.phoneCode},
		"/phone/{id}/draw":                 {"POST": c.phoneDraw},
		"/phone/{id}/present/{counter}":    {"POST": c.phonePresent},
		"/phone/{id}/look/{counter}":       {"POST": c.phoneLook},
		"/ui/{file}":                       {"GET": c.asset},
		"/_sandbox/customers":              {"GET": c.getCustomers, "POST": c.postCustomer},
		"/_sandbox/customers/{id}":         {"GET": c.getCustomer},
		"/_sandbox/customers/{id}/paycode": {"POST": c.postPayCode},
		"/_sandbox/customers/{id}/scan":    {"POST": c.postScan},
		"/_sandbox/customers/{id}/confirm": {"POST": c.postConfirm},
		"/_sandbox/customers/{id}/voucher": {"POST": c.postVoucher},
		"/_sandbox/customers/{id}/carry":   {"POST": c.postCarriage},
		"/_sandbox/issuers":                {"GET": c.getIssuers, "POST": c.postIssuers},
		"/_sandbox/ledger":                 {"GET": c.getLedger},
		"/_sandbox/faults":                 {"GET": c.getFaults, "PUT": c.putFaults, "DELETE": c.deleteFaults},
		"/_sandbox/requests":               {"GET": c.getRequests},
	} {
		mux.Handle(path, m)
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusNotFound, "not_found", "There is nothing at this address.")
	})
	// A web page somewhere else must not move the sandbox's money.
	protection := http.NewCrossOriginProtection()
	protection.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fail(w, http.StatusForbidden, "cross_origin", "A page of another site asked for this. Ask from the sandbox's own pages or from a program.")
	}))
	return headers(ownHost(protection.Handler(mux)))
}

// ownHost answers only under an address or localhost: a foreign site that lets
// its own name point here would otherwise pass for the same origin.
func ownHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err != nil && host != "localhost" {
			fail(w, http.StatusMisdirectedRequest, "host", "The sandbox answers under its address or localhost only.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// redirect leads to a page by a fresh GET.
func redirect(to string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, to, http.StatusSeeOther) }
}

// headers keep the pages to themselves: nothing from elsewhere, nothing inline.
func headers(next http.Handler) http.Handler {
	const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Permissions-Policy", "camera=(self), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// failure is every error answer: a code for programs, a sentence for people.
type failure struct {
	Code string `json:"code"`
	Say  string `json:"say"`
}

// fail answers an error.
func fail(w http.ResponseWriter, status int, code, say string) {
	reply(w, status, failure{code, say})
}

// reply writes into a buffer first, so that a value which cannot be written does
// not end as half an answer with status 200.
func reply(w http.ResponseWriter, status int, v any) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		status = http.StatusInternalServerError
		b.Reset()
		b.WriteString(`{"code":"internal","say":"The answer could not be written."}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a client that left needs no answer
}

// broken answers an error of the ledger.
func (c *Cloud) broken(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, ErrNoCustomer):
		fail(w, http.StatusNotFound, "no_customer", "There is no customer with this id.")
	case errors.Is(err, ErrNoCodes):
		fail(w, http.StatusUnprocessableEntity, "no_codes", "Customers of this wallet show no codes: they scan the shop's.")
	case errors.Is(err, ErrNoIssuer):
		fail(w, http.StatusUnprocessableEntity, "no_issuer", "Customers of this wallet cannot pay without a line.")
	case r.Context().Err() != nil: // the client left, nobody reads this
	default:
		c.options.Log.Error("the sandbox could not answer", "path", r.URL.Path, "error", err)
		fail(w, http.StatusInternalServerError, "internal", "The sandbox could not do that; its log says why.")
	}
}

// read decodes a JSON body into v. No body leaves v as it is. It answers the
// request itself and returns false when the body is not what it should be.
func read(w http.ResponseWriter, r *http.Request, v any) bool {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxControlBody))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		fail(w, http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("The body is larger than %d bytes.", maxControlBody))
		return false
	case err != nil:
		fail(w, http.StatusBadRequest, "unreadable", "The body could not be read.")
		return false
	case len(bytes.TrimSpace(body)) == 0:
		return true
	}
	// No type at all passes: that is a program that did not bother. A form's type
	// does not: that is a page, or a forgotten header.
	if kind := r.Header.Get("Content-Type"); kind != "" {
		if media, _, err := mime.ParseMediaType(kind); err != nil || media != "application/json" {
			fail(w, http.StatusUnsupportedMediaType, "media_type", "Send JSON with Content-Type: application/json.")
			return false
		}
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		fail(w, http.StatusBadRequest, "unreadable", "The body is not the JSON this address takes: "+strings.TrimPrefix(err.Error(), "json: "))
		return false
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		fail(w, http.StatusBadRequest, "unreadable", "The body goes on after its JSON.")
		return false
	}
	return true
}

// iso writes a time as the control API does: UTC, milliseconds.
func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z07:00") }
