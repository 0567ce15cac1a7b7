package agent_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// sound is a small house that keeps every rule. Each case below lays one broken file into it.
func sound() fstest.MapFS {
	return files(map[string]string{
		".gitignore":                  "/bin/\nnode_modules/\n*.out\n",
		"go.mod":                      "module tillwire\n",
		"agent/clock.go":              "// Package agent imports the standard library only.\npackage agent\n\nimport \"time\"\n\n// Now reads the clock.\nfunc Now() time.Time { return time.Now() }\n",
		"agent/qr/qr.go":              "// Package qr may import agent.\npackage qr\n\nimport _ \"tillwire/agent\"\n",
		"agent/wallet/wallet.go":      "// Package wallet may import agent.\npackage wallet\n\nimport _ \"tillwire/agent/qr\"\n",
		"agent/wallet/alipay/a.go":    "// Package alipay may import agent and wallet.\npackage alipay\n\nimport _ \"tillwire/agent/wallet\"\n",
		"agent/sandbox/s.go":          "// Package sandbox may import agent.\npackage sandbox\n\nimport _ \"tillwire/agent/sandbox/ledger\"\n",
		"agent/sandbox/ledger/l.go":   "// Package ledger may import agent.\npackage ledger\n\nimport _ \"github.com/mattn/go-sqlite3\"\n",
		"offline/store.go":            "// Package offline may import agent.\npackage offline\n\nimport \"errors\"\n\n// ErrLocked is a sentinel.\nvar ErrLocked = errors.New(\"locked\")\n",
		"offline/store_test.go":       "package offline_test\n\nimport (\n\t_ \"tillwire/agent/sandbox\"\n\t_ \"tillwire/offline\"\n\t_ \"tillwire/offline/journaltest\"\n)\n",
		"offline/journaltest/j.go":    "// Package journaltest may import agent.\npackage journaltest\n\nimport _ \"testing\"\n",
		"cmd/tillcloud/main.go":       "// Command tillcloud is the sandbox.\npackage main\n\nimport _ \"tillwire/agent/sandbox\"\n\nvar version = \"dev\"\n",
		"agent/decisions/0001-one.md": "# 0001 One\n",
		"bin/left/over.go":            "this is ignored and is not Go",
	})
}

func files(text map[string]string) fstest.MapFS {
	tree := fstest.MapFS{}
	for name, body := range text {
		tree[name] = &fstest.MapFile{Data: []byte(body)}
	}
	return tree
}

func run(t *testing.T, tree fs.FS, name string) []offence {
	t.Helper()
	h, err := readHouse(tree)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(rules, func(r rule) bool { return r.name == name })
	if i < 0 {
		t.Fatalf("no rule is called %q", name)
	}
	return rules[i].check(h)
}

func TestSoundHousePassesEveryRule(t *testing.T) {
	for _, r := range rules {
		if found := run(t, sound(), r.name); len(found) > 0 {
			t.Errorf("%s: %v", r.name, found)
		}
	}
}

// breach is one broken file: the rule that must see it, where it lies, and what it says.
type breach struct{ rule, path, text string }

