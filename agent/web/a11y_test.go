//go:build a11y

package web

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tillwire/agent/words"
)

// axe asks axe-core for every violation of WCAG 2.2 A and AA on the page as it stands, in one
// theme. What it cannot decide by itself ("incomplete") is a person's business: make pictures.
const axe = `(async (theme) => {
  document.documentElement.dataset.theme = theme;
  const found = await window.axe.run(document, {
    runOnly: { type: "tag", values: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"] },
    rules: { "target-size": { enabled: true } },
    resultTypes: ["violations"],
  });
  return { rules: found.passes.length + found.violations.length, wrong: found.violations.map((v) => v.id + ": " + v.help + "\n" + v.nodes.map((n) => "  " + n.target.join(" ") + "\n    " + n.failureSummary.replaceAll("\n", "\n    ")).join("\n")) };
})`

// TestNoPageBreaksWCAG walks through every screen, in each language and both themes, and has
// axe-core look at it. TILLWIRE_A11Y names languages, when not all of them are wanted.
func TestNoPageBreaksWCAG(t *testing.T) {
	script, err := os.ReadFile(filepath.Join("a11y", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatalf("axe-core is not here; make a11y fetches it: %v", err)
	}
	languages := strings.Fields(os.Getenv("TILLWIRE_A11Y"))
	if len(languages) == 0 {
		languages = words.Codes()
	}
	for _, lang := range languages {
		t.Run(lang, func(t *testing.T) {
			stops := 0
			walk(t, lang, 10*time.Minute, func(b *browser) func(string) {
				return func(stop string) {
					stops++
					if got := b.js(`document.documentElement.lang`); got != lang {
						t.Errorf("%s is in %q, not in %q", stop, got, lang)
					}
					for _, theme := range []string{"light", "dark"} {
						b.conforms(stop, theme, string(script))
					}
				}
			})
			if stops < 65 {
				t.Errorf("only %d screens were looked at", stops)
			}
		})
	}
}

// conforms has axe-core look at the page in a theme.
func (b *browser) conforms(stop, theme, script string) {
	b.t.Helper()
	if b.js(`typeof window.axe`) == "undefined" {
		b.do(chromedp.Evaluate[chromedp.Void](script))
	}
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`%s(%q).then(JSON.stringify)`, axe, theme), chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s, %s: %v", stop, theme, err)
	}
	var found struct {
		Rules int
		Wrong []string
	}
	if err := json.Unmarshal([]byte(text), &found); err != nil {
		b.t.Fatalf("%s, %s: %v", stop, theme, err)
	}
	if found.Rules < 6 {
		b.t.Errorf("%s, %s: axe-core looked at %d rules only", stop, theme, found.Rules)
	}
	for _, wrong := range found.Wrong {
		b.t.Errorf("%s, %s: %s", stop, theme, wrong)
	}
}
