package scanner

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"time"

	"tillwire/drivers"
)

// read is one arrival in a vector; without data the clock only moves.
type read struct {
	ms   int
	data string
}

// vector is one row of the framer's specification, checked on the codec and
// through Decode.
type vector struct {
	name    string
	profile string
	set     map[string]string
	in      []read
	want    []string // events, as describe writes them
}

// vectors holds the public device vectors 1 to 12 and the framing rules they
// leave open.
func vectors() []vector {
	return []vector{
		{name: "01 a code with CR LF is one scan",
			in:   []read{{0, "6901234567892\r\n"}},
			want: []string{"@0 scan 6901234567892"}},
		{name: "02 a code in three pieces",
			in:   []read{{0, "28123456"}, {12, "7890123456\r"}, {13, "\n"}},
			want: []string{"@12 scan 281234567890123456"}},
		{name: "03 the symbology identifier is not part of the code",
			in:   []read{{0, "]Q1https://p.co/a1\r"}},
			want: []string{"@0 scan ]Q1 https://p.co/a1"}},
		{name: "04 three endings",
			in:   []read{{0, "111\r222\r\n333\n"}},
			want: []string{"@0 scan 111", "@0 scan 222", "@0 scan 333"}},
		{name: "05 half a code is never delivered",
			in:   []read{{0, "12345"}, {700, "67890\r"}},
			want: []string{"@500 partial_timeout(5)", "@700 scan 67890"}},
		{name: "06 NUL is nothing, FF is garbage",
			in:   []read{{0, "\x00\x00\xff\r"}, {0, "6901234567892\r"}},
			want: []string{"@0 garbage(1)", "@0 scan 6901234567892"}},
		{name: "07 STX and ETX", profile: "stx",
			in:   []read{{0, "zz\x02]E06901234567892\x03\r\x02ABC\x03"}},
			want: []string{"@0 scan ]E0 6901234567892", "@0 scan ABC"}},
		{name: "08 repeats extend the window",
			in:   []read{{0, "284\r"}, {400, "284\r"}, {2100, "284\r"}},
			want: []string{"@0 scan 284", "@400 duplicate 284", "@2100 scan 284"}},
		{name: "09 silence ends a code in idle mode", set: map[string]string{"idle_gap": "60"},
			in:   []read{{0, "284"}, {20, "567"}, {100, ""}},
			want: []string{"@80 scan 284567"}},
		{name: "10 a code that is too long is dropped whole", set: map[string]string{"max_len": "8"},
			in:   []read{{0, "123456789ABC\r77\r"}},
			want: []string{"@0 overflow(9)", "@0 scan 77"}},
		{name: "11 GS is data",
			in:   []read{{0, "]C10106\x1d10AB\r"}},
			want: []string{"@0 scan ]C1 0106\x1d10AB"}},
		{name: "12 too short for an identifier",
			in:   []read{{0, "]\r"}},
			want: []string{"@0 scan ]"}},

		{name: "an identifier needs data behind it",
			in:   []read{{0, "]Q1\r"}},
			want: []string{"@0 scan ]Q1"}},
		{name: "aim=off keeps the identifier as data", set: map[string]string{"aim": "off"},
			in:   []read{{0, "]Q1abc\r"}},
			want: []string{"@0 scan ]Q1abc"}},
		{name: "aim=on refuses a code whose head is missing", set: map[string]string{"aim": "on"},
			in:   []read{{0, "]Q1abc\r"}, {1, "1abc\r"}},
			want: []string{"@0 scan ]Q1 abc", "@1 garbage(4)"}},
		{name: "two codes in turn are both repeats within the window",
			in:   []read{{0, "A\r"}, {10, "B\r"}, {20, "A\r"}, {30, "B\r"}},
			want: []string{"@0 scan A", "@10 scan B", "@20 duplicate A", "@30 duplicate B"}},
		{name: "the window slides with every repeat",
			in:   []read{{0, "A\r"}, {1400, "A\r"}, {2800, "A\r"}, {4299, "A\r"}, {5799, "A\r"}},
			want: []string{"@0 scan A", "@1400 duplicate A", "@2800 duplicate A", "@4299 duplicate A", "@5799 scan A"}},
		{name: "dedupe=0 delivers every reading", set: map[string]string{"dedupe": "0"},
			in:   []read{{0, "A\rA\r"}},
			want: []string{"@0 scan A", "@0 scan A"}},
		{name: "a timer still running at the end does not fire",
			in: []read{{0, "12345"}}},
		{name: "a timer fires when the clock is moved there",
			in:   []read{{0, "12345"}, {500, ""}},
			want: []string{"@500 partial_timeout(5)"}},
		{name: "silence is counted from the last byte",
			in:   []read{{0, "123"}, {499, "45"}, {998, "6\r"}},
			want: []string{"@998 scan 123456"}},
		{name: "after an overflow silence ends the discarding", set: map[string]string{"max_len": "4"},
			in:   []read{{0, "123456"}, {600, "77\r"}},
			want: []string{"@0 overflow(5)", "@600 scan 77"}},
		{name: "a tail after the open grace is not a code", set: map[string]string{"open_grace": "150"},
			in:   []read{{140, "2812345"}, {155, "67890123456\r"}, {160, "777\r"}},
			want: []string{"@160 scan 777"}},
		{name: "a whole code within the grace is ignored", set: map[string]string{"open_grace": "150"},
			in:   []read{{140, "281\r"}, {150, "777\r"}},
			want: []string{"@150 scan 777"}},
		{name: "idle mode takes terminators too", set: map[string]string{"idle_gap": "on"},
			in:   []read{{0, "111\r222"}, {60, ""}},
			want: []string{"@0 scan 111", "@60 scan 222"}},
		{name: "a new STX starts anew", profile: "stx",
			in:   []read{{0, "\x02123\x02456\x03"}},
			want: []string{"@0 scan 456"}},
		{name: "a suffix before ETX is not data (CUTE)", profile: "stx",
			in:   []read{{0, "\x02ABC\r\x03"}},
			want: []string{"@0 scan ABC"}},
		{name: "a suffix in the middle is not an end", profile: "stx",
			in:   []read{{0, "\x02AB\rC\x03"}},
			want: []string{"@0 garbage(4)"}},
		{name: "STX without ETX", profile: "stx",
			in:   []read{{0, "\x02ABC"}, {500, "DEF\x03"}, {501, "\x02G\x03"}},
			want: []string{"@500 partial_timeout(3)", "@501 scan G"}},
		{name: "STX alone is a profile's key too", set: map[string]string{"stx": "true"},
			in:   []read{{0, "9\x02ABC\x03"}},
			want: []string{"@0 scan ABC"}},
		{name: "DLE framing", set: map[string]string{"dle": "on"},
			in:   []read{{0, "x\x10\x02ABC\x10"}, {1, "\x03y\x10\x02D\x10\x10\x10\x03"}},
			want: []string{"@1 scan ABC", "@1 garbage(2)"}},
		{name: "DLE before anything else is a broken frame", set: map[string]string{"dle": "on"},
			in:   []read{{0, "\x10\x02AB\x10CD\x10\x03\x10\x02E\x10\x03"}},
			want: []string{"@0 resync(2)", "@0 scan E"}},
		{name: "TAB ends a code only when configured", set: map[string]string{"terminators": "TAB, 0D"},
			in:   []read{{0, "1\t2\r"}},
			want: []string{"@0 scan 1", "@0 scan 2"}},
		{name: "TAB is garbage otherwise",
			in:   []read{{0, "1\t2\r"}},
			want: []string{"@0 garbage(3)"}},
		{name: "UTF-8 is garbage unless allowed",
			in:   []read{{0, "支付\r"}},
			want: []string{"@0 garbage(6)"}},
		{name: "utf8=on takes printable text only", set: map[string]string{"utf8": "on"},
			in:   []read{{0, "支付\r"}, {1, "\xe6\x94\r"}, {2, "a\u0085b\r"}},
			want: []string{"@0 scan 支付", "@1 garbage(2)", "@2 garbage(4)"}},
	}
}

