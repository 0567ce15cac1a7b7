package display

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/drivers"
	"tillwire/drivers/display/displaytest"
	"tillwire/drivers/serial"
)

// glass is a display on a cable: it keeps what was sent last, also when nobody is
// connected, and reads it as the panel would.
type glass struct {
	read func(sent []byte) (qr string) // all bytes since it was switched on

	mu   sync.Mutex
	sent []byte
	slow time.Duration // what the next write takes
	port *glassPort
}

func (g *glass) QR() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.read(g.sent)
}

// got is everything that was sent.
func (g *glass) got() []byte {
	g.mu.Lock()
	defer g.mu.Unlock()
	return bytes.Clone(g.sent)
}

// takes is how long this write takes; only one of them is slow.
func (g *glass) takes() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	slow := g.slow
	g.slow = 0
	return slow
}

func (g *glass) Cut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.port.err = serial.ErrUnplugged
	close(g.port.input)
}

func (g *glass) open(string, serial.Settings) (serial.Port, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.port = &glassPort{glass: g, input: make(chan serial.Chunk)}
	return g.port, nil
}

type glassPort struct {
	glass *glass
	input chan serial.Chunk
	err   error
}

func (p *glassPort) Input() <-chan serial.Chunk { return p.input }

func (p *glassPort) Write(_ context.Context, b []byte) error {
	if slow := p.glass.takes(); slow > 0 {
		<-time.After(slow)
	}
	p.glass.mu.Lock()
	defer p.glass.mu.Unlock()
	if p.err == nil {
		p.glass.sent = append(p.glass.sent, b...)
	}
	return p.err
}

func (p *glassPort) Err() error {
	p.glass.mu.Lock()
	defer p.glass.mu.Unlock()
	return p.err
}

func (p *glassPort) Close() error { return nil }

// reporter passes on that the device is ready and counts its limits.
type reporter struct {
	ready    func()
	degraded []string
}

func (r *reporter) Ready() { r.ready() }
func (r *reporter) Degraded(why agent.Sentence) {
	r.degraded = append(r.degraded, why.English)
	r.ready()
}
func (r *reporter) Count(string) {}

type running struct{ *device }

func (r running) Run(ctx context.Context, ready func()) error {
	return r.device.Run(ctx, &reporter{ready: ready})
}

func build(t *testing.T, name string, keys map[string]any, open func(string, serial.Settings) (serial.Port, error)) *device {
	t.Helper()
	u := drivers.Registry(Specs()).Build(drivers.Config{ID: "1.display", Lane: "1", Kind: agent.KindDisplay, Driver: name, Path: "/dev/pole", Keys: keys},
		drivers.Env{Clock: agent.NewSystemClock(), Log: slog.New(slog.DiscardHandler)})
	if u.Err != nil {
		t.Fatal(u.Err)
	}
	d := u.Device.(*device)
	d.open = open
	return d
}

// The panels, read by the bytes of their manuals and not by our codecs.
func panels() map[string]struct {
	keys map[string]any
	read func([]byte) string
} {
	return map[string]struct {
		keys map[string]any
		read func([]byte) string
	}{
		"dgus-qr":    {map[string]any{"page_idle": int64(0), "page_qr": int64(1), "page_paid": int64(2)}, readDGUS},
		"t5uic1-qr":  {nil, readT5},
		"nextion-qr": {map[string]any{"money": "t1", "words": "t2"}, readNextion},
	}
}

func readDGUS(sent []byte) string {
	page, text := 0, ""
	for len(sent) > 6 && sent[0] == 0x5a && sent[1] == 0xa5 {
		n := 3 + int(sent[2])
		data := sent[6:n]
		switch address := int(sent[4])<<8 | int(sent[5]); address {
		case 0x84:
			page = int(data[2])<<8 | int(data[3])
		case 0x5000:
			text = string(data)
		}
		sent = sent[n:]
	}
	if page != 1 {
		return ""
	}
	text, _, _ = strings.Cut(text, "\xff\xff")
	return text
}

func readT5(sent []byte) (qr string) {
	drawn := ""
	for _, f := range bytes.Split(sent, []byte{0xcc, 0x33, 0xc3, 0x3c}) {
		switch {
		case len(f) < 2:
		case f[1] == 0x01:
			drawn = ""
		case f[1] == 0x21:
			drawn = string(f[7:])
		case f[1] == 0x3d:
			qr = drawn
		}
	}
	return qr
}

func readNextion(sent []byte) string {
	visible, text := false, ""
	for _, c := range strings.Split(string(sent), "\xff\xff\xff") {
		if value, ok := strings.CutPrefix(c, `qr0.txt="`); ok {
			text = strings.TrimSuffix(value, `"`)
		}
		if c == "vis qr0,0" || c == "vis qr0,1" {
			visible = c == "vis qr0,1"
		}
	}
	if !visible {
		return ""
	}
	return text
}

func TestPanelsKeepTheContract(t *testing.T) {
	for name, panel := range panels() {
		t.Run(name, func(t *testing.T) {
			displaytest.Run(t, func(t *testing.T) displaytest.Rig {
				g := &glass{read: panel.read}
				return displaytest.Rig{Glass: g, New: func() displaytest.Display { return running{build(t, name, panel.keys, g.open)} }}
			})
		})
	}
}

