package scanner

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func describeLines(t *testing.T, out string) []string {
	t.Helper()
	var got []string
	for _, line := range strings.Split(strings.TrimSuffix(out, "\n"), "\n") {
		if line == "" {
			continue
		}
		var e struct {
			At                     int64
			Event, Text, Symbology string
			Bytes                  int
		}
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		got = append(got, describeOne(e.At, e.Event, e.Symbology, e.Text, e.Bytes))
	}
	return got
}

// The exact text is a contract: field engineers keep captures and their output.
func TestDecodeWritesOnlyTheMembersThatApply(t *testing.T) {
	const in = `# a capture
@0 5D51 31 68 74 74 70 3F 61 26 62 0D

@10 31 32 FF 0D
@20 31
@600
`
	const want = `{"at":0,"event":"scan","text":"http?a&b","symbology":"]Q1"}
{"at":10,"event":"garbage","bytes":3}
{"at":520,"event":"partial_timeout","bytes":1}
`
	var out strings.Builder
	if err := Decode(strings.NewReader(in), &out, "line", nil); err != nil {
		t.Fatal(err)
	}
	if out.String() != want {
		t.Errorf("got  %s\nwant %s", out.String(), want)
	}
}

func TestDecodeRefusals(t *testing.T) {
	tests := []struct {
		name, in, profile string
		set               map[string]string
		want              string
	}{
		{"unknown profile", "", "lines", nil, `unknown profile "lines": did you mean "line"?`},
		{"unknown key", "", "line", map[string]string{"idlegap": "60"}, `unknown key "idlegap": did you mean "idle_gap"?`},
		{"number", "", "line", map[string]string{"max_len": "many"}, `max_len = "many": must be a whole number from 1 to 4096`},
		{"time", "", "line", map[string]string{"dedupe": "-1"}, "must be milliseconds"},
		{"switch", "", "line", map[string]string{"utf8": "maybe"}, "must be true or false"},
		{"choice", "", "line", map[string]string{"aim": "yes"}, "must be one of auto, on, off"},
		{"idle gap below what adapters batch", "", "line", map[string]string{"idle_gap": "29"}, "at least 30"},
		{"idle gap above the partial timeout", "", "line", map[string]string{"idle_gap": "600"}, "partial_timeout"},
		{"idle gap with marks", "", "stx", map[string]string{"idle_gap": "60"}, "cannot be combined"},
		{"both kinds of marks", "", "stx", map[string]string{"dle": "on"}, "cannot be combined"},
		{"nothing ends a code", "", "line", map[string]string{"terminators": "none"}, "set idle_gap"},
		{"a terminator that is data", "", "line", map[string]string{"terminators": "CR,41"}, "41 can be part of a code"},
		{"a terminator that is no byte", "", "line", map[string]string{"terminators": "END"}, "neither CR"},
		{"no time", "31 32", "line", nil, "line 1"},
		{"bad time", "@x 31", "line", nil, "milliseconds"},
		{"time beyond range", "@9223372036854775807", "line", nil, "milliseconds"},
		{"bad hex", "@0 31\n@1 3G", "line", nil, "line 2"},
		{"half a byte", "@0 3", "line", nil, "hex"},
		{"a command that is none", "@0 !trigger", "line", nil, `unknown command "trigger": did you mean "trigger_on"?`},
		{"bytes to send that are no hex", "", "line", map[string]string{"trigger_on": "ESC 1"}, "not bytes in hex"},
		{"a trigger that never rests", "", "line", map[string]string{"rearm": "100"}, "at least 500"},
		{"a beep that is none", "", "ssi", map[string]string{"accepted_beep": "27"}, "from 0 to 26"},
		{"replies that begin like a frame", "", "stx", map[string]string{"replies": "newland"}, "cannot be combined with stx"},
		{"a key of another protocol", "", "ssi", map[string]string{"terminators": "CR"}, `unknown key "terminators"`},
		{"a line that never ends", "@0 31\n@1 " + strings.Repeat("31 ", maxLine/3), "line", nil, "line 2 is longer than 1048576 bytes: break it into several"},
		{"clock going back", "@5 31\n@4 32", "line", nil, "goes back"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Decode(strings.NewReader(tt.in), &strings.Builder{}, tt.profile, tt.set)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestTerminatorSpellings(t *testing.T) {
	for _, spelling := range []string{"CR,LF", "crlf", "0D 0A", `\r\n`, "\r\n", "0x0d,LF,CR"} {
		var out strings.Builder
		err := Decode(strings.NewReader("@0 310D320A33"), &out, "line", map[string]string{"terminators": spelling})
		if err != nil {
			t.Errorf("%q: %v", spelling, err)
		}
		compare(t, describeLines(t, out.String()), []string{"@0 scan 1", "@0 scan 2"})
	}
}

// The defaults are the ones every shop runs with: changing one is a decision.
func TestLineDefaults(t *testing.T) {
	got := make(map[string]string)
	for _, k := range lineKeys("off", "off", nil) {
		got[k.Name] = k.Default
	}
	want := map[string]string{"terminators": "CR,LF", "stx": "off", "dle": "off", "partial_timeout": "500", "idle_gap": "off",
		"max_len": "512", "dedupe": "1500", "open_grace": "150", "utf8": "off", "aim": "auto", "code_id": "off", "replies": "off",
		// A plain scanner is told nothing, ever: nobody knows what it would do.
		"init": "", "trigger_on": "", "trigger_off": "", "accepted": "", "refused": "", "rearm": "5000"}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s = %q, want %q", key, got[key], value)
		}
	}
	if len(got) != len(want) {
		t.Errorf("keys %v, want %v", got, want)
	}
}

// FuzzFramer looks for input that breaks the promise: no panic, no empty scan,
// no scan longer than allowed, no control byte but the five that are data.
func FuzzFramer(f *testing.F) {
	for _, v := range vectors() {
		var data []byte
		for _, r := range v.in {
			data = append(data, r.data...)
		}
		f.Add(data, uint16(0), uint8(len(data)))
	}
	sets := []map[string]string{
		{}, {"stx": "on"}, {"dle": "on"}, {"idle_gap": "60"}, {"utf8": "on"}, {"aim": "on"},
		{"aim": "off", "max_len": "8"}, {"open_grace": "150"}, {"idle_gap": "30", "terminators": "none", "max_len": "16"},
	}
	f.Fuzz(func(t *testing.T, data []byte, step uint16, piece uint8) {
		for i, set := range sets {
			codec, err := decoder("line", set)
			if err != nil {
				t.Fatal(err)
			}
			var now int64
			var events []Event
			feed := func(b []byte) {
				events = append(events, codec.Tick(ms(now))...)
				events = append(events, codec.Feed(ms(now), b)...)
				if step%7 == 3 {
					events = append(events, codec.Lost(ms(now))...)
				}
				now += int64(step)
			}
			codec.Start(0)
			for rest := data; len(rest) > 0; {
				n := min(len(rest), int(piece)+1)
				feed(rest[:n])
				rest = rest[n:]
			}
			events = append(events, codec.Tick(ms(now+10_000))...)
			for _, e := range events {
				checkEvent(t, e, i == 4)
			}
		}
	})
}

func checkEvent(t *testing.T, e Event, allowUTF8 bool) {
	t.Helper()
	text := e.Text.Reveal()
	if e.Kind != EventScan && e.Kind != EventDuplicate {
		if text != "" {
			t.Errorf("%s carries text", e.Kind)
		}
		return
	}
	if text == "" || len(text) > 512 || !utf8.ValidString(text) {
		t.Errorf("%s of %q", e.Kind, text)
	}
	for _, r := range text {
		control := r < 0x20 || r == 0x7f || r >= 0x80 && r < 0xa0
		if control && r != 0x04 && (r < 0x1c || r > 0x1f) || r > 0x7e && !allowUTF8 {
			t.Errorf("%s carries %q", e.Kind, r)
		}
	}
}
