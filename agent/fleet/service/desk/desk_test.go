package desk

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// office is a desk with its authority and its books.
type office struct {
	*Desk
	t      *testing.T
	now    time.Time
	ca     *Authority
	known  map[fleet.TID]map[string]string
	broken error // of the books
	lists  int   // of revoked certificates that were brought to brokers
	unread error // why none can be
}

// Now and the others make the office the desk's clock.
func (o *office) Now() time.Time                       { return o.now }
func (o *office) Mono() time.Duration                  { return 0 }
func (o *office) After(time.Duration) <-chan time.Time { return nil }

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, now: time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC), known: map[fleet.TID]map[string]string{}}
	dir, store := t.TempDir(), fleet.NewMemory()
	if err := MakeAuthority(dir, "Fleet of a test", o.now); err != nil {
		t.Fatal(err)
	}
	var err error
	if o.ca, err = OpenAuthority(dir, store, o.Now); err != nil {
		t.Fatal(err)
	}
	o.Desk = New(Options{Store: store, Authority: o.ca, Holder: o.ca.Holder, Clock: o, Log: slog.New(slog.DiscardHandler),
		Taken: func(_ context.Context, tid fleet.TID) (bool, error) { _, is := o.known[tid]; return is, nil },
		Enrol: func(_ context.Context, tid fleet.TID, labels map[string]string) error {
			if o.broken == nil {
				o.known[tid] = labels
			}
			return o.broken
		},
		Retire: func(_ context.Context, tid fleet.TID) error { delete(o.known, tid); return nil },
		Revoked: func(context.Context) error {
			if o.unread == nil {
				o.lists++
			}
			return o.unread
		},
		Grant: func() fleet.Grant {
			return fleet.Grant{Broker: "mqtts://fleet.example:8883", Roots: []string{"root"}}
		}})
	return o
}

// machine is a terminal that wants to join.
type machine struct {
	key   *ecdsa.PrivateKey
	code  string
	words string
	claim string
}

func (o *office) request(key *ecdsa.PrivateKey) []byte {
	o.t.Helper()
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		o.t.Fatal(err)
	}
	return der
}

func (o *office) key() *ecdsa.PrivateKey {
	o.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		o.t.Fatal(err)
	}
	return key
}

// ask puts a machine's claim on the desk; code "" draws one.
func (o *office) ask(code, from string) (machine, error) {
	o.t.Helper()
	m := machine{key: o.key(), code: code}
	if code == "" {
		m.code = fleet.NewClaimCode()
	}
	public, err := x509.MarshalPKIXPublicKey(m.key.Public())
	if err != nil {
		o.t.Fatal(err)
	}
	m.words = fleet.KeyWords(public)
	taken, err := o.Take(o.t.Context(), fleet.ClaimRequest{V: fleet.Wire, HW: "0123", Ver: "1.4.2", Request: o.request(m.key), Code: fleet.ClaimHash(m.code)}, from)
	m.claim = taken.Claim
	return m, err
}

func (o *office) joins(from string) machine {
	o.t.Helper()
	m, err := o.ask("", from)
	if err != nil {
		o.t.Fatal(err)
	}
	return m
}

func (o *office) state(m machine) fleet.ClaimState {
	o.t.Helper()
	s, err := o.State(o.t.Context(), m.claim)
	if err != nil {
		o.t.Fatal(err)
	}
	return s
}

