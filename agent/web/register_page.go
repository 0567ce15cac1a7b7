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
	d.People = tiles(people)
	offers, lang := s.Counter.Offers(), s.language(r)
	s.render(w, r, http.StatusOK, "register", view{Data: d, Page: s.pageJSON(lang, map[string]any{
		"api": apiRoot, "lane": d.Lane.ID, "currency": d.Currency, "exponents": exponents(), "signs": words.Signs(), "zone": s.Zone.String(),
		"names": s.walletNames(lang), "wallets": wallets(offers, s.Line()), "currencies": currencies(s.Currency, offers), "shows": showing(offers, d.Lane.Wallet),
	})})
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

// exponents lists the currencies whose minor unit is not a hundredth. The root
// does not list its currencies, so every possible code is asked for.
func exponents() map[agent.Currency]int {
	odd := map[agent.Currency]int{}
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			for c := 'A'; c <= 'Z'; c++ {
				if code := agent.Currency([]rune{a, b, c}); code.Known() && code.Exponent() != 2 {
					odd[code] = code.Exponent()
				}
			}
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
	lang := s.displayLanguage(r)
	s.renderIn(w, r, lang, http.StatusOK, "display", view{Page: s.pageJSON(lang, map[string]any{
		"url": k.path(), "test": s.Test, "welcome": s.Words.Text(lang, "display.welcome"), "wait": s.Words.Text(lang, "display.wait"),
	})})
}

// displayLanguage is the shop's unless this customer has chosen: what the cashier
// prefers in the same browser does not count.
func (s *Server) displayLanguage(r *http.Request) string {
	return s.Words.Match(r.URL.Query().Get("lang"), s.Setting("shop.language"))
}
