package web

import (
	"bytes"
	"compress/gzip"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/agent/words"
)

// source reads every file of this folder that a pattern names.
func source(t *testing.T, patterns ...string) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, p := range patterns {
		names, err := filepath.Glob(p)
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %v, %v", p, names, err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(name, "_test.go") {
				files[name] = string(text)
			}
		}
	}
	return files
}

// keys finds the texts that a file names literally.
func keys(files map[string]string, form string) map[string]string {
	found := map[string]string{}
	for name, text := range files {
		for _, m := range regexp.MustCompile(form).FindAllStringSubmatch(text, -1) {
			found[m[1]] = name
		}
	}
	return found
}

func TestEveryTextOfThePagesExists(t *testing.T) {
	w, err := words.New()
	if err != nil {
		t.Fatal(err)
	}
	wanted := keys(source(t, "ui/*.html", "ui/parts/*.html"), `\{\{-?\s*(?:with\s+)?\(?t "([^"]+)"`)
	for key, file := range keys(source(t, "*.go"), `Words\.Text\([^,]+, "([^"]+[^."])"`) {
		wanted[key] = file
	}
	for key, file := range keys(source(t, "setup_check.go", "setup_page.go"), `"((?:setup|form)\.[a-z_0-9]+)"`) {
		wanted[key] = file
	}
	for key, file := range keys(source(t, "ui/*.js"), `\btext\("([a-z._]+[a-z])"`) {
		wanted["js."+key] = file
	}
	for field := range keys(source(t, "ui/setup_form.html"), `field \$f "([a-z_0-9]+)"`) {
		wanted["setup."+field] = "ui/setup_form.html"
	}
	for _, key := range families(t) {
		wanted[key] = "put together"
	}
	if len(wanted) < 200 {
		t.Fatalf("only %d texts were found: this test does not see the pages", len(wanted))
	}
	for _, l := range w.Languages() {
		for key, file := range wanted {
			if !w.Has(l.Code, key) {
				t.Errorf("%s: %s lacks %q", file, l.Name, key)
			}
		}
	}
}

// families are the texts whose keys are put together from a word of the root.
func families(t *testing.T) (list []string) {
	add := func(family string, words ...string) {
		for _, w := range words {
			list = append(list, family+"."+w)
		}
	}
	add("role", string(agent.RoleCashier), string(agent.RoleManager), string(agent.RoleOwner))
	add("nav", "today", "payments", "queue", "refunds", "reconcile", "offline", "devices", "people", "settings", "backup", "log")
	add("day", "by_wallet", "by_cashier", "by_lane")
	add("fact", "wallet", "cashier", "lane")
	for _, column := range slices.Concat(dayColumns(), paymentColumns(), refundColumns()) {
		list = append(list, column.key)
	}
	for _, state := range States() {
		if !state.Final() {
			add("next", string(state))
		}
	}
	add("next", "refund")
	add("kind", string(agent.KindScanner), string(agent.KindDisplay), string(agent.KindPrinter), string(agent.KindDrawer))
	for _, kind := range agent.DifferenceKinds() {
		add("difference", string(kind))
	}
	root := source(t, "../device.go", "../fact.go")
	for word := range keys(root, `DeviceState = "([a-z]+)"`) {
		add("device", word)
	}
	for word := range keys(root, `FactKind = "([a-z_]+)"`) {
		add("story", word)
	}
	for word := range keys(root, `Operation = "([a-z_]+)"`) {
		add("op", word)
	}
	// Whoever writes the audit trail, its page says it in words: the store's own acts are
	// those that an owner must understand.
	for word := range keys(source(t, "*.go", "../../offline/*.go"), `Action: "([a-z_.]*[a-z])"`) {
		add("act", word)
	}
	add("act", "person_disable", "person_enable", "person_unlock", "person_secret")
	for word := range keys(source(t, "../../cmd/tillwire/people.go"), `changePeople\(c\.Context\(\), "([a-z]+)"`) {
		add("act.person", word)
	}
	for word := range keys(source(t, "*.go", "../../offline/*.go"), `Actor: "([a-z]+)"`) {
		add("actor", word)
	}
	for word := range keys(source(t, "ui/verdict.js"), `\["([a-z.]+)", "(?:Enter|Esc|F\d)"\]`) {
		add("js.do", word)
	}
	add("js.turn", "you", "customer", "wallet")
	add("js.shift", "open", "close", "open_hint", "close_hint")
	add("js.report", "x", "z", "opened", "begin", "closed", "end", "unsettled", "earlier", "taken_earlier")
	for word := range keys(source(t, "ui/training.js"), `\["([a-z.]+)", "\d"\]`) {
		add("js.do", word)
	}
	for _, word := range []string{"cancel.yes", "cancel", "other", "release", "here", "hide"} {
		add("js.do", word)
	}
	return list
}

