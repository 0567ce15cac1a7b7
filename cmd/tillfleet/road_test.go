package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
	"tillwire/agent/logtest"
	"tillwire/cmd/cli"
)

// TestTheRoadOfAnOperator is a day at the office with one shop, over a real broker
// and the service's own socket.
func TestTheRoadOfAnOperator(t *testing.T) {
	b := openBench(t)
	for _, part := range []struct {
		name string
		do   func(*testing.T)
	}{
		{"ls", b.lists}, {"show", b.shows}, {"watch", b.watches}, {"cmd", b.commands}, {"approve", b.approvals}, {"config", b.configures},
		{"rollout", b.rollsOut}, {"job", b.jobs}, {"label", b.labels}, {"export", b.exports}, {"page and metrics", b.pages},
		{"mistakes", b.mistakes}, {"a second service", b.second}, {"restart", b.restarts},
	} {
		if !t.Run(part.name, part.do) {
			t.Fatalf("%s did not go well, and each part goes on from the one before", part.name)
		}
	}
}

func contains(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %q in:\n%s", want, text)
		}
	}
}

func (b *bench) lists(t *testing.T) {
	contains(t, b.fine("ls"), "corner-shop-1", "Corner shop", "online", "1.4.2", "1 terminal: 1 online", "payments are in doubt")
	var rows service.Rows
	if err := json.Unmarshal([]byte(b.fine("ls", "--json", "--trouble")), &rows); err != nil || len(rows.Terminals) != 1 || rows.Terminals[0].InDoubt != 1 {
		t.Errorf("%v: %+v", err, rows)
	}
	contains(t, b.fine("ls", "--state", "lost,stale"), "0 terminals")
}

func (b *bench) shows(t *testing.T) {
	text := b.fine("show", "corner")
	contains(t, text, "online for", "1 payments are in doubt", "1.4.2 on linux/", "2 waiting", "1 in doubt", "! printer 1 (escpos) gone (no paper)", "ready: scanner 1",
		"The printer has no paper. Put a new roll in.", "synced", "9216 MB", "the fleet wants nothing")
	if lines := strings.Count(text, "\n"); lines > 40 {
		t.Errorf("%d lines are no screen", lines)
	}
	var sheet service.Sheet
	if err := json.Unmarshal([]byte(b.fine("show", "corner", "--json")), &sheet); err != nil || sheet.Report == nil || sheet.Row.TID != shopTID {
		t.Errorf("%v: %+v", err, sheet)
	}
}

func (b *bench) watches(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	r, w := io.Pipe()
	ended, said := make(chan int, 1), &logtest.Log{}
	go func() {
		code := b.app(w, said).execute(ctx, []string{"watch", "corner", "--config", filepath.Join(b.dir, "tillfleet.toml")})
		_ = w.Close()
		ended <- code
	}()
	lines := make(chan string, 100)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(r); s.Scan(); {
			lines <- s.Text()
		}
	}()
	b.until("it watches", func() bool { return strings.Contains(said.String(), watching) })
	b.fine("cmd", "corner", "ping")
	for seen := false; !seen; {
		select {
		case line, open := <-lines:
			if !open {
				t.Fatalf("it ended: %s", said)
			}
			seen = strings.Contains(line, "ping SUCCEEDED") && strings.Contains(line, string(shopTID))
		case <-time.After(patience):
			t.Fatal("the command is not seen")
		}
	}
	cancel()
	for range lines { // until it is closed
	}
	select {
	case code := <-ended:
		if code != cli.Fine {
			t.Errorf("interrupted, it ends with %d", code)
		}
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
}

func (b *bench) commands(t *testing.T) {
	contains(t, b.fine("cmd", "corner", "display.message", "Back in five minutes", "ttl=300"), "display.message SUCCEEDED")
	b.mu.Lock()
	shown := slices.Clone(b.shown)
	b.mu.Unlock()
	if len(shown) != 1 || shown[0] != (fleet.DisplayMessage{Text: "Back in five minutes", TTL: 300}) {
		t.Errorf("shown: %+v", shown)
	}
	var list []service.Outcome
	if err := json.Unmarshal([]byte(b.fine("cmd", "--text", "corner", "ping", "--json")), &list); err != nil || len(list) != 1 || list[0].Command.Status != service.Status(fleet.Succeeded) {
		t.Errorf("%v: %+v", err, list)
	}
	out, _, code := b.run("cmd", "corner", "queue.flush")
	contains(t, out, "queue.flush FAILED", "the queue is stuck")
	if code != cli.Found {
		t.Errorf("a command that failed ends with %d", code)
	}
	contains(t, b.fine("show", "corner"), "queue.flush", "FAILED", "display.message")
}

