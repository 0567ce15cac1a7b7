package sabotage

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Edit replaces a text of a source file, which must stand there exactly once.
type Edit struct {
	File     string // from the root of the module, with slashes
	Old, New string
}

// Sabotage is one faulty build.
type Sabotage struct {
	Name     string // the value of TILLWIRE_SABOTAGE
	Says     string // how its author would defend it
	Edits    []Edit
	Campaign string // that must catch it
	Check    string // of the oracle, by which it must be caught
}

// Find returns the faulty build of a name.
func Find(name string) (Sabotage, error) {
	var names []string
	for _, s := range All() {
		if s.Name == name {
			return s, nil
		}
		names = append(names, s.Name)
	}
	return Sabotage{}, fmt.Errorf("no sabotage is called %q; there are %s", name, strings.Join(names, ", "))
}

// Edits are those of all faulty builds.
func Edits() (all []Edit) {
	for _, s := range All() {
		all = append(all, s.Edits...)
	}
	return all
}

// Overlay applies edits to the module at root and writes what "go build -overlay"
// needs into dir. It returns the path of the overlay's description. An edit whose
// text is not there exactly once is an error that names it: the source has moved
// on, and the edit has to follow.
func Overlay(root, dir string, edits []Edit) (string, error) {
	replace := map[string]string{}
	put := func(file, text string) error {
		copied := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		absolute, err := filepath.Abs(filepath.Join(root, filepath.FromSlash(file)))
		replace[absolute] = copied
		return errors.Join(err, os.WriteFile(copied, []byte(text), 0o644))
	}
	edited, err := apply(root, edits)
	if err != nil {
		return "", err
	}
	for file, text := range edited {
		if err := put(file, text); err != nil {
			return "", err
		}
		if strings.Contains(text, "sabotaged(") {
			folder := path.Dir(file)
			if err := put(folder+"/sabotaged.go", fmt.Sprintf(switchboard, path.Base(folder))); err != nil {
				return "", err
			}
		}
	}
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", err
	}
	description := filepath.Join(dir, "overlay.json")
	return description, os.WriteFile(description, text, 0o644)
}

// switchboard is the file that every package with an edit gets. Their folders have
// the names of their packages.
const switchboard = `package %s

import "os"

func sabotaged(name string) bool { return os.Getenv("TILLWIRE_SABOTAGE") == name }
`

// apply returns the edited files.
func apply(root string, edits []Edit) (map[string]string, error) {
	texts := map[string]string{}
	var errs []error
	for _, e := range edits {
		text, ok := texts[e.File]
		if !ok {
			content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(e.File)))
			if err != nil {
				errs = append(errs, fmt.Errorf("an edit is for a file that cannot be read: %w", err))
				continue
			}
			text = string(content)
		}
		if n := strings.Count(text, e.Old); n != 1 {
			errs = append(errs, fmt.Errorf("bring this edit of a faulty build up to date: its old text is %d times in %s, not once:\n%s", n, e.File, e.Old))
			continue
		}
		texts[e.File] = strings.Replace(text, e.Old, e.New, 1)
	}
	return texts, errors.Join(errs...)
}
