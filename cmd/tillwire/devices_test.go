package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"tillwire/agent"
	"tillwire/cmd/cli"
	"tillwire/drivers"
)

// plugged makes a tree in which one scanner is plugged in.
func plugged(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	usb := filepath.Join(root, "sys/devices/usb1/1-1")
	for name, text := range map[string]string{"idVendor": "0c2e", "idProduct": "0901", "manufacturer": "Honeywell", "product": "Voyager", "serial": "A1", "1-1:1.0/bInterfaceNumber": "00"} {
		write(t, filepath.Join(usb, name), text+"\n", 0o644)
	}
	link := func(target, name string) {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, name); err != nil {
			t.Fatal(err)
		}
	}
	link(filepath.Join(usb, "1-1:1.0"), filepath.Join(root, "sys/class/tty/ttyACM0/device"))
	link("../../ttyACM0", filepath.Join(root, "dev/serial/by-id/usb-Honeywell_Voyager_A1-if00"))
	return root
}

// What is proposed for a scanner is a driver that there is, whoever made it.
func TestEveryProposedDriverExists(t *testing.T) {
	for _, usb := range []string{"0c2e:0720", "0536:01ca", "05e0:1701", "05f9:4204", "1eab:1306", "27dd:0002", "324f:0022", "0403:6001", "1234:5678"} {
		vendor, product, _ := strings.Cut(usb, ":")
		root := plugged(t)
		for name, text := range map[string]string{"idVendor": vendor, "idProduct": product} {
			write(t, filepath.Join(root, "sys/devices/usb1/1-1", name), text+"\n", 0o644)
		}
		found, err := drivers.Discover(root)
		if err != nil || len(found) != 1 {
			t.Fatalf("%s: %+v, %v", usb, found, err)
		}
		_, rest, _ := strings.Cut(found[0].Config, `driver = "`)
		if name, _, _ := strings.Cut(rest, `"`); !slices.Contains(scannerDrivers(), name) {
			t.Errorf("%s: proposes %q", usb, found[0].Config)
		}
	}
}

func invokeIn(t *testing.T, root string, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, strings.NewReader(""), &stdout, &stderr, func(key string) string {
		return map[string]string{"TILLWIRE_SYSROOT": root}[key]
	})
	return result{code, stdout.String(), stderr.String()}
}

func TestDevicesListNamesThePathToConfigure(t *testing.T) {
	r := invokeIn(t, plugged(t), "devices", "list")
	for _, want := range []string{"/dev/serial/by-id/usb-Honeywell_Voyager_A1-if00", "Honeywell", "[lane.scanner]", `driver = "honeywell-voyager"`} {
		if r.code != cli.Fine || !strings.Contains(r.stdout, want) {
			t.Errorf("the list lacks %q: %+v", want, r)
		}
	}
	empty := unplugged(t)
	if r := invokeIn(t, empty, "devices", "list"); r.code != cli.Fine || !strings.Contains(r.stdout, "Nothing is plugged in") {
		t.Errorf("nothing there: %+v", r)
	}
	if r := invokeIn(t, empty, "devices", "list", "--json"); r.stdout != "{\n  \"devices\": []\n}\n" {
		t.Errorf("nothing there, as JSON: %q", r.stdout)
	}
}

// The test of a scanner tells what kind of code came and how long it was, never
// the code.
func TestDevicesTestReadsOneCodeAndHidesIt(t *testing.T) {
	const code = "134567890123456789"
	far, near, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	defer near.Close()
	file := equipped(t, strings.Replace(sound, `driver = "virtual"`, "driver = \"line\"\npath = \""+near.Name()+"\"", 1))
	out, errs := &bytes.Buffer{}, &bytes.Buffer{}
	ready := make(chan struct{}, 1)
	a := &app{stdin: strings.NewReader(""), stdout: noticing{out, "ready", ready}, stderr: errs, env: func(string) string { return "" }, clock: agent.NewSystemClock()}
	done := make(chan int, 1)
	go func() {
		done <- a.execute(t.Context(), []string{"devices", "test", "1", "--config", file, "--wait", patience.String()})
	}()
	select {
	case <-ready:
	case <-time.After(patience):
		t.Fatal("the scanner does not become ready")
	}
	if _, err := far.Write([]byte(code + "\r")); err != nil {
		t.Fatal(err)
	}
	if got := <-done; got != cli.Fine {
		t.Errorf("exit code %d: %s%s", got, out, errs)
	}
	if text := out.String(); !strings.Contains(text, "read a code of 18 characters: wechat, consumer") || strings.Contains(text, code) {
		t.Errorf("got %s", text)
	}
}

// noticing tells when a word was written.
type noticing struct {
	to   *bytes.Buffer
	word string
	seen chan struct{}
}

func (n noticing) Write(b []byte) (int, error) {
	if bytes.Contains(b, []byte(n.word)) {
		select {
		case n.seen <- struct{}{}:
		default:
		}
	}
	return n.to.Write(b)
}

// beside starts an agent whose first lane has a scanner on a terminal of its own.
func beside(t *testing.T) (file, path string) {
	t.Helper()
	far, near, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = far.Close(), near.Close() })
	file = equipped(t, strings.Replace(sound, `driver = "virtual"`, "driver = \"line\"\npath = \""+near.Name()+"\"", 1))
	owned(t, file)
	started(t, file).ready()
	scannerReady(t, unplugged(t), file) // the pages answer before the devices are claimed
	return file, near.Name()
}

// unplugged is a machine with no device in it.
func unplugged(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "sys/class/tty"), 0o755); err != nil {
		t.Fatal(err)
	}
	return root
}

