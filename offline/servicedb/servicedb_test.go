package servicedb

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestAFileIsClaimedOnceAndKeptPrivate(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		write, read, err := Open(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		var mode string
		var sync int
		if err := errors.Join(write.QueryRow("PRAGMA journal_mode").Scan(&mode), write.QueryRow("PRAGMA synchronous").Scan(&sync)); err != nil || mode != "wal" || sync != 2 {
			t.Errorf("journal %s, synchronous %d: %v", mode, sync, err)
		}
		if _, err := read.Exec("CREATE TABLE x(y)"); err == nil {
			t.Error("a reader may write")
		}
		if err := errors.Join(read.Close(), write.Close()); err != nil {
			t.Error(err)
		}
	}
	info, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file has mode %v: %v", info.Mode(), err)
	}
}

func TestAForeignFileIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	write, read, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := write.Exec("PRAGMA application_id=7"); err != nil || errors.Join(read.Close(), write.Close()) != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(t.Context(), dir); !errors.Is(err, ErrForeign) {
		t.Errorf("opened: %v", err)
	}
}
