package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// post sends a form as a browser does, with the origin that our own referrer
// policy leaves of it.
func (c *client) post(path string, fields ...string) answer {
	c.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return c.with("Content-Type", "application/x-www-form-urlencoded").with("Origin", "null").do("POST", path, form.Encode())
}

// owner is a browser in which the owner is signed in.
func (tm *terminal) owner() *client {
	tm.t.Helper()
	c := tm.page()
	if a := c.post("/owner/login", "person", "own", "password", "open sesame 123", "next", "/owner"); a.status != http.StatusSeeOther {
		tm.t.Fatalf("the owner cannot sign in: %d %s", a.status, a.body)
	}
	return c
}

// Set implements settings: only the log level can be changed, and only to a word.
func (table) Set(_ context.Context, key, value, by string) (agent.Effect, error) {
	if key != "log.level" || value == "loud" || by != "person:own" {
		return "", fail(agent.Invalid, agent.CodeUnreadable, "error.setting_value", "This is not possible: "+value+".", key, value)
	}
	return agent.EffectRestart, nil
}

// Changes implements settings: one by a person and one by the fleet, of a setting that
// is gone.
func (table) Changes(context.Context, int) ([]SettingChange, error) {
	at := time.Date(2026, 5, 1, 6, 0, 0, 0, time.UTC)
	return []SettingChange{
		{Change: agent.Change{Key: "shop.name", Value: "Joe's <b>shop</b>", By: "person:own", At: at}, Was: "Joe's"},
		{Change: agent.Change{Key: "gone.key", Value: "7", By: "network", At: at.Add(-time.Hour)}, First: true},
	}, nil
}

func TestTheOwnersPagesNeedThePassword(t *testing.T) {
	tm := newTerminal(t)
	for _, path := range []string{"/owner", "/owner/payments", "/owner/people", "/owner/settings", "/owner/log", "/owner/queue", "/owner/offline", "/owner/devices", "/owner/reconcile", "/owner/refunds", "/owner/backup", "/owner/day.xlsx", "/owner/payments.csv", "/owner/refunds.csv"} {
		a := tm.page().do("GET", path, "")
		if a.status != 200 || !strings.Contains(a.body, `name="password"`) || strings.Contains(a.body, "Mia") || !strings.Contains(a.body, `name="next" value="`+path+`"`) {
			t.Errorf("%s without a session: %d %.300s", path, a.status, a.body)
		}
		for who, c := range map[string]*client{"a cashier": tm.signedIn("cas", "111111"), "a manager": tm.signedIn("mia", "222222")} {
			if a := c.do("GET", path, ""); strings.Contains(a.body, `class="tabs"`) {
				t.Errorf("%s sees %s", who, path)
			}
		}
	}
}

func TestOthersCannotChangeWhatIsTheOwners(t *testing.T) {
	tm := newTerminal(t, func(o *Options) { o.Settings = table{} })
	forms := map[string][]string{
		"/owner/people":     {"name", "Eve", "role", "owner", "secret", "open sesame 999"},
		"/owner/people/cas": {"do", "disable"},
		"/owner/settings":   {"key", "log.level", "value", "debug"},
		"/owner/backup":     {},
	}
	for path, form := range forms {
		if a := tm.page().post(path, form...); a.status != 401 {
			t.Errorf("nobody on %s: %d", path, a.status)
		}
		if a := tm.signedIn("cas", "111111").post(path, form...); a.status != 403 {
			t.Errorf("a cashier on %s: %d", path, a.status)
		}
		if a := tm.owner().with("Sec-Fetch-Site", "cross-site").post(path, form...); a.status != 403 {
			t.Errorf("another site on %s: %d", path, a.status)
		}
		if a := tm.owner().with("Sec-Fetch-Site", "").post(path, form...); a.status != 403 {
			t.Errorf("a form without Sec-Fetch-Site on %s: %d", path, a.status)
		}
		if a := tm.owner().do("GET", path, ""); path == "/owner/people/cas" && a.status != 405 {
			t.Errorf("GET on %s: %d", path, a.status)
		}
	}
	if cass, _ := tm.Person(t.Context(), "cas"); cass.Disabled || len(tm.people) != 3 {
		t.Error("something was changed")
	}
	if tm.audited("refused") == 0 {
		t.Error("the refusals are not in the audit trail")
	}
}

