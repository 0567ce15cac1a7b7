package web

import (
	"net/http"
	"slices"
	"strings"

	"tillwire/agent"
	"tillwire/agent/words"
)

// registerData is what the register's template needs. It is the same for everyone:
// before somebody has signed in there is nothing on it but names.
type registerData struct {
	Lane     agent.LaneInfo
	Lanes    []agent.LaneInfo
	Currency agent.Currency
	Sign     string
	People   []tile
	Printer  bool // the lane has one
}

// tile is a name to sign in with.
type tile struct {
	ID, Name string
	Role     agent.Role
	Picked   bool
}

func (s *Server) registerPage(w http.ResponseWriter, r *http.Request) {
	d := registerData{Lanes: s.Counter.Lanes(), Currency: s.Currency, Sign: sign(s.Currency)}
	if id := r.URL.Query().Get("lane"); id != "" {
		lane, err := s.lane(id)
		if err != nil {
			s.problem(w, r, err)
			return
		}
		d.Lane = lane
	} else if len(d.Lanes) > 0 {
		d.Lane = d.Lanes[0]
	}
	people, err := s.Store.People(r.Context())
	if err != nil {
		s.problem(w, r, err)
		return
	}
	d.People, d.Printer = tiles(people), s.Prints(d.Lane.ID)
	offers, lang := s.Counter.Offers(), s.language(r)
	s.render(w, r, http.StatusOK, "register", view{Data: d, Page: s.pageJSON(lang, map[string]any{
		"api": apiRoot, "lane": d.Lane.ID, "currency": d.Currency, "exponents": exponents(), "signs": words.Signs(), "zone": s.Zone.String(),
		"names": s.walletNames(lang), "wallets": wallets(offers, s.Line()), "currencies": currencies(s.Currency, offers), "shows": showing(offers, d.Lane.Wallet),
		"practice": s.practice(lang), "prints": d.Printer, "announce": s.Setting("shop.announce") != "false",
	})})
}

// practiceJSON is what the screen says in one state.
type practiceJSON struct {
	Word string     `json:"word"`
	Tone agent.Tone `json:"tone"`
	Say  string     `json:"say"`
}

// practice gives training the words of real sales: who learns them there knows them.
func (s *Server) practice(lang string) map[agent.State]practiceJSON {
	said := map[agent.State]practiceJSON{}
	for _, st := range []agent.Status{{State: agent.Created}, {State: agent.Sending}, {State: agent.AwaitPayer}, {State: agent.QRShown}, {State: agent.Unknown},
		{State: agent.Reversing}, {State: agent.Closing}, {State: agent.Paid}, {State: agent.Declined, Reason: agent.ReasonNotEnough},
		{State: agent.NotSent, Reason: agent.ReasonCancelled}, {State: agent.Reversed, Reason: agent.ReasonCancelled}, {State: agent.Closed, Reason: agent.ReasonCancelled}} {
		word, tone := st.Word()
		said[st.State] = practiceJSON{s.Words.Say(lang, word), tone, s.Words.Say(lang, agent.Payment{Status: st}.Say())}
	}
	return said
}

// tiles lists who may sign in at the register, cashiers first; with just one
// cashier the choice is made already.
func tiles(people []agent.Person) (list []tile) {
	cashiers := 0
	for _, p := range people {
		if p.Disabled || p.Role == agent.RoleOwner {
			continue
		}
		if p.Role == agent.RoleCashier {
			cashiers++
		}
		list = append(list, tile{ID: p.ID, Name: p.Name, Role: p.Role})
	}
	slices.SortFunc(list, func(a, b tile) int {
		if a.Role != b.Role {
			return strings.Compare(string(a.Role), string(b.Role)) // "cashier" before "manager"
		}
		return strings.Compare(a.Name, b.Name)
	})
	if cashiers == 1 || len(list) == 1 {
		list[0].Picked = true
	}
	return list
}

func sign(c agent.Currency) string {
	if s, ok := words.Signs()[c]; ok {
		return s
	}
	return string(c) + " "
}

// exponents lists the currencies whose minor unit is not a hundredth.
func exponents() map[agent.Currency]int {
	odd := map[agent.Currency]int{}
	for _, c := range agent.Currencies() {
		if c.Exponent() != 2 {
			odd[c] = c.Exponent()
		}
	}
	return odd
}

// displayPage is the customer's screen. It needs no session and shows no names;
// it is for browsers on this machine.
func (s *Server) displayPage(w http.ResponseWriter, r *http.Request) {
	k, err := s.kiosk(r)
	if err != nil {
		s.problem(w, r, err)
		return
	}
	langs := s.displayLanguages(r)
	s.renderIn(w, r, langs[0], http.StatusOK, "display", view{Page: s.pageJSON(langs[0], map[string]any{
		"url": k.path(), "test": s.Test, "wait": s.Words.Text(langs[0], "display.wait"), "chosen": r.URL.Query().Get("lang") != "",
		"exponents": exponents(), "announce": s.Setting("shop.announce") != "false",
	})})
}

// displayLanguages are those that a display shows in turn, or the one that this
// customer has chosen: what the cashier prefers in the same browser does not count.
func (s *Server) displayLanguages(r *http.Request) []string {
	if wish := r.URL.Query().Get("lang"); wish != "" {
		return []string{s.Words.Match(wish, s.Setting(shopLanguage))}
	}
	var langs []string
	for _, word := range strings.FieldsFunc(s.Setting("display.languages"), func(c rune) bool { return c == ',' || c == ' ' }) {
		for _, known := range s.Words.Languages() {
			if strings.EqualFold(known.Code, word) && !slices.Contains(langs, known.Code) {
				langs = append(langs, known.Code)
			}
		}
	}
	if len(langs) == 0 {
		return []string{s.Words.Match(s.Setting(shopLanguage))}
	}
	return langs
}
