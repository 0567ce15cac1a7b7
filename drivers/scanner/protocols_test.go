package scanner

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// lines is a protocol's case as a field engineer would replay it: what goes in
// and the events that must come out, as "tillwire devices decode" prints them.
type lines struct {
	name, profile string
	set           map[string]string
	in            []string
	want          []string
}

func text(s string) string { return hex.EncodeToString([]byte(s)) }

// The public device vectors 13 to 24 and 33, and what they leave open.
func protocolCases() []lines {
	const (
		ean     = "12 F3 00 00 0B 36 39 30 31 32 33 34 35 36 37 38 39 32 FC 42"
		ack     = `{"at":%d,"event":"send","hex":"04D00400FF28"}`
		scanEAN = `{"at":%d,"event":"scan","text":"6901234567892","symbology":"0B"}`
	)
	at := func(format string, ms int) string { return fmt.Sprintf(format, ms) }
	dechdr := "16 FE 21 00 00 00 0D 4D 53 47 47 45 54 30 30 31 39 73 51 31 1D" + text("281234567890123456") + "0D"
	scanDECHDR := `{"at":0,"event":"scan","text":"281234567890123456","symbology":"]Q1","id":"s"}`
	return []lines{
		{name: "13 an EAN-13 in a packet", profile: "ssi",
			in: []string{"@0 " + ean}, want: []string{at(ack, 0), at(scanEAN, 0)}},
		{name: "14 the packet in two pieces", profile: "ssi",
			in: []string{"@0 12 F3 00 00 0B 36 39 30", "@40 31 32 33 34 35 36 37 38 39 32 FC 42"}, want: []string{at(ack, 40), at(scanEAN, 40)}},
		{name: "15 a damaged packet is asked for again", profile: "ssi",
			in:   []string{"@0 12 F3 00 00 0B 36 39 30 30 32 33 34 35 36 37 38 39 32 FC 42"},
			want: []string{`{"at":0,"event":"send","hex":"05D1040001FF25"}`}},
		{name: "16 a retransmission is no second scan", profile: "ssi",
			in: []string{"@0 " + ean, "@300 12 F3 00 01 0B 36 39 30 31 32 33 34 35 36 37 38 39 32 FC 41"},
			want: []string{at(ack, 0), at(scanEAN, 0), at(ack, 300),
				`{"at":300,"event":"retransmit","text":"6901234567892","symbology":"0B"}`}},
		{name: "17 noise before a packet", profile: "ssi",
			in:   []string{"@0 00 00 FF", "@0 04 D0 00 00 FF 2C"},
			want: []string{`{"at":0,"event":"resync","bytes":3}`, `{"at":0,"event":"ack"}`}},
		{name: "18 denied", profile: "ssi",
			in: []string{"@0 05 D1 00 00 06 FF 24"}, want: []string{`{"at":0,"event":"nak","text":"denied"}`}},
		{name: "19 a packet that breaks off", profile: "ssi",
			in:   []string{"@0 12 F3 00 00", "@500 04 D0 00 00 FF 2C"},
			want: []string{`{"at":200,"event":"intercharacter_timeout","bytes":4}`, `{"at":500,"event":"ack"}`}},
		{name: "20 a QR code in a packet", profile: "ssi",
			in:   []string{"@0 17 F3 00 00 1C " + text("286012345678901234") + " FB 33"},
			want: []string{at(ack, 0), `{"at":0,"event":"scan","text":"286012345678901234","symbology":"1C"}`}},
		{name: "21 a Honeywell packet", profile: "honeywell-dechdr",
			in: []string{"@0 " + dechdr}, want: []string{scanDECHDR}},
		{name: "22 a HID POS report", profile: "hid-pos",
			in:   []string{"@0 02 12 5D 51 31 " + text("281234567890123456") + strings.Repeat("00", 61-23) + "73 00 00"},
			want: []string{`{"at":0,"event":"scan","text":"281234567890123456","symbology":"]Q1","id":"s"}`}},
		{name: "23 key strokes with shift", profile: "evdev",
			in: []string{"@0 " + typed("https://p.co/A1?x=2\n")}, want: []string{`{"at":0,"event":"scan","text":"https://p.co/A1?x=2"}`}},
		{name: "24 dropped key strokes", profile: "evdev",
			in:   []string{"@0 " + typed("123") + input(evSyn, synDropped, 0) + input(evKey, 6, keyDown) + input(evSyn, synReport, 0) + typed("456\n")},
			want: []string{`{"at":0,"event":"dropped","bytes":3}`, `{"at":0,"event":"scan","text":"456"}`}},
		{name: "33 a reply between codes", profile: "newland",
			in:   []string{"@0 " + text("111\r"), "@1 02 01 30 30 30 30 23 53 43 4E 54 52 47 31 06 3B 03", "@2 " + text("222\r")},
			want: []string{`{"at":0,"event":"scan","text":"111"}`, `{"at":1,"event":"ack","text":"SCNTRG1"}`, `{"at":2,"event":"scan","text":"222"}`}},
	}
}

