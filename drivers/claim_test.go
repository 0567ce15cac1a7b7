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
)

func TestAClaimHoldsForEveryNameOfTheDevice(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatalf("this test needs pseudo-terminals: %v", err)
	}
	defer master.Close()
	defer slave.Close()
	dir := t.TempDir()
	link := filepath.Join(dir, "usb-Scanner-if00")
	if err := os.Symlink(slave.Name(), link); err != nil {
		t.Fatal(err)
	}
	claims := NewClaims(filepath.Join(dir, "locks"))
	release, err := claims.Take(link, "1.scanner")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{link, slave.Name()} {
		// Another value stands for another process: flock belongs to the open file.
		if _, err := NewClaims(claims.dir).Take(path, "2.scanner"); !errors.Is(err, ErrClaimed) || !strings.Contains(err.Error(), "1.scanner") {
			t.Errorf("second claim of %s: %v", path, err)
		}
	}
	release()
	release() // harmless
	again, err := claims.Take(slave.Name(), "2.scanner")
	if err != nil {
		t.Fatalf("after the release: %v", err)
	}
	again()
}

// Trap: the exclusive flag of a terminal is cleared for everybody by whoever
// closes it, so it protects nothing. The claim does.
func TestAClaimOutlivesTheExclusiveFlag(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatalf("this test needs pseudo-terminals: %v", err)
	}
	defer master.Close()
	defer slave.Close()
	claims := NewClaims(t.TempDir())
	release, err := claims.Take(slave.Name(), "1.scanner")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := unix.IoctlSetInt(int(slave.Fd()), unix.TIOCEXCL, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetInt(int(slave.Fd()), unix.TIOCNXCL, 0); err != nil { // what another's Close does
		t.Fatal(err)
	}
	if _, err := claims.Take(slave.Name(), "2.scanner"); !errors.Is(err, ErrClaimed) {
		t.Errorf("second claim: %v", err)
	}
}

func TestNothingToClaim(t *testing.T) {
	if _, err := NewClaims(t.TempDir()).Take("/dev/no-such-scanner", "1.scanner"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}