func (b *bench) approvals(t *testing.T) {
	key := func(name string) string { return filepath.Join(b.dir, name+".key") }
	out := b.fine("cmd", "corner", "terminal.lock", "stolen", "--key", key("anna"), "--ticket", "T-1")
	contains(t, out, "Signing: terminal.lock on corner-shop-1", "1 of 2 signatures")
	_, number, _ := strings.Cut(out, "tillfleet approve ")
	number, _, _ = strings.Cut(number, " ")
	if _, errors, code := b.run("approve", number, "--key", key("anna")); code != cli.Found || !strings.Contains(errors, "signed already") {
		t.Errorf("one person twice: %d %s", code, errors)
	}
	contains(t, b.fine("approve", number, "--key", key("boris")), "terminal.lock SUCCEEDED")
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.locks != 1 {
		t.Errorf("it was done %d times", b.locks)
	}
}

func (b *bench) configures(t *testing.T) {
	contains(t, b.fine("config", "set", "corner", "shop.name=New name"), "revision 1", "trial", "shop.name = New name")
	if name, _ := b.Current("shop.name"); name != "New name" {
		t.Errorf("the shop is called %q", name)
	}
	out, _, code := b.run("config", "set", "corner", "log.level=bad")
	contains(t, out, "refused", "REFUSED_VALUE")
	if code != cli.Found {
		t.Errorf("a refused change ends with %d", code)
	}
	contains(t, b.fine("config", "show", "corner"), "revision 2", "log.level = bad", "REFUSED_VALUE")
	contains(t, b.fine("config", "set", "corner", "log.level="), "revision 3", "trial")
}

func (b *bench) rollsOut(t *testing.T) {
	if _, errors, code := b.run("rollout", "start", "--all", "log.level=warn"); code != cli.Usage || !strings.Contains(errors, "1 terminal. Say --yes") {
		t.Errorf("without --yes: %d %s", code, errors)
	}
	var r service.Rollout
	if err := json.Unmarshal([]byte(b.fine("rollout", "start", "--all", "log.level=bad", "--yes", "--json")), &r); err != nil {
		t.Fatal(err)
	}
	out, _, code := b.run("rollout", "show", r.ID, "--wait")
	contains(t, out, "stopped", "1 of the 1 terminals of ring 1", "corner-shop-1: REFUSED_VALUE")
	if code != cli.Found {
		t.Errorf("a rollout that stopped ends with %d", code)
	}
	contains(t, b.fine("rollout", "ls"), r.ID, "stopped", "log.level=bad")
	b.fine("rollout", "cancel", r.ID)
}

func (b *bench) jobs(t *testing.T) {
	contains(t, b.fine("job", "corner", "juggle", "{}"), "juggle until")
	b.until("the terminal has answered", func() bool {
		return strings.Contains(b.fine("show", "corner"), "juggle by") && strings.Contains(b.fine("show", "corner"), "REJECTED")
	})
}

func (b *bench) labels(t *testing.T) {
	contains(t, b.fine("label", "corner", "city=Lyon", "model=J1900"), "city=Lyon model=J1900")
	contains(t, b.fine("ls", "--label", "city=Lyon"), "corner-shop-1")
	contains(t, b.fine("ls", "--label", "city=Paris"), "0 terminals")
	contains(t, b.fine("ls", "--found", "refused"), "corner-shop-1")
	b.fine("label", "corner", "--seen", "model=")
	contains(t, b.fine("ls", "--found", "refused"), "0 terminals")
}

func (b *bench) exports(t *testing.T) {
	lines := strings.Split(strings.TrimSpace(b.fine("export", "--stream", "cmd")), "\n")
	seen := map[fleet.Sequence]bool{}
	for _, line := range lines {
		var e service.StoredEvent
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Stream != fleet.Commands || seen[e.Event.Sequence] {
			t.Fatalf("%v: %s", err, line)
		}
		seen[e.Event.Sequence] = true
	}
	if len(lines) < 5 {
		t.Errorf("only %d events", len(lines))
	}
	contains(t, b.fine("export", "--terminal", "corner", "--format", "csv"), "id,terminal,stream,sequence", "corner-shop-1,cmd,1")
	contains(t, b.fine("export", "--since", time.Now().AddDate(0, 0, 2).Format(time.DateOnly), "--format", "csv"), "id,terminal")
}

