package scanner

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
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
// optional) and writes one JSON event a line. "@MS" alone moves the clock.
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
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	var now time.Duration
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		at, data, err := parseLine(line)
		if err == nil && at < now {
			err = fmt.Errorf("the clock goes back from @%d", now.Milliseconds())
		}
		if err != nil {
			return fmt.Errorf("decode: line %d: %w", n, err)
		}
		now = at
		events := codec.Tick(at)
		if len(data) > 0 {
			events = append(events, codec.Feed(at, data)...)
		}
		if err := writeEvents(out, events); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
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

func parseLine(line string) (time.Duration, []byte, error) {
	stamp, ok := strings.CutPrefix(line, "@")
	if !ok {
		return 0, nil, fmt.Errorf("%q does not begin with @ and milliseconds", abbreviate(line))
	}
	digits, rest := stamp, ""
	if i := strings.IndexAny(stamp, " \t"); i >= 0 {
		digits, rest = stamp[:i], stamp[i:]
	}
	ms, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || ms < 0 || ms > maxMillis {
		return 0, nil, fmt.Errorf("@%s is not a number of milliseconds", abbreviate(digits))
	}
	data, err := hex.DecodeString(strings.Join(strings.Fields(rest), ""))
	if err != nil {
		return 0, nil, fmt.Errorf("bytes in hex: %w", err)
	}
	return time.Duration(ms) * time.Millisecond, data, nil
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
	Bytes     *int   `json:"bytes,omitempty"`
	Hex       string `json:"hex,omitempty"`
}

func writeEvents(out *json.Encoder, events []Event) error {
	for _, e := range events {
		line := eventLine{
			At: e.At.Milliseconds(), Event: string(e.Kind), Text: e.Text.Reveal(),
			Symbology: e.Symbology, Hex: strings.ToUpper(hex.EncodeToString(e.Send)),
		}
		switch e.Kind {
		case EventGarbage, EventOverflow, EventPartialTimeout, EventResync:
			line.Bytes = &e.Bytes
		}
		if err := out.Encode(line); err != nil {
			return fmt.Errorf("decode: write an event: %w", err)
		}
	}
	return nil
}
