package web

import (
	"strings"

	"tillwire/agent/words"
)

// settingTitle is what a setting is called in a language. The table of settings has its
// English; the timers of all protocols are called alike, and the rules of codes by the
// scheme.
func (s *Server) settingTitle(lang string, r SettingRow) string {
	family, name, _ := strings.Cut(r.Key, ".")
	for _, key := range []string{"setting." + r.Key, "setting.timer." + name} {
		if s.Words.Has(lang, key) {
			return s.Words.Text(lang, key)
		}
	}
	if scheme, ok := strings.CutPrefix(r.Title, "Codes: "); ok && family == "codes" {
		return s.Words.Text(lang, "setting.codes", s.Words.Scheme(lang, scheme))
	}
	return r.Title
}

// settingHelp is what is said about a setting in a language, as settingTitle. A pattern
// that nobody publishes has help of its own.
func (s *Server) settingHelp(lang string, r SettingRow) string {
	family, name, _ := strings.Cut(r.Key, ".")
	keys := []string{"setting." + r.Key + ".help", "setting.timer." + name + ".help"}
	if family == "codes" {
		keys = []string{"setting." + r.Key + ".help", "setting.codes.help"}
		if r.Default == "" {
			keys[1] = "setting.codes.unknown.help"
		}
	}
	for _, key := range keys {
		if lang == words.English {
			break // the table's own
		}
		if s.Words.Has(lang, key) {
			return s.Words.Text(lang, key)
		}
	}
	return r.Help
}

// settingRange says what is allowed without words, except in English: "300ms – 10s".
func settingRange(lang, span string) string {
	if lang == words.English {
		return span
	}
	return strings.TrimSuffix(strings.ReplaceAll(span, " to ", " – "), " characters")
}