// get asks the page for a path under a host name.
func (b *bench) get(t *testing.T, path, host string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), "GET", "http://"+b.page+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if host != "" {
		r.Host = host
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

func (b *bench) pages(t *testing.T) {
	_, text := b.get(t, "/", "")
	contains(t, text, "office.test", "Connected to the broker.", `<a href="/terminal/corner-shop-1">`, "1 terminal: 1 online", "Rollouts")
	_, text = b.get(t, "/?text=nobody", "")
	contains(t, text, "0 terminals")
	_, text = b.get(t, "/terminal/corner-shop-1", "")
	contains(t, text, "The printer has no paper.", "presence")
	_, text = b.get(t, "/metrics", "")
	contains(t, text, `tillfleet_terminals{standing="online"} 1`, "tillfleet_heartbeat_age_seconds_count 1", `tillfleet_commands_total{name="ping",status="SUCCEEDED"}`,
		`tillfleet_messages_total{channel="up/hello"}`, "tillfleet_keys_version 1", "tillfleet_broker_connected 1", `tillfleet_terminals_by_version{version="1.4.2"} 1`)
	// What watches a fleet must ask for figures that there are.
	for _, file := range []string{"alerts.yml", "grafana.json"} {
		rules, err := os.ReadFile(filepath.Join("..", "..", "packaging", "fleet", file))
		if err != nil || file == "grafana.json" && !json.Valid(rules) {
			t.Fatalf("%s: %v", file, err)
		}
		for _, name := range regexp.MustCompile(`tillfleet_[a-z_]+`).FindAllString(string(rules), -1) {
			if !strings.Contains(text, "\n"+name) {
				t.Errorf("%s asks for %s, which there is not", file, name)
			}
		}
	}
	if code, text := b.get(t, "/", "evil.example"); code != http.StatusMisdirectedRequest || text != "" {
		t.Errorf("a foreign name: %d %q", code, text)
	}
	if code, _ := b.get(t, "/terminal/nobody-here", ""); code != http.StatusNotFound {
		t.Errorf("an unknown terminal: %d", code)
	}
	if code, _ := b.get(t, "/v1/terminals", ""); code != http.StatusNotFound {
		t.Errorf("what operators do, on the page: %d", code)
	}
}

func (b *bench) mistakes(t *testing.T) {
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{cli.Found, `no terminal "nobody"`, []string{"show", "nobody"}},
		{cli.Usage, "name a terminal", []string{"cmd", "ping"}},
		{cli.Found, `the catalogue has no command "shell"`, []string{"cmd", "corner", "shell"}},
		{cli.Found, "a text of 1 to 120", []string{"cmd", "corner", "display.message", "text="}},
		{cli.Usage, `"x" is no KEY=VALUE`, []string{"cmd", "corner", "ping", "x"}},
		{cli.Usage, "--state gone", []string{"ls", "--state", "gone"}},
		{cli.Usage, "takes TERMINAL", []string{"show"}},
		{cli.Usage, "unknown flag", []string{"ls", "--bogus"}},
		{cli.Usage, "needs a command", []string{"rollout"}},
		{cli.Usage, "name your key", []string{"approve", "01KAFN00000000000000000000"}},
		{cli.Usage, "rings", []string{"rollout", "start", "--all", "a=b", "--yes", "--rings", "x"}},
		{cli.Found, `no rollout "nothing"`, []string{"rollout", "pause", "nothing"}},
	} {
		_, errors, code := b.run(c.args...)
		if code != c.code || !strings.Contains(errors, c.want) {
			t.Errorf("%v: exit %d, %s", c.args, code, errors)
		}
	}
	var e bytes.Buffer
	if code := b.app(io.Discard, &e).execute(t.Context(), []string{"ls", "--socket", filepath.Join(b.dir, "nothing.sock")}); code != cli.Found || !strings.Contains(e.String(), "tillfleet serve") {
		t.Errorf("without a service: %d %s", code, e.String())
	}
}

func (b *bench) second(t *testing.T) {
	_, errors, code := b.run("serve")
	if code != cli.Found || !strings.Contains(errors, "another service works on") {
		t.Errorf("on the same folder: %d %s", code, errors)
	}
}

func (b *bench) restarts(t *testing.T) {
	before := b.fine("export", "--stream", "cmd")
	b.stopService()
	if _, errors, code := b.run("ls"); code != cli.Found || !strings.Contains(errors, "no service listens") {
		t.Errorf("after its end: %d %s", code, errors)
	}
	b.openService()
	if after := b.fine("export", "--stream", "cmd"); after != before {
		t.Error("it does not hold what it held")
	}
	b.until("the shop is heard again", func() bool { return strings.Contains(b.fine("ls"), "1 online") })
	b.until("a command is done", func() bool { _, _, code := b.run("cmd", "corner", "ping", "--wait", "10s"); return code == cli.Fine })
}

// The data folder's name may be longer than the kernel lets a socket's be.
func TestALongFolderHasASocketToo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), strings.Repeat("long", 30))
	path := filepath.Join(dir, "tillfleet.sock")
	l, err := listenSocket(path)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "{%q:%q}", "error", actorOf(r)) }), ConnContext: withPeer}
	go func() { defer close(served); _ = s.Serve(l) }()
	var answer refusal
	a := &app{socket: path}
	if err := a.ask(t.Context(), "GET", "/", nil, &answer); err != nil || answer.Error != nameOf(uint32(os.Getuid())) {
		t.Errorf("asked: %v, the kernel says it was %q", err, answer.Error)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	<-served
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
		t.Errorf("the socket has mode %v: %v", info, err)
	}
}
