package agent_test

import (
	"fmt"
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// clocks lists the files that may read the time of day, each with its reason; everyone else is
// handed an agent.Clock. The list may only shrink.
var clocks = map[string]string{
	"agent/clock.go": "it is the clock",
}

// nearMoney holds for the trees in which an amount is computed, read or shown. The others, such as
// agent/words, cmd and the pages' JavaScript, are not looked at.
func nearMoney(dir string) bool {
	return dir == "agent" || belowAny(dir, []string{"agent/checkout", "agent/settings", "agent/wallet", "agent/web", "offline"})
}

func (h *house) shipped() []*file { return h.goFiles(func(f *file) bool { return !f.isTest() }) }

func packageComments(h *house) (found []offence) {
	for _, dir := range h.packages() {
		files := h.pkg(dir)
		if slices.ContainsFunc(files, func(f *file) bool { return !f.isTest() }) {
			files = slices.DeleteFunc(files, (*file).isTest)
		}
		comment := ""
		for _, f := range files {
			comment += f.tree.Doc.Text()
		}
		switch {
		case comment == "":
			found = append(found, offence{dir, "has no package comment"})
		case !strings.HasPrefix(dir, "cmd/") && !strings.Contains(comment, "import"):
			found = append(found, offence{dir, "does not say in its package comment what it may import"})
		}
	}
	return found
}

func noInit(h *house) (found []offence) {
	for _, f := range h.goFiles(func(*file) bool { return true }) {
		for _, fn := range functions(f) {
			if fn.Recv == nil && fn.Name.Name == "init" {
				found = append(found, offence{f.path, "has an init function"})
			}
		}
	}
	return found
}

func functions(f *file) (list []*ast.FuncDecl) {
	for _, decl := range f.tree.Decls {
		if fn, ok := decl.(*ast.FuncDecl); ok {
			list = append(list, fn)
		}
	}
	return list
}

// noState lets a package-level variable be a sentinel, an embed, a compiled expression or a lookup
// table: things that are the same from the first moment to the last.
func noState(h *house) (found []offence) {
	for _, f := range h.shipped() {
		for _, decl := range f.tree.Decls {
			gen, ok := decl.(*ast.GenDecl)
			if !ok || gen.Tok != token.VAR {
				continue
			}
			for _, spec := range gen.Specs {
				v := spec.(*ast.ValueSpec)
				if embeds(gen, v) || stamped(f, v) {
					continue
				}
				for i, name := range v.Names {
					if i >= len(v.Values) || name.Name != "_" && !constant(name.Name, v.Values[i]) {
						found = append(found, offence{f.path, "keeps state in the package variable " + name.Name})
					}
				}
			}
		}
	}
	return found
}

func embeds(gen *ast.GenDecl, v *ast.ValueSpec) bool {
	for _, doc := range []*ast.CommentGroup{gen.Doc, v.Doc} {
		if doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") }) {
			return true
		}
	}
	return false
}

// stamped is the one variable the linker writes: a command's version.
func stamped(f *file, v *ast.ValueSpec) bool {
	return below(f.dir(), "cmd") && len(v.Names) == 1 && v.Names[0].Name == "version"
}

// makers are the constructors whose results nobody can change afterwards.
var makers = []string{
	"errors.New", "fmt.Errorf", "regexp.MustCompile", "strings.NewReplacer", "crc32.MakeTable",
	"time.FixedZone", "language.MustParse", "netip.MustParsePrefix", "netip.MustParseAddr",
}

// constant judges an initial value by its form alone. A sentinel may be made by any call, because
// its name says what it is.
func constant(name string, value ast.Expr) bool {
	sentinel := strings.HasPrefix(name, "Err") || strings.HasPrefix(name, "err")
	switch v := value.(type) {
	case *ast.CallExpr:
		_, conversion := v.Fun.(*ast.ArrayType)
		return sentinel || conversion || slices.Contains(makers, dotted(v.Fun))
	case *ast.UnaryExpr:
		literal, ok := v.X.(*ast.CompositeLit)
		return sentinel && ok && v.Op == token.AND && len(literal.Elts) > 0
	case *ast.CompositeLit:
		return len(v.Elts) > 0 && !holdsState(v)
	}
	return false
}

