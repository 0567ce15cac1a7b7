// Package words says things to people in their language: the sentences whose
// ids the root and the rooms yield, the texts of the pages, amounts and times.
//
// It is a leaf: it imports the root of agent, the translation library and
// nothing else of ours. Catalogues are files in catalog/; English sentences are
// not repeated there, because the place that says a sentence holds its English.
//
// A language is one file, catalog/CODE.json: its name and direction, an example of
// its numbers and amounts, its months, and every text. A text that counts has an
// object of plural forms instead of a string, with the names of Unicode CLDR; the
// first whole number among its arguments chooses. The tests of this package say what
// a new file still lacks.
package words

import (
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"tillwire/agent"
)

//go:embed catalog/*.json
var catalog embed.FS

// English is the language every sentence has.
const English = "en"

// Language is one that pages can be shown in.
type Language struct {
	Code string // BCP 47, as used in catalogue names and the lang attribute
	Name string // in the language itself
	Dir  string // "ltr" or "rtl", as the dir attribute takes it
}

// Words translates. It is safe for concurrent use.
type Words struct {
	matcher language.Matcher
	list    []Language
	speak   map[string]func() (*speaker, error) // reads its catalogue at the first call
	titles  map[string]string                   // of wallets, as the shop calls them
}

// speaker is one language: its catalogue and how it writes figures.
type speaker struct {
	say     *i18n.Localizer
	texts   map[string]string            // id → text, of several plural forms that for many things
	forms   map[string]map[string]string // id → plural form → text, where there are several
	figures Figures
	months  []string
	era     int  // years to add to those of our calendar
	right   bool // written from right to left
}

// Codes lists the languages there are catalogues of, English first, the others in
// the order of their codes. A new file in catalog/ is a new language everywhere.
func Codes() []string {
	codes := []string{English}
	files, err := catalog.ReadDir("catalog")
	if err != nil {
		return codes // an embedded folder can always be read
	}
	for _, f := range files {
		if code := strings.TrimSuffix(f.Name(), ".json"); code != English {
			codes = append(codes, code)
		}
	}
	return codes
}

// New knows the languages that are built into the program. A catalogue is read
// when it is first needed: a shop speaks one language or two, and the memory that
// all of them fill is half of what an idle agent keeps. An error means that a
// catalogue has no name, or that English cannot be read.
func New() (*Words, error) {
	w := &Words{speak: map[string]func() (*speaker, error){}, titles: map[string]string{}}
	var tags []language.Tag
	for _, code := range Codes() {
		tag, err := language.Parse(code)
		if err != nil {
			return nil, fmt.Errorf("words: the catalogue %s is not named by a language: %w", code, err)
		}
		named, err := nameOf(code)
		if err != nil {
			return nil, err
		}
		w.list = append(w.list, named)
		w.speak[code] = sync.OnceValues(func() (*speaker, error) { return read(code, tag) })
		tags = append(tags, tag)
	}
	w.matcher = language.NewMatcher(tags)
	return w, w.Read(English)
}

// Read reads the catalogue of a language now, if it was not read before. An error
// means that it is not readable; its texts are then said in English.
func (w *Words) Read(lang string) error {
	open := w.speak[lang]
	if open == nil {
		return fmt.Errorf("words: there is no catalogue of %q", lang)
	}
	_, err := open()
	return err
}

func file(code string) ([]byte, error) {
	text, err := catalog.ReadFile(path.Join("catalog", code+".json"))
	if err != nil {
		return nil, fmt.Errorf("words: read the catalogue of %s: %w", code, err)
	}
	return text, nil
}

// nameOf is what a catalogue says about its language itself.
func nameOf(code string) (Language, error) {
	text, err := file(code)
	if err != nil {
		return Language{}, err
	}
	own := struct {
		Name string `json:"language.name"`
		Dir  string `json:"language.dir"`
	}{}
	if err := json.Unmarshal(text, &own); err != nil {
		return Language{}, fmt.Errorf("words: the catalogue of %s: %w", code, err)
	}
	return Language{Code: code, Name: own.Name, Dir: own.Dir}, nil
}

