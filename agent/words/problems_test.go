package words_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// troubled are the rooms that tell people what is wrong with the terminal.
var troubled = []string{"../fleet", "../settings", "../web", "../../offline", "../../cmd/tillwire"}

// sources parses the files of these rooms that are no tests.
func sources(t *testing.T) (files []*ast.File) {
	t.Helper()
	for _, root := range troubled {
		err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			files = append(files, file)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// problemIDs finds the ids of everything that can be wrong, each with its two sentences.
func problemIDs(t *testing.T) map[string]bool {
	t.Helper()
	ids := map[string]bool{}
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			if text, ok := n.(*ast.BasicLit); ok && text.Kind == token.STRING {
				if id, err := strconv.Unquote(text.Value); err == nil && regexp.MustCompile(`^problem\.[a-z_]+$`).MatchString(id) {
					ids[id], ids[id+".do"] = true, true
				}
			}
			return true
		})
	}
	return ids
}

// problems finds the places where something is said to be wrong.
func problems(t *testing.T) (list []*ast.CompositeLit) {
	t.Helper()
	isProblem := func(e ast.Expr) bool {
		name, ok := e.(*ast.SelectorExpr)
		if !ok || name.Sel.Name != "Problem" {
			return false
		}
		from, ok := name.X.(*ast.Ident)
		return ok && from.Name == "agent"
	}
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			lit, ok := n.(*ast.CompositeLit)
			if !ok {
				return true
			}
			if of, ok := lit.Type.(*ast.ArrayType); ok && isProblem(of.Elt) {
				for _, e := range lit.Elts {
					if one, ok := e.(*ast.CompositeLit); ok && one.Type == nil {
						list = append(list, one)
					}
				}
			}
			if isProblem(lit.Type) && len(lit.Elts) > 0 {
				list = append(list, lit)
			}
			return true
		})
	}
	return list
}

// TestWhateverIsWrongIsSaidInEveryLanguage: every problem has an id, and its arguments are
// as many as its sentences have places.
func TestWhateverIsWrongIsSaidInEveryLanguage(t *testing.T) {
	texts := catalogue(t, "zh-CN")
	most := func(id string) (n int) {
		for _, text := range []string{texts[id]["other"], texts[id+".do"]["other"]} {
			for _, m := range regexp.MustCompile(`\{\{\.A(\d)\}\}`).FindAllStringSubmatch(text, -1) {
				place, err := strconv.Atoi(m[1])
				if err != nil {
					t.Fatal(err)
				}
				n = max(n, place)
			}
		}
		return n
	}
	found := problems(t)
	for _, lit := range found {
		members := map[string]ast.Expr{}
		for _, e := range lit.Elts {
			if pair, ok := e.(*ast.KeyValueExpr); ok {
				members[pair.Key.(*ast.Ident).Name] = pair.Value
			}
		}
		switch id := members["ID"].(type) {
		case nil:
			t.Errorf("a problem has no id: %s", said(members["What"]))
		case *ast.BasicLit:
			name, err := strconv.Unquote(id.Value)
			if err != nil {
				t.Fatal(err)
			}
			args, _ := members["Args"].(*ast.CompositeLit)
			has := 0
			if args != nil {
				has = len(args.Elts)
			}
			if literal := members["Args"] == nil || args != nil; literal && has != most(name) {
				t.Errorf("%s has %d arguments, its sentences have %d places", name, has, most(name))
			}
		}
	}
	if ids := problemIDs(t); len(found) < 20 || len(ids) < 40 {
		t.Errorf("only %d problems with %d sentences were found: this test does not see them", len(found), len(ids))
	}
}

// said is the text of an expression, as far as it is one.
func said(e ast.Expr) (text string) {
	if e == nil {
		return "(nothing)"
	}
	ast.Inspect(e, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok {
			text += lit.Value
		}
		return true
	})
	return text
}
