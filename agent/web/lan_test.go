package web

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// network opens a terminal's door to the shop's network, on a loopback port.
func (tm *terminal) network() (address string, roots *x509.CertPool) {
	tm.t.Helper()
	known := httptest.NewUnstartedServer(nil)
	known.StartTLS()
	defer known.Close()
	cert, roots := known.TLS.Certificates[0], x509.NewCertPool()
	roots.AddCert(known.Certificate())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tm.t.Fatal(err)
	}
	server := tm.web.LAN(func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil })
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(l, "", "") }()
	tm.t.Cleanup(func() {
		if err := server.Close(); err != nil {
			tm.t.Error(err)
		}
		<-ended
	})
	return l.Addr().String(), roots
}

// open is a terminal whose owner lets the network in.
func openToTheNetwork(t *testing.T) (tm *terminal, tablet func() *client) {
	t.Helper()
	tm = newTerminal(t, func(o *Options) {
		o.LAN = func() LANDoor {
			return LANDoor{On: true, Addresses: []string{"https://192.168.1.5:8483"}, Print: "AB:CD"}
		}
	})
	address, roots := tm.network()
	return tm, func() *client {
		there := *tm
		there.http = &httptest.Server{URL: "https://" + address}
		return &client{terminal: &there, browser: true, cookies: map[string]string{}, headers: map[string]string{}, agent: &http.Client{
			Transport:     &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}}
	}
}

// expectDevice has the owner ask for a code.
func (tm *terminal) expectDevice() string {
	tm.t.Helper()
	if a := tm.owner().post("/owner/lan", "do", "expect"); a.status != http.StatusSeeOther {
		tm.t.Fatalf("the owner gets no code: %d %s", a.status, a.body)
	}
	code, left := tm.web.paired.expected()
	if code == "" || left <= 0 {
		tm.t.Fatalf("the code is %q for %v", code, left)
	}
	return code
}

func (c *client) pair(code string) answer { return c.post("/pair", "code", code, "name", "Tablet") }

func TestADeviceOfTheNetworkSeesNothingUnpaired(t *testing.T) {
	tm, tablet := openToTheNetwork(t)
	stranger := tablet()
	for _, path := range []string{"/", "/register", "/owner", "/owner/payments", "/setup", "/metrics", "/readyz", "/livez", "/display/1", "/receipt/1", "/nowhere"} {
		if a := stranger.do("GET", path, ""); a.status != http.StatusSeeOther || a.header.Get("Location") != "/pair" {
			t.Errorf("GET %s: %d %s", path, a.status, a.header.Get("Location"))
		}
	}
	for _, call := range tm.web.calls() {
		path := strings.NewReplacer("{id}", "1", "{lane}", "1").Replace(call.path)
		if a := stranger.api(call.method, path, ""); a.status != http.StatusUnauthorized || a.code(t) != codeNotPaired {
			t.Errorf("%s %s: %d %s", call.method, path, a.status, a.body)
		}
	}
	if a := stranger.post("/owner/login", "person", "own", "password", "open sesame 123"); a.status != http.StatusUnauthorized {
		t.Errorf("signing in: %d", a.status)
	}
	if a := stranger.do("GET", "/pair", ""); a.status != http.StatusOK || a.header.Get("Content-Security-Policy") == "" {
		t.Errorf("the way in: %d", a.status)
	}
	if a := stranger.with("Host", "evil.example").do("GET", "/pair", ""); a.status != http.StatusMisdirectedRequest || a.body != "" {
		t.Errorf("another name for the same address: %d %s", a.status, a.body)
	}
	// The counter's own door knows of no pairing.
	if a := tm.page().do("GET", "/pair", ""); a.status != http.StatusNotFound {
		t.Errorf("at the counter: %d", a.status)
	}
}

func TestATillOfTheNetworkIsPairedByItsToken(t *testing.T) {
	_, tablet := openToTheNetwork(t)
	till := tablet()
	till.browser, till.token = false, tillToken
	till.want(http.StatusOK, "GET", "/status", "")
	till.token = "0123456789abcdef0123456789abcdee"
	if a := till.api("GET", "/status", ""); a.status != http.StatusUnauthorized || a.code(t) != codeNotPaired {
		t.Errorf("a wrong token: %d %s", a.status, a.body)
	}
	till.token = tillToken
	if a := till.do("GET", "/owner", ""); a.status != http.StatusSeeOther {
		t.Errorf("a token on the owner's page: %d", a.status)
	}
}

