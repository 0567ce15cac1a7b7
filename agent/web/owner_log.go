package web

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"tillwire/agent"
)

// How many acts the log shows at first, and at most.
const (
	actsFirst = 200
	actsMost  = 5000
)

// logRow is one act of the audit trail.
type logRow struct {
	agent.Audit
	Who, What string
}

// logData is the newest part of the audit trail.
type logData struct {
	Acts []logRow
	More string // address of a longer part; "" when this is all that is shown
}

func (s *Server) ownerLog(w http.ResponseWriter, r *http.Request, me agent.Person) error {
	show := actsFirst
	if asked, err := strconv.Atoi(r.URL.Query().Get("show")); err == nil {
		show = min(max(asked, actsFirst), actsMost)
	}
	acts, err := s.Store.Audits(r.Context(), show+1)
	if err != nil {
		return err
	}
	d := logData{}
	if len(acts) > show {
		acts = acts[:show]
		if show < actsMost {
			d.More = "/owner/log?" + url.Values{"show": {strconv.Itoa(min(show*5, actsMost))}}.Encode()
		}
	}
	lang := s.language(r)
	who := s.doers(r)
	for _, a := range acts {
		a.Object, a.Detail = s.actedOn(lang, a.Object, who), byName(a.Detail, who)
		d.Acts = append(d.Acts, logRow{Audit: a, Who: who(a.Actor), What: s.known(lang, "act", a.Action, who)})
	}
	s.render(w, r, http.StatusOK, "owner_log", ownerView("log", me, d))
	return nil
}

// actedOn is what an act was about: a place of the program, a register, a person.
func (s *Server) actedOn(lang, object string, who func(string) string) string {
	if lane, ok := strings.CutPrefix(object, "lane "); ok {
		return s.laneName(lane)
	}
	return s.known(lang, "act_at", object, who)
}

// byName puts names in the place of the people and tills that a detail tells by their ids.
func byName(detail string, who func(string) string) string {
	parts := strings.Split(detail, " ")
	for i, part := range parts {
		if strings.HasPrefix(part, "person:") || strings.HasPrefix(part, "till:") {
			parts[i] = who(part)
		}
	}
	return strings.Join(parts, " ")
}

// known puts a word that the program itself says into the page's language; what it does
// not know goes through other.
func (s *Server) known(lang, family, word string, other func(string) string) string {
	if key := family + "." + word; s.Words.Has(lang, key) {
		return s.Words.Text(lang, key)
	}
	return other(word)
}

// doers names whoever did something: a person, a till, or a part of the program.
func (s *Server) doers(r *http.Request) func(actor string) string {
	lang, name := s.language(r), s.actors(r.Context())
	return func(actor string) string { return s.known(lang, "actor", actor, name) }
}
