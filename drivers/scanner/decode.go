package scanner

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"tillwire/drivers"
)

// maxLine bounds one line of a capture, in bytes; maxMillis leaves room to add
// any timeout to a moment (it is 146 years).
const (
	maxLine   = 1 << 20
	maxMillis = int64(1<<62) / int64(time.Millisecond)
)

// Decode replays a capture. It reads lines "@MS HEX…" (milliseconds since the
// port was opened, then the bytes that arrived; spaces between bytes are
// optional) and writes one JSON event a line. "@MS" alone moves the clock, and
// "@MS !trigger_on" gives the codec a command, to show what it would send.
// Empty lines and lines that begin with # are passed over. The clock may not
// go back.
//
// Timers fire at their own time as soon as a later line passes it. The clock
// stops with the input: a timer that is still running then does not fire,
// because the capture does not say that the line stayed silent; write a last
// "@MS" to say so. open_grace is 0 unless set.
func Decode(r io.Reader, w io.Writer, profile string, set map[string]string) error {
	codec, err := decoder(profile, set)
	if err != nil {
		return err
	}
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false) // a payment URL stays readable
	if err := writeEvents(out, codec.Start(0)); err != nil {
		return err
	}
	return eachStep(r, func(s Step) error { return writeEvents(out, s.Play(codec)) })
}

// Step is a line of a capture: bytes that arrived, a command, or only time.
type Step struct {
	At      time.Duration
	Bytes   []byte
	Command Command
}

// Play gives the step to a codec.
func (s Step) Play(codec Codec) []Event {
	events := codec.Tick(s.At)
	if len(s.Bytes) > 0 {
		events = append(events, codec.Feed(s.At, s.Bytes)...)
	}
	if s.Command != "" {
		events = append(events, codec.Command(s.At, s.Command)...)
	}
	return events
}

// ReadCapture reads a whole capture, as Decode replays it.
func ReadCapture(r io.Reader) (steps []Step, err error) {
	err = eachStep(r, func(s Step) error { steps = append(steps, s); return nil })
	return steps, err
}

// eachStep reads a capture line by line, so that one can be piped in live.
func eachStep(r io.Reader, play func(Step) error) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var now time.Duration
	n := 1
	for ; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		step, err := parseLine(line)
		if err == nil && step.At < now {
			err = fmt.Errorf("the clock goes back from @%d", now.Milliseconds())
		}
		if err != nil {
			return fmt.Errorf("decode: line %d: %w", n, err)
		}
		now = step.At
		if err := play(step); err != nil {
			return err
		}
	}
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("decode: line %d is longer than %d bytes: break it into several, each with its own @MS", n, maxLine)
	}
	if err != nil {
		return fmt.Errorf("decode: read the capture: %w", err)
	}
	return nil
}

func decoder(profile string, set map[string]string) (Codec, error) {
	p, err := FindProfile(profile)
	if err != nil {
		return nil, err
	}
	written := map[string]any{"open_grace": "0"}
	for key, value := range set {
		written[key] = value
	}
	values, err := drivers.NewValues(written, p.Keys)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", profile, err)
	}
	setup, err := p.New(values)
	if err != nil {
		return nil, fmt.Errorf("profile %s: %w", profile, err)
	}
	return setup.Codec, nil
}

// parseLine takes a line of a capture apart.
func parseLine(line string) (s Step, err error) {
	stamp, ok := strings.CutPrefix(line, "@")
	if !ok {
		return s, fmt.Errorf("%q does not begin with @ and milliseconds", abbreviate(line))
	}
	digits, rest := stamp, ""
	if i := strings.IndexAny(stamp, " \t"); i >= 0 {
		digits, rest = stamp[:i], strings.TrimSpace(stamp[i:])
	}
	ms, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || ms < 0 || ms > maxMillis {
		return s, fmt.Errorf("@%s is not a number of milliseconds", abbreviate(digits))
	}
	s.At = time.Duration(ms) * time.Millisecond
	if name, ok := strings.CutPrefix(rest, "!"); ok {
		s.Command, err = findCommand(name)
		return s, err
	}
	if s.Bytes, err = hex.DecodeString(strings.Join(strings.Fields(rest), "")); err != nil {
		return s, fmt.Errorf("bytes in hex: %w", err)
	}
	return s, nil
}

// findCommand returns the command called name; the error names the nearest.
func findCommand(name string) (Command, error) {
	var names []string
	for _, c := range Commands() {
		if string(c) == name {
			return c, nil
		}
		names = append(names, string(c))
	}
	return "", drivers.Unknown("command", name, names)
}

func abbreviate(s string) string {
	if len(s) > 12 {
		return s[:12] + "…"
	}
	return s
}

// eventLine is the JSON form of an event: only the members that apply.
type eventLine struct {
	At        int64  `json:"at"` // milliseconds
	Event     string `json:"event"`
	Text      string `json:"text,omitempty"`
	Symbology string `json:"symbology,omitempty"`
	ID        string `json:"id,omitempty"` // the maker's own code for the symbology
	Bytes     *int   `json:"bytes,omitempty"`
	Hex       string `json:"hex,omitempty"`
}

// counted are the events that say how many bytes they are about.
var counted = []EventKind{EventGarbage, EventOverflow, EventPartialTimeout, EventCharacterGap, EventResync, EventDropped}

func writeEvents(out *json.Encoder, events []Event) error {
	for _, e := range events {
		line := eventLine{
			At: e.At.Milliseconds(), Event: string(e.Kind), Text: e.Text.Reveal(),
			Symbology: e.Symbology, ID: e.ID, Hex: strings.ToUpper(hex.EncodeToString(e.Send)),
		}
		if e.Kind == EventAck || e.Kind == EventNak {
			line.Text = e.Note
		}
		if slices.Contains(counted, e.Kind) {
			line.Bytes = &e.Bytes
		}
		if err := out.Encode(line); err != nil {
			return fmt.Errorf("decode: write an event: %w", err)
		}
	}
	return nil
}
