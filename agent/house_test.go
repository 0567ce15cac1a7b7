// The rules of the house as a program. The sentence they all come from: the root of agent imports
// only the standard library, everyone may import it, neighbours never import each other, and cmd
// imports everything and holds all the wiring.
//
// This file reads the tree and runs the rules; house_layout_test.go and house_syntax_test.go hold
// them; house_can_fail_test.go breaks each of them once, because a rule that cannot fail is not one.
//
// What no rule here looks at: whether an interface has two users, whether an error says what to do,
// whether a log line holds a secret, the share and the worth of comments, the median length of files
// (it is printed only), whether shipped code has a caller, what cmd and packages outside this module
// do behind an import, and how a test waits beyond the two forms that noSleepNoSkip knows.
package agent_test

import (
	"cmp"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

// rule is one sentence of the house. Its check answers every offence as "where: what"; the part
// before the first colon-space names the offender in the known list.
type rule struct {
	name  string
	check func(*house) []offence
}

// offence is one place that breaks a rule. The place has no line number in it, so that a known
// offender stays the same one when lines above it move.
type offence struct {
	place string
	what  string
}

// known lists, rule by rule, the places that offended when the rule was made. It is a ratchet: an
// entry that no longer offends fails the test until it is taken out, and nothing may be added.
var known = map[string][]string{}

var rules = []rule{
	{"only the listed names stand at the top", topNames},
	{"imports follow the house", imports},
	{"a library with traps is wrapped once", wrappedOnce},
	{"every package says what it is for", packageComments},
	{"no drawer packages", drawerNames},
	{"no init functions", noInit},
	{"no package state", noState},
	{"no floating point near money", noFloat},
	{"tests neither sleep nor skip", noSleepNoSkip},
	{"only commands end the process", noExit},
	{"no context without an owner", noContextTodo},
	{"one clock", oneClock},
	{"files up to 600 lines", fileLength},
	{"functions up to 70 lines", functionLength},
	{"exported names are documented", documented},
	{"the root of agent stays small", rootSize},
	{"nothing unfinished is shipped", unfinished},
	{"no traces of a machine", machineTraces},
	{"a decision has a number of its own", decisionNumbers},
}

func TestHouse(t *testing.T) {
	h, err := readHouse(os.DirFS(".."))
	if err != nil {
		t.Fatal(err)
	}
	if len(h.files) < 10 || h.pkg("agent") == nil {
		t.Fatalf("read %d files and no agent: this test does not see the project", len(h.files))
	}
	for _, r := range rules {
		t.Run(r.name, func(t *testing.T) {
			for _, complaint := range judge(r.check(h), known[r.name]) {
				t.Error(complaint)
			}
		})
	}
	for name := range known {
		if !slices.ContainsFunc(rules, func(r rule) bool { return r.name == name }) {
			t.Errorf("offenders are known for a rule that does not exist: %q", name)
		}
	}
	h.report(t)
}

// judge compares what a rule found with what is known of it.
func judge(found []offence, known []string) (complaints []string) {
	seen := map[string]bool{}
	for _, o := range found {
		seen[o.place] = true
		if !slices.Contains(known, o.place) {
			complaints = append(complaints, o.place+": "+o.what)
		}
	}
	for _, place := range known {
		if !seen[place] {
			complaints = append(complaints, place+": does not offend any more; take it off the list")
		}
	}
	return complaints
}

// house is the tree as the rules see it: every file that could be committed.
type house struct {
	files []*file
	fset  *token.FileSet
}

// file is one file of the tree; tree is nil where it is not Go.
type file struct {
	path  string
	text  string
	lines int
	tree  *ast.File
}

func (f *file) dir() string { return path.Dir(f.path) }

// isTest tells a file that only a test run compiles.
func (f *file) isTest() bool { return strings.HasSuffix(f.path, "_test.go") }

// isTesting also holds for the contract suites, which are ordinary packages that import testing.
func (f *file) isTesting() bool {
	return f.isTest() || f.tree != nil && slices.Contains(f.imports(), "testing")
}

func (f *file) imports() (list []string) {
	for _, spec := range f.tree.Imports {
		list = append(list, strings.Trim(spec.Path.Value, "`\""))
	}
	return list
}

// readHouse reads a tree, leaving out what git leaves out.
func readHouse(fsys fs.FS) (*house, error) {
	ignored, err := ignoreList(fsys)
	if err != nil {
		return nil, err
	}
	h := &house{fset: token.NewFileSet()}
	err = fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == ".git" || ignored(name)):
			return fs.SkipDir
		case !entry.Type().IsRegular() || ignored(name):
			return nil
		}
		f, err := h.read(fsys, name)
		if err != nil {
			return err
		}
		h.files = append(h.files, f)
		return nil
	})
	return h, err
}

func (h *house) read(fsys fs.FS, name string) (*file, error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	f := &file{path: name, text: string(text), lines: strings.Count(string(text), "\n")}
	if strings.HasSuffix(name, ".go") && !strings.Contains(name, "testdata/") {
		f.tree, err = parser.ParseFile(h.fset, name, text, parser.ParseComments|parser.SkipObjectResolution)
	}
	return f, err
}

// ignoreList understands as much of .gitignore as the project's own file uses: a name, a folder
// anchored at the top, and a pattern for the last element.
func ignoreList(fsys fs.FS) (func(string) bool, error) {
	text, err := fs.ReadFile(fsys, ".gitignore")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	patterns := strings.Fields(string(text))
	return func(name string) bool {
		for _, p := range patterns {
			anchored, p := strings.HasPrefix(p, "/"), strings.Trim(p, "/")
			target := path.Base(name)
			if anchored {
				target = name
			}
			if match, _ := path.Match(p, target); match {
				return true
			}
		}
		return false
	}, nil
}

// goFiles walks over the Go files for which keep holds.
func (h *house) goFiles(keep func(*file) bool) (list []*file) {
	for _, f := range h.files {
		if f.tree != nil && keep(f) {
			list = append(list, f)
		}
	}
	return list
}

// pkg answers the Go files of one folder.
func (h *house) pkg(dir string) []*file {
	return h.goFiles(func(f *file) bool { return f.dir() == dir })
}

// packages answers the folders that hold Go files, sorted.
func (h *house) packages() []string {
	dirs := map[string]bool{}
	for _, f := range h.goFiles(func(*file) bool { return true }) {
		dirs[f.dir()] = true
	}
	return slices.Sorted(maps.Keys(dirs))
}

// span counts the lines from a node's first to its last.
func (h *house) span(n ast.Node) int {
	return h.fset.Position(n.End()).Line - h.fset.Position(n.Pos()).Line + 1
}

// report prints the figures that are watched but not enforced.
func (h *house) report(t *testing.T) {
	shipped, tests, comments := 0, 0, 0
	var sizes []int
	for _, f := range h.goFiles(func(*file) bool { return true }) {
		if f.isTest() {
			tests += f.lines
			continue
		}
		shipped += f.lines
		sizes = append(sizes, f.lines)
		for _, group := range f.tree.Comments {
			comments += h.span(group)
		}
	}
	slices.Sort(sizes)
	t.Logf("%d files, median %d lines, p90 %d; %d lines, %d %% of them comments; %d lines of tests",
		len(sizes), sizes[len(sizes)/2], sizes[len(sizes)*9/10], shipped, comments*100/shipped, tests)
}

// sorted puts offences in an order that does not depend on a map.
func sorted(list []offence) []offence {
	slices.SortFunc(list, func(a, b offence) int {
		return cmp.Or(cmp.Compare(a.place, b.place), cmp.Compare(a.what, b.what))
	})
	return list
}
