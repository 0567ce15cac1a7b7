//go:build interop

package national

import (
	"bytes"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestZBarReadsEveryCode has another program read the pictures: zbar, which shares
// no code with the library that drew them or with the decoder of the other tests.
func TestZBarReadsEveryCode(t *testing.T) {
	dir := t.TempDir()
	for name, payload := range shown(t) {
		var file bytes.Buffer
		if err := png.Encode(&file, picture(t, payload)); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, "code.png")
		if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		zbar := exec.Command("zbarimg", "--raw", "--quiet", "--oneshot", "-Sdisable", "-Sqrcode.enable", path)
		zbar.Stderr = &said
		out, err := zbar.Output()
		if err != nil {
			t.Fatalf("%s: zbarimg: %v\n%s", name, err, said.String())
		}
		if read := strings.TrimSuffix(string(out), "\n"); read != payload {
			t.Errorf("%s:\nread %s\nwant %s", name, read, payload)
		}
	}
	t.Logf("%d codes read", len(shown(t)))
}
