package scanner

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"math/bits"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"tillwire/agent"
	"tillwire/drivers/serial"
)

// readings are three readings a second apart.
func readings(each ...string) (steps []Step) {
	for i, text := range each {
		steps = append(steps, Step{At: time.Duration(i+1) * time.Second, Bytes: []byte(text)})
	}
	return steps
}

func parity(text string, odd int) string {
	b := []byte(text)
	for i, c := range b {
		if bits.OnesCount8(c)%2 != odd {
			b[i] = c | 0x80
		}
	}
	return string(b)
}

func TestLearn(t *testing.T) {
	packet := func(source byte, data string) string {
		return string(ssiSeal(append([]byte{byte(4 + len(data)), ssiDecodeData, source, 0}, data...)))
	}
	again := ssiAgain([]byte(packet(0, "\x0b6901234567892")))
	for _, tc := range []struct {
		name    string
		capture []Step
		profile string
		keys    map[string]string
		why     string
	}{
		{"lines", readings("6901234567892\r\n", "]E06901234567892\r"), "line", nil, "CR or LF"},
		{"nothing behind the code", readings("6901234567892", "281234"), "line", map[string]string{"idle_gap": "60"}, "silence"},
		{"tabs", readings("6901234567892\t"), "line", map[string]string{"terminators": "TAB"}, "TAB"},
		{"marks", readings("\x026901234567892\x03", "\x02123\r\x03"), "stx", nil, "STX"},
		{"SSI that nobody acknowledges", readings(packet(0, "\x0b6901234567892"), string(again)), "ssi", nil, "SSI"},
		{"SSI of a module", readings(packet(4, "\x0b6901234567892")), "ssi", map[string]string{"source": "any"}, "GROW"},
		{"Honeywell packets", readings("\x16\xfe\x11\x00\x00\x00\rMSGGET0003dE0\x1d12\r"), "honeywell-dechdr", nil, "Honeywell"},
		{"Newland replies", readings("111\r", "\x02\x010000#SCNTRG1\x06;\x03"), "newland", nil, "Newland"},
		{"a GROW reply", readings("\x02\x00\x00\x01\x00\x33\x31", "6901234567892"), "grow", map[string]string{"idle_gap": "60"}, "GROW"},
		{"even parity", readings(parity("6901234567892\r", 0)), "", nil, "data_bits=7 --set parity=E"},
		{"odd parity", readings(parity("6901234567892\r", 1)), "", nil, "data_bits=7 --set parity=O"},
		{"another speed", readings("\x00\xf8\x80\xff\x1e", "\xf0\x00\x9e"), "", nil, "baud=115200"},
		{"silence", []Step{{At: time.Minute}}, "", nil, "Nothing arrived"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := Learn(PortSerial, tc.capture)
			if p.Profile != tc.profile || !maps.Equal(p.Keys, tc.keys) || !strings.Contains(p.Why, tc.why) {
				t.Errorf("proposes %+v", p)
			}
			if _, err := decoder(p.Profile, p.Keys); p.Profile != "" && err != nil {
				t.Errorf("what it proposes cannot be used: %v", err)
			}
		})
	}
	if p := Learn(PortSerial, readings("1\r", "2\r", "3\r")); p.Readings != 3 || len(p.Products) == 0 {
		t.Errorf("%+v", p)
	}
	if p := Learn(PortInput, []Step{{Bytes: mustHex(t, typed("123\n"))}}); p.Profile != "evdev" {
		t.Errorf("key strokes: %+v", p)
	}
	if p := Learn(PortHIDRaw, []Step{{Bytes: mustHex(t, report("]Q1", "12", 0, 0))}}); p.Profile != "hid-pos" {
		t.Errorf("reports: %+v", p)
	}
}

func mustHex(t *testing.T, s string) []byte {
	t.Helper()
	step, err := parseLine("@0 " + s)
	if err != nil {
		t.Fatal(err)
	}
	return step.Bytes
}

func TestPortsAreToldByTheirNames(t *testing.T) {
	link := t.TempDir() + "/scanner"
	if err := os.Symlink("/dev/null", link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]PortKind{"/dev/ttyACM0": PortSerial, "/dev/input/event3": PortInput, "/dev/hidraw0": PortHIDRaw, link: PortSerial} {
		if got := PortOf(path); got != want {
			t.Errorf("%s is %s", path, got)
		}
	}
}

