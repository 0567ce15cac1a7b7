package scanner

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/drivers"
	"tillwire/drivers/serial"
)

// Tap is a scanner that a person looks at, without an agent: what arrives and
// what it means.
type Tap struct {
	Path    string
	Profile Profile
	Keys    map[string]any // as in a lane's table, without driver and path
	Clock   agent.Clock
	Mute    bool // never write, not even what the protocol answers
	Trigger bool // set the scanner up and switch it on, as for a payment; off at the end
}

// PortOf says what kind of port is at a path: by the name that its links lead
// to, because a stranger's device is not asked.
func PortOf(path string) PortKind {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	switch {
	case strings.HasPrefix(path, "/dev/input/"):
		return PortInput
	case strings.HasPrefix(path, "/dev/hidraw"):
		return PortHIDRaw
	}
	return PortSerial
}

// Run opens the scanner and calls see with everything that arrives and what it
// means, and with moments until which nothing did, until ctx ends or the port
// does. Times count from the opening. Without Trigger it gives no commands, so
// the scanner stays as it was.
func (t Tap) Run(ctx context.Context, see func(Step, []Event)) error {
	written := map[string]any{"open_grace": 0}
	for key, value := range t.Keys {
		written[key] = value
	}
	values, err := drivers.NewValues(written, slices.Concat(t.Profile.Line, t.Profile.Keys))
	if err != nil {
		return fmt.Errorf("profile %s: %w", t.Profile.Name, err)
	}
	d, err := newDevice(t.Profile, drivers.Config{ID: t.Path, Path: t.Path}, values, drivers.Env{Clock: t.Clock})
	if err != nil {
		return fmt.Errorf("profile %s: %w", t.Profile.Name, err)
	}
	setup, err := d.setup()
	if err != nil {
		return err
	}
	port, err := d.open(t.Path)
	if err != nil {
		return err
	}
	defer func() { _ = port.Close() }() // a person watches; nothing follows
	l := &tapped{Tap: t, port: port, codec: setup.Codec, opened: t.Clock.Mono(), see: see}
	l.codec.Start(0)
	if t.Trigger {
		l.command(ctx, CommandInit)
		l.command(ctx, CommandTriggerOn)
		defer l.command(context.WithoutCancel(ctx), CommandTriggerOff)
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case c, ok := <-port.Input():
			if !ok {
				return port.Err()
			}
			l.read(ctx, c)
		}
	}
}

// tapped is a tap at work.
type tapped struct {
	Tap
	port   serial.Port
	codec  Codec
	opened time.Duration
	see    func(Step, []Event)
}

// read plays what arrived.
func (t *tapped) read(ctx context.Context, c serial.Chunk) {
	step := Step{At: max(c.At-t.opened, 0), Bytes: c.Bytes}
	var events []Event
	if c.Lost {
		events = t.codec.Lost(step.At)
	}
	t.show(ctx, step, append(events, step.Play(t.codec)...))
}

// command says what a payment would make the agent say.
func (t *tapped) command(ctx context.Context, c Command) {
	step := Step{At: t.Clock.Mono() - t.opened, Command: c}
	t.show(ctx, step, t.codec.Command(step.At, c))
}

// show writes what the codec wants to be sent, and passes everything on.
func (t *tapped) show(ctx context.Context, step Step, events []Event) {
	for _, e := range events {
		if e.Kind == EventSend && !t.Mute {
			_ = t.port.Write(ctx, e.Send) // a failed write ends the port, and its input says so
		}
	}
	t.see(step, events)
}

// WriteCapture writes a step and what came of it as lines of a capture, as
// Decode reads them and the folder of a product keeps them.
func WriteCapture(w io.Writer, s Step, events []Event) error {
	var b strings.Builder
	if len(s.Bytes) > 0 {
		fmt.Fprintf(&b, "@%d % X\n", s.At.Milliseconds(), s.Bytes)
	}
	if s.Command != "" {
		fmt.Fprintf(&b, "@%d !%s\n", s.At.Milliseconds(), s.Command)
	}
	out := json.NewEncoder(&expected{to: &b})
	out.SetEscapeHTML(false)
	if err := writeEvents(out, events); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// WriteStep writes the same as lines of JSON: what arrived is an event "read".
func WriteStep(w io.Writer, s Step, events []Event) error {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	if len(s.Bytes) > 0 {
		n := len(s.Bytes)
		line := eventLine{At: s.At.Milliseconds(), Event: "read", Bytes: &n, Hex: strings.ToUpper(hex.EncodeToString(s.Bytes))}
		if err := out.Encode(line); err != nil {
			return err
		}
	}
	return writeEvents(out, events)
}

// expected marks lines as what must come of a capture.
type expected struct{ to *strings.Builder }

func (e *expected) Write(line []byte) (int, error) {
	e.to.WriteString("#> ")
	return e.to.Write(line)
}