// Words that a plain search for offenders would find here are written in two pieces.
var breaches = []breach{
	{"only the listed names stand at the top", "tools/gen.go", "// Package tools may import nothing.\npackage tools\n"},
	{"only the listed names stand at the top", "TASKS.md", "a list\n"},
	{"imports follow the house", "agent/a.go", "package agent\n\nimport _ \"github.com/oklog/ulid/v2\"\n"},
	{"imports follow the house", "agent/a.go", "package agent\n\nimport _ \"tillwire/agent/qr\"\n"},
	{"imports follow the house", "agent/qr/a.go", "package qr\n\nimport _ \"tillwire/agent/words\"\n"},
	{"imports follow the house", "agent/wallet/emvqr/national/a.go", "package national\n\nimport _ \"tillwire/agent/wallet\"\n"},
	{"imports follow the house", "offline/a.go", "package offline\n\nimport _ \"tillwire/agent/checkout\"\n"},
	{"imports follow the house", "agent/web/a.go", "package web\n\nimport _ \"tillwire/offline\"\n"},
	{"imports follow the house", "agent/web/a_test.go", "package web\n\nimport _ \"tillwire/offline\"\n"},
	{"imports follow the house", "agent/wallet/a.go", "package wallet\n\nimport _ \"tillwire/agent/wallet/alipay\"\n"},
	{"imports follow the house", "agent/wallet/alipay/b.go", "package alipay\n\nimport _ \"tillwire/agent/wallet/wechat\"\n"},
	{"imports follow the house", "agent/sandbox/a.go", "package sandbox\n\nimport _ \"tillwire/agent/wallet\"\n"},
	{"imports follow the house", "agent/sandbox/a.go", "package sandbox\n\nimport _ \"tillwire/agent/wallet/emvqr\"\n"},
	{"imports follow the house", "agent/sandbox/a_test.go", "package sandbox\n\nimport _ \"tillwire/offline\"\n"},
	{"imports follow the house", "offline/a.go", "package offline\n\nimport _ \"tillwire/agent/sandbox\"\n"},
	{"imports follow the house", "offline/a.go", "package offline\n\nimport _ \"tillwire/offline/journaltest\"\n"},
	{"imports follow the house", "cmd/tillwire/main.go", "package main\n\nimport _ \"tillwire/agent/sandbox\"\n"},
	{"imports follow the house", "cmd/tillwire/main.go", "package main\n\nimport _ \"tillwire/offline/faultfs\"\n"},
	{"imports follow the house", "packaging/a_test.go", "package packaging\n\nimport _ \"tillwire/drivers/scanner\"\n"},
	{"a library with traps is wrapped once", "drivers/scanner/a.go", "package scanner\n\nimport _ \"go.bug.st/serial\"\n"},
	{"a library with traps is wrapped once", "agent/web/a.go", "package web\n\nimport _ \"github.com/skip2/go-qrcode\"\n"},
	{"every package says what it is for", "drivers/a.go", "package drivers\n"},
	{"every package says what it is for", "drivers/a.go", "// Package drivers drives.\npackage drivers\n"},
	{"every package says what it is for", "packaging/a_test.go", "package packaging\n"},
	{"no drawer packages", "agent/util/a.go", "package util\n"},
	{"no init functions", "agent/a.go", "package agent\n\nfunc in" + "it() {}\n"},
	{"no package state", "agent/a.go", "package agent\n\nvar count int\n"},
	{"no package state", "agent/a.go", "package agent\n\nvar limit = 5\n"},
	{"no package state", "agent/a.go", "package agent\n\nvar seen = map[string]bool{}\n"},
	{"no package state", "agent/a.go", "package agent\n\nvar seen = make(map[string]bool)\n"},
	{"no package state", "agent/a.go", "package agent\n\nvar table = map[string]box{\"a\": {make(chan int)}}\n"},
	{"no package state", "agent/a.go", "package agent\n\nvar one = &thing{1}\n"},
	{"no floating point near money", "agent/checkout/a.go", "package checkout\n\nfunc f(x float" + "64) {}\n"},
	{"no floating point near money", "offline/replay/a.go", "package replay\n\nconst jitter = 0.5\n"},
	{"no floating point near money", "agent/wallet/wechat/a.go", "package wechat\n\nimport \"strconv\"\n\nvar _, _ = strconv.ParseFloat(\"1\", 64)\n"},
	{"tests neither sleep nor skip", "offline/a_test.go", "package offline\n\nfunc TestA(t *testing.T) { time.Sle" + "ep(1) }\n"},
	{"tests neither sleep nor skip", "offline/a_test.go", "package offline\n\nfunc TestA(t *testing.T) { t.Sk" + "ipf(\"later\") }\n"},
	{"tests neither sleep nor skip", "offline/journaltest/a.go", "package journaltest\n\nimport \"testing\"\n\nfunc Run(tb testing.TB) { tb.Sk" + "ipNow() }\n"},
	{"tests neither sleep nor skip", "offline/a_test.go", "package offline\n\nfunc TestA(t *testing.T) { <-time.After(1) }\n"},
	{"no floating point near money", "agent/web/a.go", "package web\n\nvar x float" + "64\n"},
	{"no floating point near money", "agent/settings/a.go", "package settings\n\nconst x = 1.5\n"},
	{"only commands end the process", "offline/a.go", "package offline\n\nfunc f() { os.Ex" + "it(1) }\n"},
	{"only commands end the process", "offline/a.go", "package offline\n\nfunc f() { log.Fat" + "alf(\"x\") }\n"},
	{"only commands end the process", "offline/a_test.go", "package offline\n\nfunc TestA() { os.Ex" + "it(0) }\n"},
	{"no context without an owner", "cmd/tillwire/a.go", "package main\n\nfunc f() { g(context.TO" + "DO()) }\n"},
	{"one clock", "agent/web/a.go", "package web\n\nvar _ = thing{now: time.Now}\n"},
	{"one clock", "agent/money.go", "package agent\n\nfunc f() { time.Since(t) }\n"},
	{"one clock", "agent/clock.go", "package agent\n"},
	{"files up to 600 lines", "agent/web/ui/register.js", strings.Repeat("//\n", 601)},
	{"functions up to 70 lines", "agent/a.go", "package agent\n\nfunc f() {" + strings.Repeat("\n", 70) + "}\n"},
	{"functions up to 70 lines", "agent/a.go", "package agent\n\nfunc f() []int {\nreturn []int{" + strings.Repeat("\n", 70) + "}\n}\n"},
	{"functions up to 70 lines", "agent/a_test.go", "package agent\n\nfunc f() {\n_ = []int{\n1,\n}" + strings.Repeat("\n", 70) + "}\n"},
	{"exported names are documented", "agent/a.go", "package agent\n\ntype Bare int\n"},
	{"exported names are documented", "agent/a.go", "package agent\n\n// Several things.\ntype (\n\tBare int\n)\n"},
	{"exported names are documented", "drivers/a.go", "package drivers\n\nfunc Bare() {}\n"},
	{"exported names are documented", "offline/a.go", "package offline\n\n// Store is documented.\ntype Store struct{}\n\nfunc (s *Store) Bare() {}\n"},
	{"the root of agent stays small", "agent/a.go", "package agent\n" + strings.Repeat("//\n", 3000)},
	{"nothing unfinished is shipped", "agent/a.go", "package agent\n\n// FIX" + "ME: later\n"},
	{"nothing unfinished is shipped", "agent/a.go", "package agent\n\n// XX" + "X later\n"},
	{"nothing unfinished is shipped", "agent/web/ui/a.js", "// TO" + "DO later\n"},
	{"no traces of a machine", "cmd/a.md", "see /wor" + "k/main\n"},
	{"no traces of a machine", "cmd/package-lock.json", "\"https://regist" + "ry.npmjs.org/a\"\n"},
	{"a decision has a number of its own", "agent/decisions/0001-again.md", "# 0001 Once more\n"},
	{"a decision has a number of its own", "agent/decisions/0002-next.md", "# 0003 Another number inside\n"},
	{"no traces of a machine", "Makefile", "GOPROXY=https://prox" + "y.golang.org\n"},
}

