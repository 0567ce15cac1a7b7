package drivers

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"flag"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"tillwire/agent"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// machine builds the tree that testdata/sysfs.txt describes.
func machine(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/sysfs.txt")
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	for _, line := range strings.Split(string(text), "\n") {
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		path, content, isFile := strings.Cut(line, " = ")
		link, target, isLink := strings.Cut(line, " -> ")
		if isLink {
			path = link
		}
		full := filepath.Join(root, path)
		err := os.MkdirAll(filepath.Dir(full), 0o755)
		switch {
		case isLink:
			// A directory that only links lead to exists on a real machine.
			err = errors.Join(err, os.MkdirAll(filepath.Join(filepath.Dir(full), target), 0o755), os.Symlink(target, full))
		case isFile:
			err = errors.Join(err, os.WriteFile(full, []byte(content+"\n"), 0o644))
		default:
			t.Fatalf("line %q", line)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestDiscover(t *testing.T) {
	found, err := Discover(machine(t))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	out := json.NewEncoder(&got)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	if err := out.Encode(found); err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/discover.golden.json"
	if *update {
		if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("found\n%s\nwant\n%s", got.String(), want)
	}
}

func TestDiscoverOnThisMachineOnlyReads(t *testing.T) {
	if _, err := os.Stat("/sys/class/tty"); err != nil {
		if _, err := Discover("/"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("without sysfs: %v", err)
		}
		return
	}
	found, err := Discover("/")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		if f.What == "" {
			t.Errorf("%+v says nothing", f)
		}
	}
}

// Whoever plugs a device in chooses its words; they must not steer the terminal or the
// page of whoever looks at them.
func TestWhatADeviceSaysOfItselfIsOnlyText(t *testing.T) {
	root := machine(t)
	port, err := filepath.EvalSymlinks(filepath.Join(root, "sys/class/tty/ttyUSB0/device"))
	if err != nil {
		t.Fatal(err)
	}
	usb := port
	for ; ; usb = filepath.Dir(usb) {
		if _, err := os.Stat(filepath.Join(usb, "idVendor")); err == nil {
			break
		}
		if usb == filepath.Dir(usb) {
			t.Fatal("ttyUSB0 hangs on no USB device")
		}
	}
	for name, text := range map[string]string{
		"manufacturer": "Acme\x1b[2J\u202eecilA",
		"product":      "收银 é\r\n# ok\x9b" + strings.Repeat("x", 200),
		"serial":       "A1\x00\xff",
	} {
		if err := os.WriteFile(filepath.Join(usb, name), []byte(text+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	link := filepath.Join(root, "dev/serial/by-id/usb-\u202eevil-if00")
	if err := errors.Join(os.MkdirAll(filepath.Dir(link), 0o755), os.Symlink("../../ttyUSB0", link)); err != nil {
		t.Fatal(err)
	}
	found, err := Discover(root)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(found, func(f Found) bool { return f.Node == "/dev/ttyUSB0" })
	if i < 0 {
		t.Fatal("the device is not found")
	}
	f := found[i]
	if f.Maker != "Acme?[2J?ecilA" || !strings.HasPrefix(f.Model, "收银 é??# ok?xxx") || utf8.RuneCountInString(f.Model) != wordsMost || f.Serial != "A1??" {
		t.Errorf("it says %q %q %q", f.Maker, f.Model, f.Serial)
	}
	for _, text := range []string{f.Maker, f.Model, f.Serial, f.What, f.Path} {
		if strings.ContainsFunc(text, func(r rune) bool { return r == utf8.RuneError || !unicode.IsGraphic(r) }) {
			t.Errorf("%q would steer a terminal", text)
		}
	}
}

func TestNewlandSaysItsModeInTheProduct(t *testing.T) {
	for product, want := range map[string]usbMode{"0C03": modeKeyboard, "8206": modeSerial, "1310": modeHIDPOS, "13FF": modeUnknown} {
		if row, ok := identify("1EAB", product); !ok || row.mode != want {
			t.Errorf("%s: %+v", product, row)
		}
	}
	if _, ok := identify("1D6B", "0002"); ok {
		t.Error("a hub was taken for a device of the register")
	}
}

// Trap: the library's port lists open and reconfigure every port of the machine.
func TestNobodyListsPortsThroughTheLibrary(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		files++
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if bytes.Contains(source, []byte(".GetPortsList")) || bytes.Contains(source, []byte(".GetDetailedPortsList")) {
			t.Errorf("%s lists ports through the library", path)
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), path, source, parser.ImportsOnly)
		if err != nil {
			return err
		}
		for _, i := range parsed.Imports {
			library := strings.HasPrefix(i.Path.Value, `"go.bug.st/serial`)
			if library && filepath.Dir(path) != "serial" || strings.Contains(i.Path.Value, "enumerator") {
				t.Errorf("%s imports %s: only the safe owner may", path, i.Path.Value)
			}
		}
		return nil
	})
	if err != nil || files < 10 {
		t.Errorf("looked at %d files: %v", files, err)
	}
}

func TestUevents(t *testing.T) {
	kernel := "add@/devices/pci0/usb1/1-1/1-1:1.0/tty/ttyACM0\x00ACTION=add\x00SUBSYSTEM=tty\x00DEVNAME=ttyACM0\x00"
	udev := func(properties string) string {
		h := make([]byte, 40)
		copy(h, "libudev\x00")
		binary.BigEndian.PutUint32(h[8:], udevMagic)
		binary.NativeEndian.PutUint32(h[16:], 40)
		binary.NativeEndian.PutUint32(h[20:], uint32(len(properties)))
		return string(h) + properties
	}
	broken := udev("SUBSYSTEM=tty\x00")
	tests := []struct {
		name, message string
		want          bool
	}{
		{"kernel, a port", kernel, true},
		{"udev, a port", udev("ACTION=remove\x00SUBSYSTEM=tty\x00"), true},
		{"udev, a printer", udev("SUBSYSTEM=usbmisc\x00"), true},
		{"kernel, a disk", "add@/devices/x\x00SUBSYSTEM=block\x00", false},
		{"udev, a disk", udev("SUBSYSTEM=block\x00"), false},
		{"nothing", "", false},
		{"half a header", broken[:20], false},
		{"properties beyond the end", broken[:45], false},
		{"another magic", "libudev\x00\x00\x00\x00\x00" + broken[12:], false},
	}
	for _, tt := range tests {
		if got := interesting([]byte(tt.message)); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// messages is a source of uevents: each element is a message or an error.
type messages struct {
	next   chan any
	closed chan struct{}
}

func (m *messages) Read(p []byte) (int, error) {
	select {
	case x := <-m.next:
		if err, ok := x.(error); ok {
			return 0, err
		}
		return copy(p, x.(string)), nil
	case <-m.closed:
		return 0, os.ErrClosed
	}
}

func (m *messages) Close() error { close(m.closed); return nil }

func TestHotplugNotifiesAtMessagesAndEveryTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &messages{next: make(chan any), closed: make(chan struct{})}
		ctx, cancel := context.WithCancel(t.Context())
		var notified atomic.Int64
		ended := make(chan struct{})
		go func() {
			hotplug(ctx, agent.NewSystemClock(), func() (io.ReadCloser, error) { return m, nil }, func() { notified.Add(1) })
			close(ended)
		}()
		for _, step := range []struct {
			message any
			want    int64
		}{{"x\x00SUBSYSTEM=tty\x00", 1}, {"x\x00SUBSYSTEM=net\x00", 1}, {error(unix.ENOBUFS), 2}} {
			m.next <- step.message
			synctest.Wait()
			if notified.Load() != step.want {
				t.Errorf("after %q: notified %d times, want %d", step.message, notified.Load(), step.want)
			}
		}
		after(2 * rescanEvery)
		if notified.Load() != 4 {
			t.Errorf("after two rescans: notified %d times", notified.Load())
		}
		cancel()
		<-ended
	})
}

// deaf is a machine that does not let us listen.
func deaf() (io.ReadCloser, error) { return nil, unix.EPERM }

func TestHotplugWithoutASocketStillLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		notified, ended := 0, make(chan struct{})
		go func() {
			hotplug(ctx, agent.NewSystemClock(), deaf, func() { notified++ })
			close(ended)
		}()
		after(rescanEvery + time.Second)
		if notified != 1 {
			t.Errorf("notified %d times", notified)
		}
		cancel()
		<-ended
	})
}

// The real socket opens, and closing it ends the reader (goleak watches).
func TestHotplugOnThisMachineEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	ended := make(chan struct{})
	go func() { Hotplug(ctx, agent.NewSystemClock(), func() {}); close(ended) }()
	select {
	case <-ended:
	case <-time.After(2 * time.Minute):
		t.Fatal("Hotplug does not end with its context")
	}
}

func TestWatchTellsWhatComesAndGoes(t *testing.T) {
	root := machine(t)
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var told []string
		ended := make(chan error, 1)
		go func() {
			ended <- watch(ctx, root, agent.NewSystemClock(), deaf, func(added, removed []Found) {
				if told == nil {
					told = []string{} // the first call has everything
					return
				}
				for _, f := range added {
					told = append(told, "+"+f.Node)
				}
				for _, f := range removed {
					told = append(told, "-"+f.Node)
				}
			})
		}()
		synctest.Wait()
		link := filepath.Join(root, "sys/class/tty/ttyUSB0")
		target, err := os.Readlink(link)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
		after(2 * rescanEvery)
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		after(2 * rescanEvery)
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if got := strings.Join(told, " "); got != "-/dev/ttyUSB0 +/dev/ttyUSB0" {
			t.Errorf("told %q", got)
		}
	})
}