func TestEveryStateHasAShapeOfItsOwnTone(t *testing.T) {
	script := source(t, "ui/verdict.js")["ui/verdict.js"]
	symbols := source(t, "ui/parts/frame.html")["ui/parts/frame.html"]
	for _, state := range States() {
		icon := icons[state]
		if icon == "" {
			icon = "cross"
		} else if !strings.Contains(script, string(state)+`: "`+icon+`"`) {
			t.Errorf("the register and the owner's page show %s in different shapes", state)
		}
		if !strings.Contains(symbols, `id="i-`+icon+`"`) {
			t.Errorf("%s: there is no symbol %s", state, icon)
		}
	}
	styles := source(t, "ui/base.css", "ui/register.css")
	for _, tone := range []agent.Tone{agent.ToneCalm, agent.ToneDoubt, agent.ToneGood, agent.ToneBad, agent.ToneOffice} {
		if !strings.Contains(styles["ui/base.css"], "--on-"+string(tone)+":") {
			t.Errorf("%s has no ink of its own", tone)
		}
	}
	if !strings.Contains(styles["ui/register.css"], `[data-tone="striped"]`) {
		t.Error("the striped tone has no look")
	}
}

func TestPagesHoldNothingInlineAndNothingForeign(t *testing.T) {
	for name, text := range source(t, "ui/*.html", "ui/parts/*.html") {
		for _, m := range regexp.MustCompile(`<script[^>]*>|<style|\son[a-z]+=|\sstyle=|https?://|javascript:`).FindAllString(text, -1) {
			if !strings.HasPrefix(m, `<script type="module" src="{{asset `) {
				t.Errorf("%s holds %s", name, m)
			}
		}
	}
	for name, text := range source(t, "ui/*.js", "ui/*.css", "ui/*.svg") {
		for _, m := range regexp.MustCompile(`https?://[^"')\s]+|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|@import`).FindAllString(text, -1) {
			if m != "http://www.w3.org/2000/svg" {
				t.Errorf("%s holds %s", name, m)
			}
		}
	}
}