func TestEveryRuleCanFail(t *testing.T) {
	tried := map[string]bool{}
	for _, b := range breaches {
		tried[b.rule] = true
		tree := sound()
		tree[b.path] = &fstest.MapFile{Data: []byte(b.text)}
		if len(run(t, tree, b.rule)) == 0 {
			t.Errorf("%s: nothing was said of %s:\n%s", b.rule, b.path, b.text)
		}
	}
	for _, r := range rules {
		if !tried[r.name] {
			t.Errorf("no case shows that this rule can fail: %s", r.name)
		}
	}
}

func TestKnownOffendersMayOnlyShrink(t *testing.T) {
	found := []offence{{"agent/new.go", "offends"}, {"agent/old.go", "offends"}}
	cases := []struct {
		name  string
		known []string
		want  []string
	}{
		{"nothing known", nil, []string{"agent/new.go: offends", "agent/old.go: offends"}},
		{"one known", []string{"agent/old.go"}, []string{"agent/new.go: offends"}},
		{"one mended", []string{"agent/new.go", "agent/old.go", "agent/mended.go"}, []string{"agent/mended.go: does not offend any more; take it off the list"}},
	}
	for _, c := range cases {
		if got := judge(found, c.known); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// What the rules must let pass, because the house is full of it.
func TestLookupTablesAreNotState(t *testing.T) {
	for _, value := range []string{
		"map[string]int{\"a\": 1}", "[]string{\"a\", \"b\"}", "[...]row{{1, 2 * time.Second}}",
		"map[string]func(){\"a\": func() {}}", "errors.New(\"x\")", "regexp.MustCompile(`x`)", "[]byte(\"x\")", "Limits{Least: 1}",
	} {
		tree := sound()
		tree["agent/a.go"] = &fstest.MapFile{Data: []byte("package agent\n\nvar table = " + value + "\n\nvar ErrA = refusal(\"x\")\n\nvar _ Port = (*port)(nil)\n\n//go:embed ui\nvar ui embed.FS\n")}
		if found := run(t, tree, "no package state"); len(found) > 0 {
			t.Errorf("%s: %v", value, found)
		}
	}
}

// A limit in a select is no sleep, nor is a wait on synctest's clock or for a real program.
func TestALimitIsNotASleep(t *testing.T) {
	for name, text := range map[string]string{
		"offline/a_test.go":           "package offline\n\nfunc f() {\nselect {\ncase <-done:\ncase <-time.After(1):\n}\n}\n",
		"offline/b_test.go":           "package offline\n\nimport \"testing/synctest\"\n\nfunc f() { <-time.After(1) }\n",
		"cmd/tillcloud/e2e/c_test.go": "package e2e\n\nfunc f() { <-time.After(1) }\n",
	} {
		tree := sound()
		tree[name] = &fstest.MapFile{Data: []byte(text)}
		if found := run(t, tree, "tests neither sleep nor skip"); len(found) > 0 {
			t.Error(found)
		}
	}
}

// The rows of a test's table do not make the test longer; see the cases above for what does.
func TestTablesDoNotLengthenATest(t *testing.T) {
	tree := sound()
	tree["agent/a_test.go"] = &fstest.MapFile{Data: []byte("package agent\n\nfunc f() {\n_ = []int{" + strings.Repeat("\n", 200) + "}\n}\n")}
	if found := run(t, tree, "functions up to 70 lines"); len(found) > 0 {
		t.Error(found)
	}
}
