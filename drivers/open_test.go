package drivers

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
	"golang.org/x/sys/unix"

	"tillwire/agent"
)

// A path with a slip of the pen leads to a file of the shop's; a driver that writes what
// it has to say would overwrite it.
func TestOnlyADeviceNodeIsOpened(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatalf("this test needs pseudo-terminals: %v", err)
	}
	defer master.Close()
	defer slave.Close()
	dir := t.TempDir()
	link, file, pipe := filepath.Join(dir, "printer"), filepath.Join(dir, "journal.db"), filepath.Join(dir, "pipe")
	if err := errors.Join(os.Symlink(slave.Name(), link), os.WriteFile(file, []byte("sales"), 0o600), unix.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{slave.Name(), link} {
		f, err := OpenNode(path, os.O_RDWR|unix.O_NOCTTY)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	for _, path := range []string{file, pipe} {
		_, err := OpenNode(path, os.O_RDWR)
		var fault *faultError
		var known *agent.Error
		if !errors.Is(err, ErrNotDevice) || !errors.As(err, &fault) || !errors.As(err, &known) || !strings.Contains(known.Say.English, "tillwire devices list") {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := OpenNode(filepath.Join(dir, "lp0"), os.O_RDWR); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
}
