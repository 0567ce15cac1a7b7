package fleet

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the examples anew")

// schemaOf compiles one schema of the contract; times are checked as times.
func schemaOf(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	s, err := c.Compile(filepath.Join("schema", name+".schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// fits reports whether a message is what its schema says.
func fits(s *jsonschema.Schema, message []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(message))
	if err != nil {
		return err
	}
	return s.Validate(value)
}

const (
	bootID  = "01KAFN0000000000000000BOOT"
	epochID = "01KAFN00000000000000000000"
)

// examples is one of each message, made of the types that the agent itself uses.
func examples() map[string]any {
	a := newAuthority()
	cfg := map[string]string{"log.level": "warn", "shop.name": "Corner shop"}
	clock := ClockReport{Wall: At(noon()), Quality: Synced, LastGood: At(noon().Add(-time.Minute))}
	config := Config{Claims: a.claims(), Rev: 7, Hash: HashOf(cfg), Cfg: cfg}
	doc, _ := json.Marshal(ConfigDoc{Rev: 8, Hash: HashOf(cfg), Cfg: cfg})
	job := Job{Claims: a.claims(), Rev: 3, Type: JobTypeConfig, Doc: doc,
		Window: &Window{Days: []string{"mon", "tue", "wed", "thu"}, From: "22:00", To: "05:30"}, NotBefore: At(noon().Add(8 * time.Hour)), Deadline: At(noon().AddDate(0, 0, 14)), MaxTries: 3, Campaign: "autumn", Ring: "canary"}
	report := CommandReport{Jti: jti(1), Name: "ping", Status: Succeeded, Result: json.RawMessage(`{"pong":true}`), At: At(noon())}
	data, _ := json.Marshal(report)
	return map[string]any{
		"presence":      Presence{V: Wire, State: StateOnline, Sess: 412, Boot: bootID, Since: At(noon()), Ver: "1.4.2", Why: "reconnect"},
		"presence-lost": Presence{V: Wire, State: StateLost, Sess: 412},
		"hello": Hello{V: Wire, Sess: 412, Nonce: nonce, Boot: bootID, Ver: "1.4.2", Caps: []string{"cmd:display.message/1", "cmd:ping/1"},
			Config: ConfigMark{7, HashOf(cfg)}, Command: SeqMark{41}, Keys: VersionMark{2}, Clock: clock,
			Streams: map[Stream]StreamMark{Audits: {epochID, 1001, 1040}, Payments: {epochID, 212, 211}}},
		"state": Report{V: Wire, Rev: 19, Sess: 412, At: At(noon()), Ver: "1.4.2", Platform: "linux/arm64", UpS: 86400, Shop: "Corner shop", Selling: true,
			Line:     LineReport{State: "degraded", Since: At(noon().Add(-time.Hour)), Wallets: map[string]string{"alipay": "online", "wechat": "down"}},
			Queue:    QueueReport{Waiting: 2, OldestS: 75, Open: 1, InDoubt: 1},
			Devices:  []DeviceReport{{ID: "1.scanner", Kind: "scanner", Lane: "1", Driver: "line", State: "lost", Since: At(noon()), Reason: "It was unplugged."}},
			Problems: []ProblemReport{{What: "The cloud of wechat cannot be reached.", Since: At(noon().Add(-time.Hour)), Do: "Check the shop's line and router."}},
			Clock:    clock, DiskFree: 12 << 30, Outbox: []OutboxReport{{Stream: Audits, Rows: 40, OldestS: 3600}}},
		"beat":          Beat{V: Wire, Sess: 412, At: At(noon()), UpS: 86400, Digest: map[string]int64{"payments_total": 211, "queue_entries": 2}},
		"config-report": ConfigReport{V: Wire, Rev: 7, Hash: HashOf(cfg), Status: ConfigTrial, At: At(noon()), Effects: map[string]string{"log.level": "live", "shop.name": "live"}},
		"batch": Batch{V: Wire, Stream: Commands, Epoch: epochID, First: 12, Last: 12, Oldest: 12, Dropped: []Gap{{From: 3, To: 11, Reason: "full"}}, Events: []Event{
			{SpecVersion: "1.0", ID: epochID + "/12", Source: "pos/" + string(tid), Type: EventType(Commands, "status"), Time: At(noon()), Sequence: 12, BootID: bootID, UptimeS: 86400, TimeQuality: Synced, Data: data}}},
		"command-report": report,
		"act": Act{Row: 1204, Life: "9f86d081884c7d659a2feaa0c55ad015", Hash: HashOf(map[string]string{"row": "1204"}), PrevRow: 1187, PrevHash: HashOf(map[string]string{"row": "1187"}),
			Actor: "fleet", Action: "setting", Object: "shop.name", Detail: "Corner shop"},
		"job-report": JobReport{Jti: jti(2), Type: JobTypeConfig, Status: JobRejected, Code: RefusedPolicy, Text: RefusedPolicy.Meaning(), Campaign: "autumn", Ring: "canary", At: At(noon())},
		"command":    a.wipe(),
		"config":     config,
		"job":        job,
		"keys":       a.keySet(2),
		"ack":        Ack{Claims: a.claims(), T: At(noon()), Nonce: nonce, Acks: []AckMark{{Audits, epochID, 1040}}},
	}
}

// TestGoldenExamples holds the types, the schemas and the examples together. With
// -update the examples are written anew.
func TestGoldenExamples(t *testing.T) {
	list := examples()
	a := newAuthority()
	sealedCommand := seal(t, TypeCommand, a.wipe(), a.anna, a.boris)
	list["envelope"] = json.RawMessage(sealedCommand)
	for name, message := range list {
		t.Run(name, func(t *testing.T) {
			raw, err := json.MarshalIndent(message, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			raw = append(raw, '\n')
			file := filepath.Join("schema", "examples", name+".json")
			if *update {
				if err := os.WriteFile(file, raw, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			golden, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(raw, golden) {
				t.Errorf("the agent writes\n%s\nthe example is\n%s", raw, golden)
			}
			schema, _, _ := strings.Cut(name, "-lost")
			if err := fits(schemaOf(t, schema), golden); err != nil {
				t.Errorf("the example is not what its schema says: %v", err)
			}
		})
	}
	files, err := os.ReadDir("schema/examples")
	if err != nil || len(files) != len(list) {
		t.Errorf("%d examples for %d messages, %v", len(files), len(list), err)
	}
}

// TestSchemasRefuse keeps the schemas from being empty words: each of these was a
// good message before one thing was changed.
func TestSchemasRefuse(t *testing.T) {
	for _, c := range []struct{ name, old, new string }{
		{"presence", `"online"`, `"stale"`},
		{"presence", `"boot": "` + bootID + `",`, ``},
		{"hello", nonce, "short"},
		{"hello", `"cmd:ping/1"`, `"ping"`},
		{"state", `"selling": true`, `"selling": 1`},
		{"beat", `"queue_entries": 2`, `"queue_entries": 2.5`},
		{"config-report", `"trial"`, `"maybe"`},
		{"batch", `"sequence": "12"`, `"sequence": 12`},
		{"batch", `com.tillwire.pos`, `com.other.pos`},
		{"batch", `"oldest": 12`, `"oldest": 0`},
		{"act", `"prev_hash": "`, `"prev_hash": "x`},
		{"act", `"row": 1204`, `"row": 0`},
		{"command", `"terminal.wipe"`, `"shell.exec"`},
		{"command", `"nonce": "` + nonce + `",`, ``},
		{"config", `"warn"`, `7`},
		{"job", `"config"`, `"update"`},
		{"keys", `"approver"`, `"everybody"`},
		{"ack", `"upto": 1040`, `"upto": -1`},
		{"ack", "12:00:00.000Z", "12:00:00Z"},
		{"envelope", TypeCommand, "text/plain"},
	} {
		golden, err := os.ReadFile(filepath.Join("schema", "examples", c.name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		bad := bytes.Replace(golden, []byte(c.old), []byte(c.new), 1)
		if bytes.Equal(bad, golden) {
			t.Errorf("%s has no %s", c.name, c.old)
		} else if fits(schemaOf(t, c.name), bad) == nil {
			t.Errorf("%s passes with %s for %s", c.name, c.new, c.old)
		}
	}
}

// TestReadersAgreeWithSchemas opens each signed example as the agent does.
func TestReadersAgreeWithSchemas(t *testing.T) {
	a := newAuthority()
	j, s := bench(t, a)
	for name, read := range map[string]func(raw []byte) error{
		"command": func(raw []byte) error {
			_, err := j.Command(Received{Payload: seal(t, TypeCommand, json.RawMessage(raw), a.anna, a.boris)}, s)
			return err
		},
		"config": func(raw []byte) error {
			_, err := j.Config(Received{Payload: seal(t, TypeConfig, json.RawMessage(raw), a.online)}, s)
			return err
		},
		"job": func(raw []byte) error {
			_, err := j.Job(Received{Payload: seal(t, TypeJob, json.RawMessage(raw), a.online)}, s)
			return err
		},
		"ack": func(raw []byte) error {
			_, err := j.Ack(Received{Payload: seal(t, TypeAck, json.RawMessage(raw), a.online)}, s)
			return err
		},
		"keys": func(raw []byte) error {
			_, err := readKeySet(seal(t, TypeKeys, json.RawMessage(raw), a.root), a.roots())
			return err
		},
	} {
		golden, err := os.ReadFile(filepath.Join("schema", "examples", name+".json"))
		if err != nil {
			t.Fatal(err)
		}
		if err := read(golden); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAsyncAPI compares the document with the tables the agent works by.
func TestAsyncAPI(t *testing.T) {
	raw, err := os.ReadFile("asyncapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw)
	for _, c := range Channels() {
		d, _ := c.Delivery()
		id := regexp.MustCompile(`(?m)^  (\w+):\n    address: ` + regexp.QuoteMeta(TID("{tid}").Topic(c)) + `$`).FindStringSubmatch(text)
		if id == nil {
			t.Errorf("%s is not described", c)
			continue
		}
		operation := regexp.MustCompile(`(?s)action: (\w+)\n    channel: \{ \$ref: "#/channels/` + id[1] + `" \}.*?mqtt: (\{[^}]*\})`).FindStringSubmatch(text)
		want := fmt.Sprintf("{ qos: %d, retain: %v, bindingVersion: 0.2.0 }", d.QoS, d.Retain)
		if operation == nil || operation[2] != want || (operation[1] == "send") != strings.HasPrefix(string(c), "up/") {
			t.Errorf("%s: %q, want %s", c, operation, want)
		}
	}
	if n := strings.Count(text, "    address: "); n != len(Channels()) {
		t.Errorf("%d channels are described, there are %d", n, len(Channels()))
	}
	for _, ref := range regexp.MustCompile(`schema/[a-z-]+\.schema\.json`).FindAllString(text, -1) {
		if _, err := os.Stat(ref); err != nil {
			t.Error(err)
		}
	}
	for _, ref := range regexp.MustCompile(`#/components/messages/([a-z-]+)`).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(text, "\n    "+ref[1]+":\n      payload:") {
			t.Errorf("the message %s is not described", ref[1])
		}
	}
}

// TestSchemasNameWhatTheAgentKnows keeps lists that stand twice alike.
func TestSchemasNameWhatTheAgentKnows(t *testing.T) {
	read := func(name string) string {
		raw, err := os.ReadFile(filepath.Join("schema", name+".schema.json"))
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	command, configReport := read("command"), read("config-report")
	for _, e := range Catalogue() {
		if !strings.Contains(command, `"`+e.Name+`"`) {
			t.Errorf("the schema does not know the command %s", e.Name)
		}
	}
	for _, c := range Codes() {
		if !strings.Contains(configReport, `"`+string(c)+`"`) {
			t.Errorf("the schema does not know the code %s", c)
		}
	}
}

// FuzzDownlink offers arbitrary bytes as every kind of document: none is ever
// taken, and nothing panics.
func FuzzDownlink(f *testing.F) {
	a := newAuthority()
	j := Judge{TID: tid, Has: func(string, int) bool { return true }, Allowed: func(Class) bool { return true }}
	for _, kind := range []string{TypeCommand, TypeConfig, TypeJob, TypeAck, TypeKeys} {
		for _, document := range []any{a.ping(), Config{Claims: a.claims()}, Job{Claims: a.claims()}, Ack{Claims: a.claims()}, a.keySet(1)} {
			raw, err := Seal(kind, document, a.stranger)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(raw)
		}
	}
	f.Add([]byte(base64.StdEncoding.EncodeToString([]byte("{}"))))
	set, err := readKeySet(mustSeal(f, TypeKeys, a.keySet(1), a), a.roots())
	if err != nil {
		f.Fatal(err)
	}
	s := Situation{Keys: set, Nonce: nonce, Time: at(noon()), Known: func(string) bool { return false }}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := Received{Payload: raw}
		_, c := j.Command(m, s)
		_, g := j.Config(m, s)
		_, w := j.Job(m, s)
		_, k := j.Ack(m, s)
		_, r := readKeySet(raw, a.roots())
		for _, err := range []error{c, g, w, k, r} {
			if err == nil {
				t.Fatalf("taken without a key's signature: %q", raw)
			}
		}
	})
}

func mustSeal(f *testing.F, kind string, document any, a *authority) []byte {
	f.Helper()
	raw, err := Seal(kind, document, a.root)
	if err != nil {
		f.Fatal(err)
	}
	return raw
}
