package display

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	"golang.org/x/sys/unix"

	"tillwire/agent"
	"tillwire/drivers"
	"tillwire/drivers/display/displaytest"
	"tillwire/drivers/serial"
)

// screens are framebuffers as boards have them: a row may be longer than its pixels.
func screens() map[string]geometry {
	return map[string]geometry{"wide": {800, 480, 3328, 32}, "565": {480, 320, 960, 16}, "tall": {240, 400, 720, 24}}
}

func (g geometry) keys() map[string]any {
	return map[string]any{"width": int64(g.width), "height": int64(g.height), "stride": int64(g.stride), "bits": int64(g.bits)}
}

// seen is the screen as a camera sees it.
func (g geometry) seen(memory []byte) *image.Gray {
	img := image.NewGray(image.Rect(0, 0, g.width, g.height))
	for y := range g.height {
		for x := range g.width {
			img.SetGray(x, y, color.Gray{Y: memory[y*g.stride+x*g.bits/8]})
		}
	}
	return img
}

// read is the code on the screen, "" when there is none.
func (g geometry) read(memory []byte) string {
	bitmap, err := gozxing.NewBinaryBitmapFromImage(g.seen(memory))
	if err != nil {
		return ""
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_TRY_HARDER: true})
	if err != nil {
		return ""
	}
	return result.GetText()
}

// last is the picture that was written last.
func (g geometry) last(sent []byte) []byte {
	size := g.stride * g.height
	if len(sent) < size {
		return make([]byte, size)
	}
	return sent[len(sent)-size:]
}

func TestAFramebufferKeepsTheContract(t *testing.T) {
	g := geometry{240, 320, 480, 16} // small, because each case draws many times
	displaytest.Run(t, func(t *testing.T) displaytest.Rig {
		glass := &glass{read: func(sent []byte) string { return g.read(g.last(sent)) }}
		return displaytest.Rig{Glass: glass, New: func() displaytest.Display { return running{build(t, "framebuffer", g.keys(), glass.open)} }}
	})
}

func TestAPictureOfEachFormat(t *testing.T) {
	for name, g := range screens() {
		t.Run(name, func(t *testing.T) {
			c := &canvas{geometry: g}
			pay := view(agent.Screen{Kind: agent.ScreenQR, QR: code, Amount: agent.Money{Value: 1250, Currency: "CNY"}})
			got, err := c.Draw(pay)
			if err != nil || len(got) != g.stride*g.height || g.read(got) != code {
				t.Fatalf("%d bytes, %v, reads %q", len(got), err, g.read(got))
			}
			// What lies between the end of a row and the next one is nobody's.
			for y := range g.height {
				for _, b := range got[y*g.stride+g.width*g.bits/8 : (y+1)*g.stride] {
					if b != 0 {
						t.Fatalf("row %d is written beyond its end", y)
					}
				}
			}
			paid, err := c.Draw(view(agent.Screen{Kind: agent.ScreenPaid, Amount: agent.Money{Value: 1250, Currency: "CNY"}}))
			if err != nil || g.read(paid) != "" || bytes.Equal(paid, c.Clear()) {
				t.Errorf("paid: %v", err)
			}
			if idle, err := c.Draw(view(agent.Screen{Kind: agent.ScreenIdle})); err != nil || !bytes.Equal(idle, make([]byte, g.stride*g.height)) {
				t.Errorf("idle is not dark: %v", err)
			}
		})
	}
}

// Every word and amount that a view can have is spelled in full.
func TestTheFontHasTheLettersOfEveryView(t *testing.T) {
	said := "0123456789.-"
	for _, w := range words {
		said += w
	}
	for i := range len(said) {
		if _, ok := letters[said[i]]; !ok && said[i] != ' ' {
			t.Errorf("%q has no picture", said[i])
		}
	}
	for c := byte('A'); c <= 'Z'; c++ {
		if _, ok := letters[c]; !ok {
			t.Errorf("%q, of a currency's code, has no picture", c)
		}
	}
}

func TestACodeWithoutRoomOnAScreen(t *testing.T) {
	c := &canvas{geometry: geometry{120, 120, 480, 32}}
	for payload, want := range map[string]error{strings.Repeat("a", 200): ErrTooLong, strings.Repeat("a", 400): ErrTooLong, "茶": ErrLetters} {
		got, err := c.Draw(View{Kind: agent.ScreenQR, QR: payload})
		if !errors.Is(err, want) || !bytes.Equal(got, c.Clear()) {
			t.Errorf("%d bytes: %v", len(payload), err)
		}
	}
}

