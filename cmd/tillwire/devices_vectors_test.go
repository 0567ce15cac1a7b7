package main

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"tillwire/cmd/cli"
)

// scannerVector is one public vector of a scanner as a field engineer replays it.
type scannerVector struct {
	number  int
	profile string
	set     []string // --set
	in      []string // lines of a capture
	want    []string // events, one a line
}

// scannerVectors are the public device vectors 1 to 24 and 33. The others are of devices
// that decode does not know: 25 to 29 of printers (drivers/printer/codec_test.go), 30 to
// 32 of displays (drivers/display/codec_test.go), 34 to 37 of tills (agent/till).
func scannerVectors() []scannerVector {
	said := func(s string) string { return hex.EncodeToString([]byte(s)) }
	const (
		ean     = "12 F3 00 00 0B 36 39 30 31 32 33 34 35 36 37 38 39 32 FC 42"
		scanned = `{"at":%d,"event":"scan","text":"6901234567892","symbology":"0B"}`
		ack     = `{"at":%d,"event":"send","hex":"04D00400FF28"}`
	)
	scan := func(at int, text string) string { return fmt.Sprintf(`{"at":%d,"event":"scan","text":%q}`, at, text) }
	return []scannerVector{
		{1, "line", nil, []string{"@0 " + said("6901234567892\r\n")}, []string{scan(0, "6901234567892")}},
		{2, "line", nil, []string{"@0 " + said("28123456"), "@12 " + said("7890123456\r"), "@13 0A"}, []string{scan(12, "281234567890123456")}},
		{3, "line", nil, []string{"@0 " + said("]Q1https://p.co/a1\r")}, []string{`{"at":0,"event":"scan","text":"https://p.co/a1","symbology":"]Q1"}`}},
		{4, "line", nil, []string{"@0 " + said("111\r222\r\n333\n")}, []string{scan(0, "111"), scan(0, "222"), scan(0, "333")}},
		{5, "line", nil, []string{"@0 " + said("12345"), "@700 " + said("67890\r")}, []string{`{"at":500,"event":"partial_timeout","bytes":5}`, scan(700, "67890")}},
		{6, "line", nil, []string{"@0 00 00 FF 0D " + said("6901234567892\r")}, []string{`{"at":0,"event":"garbage","bytes":1}`, scan(0, "6901234567892")}},
		{7, "stx", nil, []string{"@0 " + said("zz\x02]E06901234567892\x03\r\x02ABC\x03")}, []string{`{"at":0,"event":"scan","text":"6901234567892","symbology":"]E0"}`, scan(0, "ABC")}},
		{8, "line", nil, []string{"@0 " + said("284\r"), "@400 " + said("284\r"), "@2100 " + said("284\r")}, []string{scan(0, "284"), `{"at":400,"event":"duplicate","text":"284"}`, scan(2100, "284")}},
		{9, "line", []string{"idle_gap=60"}, []string{"@0 " + said("284"), "@20 " + said("567"), "@100"}, []string{scan(80, "284567")}},
		{10, "line", []string{"max_len=8"}, []string{"@0 " + said("123456789ABC\r77\r")}, []string{`{"at":0,"event":"overflow","bytes":9}`, scan(0, "77")}},
		{11, "line", nil, []string{"@0 " + said("]C10106\x1d10AB\r")}, []string{`{"at":0,"event":"scan","text":"0106\u001d10AB","symbology":"]C1"}`}},
		{12, "line", nil, []string{"@0 " + said("]\r")}, []string{scan(0, "]")}},
		{13, "ssi", nil, []string{"@0 " + ean}, []string{fmt.Sprintf(ack, 0), fmt.Sprintf(scanned, 0)}},
		{14, "ssi", nil, []string{"@0 12 F3 00 00 0B 36 39 30", "@40 31 32 33 34 35 36 37 38 39 32 FC 42"}, []string{fmt.Sprintf(ack, 40), fmt.Sprintf(scanned, 40)}},
		{15, "ssi", nil, []string{"@0 12 F3 00 00 0B 36 39 30 30 32 33 34 35 36 37 38 39 32 FC 42"}, []string{`{"at":0,"event":"send","hex":"05D1040001FF25"}`}},
		{16, "ssi", nil, []string{"@0 " + ean, "@300 12 F3 00 01 0B 36 39 30 31 32 33 34 35 36 37 38 39 32 FC 41"},
			[]string{fmt.Sprintf(ack, 0), fmt.Sprintf(scanned, 0), fmt.Sprintf(ack, 300), `{"at":300,"event":"retransmit","text":"6901234567892","symbology":"0B"}`}},
		{17, "ssi", nil, []string{"@0 00 00 FF", "@0 04 D0 00 00 FF 2C"}, []string{`{"at":0,"event":"resync","bytes":3}`, `{"at":0,"event":"ack"}`}},
		{18, "ssi", nil, []string{"@0 05 D1 00 00 06 FF 24"}, []string{`{"at":0,"event":"nak","text":"denied"}`}},
		{19, "ssi", nil, []string{"@0 12 F3 00 00", "@500 04 D0 00 00 FF 2C"}, []string{`{"at":200,"event":"intercharacter_timeout","bytes":4}`, `{"at":500,"event":"ack"}`}},
		{20, "ssi", nil, []string{"@0 17 F3 00 00 1C " + said("286012345678901234") + " FB 33"}, []string{fmt.Sprintf(ack, 0), `{"at":0,"event":"scan","text":"286012345678901234","symbology":"1C"}`}},
		{21, "honeywell-dechdr", nil, []string{"@0 16 FE 21 00 00 00 0D 4D 53 47 47 45 54 30 30 31 39 73 51 31 1D " + said("281234567890123456") + " 0D"},
			[]string{`{"at":0,"event":"scan","text":"281234567890123456","symbology":"]Q1","id":"s"}`}},
		{22, "hid-pos", nil, []string{"@0 02 12 5D 51 31 " + said("281234567890123456") + strings.Repeat("00", 61-23) + " 73 00 00"},
			[]string{`{"at":0,"event":"scan","text":"281234567890123456","symbology":"]Q1","id":"s"}`}},
		{23, "evdev", nil, []string{"@0 " + pressed("https", "~:", "//p.co/", "~a", "1", "~?", "x=2", "\n")}, []string{scan(0, "https://p.co/A1?x=2")}},
		{24, "evdev", nil, []string{"@0 " + pressed("123") + keyEvent(0, 3, 0) + keyEvent(1, 6, 1) + keyEvent(0, 0, 0) + pressed("456\n")}, []string{`{"at":0,"event":"dropped","bytes":3}`, scan(0, "456")}},
		{33, "newland", nil, []string{"@0 " + said("111\r"), "@1 02 01 30 30 30 30 23 53 43 4E 54 52 47 31 06 3B 03", "@2 " + said("222\r")},
			[]string{scan(0, "111"), `{"at":1,"event":"ack","text":"SCNTRG1"}`, scan(2, "222")}},
	}
}

