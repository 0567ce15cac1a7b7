package scanner

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"tillwire/drivers"
)

// Profile is one protocol that scanners speak, or a product that speaks one, by
// the name used in the configuration and by "tillwire devices decode".
type Profile struct {
	Name string
	Help string        // one line
	Keys []drivers.Key // what can be set, with defaults
	New  func(v *drivers.Values) (Setup, error)
	Port PortKind      // how the bytes come in
	Line []drivers.Key // the keys of a serial line, with defaults; nil for other ports
	// Speaks is the protocol of a product; empty for a protocol itself.
	Speaks string
}

// PortKind is how the bytes of a scanner reach the computer.
type PortKind string

// The kinds of port.
const (
	PortSerial PortKind = "serial" // RS-232, or a USB device that is one to the computer
	PortHIDRaw PortKind = "hidraw" // reports of a USB HID device
	PortInput  PortKind = "input"  // key strokes of a USB keyboard
)

// Setup is a codec and what its owner must know to run it.
type Setup struct {
	Codec Codec
	Grace time.Duration // the device is not ready before this much time after opening
	Poll  time.Duration // how often the codec wants to hear that the line is silent
	Rearm time.Duration // how often the trigger is repeated while a payment waits; 0: never
}

// Profiles lists the protocols, then the products that speak them. Adding a
// product is a folder in products.
func Profiles() []Profile {
	list := protocols()
	return append(list, products(list)...)
}

// protocols lists what scanners speak. Adding one is a file with its codec and
// a line here.
func protocols() []Profile {
	serial := serialKeys()
	list := []Profile{
		{Name: "line", Help: "text lines ending in CR or LF (most scanners as delivered)", Keys: lineKeys("off", "off", nil), New: newLine},
		{Name: "stx", Help: "text between STX and ETX (Olivetti, CUTE and NCR emulations)", Keys: lineKeys("on", "off", nil), New: newLine},
		{Name: "ssi", Help: "Zebra and Symbol Simple Serial Interface packets, and GROW GM67 and GM72", Keys: ssiKeys(), New: newSSI},
		{Name: "honeywell-dechdr", Help: "Honeywell packets with exact length and symbology (DECHDR1)", Keys: dechdrKeys(), New: newDECHDR},
		{Name: "newland", Help: "text lines, with Newland's commands", Keys: lineKeys("off", "newland", newlandSays()), New: newLine},
		{Name: "datalogic", Help: "text lines, with Datalogic's commands of one byte", Keys: lineKeys("off", "off", datalogicSays()), New: newLine},
		{Name: "honeywell", Help: "text lines, with Honeywell's commands (Mindeo engines too)", Keys: lineKeys("off", "honeywell", honeywellSays()), New: newLine},
		{Name: "grow", Help: "text lines, with the register commands of GROW GM60 and GM65", Keys: lineKeys("off", "grow", growSays()), New: newLine},
		{Name: "hid-pos", Help: "reports of USB HID POS scanners (usage page 8C)", Keys: hidposKeys(), New: newHIDPOS, Port: PortHIDRaw},
		{Name: "evdev", Help: "key strokes of a scanner that types like a keyboard", Keys: evdevKeys(), New: newEvdev, Port: PortInput},
	}
	for i := range list {
		if list[i].Port == "" {
			list[i].Port, list[i].Line = PortSerial, serial
		}
	}
	return list
}

// FindProfile returns the profile called name; the error names the nearest.
func FindProfile(name string) (Profile, error) {
	var names []string
	for _, p := range Profiles() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Profile{}, drivers.Unknown("profile", name, names)
}

// idleDefault is the silence that ends a frame when idle_gap is just "on", and
// idleMinimum the least that survives USB adapters, which batch up to 16 ms.
const (
	idleDefault = 60 * time.Millisecond
	idleMinimum = 30 * time.Millisecond
)

func lineKeys(stx, family string, says map[Command]string) []drivers.Key {
	keys := []drivers.Key{
		{Name: "terminators", Default: "CR,LF", Help: "bytes that end a code: CR, LF, TAB, ETX or hex such as 0D, separated by commas; none"},
		{Name: "stx", Default: stx, Help: "on: codes stand between STX (02) and ETX (03), the rest is noise"},
		{Name: "dle", Default: "off", Help: "on: codes stand between DLE STX and DLE ETX"},
		partialKey("500"),
		{Name: "idle_gap", Default: "off", Help: "milliseconds of silence that end a code, at least 30, for scanners without a suffix; on means 60"},
		{Name: "code_id", Default: "off", Help: "the maker's code id before every code: " + strings.Join(codeIDSets(), ", ")},
		{Name: "replies", Default: family, Help: "whose replies to commands stand between the codes: " + strings.Join(replyFamilies(), ", ")},
	}
	return append(append(keys, frameKeys()...), talkKeys(says)...)
}

func partialKey(ms string) drivers.Key {
	return drivers.Key{Name: "partial_timeout", Default: ms, Help: "milliseconds of silence after which an unfinished code is dropped, at least 30"}
}

