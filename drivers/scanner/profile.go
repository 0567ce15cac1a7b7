package scanner

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"tillwire/drivers"
)

// Profile is one protocol that scanners speak, by the name used in the
// configuration and by "tillwire devices decode".
type Profile struct {
	Name string
	Help string        // one line
	Keys []drivers.Key // what can be set, with defaults
	New  func(v *drivers.Values) (Setup, error)
}

// Setup is a codec and what its owner must know to run it.
type Setup struct {
	Codec Codec
	Grace time.Duration // the device is not ready before this much time after opening
	Poll  time.Duration // how often the codec wants to hear that the line is silent
}

// Profiles lists the protocols. Adding one is a file with its codec and a line
// here.
func Profiles() []Profile {
	return []Profile{
		{Name: "line", Help: "text lines ending in CR or LF (most scanners as delivered)", Keys: lineKeys("off"), New: newLine},
		{Name: "stx", Help: "text between STX and ETX (Olivetti, CUTE and NCR emulations)", Keys: lineKeys("on"), New: newLine},
	}
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

func lineKeys(stx string) []drivers.Key {
	return []drivers.Key{
		{Name: "terminators", Default: "CR,LF", Help: "bytes that end a code: CR, LF, TAB, ETX or hex such as 0D, separated by commas; none"},
		{Name: "stx", Default: stx, Help: "on: codes stand between STX (02) and ETX (03), the rest is noise"},
		{Name: "dle", Default: "off", Help: "on: codes stand between DLE STX and DLE ETX"},
		{Name: "partial_timeout", Default: "500", Help: "milliseconds of silence after which an unfinished code is dropped"},
		{Name: "idle_gap", Default: "off", Help: "milliseconds of silence that end a code, at least 30, for scanners without a suffix; on means 60"},
		{Name: "max_len", Default: "512", Help: "longest code in bytes, 1 to 4096"},
		{Name: "dedupe", Default: "1500", Help: "milliseconds within which the same code again is a duplicate; every repeat extends it; 0 switches it off"},
		{Name: "open_grace", Default: "150", Help: "milliseconds after opening in which everything is ignored"},
		{Name: "utf8", Default: "off", Help: "on: allow printable UTF-8, not only ASCII"},
		{Name: "aim", Default: "auto", Help: "symbology identifier such as ]Q1 before the code: auto, on (always there) or off (never)"},
	}
}

func newLine(v *drivers.Values) (Setup, error) {
	f := Framing{
		Terminators:    terminators(v),
		STX:            v.Bool("stx"),
		DLE:            v.Bool("dle"),
		PartialTimeout: v.Millis("partial_timeout", time.Minute),
		IdleGap:        idleGap(v),
		MaxLen:         v.Int("max_len", 1, 4096),
		Dedupe:         v.Millis("dedupe", time.Minute),
		OpenGrace:      v.Millis("open_grace", 10*time.Second),
		UTF8:           v.Bool("utf8"),
		AIM:            drivers.AIM(v.Choice("aim", string(drivers.AIMAuto), string(drivers.AIMOn), string(drivers.AIMOff))),
	}
	f.check(v)
	if err := v.Err(); err != nil {
		return Setup{}, err
	}
	silence := f.PartialTimeout
	if f.IdleGap > 0 {
		silence = f.IdleGap
	}
	// A quarter of the shortest silence keeps a timer from firing much late
	// without waking an idle machine more often than that needs.
	poll := min(max(silence/4, 10*time.Millisecond), 100*time.Millisecond)
	return Setup{Codec: NewFramer(f), Grace: f.OpenGrace, Poll: poll}, nil
}

// check refuses combinations under which no code, or half a code, would come
// through.
func (f Framing) check(v *drivers.Values) {
	marked := f.STX || f.DLE
	switch {
	case f.STX && f.DLE:
		v.Fail("dle", "cannot be combined with stx")
	case f.PartialTimeout < idleMinimum:
		v.Fail("partial_timeout", "must be at least 30 milliseconds")
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