func TestADeviceIsPairedOnceWithACode(t *testing.T) {
	tm, tablet := openToTheNetwork(t)
	first, second := tablet(), tablet()
	if a := first.pair("ACDE-FGHJ"); a.status != http.StatusForbidden {
		t.Errorf("without a code of the owner: %d", a.status)
	}
	code := tm.expectDevice()
	if page := tm.owner().do("GET", "/owner/lan", "").body; !strings.Contains(page, code) || !strings.Contains(page, "AB:CD") || !strings.Contains(page, "https://192.168.1.5:8483") {
		t.Error("the owner's page does not say what to enter, where and what to compare")
	}
	if a := first.post("/pair", "code", code, "name", " "); a.status != http.StatusBadRequest {
		t.Errorf("a device without a name: %d", a.status)
	}
	if a := first.with("Sec-Fetch-Site", "cross-site").pair(code); a.status != http.StatusForbidden {
		t.Errorf("from another site: %d", a.status)
	}
	if a := first.pair(strings.ToLower(strings.ReplaceAll(code, "-", " "))); a.status != http.StatusSeeOther || a.header.Get("Location") != "/register" {
		t.Fatalf("the right code: %d %s", a.status, a.body)
	}
	if a := second.pair(code); a.status != http.StatusForbidden {
		t.Errorf("the same code again: %d", a.status)
	}
	if a := first.do("GET", "/register", ""); a.status != http.StatusOK {
		t.Errorf("the register on the tablet: %d", a.status)
	}
	if a := first.api("GET", "/status", ""); a.status != http.StatusUnauthorized || a.code(t) != codeUnauthorized {
		t.Errorf("a pairing is no sign-in: %d %s", a.status, a.body)
	}
	if a := first.signIn("cas", "111111"); a.status != http.StatusOK {
		t.Errorf("signing in: %d %s", a.status, a.body)
	}
	first.want(http.StatusOK, "GET", "/status", "")
	if a := first.do("GET", "/display/1", ""); a.status != http.StatusOK {
		t.Errorf("the display on a tablet: %d", a.status)
	}
	if n := tm.audited("device_paired"); n != 1 {
		t.Errorf("%d acts say that a device was paired", n)
	}
	// Another start of the terminal knows it still.
	opt := tm.web.Options
	again, err := New(opt)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := again.paired.devices(t.Context()); err != nil || len(list) != 1 || list[0].Name != "Tablet" || list[0].By != "person:own" {
		t.Errorf("after a restart: %+v, %v", list, err)
	}
}

func TestACodeForADeviceEndsWithTimeAndGuesses(t *testing.T) {
	tm, tablet := openToTheNetwork(t)
	for name, spoil := range map[string]func(){
		"time":      func() { tm.clock.advance(claimLife + time.Second) },
		"the owner": func() { tm.owner().post("/owner/lan", "do", "forget") },
		"guesses": func() {
			for range claimTries {
				if a := tablet().pair("AAAA-AAAA"); a.status != http.StatusForbidden {
					t.Errorf("a guess: %d", a.status)
				}
			}
		},
	} {
		code := tm.expectDevice()
		spoil()
		if a := tablet().pair(code); a.status != http.StatusForbidden {
			t.Errorf("%s did not end the code: %d", name, a.status)
		}
	}
	if list, err := tm.web.paired.devices(t.Context()); err != nil || len(list) != 0 {
		t.Errorf("paired are %+v, %v", list, err)
	}
}

func TestADeviceThatIsRemovedIsOutAtOnce(t *testing.T) {
	tm, tablet := openToTheNetwork(t)
	tab := tablet()
	if a := tab.pair(tm.expectDevice()); a.status != http.StatusSeeOther {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := tab.signIn("cas", "111111"); a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	res, err := tab.agent.Do(tab.request("GET", apiRoot+"/events", ""))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.ReadFull(res.Body, make([]byte, 8)); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("the stream: %d %v", res.StatusCode, err)
	}
	list, err := tm.web.paired.devices(t.Context())
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v, %v", list, err)
	}
	if a := tm.owner().post("/owner/lan", "do", "remove", "device", list[0].ID); a.status != http.StatusSeeOther {
		t.Fatalf("removing: %d %s", a.status, a.body)
	}
	ended := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, res.Body) // however it ends
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(time.Minute):
		t.Error("the device that was removed still hears everything")
	}
	if a := tab.api("GET", "/status", ""); a.status != http.StatusUnauthorized || a.code(t) != codeNotPaired {
		t.Errorf("its next call: %d %s", a.status, a.body)
	}
	if a := tm.owner().post("/owner/lan", "do", "remove", "device", list[0].ID); a.status != http.StatusNotFound || tm.audited("device_unpaired") != 1 {
		t.Errorf("removing it twice: %d, %d acts", a.status, tm.audited("device_unpaired"))
	}
}

// plainHTTPIsRefusedOnTheNetwork: nothing but a refusal comes back, and no cookie goes out.
func plainHTTPIsRefusedOnTheNetwork(t *testing.T) {
	tm := newTerminal(t)
	address, _ := tm.network()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintf(conn, "GET /pair HTTP/1.1\r\nHost: %s\r\nCookie: %s=secret\r\n\r\n", address, registerCookie); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	head := strings.ToLower(string(got))
	if !strings.HasPrefix(head, "http/1.0 400 ") || strings.Contains(head, "location:") || strings.Contains(head, "set-cookie:") || strings.Contains(head, "secret") {
		t.Errorf("plain HTTP is answered with %q", got)
	}
}

// oldTLSIsRefused by the terminal, not by the client that offers it.
func oldTLSIsRefused(t *testing.T) {
	tm := newTerminal(t)
	address, roots := tm.network()
	for name, offer := range map[string]*tls.Config{
		"TLS 1.1":           {MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11},
		"no forward secret": {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_AES_256_CBC_SHA}},
		"CBC":               {MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256}},
	} {
		offer.RootCAs = roots
		conn, err := tls.Dial("tcp", address, offer)
		if err == nil {
			conn.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "remote error") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		conn, err := tls.Dial("tcp", address, &tls.Config{RootCAs: roots, MinVersion: version, MaxVersion: version})
		if err != nil {
			t.Errorf("%s: %v", tls.VersionName(version), err)
			continue
		}
		conn.Close()
	}
}