// input is one input event in hex, as a 64-bit machine has it.
func input(kind, code int, value int32) string {
	b := make([]byte, 24)
	binary.LittleEndian.PutUint16(b[16:], uint16(kind))
	binary.LittleEndian.PutUint16(b[18:], uint16(code))
	binary.LittleEndian.PutUint32(b[20:], uint32(value))
	return hex.EncodeToString(b)
}

// typed is a text as key strokes in hex: each key down and up, with reports.
func typed(s string) string {
	var b strings.Builder
	report := input(evSyn, synReport, 0)
	stroke := func(code int, shifted bool) {
		if shifted {
			b.WriteString(input(evKey, keyLeftShift, keyDown) + report)
		}
		b.WriteString(input(evKey, code, keyDown) + report + input(evKey, code, keyUp) + report)
		if shifted {
			b.WriteString(input(evKey, keyLeftShift, keyUp) + report)
		}
	}
	for _, c := range []byte(s) {
		if c == '\n' {
			stroke(keyEnter, false)
			continue
		}
		for _, r := range rows() {
			if i := strings.IndexByte(r.plain, c); i >= 0 {
				stroke(r.first+i, false)
				break
			}
			if i := strings.IndexByte(r.shifted, c); i >= 0 {
				stroke(r.first+i, true)
				break
			}
		}
	}
	return b.String()
}

func TestProtocolCases(t *testing.T) {
	for _, c := range append(protocolCases(), moreCases()...) {
		t.Run(c.profile+" "+c.name, func(t *testing.T) {
			var out bytes.Buffer
			if err := Decode(strings.NewReader(strings.Join(c.in, "\n")), &out, c.profile, c.set); err != nil {
				t.Fatal(err)
			}
			compare(t, strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"), wanted(c.want))
		})
	}
}

// Bytes come in any pieces; what is delivered does not depend on them.
func TestProtocolCasesByteByByte(t *testing.T) {
	for _, c := range append(protocolCases(), moreCases()...) {
		t.Run(c.profile+" "+c.name, func(t *testing.T) {
			var pieces []string
			for _, line := range c.in {
				stamp, data, _ := strings.Cut(line, " ")
				if strings.HasPrefix(data, "!") || data == "" {
					pieces = append(pieces, line)
					continue
				}
				data = strings.Join(strings.Fields(data), "")
				for i := 0; i < len(data); i += 2 {
					pieces = append(pieces, stamp+" "+data[i:i+2])
				}
			}
			var out bytes.Buffer
			if err := Decode(strings.NewReader(strings.Join(pieces, "\n")), &out, c.profile, c.set); err != nil {
				t.Fatal(err)
			}
			compare(t, strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"), wanted(c.want))
		})
	}
}

func wanted(lines []string) []string {
	if len(lines) == 0 {
		return []string{""}
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			panic("no JSON: " + line)
		}
	}
	return lines
}
