//go:build faultfs

package faultfs_test

import (
	"fmt"
	"os"
	"testing"

	"tillwire/offline/faultfs"
)

// TestMain puts the layer under all connections of this process.
func TestMain(m *testing.M) {
	if err := faultfs.Install(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func fastDir(t testing.TB) string {
	t.Helper()
	dir, err := faultfs.FastDir()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func attach(t testing.TB, dir string) *faultfs.Disk {
	t.Helper()
	d, err := faultfs.Attach(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	return d
}

func record(t testing.TB, d *faultfs.Disk) *faultfs.Recording {
	t.Helper()
	r, err := d.Record()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func stop(t testing.TB, r *faultfs.Recording) *faultfs.Tape {
	t.Helper()
	tape, err := r.Stop()
	if err != nil {
		t.Fatal(err)
	}
	return tape
}
