package web

import (
	"cmp"
	"net/http"
	"strings"

	"tillwire/agent"
)

// settingsData is the table with what was just tried.
type settingsData struct {
	Groups []settingGroup
	Key    string // of the setting that was changed or refused
	Wrong  string // why it was refused
	Typed  string
	Done   agent.Effect // when it takes hold
	Latest []changeRow
}

// changeRow is a change of a setting in words.
type changeRow struct {
	SettingChange
	Title, Who string
}

// changesShown is how many changes the page lists.
const changesShown = 50

func (s *Server) ownerSettings(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	return s.settingsPage(w, r, me, http.StatusOK, settingsData{Key: r.URL.Query().Get("key"), Done: agent.Effect(r.URL.Query().Get("done"))})
}

func (s *Server) settingsPage(w http.ResponseWriter, r *http.Request, me agent.Person, status int, d settingsData) error {
	if s.Settings != nil {
		rows, who := s.Settings.Settings(), s.doers(r)
		changes, err := s.Settings.Changes(r.Context(), changesShown)
		if err != nil {
			return err
		}
		titles, lang := map[string]string{}, s.language(r)
		for i := range rows {
			rows[i].Help, rows[i].Range = s.settingHelp(lang, rows[i]), settingRange(lang, rows[i].Range)
			rows[i].Title = s.settingTitle(lang, rows[i])
			rows[i].By, rows[i].Default = who(rows[i].By), s.tongue(rows[i].Key, rows[i].Default)
			titles[rows[i].Key] = rows[i].Title
		}
		for _, c := range changes {
			c.Was, c.Value = s.tongue(c.Key, c.Was), s.tongue(c.Key, c.Value)
			// What an older version or a wallet that is gone had keeps its key.
			d.Latest = append(d.Latest, changeRow{c, cmp.Or(titles[c.Key], c.Key), who(c.By)})
		}
		d.Groups = settingGroups(rows, d.Key)
	}
	s.render(w, r, status, "owner_settings", ownerView("settings", me, d))
	return nil
}

// tongue is the value of a setting as people read it: a language's own name for itself, any
// other as it is.
func (s *Server) tongue(key, value string) string {
	for _, l := range s.Words.Languages() {
		if key == shopLanguage && l.Code == value {
			return l.Name
		}
	}
	return value
}

// manySettings is from how many rows on a family of settings is folded: what a shop
// changes once a year must not hide what it changes in its first week.
const manySettings = 5

// settingGroup is a family of settings: those whose keys begin alike.
type settingGroup struct {
	Name    string // what the keys begin with; "" for the few that are always seen
	Rows    []SettingRow
	Changed int  // how many have a value of their own
	Open    bool // one of them was just tried
}

// settingGroups gathers what belongs together, in the order of the table, the small
// families first and in one group.
func settingGroups(rows []SettingRow, tried string) []settingGroup {
	family := func(key string) string { name, _, _ := strings.Cut(key, "."); return name }
	size := map[string]int{}
	for _, r := range rows {
		size[family(r.Key)]++
	}
	groups := []settingGroup{{}}
	at := map[string]int{}
	for _, r := range rows {
		name := family(r.Key)
		if size[name] < manySettings {
			name = ""
		}
		i, known := at[name]
		if !known && name != "" {
			i = len(groups)
			at[name] = i
			groups = append(groups, settingGroup{Name: name})
		}
		g := &groups[i]
		g.Rows = append(g.Rows, r)
		if r.By != "" {
			g.Changed++
		}
		g.Open = g.Open || r.Key == tried
	}
	if len(groups[0].Rows) == 0 && len(groups) > 1 {
		return groups[1:]
	}
	return groups
}

// groupTitle is a family's name in words: a wallet's or protocol's timers, or the
// rules by which codes are told apart.
func (s *Server) groupTitle(lang, name string) string {
	if key := "settings.group." + name; s.Words.Has(lang, key) {
		return s.Words.Text(lang, key)
	}
	return s.Words.Text(lang, "settings.group", s.Words.Wallet(lang, name))
}

// changeSetting takes one new value; the table says whether it is possible.
func (s *Server) changeSetting(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	key, value := r.PostFormValue("key"), r.PostFormValue("value")
	if s.Settings == nil {
		return fail(agent.NotFound, agent.CodeNotFound, "page.not_found", "There is no such page.")
	}
	effect, err := s.Settings.Set(r.Context(), key, value, "person:"+me.ID)
	if err != nil {
		return s.settingsPage(w, r, me, statusOf(err), settingsData{Key: key, Typed: value, Wrong: s.sentence(s.language(r), err)})
	}
	s.audits.note(r.Context(), agent.Audit{Actor: "person:" + me.ID, Action: "setting", Object: key, Detail: value})
	http.Redirect(w, r, "/owner/settings?key="+key+"&done="+string(effect)+"#"+key, http.StatusSeeOther)
	return nil
}