// readPartial reads the key of partialKey.
func readPartial(v *drivers.Values) time.Duration {
	d := v.Millis("partial_timeout", time.Minute)
	if d < idleMinimum {
		v.Fail("partial_timeout", "must be at least 30 milliseconds")
	}
	return d
}

// frameKeys are the keys that every protocol has.
func frameKeys() []drivers.Key {
	return []drivers.Key{
		{Name: "max_len", Default: "512", Help: "longest code in bytes, 1 to 4096"},
		{Name: "dedupe", Default: "1500", Help: "milliseconds within which the same code again is a duplicate; every repeat extends it; 0 switches it off"},
		{Name: "open_grace", Default: "150", Help: "milliseconds after opening in which everything is ignored"},
		{Name: "utf8", Default: "off", Help: "on: allow printable UTF-8, not only ASCII"},
		{Name: "aim", Default: "auto", Help: "symbology identifier such as ]Q1 before the code: auto, on (always there) or off (never)"},
	}
}

// readFrame reads the keys of frameKeys.
func readFrame(v *drivers.Values) Framing {
	return Framing{
		MaxLen:    v.Int("max_len", 1, 4096),
		Dedupe:    v.Millis("dedupe", time.Minute),
		OpenGrace: v.Millis("open_grace", 10*time.Second),
		UTF8:      v.Bool("utf8"),
		AIM:       drivers.AIM(v.Choice("aim", string(drivers.AIMAuto), string(drivers.AIMOn), string(drivers.AIMOff))),
	}
}

func newLine(v *drivers.Values) (Setup, error) {
	f := readFrame(v)
	f.Terminators, f.STX, f.DLE = terminators(v), v.Bool("stx"), v.Bool("dle")
	f.PartialTimeout, f.IdleGap = readPartial(v), idleGap(v)
	f.CodeIDs = codeIDs(v.Choice("code_id", codeIDSets()...))
	family, talk, rearm := v.Choice("replies", replyFamilies()...), readTalk(v), readRearm(v)
	f.check(v)
	if f.STX && family != "off" && family != "honeywell" {
		v.Fail("replies", "cannot be combined with stx: such a reply begins with STX too")
	}
	if err := v.Err(); err != nil {
		return Setup{}, err
	}
	return Setup{Codec: newSpoken(f, talk, family), Grace: f.OpenGrace, Poll: pollFor(f.silence()), Rearm: rearm}, nil
}

// pollFor is a quarter of the shortest silence that means something: it keeps a
// timer from firing much late without waking an idle machine more often than
// that needs.
func pollFor(silence time.Duration) time.Duration {
	return min(max(silence/4, 10*time.Millisecond), 100*time.Millisecond)
}

// check refuses combinations under which no code, or half a code, would come
// through.
func (f Framing) check(v *drivers.Values) {
	marked := f.STX || f.DLE
	switch {
	case f.STX && f.DLE:
		v.Fail("dle", "cannot be combined with stx")
	case f.IdleGap > 0 && marked:
		v.Fail("idle_gap", "cannot be combined with stx or dle: their end is marked")
	case f.IdleGap > 0 && f.IdleGap < idleMinimum:
		v.Fail("idle_gap", "must be at least 30 milliseconds: USB adapters deliver in batches")
	case f.IdleGap > f.PartialTimeout:
		v.Fail("idle_gap", "must not be longer than partial_timeout")
	case len(f.Terminators) == 0 && f.IdleGap == 0 && !marked:
		v.Fail("terminators", "none leaves nothing that ends a code: set idle_gap")
	}
}

func idleGap(v *drivers.Values) time.Duration {
	switch strings.ToLower(v.Text("idle_gap")) {
	case "on", "true":
		return idleDefault
	case "off", "false":
		return 0
	}
	return v.Millis("idle_gap", 10*time.Second)
}

// terminators reads names and hex bytes; what may be data cannot end a frame.
func terminators(v *drivers.Values) []byte {
	names := map[string]byte{"CR": '\r', "LF": '\n', "TAB": '\t', "ETX": etx, "FF": 0x0c}
	var out []byte
	text := strings.NewReplacer("\r", "CR,", "\n", "LF,", "\t", "TAB,", `\r`, "CR,", `\n`, "LF,", `\t`, "TAB,").Replace(v.Raw("terminators"))
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' }) {
		word = strings.ToUpper(word)
		var add []byte
		if b, ok := names[word]; ok {
			add = []byte{b}
		} else if word == "CRLF" {
			add = []byte("\r\n")
		} else if b, err := hex.DecodeString(strings.TrimPrefix(word, "0X")); err == nil && len(b) == 1 {
			add = b
		} else if word != "NONE" {
			v.Fail("terminators", fmt.Sprintf("%q is neither CR, LF, TAB, ETX nor a byte in hex", word))
			return nil
		}
		for _, b := range add {
			if b == nul || b >= 0x20 && b != 0x7f {
				v.Fail("terminators", fmt.Sprintf("%02X can be part of a code", b))
				return nil
			}
			if bytes.IndexByte(out, b) < 0 {
				out = append(out, b)
			}
		}
	}
	return out
}