func TestFramerVectors(t *testing.T) {
	for _, v := range vectors() {
		t.Run(v.name, func(t *testing.T) {
			codec, err := decoder(v.profileName(), v.set)
			if err != nil {
				t.Fatal(err)
			}
			events := codec.Start(0)
			for _, r := range v.in {
				at := time.Duration(r.ms) * time.Millisecond
				events = append(events, codec.Tick(at)...)
				events = append(events, codec.Feed(at, []byte(r.data))...)
			}
			compare(t, describe(events), v.want)
		})
	}
}

// Any byte may arrive alone: pieces must not change what is delivered.
func TestFramerVectorsByteByByte(t *testing.T) {
	for _, v := range vectors() {
		t.Run(v.name, func(t *testing.T) {
			codec, err := decoder(v.profileName(), v.set)
			if err != nil {
				t.Fatal(err)
			}
			events := codec.Start(0)
			for _, r := range v.in {
				at := time.Duration(r.ms) * time.Millisecond
				events = append(events, codec.Tick(at)...)
				for _, c := range []byte(r.data) {
					events = append(events, codec.Feed(at, []byte{c})...)
				}
			}
			compare(t, describe(events), v.want)
		})
	}
}

func TestDecodeVectors(t *testing.T) {
	for _, v := range vectors() {
		t.Run(v.name, func(t *testing.T) {
			var in, out strings.Builder
			for _, r := range v.in {
				fmt.Fprintf(&in, "@%d %s\n", r.ms, hex.EncodeToString([]byte(r.data)))
			}
			if err := Decode(strings.NewReader(in.String()), &out, v.profileName(), v.set); err != nil {
				t.Fatal(err)
			}
			compare(t, describeLines(t, out.String()), v.want)
		})
	}
}

