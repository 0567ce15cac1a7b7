package settings

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

func shop() Start {
	return Start{Shop: "Corner shop", Language: "en", Languages: []string{"en", "zh"}, Protocols: []string{"wechat", "alipay", "gateway"},
		Codes: []CodeRow{{"wechat", "WeChat", `^1[0-5]\d{16}$`}, {"grabpay", "GrabPay", ""}}}
}

func TestEveryDefaultIsPossibleAndCanonical(t *testing.T) {
	for _, e := range Table(shop()) {
		got, err := e.Read(e.Default)
		if err != nil {
			t.Errorf("%s: %v", e.Key, err)
		}
		if e.Type != Duration && got != e.Default {
			t.Errorf("%s: the default %q would be shown as %q", e.Key, e.Default, got)
		}
	}
}

func TestEveryRowSaysEverything(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range Table(shop()) {
		if e.Title == "" || e.Help == "" || len(e.Who) == 0 || e.Effect == "" || e.Range() == "" {
			t.Errorf("%s: something is missing: %+v", e.Key, e)
		}
		if !strings.HasSuffix(e.Help, ".") {
			t.Errorf("%s: the help is not a sentence", e.Key)
		}
		if seen[e.Key] {
			t.Errorf("%s: stands twice in the table", e.Key)
		}
		seen[e.Key] = true
	}
}

// The timers of the table are the timers of the law: neither has one the other
// does not know, so that no wait of a payment is out of the owner's reach.
func TestTimersOfTheTableAreThoseOfTheLaw(t *testing.T) {
	for _, protocol := range shop().Protocols {
		book := New(&memory{}, Table(shop()))
		if got, want := book.Timers(protocol), agent.DefaultTimers(protocol); !equal(got, want) {
			t.Errorf("%s:\n got %+v\nwant %+v", protocol, got, want)
		}
	}
	if got, want := len(timerTable())+1, fields(agent.Timers{}); got != want {
		t.Errorf("the table has %d timers, agent.Timers has %d", got, want)
	}
}

func TestWhatIsBuiltIntoAWalletWaitsForARestart(t *testing.T) {
	book := New(&memory{}, Table(shop()))
	start := book.Timers("wechat")
	effects, err := book.Apply(t.Context(), []agent.Change{change("wechat.pay", "20s", "x"), change("wechat.qr_life", "5m", "x"), change("wechat.give_up", "50s", "x")})
	if err != nil || effects["wechat.pay"] != agent.EffectRestart || effects["wechat.qr_life"] != agent.EffectRestart || effects["wechat.give_up"] != agent.EffectLive {
		t.Fatalf("got %v, %v", effects, err)
	}
	now := KeepStart(book.Timers("wechat"), start)
	if now.Pay != start.Pay || now.QRLife != start.QRLife || now.GiveUp != 50*time.Second {
		t.Errorf("got %+v", now)
	}
}

// TestOnlyTheOwnerSaysWhatACodeIs: an empty pattern, or one that never matches, ends
// every sale by scan.
func TestOnlyTheOwnerSaysWhatACodeIs(t *testing.T) {
	book := New(&memory{}, Table(shop()))
	for _, c := range [][2]string{{"codes.wechat", ""}, {"codes.wechat", `^x$`}, {"codes.grabpay", `^1`}, {CodesOwn, "wechat ^1"}} {
		if _, err := book.Apply(t.Context(), []agent.Change{change(c[0], c[1], "fleet:fleet.example")}); agent.ClassOf(err) != agent.Forbidden {
			t.Errorf("the fleet sets %s to %q: %v", c[0], c[1], err)
		}
	}
	if _, err := book.Apply(t.Context(), []agent.Change{change("codes.wechat", `^13\d{16}$`, "person:1")}); err != nil {
		t.Errorf("the owner: %v", err)
	}
}