func TestTheOwnerSignsIn(t *testing.T) {
	tm := newTerminal(t)
	c := tm.page()
	a := c.post("/owner/login", "person", "own", "password", "wrong password", "next", "/owner/queue")
	if a.status != 401 || !strings.Contains(a.body, "That is not right") || !strings.Contains(a.body, `value="/owner/queue"`) {
		t.Errorf("a wrong password: %d %s", a.status, a.body)
	}
	if strings.Contains(a.body, "wrong password") {
		t.Error("the page repeats the password")
	}
	a = c.post("/owner/login", "person", "own", "password", "open sesame 123", "next", "/owner/queue")
	if a.status != 303 || a.header.Get("Location") != "/owner/queue" {
		t.Errorf("the right one: %d %v", a.status, a.header)
	}
	if set := a.header.Get("Set-Cookie"); !strings.HasPrefix(set, "__Host-tillwire-owner=") || !strings.Contains(set, "HttpOnly; Secure; SameSite=Strict") {
		t.Errorf("the cookie is %s", set)
	}
	if a := c.do("GET", "/owner", ""); !strings.Contains(a.body, "Takings") {
		t.Errorf("the first page: %.300s", a.body)
	}
	for _, next := range []string{"https://evil.example/", "//evil.example", "/register", "/owner/../register", "/ownerless"} {
		if a := c.post("/owner/login", "person", "own", "password", "open sesame 123", "next", next); a.header.Get("Location") != "/owner" {
			t.Errorf("next=%s leads to %s", next, a.header.Get("Location"))
		}
	}
	if a := c.post("/owner/login", "person", "mia", "password", "222222"); a.status != 401 {
		t.Errorf("a manager's PIN on the owner's page: %d", a.status)
	}
	old := tm.page()
	old.cookies[ownerCookie] = c.cookies[ownerCookie]
	c.post("/owner/logout")
	if a := old.do("GET", "/owner", ""); strings.Contains(a.body, "Takings") {
		t.Error("a copied cookie still works after signing out")
	}
}

func TestTheOwnerIsSignedOutAfterAWhile(t *testing.T) {
	tm := newTerminal(t)
	c := tm.owner()
	tm.clock.advance(14 * time.Minute)
	if a := c.do("GET", "/owner", ""); !strings.Contains(a.body, "Takings") {
		t.Error("signed out too early")
	}
	tm.clock.advance(16 * time.Minute)
	if a := c.do("GET", "/owner", ""); strings.Contains(a.body, "Takings") {
		t.Error("still signed in after a quarter of an hour")
	}
}

func TestPeopleComeAndGo(t *testing.T) {
	tm := newTerminal(t)
	tm.people = append(tm.people, agent.Person{ID: "bob", Name: "Bob", Role: agent.RoleCashier, Secret: "hash:519302"})
	c := tm.owner()
	tests := []struct {
		name   string
		fields []string
		status int
		says   string
	}{
		{"short PIN", []string{"name", "Ann", "role", "cashier", "secret", "1234"}, 400, "exactly 6 digits"},
		{"letters", []string{"name", "Ann", "role", "manager", "secret", "12345a"}, 400, "exactly 6 digits"},
		{"somebody's PIN", []string{"name", "Ann", "role", "cashier", "secret", "519302"}, 400, "another PIN"},
		{"a PIN that repeats", []string{"name", "Ann", "role", "cashier", "secret", "000000"}, 400, "neither count nor repeat"},
		{"a PIN that counts", []string{"name", "Ann", "role", "manager", "secret", "654321"}, 400, "neither count nor repeat"},
		{"endless password", []string{"name", "Ann", "role", "owner", "secret", strings.Repeat("word ", 26)}, 400, "12 to 128"},
		{"short password", []string{"name", "Ann", "role", "owner", "secret", "eleven char"}, 400, "12 to 128"},
		{"easy password", []string{"name", "Ann", "role", "owner", "secret", "Password1234"}, 400, "too easy"},
		{"one character", []string{"name", "Ann", "role", "owner", "secret", "aaaaaaaaaaaa"}, 400, "too easy"},
		{"no name", []string{"name", " ", "role", "cashier", "secret", "481625"}, 400, "1 to 40"},
		{"unknown role", []string{"name", "Ann", "role", "boss", "secret", "481625"}, 400, "Choose a role"},
		{"fine", []string{"name", "Ann <i>", "role", "cashier", "secret", "481625"}, 303, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a := c.post("/owner/people", append(test.fields, "password", "open sesame 123")...)
			if a.status != test.status || !strings.Contains(a.body, test.says) || test.status != 303 && strings.Contains(a.body, test.fields[5]) {
				t.Errorf("got %d %s", a.status, a.body)
			}
		})
	}
	var ann agent.Person
	for _, p := range tm.people {
		if p.Name == "Ann <i>" {
			ann = p
		}
	}
	if ann.ID == "" || ann.Secret != "hash:481625" {
		t.Fatalf("Ann is %+v", ann)
	}
	if a := c.do("GET", "/owner/people", ""); !strings.Contains(a.body, "Ann &lt;i&gt;") || strings.Contains(a.body, "Ann <i>") || strings.Contains(a.body, "hash:") {
		t.Error("the list shows markup, or a secret")
	}

	register := tm.signedIn(ann.ID, "481625")
	if a := c.post("/owner/people/"+ann.ID, "do", "secret", "secret", "730184", "password", "open sesame 123"); a.status != 303 {
		t.Fatalf("a new PIN: %d %s", a.status, a.body)
	}
	register.want(401, "GET", "/session", "")
	register = tm.signedIn(ann.ID, "730184")
	c.post("/owner/people/"+ann.ID, "do", "disable")
	register.want(401, "GET", "/session", "")
	if a := tm.page().signIn(ann.ID, "730184"); a.status != 401 {
		t.Errorf("a disabled person: %d", a.status)
	}
	c.post("/owner/people/"+ann.ID, "do", "enable", "password", "open sesame 123")
	for range 5 {
		tm.page().signIn(ann.ID, "000000")
	}
	c.post("/owner/people/"+ann.ID, "do", "unlock")
	tm.signedIn(ann.ID, "730184")
	if a := c.post("/owner/people/own", "do", "disable"); a.status != 409 {
		t.Errorf("the owner disables himself: %d", a.status)
	}
	if a := c.post("/owner/people/nobody", "do", "disable"); a.status != 404 {
		t.Errorf("nobody is disabled: %d", a.status)
	}
	if a := c.post("/owner/people/"+ann.ID, "do", "promote"); a.status != 400 {
		t.Errorf("an unknown change: %d", a.status)
	}
	for _, act := range []string{"person_added", "person_secret", "person_disable", "person_enable", "person_unlock"} {
		if tm.audited(act) != 1 {
			t.Errorf("%s is not in the audit trail", act)
		}
	}
}

