package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tillwire/agent"
	"tillwire/agent/words"
)

// TestAnOutageIsSaidInTheReadersLanguage: staff read it as their browser wishes, customers as
// the shop speaks.
func TestAnOutageIsSaidInTheReadersLanguage(t *testing.T) {
	w, err := words.New()
	if err != nil {
		t.Fatal(err)
	}
	page := outage{[]agent.Problem{{What: "The disk is full.", Do: "Free some space."}}, "Corner shop", "zh-CN", w}
	for _, c := range []struct{ path, wish, want string }{
		{"/register", "fr", "fr"}, {"/register", "", "zh-CN"}, {"/register?lang=th", "fr", "th"},
		{"/display/1", "fr", "zh-CN"}, {"/display/1?lang=fr", "th", "fr"},
	} {
		r := httptest.NewRequest(http.MethodGet, c.path, http.NoBody)
		r.Header.Set("Accept-Language", c.wish)
		rec := httptest.NewRecorder()
		page.ServeHTTP(rec, r)
		if !strings.Contains(rec.Body.String(), `<html lang="`+c.want+`"`) {
			t.Errorf("%s for a browser that wishes %q is not in %s", c.path, c.wish, c.want)
		}
	}
}