// A code may be paid for as long as the wallet was told, counted from the moment it was
// asked for: what a slow line takes to draw it comes off its time.
func TestTheTimeOfACodeCountsFromTheAsking(t *testing.T) {
	for name, c := range map[string]struct{ ttl, slow, gone time.Duration }{
		"a slow line":               {10 * time.Second, 3 * time.Second, 10 * time.Second},
		"slower than the code":      {2 * time.Second, 3 * time.Second, 3 * time.Second},
		"longer than two refreshes": {70 * time.Second, 3 * time.Second, 70 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &glass{read: readNextion}
				d := build(t, "nextion-qr", nil, g.open)
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error)
				go func() { done <- d.Run(ctx, &reporter{ready: func() {}}) }()
				synctest.Wait()
				g.mu.Lock()
				g.slow = c.slow
				g.mu.Unlock()
				asked := time.Now()
				if err := d.Show(ctx, agent.Screen{Kind: agent.ScreenQR, QR: code, TTL: c.ttl}); err != nil {
					t.Fatal(err)
				}
				if c.ttl > c.slow {
					<-time.After(c.gone - time.Since(asked) - time.Millisecond)
					if g.QR() != code {
						t.Errorf("just before its time a customer sees %q", g.QR())
					}
				}
				<-time.After(c.gone - time.Since(asked) + time.Millisecond)
				synctest.Wait()
				if g.QR() != "" {
					t.Errorf("%s after it was asked for a customer still sees %q", time.Since(asked), g.QR())
				}
				cancel()
				<-done
			})
		})
	}
}

// A codec that panics is a bug of ours; the customer must not pay for it.
func TestAPanicTakesTheCodeOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &glass{read: readNextion}
		d := build(t, "nextion-qr", nil, g.open)
		log := slog.New(slog.DiscardHandler)
		sup := drivers.NewSupervisor(drivers.Options{Clock: agent.NewSystemClock(), Log: log})
		sup.Add(drivers.Unit{Config: drivers.Config{ID: "1.display"}, Device: d})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- sup.Run(ctx) }()
		synctest.Wait()
		show := func(s agent.Screen) { go func() { _ = d.Show(ctx, s) }() }
		show(agent.Screen{Kind: agent.ScreenQR, QR: code, TTL: time.Minute})
		synctest.Wait()
		if g.QR() != code {
			t.Fatalf("sees %q", g.QR())
		}
		d.codec = broken{d.codec}
		show(agent.Screen{Kind: agent.ScreenPaid})
		synctest.Wait()
		if g.QR() != "" {
			t.Errorf("after the panic a customer sees %q", g.QR())
		}
		cancel()
		<-done
	})
}

type broken struct{ Codec }

func (broken) Draw(View) ([]byte, error) { panic("a codec's bug") }

func TestPolesSayWhatTheScreenSays(t *testing.T) {
	for _, name := range []string{"cd5220", "escpos-pole", "led8n"} {
		synctest.Test(t, func(t *testing.T) {
			g := &glass{}
			d := build(t, name, nil, g.open)
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- d.Run(ctx, &reporter{ready: func() {}}) }()
			synctest.Wait()
			if err := d.Show(ctx, agent.Screen{Kind: agent.ScreenScan, Amount: agent.Money{Value: 1250, Currency: "CNY"}}); err != nil {
				t.Error(err)
			}
			if !bytes.Contains(g.got(), []byte("12.50")) {
				t.Errorf("%s was sent %q", name, g.got())
			}
			seen := len(g.got())
			<-time.After(refreshEvery)
			synctest.Wait()
			if !bytes.Contains(g.got()[seen:], []byte("12.50")) {
				t.Errorf("%s that was switched off and on stays dark", name)
			}
			cancel()
			<-done
			if !bytes.HasSuffix(g.got(), d.codec.Clear()) {
				t.Errorf("%s is left with %q", name, g.got())
			}
		})
	}
}

func TestACodeWithoutRoomIsAnErrorAndNoFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &glass{read: readT5}
		d := build(t, "t5uic1-qr", nil, g.open)
		r := &reporter{ready: func() {}}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- d.Run(ctx, r) }()
		synctest.Wait()
		err := d.Show(ctx, agent.Screen{Kind: agent.ScreenQR, QR: strings.Repeat("a", 155), TTL: time.Minute})
		if !errors.Is(err, ErrTooLong) || g.QR() != "" {
			t.Errorf("%v, and a customer sees %q", err, g.QR())
		}
		if err := d.Show(ctx, agent.Screen{Kind: agent.ScreenQR, QR: code, TTL: time.Minute}); err != nil || g.QR() != code {
			t.Errorf("%v, and a customer sees %q", err, g.QR())
		}
		if len(r.degraded) != 1 || !strings.Contains(r.degraded[0], "shorter code") {
			t.Errorf("said %q", r.degraded)
		}
		cancel()
		<-done
	})
}

func TestKeysAreStrict(t *testing.T) {
	for _, c := range []struct {
		driver string
		keys   map[string]any
		want   string
	}{
		{"dgus-qr", map[string]any{"qr": "50"}, "four hexadecimal"},
		{"dgus-qr", map[string]any{"page_qr": int64(300)}, "from -1 to 255"},
		{"nextion-qr", map[string]any{"qr": "qr0.txt"}, "name of a component"},
		{"nextion-qr", map[string]any{"qr": ""}, "name of a component"},
		{"t5uic1-qr", map[string]any{"module": int64(16)}, "from 1 to 15"},
		{"cd5220", map[string]any{"boud": int64(1200)}, `did you mean "baud"`},
	} {
		u := drivers.Registry(Specs()).Build(drivers.Config{ID: "d", Kind: agent.KindDisplay, Driver: c.driver, Path: "/dev/x", Keys: c.keys}, drivers.Env{Clock: agent.NewSystemClock()})
		if u.Err == nil || !strings.Contains(u.Err.Error(), c.want) {
			t.Errorf("%+v: %v", c, u.Err)
		}
	}
}
