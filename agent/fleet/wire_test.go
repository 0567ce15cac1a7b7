package fleet

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// TestPAE is the example of the DSSE specification, protocol.md.
func TestPAE(t *testing.T) {
	const want = "DSSEv1 29 http://example.com/HelloWorld 11 hello world"
	if got := string(pae("http://example.com/HelloWorld", []byte("hello world"))); got != want {
		t.Errorf("signs %q, want %q", got, want)
	}
}

func TestTopics(t *testing.T) {
	for _, c := range Channels() {
		id, got, ok := ParseTopic(tid.Topic(c))
		if !ok || id != tid || got != c {
			t.Errorf("%s reads back as %s of %s, %v", tid.Topic(c), got, id, ok)
		}
		// What some clouds allow: no QoS 2, seven slashes, five levels below the root.
		if d, known := c.Delivery(); !known || d.QoS > 1 || strings.Count(tid.Topic(c), "/") > 6 {
			t.Errorf("%s does not run on every broker: %+v", tid.Topic(c), d)
		}
	}
	for _, s := range Streams() {
		if d, known := s.Channel().Delivery(); !known || d.QoS != 1 || d.Retain {
			t.Errorf("stream %s: %+v, %v", s, d, known)
		}
	}
	if d, _ := DownCommand.Delivery(); d.Retain {
		t.Error("commands are retained")
	}
	for _, topic := range []string{"", "pos/v1", "pos/v1/t-0001-corner", "pos/v1/t-0001-corner/up/other", "pos/v2/t-0001-corner/up/hb",
		"pos/v1/+/up/hb", "pos/v1/T-0001-CORNER/up/hb", "x/pos/v1/t-0001-corner/up/hb", "pos/v1/t-0001-corner/up/ev/", "$share/pos/v1/t-0001-corner/up/hb"} {
		if id, c, ok := ParseTopic(topic); ok {
			t.Errorf("%q is taken for %s of %s", topic, c, id)
		}
	}
	for _, name := range []string{"", "short", "UPPERCASE", "has space", "with/slash", "wild+card", "all#", "$dollar00", strings.Repeat("a", 41)} {
		if _, err := ParseTID(name); err == nil {
			t.Errorf("%q passes for a terminal", name)
		}
	}
}

