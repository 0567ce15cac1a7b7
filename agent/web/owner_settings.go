package web

import (
	"net/http"

	"tillwire/agent"
)

// settingsData is the table with what was just tried.
type settingsData struct {
	Rows  []SettingRow
	Key   string // of the setting that was changed or refused
	Wrong string // why it was refused
	Typed string
	Done  agent.Effect // when it takes hold
}

func (s *Server) ownerSettings(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	return s.settingsPage(w, r, me, http.StatusOK, settingsData{Key: r.URL.Query().Get("key"), Done: agent.Effect(r.URL.Query().Get("done"))})
}

func (s *Server) settingsPage(w http.ResponseWriter, r *http.Request, me agent.Person, status int, d settingsData) error {
	if s.Settings != nil {
		d.Rows = s.Settings.Settings()
	}
	s.render(w, r, status, "owner_settings", ownerView("settings", me, d))
	return nil
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
