// Package scannertest is the contract that every scanner profile passes: its
// captures decode to what they say, in any pieces; what broke off, was lost or
// came before anybody waited is never delivered; and it never says more to its
// scanner than it was told to.
//
// It is for tests and imports drivers, drivers/scanner and the standard
// library.
package scannertest

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"testing"

	"tillwire/drivers"
	"tillwire/drivers/scanner"
)

// wantMark begins a line of a capture that says what must come of it: an event
// as "tillwire devices decode" prints it.
const wantMark = "#> "

// Case is a capture and the events that must come of it, in the lines that
// begin with "#> ".
type Case struct {
	Name    string
	Capture string
}

// want is the expected output of Decode.
func (c Case) want() string {
	var out strings.Builder
	for _, line := range strings.Split(c.Capture, "\n") {
		if event, ok := strings.CutPrefix(line, wantMark); ok {
			out.WriteString(strings.TrimSpace(event) + "\n")
		}
	}
	return out.String()
}

// Folder reads the captures of a folder: every file *.txt.
func Folder(t *testing.T, fsys fs.FS, dir string) (cases []Case) {
	t.Helper()
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if path.Ext(e.Name()) != ".txt" {
			continue
		}
		text, err := fs.ReadFile(fsys, path.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, Case{strings.TrimSuffix(e.Name(), ".txt"), string(text)})
	}
	return cases
}

// Run runs the whole contract. Among the cases must be one with a scan.
func Run(t *testing.T, p scanner.Profile, cases []Case) {
	t.Helper()
	t.Run("keys", func(t *testing.T) { keys(t, p) })
	t.Run("commands", func(t *testing.T) { tells(t, p) })
	t.Run("noise", func(t *testing.T) { noise(t, p) })
	scans := 0
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			steps, err := scanner.ReadCapture(strings.NewReader(c.Capture))
			if err != nil {
				t.Fatal(err)
			}
			decodes(t, p, c, steps)
			r := &replay{t: t, profile: p, steps: steps}
			r.whole = r.scans(r.run(steps))
			scans += len(r.whole)
			r.brokenOff()
			r.lost()
			r.reopened()
			r.early()
		})
	}
	if scans == 0 {
		t.Errorf("no capture of %s has a scan: a profile that never reads proves nothing", p.Name)
	}
}

// keys: every key says what it is, the defaults are right, and a slip is
// refused.
func keys(t *testing.T, p scanner.Profile) {
	t.Helper()
	if p.Help == "" {
		t.Error("the profile has no line of help")
	}
	for _, k := range append(slices.Clone(p.Keys), p.Line...) {
		if k.Help == "" {
			t.Errorf("key %s has no help", k.Name)
		}
	}
	setup := build(t, p, nil)
	if setup.Poll <= 0 || setup.Grace <= 0 {
		t.Errorf("as delivered it asks every %s and waits %s after opening", setup.Poll, setup.Grace)
	}
	if _, err := drivers.NewValues(map[string]any{"no_such_key": "1"}, p.Keys); err == nil {
		t.Error("a key that does not exist is taken")
	}
}

// build makes the profile's codec, with its defaults but for set.
func build(t *testing.T, p scanner.Profile, set map[string]any) scanner.Setup {
	t.Helper()
	values, err := drivers.NewValues(set, p.Keys)
	if err != nil {
		t.Fatal(err)
	}
	setup, err := p.New(values)
	if err != nil {
		t.Fatal(err)
	}
	return setup
}

// decodes: the capture gives what it says it does, as it came and byte by byte.
func decodes(t *testing.T, p scanner.Profile, c Case, steps []scanner.Step) {
	t.Helper()
	var single strings.Builder
	for _, s := range steps {
		ms := s.At.Milliseconds()
		switch {
		case s.Command != "":
			fmt.Fprintf(&single, "@%d !%s\n", ms, s.Command)
		case len(s.Bytes) == 0:
			fmt.Fprintf(&single, "@%d\n", ms)
		}
		for _, b := range s.Bytes {
			fmt.Fprintf(&single, "@%d %02X\n", ms, b)
		}
	}
	for how, capture := range map[string]string{"as it came": c.Capture, "byte by byte": single.String()} {
		var out bytes.Buffer
		if err := scanner.Decode(strings.NewReader(capture), &out, p.Name, nil); err != nil {
			t.Fatalf("%s: %v", how, err)
		}
		if out.String() != c.want() {
			t.Errorf("%s it gives\n%swant\n%s", how, out.String(), c.want())
		}
	}
}