// scannerReady waits until the agent has its scanner in hand.
func scannerReady(t *testing.T, sysroot, file string) (list deviceList) {
	t.Helper()
	within(t, "a scanner in hand", func() bool {
		r := invokeIn(t, sysroot, "devices", "list", "--json", "--config", file)
		if err := json.Unmarshal([]byte(r.stdout), &list); err != nil || r.code != cli.Fine {
			t.Fatalf("%v: %+v", err, r)
		}
		return len(list.Configured) > 0 && list.Configured[0].State == agent.DeviceReady
	})
	return list
}

func TestDevicesListTellsWhatIsConfiguredAndHowItIs(t *testing.T) {
	stopped := equipped(t, sound)
	if r := invokeIn(t, plugged(t), "devices", "list", "--config", stopped); r.code != cli.Fine || !strings.Contains(r.stdout, "1.scanner") || !strings.Contains(r.stdout, "the agent does not run") || !strings.Contains(r.stdout, "Voyager") {
		t.Errorf("without an agent: %+v", r)
	}
	file, path := beside(t)
	empty := unplugged(t)
	list := scannerReady(t, empty, file)
	if len(list.Configured) != 2 || list.Configured[0].Path != path || list.Configured[0].ID != "1.scanner" || list.Configured[1].Driver != kiosk || list.Configured[1].State == "" {
		t.Errorf("got %+v", list)
	}
	r := invokeIn(t, empty, "devices", "list", "--config", file)
	if !strings.Contains(r.stdout, path+"  ready") || strings.Contains(r.stdout, "Nothing is plugged in") {
		t.Errorf("for people: %s", r.stdout)
	}
}

func TestAConfiguredPortIsNotOfferedAgain(t *testing.T) {
	const path = "/dev/serial/by-id/usb-Honeywell_Voyager_A1-if00"
	file := equipped(t, strings.Replace(sound, `driver = "virtual"`, "driver = \"line\"\npath = \""+path+"\"", 1))
	if r := invokeIn(t, plugged(t), "devices", "list", "--config", file); !strings.Contains(r.stdout, "configured as 1.scanner") || strings.Contains(r.stdout, "[lane.scanner]") {
		t.Errorf("got %+v", r)
	}
	if r := invokeIn(t, plugged(t), "devices", "list", "--config", file+".none"); r.code != cli.Fine || !strings.Contains(r.stderr, "there is no such file") || !strings.Contains(r.stdout, path) {
		t.Errorf("without the configuration: %+v", r)
	}
}

// Beside a running agent the test ends at once and takes nothing away from it.
func TestDevicesTestLeavesTheAgentsScannerAlone(t *testing.T) {
	file, path := beside(t)
	r := invoke(t, "", "devices", "test", "1", "--wait", "20s", "--config", file)
	for _, want := range []string{fmt.Sprintf("process %d", os.Getpid()), "Stop the agent", "owner's page"} {
		if r.code != cli.Found || !strings.Contains(r.stderr, want) {
			t.Errorf("the refusal for %s lacks %q: %+v", path, want, r)
		}
	}
	// Another test, or an agent whose control socket does not answer.
	idle := equipped(t, strings.Replace(sound, `driver = "virtual"`, "driver = \"line\"\npath = \"/dev/null\"", 1))
	release, err := drivers.NewClaims(filepath.Join(filepath.Dir(idle), "data", "locks")).Take("/dev/null", "1.scanner")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if r := invoke(t, "", "devices", "test", "1", "--wait", "20s", "--config", idle); r.code != cli.Found || !strings.Contains(r.stderr, fmt.Sprintf("/dev/null is in use by 1.scanner (process %d)", os.Getpid())) {
		t.Errorf("a claimed port: %+v", r)
	}
	virtual := equipped(t, sound)
	owned(t, virtual)
	started(t, virtual).ready()
	if r := invoke(t, "", "devices", "test", "1", "--wait", "20s", "--config", virtual); r.code != cli.Found || !strings.Contains(r.stderr, "the running agent (process") {
		t.Errorf("a scanner without a port: %+v", r)
	}
}

// Settings that are sent, and sent again because nobody answers, are no beep.
func TestABeepIsToldApartFromWhatElseIsSent(t *testing.T) {
	_, path := line(t)
	file := equipped(t, strings.Replace(sound, `driver = "virtual"`, "driver = \"ssi\"\naccepted_beep = \"off\"\npath = \""+path+"\"", 1))
	if r := invoke(t, "", "devices", "test", "1", "--beep", "--wait", "60s", "--config", file); r.code != cli.Found || !strings.Contains(r.stderr, "no command for a beep") {
		t.Errorf("without a beep of its own: %+v", r)
	}
}

func TestDevicesTestSaysWhenNothingComes(t *testing.T) {
	file := equipped(t, sound)
	if r := invoke(t, "", "devices", "test", "1", "--wait", "20ms", "--config", file); r.code != cli.Found || !strings.Contains(r.stderr, "Nothing was read") {
		t.Errorf("silence: %+v", r)
	}
	if r := invoke(t, "", "devices", "test", "2", "--config", file); r.code != cli.Found || !strings.Contains(r.stderr, "has no scanner") {
		t.Errorf("a lane without a scanner: %+v", r)
	}
	if r := invoke(t, "", "devices", "test", "9", "--config", file); r.code != cli.Found || !strings.Contains(r.stderr, `there is no lane "9"`) {
		t.Errorf("no such lane: %+v", r)
	}
}
