package soak_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"tillwire/cmd/tillcloud/lab"
)

// sample is what the process holds at a moment.
type sample struct {
	heap        float64 // MB that are in use after a collection
	resident    float64 // MB, as the system counts
	descriptors float64
	goroutines  float64
}

const mb = 1 << 20

// take looks at the process. collected is for a moment at which nothing trades.
func take(collected bool) (s sample, err error) {
	if collected {
		runtime.GC()
		runtime.GC() // finalizers of the first may free more
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	s.heap, s.goroutines = float64(m.HeapAlloc)/mb, float64(runtime.NumGoroutine())
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return s, err
	}
	s.descriptors = float64(len(entries) - 1) // one is the look itself
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return s, err
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kb, err := strconv.Atoi(strings.Fields(value)[0])
			if err != nil {
				return s, err
			}
			s.resident = float64(kb) / 1024
		}
	}
	return s, nil
}

// measures are what must not grow, with the room that chance needs: a share of
// what it was and a fixed amount.
var measures = []struct {
	name  string
	of    func(sample) float64
	share float64
	fixed float64
}{
	{"heap_mb", func(s sample) float64 { return s.heap }, 0.1, 1},
	{"resident_mb", func(s sample) float64 { return s.resident }, 0.25, 16},
	{"descriptors", func(s sample) float64 { return s.descriptors }, 0, 16}, // connections come and go
	{"goroutines", func(s sample) float64 { return s.goroutines }, 0, 32},
}

// least is how many samples a judgement needs.
const least = 8

// flat compares the last quarter of a run's samples with the first. note hears of each
// figure.
func flat(after []sample, note func(string, float64)) (found []lab.Violation) {
	if len(after) == 0 {
		return nil
	}
	quarter := max(len(after)/4, 1)
	for _, m := range measures {
		first, last := mean(after[:quarter], m.of), mean(after[len(after)-quarter:], m.of)
		note(m.name+"_first_quarter", first)
		note(m.name+"_last_quarter", last)
		if len(after) >= least && last > first*(1+m.share)+m.fixed {
			found = append(found, lab.Violation{Check: checkFlat, What: fmt.Sprintf("%s was %.1f in the first quarter of the samples and is %.1f in the last", m.name, first, last)})
		}
	}
	return found
}

func mean(list []sample, of func(sample) float64) (sum float64) {
	for _, s := range list {
		sum += of(s) / float64(len(list))
	}
	return sum
}

func TestWhatGrowsIsNoticed(t *testing.T) {
	level := make([]sample, 20)
	for i := range level {
		level[i] = sample{heap: 20, resident: 80, descriptors: 12, goroutines: 5}
	}
	for i, grow := range []func(*sample, float64){
		func(*sample, float64) {},
		func(s *sample, n float64) { s.heap += n },
		func(s *sample, n float64) { s.resident += 4 * n },
		func(s *sample, n float64) { s.descriptors += 2 * n },
		func(s *sample, n float64) { s.goroutines += 4 * n },
	} {
		leak := append([]sample(nil), level...)
		for day := range leak {
			grow(&leak[day], float64(day))
		}
		if found := flat(leak, func(string, float64) {}); (len(found) == 1) != (i > 0) {
			t.Errorf("leak %d: %v", i, found)
		}
	}
}