// holdsState finds what a table can change behind its readers' backs. A function in a table is fine:
// written at package level it can capture nothing but package variables, which are judged here too.
func holdsState(root ast.Expr) (state bool) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ChanType:
			state = true
		case *ast.CallExpr:
			state = state || dotted(n.Fun) == "make" || dotted(n.Fun) == "new"
		}
		return !state
	})
	return state
}

// dotted writes an identifier or a selector of one as text.
func dotted(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return dotted(e.X) + "." + e.Sel.Name
	}
	return ""
}

func noFloat(h *house) (found []offence) {
	banned := []string{"float32", "float64", "Float32", "Float64", "ParseFloat", "complex128"}
	for _, f := range h.shipped() {
		if !nearMoney(f.dir()) {
			continue
		}
		ast.Inspect(f.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				if slices.Contains(banned, n.Name) {
					found = append(found, offence{f.path, "uses " + n.Name})
				}
			case *ast.BasicLit:
				if n.Kind == token.FLOAT {
					found = append(found, offence{f.path, "writes " + n.Value})
				}
			}
			return true
		})
	}
	return found
}

// calls walks over every use of a selector such as time.Now, called or handed on.
func calls(f *file, visit func(in *ast.FuncDecl, name string)) {
	for _, decl := range f.tree.Decls {
		in, _ := decl.(*ast.FuncDecl)
		ast.Inspect(decl, func(n ast.Node) bool {
			if sel, ok := n.(*ast.SelectorExpr); ok {
				visit(in, dotted(sel))
			}
			return true
		})
	}
}

// watchers are the tests that look at real programs from outside, where nothing but time tells that
// something does not happen.
var watchers = []string{"cmd/tillcloud/e2e", "cmd/tillwire/bench"}

// noSleepNoSkip sees a sleep under its own name and as a bare wait for a timer. It lets the wait pass
// in files that use testing/synctest, where time is free, without looking whether the line runs
// inside a bubble; and it does not see a ticker, a select of one case or a loop that polls the clock.
func noSleepNoSkip(h *house) (found []offence) {
	for _, f := range h.goFiles((*file).isTesting) {
		if f.isTest() && !slices.Contains(f.imports(), "testing/synctest") && !belowAny(f.dir(), watchers) && waits(f.tree) {
			found = append(found, offence{f.path, "waits for time.After alone, which is a sleep"})
		}
		calls(f, func(_ *ast.FuncDecl, name string) {
			receiver, method, _ := strings.Cut(name, ".")
			skips := slices.Contains([]string{"t", "tb", "b", "f"}, receiver) && strings.HasPrefix(method, "Skip") && method != "Skipped"
			if name == "time.Sleep" || skips {
				found = append(found, offence{f.path, "calls " + name})
			}
		})
	}
	return found
}

// waits finds a statement that only receives from time.After. In a select it is a limit and no wait.
func waits(tree *ast.File) (bare bool) {
	limits := map[ast.Stmt]bool{}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CommClause:
			limits[n.Comm] = true
		case *ast.ExprStmt:
			receive, ok := n.X.(*ast.UnaryExpr)
			if !ok || receive.Op != token.ARROW || limits[n] {
				return true
			}
			call, ok := receive.X.(*ast.CallExpr)
			bare = bare || ok && dotted(call.Fun) == "time.After"
		}
		return true
	})
	return bare
}

