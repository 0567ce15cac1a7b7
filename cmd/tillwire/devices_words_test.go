package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tillwire/agent/words"
)

// Whatever a driver says about a device, its page says in every language.
func TestEveryTroubleOfADeviceIsKnownInEveryLanguage(t *testing.T) {
	w, err := words.New()
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]string{}
	form := regexp.MustCompile(`"device\.([a-z_]+)"|say\("([a-z_]+)", "`)
	err = filepath.WalkDir("../../drivers", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		text, err := os.ReadFile(name)
		for _, m := range form.FindAllStringSubmatch(string(text), -1) {
			ids[m[1]+m[2]] = name
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	// Answers to somebody who calls, which are no device's state.
	for _, id := range []string{"stopped", "text", "unknown", "hangs", ""} {
		delete(ids, id)
	}
	if len(ids) < 25 {
		t.Fatalf("only %d troubles were found: %v", len(ids), ids)
	}
	for _, l := range w.Languages() {
		for id, file := range ids {
			if !w.Has(l.Code, "trouble."+id) {
				t.Errorf("%s: %s lacks trouble.%s", file, l.Name, id)
			}
		}
	}
}