func TestStrictReading(t *testing.T) {
	deep := strings.Repeat("[", 20) + strings.Repeat("]", 20)
	for text, ok := range map[string]bool{
		`{"v":1,"state":"lost","sess":4}`:           true,
		`{"v":1,"state":"lost","sess":4} `:          true,
		`{"v":1,"state":"lost","sess":4}{}`:         false,
		`{"v":1,"state":"lost","sess":4,"sess":5}`:  false,
		`{"v":1,"state":"lost","sess":4,"other":1}`: false,
		`{"v":1,"state":"lost","sess":-4}`:          false,
		deep:                                        false,
		`[`:                                         false,
		``:                                          false,
	} {
		var p Presence
		if err := strict([]byte(text), &p); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestStamps(t *testing.T) {
	for text, want := range map[string]string{
		`"2026-11-20T12:00:00.123Z"`:       `"2026-11-20T12:00:00.123Z"`,
		`"2026-11-20T20:00:00+08:00"`:      `"2026-11-20T12:00:00.000Z"`,
		`"2026-11-20T12:00:00.123456789Z"`: `"2026-11-20T12:00:00.123Z"`,
		`1700000000`:                       "",
		`"yesterday"`:                      "",
	} {
		var s Stamp
		err := json.Unmarshal([]byte(text), &s)
		if want == "" {
			if err == nil {
				t.Errorf("%s is read as %v", text, s)
			}
			continue
		}
		got, marshalErr := json.Marshal(At(s.Time))
		if err != nil || marshalErr != nil || string(got) != want {
			t.Errorf("%s becomes %s (%v), want %s", text, got, err, want)
		}
	}
}

func TestHashOfConfiguration(t *testing.T) {
	a := HashOf(map[string]string{"a": "1", "b": "2"})
	for name, other := range map[string]map[string]string{
		"another value": {"a": "1", "b": "3"}, "a key less": {"a": "1"}, "cut elsewhere": {"a": "1b", "": "2"}, "none": {},
	} {
		if HashOf(other) == a {
			t.Errorf("%s has the same hash", name)
		}
	}
	// printf 'shop.name\0Corner\0' | sha256sum
	if got := HashOf(map[string]string{"shop.name": "Corner"}); got != "9d02260e4ebd9fecaf31081fcacb14e996f557802b4de9b6c7fa10d7a7acf56f" {
		t.Errorf("the hash is %s", got)
	}
}

func TestArguments(t *testing.T) {
	for _, c := range []struct {
		name, args string
		ok         bool
	}{
		{"ping", ``, true}, {"ping", `{}`, true}, {"ping", `[]`, false}, {"ping", `{"a":1}`, false},
		{"display.message", `{"text":"Back in 5 minutes","ttl":60}`, true},
		{"display.message", `{"text":"五分钟后回来","ttl":60,"lane":"1"}`, true},
		{"display.message", `{"text":"<img onerror=x>","ttl":60}`, true}, // shown as text
		{"display.message", `{"text":"","ttl":60}`, false},
		{"display.message", `{"text":"two\nlines","ttl":60}`, false},
		{"display.message", `{"text":"x","ttl":0}`, false},
		{"display.message", `{"text":"x","ttl":601}`, false},
		{"display.message", fmt.Sprintf(`{"text":%q,"ttl":60}`, strings.Repeat("x", 121)), false},
		{"display.message", ``, false},
		{"log.level", `{"level":"debug","ttl":600}`, true},
		{"log.level", `{"level":"loud","ttl":600}`, false},
		{"log.level", `{"level":"debug","ttl":90000}`, false},
		{"terminal.wipe", `{"reason":"stolen"}`, true},
		{"terminal.wipe", `{}`, false},
	} {
		e, known := Find(c.name, 1)
		if !known {
			t.Fatal(c.name)
		}
		if err := e.check(json.RawMessage(c.args)); (err == nil) != c.ok {
			t.Errorf("%s %s: %v", c.name, c.args, err)
		}
	}
}

// TestClosedCatalogue names what must never be in it.
func TestClosedCatalogue(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range Catalogue() {
		if seen[e.Cap()] || e.Limit <= 0 || e.check == nil {
			t.Errorf("%s stands twice, without a limit or without a check", e.Cap())
		}
		seen[e.Cap()] = true
		for _, word := range []string{"shell", "exec", "file", "fetch", "refund", "pay", "sale", "void"} {
			if strings.Contains(e.Name, word) {
				t.Errorf("%s: there is no command that runs a program, reads files, fetches addresses or moves money", e.Name)
			}
		}
		if e.Class == Dangerous && e.Restart == RetryInterrupted {
			t.Errorf("%s is dangerous and done twice", e.Name)
		}
	}
}

func TestEveryCodeHasAMeaning(t *testing.T) {
	for _, c := range Codes() {
		if len(c.Meaning()) < 20 || !strings.HasSuffix(c.Meaning(), ".") {
			t.Errorf("%s means %q", c, c.Meaning())
		}
	}
}

func TestMemoryStore(t *testing.T) {
	ctx, m := context.Background(), NewMemory()
	item := func(key, value string) agent.FleetItem { return agent.FleetItem{Key: key, Value: []byte(value)} }
	if err := m.Save(ctx, item("b/2", "2"), item("a/1", "1"), item("b/1", "1"), item("b/3", "3"), item("c", "")); err != nil {
		t.Fatal(err)
	}
	if err := m.Save(ctx, agent.FleetItem{Key: "b/2"}, item("b/3", "4"), agent.FleetItem{Key: "none"}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		prefix, after string
		limit         int
		want          string
	}{
		{"", "", 9, "a/1=1 b/1=1 b/3=4 c= "}, {"b/", "", 9, "b/1=1 b/3=4 "}, {"b/", "", 1, "b/1=1 "}, {"b/", "b/1", 9, "b/3=4 "},
		{"b/", "b/3", 9, ""}, {"b", "a", 9, "b/1=1 b/3=4 "}, {"x", "", 9, ""}, {"a/", "b", 9, ""},
	} {
		rows, err := m.Load(ctx, c.prefix, c.after, c.limit)
		got := ""
		for _, r := range rows {
			got += r.Key + "=" + string(r.Value) + " "
		}
		if err != nil || got != c.want {
			t.Errorf("load %q after %q: %q, %v; want %q", c.prefix, c.after, got, err, c.want)
		}
	}
}

func TestKeyIDs(t *testing.T) {
	key := publicOfKey(keyNamed("online"))
	text := base64.StdEncoding.EncodeToString(key)
	if back, err := ReadPublic(text); err != nil || IDOf(back) != IDOf(key) || len(IDOf(key)) != 16 {
		t.Errorf("%s, %v", IDOf(back), err)
	}
	for _, bad := range []string{"", "====", text[:20], text + "AAAA", text + "\n"} {
		if _, err := ReadPublic(bad); err == nil {
			t.Errorf("%q passes for a key", bad)
		}
	}
	if k := NewKey(Online, key, At(noon()), At(noon().Add(time.Hour))); k.ID != IDOf(key) {
		t.Error(k)
	}
}
