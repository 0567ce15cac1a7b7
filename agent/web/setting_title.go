package web

import "strings"

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
		return s.Words.Text(lang, "setting.codes", scheme)
	}
	return r.Title
}
