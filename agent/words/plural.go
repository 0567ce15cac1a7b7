package words

import (
	"math"
	"strconv"

	"github.com/nicksnyder/go-i18n/v2/i18n"
)

// formsOf are the texts of a message by its plural forms (Unicode CLDR: zero, one,
// two, few, many, other). A text without forms is "other" alone.
func formsOf(m *i18n.Message) map[string]string {
	forms := map[string]string{}
	for form, text := range map[string]string{"zero": m.Zero, "one": m.One, "two": m.Two, "few": m.Few, "many": m.Many, "other": m.Other} {
		if text != "" {
			forms[form] = text
		}
	}
	return forms
}

// Script is a text for a page's script, which fills in the arguments by itself: the
// text, or its plural forms by their names where it has several.
func (w *Words) Script(lang, key string) any {
	if !w.Has(lang, key) {
		lang = English
	}
	if forms := w.of(lang).forms[key]; forms != nil {
		return forms
	}
	return w.Text(lang, key)
}

// count is the number by which a text takes its plural form: the first argument that
// is a whole number, written or counted. Without one it is the form for many things.
func count(args []any) any {
	for _, a := range args {
		switch n := a.(type) {
		case int:
			return n
		case int64:
			return n
		case string:
			if whole, err := strconv.ParseUint(n, 10, 31); err == nil {
				return int(whole)
			}
		}
	}
	return math.MaxInt32
}

// The signs that keep an argument apart from the direction of the text around it
// (Unicode UAX 9): without them an order number or a minus sign in an Arabic sentence
// would change sides.
const (
	firstStrong = "\u2068"
	leftToRight = "\u2066"
	isolateEnds = "\u2069"
)

// isolated puts an argument into a text of a language written from right to left. A
// bare number is the same in either direction.
func (s *speaker) isolated(arg any) any {
	text, ok := arg.(string)
	if !s.right || !ok || text == "" {
		return arg
	}
	if _, err := strconv.ParseUint(text, 10, 64); err == nil {
		return arg
	}
	return firstStrong + text + isolateEnds
}
