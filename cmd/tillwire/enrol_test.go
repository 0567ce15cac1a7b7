package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/enrol"
	"tillwire/agent/fleet/service/desk"
	"tillwire/agent/logtest"
	"tillwire/cmd/cli"
)

// reception is a fleet's desk with its authority, behind TLS of that authority.
type reception struct {
	*desk.Desk
	ca     *desk.Authority
	url    string
	caFile string
}

func openReception(t *testing.T, broker string) *reception {
	t.Helper()
	dir, store, clock := t.TempDir(), fleet.NewMemory(), agent.NewSystemClock()
	if err := desk.MakeAuthority(dir, "Fleet of a test", clock.Now()); err != nil {
		t.Fatal(err)
	}
	ca, err := desk.OpenAuthority(dir, store, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	d := desk.New(desk.Options{Store: store, Authority: ca, Holder: ca.Holder, Clock: clock, Log: slog.New(slog.DiscardHandler),
		Taken:  func(context.Context, fleet.TID) (bool, error) { return false, nil },
		Enrol:  func(context.Context, fleet.TID, map[string]string) error { return nil },
		Retire: func(context.Context, fleet.TID) error { return nil },
		Grant:  func() fleet.Grant { return fleet.Grant{Broker: broker, Roots: []string{fleetRoot()}} }})
	certificate, key, err := ca.IssueServer([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(d.Door())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequestClientCert}
	server.StartTLS()
	t.Cleanup(server.Close)
	return &reception{d, ca, server.URL, filepath.Join(dir, desk.RootFile)}
}

var shownCode = regexp.MustCompile(`Claim code  (\S+) .*\nFour words  (.+)\n`)

// enrolling runs `tillwire enrol` in this process.
func enrolling(t *testing.T, file string, r *reception) (screen *logtest.Log, code chan int) {
	t.Helper()
	screen, code = &logtest.Log{}, make(chan int, 1)
	a := &app{stdin: strings.NewReader(""), stdout: screen, stderr: screen, env: func(string) string { return "" }, clock: agent.NewSystemClock()}
	go func() {
		code <- a.execute(t.Context(), []string{"enrol", "--config", file, "--office", r.url, "--ca", r.caFile})
	}()
	return screen, code
}

// ended waits for the end of a command.
func ended(t *testing.T, code <-chan int, screen *logtest.Log) int {
	t.Helper()
	select {
	case c := <-code:
		return c
	case <-time.After(patience):
		t.Fatalf("the command does not end: %s", screen)
		return -1
	}
}

// TestATerminalJoinsAFleetByItself is the whole way: a code and four words on the
// terminal, the same words in the office, and then a session with the broker that
// the office named. Nothing was written by hand.
func TestATerminalJoinsAFleetByItself(t *testing.T) {
	o := openHeadOffice(t)
	front := openReception(t, "mqtt://"+o.addr)
	file := equipped(t, sound)
	r := started(t, file)
	r.waits("an answer to the command line", func() bool {
		return askStatus(t.Context(), filepath.Join(filepath.Dir(file), "data"), &controlStatus{}) == nil
	})
	screen, code := enrolling(t, file, front)
	within(t, "a code", func() bool { return shownCode.MatchString(screen.String()) })
	shown := shownCode.FindStringSubmatch(screen.String())
	claim, err := front.Find(t.Context(), shown[1])
	if err != nil || claim.Words != shown[2] {
		t.Fatalf("the office sees %q, the terminal shows %q: %v", claim.Words, shown[2], err)
	}
	if _, err := front.Approve(t.Context(), claim.Claim, desk.Decision{TID: fleetTID}); err != nil {
		t.Fatal(err)
	}
	if got := ended(t, code, screen); got != cli.Fine || !strings.Contains(screen.String(), "This terminal is t-0001-corner. The running agent has taken it up.") {
		t.Fatalf("enrol ended with %d: %s", got, screen)
	}
	within(t, "the hello of the running agent", func() bool { return latest[fleet.Hello](o, fleet.UpHello).Sess > 0 })
	caps := strings.Join(latest[fleet.Hello](o, fleet.UpHello).Caps, " ")
	if !strings.Contains(caps, "cmd:cert.renew/1") || !strings.Contains(caps, "job:cert") {
		t.Errorf("the terminal can %s", caps)
	}
	c, faults, err := readConfig(file)
	if err != nil || len(faults) != 0 || c.Fleet.TID != string(fleetTID) {
		t.Fatalf("the configuration: %+v, %v, %v", c.Fleet, faults, err)
	}
	before, err := os.ReadFile(c.Fleet.Certificate)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(c.Fleet.Key); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others may read the key: %v, %v", info, err)
	}
	o.command("cert.renew", "")
	within(t, "another certificate", func() bool { return strings.Contains(o.result("cert.renew"), "until") })
	after, err := os.ReadFile(c.Fleet.Certificate)
	if _, end, dueErr := enrol.Due(after); err != nil || dueErr != nil || bytes.Equal(before, after) || end.Before(time.Now().Add(80*24*time.Hour)) {
		t.Errorf("the next certificate: %v, %v", err, dueErr)
	}
	r.ended()
}

// TestTheOfficeSaysNo: a claim that is refused is followed by another code, and a
// terminal that was never let in has written nothing.
func TestTheOfficeSaysNo(t *testing.T) {
	reception := openReception(t, "mqtt://127.0.0.1:1883")
	file := equipped(t, sound)
	ctx, cancel := context.WithCancel(t.Context())
	screen, code := &logtest.Log{}, make(chan int, 1)
	a := &app{stdin: strings.NewReader(""), stdout: screen, stderr: screen, env: func(string) string { return "" }, clock: agent.NewSystemClock()}
	go func() {
		code <- a.execute(ctx, []string{"enrol", "--config", file, "--office", reception.url, "--ca", reception.caFile})
	}()
	within(t, "a code", func() bool { return shownCode.MatchString(screen.String()) })
	first := shownCode.FindStringSubmatch(screen.String())[1]
	claim, err := reception.Find(t.Context(), first)
	if err != nil {
		t.Fatal(err)
	}
	if err := reception.Refuse(t.Context(), claim.Claim); err != nil {
		t.Fatal(err)
	}
	within(t, "another code", func() bool { return len(shownCode.FindAllString(screen.String(), -1)) == 2 })
	cancel()
	if got := ended(t, code, screen); got != cli.Found {
		t.Errorf("ended with %d", got)
	}
	c, _, err := readConfig(file)
	if err != nil || c.Fleet.on() {
		t.Errorf("in a fleet: %+v, %v", c.Fleet, err)
	}
	if _, err := os.Stat(filepath.Join(c.Terminal.Data, fleetFile)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("left behind: %v", err)
	}
}

func TestEnrolmentThatCannotWork(t *testing.T) {
	reception := openReception(t, "mqtt://127.0.0.1:1883")
	other := openReception(t, "mqtt://127.0.0.1:1883")
	file, taken := equipped(t, sound), equipped(t, inFleet("127.0.0.1:1883"))
	for name, c := range map[string]struct {
		args []string
		code int
		say  string
	}{
		"no office":                 {[]string{"--config", file, "--ca", reception.caFile}, cli.Usage, "--office"},
		"no authority":              {[]string{"--config", file, "--office", reception.url}, cli.Usage, "--ca"},
		"an office in the clear":    {[]string{"--config", file, "--office", "http://127.0.0.1:1", "--ca", reception.caFile}, cli.Found, "https://"},
		"another fleet's authority": {[]string{"--config", file, "--office", reception.url, "--ca", other.caFile}, cli.Found, "cannot be reached"},
		"in a fleet by hand":        {[]string{"--config", taken, "--office", reception.url, "--ca", reception.caFile}, cli.Found, "[fleet] table of its own"},
	} {
		t.Run(name, func(t *testing.T) {
			if r := invoke(t, "", append([]string{"enrol"}, c.args...)...); r.code != c.code || !strings.Contains(r.stderr, c.say) {
				t.Errorf("%d %q", r.code, r.stderr)
			}
		})
	}
}
