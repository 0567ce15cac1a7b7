//go:build interop

package printer

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestZBarReadsEveryPrintedCode prints 200 payloads at every module size of the
// command, as far as the widest paper holds them, rebuilds the paper from the bytes and
// has another program read it.
func TestZBarReadsEveryPrintedCode(t *testing.T) {
	list := payloads(200)
	read := 0
	for dots := 1; dots <= 16; dots++ {
		dir := t.TempDir()
		want := map[string]string{}
		for i, payload := range list {
			for how, picture := range printed(t, payload, dots) {
				// Portable gray map: a head and the dots, which costs nothing to write or read.
				b := picture.Bounds()
				file := append(fmt.Appendf(nil, "P5 %d %d 255\n", b.Dx(), b.Dy()), picture.Pix...)
				name := filepath.Join(dir, fmt.Sprintf("%s-%d.pgm", how, i))
				if err := os.WriteFile(name, file, 0o600); err != nil {
					t.Fatal(err)
				}
				want[name] = payload
			}
		}
		names := slices.Sorted(maps.Keys(want))
		var all strings.Builder
		for _, name := range names {
			all.WriteString(want[name])
		}
		if zbar(t, names...) != all.String() {
			for _, name := range names {
				if got := zbar(t, name); got != want[name] {
					t.Errorf("%s at %d dots:\nread %q\nwant %q", filepath.Base(name), dots, got, want[name])
				}
			}
			t.Fatalf("%d dots a module: what zbar reads of all pictures is not what was printed", dots)
		}
		read += len(want)
		t.Logf("%d dots a module: %d codes", dots, len(want))
	}
	t.Logf("%d codes read", read)
}

// zbar reads pictures and returns the bytes of their codes, one after another. It says
// them as they are only where nothing separates them.
func zbar(t *testing.T, pictures ...string) string {
	t.Helper()
	var said bytes.Buffer
	command := exec.Command("zbarimg", append([]string{"--raw", "--quiet", "--nodbus", "-Sdisable", "-Sqrcode.enable", "-Sbinary"}, pictures...)...)
	command.Stderr = &said
	out, err := command.Output()
	// Its exit code is 4 when one of the pictures has no code; the bytes show which.
	if exit := (*exec.ExitError)(nil); err != nil && !(errors.As(err, &exit) && exit.ExitCode() == 4) {
		t.Fatalf("zbarimg: %v\n%s", err, said.String())
	}
	return string(out)
}