func TestSettingsAreChangedThroughOneDoor(t *testing.T) {
	tm := newTerminal(t, func(o *Options) { o.Settings = table{} })
	c := tm.owner()
	a := c.post("/owner/settings", "key", "log.level", "value", "debug")
	if a.status != 303 || a.header.Get("Location") != "/owner/settings?key=log.level&done=restart#log.level" {
		t.Errorf("a change: %d %v", a.status, a.header)
	}
	if a := c.do("GET", "/owner/settings?key=log.level&done=restart", ""); !strings.Contains(a.body, "It takes hold after a restart") || strings.Contains(a.body, "<b>shop</b>") {
		t.Error("the page does not say when, or shows markup")
	}
	a = c.post("/owner/settings", "key", "shop.name", "value", "loud")
	if a.status != 400 || !strings.Contains(a.body, "This is not possible: loud.") || !strings.Contains(a.body, `value="loud"`) {
		t.Errorf("a refusal: %d %s", a.status, a.body)
	}
	if tm.audited("setting") != 1 {
		t.Error("the change is not in the audit trail, or the refusal is")
	}
}

// TestManySettingsOfOneKindAreFolded keeps the few that a shop begins with in sight.
func TestManySettingsOfOneKindAreFolded(t *testing.T) {
	rows := []SettingRow{{Key: "shop.name"}, {Key: "log.level", By: "Olive"}}
	for i := range 6 {
		rows = append(rows, SettingRow{Key: fmt.Sprintf("codes.c%d", i)}, SettingRow{Key: fmt.Sprintf("alipay.t%d", i)})
	}
	rows[4].By = "Olive"
	said := func(tried string) (text string) {
		for _, g := range settingGroups(rows, tried) {
			text += fmt.Sprintf("%q %d %d %v; ", g.Name, len(g.Rows), g.Changed, g.Open)
		}
		return text
	}
	if got := said(""); got != `"" 2 1 false; "codes" 6 1 false; "alipay" 6 0 false; ` {
		t.Errorf("the groups are %s", got)
	}
	if got := said("alipay.t3"); got != `"" 2 1 false; "codes" 6 1 false; "alipay" 6 0 true; ` {
		t.Errorf("what was just tried is folded away: %s", got)
	}
	if got := settingGroups(rows[2:], "")[0].Name; got != "codes" {
		t.Errorf("a first group without rows: %q", got)
	}
	tm := newTerminal(t, func(o *Options) { o.Settings = listed(rows) })
	for path, wants := range map[string][]string{
		"/owner/settings":              {"<details class=\"group\"><summary", "Telling customers&#39; codes apart", "Times of Alipay", "1 changed", `id="codes.c5"`},
		"/owner/settings?key=codes.c2": {"<details class=\"group\" open><summary"},
		"/owner/settings?lang=zh-CN":   {"识别顾客付款码的规则", "支付宝的时间参数", "已修改 1 项"},
	} {
		body := tm.owner().do("GET", path, "").body
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s lacks %s", path, want)
			}
		}
	}
}

