package offline_test

import (
	"reflect"
	"testing"
	"time"

	"tillwire/agent"
)

func TestPeopleAreKept(t *testing.T) {
	ts := openStore(t, nil)
	wei := agent.Person{ID: "1", Name: "Wei", Role: agent.RoleCashier, Secret: "$argon2id$x", Created: ts.clock.Now()}
	ana := agent.Person{ID: "2", Name: "Ana", Role: agent.RoleManager, Secret: "$argon2id$y", Created: ts.clock.Now()}
	for _, p := range []agent.Person{wei, ana} {
		if err := ts.SavePerson(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	wei.Disabled, wei.Name = true, "Wei Zhang"
	if err := ts.SavePerson(t.Context(), wei); err != nil {
		t.Fatal(err)
	}
	ts.reopen(t, nil)
	list, err := ts.People(t.Context())
	if err != nil || !reflect.DeepEqual(list, []agent.Person{ana, wei}) {
		t.Fatalf("%+v %v", list, err)
	}
	if _, err := ts.Person(t.Context(), "3"); agent.ClassOf(err) != agent.NotFound {
		t.Fatal(err)
	}
	if name, err := ts.PersonName(t.Context(), "1"); name != "Wei Zhang" || err != nil {
		t.Errorf("the first is called %q, %v", name, err)
	}
	if _, err := ts.PersonName(t.Context(), "3"); agent.ClassOf(err) != agent.NotFound {
		t.Errorf("nobody's name: %v", err)
	}
	if err := ts.SavePerson(t.Context(), agent.Person{ID: "3", Role: "wizard"}); agent.ClassOf(err) != agent.Invalid {
		t.Fatal(err)
	}
}

// TestALockOutSurvivesARestart also with a clock that is turned on, which would be
// the cheapest key.
func TestALockOutSurvivesARestart(t *testing.T) {
	ts := openStore(t, nil)
	if err := ts.SavePerson(t.Context(), agent.Person{ID: "1", Role: agent.RoleCashier}); err != nil {
		t.Fatal(err)
	}
	if err := ts.SaveTries(t.Context(), "1", 5, time.Minute); err != nil {
		t.Fatal(err)
	}
	left := func(want time.Duration, failures int) {
		t.Helper()
		p, err := ts.Person(t.Context(), "1")
		if err != nil || p.Locked != want || p.Failures != failures {
			t.Fatalf("%v after %d failures, want %v after %d, %v", p.Locked, p.Failures, want, failures, err)
		}
	}
	ts.clock.Advance(20 * time.Second)
	ts.clock.Jump(24 * time.Hour)
	left(40*time.Second, 5)
	ts.reopen(t, nil)
	left(40*time.Second, 5)
	ts.dir = copyFolder(t, ts.dir) // a plug that is pulled gives nothing away either
	ts.clock.Advance(time.Second)
	ts.reopen(t, nil)
	left(40*time.Second, 5)
	ts.clock.Advance(time.Minute)
	left(0, 5)
	if err := ts.SaveTries(t.Context(), "1", 0, 0); err != nil {
		t.Fatal(err)
	}
	left(0, 0)
}

func TestSessionsEndWithTheirPerson(t *testing.T) {
	ts := openStore(t, nil)
	now := ts.clock.Now()
	for _, id := range []string{"1", "2"} {
		if err := ts.SavePerson(t.Context(), agent.Person{ID: id, Role: agent.RoleOwner}); err != nil {
			t.Fatal(err)
		}
		if err := ts.SaveSession(t.Context(), agent.Session{Key: []byte("key " + id), Person: id, Role: agent.RoleOwner, Created: now, Seen: now}); err != nil {
			t.Fatal(err)
		}
	}
	later := now.Add(time.Hour)
	if err := ts.SaveSession(t.Context(), agent.Session{Key: []byte("key 1"), Person: "1", Role: agent.RoleOwner, Created: now, Seen: later}); err != nil {
		t.Fatal(err)
	}
	ts.reopen(t, nil)
	got, err := ts.Session(t.Context(), []byte("key 1"))
	if err != nil || got.Person != "1" || !got.Seen.Equal(later) || !got.Created.Equal(now) {
		t.Fatalf("%+v %v", got, err)
	}
	gone := func(key string) {
		t.Helper()
		if _, err := ts.Session(t.Context(), []byte(key)); agent.ClassOf(err) != agent.NotFound {
			t.Fatalf("%s: %v", key, err)
		}
	}
	if err := ts.DeleteSession(t.Context(), []byte("key 2")); err != nil {
		t.Fatal(err)
	}
	gone("key 2")
	if err := ts.DeleteSessions(t.Context(), "1"); err != nil {
		t.Fatal(err)
	}
	gone("key 1")
}

// TestSessionsEndTwelveHoursAfterTheyBegan, used or not, at a start and while the
// agent runs for months.
func TestSessionsEndTwelveHoursAfterTheyBegan(t *testing.T) {
	ts := openStore(t, nil)
	db := byHand(t, ts.dir)
	left := func() (n int) {
		t.Helper()
		if err := db.QueryRow("SELECT count(*) FROM session").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	if err := ts.SavePerson(t.Context(), agent.Person{ID: "1", Name: "Li", Role: agent.RoleOwner}); err != nil {
		t.Fatal(err)
	}
	signIn := func(key string, age time.Duration) {
		t.Helper()
		now := ts.clock.Now()
		if err := ts.SaveSession(t.Context(), agent.Session{Key: []byte(key), Person: "1", Role: agent.RoleOwner, Created: now.Add(-age), Seen: now}); err != nil {
			t.Fatal(err)
		}
	}
	signIn("old", 12*time.Hour+time.Second)
	signIn("young", 12*time.Hour-time.Second)
	eventually(t, "the house waits", func() bool { return ts.clock.Waiting() >= 2 })
	ts.clock.Advance(time.Hour)
	eventually(t, "both are too old", func() bool { return left() == 0 })
	signIn("old", 13*time.Hour)
	signIn("young", time.Hour)
	ts.reopen(t, nil)
	if n := left(); n != 1 {
		t.Fatalf("%d sessions after a start, want the young one", n)
	}
}

func TestSettingsAreSavedTogetherWithWhoAndWhen(t *testing.T) {
	ts := openStore(t, nil)
	at := ts.clock.Now()
	one := []agent.Change{{Key: "a", Value: "1", By: "person:1", At: at}, {Key: "b", Value: "2", By: "person:1", At: at}}
	two := []agent.Change{{Key: "a", Value: "3", By: "fleet", At: at.Add(time.Second)}}
	for _, changes := range [][]agent.Change{one, two} {
		if err := ts.SaveSettings(t.Context(), changes); err != nil {
			t.Fatal(err)
		}
	}
	ts.reopen(t, nil)
	got, err := ts.LoadSettings(t.Context())
	if err != nil || !reflect.DeepEqual(got, []agent.Change{two[0], one[1]}) {
		t.Fatalf("%+v %v", got, err)
	}
	var log string
	if err := byHand(t, ts.dir).QueryRow(`SELECT group_concat(key || '=' || value || ' ' || "by", ', ' ORDER BY n) FROM setting_log`).Scan(&log); err != nil || log != "a=1 person:1, b=2 person:1, a=3 fleet" {
		t.Fatalf("the log reads %q, %v", log, err)
	}
}

func TestAuditEntriesStandInTheChain(t *testing.T) {
	ts := openStore(t, nil)
	for i, action := range []string{"sign_in", "refund.approved", "setting.changed"} {
		if err := ts.AppendAudit(t.Context(), agent.Audit{Actor: "person:1", Action: action, Object: "x", Detail: "y"}); err != nil {
			t.Fatal(err)
		}
		ts.sell(t, i)
	}
	page, err := ts.Audits(t.Context(), 0, 2)
	if err != nil || len(page) != 2 || page[0].Action != "setting.changed" || !page[0].At.Equal(ts.clock.Now()) {
		t.Fatalf("%+v %v", page, err)
	}
	rest, err := ts.Audits(t.Context(), page[1].Seq, 2)
	if err != nil || len(rest) != 1 || rest[0].Audit != (agent.Audit{At: rest[0].At, Actor: "person:1", Action: "sign_in", Object: "x", Detail: "y"}) {
		t.Fatalf("%+v %v", rest, err)
	}
	clean(t, ts.dir)
}
