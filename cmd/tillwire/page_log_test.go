package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The owner's log shows what the store keeps, through the assembly that ships:
// a list that nobody wired would look like a shop where nothing happens.
func TestTheOwnersLogShowsSignInsThatTheStoreKept(t *testing.T) {
	file := equipped(t, sound)
	owned(t, file)
	r := started(t, file)
	r.ready()
	if res, _ := r.form("/owner/login", "", url.Values{"person": {"Olga"}, "password": {"not this one"}}); res.StatusCode == http.StatusSeeOther {
		t.Fatal("a wrong password signed in")
	}
	cookie := r.ownersCookie(file)
	r.waits("both in the log", func() bool {
		page := r.page("/owner/log", cookie)
		return strings.Contains(page, "Signed in") && strings.Contains(page, "Sign-in refused")
	})
}

// ownersCookie signs the shop's one owner in.
func (r *running) ownersCookie(file string) string {
	r.t.Helper()
	listed := invoke(r.t, "", "people", "list", "--json", "--config", file)
	var people struct{ People []struct{ ID string } }
	if err := json.Unmarshal([]byte(listed.stdout), &people); err != nil || len(people.People) != 1 {
		r.t.Fatalf("%v: %+v", err, listed)
	}
	res, text := r.form("/owner/login", "", url.Values{"person": {people.People[0].ID}, "password": {"a long enough password"}})
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) == 0 {
		r.t.Fatalf("sign in: %s %s", res.Status, text)
	}
	return res.Cookies()[0].Name + "=" + res.Cookies()[0].Value
}

// page is what a signed-in browser reads.
func (r *running) page(path, cookie string) string {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.base+path, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Cookie", cookie)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(text)
}