// listed is a settings table that takes nothing.
type listed []SettingRow

func (l listed) Settings() []SettingRow { return l }

func (listed) Changes(context.Context, int) ([]SettingChange, error) { return nil, nil }

func (listed) Set(context.Context, string, string, string) (agent.Effect, error) {
	return "", errors.New("not here")
}

func TestAReceiptNeedsASession(t *testing.T) {
	tm := newTerminal(t)
	id := tm.open("a", "scan")
	tm.pay(id)
	if a := tm.page().do("GET", "/receipt/"+string(id), ""); a.status != 401 || strings.Contains(a.body, "12.80") {
		t.Errorf("without: %d", a.status)
	}
	if a := tm.signedIn("cas", "111111").do("GET", "/receipt/"+string(id), ""); a.status != 200 || !strings.Contains(a.body, "¥12.80") {
		t.Errorf("with: %d", a.status)
	}
	if a := tm.signedIn("cas", "111111").do("GET", "/receipt/none", ""); a.status != 404 {
		t.Errorf("of nothing: %d", a.status)
	}
	got := tm.till().want(200, "GET", "/payments/"+string(id)+"/receipt", "").json(t)
	if got["paid"] != true || got["title"] != "Receipt" || got["duplicate"] != false {
		t.Errorf("as data: %v", got)
	}
	tm.fact(id, agent.Fact{Kind: agent.FactPrinted})
	if got := tm.till().want(200, "GET", "/payments/"+string(id)+"/receipt", "").json(t); got["duplicate"] != true {
		t.Errorf("after it was printed: %v", got)
	}
}

func markupFromOutsideIsText(t *testing.T) {
	tm := newTerminal(t, func(o *Options) {
		o.Shop = `<img onerror=alert(1)>`
		o.Problems = func() []agent.Problem { return []agent.Problem{{What: `<img onerror=x>`, Do: `<script>`}} }
	})
	tm.lanes[0].Name = `<img onerror=alert(1)>`
	tm.people[1].Name = `<img onerror=alert(1)>`
	body := strings.Replace(openBody("x", "scan"), `"T-x"`, `"<img onerror=alert(1)>"`, 1)
	id := tm.till().want(201, "POST", "/payments", body).json(t)["id"].(string)
	owner := tm.owner()
	for _, path := range []string{"/register", "/display/1", "/owner", "/owner/payments", "/owner/payments/" + id, "/owner/people", "/receipt/" + id, "/register?lane=%3Cimg%20onerror=1%3E"} {
		if a := owner.do("GET", path, ""); strings.Contains(a.body, "<img onerror") || strings.Contains(a.body, "<script>") {
			t.Errorf("%s shows markup", path)
		}
	}
}

func TestTheOwnerReadsTheLogOfTheStore(t *testing.T) {
	tm := newTerminal(t)
	if a := tm.owner().do("GET", "/owner/log", ""); !strings.Contains(a.body, "Olive") || !strings.Contains(a.body, "Signed in") {
		t.Errorf("the owner's own sign-in is not in the log: %s", a.body)
	}
}

// TestTheLogSpeaksThePagesLanguage: what the command line, the network and the store
// itself did is told in words, not in the names that the journal keeps.
func TestTheLogSpeaksThePagesLanguage(t *testing.T) {
	tm := newTerminal(t)
	for _, act := range []agent.Audit{
		{Actor: "command line", Action: "person.set", Object: "person:cas", Detail: "Cass, cashier"},
		{Actor: "tillwire", Action: "store.rolled_back", Object: "42"},
		{Actor: "network", Action: "host_refused", Object: "evil.example"},
	} {
		tm.web.audits.note(t.Context(), act)
	}
	for lang, wanted := range map[string][]string{
		"en":    {"Person set", ">Cass<", "Command line", "An older copy of the data", "Tillwire itself", "Somebody on the network", "owner&#39;s page"},
		"zh-CN": {"设置员工", ">Cass<", "命令行", "数据被换成了较旧的副本", "本程序", "网络访问者", "店主页面"},
	} {
		body := tm.owner().do("GET", "/owner/log?lang="+lang, "").body
		for _, want := range wanted {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the log does not say %q", lang, want)
			}
		}
	}
}

func TestAPaymentShowsItsLanesName(t *testing.T) {
	tm := newTerminal(t)
	id := tm.open("a", "scan")
	if a := tm.owner().do("GET", "/owner/payments/"+string(id), ""); !strings.Contains(a.body, "<dd>Register 1</dd>") {
		t.Errorf("the lane has no name: %s", a.body)
	}
}
