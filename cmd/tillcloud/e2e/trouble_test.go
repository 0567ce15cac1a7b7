package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// lone is the agent of a closed shop, run by itself with a changed configuration.
type lone struct {
	*shop
	out  bytes.Buffer
	cmd  *exec.Cmd
	done chan error
}

// edited writes a changed copy of the shop's configuration beside it.
func (s *shop) edited(change func(string) string) string {
	s.t.Helper()
	text, err := os.ReadFile(s.Config)
	if err != nil {
		s.t.Fatal(err)
	}
	// The pseudo-terminals of a closed shop may already be another shop's.
	text = regexp.MustCompile(`(?m)^(\s*path\s*=).*$`).ReplaceAll(text, []byte(`$1 "/dev/serial/by-id/usb-unplugged"`))
	path := filepath.Join(filepath.Dir(s.Config), "edited.toml")
	if err := os.WriteFile(path, []byte(change(string(text))), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// set replaces the first value of a key.
func set(key, value string) func(string) string {
	line := regexp.MustCompile(`(?m)^(\s*)` + key + `\s*=.*$`)
	return func(text string) string {
		done := false
		return line.ReplaceAllStringFunc(text, func(old string) string {
			if done {
				return old
			}
			done = true
			return key + " = " + value
		})
	}
}

func (s *shop) runAlone(config string) *lone {
	s.t.Helper()
	l := &lone{shop: s, done: make(chan error, 1)}
	l.cmd = exec.Command(filepath.Join(bins, "tillwire"), "run", "--config", config)
	l.cmd.Stdout, l.cmd.Stderr = &l.out, &l.out
	l.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := l.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	go func() { l.done <- l.cmd.Wait() }()
	return l
}

// end stops the agent and returns all it said.
func (l *lone) end() string {
	_ = l.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-l.done:
	case <-time.After(patience):
		_ = l.cmd.Process.Kill()
		<-l.done
		l.t.Errorf("the agent did not stop within %s", patience)
	}
	return l.out.String()
}

// problems reads what the status page says is wrong.
func (s *shop) problems() string {
	_, out, err := s.call("GET", s.API+"/status", s.Token, nil)
	if err != nil {
		return ""
	}
	return fmt.Sprint(out["problems"], out["devices"])
}

func (s *shop) says(words ...string) {
	s.t.Helper()
	var last string
	if !until(func() bool {
		last = strings.ToLower(s.problems())
		for _, w := range words {
			if !strings.Contains(last, strings.ToLower(w)) {
				return false
			}
		}
		return true
	}) {
		s.t.Errorf("the status does not say %q within %s: %s", words, patience, last)
	}
}

func TestE2ETrouble(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	p := s.open(0, 1280, "scan")
	s.scan(0, s.paycode(s.customer("approve")))
	s.reaches(p, "paid")
	s.stop()

	t.Run("wrong configuration", s.wrongConfiguration)
	t.Run("port in use", s.portInUse)
	t.Run("missing scanner", s.missingScanner)
	t.Run("read-only data folder", s.readOnlyFolder)
	t.Run("full disk", s.fullDisk)
	s.start()
	s.books()
}

func (s *shop) wrongConfiguration(t *testing.T) {
	config := s.edited(func(text string) string { return strings.Replace(text, "shop =", "shopp =", 1) })
	out, err := exec.Command(filepath.Join(bins, "tillwire"), "check", "--config", config).CombinedOutput()
	var exit *exec.ExitError
	if !asExit(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("check of a wrong configuration: %v", err)
	}
	for _, want := range []string{"shopp", "shop", "line"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("check does not name %q:\n%s", want, out)
		}
	}
}

func (s *shop) portInUse(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	l := s.runAlone(s.edited(set("listen", fmt.Sprintf("%q", listener.Addr()))))
	select {
	case err := <-l.done:
		var exit *exec.ExitError
		if !asExit(err, &exit) || exit.ExitCode() != 1 {
			t.Errorf("the agent ended with %v", err)
		}
	case <-time.After(patience):
		t.Errorf("the agent goes on without its port")
		l.end()
	}
	if out := l.out.String(); !strings.Contains(out, "in use") || !strings.Contains(out, listener.Addr().String()) {
		t.Errorf("the agent does not say which port is in use:\n%s", out)
	}
}

func (s *shop) missingScanner(t *testing.T) {
	l := s.runAlone(s.edited(set("path", `"/dev/serial/by-id/usb-nobody-here"`)))
	defer l.end()
	s.says("usb-nobody-here")
	if resp, err := http.Get(strings.TrimSuffix(s.API, "/api/v1") + "/readyz"); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("a missing scanner stops the agent: %v %v", resp, err)
	}
}

func (s *shop) readOnlyFolder(t *testing.T) {
	mount(t, s.DataDir, s.DataDir, "", syscall.MS_BIND)
	mount(t, "", s.DataDir, "", syscall.MS_BIND|syscall.MS_REMOUNT|syscall.MS_RDONLY)
	l := s.runAlone(s.edited(set("language", `"en"`)))
	s.pageSaysStoreIsDown(t)
	if out := l.end(); !strings.Contains(out, "read-only") {
		t.Errorf("the log does not say that the folder is read-only:\n%s", tail([]byte(out), 2000))
	}
	unmount(t, s.DataDir)
}

