package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"tillwire/agent/settings"
)

// fault is one thing wrong in the configuration: where, what, and what to do.
type fault struct {
	File  string `json:"file"`
	Line  int    `json:"line,omitempty"`
	Key   string `json:"key,omitempty"`
	What  string `json:"what"`
	Do    string `json:"do"`
	Fatal bool   `json:"fatal"` // nothing can be sold before it is put right
}

// Error says where, what and what to do.
func (f fault) Error() string { return strings.TrimSuffix(f.where()+f.What+" "+f.Do, " ") }

// where is the place of the fault, "FILE, line N: KEY: ".
func (f fault) where() string {
	where := f.File
	if f.Line > 0 {
		where += fmt.Sprintf(", line %d", f.Line)
	}
	if f.Key != "" {
		where += ": " + f.Key
	}
	return where + ": "
}

// readConfig reads the operator's file and the site's beside the data. The
// error is for a file that cannot be read or is no TOML; everything else comes
// back as faults next to what could be understood, because a broken part must
// not stop the others.
func readConfig(file string) (config, []fault, error) {
	c, faults, err := readFile(file)
	if err != nil {
		return c, faults, err
	}
	data := c.Terminal.Data
	if data == "" {
		data = "/var/lib/tillwire"
	}
	site, siteFaults, err := readFile(filepath.Join(data, siteFile))
	switch {
	case err == nil:
		c.join(site)
		faults = append(faults, siteFaults...)
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
		faults = append(faults, fault{File: filepath.Join(data, siteFile), What: err.Error(), Do: "Repair or remove the file; the first-start page writes it again."})
	}
	faults = append(faults, c.joinFleet(data)...)
	c.defaults()
	return c, append(faults, c.check(file)...), nil
}

// readFile decodes one file strictly.
func readFile(file string) (config, []fault, error) {
	var c config
	file, err := filepath.Abs(file)
	if err != nil {
		return c, nil, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return c, nil, configUnreadable(file, err)
	}
	d := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields()
	err = d.Decode(&c)
	var unknown *toml.StrictMissingError
	var wrong *toml.DecodeError
	var faults []fault
	switch {
	case errors.As(err, &unknown):
		for i := range unknown.Errors {
			faults = append(faults, unknownKey(file, &unknown.Errors[i]))
		}
	case errors.As(err, &wrong):
		line, column := wrong.Position()
		return c, nil, fault{File: file, Line: line, Key: strings.Join(wrong.Key(), "."), Fatal: true,
			What: fmt.Sprintf("column %d: %s.", column, plainWords(wrong.Error())), Do: "Correct this line and try again."}
	case err != nil:
		return c, nil, fault{File: file, What: err.Error() + ".", Do: "Correct the file and try again.", Fatal: true}
	}
	c.lines = readLines(text)
	c.locate(file)
	return c, faults, nil
}

var typePattern = regexp.MustCompile(`cannot decode TOML (\w+) into .* of type (\S+)$`)

// plainWords takes Go's own names out of a complaint about a type.
func plainWords(complaint string) string {
	complaint = strings.TrimPrefix(complaint, "toml: ")
	m := typePattern.FindStringSubmatch(complaint)
	if m == nil {
		return complaint
	}
	want := map[string]string{"string": "a text in quotes", "[]string": "a list of texts", "int": "a whole number", "bool": "true or false"}[m[2]]
	if want == "" {
		want = "a table"
	}
	return "it takes " + want + ", not this " + m[1]
}

// told is a cause in a person's words; its own would say the same again.
type told struct {
	say   string
	cause error
}

// Error is the sentence alone.
func (e told) Error() string { return e.say }

// Unwrap returns the cause.
func (e told) Unwrap() error { return e.cause }

func configUnreadable(file string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return told{fmt.Sprintf("%s: there is no such file. Give the configuration's name with --config; the package installs one as %s", file, defaultConfig), err}
	case errors.Is(err, fs.ErrPermission):
		return told{fmt.Sprintf("%s: not readable for this user. Run the command as root or as the user tillwire", file), err}
	}
	return fmt.Errorf("read configuration: %w", err)
}

// unknownKey reports a key that nobody reads, with the one that was meant.
func unknownKey(file string, e *toml.DecodeError) fault {
	line, _ := e.Position()
	key := e.Key()
	f := fault{File: file, Line: line, Key: strings.Join(key, "."), What: "there is no such key."}
	known := keysAt(reflect.TypeFor[config](), key[:len(key)-1])
	if near := settings.Nearest(key[len(key)-1], known); near != "" {
		f.Do = fmt.Sprintf("Did you mean %s?", near)
	} else {
		f.Do = "Known here: " + strings.Join(known, ", ") + "."
	}
	return f
}

// keysAt lists the keys of the table at a path of keys.
func keysAt(t reflect.Type, path []string) (known []string) {
	for t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		name := t.Field(i).Tag.Get("toml")
		switch {
		case name == "":
		case len(path) == 0:
			known = append(known, name)
		case name == path[0]:
			return keysAt(t.Field(i).Type, path[1:])
		}
	}
	return known
}
