package printer

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"tillwire/agent"
	"tillwire/drivers"
	"tillwire/drivers/printer/printertest"
)

// plugged is a serial printer on a pseudo-terminal, under a name that stays.
func plugged(t *testing.T) (far *os.File, path string) {
	t.Helper()
	far, near, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "printer")
	if err := os.Symlink(near.Name(), path); err != nil {
		t.Fatal(err)
	}
	// Kept open, so that the pair lives between two openings.
	t.Cleanup(func() { _ = near.Close(); _ = far.Close() })
	return far, path
}

// within fails a call that does not return; nothing here may hang a driver.
func within[T any](t *testing.T, what string, call func() T) (out T) {
	t.Helper()
	done := make(chan T, 1)
	go func() { done <- call() }()
	select {
	case out = <-done:
	case <-time.After(2 * time.Minute):
		t.Fatalf("%s does not return", what)
	}
	return out
}

func TestASerialLineIsRawAndCarriesEveryByte(t *testing.T) {
	far, path := plugged(t)
	c, err := openNode(path, serialLine{baud: 19200, rtscts: true, xonxoff: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := control(c.(node).File, func(fd int) error {
		set, err := unix.IoctlGetTermios(fd, unix.TCGETS)
		if err == nil && (set.Iflag != unix.IXON || set.Oflag != 0 || set.Lflag != 0 || set.Cflag&unix.CRTSCTS == 0) {
			t.Errorf("the line is set to %+v", set)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	// 11h and 13h are flow control on such a line.
	var all []byte
	for b := range 256 {
		if b != 0x11 && b != 0x13 {
			all = append(all, byte(b))
		}
	}
	if _, err := c.Write(all); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(all))
	if err := within(t, "the read", func() error { _, err := io.ReadFull(far, got); return err }); err != nil || string(got) != string(all) {
		t.Errorf("%v: % X", err, got)
	}
	if err := c.Close(); err != nil {
		t.Error(err)
	}
}

// The trap of the serial library: its write waits for ever, and Close does not end it.
func TestAPrinterThatTakesNothingLetsGo(t *testing.T) {
	_, path := plugged(t)
	c, err := openNode(path, serialLine{baud: 9600})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	err = within(t, "the write", func() error { _, err := c.Write(make([]byte, 1<<20)); return err })
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the write ended with %v", err)
	}
	reading := make(chan error, 1)
	go func() { _, err := c.Read(make([]byte, 1)); reading <- err }()
	if err := within(t, "the close", c.Close); err != nil {
		t.Error(err)
	}
	if err := within(t, "the read after the close", func() error { return <-reading }); err == nil {
		t.Error("a read on a closed line succeeds")
	}
}

func TestANodeThatIsNotThereIsAbsent(t *testing.T) {
	if _, err := openNode(filepath.Join(t.TempDir(), "lp0"), serialLine{baud: 9600}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}

// A slip is written without asking who is there; a file of that name must not become one.
func TestAFileIsNotPrintedOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "journal.db")
	if err := os.WriteFile(path, []byte("sales"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openNode(path, serialLine{baud: 9600}); !errors.Is(err, drivers.ErrNotDevice) {
		t.Errorf("opened with %v", err)
	}
	if kept, err := os.ReadFile(path); err != nil || string(kept) != "sales" {
		t.Errorf("the file holds %q, %v", kept, err)
	}
}

// A serial printer from the configuration to the paper, in real time.
func TestASerialPrinterPrints(t *testing.T) {
	far, path := plugged(t)
	m := printertest.New()
	go m.Serve(far)
	clock, log := agent.NewSystemClock(), slog.New(slog.DiscardHandler)
	unit := drivers.Registry(Specs()).Build(drivers.Config{ID: "printer.1", Kind: agent.KindPrinter, Driver: "epson-tm-serial", Path: path, Keys: map[string]any{"baud": int64(115200)}},
		drivers.Env{Clock: clock, Log: log})
	if unit.Err != nil {
		t.Fatal(unit.Err)
	}
	sup := drivers.NewSupervisor(drivers.Options{Clock: clock, Log: log})
	sup.Add(unit)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sup.Run(ctx) }()
	ends := make(chan agent.PrintEnd, 1)
	slip := agent.TrialSlip(agent.PlainVoice(time.UTC), "printer.1", time.Unix(0, 0))
	if err := unit.Device.(agent.Printer).Print(agent.PrintJob{Slip: slip, Done: func(end agent.PrintEnd) { ends <- end }}); err != nil {
		t.Fatal(err)
	}
	if end := within(t, "the slip", func() agent.PrintEnd { return <-ends }); end != agent.PrintCompleted {
		t.Errorf("it ended %s", end)
	}
	cancel()
	if err := within(t, "the end", func() error { return <-ended }); err != nil {
		t.Error(err)
	}
	sheets := m.Sheets()
	if len(sheets) != 1 || len(sheets[0].Codes) != 1 || !strings.Contains(strings.Join(sheets[0].Lines, "\n"), "printer.1") || len(m.Problems()) > 0 {
		t.Errorf("%+v, problems %q", sheets, m.Problems())
	}
}