// keyEvent is a struct input_event of a 64-bit machine in hex.
func keyEvent(kind, code uint16, value int32) string {
	b := make([]byte, 24)
	binary.LittleEndian.PutUint16(b[16:], kind)
	binary.LittleEndian.PutUint16(b[18:], code)
	binary.LittleEndian.PutUint32(b[20:], uint32(value))
	return hex.EncodeToString(b)
}

// pressed is a text as the strokes of a US keyboard; a part behind ~ is typed with shift
// and written as the key without it says, ":" and "?" as themselves.
func pressed(parts ...string) string {
	const syn, key, shift = 0, 1, 42
	codes := map[rune]uint16{'1': 2, '2': 3, '3': 4, '4': 5, '5': 6, '6': 7, '=': 13, 't': 20, 'p': 25, 'o': 24, '\n': 28,
		'a': 30, 's': 31, 'h': 35, ':': 39, 'x': 45, 'c': 46, '.': 52, '/': 53, '?': 53}
	var b strings.Builder
	for _, part := range parts {
		text, shifted := strings.CutPrefix(part, "~")
		if shifted {
			b.WriteString(keyEvent(key, shift, 1) + keyEvent(syn, 0, 0))
		}
		for _, r := range text {
			for value := int32(1); value >= 0; value-- {
				b.WriteString(keyEvent(key, codes[r], value) + keyEvent(syn, 0, 0))
			}
		}
		if shifted {
			b.WriteString(keyEvent(key, shift, 0) + keyEvent(syn, 0, 0))
		}
	}
	return b.String()
}

// Each public vector of a scanner comes out of the command as it stands in the list.
func TestDecodeReproducesEveryPublicVector(t *testing.T) {
	seen := map[int]bool{}
	for _, v := range scannerVectors() {
		seen[v.number] = true
		args := []string{"devices", "decode", "--profile", v.profile}
		for _, set := range v.set {
			args = append(args, "--set", set)
		}
		r := invoke(t, strings.Join(v.in, "\n")+"\n", args...)
		if want := strings.Join(v.want, "\n") + "\n"; r.code != cli.Fine || r.stdout != want {
			t.Errorf("vector %d: %d %s\ngot  %swant %s", v.number, r.code, r.stderr, r.stdout, want)
		}
	}
	for number := 1; number <= 33; number++ {
		if scanners := number <= 24 || number == 33; scanners != seen[number] {
			t.Errorf("vector %d: looked at %v, want %v", number, seen[number], scanners)
		}
	}
}