func noExit(h *house) (found []offence) {
	for _, f := range h.goFiles(func(f *file) bool { return !below(f.dir(), "cmd") }) {
		calls(f, func(in *ast.FuncDecl, name string) {
			testMain := f.isTest() && in != nil && in.Name.Name == "TestMain"
			if (name == "os.Exit" || strings.HasPrefix(name, "log.Fatal")) && !testMain {
				found = append(found, offence{f.path, "calls " + name})
			}
		})
	}
	return found
}

func noContextTodo(h *house) (found []offence) {
	for _, f := range h.goFiles(func(*file) bool { return true }) {
		calls(f, func(_ *ast.FuncDecl, name string) {
			if strings.EqualFold(name, "context.todo") {
				found = append(found, offence{f.path, "calls " + name})
			}
		})
	}
	return found
}

// oneClock also takes a listed file that no longer reads the time for an offender, so that the list
// shrinks with the need for it.
func oneClock(h *house) (found []offence) {
	reads := map[string]bool{}
	for _, f := range h.goFiles(func(f *file) bool { return !f.isTest() }) {
		calls(f, func(_ *ast.FuncDecl, name string) {
			if !slices.Contains([]string{"time.Now", "time.Since", "time.Until"}, name) {
				return
			}
			reads[f.path] = true
			if clocks[f.path] == "" {
				found = append(found, offence{f.path, "calls " + name})
			}
		})
	}
	for place := range clocks {
		if !reads[place] {
			found = append(found, offence{place, "may read the time and does not: take it off the list"})
		}
	}
	return sorted(found)
}

func functionLength(h *house) (found []offence) {
	for _, f := range h.goFiles(func(*file) bool { return true }) {
		for _, fn := range functions(f) {
			n := h.span(fn)
			if f.isTest() {
				n -= h.tableLines(fn)
			}
			if n > 70 {
				found = append(found, offence{f.path + " " + fn.Name.Name, fmt.Sprintf("has %d lines", n)})
			}
		}
	}
	return found
}

// tableLines counts the inner lines of the composite literals in a function. A test's table is read
// as a specification, row by row, and its length says nothing about the code around it.
func (h *house) tableLines(fn *ast.FuncDecl) (lines int) {
	ast.Inspect(fn, func(n ast.Node) bool {
		if table, ok := n.(*ast.CompositeLit); ok {
			lines += h.span(table) - 1
			return false
		}
		return true
	})
	return lines
}

// documented asks for 95 of 100 exported names in each of the three trees others build on. A
// comment on a group of constants or variables speaks for all of them.
func documented(h *house) (found []offence) {
	for _, tree := range []string{"agent", "drivers", "offline"} {
		var bare []string
		names := 0
		for _, f := range h.shipped() {
			if below(f.dir(), tree) {
				exported(f, func(name string, doc bool) {
					names++
					if !doc {
						bare = append(bare, f.path+" "+name)
					}
				})
			}
		}
		if len(bare)*100 > names*5 {
			found = append(found, offence{tree, fmt.Sprintf("leaves %d of %d exported names undocumented:\n\t%s", len(bare), names, strings.Join(bare, "\n\t"))})
		}
	}
	return found
}

// exported visits the exported declarations of a file and methods on exported types.
func exported(f *file, visit func(name string, doc bool)) {
	for _, decl := range f.tree.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d))) {
				visit(d.Name.Name, d.Doc != nil)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.TypeSpec:
					if s.Name.IsExported() {
						visit(s.Name.Name, s.Doc != nil || s.Comment != nil || d.Doc != nil && !d.Lparen.IsValid())
					}
				case *ast.ValueSpec:
					for _, name := range s.Names {
						if name.IsExported() {
							visit(name.Name, d.Doc != nil || s.Doc != nil || s.Comment != nil)
						}
					}
				}
			}
		}
	}
}

// receiver names the type a method belongs to.
func receiver(fn *ast.FuncDecl) string {
	t := fn.Recv.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	if generic, ok := t.(*ast.IndexExpr); ok {
		t = generic.X
	}
	return dotted(t)
}
