package web

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// browser is a headless Chromium that looks at a terminal.
type browser struct {
	*terminal
	ctx  context.Context
	said chan string // what a page complained about
}

// patience is how long anything may take before it counts as lost. Browsers, the agents of
// other packages and a broker share two processors with these tests: none is about speed.
const patience = 2 * time.Minute

// chromium is the one browser of all tests; each gets a profile of its own in it.
var chromium = sync.OnceValues(func() (context.Context, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, fmt.Errorf("these tests look at the pages with Chromium: apt-get install chromium (%w)", err)
	}
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.Flag("lang", "en-US"), chromedp.WSURLReadTimeout(patience))
	alloc, stop := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, cancel := chromedp.NewContext(alloc)
	closeChromium = func() { cancel(); stop() }
	return ctx, chromedp.Do(ctx)
})

// closeChromium ends the browser when the last test has run.
var closeChromium = func() {}

func TestMain(m *testing.M) {
	code := m.Run()
	closeChromium()
	os.Exit(code)
}

// newBrowser opens a window of the given size, with a profile of its own. It ends
// with the test.
func (tm *terminal) newBrowser(width, height int64) *browser {
	tm.t.Helper()
	return tm.newBrowserFor(width, height, 3*patience)
}

// newBrowserFor is newBrowser for a test that looks at more than others do.
func (tm *terminal) newBrowserFor(width, height int64, limit time.Duration) *browser {
	tm.t.Helper()
	shared, err := chromium()
	if err != nil {
		tm.t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(shared, chromedp.WithNewBrowserContext())
	tm.t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, limit)
	tm.t.Cleanup(cancel)
	b := &browser{terminal: tm, ctx: ctx, said: make(chan string, 256)}
	var view []chromedp.EmulateViewportOption
	if width < 600 {
		view = append(view, chromedp.EmulateMobile)
	}
	b.do(chromedp.EmulateViewport(width, height, view...))
	b.listen()
	return b
}

// listen gathers what pages complain about: exceptions, refused policies, calls
// of console.error. Answers with an error status are the pages' business.
func (b *browser) listen() {
	messages := chromedp.Console(b.ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if (m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleException) && m.Source != "network" {
				select {
				case b.said <- fmt.Sprint(m, " ", m.URL):
				default:
				}
			}
		}
	}()
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// open goes to a page of the terminal.
func (b *browser) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.http.URL + path))
}

// settled is an expression: what the register shows has stood for so long that a key or a
// hand can only be meant for it.
const settled = `document.querySelector("#verdict[data-fresh]") === null`

// keys types on the page, as somebody does who has read what it says.
func (b *browser) keys(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		if k == kb.Enter || k == kb.Escape || k == kb.F4 {
			b.until(settled)
		}
		b.do(chromedp.KeyEvent(k))
	}
}

// until waits until an expression holds on the page. A page that is just being
// left has nothing to say yet.
func (b *browser) until(expression string) {
	b.t.Helper()
	limit := time.After(patience)
	for {
		holds, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool]("Boolean("+expression+")"))
		if err == nil && holds {
			return
		}
		select {
		case <-limit:
			state, _ := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.body.innerText`))
			b.t.Fatalf("%s never holds: %v\n%s", expression, err, state)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// js evaluates an expression to text.
func (b *browser) js(expression string) string {
	b.t.Helper()
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("String("+expression+")"))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return text
}

func (b *browser) text(id string) string {
	b.t.Helper()
	return strings.TrimSpace(b.js(`document.getElementById("` + id + `").textContent`))
}

// shows is an expression: the element is on the screen and holds the text.
func shows(id, text string) string {
	return fmt.Sprintf(`(e => e && e.checkVisibility() && e.textContent.includes(%q))(document.getElementById(%q))`, text, id)
}

// quiet fails the test when a page has complained.
func (b *browser) quiet() {
	b.t.Helper()
	for {
		select {
		case text := <-b.said:
			b.t.Errorf("the page complains: %s", text)
		default:
			return
		}
	}
}

// shot keeps a picture of the page when TILLWIRE_GALLERY names a folder.
func (b *browser) shot(name string) {
	b.t.Helper()
	dir := os.Getenv("TILLWIRE_GALLERY")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}