func TestAssetsAreServedByTheirDigest(t *testing.T) {
	tm := newTerminal(t)
	used := regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`)
	for _, path := range []string{"/register", "/display/1", "/owner"} {
		page := tm.page().do("GET", path, "")
		found := used.FindAllStringSubmatch(page.body, -1)
		if len(found) < 3 {
			t.Errorf("%s names %d assets", path, len(found))
		}
		for _, m := range found {
			if a := tm.page().do("GET", m[1], ""); a.status != 200 || !strings.HasPrefix(m[1], tm.web.assets.root) {
				t.Errorf("%s: %s: %d", path, m[1], a.status)
			}
		}
	}
	if err := fs.WalkDir(ui, "ui", func(name string, e fs.DirEntry, err error) error {
		if size, sizeErr := e.Info(); err == nil && sizeErr == nil && !e.IsDir() && size.Size() > 24<<10 {
			t.Errorf("%s has %d bytes; a counter's box is slow", name, size.Size())
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// registerMost is what the whole register page may weigh on the wire, in bytes, packed as
// browsers take it. What a register must do so that no parked sale is lost, no search hides a
// payment and a screen reader hears all of it does not fit into 40 KiB.
const registerMost = 42 << 10

// TestTheRegisterIsLight adds up what a browser fetches before the register can be used.
func TestTheRegisterIsLight(t *testing.T) {
	tm := newTerminal(t)
	fetch := func(path string) int {
		a := tm.page().do("GET", path, "")
		if a.status != 200 {
			t.Fatalf("%s: %d", path, a.status)
		}
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		if _, err := z.Write([]byte(a.body)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return out.Len()
	}
	scripts, seen, weight := source(t, "ui/*.js"), map[string]bool{}, fetch("/register")
	wanted := []string{"base.css", "register.css", "icon.svg", "register.js"}
	for len(wanted) > 0 {
		name := wanted[0]
		wanted = wanted[1:]
		if seen[name] {
			continue
		}
		seen[name] = true
		weight += fetch(tm.web.assets.root + name)
		for _, m := range regexp.MustCompile(`from "\./([a-z]+\.js)"`).FindAllStringSubmatch(scripts["ui/"+name], -1) {
			wanted = append(wanted, m[1])
		}
	}
	t.Logf("%d files, %d bytes", len(seen)+1, weight)
	if weight > registerMost || len(seen) < 15 {
		t.Errorf("the register is %d files with %d bytes, want at most %d bytes", len(seen)+1, weight, registerMost)
	}
}

func TestColoursCanBeRead(t *testing.T) {
	css := source(t, "ui/base.css")["ui/base.css"]
	light := css[:strings.Index(css, `:root[data-theme="dark"]`)]
	dark := css[strings.Index(css, `:root[data-theme="dark"]`):strings.Index(css, "@media (prefers-color-scheme: dark)")]
	colour := func(theme, name string) string {
		m := regexp.MustCompile(`--` + name + `: (#[0-9a-f]{6})`).FindStringSubmatch(theme)
		if m == nil {
			m = regexp.MustCompile(`--` + name + `: (#[0-9a-f]{6})`).FindStringSubmatch(light)
		}
		return m[1]
	}
	text := [][2]string{{"ink", "paper"}, {"ink", "card"}, {"ink", "hover"}, {"soft", "paper"}, {"soft", "card"}, {"accent", "paper"}, {"accent", "card"}, {"on-accent", "accent"},
		{"on-calm", "calm"}, {"on-doubt", "doubt"}, {"on-good", "good"}, {"on-bad", "bad"}, {"on-office", "office"}}
	for name, theme := range map[string]string{"light": light, "dark": dark} {
		for _, pair := range text {
			if got := contrast(colour(theme, pair[0]), colour(theme, pair[1])); got < 450 {
				t.Errorf("%s: %s on %s has a contrast of %d/100", name, pair[0], pair[1], got)
			}
		}
		for _, ground := range []string{"paper", "card"} {
			if got := contrast(colour(theme, "edge"), colour(theme, ground)); got < 300 {
				t.Errorf("%s: edges on %s have a contrast of %d/100", name, ground, got)
			}
		}
	}
	wish := css[strings.Index(css, "@media (prefers-color-scheme: dark)"):]
	for _, m := range regexp.MustCompile(`--[a-z-]+: [^;]+`).FindAllString(dark, -1) {
		if !strings.Contains(wish, m) {
			t.Errorf("the browser's dark wish and the switch differ in %s", m)
		}
	}
}

func TestEveryCallThatAPageMakesExists(t *testing.T) {
	served := map[string]bool{}
	for _, c := range newTerminal(t).web.calls() {
		served[c.method+" "+regexp.MustCompile(`\{[a-z]+\}`).ReplaceAllString(c.path, "*")] = true
	}
	form := regexp.MustCompile(`(?:call|persist)\("([A-Z]+)", "([^"]*)"((?:\s*\+\s*[^,()]*(?:\([^()]*\))?[^,()]*)*)`)
	seen := 0
	for name, text := range source(t, "ui/*.js") {
		for _, m := range form.FindAllStringSubmatch(text, -1) {
			path := m[2]
			if tail := regexp.MustCompile(`"(/[a-z]+)"`).FindStringSubmatch(m[3]); tail != nil {
				path += "*" + tail[1]
			} else if strings.HasSuffix(path, "/") {
				path += "*"
			}
			seen++
			if !served[m[1]+" "+path] {
				t.Errorf("%s calls %s %s", name, m[1], path)
			}
		}
	}
	if seen < 10 {
		t.Errorf("only %d calls were found", seen)
	}
}

func TestTheListOfCallsHasNoDoubles(t *testing.T) {
	var list []string
	for _, c := range newTerminal(t).web.calls() {
		list = append(list, c.method+c.path)
	}
	sorted := slices.Sorted(slices.Values(list))
	if !reflect.DeepEqual(slices.Compact(slices.Clone(sorted)), sorted) {
		t.Errorf("%v", sorted)
	}
}
