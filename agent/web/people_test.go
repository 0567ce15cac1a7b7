package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

func signingInAndOut(t *testing.T) {
	tm := newTerminal(t)
	c := tm.page()
	if a := c.api("GET", "/session", ""); a.status != 401 {
		t.Fatalf("before: %d", a.status)
	}
	a := c.signIn("cas", "111111")
	if got := a.json(t); a.status != 200 || got["name"] != "Cass" || got["role"] != "cashier" {
		t.Fatalf("signing in: %d %s", a.status, a.body)
	}
	set := a.header.Get("Set-Cookie")
	for _, part := range []string{"__Host-tillwire=", "; Path=/", "; HttpOnly", "; Secure", "; SameSite=Strict"} {
		if !strings.Contains(set, part) {
			t.Errorf("the cookie lacks %s: %s", part, set)
		}
	}
	if strings.Contains(set, "Domain") || strings.Contains(set, "Max-Age") {
		t.Errorf("the cookie says too much: %s", set)
	}
	c.want(200, "GET", "/session", "")

	stolen := tm.page()
	stolen.cookies[registerCookie] = c.cookies[registerCookie]
	stolen.want(200, "GET", "/session", "")
	c.want(204, "DELETE", "/session", "")
	stolen.want(401, "GET", "/session", "")
	if len(tm.sessions) != 0 {
		t.Error("the session is still in the store")
	}
}

// TestTheOwnersCookieOpensNoRegister: in a browser where the owner looked at the own pages
// the register wants a PIN all the same, and keeps nobody signed in there.
func TestTheOwnersCookieOpensNoRegister(t *testing.T) {
	tm := newTerminal(t)
	tm.pay(tm.open("a", "scan"))
	owner := tm.owner()
	register := owner.with(stationHeader, "a page")
	for _, call := range [][2]string{{"GET", "/session"}, {"PUT", "/session"}, {"GET", "/payments"}, {"GET", "/people"}, {"GET", "/lanes/1/shift"}} {
		if a := register.api(call[0], call[1], ""); a.status != 401 {
			t.Errorf("%v: %d %s", call, a.status, a.body)
		}
	}
	if a := register.api("POST", "/payments", openBody("x", "scan")); a.status != 401 || len(tm.payments) != 1 {
		t.Errorf("a payment: %d %s", a.status, a.body)
	}
	if a := owner.api("GET", "/events?lane=1&station=a+page", ""); a.status != 401 {
		t.Errorf("the stream: %d", a.status)
	}
	// Somebody works at the register all the while; the owner does not.
	tm.clock.advance(10 * time.Minute)
	register.api("PUT", "/session", "")
	tm.clock.advance(6 * time.Minute)
	if a := owner.do("GET", "/owner", ""); strings.Contains(a.body, "Takings") {
		t.Error("a register that nobody may use kept the owner signed in")
	}
	// Beside the owner's cookie the cashier's counts as ever.
	if a := register.signIn("cas", "111111"); a.status != 200 {
		t.Fatalf("a PIN: %d %s", a.status, a.body)
	}
	if a := register.want(200, "GET", "/session", ""); a.json(t)["name"] != "Cass" {
		t.Errorf("at the register is %s", a.body)
	}
}

func TestTheCookieIsNotInTheStore(t *testing.T) {
	tm := newTerminal(t)
	c := tm.signedIn("cas", "111111")
	if strings.Contains(fmt.Sprintf("%s", tm.sessions), c.cookies[registerCookie]) {
		t.Error("the store holds what a thief needs")
	}
}

func aSessionFixedBeforeSigningInIsWorthNothing(t *testing.T) {
	tm := newTerminal(t)
	c := tm.page()
	c.cookies[registerCookie] = "attacker-chose-this"
	c.signIn("cas", "111111")
	first := c.cookies[registerCookie]
	if first == "attacker-chose-this" {
		t.Fatal("the id stayed the same")
	}
	c.signIn("cas", "111111")
	old := tm.page()
	old.cookies[registerCookie] = first
	if a := old.api("GET", "/session", ""); a.status != 401 {
		t.Errorf("the id from before signing in again: %d", a.status)
	}
	if c.cookies[registerCookie] == first {
		t.Error("signing in again kept the id")
	}
}