// What a tap shows is a capture: written down, it decodes to the same events.
func TestATapWritesACaptureThatDecodesToItself(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatalf("this test needs pseudo-terminals: %v", err)
	}
	defer slave.Close()
	p, err := FindProfile("zebra-ds-ssi")
	if err != nil {
		t.Fatal(err)
	}
	var capture, lines bytes.Buffer
	seen := make(chan Event, 16)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	opened := make(chan struct{})
	tap := Tap{Path: slave.Name(), Profile: p, Keys: map[string]any{"baud": int64(115200)}, Clock: signalling{agent.NewSystemClock(), opened, &sync.Once{}}}
	go func() {
		ended <- tap.Run(ctx, func(s Step, events []Event) {
			if err := errors.Join(WriteCapture(&capture, s, events), WriteStep(&lines, s, events)); err != nil {
				t.Error(err)
			}
			for _, e := range events {
				seen <- e
			}
		})
	}()
	<-opened
	whole := "17F300001C" + text(phone)
	if _, err := master.Write(mustHex(t, whole+ssiCheckOf(whole))); err != nil {
		t.Fatal(err)
	}
	for _, want := range []EventKind{EventSend, EventScan} {
		select {
		case e := <-seen:
			if e.Kind != want {
				t.Errorf("event %s, want %s", e.Kind, want)
			}
		case <-time.After(patience):
			t.Fatal("nothing arrived")
		}
	}
	ack := make([]byte, 6)
	if _, err := master.Read(ack); err != nil || !bytes.Equal(ack, ssiPacket(ssiAck)) {
		t.Errorf("the scanner heard % X, %v", ack, err)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := master.Close(); err != nil {
		t.Error(err)
	}
	var again bytes.Buffer
	if err := Decode(bytes.NewReader(capture.Bytes()), &again, "zebra-ds-ssi", nil); err != nil {
		t.Fatal(err)
	}
	if got := "#> " + strings.ReplaceAll(strings.TrimSuffix(again.String(), "\n"), "\n", "\n#> ") + "\n"; !strings.HasSuffix(capture.String(), got) {
		t.Errorf("captured\n%swhich decodes to\n%s", capture.String(), again.String())
	}
	if !strings.Contains(lines.String(), `"event":"read","bytes":25,"hex":"17F3`) {
		t.Errorf("as JSON: %s", lines.String())
	}
	if err := (Tap{Path: "/dev/no-such-port", Profile: p, Clock: agent.NewSystemClock()}).Run(t.Context(), nil); !errors.Is(err, os.ErrNotExist) || errors.Is(err, serial.ErrBusy) {
		t.Errorf("no port: %v", err)
	}
}

// A module that reads only when it is told to is switched on to be looked at, and
// off again behind it.
func TestATapWithATriggerSwitchesTheScanner(t *testing.T) {
	master, slave, err := openTerminal()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	p, err := FindProfile("datalogic")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var capture bytes.Buffer
	tap := Tap{Path: slave, Profile: p, Clock: agent.NewSystemClock(), Trigger: true}
	err = tap.Run(ctx, func(s Step, events []Event) {
		if err := WriteCapture(&capture, s, events); err != nil {
			t.Error(err)
		}
		if s.Command == "" && s.At > 100*time.Millisecond { // past the gap between two commands
			cancel()
		}
	})
	cancel()
	if err != nil {
		t.Error(err)
	}
	for _, want := range []string{"!trigger_on\n", `"hex":"45"`, "!trigger_off\n", `"hex":"44"`} {
		if !strings.Contains(capture.String(), want) {
			t.Errorf("the capture lacks %q: %s", want, capture.String())
		}
	}
}

// Trap: a program that writes to a port to find out what hangs on it prints on a
// printer and upsets a scale. Whoever learns stays silent, even to a scanner that
// waits for an answer.
func TestAMuteTapNeverWrites(t *testing.T) {
	master, slave, err := openTerminal()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	keep, err := os.OpenFile(slave, os.O_RDWR|unix.O_NOCTTY, 0) // so that the end of the tap is no hang-up
	if err != nil {
		t.Fatal(err)
	}
	defer keep.Close()
	p, err := FindProfile("ssi")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended, opened, scanned := make(chan error, 1), make(chan struct{}), make(chan struct{}, 1)
	tap := Tap{Path: slave, Profile: p, Clock: signalling{agent.NewSystemClock(), opened, &sync.Once{}}, Mute: true}
	go func() {
		ended <- tap.Run(ctx, func(_ Step, events []Event) {
			for _, e := range events {
				if e.Kind == EventScan {
					scanned <- struct{}{}
				}
			}
		})
	}()
	<-opened
	whole := "17F300001C" + text(phone)
	if _, err := master.Write(mustHex(t, whole+ssiCheckOf(whole))); err != nil {
		t.Fatal(err)
	}
	select {
	case <-scanned:
	case <-time.After(patience):
		t.Fatal("nothing arrived")
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if err := master.SetReadDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	heard := make([]byte, 16)
	if n, err := master.Read(heard); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the scanner heard % X (%v)", heard[:n], err)
	}
}

// signalling tells when the tap has asked for the time of opening: the port is
// raw from then on.
type signalling struct {
	agent.SystemClock
	opened chan struct{}
	once   *sync.Once
}

func (s signalling) Mono() time.Duration {
	s.once.Do(func() { close(s.opened) })
	return s.SystemClock.Mono()
}
