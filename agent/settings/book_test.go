package settings

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// memory is a settings store; fail makes the next save fail.
type memory struct {
	saved []agent.Change
	saves int
	fail  error
}

func (m *memory) LoadSettings(context.Context) ([]agent.Change, error) { return m.saved, m.fail }

func (m *memory) SaveSettings(_ context.Context, changes []agent.Change) error {
	if m.fail != nil {
		return m.fail
	}
	m.saves++
	m.saved = append(m.saved, changes...)
	return nil
}

// obedient is a subscriber that can be told to veto.
type obedient struct {
	veto    error
	effect  agent.Effect
	commits []string
	key     string
}

func (o *obedient) Verify(Values) error { return o.veto }

func (o *obedient) Commit(next Values) agent.Effect {
	o.commits = append(o.commits, next.Text(o.key))
	return o.effect
}

func fields(v any) int { return reflect.TypeOf(v).NumField() }

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func change(key, value, by string) agent.Change {
	return agent.Change{Key: key, Value: value, By: by, At: noon}
}

func TestAChangeIsVerifiedSavedAndCommitted(t *testing.T) {
	store := &memory{}
	book := New(store, Table(shop()))
	name := &obedient{key: ShopName, effect: agent.EffectLive}
	every := &obedient{key: ShopName, effect: agent.EffectLive}
	other := &obedient{key: RetentionDays, effect: agent.EffectLive}
	book.Subscribe(name, ShopName)
	book.Subscribe(every)
	book.Subscribe(other, RetentionDays)

	effects, err := book.Apply(t.Context(), []agent.Change{change(ShopName, " Bakery ", "person:1"), change("wechat.give_up", "50s", "person:1")})
	if err != nil {
		t.Fatal(err)
	}
	if effects[ShopName] != agent.EffectLive || effects["wechat.give_up"] != agent.EffectLive {
		t.Errorf("effects %v", effects)
	}
	if got := book.Values().Text(ShopName); got != "Bakery" {
		t.Errorf("the value is %q", got)
	}
	if got := book.Timers("wechat").GiveUp; got != 50*time.Second {
		t.Errorf("the timer is %v", got)
	}
	if store.saves != 1 || len(store.saved) != 2 || store.saved[0] != change(ShopName, "Bakery", "person:1") {
		t.Errorf("saved in %d transactions: %+v", store.saves, store.saved)
	}
	if !slices.Equal(name.commits, []string{"Bakery"}) || !slices.Equal(every.commits, []string{"Bakery"}) || other.commits != nil {
		t.Errorf("commits %v %v %v", name.commits, every.commits, other.commits)
	}
}

func TestASubscriberMayAskForARestart(t *testing.T) {
	book := New(&memory{}, Table(shop()))
	book.Subscribe(&obedient{key: ShopName, effect: agent.EffectRestart}, ShopName)
	effects, err := book.Apply(t.Context(), []agent.Change{
		change(ShopName, "Bakery", "person:1"), change("wechat.give_up", "50s", "person:1"), change(ScannerDedupe, "2s", "person:1")})
	want := map[string]agent.Effect{ShopName: agent.EffectRestart, "wechat.give_up": agent.EffectLive, ScannerDedupe: agent.EffectRestart}
	if err != nil || !reflect.DeepEqual(effects, want) {
		t.Errorf("got %v, %v; want %v", effects, err, want)
	}
}

// Nothing of a refused set of changes may be seen anywhere.
func TestARefusalChangesNothing(t *testing.T) {
	veto := errors.New("the display cannot")
	good := change(ShopName, "Bakery", "person:1")
	for _, c := range []struct {
		name    string
		changes []agent.Change
		veto    error
		fail    error
		want    string
	}{
		{"veto", []agent.Change{good}, veto, nil, "the display cannot"},
		{"unknown key", []agent.Change{good, change("shop.nmae", "x", "person:1")}, nil, nil, `There is no setting "shop.nmae". Did you mean shop.name?`},
		{"a key like no other", []agent.Change{good, change("q", "x", "person:1")}, nil, nil, "`tillwire settings get` lists them."},
		{"impossible value", []agent.Change{good, change("wechat.give_up", "soon", "person:1")}, nil, nil, `"soon" is not possible for wechat.give_up`},
		{"not the fleet's", []agent.Change{good, change(RetentionDays, "90", "fleet:ops")}, nil, nil, "retention.days can only be changed by the owner."},
		{"timers against each other", []agent.Change{good, change("wechat.first_query", "50s", "person:1")}, nil, nil,
			"wechat.first_query (50s) may not be longer than wechat.give_up (45s). Change both together."},
		{"disk", []agent.Change{good}, nil, errors.New("disk full"), "save settings: disk full"},
	} {
		t.Run(c.name, func(t *testing.T) {
			store := &memory{fail: c.fail}
			book := New(store, Table(shop()))
			sub := &obedient{key: ShopName, veto: c.veto}
			book.Subscribe(sub)
			_, err := book.Apply(t.Context(), c.changes)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if book.Values().Text(ShopName) != "Corner shop" || store.saved != nil || sub.commits != nil {
				t.Errorf("something changed: %q, %v, %v", book.Values().Text(ShopName), store.saved, sub.commits)
			}
		})
	}
}

