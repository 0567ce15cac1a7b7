package sandbox_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
)

func TestPhonePages(t *testing.T) {
	b := open(t)
	id := b.phone("password")
	for path, want := range map[string][]string{
		"/phone":            {`href="/phone/` + id + `?lang=en"`, "is asked for the password", "Give them a phone"},
		"/phone?lang=zh":    {`lang="zh"`, "顾客的手机", "需要输入密码"},
		"/phone/" + id:      {`data-id="` + id + `"`, "Show this to the cashier", "Register 1", "¥10.00"},
		"/_sandbox/":        {"Faults", "drop_request", "No order yet"},
		"/ui/phone.js":      {"freshCode"},
		"/ui/phone.css":     {"prefers-color-scheme"},
		"/phone?lang=klmno": {`lang="en"`},
	} {
		status, body, header := b.ask("GET", path, "")
		if status != 200 {
			t.Errorf("%s: %d", path, status)
		}
		for _, text := range want {
			if !strings.Contains(body, text) {
				t.Errorf("%s does not say %q", path, text)
			}
		}
		policy := header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s has the headers %v", path, header)
		}
		// What the policy would block must not be there in the first place.
		if found := regexp.MustCompile(`(?i)<script>|<style|\son[a-z]+=|\sstyle=|(src|href)="https?:`).FindString(body); found != "" && strings.HasPrefix(header.Get("Content-Type"), "text/html") {
			t.Errorf("%s holds %q", path, found)
		}
	}
	if status, _, header := b.ask("GET", "/phone/nobody", ""); status != 303 || header.Get("Location") != "/phone" {
		t.Errorf("an unknown phone: %d %v", status, header)
	}
}

func TestAHostileNameStaysText(t *testing.T) {
	b := open(t)
	_, body, _ := b.ask("POST", "/_sandbox/customers", `{"name":"<img src=x onerror=alert(1)>"}`)
	for _, path := range []string{"/phone", "/phone/" + b.member(body, "id")} {
		if _, page, _ := b.ask("GET", path, ""); strings.Contains(page, "<img") || !strings.Contains(page, "&lt;img") {
			t.Errorf("%s runs a name", path)
		}
	}
}

func TestTheBrowsersLanguage(t *testing.T) {
	b := open(t)
	for accept, want := range map[string]string{
		"": "en", "zh-CN,zh;q=0.9": "zh", "fr, zh;q=0.3, en;q=0.7": "en", "de-DE": "en", "en;q=0.1, ZH-hk": "zh", "zh;q=x, en;q=0": "en",
	} {
		if _, body, _ := b.ask("GET", "/phone", "", "Accept-Language", accept); !strings.Contains(body, `<html lang="`+want+`">`) {
			t.Errorf("%q is not answered in %s", accept, want)
		}
	}
}

// A phone's code comes with a picture, and can be held to a register.
func TestThePhonesCode(t *testing.T) {
	b := open(t)
	id := b.phone("approve")
	status, body, _ := b.ask("POST", "/phone/"+id+"/code", "")
	var code struct {
		Code, Grouped, SVG string
		Seconds            int
	}
	if err := json.Unmarshal([]byte(body), &code); err != nil || status != 200 {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	if strings.ReplaceAll(code.Grouped, " ", "") != code.Code || !strings.HasPrefix(code.SVG, "<svg") || code.Seconds < 55 || code.Seconds > 60 {
		t.Errorf("the code is %+v", code)
	}
	status, _, _ = b.ask("POST", "/phone/"+id+"/present/1", `{"code":"`+code.Code+`"}`)
	if status != 200 || len(b.scanned) != 1 || b.scanned[0] != code.Code {
		t.Errorf("%d, the scanner read %q", status, b.scanned)
	}
}

// What the phone shows follows the ledger.
func TestThePhonesState(t *testing.T) {
	b := open(t)
	id := b.phone("password")
	host := b.cloud.HostURLs("toy")[0]
	state := func() (s struct {
		Balance        string
		Prompt         *struct{ Amount string }
		History, Shown []struct{ State, Amount, QR, Say string }
	}) {
		_, body, _ := b.ask("GET", "/phone/"+id+"/state?lang=en", "")
		if err := json.Unmarshal([]byte(body), &s); err != nil {
			t.Fatalf("%s: %v", body, err)
		}
		return s
	}
	b.send("POST", host+"/present/A1", "")
	s := state()
	if len(s.Shown) != 1 || s.Shown[0].QR != "toy:A1" || s.Prompt != nil || s.Balance != "¥10.00" {
		t.Errorf("before the scan: %+v", s)
	}
	b.ask("POST", "/_sandbox/customers/"+id+"/scan", `{"qr":"toy:A1"}`)
	if s = state(); s.Prompt == nil || s.Prompt.Amount != "¥1.00" || len(s.Shown) != 0 {
		t.Errorf("while it asks: %+v", s)
	}
	b.ask("POST", "/_sandbox/customers/"+id+"/confirm", "")
	if s = state(); s.Prompt != nil || s.Balance != "¥9.00" || s.History[0].State != "paid" || s.History[0].Amount != "−¥1.00" || s.History[0].Say != "Paid" {
		t.Errorf("after paying: %+v", s)
	}
}

// A phone points its camera at a register: what the display shows is what it scans.
func TestAPhoneLooksAtADisplay(t *testing.T) {
	b := open(t)
	id := b.phone("approve")
	if _, page, _ := b.ask("GET", "/phone/"+id, ""); !strings.Contains(page, `data-look="1"`) {
		t.Error("the phone cannot look at the register")
	}
	for _, c := range []struct {
		path   string
		text   string
		err    error
		status int
		says   string
	}{
		{"look/1", "toy:A1", nil, 200, `"qr":"toy:A1"`},
		{"look/1", "", nil, 404, "shows no code now"},
		{"look/1", "", errors.New("dark"), 502, "cannot be seen"},
		{"look/2", "toy:A1", nil, 404, "no such register"},
	} {
		b.display = func() (string, error) { return c.text, c.err }
		if status, body, _ := b.ask("POST", "/phone/"+id+"/"+c.path, ""); status != c.status || !strings.Contains(body, c.says) {
			t.Errorf("%s at %q: %d %s", c.path, c.text, status, body)
		}
	}
}

// The page says of the line what the faults make of it.
func TestThePageSaysThatTheLineIsCut(t *testing.T) {
	b := open(t)
	for _, c := range []struct {
		faults string
		cut    bool
	}{
		{`[]`, false},
		{`[{"wallet":"*","kind":"refuse_connection"}]`, true},
		{`[{"wallet":"toy","kind":"refuse_connection"}]`, false},
		{`[{"wallet":"*","kind":"refuse_connection","host":1}]`, false},
	} {
		if status, body, _ := b.ask("PUT", "/_sandbox/faults", c.faults); status != 200 {
			t.Fatal(status, body)
		}
		if _, page, _ := b.ask("GET", "/_sandbox/", ""); strings.Contains(page, "line is cut") != c.cut {
			t.Errorf("%s is told wrongly", c.faults)
		}
	}
}
