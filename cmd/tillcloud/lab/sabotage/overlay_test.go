package sabotage_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tillwire/cmd/tillcloud/lab/sabotage"
)

// root is the module's, from this folder.
const root = "../../../.."

func TestEveryFaultyBuildStillFitsTheSources(t *testing.T) {
	description, err := sabotage.Overlay(root, t.TempDir(), sabotage.Edits())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(description)
	if err != nil {
		t.Fatal(err)
	}
	var overlay struct{ Replace map[string]string }
	if err := json.Unmarshal(text, &overlay); err != nil {
		t.Fatal(err)
	}
	all := ""
	for original, copied := range overlay.Replace {
		edited, err := os.ReadFile(copied)
		if err != nil {
			t.Error(err)
		}
		if !filepath.IsAbs(original) || filepath.Ext(original) != ".go" {
			t.Errorf("%s is no source file", original)
		}
		all += string(edited)
	}
	for _, s := range sabotage.All() {
		if !strings.Contains(all, `sabotaged("`+s.Name+`")`) {
			t.Errorf("nothing in the overlay asks for %s", s.Name)
		}
	}
}

func TestEveryFaultyBuildIsWhole(t *testing.T) {
	names := map[string]bool{}
	for _, s := range sabotage.All() {
		if names[s.Name] || s.Says == "" || s.Campaign == "" || s.Check == "" || len(s.Edits) == 0 {
			t.Errorf("%q is a repeat, or something is missing: %+v", s.Name, s)
		}
		names[s.Name] = true
		for _, e := range s.Edits {
			if strings.HasPrefix(e.File, "cmd/") {
				t.Errorf("%s edits %s: a faulty laboratory proves nothing", s.Name, e.File)
			}
		}
	}
	if len(names) != 15 {
		t.Errorf("there are %d faulty builds, want fifteen", len(names))
	}
	if _, err := sabotage.Find("no-such-build"); err == nil {
		t.Error("a sabotage that does not exist was found")
	}
}

func TestAnEditThatTheSourcesOutgrewIsNamed(t *testing.T) {
	for _, old := range []string{"this text stands nowhere", "return"} {
		_, err := sabotage.Overlay(root, t.TempDir(), []sabotage.Edit{{File: "offline/conn.go", Old: old, New: ""}})
		if err == nil || !strings.Contains(err.Error(), old) || !strings.Contains(err.Error(), "offline/conn.go") {
			t.Errorf("the edit of %q: %v", old, err)
		}
	}
}
