package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"tillwire/agent/logtest"
)

// process is a tillcloud of its own, started from this test program.
type process struct {
	*testing.T
	cmd   *exec.Cmd
	data  string
	file  string
	out   *logtest.Log
	ended chan error
}

// programs puts this test program under both names into one folder.
func programs(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"tillcloud", "tillwire"} {
		if err := copyProgram(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func copyProgram(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o755)
}

func startDemo(t *testing.T, bin, data string, more ...string) *process {
	t.Helper()
	p := &process{T: t, data: data, file: filepath.Join(t.TempDir(), "ready.json"), out: &logtest.Log{}, ended: make(chan error, 1)}
	args := append([]string{"demo", "--data-dir", data, "--ports", "auto"}, more...)
	if len(more) == 0 {
		args = append(args, "--ready-file", p.file)
	}
	p.cmd = exec.Command(filepath.Join(bin, "tillcloud"), args...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.cmd.Wait() }()
	t.Cleanup(func() {
		if p.cmd.ProcessState == nil {
			_ = p.cmd.Process.Kill()
		}
	})
	return p
}

// patience is how long anything may take before it counts as lost: a shop of four
// processes opens slowly beside others.
const patience = 2 * time.Minute

// until polls for what must come.
func (p *process) until(what string, done func() bool) {
	p.Helper()
	deadline := time.After(patience)
	for !done() {
		select {
		case <-deadline:
			p.Fatalf("waited in vain until %s; tillcloud said:\n%s", what, p.out)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (p *process) ready(differentFrom int) shopReady {
	p.Helper()
	var r shopReady
	p.until("the ready file names a new agent", func() bool {
		b, err := os.ReadFile(p.file)
		if errors.Is(err, os.ErrNotExist) {
			return false
		}
		if err != nil {
			p.Fatal(err)
		}
		if err := json.Unmarshal(b, &r); err != nil {
			p.Fatalf("half a ready file: %s", b)
		}
		return r.AgentPID != differentFrom
	})
	return r
}

func (p *process) scans(r shopReady) map[string][]string {
	p.Helper()
	request, err := http.NewRequestWithContext(p.Context(), "GET", r.API+"/scans", nil)
	if err != nil {
		p.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+r.Token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil // the agent is down
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		return nil
	}
	var got map[string][]string
	if err := json.Unmarshal(b, &got); err != nil {
		p.Fatalf("%s: %v", b, err)
	}
	return got
}

// scan opens the lane's scanner, writes and closes, as anyone may.
func (p *process) scan(r shopReady, lane int, text string) {
	p.Helper()
	f, err := os.OpenFile(r.Lanes[lane].Scanner, os.O_WRONLY|syscall.O_NOCTTY, 0)
	if err != nil {
		p.Fatal(err)
	}
	_, err = io.WriteString(f, text)
	if err := errors.Join(err, f.Close()); err != nil {
		p.Fatal(err)
	}
}

func alive(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && !strings.Contains(string(b), ") Z ")
}

func TestDemoShop(t *testing.T) {
	bin, data := programs(t), t.TempDir()
	p := startDemo(t, bin, data)
	first := p.ready(0)
	checkReady(t, p, first)

	p.scan(first, 0, "134567890123456789\r")
	p.scan(first, 1, "1000\n\r")
	p.until("both scans arrive untouched", func() bool {
		return reflect.DeepEqual(p.scans(first), map[string][]string{"1": {"134567890123456789\r"}, "2": {"1000\n\r"}})
	})

	// A killed agent is back with the same shop; what was scanned without it is lost.
	if err := syscall.Kill(first.AgentPID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	p.until("the agent is dead", func() bool { return !alive(first.AgentPID) })
	second := p.ready(first.AgentPID)
	if changed := second; changed.AgentPID == first.AgentPID {
		t.Error("the agent's process id did not change")
	} else if changed.AgentPID = first.AgentPID; !reflect.DeepEqual(changed, first) {
		t.Errorf("more than the process id changed:\n%+v\n%+v", first, second)
	}
	p.scan(second, 0, "after\r")
	p.until("the scan reaches the new agent", func() bool {
		return reflect.DeepEqual(p.scans(second)["1"], []string{"after\r"})
	})

	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-p.ended; err != nil {
		t.Errorf("tillcloud ended with %v:\n%s", err, p.out)
	}
	if alive(second.AgentPID) {
		t.Error("the agent outlived the shop")
	}
	if _, err := os.Stat(p.file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the ready file is still there: %v", err)
	}

	// The next start is the same shop.
	p = startDemo(t, bin, data)
	third := p.ready(0)
	third.AgentPID, third.CloudPID = first.AgentPID, first.CloudPID
	if !reflect.DeepEqual(third, first) {
		t.Errorf("the second start is another shop:\n%+v\n%+v", first, third)
	}
	people, err := os.ReadFile(filepath.Join(first.DataDir, "people"))
	if err != nil || strings.Count(string(people), "\n") != 3 {
		t.Errorf("people were set as %q: %v", people, err)
	}
	// The codes of the shop's own cards are told once, and in full.
	told, err := os.ReadFile(filepath.Join(first.DataDir, "settings"))
	if err != nil || string(told) != "codes.own shopcard ^8800\\d{16}$\n" {
		t.Errorf("the agent was told %q: %v", told, err)
	}
	checkOfflineConfig(t, first.Config)
}

// checkOfflineConfig: the agent is told what the sandbox's issuer is known by, and the
// shop's printed code.
func checkOfflineConfig(t *testing.T, path string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, brand := range strings.Split(string(b), "[[wallet]]") {
		switch {
		case strings.Contains(brand, `name = "cornerpay"`):
			if !strings.Contains(brand, "\nissuer = 7\n") || !regexp.MustCompile(`(?m)^issuer_roots = \["[^"]+issuer-root-1.pem", "[^"]+issuer-root-2.pem"\]$`).MatchString(brand) ||
				!strings.Contains(brand, `modes = ["show"]`) {
				t.Errorf("the issuing wallet is configured as %s", brand)
			}
		case strings.Contains(brand, `name = "shopcard"`) && !strings.Contains(brand, `modes = ["code"]`),
			strings.Contains(brand, `name = "unionpay"`) != strings.Contains(brand, "shop_code = \"000201010211"):
			t.Errorf("a wallet is configured as %s", brand)
		}
	}
}

func checkReady(t *testing.T, p *process, r shopReady) {
	t.Helper()
	if len(r.CashierPIN) != 6 || len(r.ManagerPIN) != 6 || r.CashierPIN == r.ManagerPIN || len(r.OwnerPassword) < 16 || len(r.Token) < 32 {
		t.Errorf("secrets are weak: %+v", r)
	}
	if r.CloudPID != p.cmd.Process.Pid || !alive(r.AgentPID) || retainedPresence(t, r.MQTT) != "online" || len(r.Lanes) != 2 {
		t.Errorf("ready file %+v", r)
	}
	if err := filepath.Walk(r.DataDir, func(path string, _ os.FileInfo, err error) error {
		if err == nil && strings.Contains(path, "ledger") {
			err = fmt.Errorf("%s is the sandbox's", path)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	for _, secret := range []string{filepath.Join(filepath.Dir(r.Config), "secrets", "wechat-merchant.pem"), filepath.Join(filepath.Dir(r.Config), "secrets", "alipay-app.pem"), r.Config, p.file} {
		if info, err := os.Stat(secret); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", secret, info, err)
		}
	}
	response, err := http.Get(r.Sandbox + "/ledger")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Errorf("the ledger answers %s", response.Status)
	}
}

func TestAnAgentIsStartedAgainWithoutLimit(t *testing.T) {
	p := startDemo(t, programs(t), t.TempDir())
	r := p.ready(0)
	for range 6 {
		if err := syscall.Kill(r.AgentPID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		r = p.ready(r.AgentPID)
	}
}

func TestTheAgentDiesWithTillcloud(t *testing.T) {
	bin, data := programs(t), t.TempDir()
	p := startDemo(t, bin, data)
	r := p.ready(0)
	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-p.ended
	p.until("the agent is dead", func() bool { return !alive(r.AgentPID) })
	// and the shop opens again where it was
	next := startDemo(t, bin, data).ready(0)
	if next.API != r.API || next.Token != r.Token {
		t.Errorf("after a kill the shop moved: %s, %s", r.API, next.API)
	}
}

func TestANewcomerIsWelcomed(t *testing.T) {
	p := startDemo(t, programs(t), t.TempDir(), "--ports=auto")
	p.until("the shop says that it is open", func() bool { return strings.Contains(p.out.String(), "Ctrl-C closes the shop") })
	for _, want := range []string{"/register?lane=1", "/phone", "/owner", "Cashier's PIN", "/_sandbox/"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("the welcome does not say %s:\n%s", want, p.out)
		}
	}
}

func TestASecondTillcloudOnOneShopIsRefused(t *testing.T) {
	bin, data := programs(t), t.TempDir()
	open := startDemo(t, bin, data)
	r := open.ready(0)
	p := startDemo(t, bin, data)
	if err := <-p.ended; err == nil || !strings.Contains(p.out.String(), "another tillcloud") {
		t.Errorf("it ended with %v and said %q", err, p.out)
	}
	open.scan(r, 0, "still here\r")
	open.until("the first shop still scans", func() bool { return len(open.scans(r)["1"]) == 1 })
}

func TestUsage(t *testing.T) {
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"demo"}, 2, "--data-dir"},
		{[]string{"serve"}, 2, "--data-dir"},
		{[]string{"demo", "--data-dir", "x", "--ports", "8080"}, 2, "fixed or auto"},
		{[]string{"demo", "--bogus"}, 2, "bogus"},
		{[]string{"serve", "extra"}, 2, "extra"},
		{[]string{"--version"}, 0, "unknown"},
	} {
		out := &bytes.Buffer{}
		if code := run(t.Context(), c.args, streams{out, out, nil}); code != c.code || !strings.Contains(out.String(), c.says) {
			t.Errorf("%v ends with %d: %s", c.args, code, out)
		}
	}
}
