package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"syscall"
	"testing"
	"time"
)

// program is the built agent, from TILLWIRE_BIN or built here.
var program string

// BenchmarkShop prints the figures of one shop. Run it with -benchtime=1x: each
// part does its own rounds.
func BenchmarkShop(b *testing.B) {
	dir := b.TempDir()
	program = filepath.Join(dir, "tillwire")
	if bins := os.Getenv("TILLWIRE_BIN"); bins != "" {
		program = filepath.Join(bins, "tillwire")
	} else if out, err := exec.Command("go", "build", "-ldflags=-s -w", "-o", program, "tillwire/cmd/tillwire").CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	for range b.N {
		// First what is smallest: the disk is busy for a while with what the others
		// have written.
		b.Run("latency", latency)
		settle()
		b.Run("fleet", besideAFleet)
		settle()
		b.Run("commits", commits)
		settle()
		b.Run("openloop", openLoop)
		settle()
		b.Run("process", process)
		settle()
		b.Run("owner", owner)
		settle()
		b.Run("screens", screens)
		settle()
		b.Run("weight", weight)
	}
}

// settle lets the machine finish with the part before: its files, deleted by now,
// are still being written back, and its memory still being collected, and both
// would be billed to what is measured next.
func settle() {
	debug.FreeOSMemory()
	syscall.Sync()
	<-time.After(2 * time.Second)
}

// figures collects one measurement per round.
type figures []float64

func (f figures) at(share float64) float64 {
	if len(f) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(f))
	return sorted[min(int(share*float64(len(sorted))), len(sorted)-1)]
}

func (f figures) median() float64 { return f.at(0.5) }

func (f figures) String() string {
	return fmt.Sprintf("%.2f (%.2f to %.2f)", f.median(), f.at(0), f.at(1))
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// slowSync builds a library that delays every sync by delay before doing it, as
// slower flash would.
func slowSync(dir string, delay time.Duration) (string, error) {
	source := filepath.Join(dir, "slowsync.c")
	library := filepath.Join(dir, fmt.Sprintf("slowsync-%d.so", delay.Milliseconds()))
	code := fmt.Sprintf(`#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
static void late(void) { struct timespec t = {0, %d}; nanosleep(&t, 0); }
int fsync(int fd) { late(); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd); }
int fdatasync(int fd) { late(); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(fd); }
`, delay.Nanoseconds())
	if err := os.WriteFile(source, []byte(code), 0o600); err != nil {
		return "", err
	}
	if out, err := exec.Command("cc", "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl").CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile the delaying library: %v\n%s", err, out)
	}
	return library, nil
}