// A file stands for the memory of a screen, behind the door that only screens pass: the
// driver writes whole pictures to its beginning, and leaves it dark.
func TestAFramebufferIsAFile(t *testing.T) {
	g := screens()["565"]
	path := filepath.Join(t.TempDir(), "fb0")
	if err := os.WriteFile(path, bytes.Repeat([]byte{0xaa}, g.stride*g.height), 0o600); err != nil {
		t.Fatal(err)
	}
	u := drivers.Registry(Specs()).Build(drivers.Config{ID: "1.display", Lane: "1", Kind: agent.KindDisplay, Driver: "framebuffer", Path: path, Keys: g.keys()},
		drivers.Env{Clock: agent.NewSystemClock(), Log: slog.New(slog.DiscardHandler)})
	if u.Err != nil {
		t.Fatal(u.Err)
	}
	d := u.Device.(*device)
	d.open = func(path string, _ serial.Settings) (serial.Port, error) {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		return newFramebuffer(f), err
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, done := make(chan struct{}, 8), make(chan error, 1)
	go func() { done <- d.Run(ctx, &reporter{ready: func() { ready <- struct{}{} }}) }()
	<-ready
	if err := d.Show(ctx, agent.Screen{Kind: agent.ScreenQR, QR: code, TTL: time.Minute, Amount: agent.Money{Value: 1250, Currency: "CNY"}}); err != nil {
		t.Fatal(err)
	}
	memory := func() []byte {
		b, err := os.ReadFile(path)
		if err != nil || len(b) != g.stride*g.height {
			t.Fatalf("%d bytes, %v", len(b), err)
		}
		return b
	}
	if got := g.read(memory()); got != code {
		t.Errorf("a customer sees %q", got)
	}
	cancel()
	<-done
	if !bytes.Equal(memory(), make([]byte, g.stride*g.height)) {
		t.Error("the screen is not left dark")
	}
}

func TestAScreenThatSaysNothingOfItself(t *testing.T) {
	for name, c := range map[string]struct {
		told geometry
		err  error
	}{"silent": {geometry{}, unix.EINVAL}, "nonsense": {geometry{width: 1}, nil}} {
		picture := &canvas{geometry: screens()["565"]}
		err := picture.lay("/dev/fb0", c.told, c.err)
		var known *agent.Error
		if !errors.As(err, &known) || !strings.Contains(known.Say.English, "give width, height, stride and bits") || picture.geometry != screens()["565"] {
			t.Errorf("%s: %v, %+v", name, err, picture.geometry)
		}
	}
	path := filepath.Join(t.TempDir(), "fb0")
	if _, err := openFramebuffer(path, &canvas{}, true); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing there: %v", err)
	}
	for key, value := range map[string]int64{"width": 10, "stride": 100, "bits": 17} {
		keys := screens()["wide"].keys()
		keys[key] = value
		u := drivers.Registry(Specs()).Build(drivers.Config{ID: "d", Kind: agent.KindDisplay, Driver: "framebuffer", Path: path, Keys: keys}, drivers.Env{Clock: agent.NewSystemClock()})
		if u.Err == nil {
			t.Errorf("%s = %d was taken", key, value)
		}
	}
}

// What is not a screen is not painted on, whether the kernel is to be asked or the
// configuration says how the picture lies.
func TestOnlyAScreenIsPaintedOn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "journal.db")
	if err := os.WriteFile(file, []byte("sales"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, asks := range []bool{true, false} {
		if _, err := openFramebuffer(file, &canvas{}, asks); !errors.Is(err, drivers.ErrNotDevice) {
			t.Errorf("a file, asking %v: %v", asks, err)
		}
		_, err := openFramebuffer("/dev/null", &canvas{}, asks)
		var known *agent.Error
		if !errors.As(err, &known) || !strings.Contains(known.Say.English, "usually /dev/fb0") {
			t.Errorf("another device, asking %v: %v", asks, err)
		}
	}
	if kept, err := os.ReadFile(file); err != nil || string(kept) != "sales" {
		t.Errorf("the file holds %q, %v", kept, err)
	}
}

// The answers of the kernel, as linux/fb.h lays them out.
func TestTheGeometryIsReadFromTheKernelsAnswers(t *testing.T) {
	variable, fixed := make([]byte, 160), make([]byte, 80)
	put := func(b []byte, at int, v uint32) { binary.NativeEndian.PutUint32(b[at:], v) }
	put(variable, 0, 800)
	put(variable, 4, 480)
	put(variable, 24, 32)
	for pointer, at := range map[int]int{8: 48, 4: 44} {
		clear(fixed)
		put(fixed, at, 3328)
		if got := readGeometry(variable, fixed, pointer); got != (geometry{800, 480, 3328, 32}) {
			t.Errorf("with pointers of %d bytes: %+v", pointer, got)
		}
	}
}