func TestAProtocolWithoutRowsHasTheDefaults(t *testing.T) {
	book := New(&memory{}, Table(Start{Shop: "S", Language: "en", Languages: []string{"en"}}))
	if got, want := book.Timers("wechat"), agent.DefaultTimers("wechat"); !equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestReading(t *testing.T) {
	rows := map[string]Entry{}
	for _, e := range Table(shop()) {
		rows[e.Key] = e
	}
	rows["bool"] = Entry{Key: "bool", Type: Bool, Default: "true"}
	for _, c := range []struct{ key, text, want, refused string }{
		{"wechat.give_up", "60s", "60s", ""},
		{"wechat.give_up", " 2m ", "2m", ""},
		{"wechat.give_up", "0.5s", "", `"0.5s" is not possible for wechat.give_up. It takes a time from 10s to 10m; the default is "45s".`},
		{"wechat.give_up", "45", "", `"45" is not possible`},
		{"wechat.reverse_window", "7d", "7d", ""},
		{"wechat.reverse_window", "36h", "36h", ""},
		{"wechat.reverse_window", "xd", "", "a time from"},
		{"wechat.min_reverse", "5s", "", "from 15s to 60s"},
		{"alipay.min_reverse", "0s", "0s", ""},
		{"wechat.cadence", "5s,5s,  10s", "5s, 5s, 10s", ""},
		{"wechat.cadence", "", "", "times separated by commas"},
		{"wechat.cadence", "5s,,10s", "", "times separated by commas"},
		{"wechat.cadence", strings.Repeat("5s,", 16) + "5s", "", "at most 16 times"},
		{"retention.days", "90", "90", ""},
		{"retention.days", "9", "", "a whole number from 30 to 3650"},
		{"retention.days", "90.5", "", "a whole number"},
		{"shop.language", "ZH", "zh", ""},
		{"shop.language", "fr", "", "It takes en or zh"},
		{"shop.name", "Corner shop 2", "Corner shop 2", ""},
		{"shop.name", "", "", "1 to 64 characters"},
		{"shop.name", "a\x1bb", "", "without control characters"},
		{"shop.name", strings.Repeat("店", 64), strings.Repeat("店", 64), ""},
		{"codes.wechat", ` ^13\d{16}$ `, `^13\d{16}$`, ""},
		{"codes.wechat", "", "", ""},
		{"codes.grabpay", strings.Repeat("7", 401), "", "0 to 400 characters"},
		{"codes.own", "^7\n^8", "", "without control characters"},
		{"bool", "on", "true", ""},
		{"bool", "No", "false", ""},
		{"bool", "perhaps", "", "true or false"},
	} {
		got, err := rows[c.key].Read(c.text)
		switch {
		case c.refused == "" && (err != nil || got != c.want):
			t.Errorf("%s %q: got %q, %v; want %q", c.key, c.text, got, err, c.want)
		case c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)):
			t.Errorf("%s %q: got %v, want an error with %q", c.key, c.text, err, c.refused)
		case c.refused != "" && agent.ClassOf(err) != agent.Invalid:
			t.Errorf("%s %q: class %s", c.key, c.text, agent.ClassOf(err))
		}
	}
}

func TestDurationsReadBackAsThemselves(t *testing.T) {
	for _, d := range []time.Duration{0, 1500 * time.Millisecond, time.Second, 45 * time.Second, 60 * time.Second, 90 * time.Second,
		2 * time.Minute, time.Hour, 36 * time.Hour, 24 * time.Hour, 7 * 24 * time.Hour, 123456789} {
		text := FormatDuration(d)
		if back, err := ParseDuration(text); err != nil || back != d {
			t.Errorf("%v is written %q and read back as %v, %v", d, text, back, err)
		}
	}
}

func TestNearest(t *testing.T) {
	known := Keys(Table(shop()))
	for word, want := range map[string]string{
		"wechat.frist_query": "wechat.first_query", // neighbours swapped
		"wechat.giveup":      "wechat.give_up",
		"Shop.Name":          "shop.name",
		"retention.day":      "retention.days",
		"zzz":                "",
		"":                   "",
	} {
		if got := Nearest(word, known); got != want {
			t.Errorf("%q: got %q, want %q", word, got, want)
		}
	}
}

func equal(a, b agent.Timers) bool {
	same := slices.Equal(a.Cadence, b.Cadence)
	for _, row := range timerTable() {
		same = same && *row.field(&a) == *row.field(&b)
	}
	return same
}
