package web

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"tillwire/agent"
)

// Codes of errors that only the local API has; the others are the root's.
const (
	codeUnauthorized = "unauthorized"
	codeForbidden    = "forbidden"
	codeOrigin       = "origin"
	codeMethod       = "method"
	codeMediaType    = "content_type"
	codeTooLarge     = "too_large"
	codeSignIn       = "sign_in"
	codeLocked       = "locked"
	codeThrottled    = "throttled"
	codeStreams      = "too_many_streams"
	codeNotSetUp     = "not_set_up"
)

// statusOfCode overrules statusOfClass where a code has a status of its own.
var statusOfCode = map[string]int{
	agent.CodeAmount:   http.StatusUnprocessableEntity,
	agent.CodeCurrency: http.StatusUnprocessableEntity,
	agent.CodeMode:     http.StatusUnprocessableEntity,
	agent.CodeWallet:   http.StatusUnprocessableEntity,
	codeUnauthorized:   http.StatusUnauthorized,
	codeSignIn:         http.StatusUnauthorized,
	codeNotPaired:      http.StatusUnauthorized,
	codeMethod:         http.StatusMethodNotAllowed,
	codeMediaType:      http.StatusUnsupportedMediaType,
	codeTooLarge:       http.StatusRequestEntityTooLarge,
	codeLocked:         http.StatusTooManyRequests,
	codeThrottled:      http.StatusTooManyRequests,
}

var statusOfClass = map[agent.Class]int{
	agent.Invalid: http.StatusBadRequest, agent.NotFound: http.StatusNotFound,
	agent.Conflict: http.StatusConflict, agent.Forbidden: http.StatusForbidden,
	agent.Unavailable: http.StatusServiceUnavailable,
	agent.Corrupt:     http.StatusInternalServerError, agent.Internal: http.StatusInternalServerError,
}

// problemJSON is the body of every error.
type problemJSON struct {
	Code    string          `json:"code"`
	Say     string          `json:"say"`
	Payment agent.PaymentID `json:"payment,omitempty"`
	Retry   int64           `json:"retry_after,omitempty"` // seconds
}

// waiting is an error that ends by itself after a while.
type waiting struct {
	error
	wait time.Duration
}

func (w waiting) Unwrap() error { return w.error }

// fail makes an error of the API's own.
func fail(class agent.Class, code, id, english string, args ...string) error {
	return &agent.Error{Op: "local api", Class: class, Code: code, Say: agent.Sentence{ID: id, Args: args, English: english}}
}

// waitOf is how long an error lasts; 0 when it does not end by itself.
func waitOf(err error) time.Duration {
	var later waiting
	if errors.As(err, &later) {
		return later.wait
	}
	return 0
}

// statusOf is the HTTP status an error is answered with.
func statusOf(err error) int {
	if status, ok := statusOfCode[agent.CodeOf(err)]; ok {
		return status
	}
	return statusOfClass[agent.ClassOf(err)]
}

// respond writes a value as JSON. A client that has gone away is not our error.
func (s *Server) respond(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		s.Log.Error("an answer could not be encoded", "comp", "web", "err", err)
		status, body = http.StatusInternalServerError, []byte(`{"code":"internal","say":"The answer could not be written."}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// respondError answers with the error's code and sentence. What is inside stays
// in the log: a cause may name paths and hosts, never a payment code.
func (s *Server) respondError(w http.ResponseWriter, r *http.Request, err error) {
	status := statusOf(err)
	out := problemJSON{Code: agent.CodeOf(err), Say: s.sayError(r, err)}
	var known *agent.Error
	if errors.As(err, &known) {
		out.Payment = known.Payment
	}
	if out.Code == "" {
		out.Code = string(agent.ClassOf(err))
	}
	if wait := waitOf(err); wait > 0 {
		out.Retry = int64((wait + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.FormatInt(out.Retry, 10))
	}
	switch {
	case out.Code == codeNotSetUp:
		// A till asks again and again until the owner has set the terminal up.
		s.Log.Info("a call came before the set-up", "comp", "web", "method", r.Method, "route", r.Pattern)
	case status >= http.StatusInternalServerError:
		s.Log.Error("a call failed", "comp", "web", "method", r.Method, "route", r.Pattern, "err", err)
	}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="tillwire"`)
	}
	s.respond(w, status, out)
}

// sayError is the sentence for a caller of the API, in the language it asks for.
func (s *Server) sayError(r *http.Request, err error) string {
	return s.sentence(s.apiLanguage(r), err)
}

// sentence is what an error says to a person.
func (s *Server) sentence(lang string, err error) string {
	var known *agent.Error
	if errors.As(err, &known) && known.Say.English != "" {
		return s.Words.Say(lang, known.Say)
	}
	return s.Words.Say(lang, agent.Sentence{ID: "error.internal", English: "Something went wrong inside the terminal. The log has the details."})
}

// apiLanguage is English unless the caller asks: programs compare sentences, and
// a till's Accept-Language says nothing about its cashier.
func (s *Server) apiLanguage(r *http.Request) string {
	return s.Words.Match(r.URL.Query().Get("lang"))
}