func aDisabledPersonIsOutAtOnce(t *testing.T) {
	tm := newTerminal(t)
	c := tm.signedIn("cas", "111111")
	cass, _ := tm.Person(t.Context(), "cas")
	cass.Disabled = true
	if err := tm.SavePerson(t.Context(), cass); err != nil {
		t.Fatal(err)
	}
	c.want(401, "GET", "/session", "")
	if a := tm.page().signIn("cas", "111111"); a.status != 401 {
		t.Errorf("signing in again: %d", a.status)
	}
}

func unknownPeopleAndWrongPINsLookAlike(t *testing.T) {
	tm := newTerminal(t)
	try := func(person, pin string) (string, int) {
		before := tm.checked
		a := tm.page().signIn(person, pin)
		return fmt.Sprint(a.status, a.body), tm.checked - before
	}
	wrong, work := try("cas", "999999")
	for _, person := range []string{"nobody", "", "own", strings.Repeat("x", 200)} {
		if got, w := try(person, "999999"); got != wrong || w != work {
			t.Errorf("%.10q: %s after %d checks, want %s after %d", person, got, w, wrong, work)
		}
	}
}

func lockingOut(t *testing.T) {
	tm := newTerminal(t)
	try := func(pin string) answer { return tm.page().signIn("cas", pin) }
	waits := []time.Duration{0, 0, 0, 0, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 30 * time.Minute}
	for i, wait := range waits {
		if a := try("999999"); a.status != 401 {
			t.Fatalf("wrong try %d: %d %s", i+1, a.status, a.body)
		}
		if wait == 0 {
			continue
		}
		a := try("111111")
		if a.status != 429 || a.code(t) != "locked" || a.header.Get("Retry-After") != fmt.Sprint(int(wait.Seconds())) {
			t.Fatalf("the right PIN after %d wrong ones: %d %s, Retry-After %s, want %v", i+1, a.status, a.body, a.header.Get("Retry-After"), wait)
		}
		if i < len(waits)-1 {
			tm.clock.advance(wait + time.Second)
		}
	}
	tm.clock.advance(29 * time.Minute)
	if a := try("111111"); a.status != 429 {
		t.Errorf("after 29 of 30 minutes: %d", a.status)
	}
	tm.clock.advance(2 * time.Minute)
	if a := try("111111"); a.status != 200 {
		t.Errorf("after 31 minutes: %d %s", a.status, a.body)
	}
	if cass, _ := tm.Person(t.Context(), "cas"); cass.Failures != 0 || cass.Locked != 0 {
		t.Errorf("after the right PIN: %+v", cass)
	}
}

func aLockOutSurvivesARestartAndAHandOnTheClock(t *testing.T) {
	tm := newTerminal(t)
	for range 5 {
		tm.page().signIn("cas", "999999")
	}
	tm.clock.jump(24 * time.Hour)
	if a := tm.page().signIn("cas", "111111"); a.status != 429 {
		t.Errorf("with the clock a day ahead: %d", a.status)
	}
	// A new gate over the same store is what a restart leaves.
	tm.clock.jump(-48 * time.Hour)
	tm.web.gate = newGate(tm.shop, tm.clock, tm.web.Secrets)
	if a := tm.page().signIn("cas", "111111"); a.status != 429 {
		t.Errorf("after a restart: %d", a.status)
	}
	tm.clock.advance(31 * time.Second)
	if a := tm.page().signIn("cas", "111111"); a.status != 200 {
		t.Errorf("after sitting it out: %d %s", a.status, a.body)
	}
}

func TestAStoreThatCannotWriteGivesNoEndlessTries(t *testing.T) {
	tm := newTerminal(t)
	tm.broken = &agent.Error{Op: "commit", Class: agent.Unavailable, Code: agent.CodeNotWritable}
	for range 5 {
		tm.page().signIn("cas", "999999")
	}
	if a := tm.page().signIn("cas", "111111"); a.code(t) != "locked" {
		t.Errorf("got %d %s", a.status, a.body)
	}
	tm.broken = nil
	if a := tm.page().signIn("cas", "111111"); a.code(t) != "locked" {
		t.Errorf("once it can write again: %d %s", a.status, a.body)
	}
	tm.clock.advance(31 * time.Second)
	tm.page().signIn("cas", "999999")
	if cass, _ := tm.Person(t.Context(), "cas"); cass.Failures != 6 || cass.Locked != time.Minute {
		t.Errorf("the tries that were lost do not count: %+v", cass)
	}
	tm.clock.advance(61 * time.Second)
	if a := tm.page().signIn("cas", "111111"); a.status != 200 {
		t.Errorf("after sitting it out: %d %s", a.status, a.body)
	}
}

