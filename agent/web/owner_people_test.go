package web

import (
	"strings"
	"testing"
)

// TestAnOpenPageAloneLetsNobodyIn: whoever finds the owner's page open neither makes a
// manager nor takes over anybody's name, and learns nobody's PIN.
func TestAnOpenPageAloneLetsNobodyIn(t *testing.T) {
	tm := newTerminal(t)
	c := tm.owner()
	if a := c.post("/owner/people/cas", "do", "disable"); a.status != 303 {
		t.Fatalf("shutting somebody out: %d %s", a.status, a.body)
	}
	asks := strings.Count(c.do("GET", "/owner/people", "").body, `name="password"`)
	if asks != 5 { // three new secrets, one who is let in again, and a new person
		t.Errorf("the page asks for the password %d times", asks)
	}
	for path, form := range map[string][]string{
		"/owner/people":     {"name", "Eve", "role", "manager", "secret", "481625"},
		"/owner/people/own": {"do", "secret", "secret", "a sentence of Eve's"},
		"/owner/people/mia": {"do", "secret", "secret", "481625"},
		"/owner/people/cas": {"do", "enable"},
	} {
		t.Run(path, func(t *testing.T) { nobodyComesIn(t, path, form) })
	}
}

// nobodyComesIn sends a form of the owner's page without the owner's password.
func nobodyComesIn(t *testing.T, path string, form []string) {
	tm := newTerminal(t)
	c := tm.owner()
	c.post("/owner/people/cas", "do", "disable")
	for _, password := range []string{"", "not the password"} {
		a := c.post(path, append(form, "password", password)...)
		if a.status != 401 || !strings.Contains(a.body, "That is not right") || strings.Contains(a.body, "481625") || password != "" && strings.Contains(a.body, password) {
			t.Errorf("with the password %q: %d %s", password, a.status, a.body)
		}
	}
	cass, _ := tm.Person(t.Context(), "cas")
	own, _ := tm.Person(t.Context(), "own")
	mia, _ := tm.Person(t.Context(), "mia")
	if len(tm.people) != 3 || !cass.Disabled || own.Secret != "hash:open sesame 123" || mia.Secret != "hash:222222" {
		t.Errorf("the people are %+v", tm.people)
	}
	if n := tm.audited("approval_refused"); n != 2 {
		t.Errorf("%d refusals are in the audit trail", n)
	}
}

// TestAPINThatIsTakenIsNotToldToAPageThatWasLeftOpen: what is wrong with a PIN comes after
// the password.
func TestAPINThatIsTakenIsNotToldToAPageThatWasLeftOpen(t *testing.T) {
	tm := newTerminal(t)
	tm.people[2].Secret = "hash:519302"
	a := tm.owner().post("/owner/people", "name", "Ann", "role", "cashier", "secret", "519302", "password", "a guess")
	if a.status != 401 || strings.Contains(a.body, "another PIN") {
		t.Errorf("%d %s", a.status, a.body)
	}
}