func (v vector) profileName() string {
	if v.profile == "" {
		return "line"
	}
	return v.profile
}

func describe(events []Event) []string {
	var out []string
	for _, e := range events {
		out = append(out, describeOne(e.At.Milliseconds(), string(e.Kind), e.Symbology, e.Text.Reveal(), e.Bytes))
	}
	return out
}

func describeOne(at int64, kind, symbology, text string, bytes int) string {
	s := fmt.Sprintf("@%d %s", at, kind)
	if bytes > 0 {
		s += fmt.Sprintf("(%d)", bytes)
	}
	for _, part := range []string{symbology, text} {
		if part != "" {
			s += " " + part
		}
	}
	return s
}

func compare(t *testing.T, got, want []string) {
	t.Helper()
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// Bytes that were lost on the way in may have been the middle of a code.
func TestLostBytesSpoilTheFrame(t *testing.T) {
	for profile, tail := range map[string]string{"line": "678\r9\r", "stx": "678\x03\x029\x03"} {
		t.Run(profile, func(t *testing.T) {
			p, err := FindProfile(profile)
			if err != nil {
				t.Fatal(err)
			}
			values, err := drivers.NewValues(map[string]any{"open_grace": 0}, p.Keys)
			if err != nil {
				t.Fatal(err)
			}
			setup, err := p.New(values)
			if err != nil {
				t.Fatal(err)
			}
			setup.Codec.Start(0)
			events := setup.Codec.Feed(0, []byte("\x02123"))
			events = append(events, setup.Codec.Lost(ms(1))...)
			events = append(events, setup.Codec.Feed(ms(1), []byte(tail))...)
			lost := map[string]string{"line": "@1 resync(4)", "stx": "@1 resync(3)"}[profile]
			compare(t, describe(events), []string{lost, "@1 scan 9"})
		})
	}
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
