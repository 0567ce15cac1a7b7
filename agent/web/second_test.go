package web

import (
	"context"
	"encoding/base32"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"
)

// phone is an owner's second factor.
type phone struct {
	secret []byte
	step   int64
}

func (s *shop) Second(_ context.Context, person string) ([]byte, int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.phones[person].secret, s.phones[person].step, nil
}

func (s *shop) SaveSecond(_ context.Context, person string, secret []byte, step int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phones == nil {
		s.phones = map[string]phone{}
	}
	s.phones[person] = phone{secret, step}
	return s.broken
}

func (s *shop) UseSecond(_ context.Context, person string, step int64) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.phones[person]
	if step <= p.step {
		return false, s.broken
	}
	s.phones[person] = phone{p.secret, step}
	return true, s.broken
}

// TestCodesAreThoseOfEveryApp by the vectors of RFC 6238, appendix B, of which apps show
// the last six digits.
func TestCodesAreThoseOfEveryApp(t *testing.T) {
	secret := []byte("12345678901234567890")
	for at, want := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		if got := secondCode(secret, at/secondStep); got != want {
			t.Errorf("at %d: %s, want %s", at, got, want)
		}
		if at < 2*60 {
			continue // there is no time before the first step
		}
		for off, ok := range map[int64]bool{-60: false, -30: true, 0: true, 30: true, 60: false} {
			if _, got := secondMatch(secret, want, time.Unix(at+off, 0)); got != ok {
				t.Errorf("a clock that is %d s off: %t", off, got)
			}
		}
	}
}

// sealed is a terminal with keys; what it seals is bound to what it is about.
func sealed(t *testing.T) *terminal {
	return newTerminal(t, func(o *Options) {
		o.Seal = func(about string, text []byte) ([]byte, error) { return append([]byte(about+"|"), text...), nil }
		o.Unseal = func(about string, text []byte) ([]byte, error) {
			rest, ok := strings.CutPrefix(string(text), about+"|")
			if !ok {
				return nil, fmt.Errorf("sealed for something else")
			}
			return []byte(rest), nil
		}
	})
}

// code is what the owner's phone shows after so many further steps.
func (tm *terminal) code(secret []byte, steps int64) string {
	return secondCode(secret, tm.clock.Now().Unix()/secondStep+steps)
}

// addPhone goes the owner's way to a second factor and returns its secret.
func (tm *terminal) addPhone(c *client) []byte {
	tm.t.Helper()
	if a := c.post("/owner/second", "do", "start", "password", "open sesame 123"); a.status != 303 {
		tm.t.Fatalf("adding a phone: %d %s", a.status, a.body)
	}
	page := c.do("GET", "/owner/second", "").body
	key := regexp.MustCompile(`<span class="mono">([A-Z2-7]{32})</span>`).FindStringSubmatch(page)
	if key == nil || !strings.Contains(page, "<svg") {
		tm.t.Fatalf("no key on the page:\n%s", page)
	}
	secret, err := base32.StdEncoding.DecodeString(key[1])
	if err != nil {
		tm.t.Fatal(err)
	}
	if a := c.post("/owner/second", "do", "confirm", "code", tm.code(secret, 7)); a.status != 422 || tm.phones["own"].secret != nil {
		tm.t.Errorf("a code that does not fit: %d", a.status)
	}
	if a := c.post("/owner/second", "do", "confirm", "code", tm.code(secret, 0)); a.status != 303 || string(tm.phones["own"].secret) == string(secret) {
		tm.t.Fatalf("confirming: %d %s", a.status, a.body)
	}
	return secret
}

// aCodeCountsOnce is what happens to a code that somebody saw over the owner's shoulder.
func aCodeCountsOnce(t *testing.T) {
	tm := sealed(t)
	secret := tm.addPhone(tm.owner())
	enter := func(code string) int {
		t.Helper()
		return tm.page().post("/owner/login", "person", "own", "password", "open sesame 123", "code", code).status
	}
	if got := enter(tm.code(secret, 0)); got == 303 {
		t.Error("the code that confirmed the phone signs in as well")
	}
	tm.clock.advance(secondStep * time.Second)
	now := tm.code(secret, 0)
	for name, try := range map[string]string{"none": "", "another": "000000", "a long one": now + "0"} {
		if got := enter(try); got == 303 {
			t.Errorf("%s code signs in", name)
		}
	}
	if got := enter(now); got != 303 {
		t.Errorf("the right code: %d", got)
	}
	if got := enter(now); got == 303 {
		t.Error("the same code signs in twice")
	}
	tm.clock.advance(secondStep * time.Second)
	if got := enter(now); got == 303 {
		t.Error("the same code signs in once more in its window")
	}
	if got := enter(tm.code(secret, 0)); got != 303 {
		t.Errorf("the next code: %d", got)
	}
}

func TestGuessingCodesLocksOut(t *testing.T) {
	tm := sealed(t)
	secret := tm.addPhone(tm.owner())
	tm.clock.advance(secondStep * time.Second)
	for range freeTries {
		tm.page().post("/owner/login", "person", "own", "password", "open sesame 123", "code", "000000")
	}
	a := tm.page().post("/owner/login", "person", "own", "password", "open sesame 123", "code", tm.code(secret, 0))
	if a.status != 429 {
		t.Errorf("the right code after %d wrong ones: %d", freeTries, a.status)
	}
}

func TestASecondFactorNeedsThePasswordAgain(t *testing.T) {
	tm := sealed(t)
	c := tm.owner()
	if page := tm.page().do("GET", "/owner", "").body; strings.Contains(page, `name="code"`) {
		t.Error("a code is asked for that nobody has")
	}
	for _, do := range []string{"start", "off"} {
		if a := c.post("/owner/second", "do", do, "password", "wrong"); a.status == 303 || tm.web.enrolling("own") != nil {
			t.Errorf("%s without the password: %d", do, a.status)
		}
	}
	if a := c.post("/owner/second", "do", "confirm", "code", "000000"); a.status != 422 {
		t.Errorf("confirming nothing: %d", a.status)
	}
	if a := tm.signedIn("mia", "222222").post("/owner/second", "do", "start", "password", "open sesame 123"); a.status != 403 {
		t.Errorf("a manager: %d", a.status)
	}
	tm.addPhone(c)
	if page := tm.page().do("GET", "/owner", "").body; !strings.Contains(page, `name="code"`) {
		t.Error("the door does not ask for the code")
	}
	if a := c.post("/owner/second", "do", "off", "password", "open sesame 123"); a.status != 303 || tm.phones["own"].secret != nil {
		t.Errorf("switching it off: %d", a.status)
	}
	if tm.audited("second_on") != 1 || tm.audited("second_off") != 1 {
		t.Error("it is not in the audit trail")
	}
	tm.owner()
	// A key that was shown and never confirmed is forgotten.
	c.post("/owner/second", "do", "start", "password", "open sesame 123")
	tm.clock.advance(secondWaits + time.Second)
	if tm.web.enrolling("own") != nil {
		t.Error("a key is kept for ever")
	}
}