func TestAManagerUnlocks(t *testing.T) {
	tm := newTerminal(t)
	for range 5 {
		tm.page().signIn("cas", "999999")
	}
	mia := tm.signedIn("mia", "222222")
	if a := mia.want(200, "GET", "/people", ""); !strings.Contains(a.body, `"id":"cas","name":"Cass","role":"cashier","disabled":false,"locked":30`) || strings.Contains(a.body, "hash:") {
		t.Errorf("the list is %s", a.body)
	}
	mia.want(204, "POST", "/people/cas/unlock", "")
	mia.want(404, "POST", "/people/nobody/unlock", "")
	mia.want(403, "POST", "/people/own/unlock", "")
	if a := tm.page().signIn("cas", "111111"); a.status != 200 {
		t.Errorf("after unlocking: %d %s", a.status, a.body)
	}
	if tm.audited("unlock") != 1 {
		t.Error("unlocking is not in the audit trail")
	}
}

func sprayingIsSlowedDown(t *testing.T) {
	tm := newTerminal(t)
	for i := range 30 {
		tm.people = append(tm.people, agent.Person{ID: fmt.Sprint("c", i), Name: fmt.Sprint("C", i), Role: agent.RoleCashier, Secret: "hash:333333"})
	}
	refused := 0
	for i := range 30 {
		if a := tm.page().signIn(fmt.Sprint("c", i), "000000"); a.status == 429 && a.code(t) == "throttled" {
			refused++
		}
	}
	if refused != 20 {
		t.Errorf("%d of 30 tries were put off, want all after the tenth", refused)
	}
	if a := tm.page().signIn("cas", "111111"); a.status != 429 {
		t.Errorf("at once: %d", a.status)
	}
	tm.clock.advance(sprayPause)
	if a := tm.page().signIn("cas", "111111"); a.status != 200 {
		t.Errorf("after a pause: %d %s", a.status, a.body)
	}
}

func idleSessionsLock(t *testing.T) {
	tm := newTerminal(t)
	c := tm.signedIn("cas", "111111")
	id := string(tm.open("a", "scan"))
	tm.clock.advance(2 * time.Minute)
	c.want(204, "PUT", "/session", "")
	tm.clock.advance(2 * time.Minute)
	c.want(200, "GET", "/session", "")
	c.want(200, "GET", "/status", "")
	tm.clock.advance(61 * time.Second)
	if a := c.api("GET", "/session", ""); a.status != 401 {
		t.Errorf("after three minutes without a hand: %d", a.status)
	}
	tm.pay(agent.PaymentID(id))
	c.signIn("cas", "111111")
	if p := c.want(200, "GET", "/payments/"+id, "").json(t); p["status"] != "paid" {
		t.Errorf("the payment under way became %v", p["status"])
	}
}

func TestSessionsAndRestarts(t *testing.T) {
	tests := []struct {
		name   string
		away   time.Duration // on the wall clock, while the agent was off
		status int
	}{
		{"a short one", time.Minute, http.StatusOK},
		{"a long one", 4 * time.Minute, http.StatusUnauthorized},
		{"a clock that went back", -time.Hour, http.StatusUnauthorized},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			tm := newTerminal(t)
			c := tm.signedIn("cas", "111111")
			tm.web.idle.seen, tm.web.idle.saved = map[string]time.Duration{}, map[string]time.Duration{}
			tm.clock.jump(test.away)
			c.want(test.status, "GET", "/session", "")
		})
	}
}

func TestNoSessionLastsForEver(t *testing.T) {
	tm := newTerminal(t)
	c := tm.signedIn("cas", "111111")
	for range 12 * 30 {
		tm.clock.advance(2 * time.Minute)
		c.api("PUT", "/session", "")
	}
	tm.clock.advance(time.Minute)
	c.want(401, "GET", "/session", "")
}
