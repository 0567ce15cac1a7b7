// Package words says things to people in their language: the sentences whose
// ids the root and the rooms yield, the texts of the pages, amounts and times.
//
// It is a leaf: it imports the root of agent, the translation library and
// nothing else of ours. Catalogues are files in catalog/; English sentences are
// not repeated there, because the place that says a sentence holds its English.
package words

import (
	"embed"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

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
}

// known lists the languages in the order in which switches show them. A
// catalogue that is not listed here is not offered.
var known = []Language{{English, "English"}, {"zh-CN", "简体中文"}}

// Words translates. It is safe for concurrent use.
type Words struct {
	matcher language.Matcher
	speak   map[string]*i18n.Localizer
	ids     map[string]map[string]bool // language → ids its catalogue holds
}

// New reads the catalogues that are built into the program; an error means that
// one of them is not readable.
func New() (*Words, error) {
	bundle := i18n.NewBundle(language.English)
	w := &Words{speak: map[string]*i18n.Localizer{}, ids: map[string]map[string]bool{}}
	var tags []language.Tag
	for _, l := range known {
		name := path.Join("catalog", l.Code+".json")
		text, err := catalog.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("words: read the catalogue of %s: %w", l.Name, err)
		}
		file, err := bundle.ParseMessageFileBytes(text, name)
		if err != nil {
			return nil, fmt.Errorf("words: parse %s: %w", name, err)
		}
		w.ids[l.Code] = map[string]bool{}
		for _, m := range file.Messages {
			w.ids[l.Code][m.ID] = true
		}
		tags = append(tags, language.MustParse(l.Code))
		w.speak[l.Code] = i18n.NewLocalizer(bundle, l.Code)
	}
	w.matcher = language.NewMatcher(tags)
	return w, nil
}

// Languages lists what Match can answer.
func (w *Words) Languages() []Language { return append([]Language(nil), known...) }

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
			return known[i].Code
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
	if lang == English || s.ID == "" {
		return s.English
	}
	args := w.brands(lang, s)
	id := s.ID
	for _, family := range prefixed {
		if reason, ok := strings.CutPrefix(s.ID, family); ok {
			why := agent.Reason(reason).Say()
			id, args = strings.TrimSuffix(family, "."), append([]string{w.Say(lang, why)}, s.Args...)
		}
	}
	text, ok := w.find(lang, id, anys(args))
	if !ok {
		return s.English
	}
	return text
}

// brands puts the names of wallets in a sentence about a scanned code into the
// language, where they have one there.
func (w *Words) brands(lang string, s agent.Sentence) []string {
	if !strings.HasPrefix(s.ID, "scan.") {
		return s.Args
	}
	args := slices.Clone(s.Args)
	for i, arg := range args {
		if name, ok := w.find(lang, "brand."+arg, nil); ok {
			args[i] = name
		}
	}
	return args
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
	for id := range w.ids[English] {
		if strings.HasPrefix(id, prefix) {
			keys = append(keys, id)
		}
	}
	slices.Sort(keys)
	return keys
}

// Has reports whether the catalogue of a language holds an id.
func (w *Words) Has(lang, id string) bool { return w.ids[lang][id] }

func (w *Words) find(lang, id string, args []any) (string, bool) {
	speak := w.speak[lang]
	if speak == nil || !w.ids[lang][id] {
		return "", false
	}
	// Positions, not names: the root's sentences carry a list of arguments.
	data := make(map[string]any, len(args))
	for i, a := range args {
		data["A"+strconv.Itoa(i+1)] = a
	}
	text, err := speak.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data})
	return text, err == nil
}

func anys(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
