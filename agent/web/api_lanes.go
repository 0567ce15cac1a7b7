package web

import (
	"net/http"

	"tillwire/agent"
)

// maxScan is the longest text a scanner can bring, in bytes; longer is noise.
const maxScan = 4096

// scan takes what a till's own scanner read, as if the lane's scanner had.
func (s *Server) scan(w http.ResponseWriter, r *http.Request, c caller) error {
	var body struct {
		Text string `json:"text"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	lane, err := s.lane(r.PathValue("lane"))
	if err != nil {
		return err
	}
	if err := s.seated(r, c, lane.ID); err != nil {
		return err
	}
	if body.Text == "" || len(body.Text) > maxScan {
		return unreadable("The text of a scan has 1 to 4096 bytes.")
	}
	result := s.Counter.Scan(r.Context(), lane.ID, agent.NewPayCode(body.Text))
	lang := s.apiLanguage(r)
	out := struct {
		Accepted bool         `json:"accepted"`
		Say      string       `json:"say"`
		Code     string       `json:"code"` // the sentence's id: the same in every language
		Tone     agent.Tone   `json:"tone"`
		Receipt  bool         `json:"receipt"`
		Payment  *paymentJSON `json:"payment,omitempty"`
	}{Accepted: result.Accepted, Receipt: result.Receipt, Say: s.Words.Say(lang, result.Say), Code: result.Say.ID, Tone: result.Tone}
	if result.Payment != nil {
		p := s.payment(lang, *result.Payment)
		out.Payment = &p
	}
	status := http.StatusOK
	if result.Accepted {
		status = http.StatusAccepted
	}
	s.respond(w, status, out)
	return nil
}