func TestTimersMayChangeTogether(t *testing.T) {
	book := New(&memory{}, Table(shop()))
	_, err := book.Apply(t.Context(), []agent.Change{change("wechat.first_query", "50s", "fleet"), change("wechat.give_up", "90s", "fleet")})
	if err != nil {
		t.Fatal(err)
	}
	if got := book.Timers("wechat"); got.FirstQuery != 50*time.Second || got.GiveUp != 90*time.Second {
		t.Errorf("got %v and %v", got.FirstQuery, got.GiveUp)
	}
}

func TestLoadingWhatWasSaved(t *testing.T) {
	store := &memory{saved: []agent.Change{change(ShopName, "Bakery", "person:1"), change("gone.key", "1", "person:1")}}
	book := New(store, Table(shop()))
	if err := book.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := book.Entry(ShopName)
	if err != nil || got.Value != "Bakery" || got.By != "person:1" || !got.At.Equal(noon) || got.Default != "Corner shop" {
		t.Errorf("got %+v, %v", got, err)
	}
	if p := book.Problems(); p != nil {
		t.Errorf("problems %v", p)
	}
	if _, err := book.Entry("shop.nam"); err == nil || !strings.Contains(err.Error(), "shop.name") {
		t.Errorf("an unknown key gives %v", err)
	}
}

func TestAStoredValueThatIsNoLongerPossibleIsAProblemUntilItIsSetAgain(t *testing.T) {
	store := &memory{saved: []agent.Change{change("wechat.give_up", "soon", "person:1")}}
	book := New(store, Table(shop()))
	if err := book.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := book.Timers("wechat").GiveUp; got != 45*time.Second {
		t.Errorf("the timer is %v, not its default", got)
	}
	p := book.Problems()
	if len(p) != 1 || !strings.Contains(p[0].What, "wechat.give_up") || !strings.Contains(p[0].Do, "tillwire settings set wechat.give_up") || !p[0].Since.Equal(noon) {
		t.Fatalf("problems %+v", p)
	}
	if _, err := book.Apply(t.Context(), []agent.Change{change("wechat.give_up", "50s", "person:1")}); err != nil {
		t.Fatal(err)
	}
	if p := book.Problems(); len(p) != 0 {
		t.Errorf("still a problem: %+v", p)
	}
}

func TestStoredTimersAgainstEachOtherFallBackTogether(t *testing.T) {
	store := &memory{saved: []agent.Change{change("wechat.first_query", "50s", "x"), change(ShopName, "Bakery", "x")}}
	book := New(store, Table(shop()))
	if err := book.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !equal(book.Timers("wechat"), agent.DefaultTimers("wechat")) || book.Values().Text(ShopName) != "Bakery" {
		t.Errorf("got %+v and %q", book.Timers("wechat"), book.Values().Text(ShopName))
	}
	if p := book.Problems(); len(p) != 1 || !strings.Contains(p[0].What, "contradict") {
		t.Errorf("problems %+v", p)
	}
}

func TestAStoreThatCannotBeReadIsAnError(t *testing.T) {
	broken := errors.New("no such table")
	if err := New(&memory{fail: broken}, Table(shop())).Load(t.Context()); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestTheListingTellsAPageEverything(t *testing.T) {
	book := New(&memory{}, Table(shop()))
	text, err := json.Marshal(book.Entries()[0])
	if err != nil {
		t.Fatal(err)
	}
	want := `{"key":"shop.name","title":"Shop name","help":"Printed on receipts and shown on the register.","type":"text",` +
		`"default":"Corner shop","who":["owner","fleet"],"effect":"live","value":"Corner shop","range":"1 to 64 characters"}`
	if string(text) != want {
		t.Errorf("got  %s\nwant %s", text, want)
	}
}

func TestAnUnknownKeyInTheProgramPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("it went unnoticed")
		}
	}()
	New(&memory{}, Table(shop())).Values().Text("no.such")
}