func read(code string, tag language.Tag) (*speaker, error) {
	text, err := file(code)
	if err != nil {
		return nil, err
	}
	// A bundle of its own, since a bundle must not be added to while others read it.
	bundle := i18n.NewBundle(tag)
	parsed, err := bundle.ParseMessageFileBytes(text, code+".json")
	if err != nil {
		return nil, fmt.Errorf("words: parse the catalogue of %s: %w", code, err)
	}
	s := &speaker{say: i18n.NewLocalizer(bundle, code), texts: map[string]string{}, forms: map[string]map[string]string{}}
	for _, m := range parsed.Messages {
		s.texts[m.ID] = m.Other
		if forms := formsOf(m); len(forms) > 1 {
			s.forms[m.ID] = forms
		}
	}
	if err := s.learn(); err != nil {
		return nil, fmt.Errorf("words: the catalogue of %s: %w", code, err)
	}
	return s, nil
}

// in is one language; nil where there is no such catalogue, or none that can be read.
func (w *Words) in(lang string) *speaker {
	if open := w.speak[lang]; open != nil {
		s, _ := open() // Read tells why; here English is what is left
		return s
	}
	return nil
}

// Languages lists what Match can answer, in the order in which switches show them.
func (w *Words) Languages() []Language { return slices.Clone(w.list) }

// Dir is the direction a language is written in: "ltr" or "rtl".
func (w *Words) Dir(lang string) string {
	if s := w.in(lang); s != nil && s.right {
		return "rtl"
	}
	return "ltr"
}

// Match picks the language for a list of wishes, most wanted first. A wish is a
// code or a whole Accept-Language header; what is empty or unreadable is passed
// over. Without any usable wish it is English.
func (w *Words) Match(wishes ...string) string {
	for _, wish := range wishes {
		tags, _, err := language.ParseAcceptLanguage(wish)
		if err != nil || len(tags) == 0 {
			continue
		}
		if _, i, sure := w.matcher.Match(tags...); sure > language.No {
			return w.list[i].Code
		}
	}
	return English
}

// prefixed lists the families of sentences that wrap a reason: the catalogue
// holds the wrapping once and every reason once.
var prefixed = []string{"say.not_charged.", "say.loss.", "refund.failed."}

// Say puts a sentence into a language. What the catalogue lacks is said in
// English rather than not at all.
func (w *Words) Say(lang string, s agent.Sentence) string {
	s = w.branded(lang, s)
	if lang == English || s.ID == "" {
		return s.English
	}
	id, args := s.ID, s.Args
	for _, family := range prefixed {
		if reason, ok := strings.CutPrefix(s.ID, family); ok {
			why := agent.Reason(reason).Say()
			id, args = strings.TrimSuffix(family, "."), append([]string{w.Say(lang, why)}, args...)
		}
	}
	text, ok := w.find(lang, id, anys(args))
	if !ok {
		return s.English
	}
	return text
}

// Text is a text of the pages by its key. A key that no catalogue holds comes
// back as it is, so that it is seen; the tests of the pages find it first.
func (w *Words) Text(lang, key string, args ...any) string {
	if text, ok := w.find(lang, key, args); ok {
		return text
	}
	if text, ok := w.find(English, key, args); ok {
		return text
	}
	return key
}

// Keys lists the page texts whose keys begin with prefix, sorted.
func (w *Words) Keys(prefix string) (keys []string) {
	for id := range w.in(English).texts {
		if strings.HasPrefix(id, prefix) {
			keys = append(keys, id)
		}
	}
	slices.Sort(keys)
	return keys
}

// Has reports whether the catalogue of a language holds an id.
func (w *Words) Has(lang, id string) bool {
	s := w.in(lang)
	return s != nil && s.texts[id] != ""
}

func (w *Words) find(lang, id string, args []any) (string, bool) {
	if !w.Has(lang, id) {
		return "", false
	}
	s := w.in(lang)
	ask := i18n.LocalizeConfig{MessageID: id}
	if s.forms[id] != nil {
		ask.PluralCount = count(args)
	}
	// Positions, not names: the root's sentences carry a list of arguments.
	data := make(map[string]any, len(args))
	for i, a := range args {
		data["A"+strconv.Itoa(i+1)] = s.isolated(a)
	}
	ask.TemplateData = data
	text, err := s.say.Localize(&ask)
	return text, err == nil
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
