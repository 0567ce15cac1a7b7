package drivers

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// testsOf lists the tests of a folder below the module.
func testsOf(t *testing.T, folder string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests: %v", folder, err)
	}
	found := map[string]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllStringSubmatch(string(text), -1) {
			found[m[1]] = true
		}
	}
	return found
}

// The tables of the README name tests that there are, and every public vector once.
func TestTheTablesNameTestsThatThereAre(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, vectors, _ := strings.Cut(string(text), "\n## Vectors\n")
	vectors, traps, _ := strings.Cut(vectors, "\n## Traps\n")
	seen := map[int]int{}
	for _, m := range regexp.MustCompile("(?m)^\\| ([0-9to, ]+) \\| .* \\| `(\\w+)` \\| `([\\w/]+)` \\|$").FindAllStringSubmatch(vectors, -1) {
		if !testsOf(t, m[3])[m[2]] {
			t.Errorf("%s has no %s", m[3], m[2])
		}
		for _, span := range strings.Split(m[1], ", ") {
			from, to, isSpan := strings.Cut(span, " to ")
			first, err := strconv.Atoi(from)
			last := first
			if isSpan && err == nil {
				last, err = strconv.Atoi(to)
			}
			if err != nil {
				t.Fatalf("%q is no span of vectors", span)
			}
			for n := first; n <= last; n++ {
				seen[n]++
			}
		}
	}
	const all = 37
	for n := 1; n <= all; n++ {
		if seen[n] != 1 {
			t.Errorf("vector %d stands in the table %d times", n, seen[n])
		}
	}
	known := map[string]bool{}
	for _, folder := range []string{"drivers", "drivers/serial", "agent/qr", "packaging"} {
		for name := range testsOf(t, folder) {
			known[name] = true
		}
	}
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(traps, -1)
	if len(named) < 25 || len(seen) != all {
		t.Fatalf("only %d tests of traps and %d vectors were read", len(named), len(seen))
	}
	for _, m := range named {
		if !known[m[1]] {
			t.Errorf("there is no %s", m[1])
		}
	}
}
