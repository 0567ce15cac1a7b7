package web

import (
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"sync"
)

//go:embed ui
var ui embed.FS

// assets are the scripts, styles and pictures of the pages. Their address holds
// a digest of them all, so browsers keep them for ever and never mix versions;
// scripts import each other by relative names within that folder.
type assets struct {
	root  string // "/assets/0123456789ab/"
	files map[string]asset
}

type asset struct {
	kind   string
	body   []byte
	packed func() []byte // made when the first browser asks
}

// kinds are the files that are served; anything else in ui/ is not.
var kinds = map[string]string{
	".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml",
}

func loadAssets() (*assets, error) {
	a := &assets{files: map[string]asset{}}
	digest := sha256.New()
	err := fs.WalkDir(ui, "ui", func(name string, entry fs.DirEntry, err error) error {
		kind, served := kinds[path.Ext(name)]
		if err != nil || entry.IsDir() || !served {
			return err
		}
		body, err := fs.ReadFile(ui, name)
		if err != nil {
			return err
		}
		body = lean(name, body)
		fmt.Fprintf(digest, "%s %d\n", name, len(body))
		digest.Write(body)
		a.files[path.Base(name)] = asset{kind, body, sync.OnceValue(func() []byte { return packed(body, gzip.BestCompression) })}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("web: read the built-in pages: %w", err)
	}
	a.root = "/assets/" + hex.EncodeToString(digest.Sum(nil))[:12] + "/"
	return a, nil
}

// url is the address of a file for templates.
func (a *assets) url(name string) string { return a.root + name }

// ServeHTTP serves by exact name out of a table: no path can lead elsewhere.
func (a *assets) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name, current := strings.CutPrefix(r.URL.Path, a.root)
	file, ok := a.files[name]
	if !current || !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", file.kind)
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	w.Header().Set("Vary", "Accept-Encoding")
	body := file.body
	if len(body) >= worthPacking && packs(r) {
		body = file.packed()
		w.Header().Set("Content-Encoding", "gzip")
	}
	_, _ = w.Write(body)
}

var styleComment = regexp.MustCompile(`(?s)/\*.*?\*/`)

// lean leaves out what only people read: whole lines of comment in a script and the
// comments of a style. Lines keep their numbers, so that a browser's complaint still says
// where.
func lean(name string, body []byte) []byte {
	switch path.Ext(name) {
	case ".css":
		return styleComment.ReplaceAll(body, nil)
	case ".js":
		lines := strings.Split(string(body), "\n")
		for i, line := range lines {
			if lines[i] = strings.TrimSpace(line); strings.HasPrefix(lines[i], "//") {
				lines[i] = ""
			}
		}
		return []byte(strings.Join(lines, "\n"))
	}
	return body
}