func (s *shop) fullDisk(t *testing.T) {
	small := t.TempDir()
	mount(t, "tmpfs", small, "size=96m", 0)
	defer unmount(t, small)
	if out, err := exec.Command("cp", "-a", s.DataDir+"/.", small).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	l := s.runAlone(s.edited(set("data", fmt.Sprintf("%q", small))))
	defer l.end()
	s.ready200(t)
	q := s.open(0, 700, "scan")
	fill(t, small)
	s.says("disk")
	status, out := s.apiOnce("POST", "/payments", object{"request_id": "full", "lane": s.Lanes[1].ID,
		"amount": object{"value": 100, "currency": "CNY"}, "reference": "", "mode": "scan"})
	if status != http.StatusServiceUnavailable || out["say"] == nil {
		t.Errorf("a new payment on a full disk: %d %v", status, out)
	}
	s.cancel(q) // the outcome of what was begun must still fit
	if now := s.payment(q); now["status"] != "not_sent" {
		t.Errorf("the open payment is %v", now["status"])
	}
	_ = os.Remove(filepath.Join(small, "fill"))
	if !until(func() bool {
		status, out = s.apiOnce("POST", "/payments", object{"request_id": "room again", "lane": s.Lanes[1].ID,
			"amount": object{"value": 100, "currency": "CNY"}, "reference": "", "mode": "scan"})
		return status == http.StatusCreated || status == http.StatusOK
	}) {
		df, _ := exec.Command("sh", "-c", "df -k "+small+"; ls -la "+small).CombinedOutput()
		t.Errorf("the agent does not sell although there is room again: %d %v\n%s", status, out, df)
	}
}

// pageSaysStoreIsDown expects a page that comes up and an API that refuses.
func (s *shop) pageSaysStoreIsDown(t *testing.T) {
	t.Helper()
	base := strings.TrimSuffix(s.API, "/api/v1")
	var page *http.Response
	if !until(func() bool {
		var err error
		page, err = http.Get(base + "/readyz")
		return err == nil
	}) {
		t.Error("no page comes up")
		return
	}
	_ = page.Body.Close()
	if page.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("/readyz answers %d", page.StatusCode)
	}
	status, out := s.apiOnce("POST", "/payments", object{"request_id": "ro", "lane": s.Lanes[0].ID,
		"amount": object{"value": 100, "currency": "CNY"}, "reference": "", "mode": "scan"})
	if status != http.StatusServiceUnavailable {
		t.Errorf("a payment without a store: %d %v", status, out)
	}
}

func (s *shop) apiOnce(method, path string, body any) (int, object) {
	status, out, err := s.call(method, s.API+path, s.Token, body)
	if err != nil {
		return 0, object{"error": err.Error()}
	}
	return status, out
}

func (s *shop) ready200(t *testing.T) {
	t.Helper()
	if !until(func() bool {
		resp, err := http.Get(strings.TrimSuffix(s.API, "/api/v1") + "/readyz")
		if err != nil {
			return false
		}
		_ = resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}) {
		t.Error("the agent is not ready")
	}
}

// fill writes until the disk is full.
func fill(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "fill"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	block := make([]byte, 1<<20)
	for err == nil {
		_, err = f.Write(block)
	}
}

// mount needs root, as the machines that run this suite give it; elsewhere run it
// under `unshare -rm`.
func mount(t *testing.T, source, target, data string, flags uintptr) {
	t.Helper()
	kind := ""
	if flags == 0 {
		kind = "tmpfs"
	}
	if err := syscall.Mount(source, target, kind, flags, data); err != nil {
		t.Fatalf("mount on %s: %v; run the suite as root or under `unshare -rm`", target, err)
	}
}

func unmount(t *testing.T, target string) {
	t.Helper()
	if err := syscall.Unmount(target, syscall.MNT_DETACH); err != nil {
		t.Errorf("unmount %s: %v", target, err)
	}
}

// TestE2ELine switches the line off and on: it is noticed, said and survived.
func TestE2ELine(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	phone := s.customer("approve")
	s.sandbox("PUT", "/faults", []object{{"wallet": "*", "operation": "*", "kind": "refuse_connection"}})
	off := time.Now()
	if !until(func() bool { return s.line() == "down" }) {
		t.Errorf("after %s without a line the status says %q", time.Since(off), s.line())
	}
	p := s.open(0, 500, "scan") // a line that is down never refuses a payment
	s.scan(0, s.paycode(phone))
	pause(5 * time.Second)
	if now := s.payment(p); now["status"] != "sending" {
		t.Errorf("within the ride-through the payment is %v", now["status"])
	}
	pause(time.Until(off.Add(70 * time.Second)))
	q := s.settled(p)
	if q["status"] != "not_sent" {
		t.Errorf("without a line the payment ends %v", q["status"])
	}
	r := s.open(0, 500, "scan")
	s.scan(0, s.paycode(phone))
	if r = s.reaches(r, "not_sent"); r["status"] != "not_sent" {
		t.Errorf("long after, a code is %v", r["status"])
	}
	s.killAgent() // and a boot without the cloud
	if !until(func() bool { return s.line() == "down" }) {
		t.Errorf("after a boot without a line the status says %q", s.line())
	}
	s.sandbox("DELETE", "/faults", nil)
	if !until(func() bool { return s.line() == "online" }) {
		t.Errorf("after the line is back the status says %q", s.line())
	}
	ok := s.open(0, 500, "scan")
	s.scan(0, s.paycode(phone))
	s.reaches(ok, "paid")
	s.books()
}

func (s *shop) line() string {
	_, out := s.api("GET", "/status", nil)
	line, _ := out["line"].(object)
	return fmt.Sprint(line["state"])
}

// killAgent kills the agent and waits until the shop has another one ready.
func (s *shop) killAgent() {
	s.t.Helper()
	before := s.AgentPID
	_ = syscall.Kill(before, syscall.SIGKILL)
	if !until(func() bool { return s.reread() == nil && s.AgentPID != before }) {
		s.t.Error("the agent was not started again")
	}
}
