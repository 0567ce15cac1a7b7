//go:build pictures

package web

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestPictures keeps a picture of every screen in three sizes and both themes, in the languages
// that differ most: Latin letters, Chinese, and Arabic from right to left. TILLWIRE_PICTURES is
// the folder, TILLWIRE_A11Y other languages.
func TestPictures(t *testing.T) {
	dir := os.Getenv("TILLWIRE_PICTURES")
	if dir == "" {
		t.Fatal("TILLWIRE_PICTURES has to name a folder; make pictures does")
	}
	languages := strings.Fields(os.Getenv("TILLWIRE_A11Y"))
	if len(languages) == 0 {
		languages = []string{"en", "zh-CN", "ar"}
	}
	for _, lang := range languages {
		t.Run(lang, func(t *testing.T) {
			folder := filepath.Join(dir, lang)
			if err := os.MkdirAll(folder, 0o755); err != nil {
				t.Fatal(err)
			}
			walk(t, lang, 25*time.Minute, func(b *browser) func(string) {
				return func(stop string) { b.pictures(folder, stop) }
			})
			guide(t, lang, folder)
		})
	}
}

// pictures takes the page as it stands in every size and theme, and leaves it as it was.
func (b *browser) pictures(folder, stop string) {
	b.t.Helper()
	for _, size := range []struct{ width, height int64 }{{390, 844}, {1920, 1080}, {1280, 800}} {
		var view []chromedp.EmulateViewportOption
		if size.width < 600 {
			view = append(view, chromedp.EmulateMobile)
		}
		b.do(chromedp.EmulateViewport(size.width, size.height, view...))
		for _, theme := range []string{"dark", "light"} {
			b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.documentElement.dataset.theme = %q`, theme)))
			b.until(`document.fonts.status === "loaded"`)
			png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
			if err != nil {
				b.t.Fatalf("%s: %v", stop, err)
			}
			// Not innerWidth, which on a phone grows with what does not fit.
			if wide := b.js(fmt.Sprintf(`document.documentElement.scrollWidth > %d`, size.width+1)); wide == "true" {
				b.t.Errorf("%s at %d scrolls sideways", stop, size.width)
			}
			name := fmt.Sprintf("%s-%dx%d-%s.png", stop, size.width, size.height, theme)
			if err := os.WriteFile(filepath.Join(folder, name), png, 0o644); err != nil {
				b.t.Fatal(err)
			}
		}
	}
}
