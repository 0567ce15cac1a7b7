package main

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"

	"tillwire/agent"
	"tillwire/cmd/cli"
)

// transcript is output that a test waits for while the command runs.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(b)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// looking runs a command that opens the port, and ends it with the test.
type looking struct {
	out, errs *transcript
	done      chan int
}

// look runs a command beside the test. The port is raw when it was opened, so
// what is sent is repeated until it shows.
func look(t *testing.T, args ...string) *looking {
	t.Helper()
	l := &looking{&transcript{}, &transcript{}, make(chan int, 1)}
	a := &app{stdin: strings.NewReader(""), stdout: l.out, stderr: l.errs, env: func(string) string { return "" }, clock: agent.NewSystemClock()}
	ctx := t.Context()
	go func() { l.done <- a.execute(ctx, args) }()
	return l
}

// line is a pseudo-terminal that is raw from the start, as a scanner's is.
func line(t *testing.T) (far *os.File, path string) {
	t.Helper()
	far, near, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = far.Close(), near.Close() })
	return far, near.Name()
}

// scanUntil scans until the command has shown it: what comes before the port is
// open is lost, as at a counter.
func (l *looking) scanUntil(t *testing.T, far *os.File, bytes, shown string) {
	t.Helper()
	for end := time.After(patience); !strings.Contains(l.out.String(), shown); {
		if _, err := far.WriteString(bytes); err != nil {
			t.Fatal(err)
		}
		select {
		case <-time.After(500 * time.Millisecond): // a person scans no faster
		case <-end:
			t.Fatalf("never showed %q: %s%s", shown, l.out, l.errs)
		}
	}
}

func TestDevicesWatchShowsACapture(t *testing.T) {
	far, path := line(t)
	l := look(t, "devices", "watch", path, "--profile", "honeywell-voyager", "--config", "/nowhere/tillwire.toml")
	l.scanUntil(t, far, "6901234567892\r", `"event":"scan","text":"6901234567892"`)
	if !strings.Contains(l.out.String(), "36 39 30 31 32 33 34 35 36 37 38 39 32 0D\n#> {") || !strings.Contains(l.errs.String(), "Scan goods") {
		t.Errorf("shows %s%s", l.out, l.errs)
	}
	_ = far.Close() // pulled out
	if code := <-l.done; code != cli.Found || !strings.Contains(l.errs.String(), "was unplugged") {
		t.Errorf("ended with %d: %s", code, l.errs)
	}
}

func TestDevicesLearnProposesTheProfile(t *testing.T) {
	far, path := line(t)
	l := look(t, "devices", "learn", path, "--set", "baud=115200", "--config", "/nowhere/tillwire.toml")
	packet := "\x0a\xf3\x00\x00\x1c77777\xfd\xd4"
	for _, shown := range []string{"@", "\n@", "# It sends SSI packets"} {
		l.scanUntil(t, far, packet, shown)
	}
	if code := <-l.done; code != cli.Fine {
		t.Errorf("ended with %d: %s", code, l.errs)
	}
	for _, want := range []string{`driver = "ssi"`, `path = "` + path + `"`, `baud = "115200"`, "zebra-ds-ssi"} {
		if !strings.Contains(l.out.String(), want) {
			t.Errorf("the proposal lacks %q: %s", want, l.out)
		}
	}
}

func TestLookingAtAScannerRefusesWhatCannotBe(t *testing.T) {
	for line, want := range map[string]string{
		"devices watch /dev/null --profile lin":         `did you mean "line"?`,
		"devices watch /dev/null --set baud":            "write it as key=value",
		"devices watch /dev/null --set bauds=9600":      `did you mean "baud"?`,
		"devices watch a b":                             "takes LANE | PATH; 2 given",
		"devices watch --profile ssi":                   "--profile is about one scanner: name its lane or its path",
		"devices watch --set baud=115200":               "--set is about one scanner",
		"devices watch --trigger":                       "--trigger is about one scanner",
		"devices learn /dev/null --wait 0s":             "--wait 0s: give a time to wait, such as 30s",
		"devices test 1 --wait -1s":                     "--wait -1s: give a time to wait, such as 30s",
		"devices learn":                                 "takes PATH; 0 given",
		"devices learn /dev/null --set terminator=none": `did you mean "terminators"?`,
	} {
		if r := invoke(t, "", append(strings.Fields(line), "--config", "/nowhere/tillwire.toml")...); r.code != cli.Usage || !strings.Contains(r.stderr, want) {
			t.Errorf("tillwire %s: %+v; want %q", line, r, want)
		}
	}
	if r := invoke(t, "", "devices", "watch", "/dev/no-such-port", "--config", "/nowhere/tillwire.toml"); r.code != cli.Found || !strings.Contains(r.stderr, "nothing is plugged in at /dev/no-such-port") {
		t.Errorf("no port: %+v", r)
	}
	file, path := beside(t)
	for _, where := range []string{path, "1"} {
		if r := invoke(t, "", "devices", "watch", where, "--config", file); r.code != cli.Found || !strings.Contains(r.stderr, "Stop the agent") {
			t.Errorf("the agent's scanner, as %s: %+v", where, r)
		}
	}
}
