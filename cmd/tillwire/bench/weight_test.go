package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// slower is by how much the processor of the measured browser is slowed down: a shop's
// box is no developer's machine.
const slower = 6

// visits is how often a page is opened.
const visits = 9

// watcher notes in a page when something can first be seen. It runs before the page's
// own scripts.
const watcher = `window.seen = {}; (() => {
  const look = () => {
    const word = document.getElementById("v-word");
    if (word && word.checkVisibility() && word.textContent.trim()) setTimeout(() => { window.seen.verdict ??= performance.now(); });
    if (!window.seen.verdict) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})();`

// measured is what a page says of its own loading, in milliseconds and bytes.
type measured struct{ Paint, Ready, Verdict, Bytes, Files float64 }

const report = `JSON.stringify((() => {
  const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")].filter((e) => !e.name.includes("/events"));
  return { Paint: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0, Ready: performance.getEntriesByType("navigation")[0].domContentLoadedEventEnd,
    Verdict: window.seen.verdict ?? 0, Bytes: all.reduce((sum, e) => sum + e.transferSize, 0), Files: all.length };
})())`

// weight measures what the pages weigh on the wire and how long a slow machine takes
// until they can be used: a browser without a cache, its processor slowed down.
func weight(b *testing.B) {
	c, err := openCloud(0)
	if err != nil {
		b.Fatal(err)
	}
	defer c.close()
	a, err := prepare(b.TempDir(), c, 1, true)
	if err != nil {
		b.Fatal(err)
	}
	if err := a.hire(); err != nil {
		b.Fatal(err)
	}
	people, err := a.staff()
	if err != nil {
		b.Fatal(err)
	}
	if err := a.start(""); err != nil {
		b.Fatal(err)
	}
	defer a.stop()
	tab, end, err := browse(a.base, people)
	if err != nil {
		b.Fatal(err)
	}
	defer end()
	if _, _, err := a.open(0, "weight"); err != nil {
		b.Fatal(err)
	}
	fmt.Printf("pages, processor %d times slower, nothing cached, medians of %d visits:\n", slower, visits)
	for _, p := range []struct{ what, path, shows string }{
		{"register", "/register", "window.seen.verdict"}, {"owner, today", "/owner", "document.querySelector('.takings')"}, {"customer display", "/display/1", "true"},
	} {
		var paint, ready, verdict figures
		var last measured
		for range visits {
			if last, err = visit(tab, a.base+p.path, p.shows); err != nil {
				b.Fatal(p.what, err)
			}
			paint, ready, verdict = append(paint, last.Paint), append(ready, last.Ready), append(verdict, last.Verdict)
		}
		fmt.Printf("  %-18s %.1f KiB in %.0f files; first paint %.0f ms, interactive %.0f ms", p.what, last.Bytes/1024, last.Files, paint.median(), ready.median())
		if verdict.median() > 0 {
			fmt.Printf(", first live verdict %.0f ms", verdict.median())
		}
		fmt.Println()
	}
}

// hire adds a cashier.
func (a *agent) hire() error {
	cmd := exec.Command(program, "people", "set", "--config", a.config(), "--role", "cashier", "--name", "Cass")
	cmd.Stdin = strings.NewReader(benchPIN + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("people set: %v\n%s", err, out)
	}
	return nil
}

// visit opens a page and returns what it measured when it shows what it should.
func visit(tab context.Context, address, shows string) (m measured, err error) {
	if err := chromedp.Do(tab, chromedp.Navigate(address)); err != nil {
		return m, err
	}
	limit := time.After(20 * time.Second)
	for {
		done, err := chromedp.Run(tab, chromedp.Evaluate[bool]("Boolean("+shows+") && performance.getEntriesByName('first-contentful-paint').length > 0"))
		if err == nil && done {
			break
		}
		select {
		case <-limit:
			return m, fmt.Errorf("%s never shows %s: %v", address, shows, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	text, err := chromedp.Run(tab, chromedp.Evaluate[string](report))
	if err != nil {
		return m, err
	}
	return m, json.Unmarshal([]byte(text), &m)
}

// browse starts a browser in which a cashier and the owner are signed in.
func browse(base string, people map[string]string) (context.Context, func(), error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, nil, fmt.Errorf("the weight of pages is measured in Chromium: apt-get install chromium (%w)", err)
	}
	alloc, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("lang", "en-US"), chromedp.WindowSize(1280, 800), chromedp.WSURLReadTimeout(time.Minute))...)
	tab, cancel := chromedp.NewContext(alloc)
	end := func() { cancel(); stop() }
	cashier := fmt.Sprintf(`fetch("/api/v1/session", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ person: %q, pin: %q }) })`, people["cashier"], benchPIN)
	owner := fmt.Sprintf(`fetch("/owner/login", { method: "POST", body: new URLSearchParams({ person: %q, password: %q }) })`, people["owner"], benchPassword)
	err = chromedp.Do(tab, chromedp.Navigate(base+"/register"))
	for _, signIn := range []string{cashier, owner} {
		if err != nil {
			break
		}
		var status int
		if status, err = chromedp.Run(tab, chromedp.Evaluate[int](signIn+".then((r) => r.status)", chromedp.EvalAwaitPromise)); err == nil && status != 200 {
			err = fmt.Errorf("%s: %d", signIn, status)
		}
	}
	if err == nil {
		_, err = chromedp.Call(tab, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
	}
	if err == nil {
		_, err = chromedp.Call(tab, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watcher})
	}
	if err == nil {
		_, err = chromedp.Call(tab, emulation.SetCPUThrottlingRate, emulation.SetCPUThrottlingRateParams{Rate: slower})
	}
	if err != nil {
		end()
		return nil, nil, err
	}
	return tab, end, nil
}