func certificate(t *testing.T, text string) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		t.Fatalf("no certificate: %q", text)
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestATerminalJoins(t *testing.T) {
	o := newOffice(t)
	m := o.joins("10.0.0.1")
	if s := o.state(m); s.State != fleet.ClaimWaits || s.Grant != nil {
		t.Errorf("before anybody decided: %+v", s)
	}
	view, err := o.Find(t.Context(), strings.ToLower(fleet.ShowClaimCode(m.code)))
	if err != nil || view.Words != m.words || view.Claim != m.claim || view.From != "10.0.0.1" {
		t.Fatalf("found: %+v, %v; the terminal shows %q", view, err, m.words)
	}
	tid, err := o.Approve(t.Context(), view.Claim, Decision{TID: "t-0001-corner", Labels: map[string]string{"city": "Lisbon"}})
	if err != nil || tid != "t-0001-corner" || o.known[tid]["city"] != "Lisbon" {
		t.Fatalf("approved: %q, %v, %v", tid, o.known, err)
	}
	s := o.state(m)
	if s.State != fleet.ClaimGranted || s.Grant.TID != tid || s.Grant.Broker == "" || len(s.Grant.Roots) != 1 {
		t.Fatalf("granted: %+v", s)
	}
	c := certificate(t, s.Grant.Certificate)
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(s.Grant.Authority))
	_, err = c.Verify(x509.VerifyOptions{Roots: pool, CurrentTime: o.now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
	if err != nil || c.Subject.CommonName != string(tid) || !m.key.PublicKey.Equal(c.PublicKey) || c.IsCA || len(c.ExtKeyUsage) != 1 || c.URIs[0].String() != "urn:pos:tid:t-0001-corner" {
		t.Errorf("the certificate: %+v, %v", c.Subject, err)
	}
	if life := c.NotAfter.Sub(o.now); life != fleet.CertificateLife {
		t.Errorf("it lives %v", life)
	}
	// 26: once.
	if _, err := o.Find(t.Context(), m.code); !errors.Is(err, service.ErrUnknown) {
		t.Errorf("26: the code again: %v", err)
	}
	if _, err := o.Approve(t.Context(), m.claim, Decision{}); !errors.Is(err, service.ErrConflict) {
		t.Errorf("26: the claim again: %v", err)
	}
}

// Test26ClaimCodesAreShortLived: after ten minutes, and after five wrong guesses,
// the terminal must make a new one.
func Test26ClaimCodesAreShortLived(t *testing.T) {
	o := newOffice(t)
	m := o.joins("10.0.0.1")
	o.now = o.now.Add(fleet.ClaimLife + time.Second)
	if _, err := o.Find(t.Context(), m.code); !errors.Is(err, service.ErrUnknown) || o.state(m).State != fleet.ClaimOver {
		t.Errorf("26: after ten minutes: %v, %v", err, o.state(m))
	}
	if _, err := o.Approve(t.Context(), m.claim, Decision{}); !errors.Is(err, service.ErrConflict) {
		t.Errorf("26: approved after ten minutes: %v", err)
	}
	m = o.joins("10.0.0.1")
	for i := range fleet.ClaimTries {
		if s := o.state(m).State; s != fleet.ClaimWaits {
			t.Errorf("26: after %d guesses the claim is %s", i, s)
		}
		if _, err := o.Find(t.Context(), "2222-2222"); !errors.Is(err, service.ErrUnknown) {
			t.Errorf("26: guess %d: %v", i, err)
		}
	}
	if _, err := o.Find(t.Context(), m.code); !errors.Is(err, service.ErrUnknown) || o.state(m).State != fleet.ClaimOver {
		t.Errorf("26: the right code as the sixth guess: %v, %v", err, o.state(m))
	}
	if again := o.joins("10.0.0.1"); o.state(again).State != fleet.ClaimWaits {
		t.Error("26: a new code is not taken")
	}
	for _, typed := range []string{"", "ABCD", "ABCD-EFG0", "ABCD-EFGH-J", "ABCD\nEFGH"} {
		if _, err := o.Find(t.Context(), typed); !errors.Is(err, service.ErrInvalid) {
			t.Errorf("%q: %v", typed, err)
		}
	}
}

// Test27AStolenCodeShowsOtherWords: somebody who overheard the code puts his own
// key forward. The office sees that the words are not the terminal's, and what it
// refuses leaves nothing behind.
func Test27AStolenCodeShowsOtherWords(t *testing.T) {
	o := newOffice(t)
	terminal := o.joins("10.0.0.1")
	if err := o.Refuse(t.Context(), terminal.claim); err != nil { // the thief is first
		t.Fatal(err)
	}
	thief, err := o.ask(terminal.code, "203.0.113.9")
	if err != nil {
		t.Fatal(err)
	}
	view, err := o.Find(t.Context(), terminal.code)
	if err != nil || view.Words == terminal.words || view.Words != thief.words {
		t.Fatalf("27: the office sees %q, the terminal shows %q (%v)", view.Words, terminal.words, err)
	}
	if err := o.Refuse(t.Context(), view.Claim); err != nil {
		t.Fatal(err)
	}
	if s := o.state(thief); s.State != fleet.ClaimOver || s.Grant != nil {
		t.Errorf("27: the thief is told %+v", s)
	}
	rows, err := o.opt.Store.Load(t.Context(), "", "", 10)
	if err != nil || len(rows) != 0 || len(o.known) != 0 {
		t.Errorf("27: left behind: %d rows, %v, %v", len(rows), o.known, err)
	}
	if err := o.Refuse(t.Context(), view.Claim); !errors.Is(err, service.ErrUnknown) {
		t.Errorf("refused twice: %v", err)
	}
}

func TestTheDeskIsNotFlooded(t *testing.T) {
	o := newOffice(t)
	var err error
	n := 0
	for ; err == nil && n < mostClaims; n++ {
		_, err = o.ask("", "203.0.113.9")
	}
	if !errors.Is(err, service.ErrConflict) || n != mostFrom+1 {
		t.Errorf("one address put %d claims on the desk: %v", n-1, err)
	}
	if _, err := o.ask("", "10.0.0.1"); err != nil {
		t.Errorf("another shop: %v", err)
	}
	o.now = o.now.Add(fleet.ClaimLife + time.Second)
	if _, err := o.ask("", "203.0.113.9"); err != nil {
		t.Errorf("after ten minutes: %v", err)
	}
	if rows, err := o.opt.Store.Load(t.Context(), claimPrefix, "", 100); err != nil || len(rows) != 1 {
		t.Errorf("%d claims are kept, %v", len(rows), err)
	}
}

func TestANameIsGivenOnce(t *testing.T) {
	o := newOffice(t)
	first, second := o.joins("10.0.0.1"), o.joins("10.0.0.2")
	if _, err := o.Approve(t.Context(), first.claim, Decision{TID: "t-0001-corner"}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Approve(t.Context(), second.claim, Decision{TID: "t-0001-corner"}); !errors.Is(err, service.ErrConflict) {
		t.Errorf("a name twice: %v", err)
	}
	if _, err := o.Approve(t.Context(), second.claim, Decision{TID: "Not A Name"}); !errors.Is(err, service.ErrInvalid) {
		t.Errorf("no name: %v", err)
	}
	if _, err := o.Approve(t.Context(), second.claim, Decision{TID: "t-0001-corner", Replace: true}); err != nil {
		t.Fatal(err)
	}
	if o.lists != 1 {
		t.Errorf("brokers were brought %d lists of revoked certificates", o.lists)
	}
	old := certificate(t, o.state(first).Grant.Certificate)
	if _, err := o.ca.Holder(t.Context(), old); !errors.Is(err, service.ErrInvalid) {
		t.Errorf("the machine that was replaced: %v", err)
	}
	list, err := o.ca.Revocations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(list)
	crl, err := x509.ParseRevocationList(block.Bytes)
	if err != nil || len(crl.RevokedCertificateEntries) != 1 || crl.RevokedCertificateEntries[0].SerialNumber.Cmp(old.SerialNumber) != 0 || crl.CheckSignatureFrom(certificate(t, string(o.ca.Root()))) != nil {
		t.Errorf("the list of revoked certificates: %+v, %v", crl, err)
	}
	third := o.joins("10.0.0.3")
	if tid, err := o.Approve(t.Context(), third.claim, Decision{}); err != nil || len(tid) < 8 {
		t.Errorf("without a name: %q, %v", tid, err)
	}
}

// TestWhatIsNotInTheBooksIsNotGranted: when the books cannot be written, the
// terminal waits on.
func TestWhatIsNotInTheBooksIsNotGranted(t *testing.T) {
	o := newOffice(t)
	m := o.joins("10.0.0.1")
	o.broken = errors.New("no database")
	if _, err := o.Approve(t.Context(), m.claim, Decision{TID: "t-0001-corner"}); err == nil || o.state(m).State != fleet.ClaimWaits {
		t.Errorf("granted: %v, %v", o.state(m), err)
	}
	o.broken = nil
	if _, err := o.Approve(t.Context(), m.claim, Decision{TID: "t-0001-corner"}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestCertificatesAreRenewed(t *testing.T) {
	o := newOffice(t)
	m := o.joins("10.0.0.1")
	if _, err := o.Approve(t.Context(), m.claim, Decision{TID: "t-0001-corner"}); err != nil {
		t.Fatal(err)
	}
	present := certificate(t, o.state(m).Grant.Certificate)
	renew := func() (*x509.Certificate, error) {
		next, err := o.Renew(t.Context(), present, fleet.RenewRequest{V: fleet.Wire, Request: o.request(m.key)})
		if err != nil {
			return nil, err
		}
		return certificate(t, next.Certificate), nil
	}
	o.now = fleet.RenewAt(present.NotBefore, present.NotAfter)
	next, err := renew()
	if err != nil || next.Subject.CommonName != "t-0001-corner" || next.SerialNumber.Cmp(present.SerialNumber) == 0 || !next.NotAfter.After(present.NotAfter) {
		t.Errorf("at two thirds: %v", err)
	}
	o.now = present.NotAfter.Add(29 * 24 * time.Hour) // a season closed
	if _, err := renew(); err != nil {
		t.Errorf("29 days after its end: %v", err)
	}
	o.now = present.NotAfter.Add(31 * 24 * time.Hour)
	if _, err := renew(); !errors.Is(err, service.ErrInvalid) {
		t.Errorf("31 days after its end: %v", err)
	}
	o.now = present.NotBefore.Add(time.Hour)
	if err := o.ca.Revoke(t.Context(), "t-0001-corner"); err != nil {
		t.Fatal(err)
	}
	if _, err := renew(); !errors.Is(err, service.ErrInvalid) {
		t.Errorf("revoked: %v", err)
	}
	stranger := newOffice(t)
	other := stranger.joins("10.0.0.1")
	if _, err := stranger.Approve(t.Context(), other.claim, Decision{TID: "t-0001-corner"}); err != nil {
		t.Fatal(err)
	}
	present = certificate(t, stranger.state(other).Grant.Certificate)
	if _, err := renew(); !errors.Is(err, service.ErrInvalid) {
		t.Errorf("another fleet's certificate: %v", err)
	}
}

// call sends one request and reads its answer.
func (o *office) call(client *http.Client, method, url string, body any, into any) int {
	o.t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		o.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(o.t.Context(), method, url, bytes.NewReader(text))
	if err != nil {
		o.t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(answer, into); err != nil {
			o.t.Fatalf("%s %s: %s", method, url, answer)
		}
	}
	return res.StatusCode
}

// doors opens the terminals' door and the office's.
func (o *office) doors() (door, inside *httptest.Server) {
	door = httptest.NewUnstartedServer(o.Door())
	door.TLS = &tls.Config{ClientAuth: tls.RequestClientCert}
	door.StartTLS()
	o.t.Cleanup(door.Close)
	mux := http.NewServeMux()
	o.Routes(mux, func(*http.Request) string { return "ops" })
	inside = httptest.NewServer(mux)
	o.t.Cleanup(inside.Close)
	return door, inside
}

// TestTheDoor speaks with the desk as a terminal and as the office do.
func TestTheDoor(t *testing.T) {
	o := newOffice(t)
	door, inside := o.doors()
	key, code := o.key(), fleet.NewClaimCode()
	var taken fleet.ClaimTaken
	q := fleet.ClaimRequest{V: fleet.Wire, HW: "0123", Ver: "1.4.2", Request: o.request(key), Code: fleet.ClaimHash(code)}
	if status := o.call(door.Client(), "POST", door.URL+"/enrol/v1/claims", q, &taken); status != http.StatusCreated || taken.Claim == "" || taken.PollS < 1 {
		t.Fatalf("a claim: %d %+v", status, taken)
	}
	bad := q
	bad.Request = q.Request[:len(q.Request)-1]
	if status := o.call(door.Client(), "POST", door.URL+"/enrol/v1/claims", bad, nil); status != http.StatusUnprocessableEntity {
		t.Errorf("a damaged request: %d", status)
	}
	if status := o.call(door.Client(), "POST", door.URL+"/enrol/v1/claims", map[string]string{"other": "x"}, nil); status != http.StatusBadRequest {
		t.Errorf("another document: %d", status)
	}
	var view ClaimView
	if status := o.call(inside.Client(), "POST", inside.URL+"/claims/find", map[string]string{"code": code}, &view); status != 200 || view.Claim != taken.Claim {
		t.Fatalf("find: %d %+v", status, view)
	}
	var tid struct{ TID fleet.TID }
	if status := o.call(inside.Client(), "POST", inside.URL+"/claims/"+view.Claim+"/approve", Decision{TID: "t-0001-corner"}, &tid); status != 200 || tid.TID != "t-0001-corner" {
		t.Fatalf("approve: %d %+v", status, tid)
	}
	var waiting []ClaimView
	if status := o.call(inside.Client(), "GET", inside.URL+"/claims", nil, &waiting); status != 200 || len(waiting) != 0 {
		t.Errorf("still on the desk: %d %+v", status, waiting)
	}
	if status := o.call(inside.Client(), "POST", inside.URL+"/claims/"+view.Claim+"/refuse", nil, nil); status != http.StatusNotFound {
		t.Errorf("refuse after that: %d", status)
	}
	var state fleet.ClaimState
	if status := o.call(door.Client(), "GET", door.URL+"/enrol/v1/claims/"+taken.Claim, nil, &state); status != 200 || state.Grant == nil {
		t.Fatalf("the answer: %d %+v", status, state)
	}
	o.renewsAtTheDoor(door, inside, key, state.Grant.Certificate)
}

// renewsAtTheDoor asks for the next certificate, with the present one, without it,
// and after it was revoked.
func (o *office) renewsAtTheDoor(door, inside *httptest.Server, key *ecdsa.PrivateKey, present string) {
	t := o.t
	renewal := fleet.RenewRequest{V: fleet.Wire, Request: o.request(key)}
	if status := o.call(door.Client(), "POST", door.URL+"/enrol/v1/renew", renewal, nil); status != http.StatusForbidden {
		t.Errorf("renewed for nobody: %d", status)
	}
	known := door.Client()
	known.Transport.(*http.Transport).TLSClientConfig.Certificates = []tls.Certificate{{Certificate: [][]byte{certificate(t, present).Raw}, PrivateKey: key}}
	known.CloseIdleConnections()
	var renewed fleet.Renewed
	if status := o.call(known, "POST", door.URL+"/enrol/v1/renew", renewal, &renewed); status != 200 || certificate(t, renewed.Certificate).Subject.CommonName != "t-0001-corner" {
		t.Errorf("renewed: %d %+v", status, renewed)
	}
	if status := o.call(inside.Client(), "POST", inside.URL+"/certificates/t-0001-corner/revoke", nil, nil); status != 200 || len(o.known) != 0 {
		t.Errorf("revoked: %d, the books have %v", status, o.known)
	}
	if status := o.call(known, "POST", door.URL+"/enrol/v1/renew", renewal, nil); status != http.StatusUnprocessableEntity {
		t.Errorf("renewed after that: %d", status)
	}
	var list struct{ CRL string }
	if status := o.call(inside.Client(), "GET", inside.URL+"/certificates/revoked", nil, &list); status != 200 || !strings.Contains(list.CRL, "X509 CRL") {
		t.Errorf("the list: %d %+v", status, list)
	}
}
