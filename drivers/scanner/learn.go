package scanner

import (
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"time"

	"tillwire/drivers"
)

// Proposal is what a capture of an unknown scanner says about it.
type Proposal struct {
	Profile  string            `json:"profile,omitempty"` // what it speaks; empty when nothing explains the capture
	Keys     map[string]string `json:"keys,omitempty"`    // what differs from the profile's defaults
	Readings int               `json:"readings"`          // bursts of bytes with silence between them
	Why      string            `json:"why"`               // in words, with what to do
	Products []string          `json:"products,omitempty"`
}

// BurstGap is the silence between two readings of a person with a scanner; the
// parts of one reading are closer together.
const BurstGap = 300 * time.Millisecond

// guess is one way in which a capture might be meant, the most telling first.
type guess struct {
	profile string
	keys    map[string]string
	why     string
}

func guesses(kind PortKind) []guess {
	switch kind {
	case PortInput:
		return []guess{{"evdev", nil, "It types like a keyboard"}}
	case PortHIDRaw:
		return []guess{{"hid-pos", nil, "It sends USB HID POS reports"}}
	}
	idle := map[string]string{"idle_gap": "60"}
	return []guess{
		{"ssi", nil, "It sends SSI packets with right checksums"},
		{"ssi", map[string]string{"source": "any"}, "It sends SSI packets, marked as the host's as GROW modules do"},
		{"ssi", map[string]string{"cordless": "on"}, "It sends SSI packets of a cordless scanner"},
		{"honeywell-dechdr", nil, "It sends Honeywell packets"},
		{"stx", nil, "Its codes stand between STX and ETX"},
		{"line", nil, "Its codes end in CR or LF"},
		{"line", map[string]string{"terminators": "TAB"}, "Its codes end in TAB"},
		{"line", map[string]string{"terminators": "ETX"}, "Its codes end in ETX"},
		{"line", idle, "Nothing ends its codes, so silence has to"},
		{"newland", nil, "Its codes end in CR or LF, with Newland's replies between them"},
		{"grow", idle, "It answers like a GROW module, and nothing ends its codes"},
		{"honeywell", nil, "Its codes end in CR or LF, with Honeywell's replies between them"},
	}
}

// Learn says what a scanner speaks, from what it sent: the first way to read
// the capture in which every reading is a whole code and no byte is left over.
// Nothing is sent to find out.
func Learn(kind PortKind, capture []Step) Proposal {
	p := Proposal{Readings: Readings(capture)}
	if p.Readings == 0 {
		p.Why = "Nothing arrived. Check the cable and that the scanner is switched to this kind of port, and scan again; over RS-232 try --set baud=115200. A module that reads only on command is watched with --trigger and its profile"
		return p
	}
	for _, g := range guesses(kind) {
		if explains(g, capture, p.Readings) {
			p.Profile, p.Keys, p.Why = g.profile, g.keys, g.why
			p.Products = speakers(g.profile)
			return p
		}
	}
	if parity := sevenBits(capture); parity != "" {
		p.Why = fmt.Sprintf("The bytes are seven bits with a parity bit: scan again with --set data_bits=7 --set parity=%s", parity)
		return p
	}
	p.Why = "No protocol explains these bytes. Over RS-232 another speed is the usual reason: scan again with --set baud=115200, 19200 or 38400"
	return p
}

// Readings counts the bursts of bytes in a capture.
func Readings(capture []Step) (n int) {
	last := -BurstGap
	for _, s := range capture {
		if len(s.Bytes) == 0 {
			continue
		}
		if s.At-last >= BurstGap {
			n++
		}
		last = s.At
	}
	return n
}

// explains reports whether a guess turns every burst into a reading.
func explains(g guess, capture []Step, readings int) bool {
	set := map[string]string{"dedupe": "0"}
	for key, value := range g.keys {
		set[key] = value
	}
	codec, err := decoder(g.profile, set)
	if err != nil {
		return false
	}
	codec.Start(0)
	var events []Event
	for _, s := range capture {
		events = append(events, s.Play(codec)...)
	}
	events = append(events, codec.Tick(capture[len(capture)-1].At+time.Minute)...)
	read := 0
	for _, e := range events {
		switch e.Kind {
		case EventScan, EventDuplicate, EventRetransmit, EventAck, EventNak:
			read++
		case EventSend:
			if e.Note == noteChecksum {
				return false
			}
		default:
			return false
		}
	}
	return read >= readings
}

// speakers lists the products that speak a protocol.
func speakers(profile string) (names []string) {
	for _, p := range Profiles() {
		if p.Speaks == profile {
			names = append(names, p.Name)
		}
	}
	return names
}

// sevenBits recognises characters of seven bits and a parity bit that were read
// as eight, and answers E or O.
func sevenBits(capture []Step) string {
	var all []byte
	high := false
	for _, s := range capture {
		all = append(all, s.Bytes...)
	}
	odd := 0
	for i, b := range all {
		high = high || b >= 0x80
		odd += bits.OnesCount8(b) % 2
		all[i] = b & 0x7f
	}
	_, _, clean := drivers.CleanText([]byte(strings.Trim(string(all), "\r\n\x02\x03")), drivers.AIMOff, false)
	switch {
	case !high || !clean && !slices.ContainsFunc(all, func(b byte) bool { return b == '\r' || b == '\n' }):
		return ""
	case odd == 0:
		return "E"
	case odd == len(all):
		return "O"
	}
	return ""
}
