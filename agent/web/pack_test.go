package web

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
)

// raw reads an answer as it is on the wire.
func (c *client) raw(path, encoding string) (*http.Response, string) {
	c.t.Helper()
	req := c.request("GET", path, "")
	req.Header.Set("Accept-Encoding", encoding) // set by hand, the client unpacks nothing
	res, err := c.agent.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	text, err := readAll(res)
	if err != nil {
		c.t.Fatal(err)
	}
	return res, text
}

// TestPagesAndScriptsArePackedForWhoTakesIt: a slow line to a tablet carries a third, and
// who does not unpack gets the same text.
func TestPagesAndScriptsArePackedForWhoTakesIt(t *testing.T) {
	tm := newTerminal(t)
	c := tm.page()
	for _, path := range []string{"/register", tm.web.assets.url("register.js"), tm.web.assets.url("base.css")} {
		_, plain := c.raw(path, "identity")
		for encoding, wanted := range map[string]bool{"gzip": true, "gzip, deflate, br": true, "br;q=1, GZIP; q=0.5": true, "gzip;q=0": false, "gzip; q=0": false, "br": false} {
			res, body := c.raw(path, encoding)
			got := res.Header.Get("Content-Encoding") == "gzip"
			if got != wanted || !strings.Contains(strings.Join(res.Header.Values("Vary"), ","), "Accept-Encoding") {
				t.Errorf("%s for %q: packed %v, %v", path, encoding, got, res.Header)
				continue
			}
			if !got {
				if body != plain {
					t.Errorf("%s for %q: another text", path, encoding)
				}
				continue
			}
			z, err := gzip.NewReader(strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(z)
			if err != nil || string(text) != plain || len(body) > len(plain)*2/3 {
				t.Errorf("%s: %d bytes of %d, %v", path, len(body), len(plain), err)
			}
		}
	}
	if res, _ := c.raw("/owner", "gzip"); res.Header.Get("Content-Encoding") != "" {
		t.Error("a page that repeats what it was sent is packed")
	}
	small := tm.web.assets.url("icon.svg")
	if res, _ := c.raw(small, "gzip"); res.Header.Get("Content-Encoding") != "" {
		t.Error("what fits into one packet is packed")
	}
}
