package qr

import (
	"errors"
	"image"
	"image/color"
	"reflect"
	"sync"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
	library "github.com/skip2/go-qrcode"
)

// What a program gets that uses the library as it is, and beside each trap what this
// room does about it. When the library mends one, its test fails, and the care for it
// may go.

func naive(t *testing.T, payload string, level library.RecoveryLevel) *library.QRCode {
	t.Helper()
	q, err := library.New(payload, level)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// look reads a picture as a reader does that takes letters for those of charset.
func look(t *testing.T, picture image.Image, charset string) (string, *gozxing.Result, error) {
	t.Helper()
	bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
	if err != nil {
		t.Fatal(err)
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{
		gozxing.DecodeHintType_PURE_BARCODE:  true,
		gozxing.DecodeHintType_CHARACTER_SET: charset,
	})
	if err != nil {
		return "", nil, err
	}
	return result.GetText(), result, nil
}

// picture draws a matrix, dark on light or the other way round.
func picture(m Matrix, scale int, inverted bool) *image.Gray {
	side := m.Size() * scale
	img := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			if m.At(x/scale, y/scale) == inverted {
				img.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	return img
}

// Trap: an option that is set after the first drawing does nothing.
func TestNaiveOptionsComeTooLate(t *testing.T) {
	q := naive(t, drawn, library.Medium)
	bordered := len(q.Bitmap())
	q.DisableBorder = true
	if n := len(q.Bitmap()); n != bordered {
		t.Errorf("the border goes now: %d modules, then %d", bordered, n)
	}
	if m := mustEncode(t, drawn, M); m.Size() != bordered || m.modules != bordered-2*QuietZone {
		t.Errorf("ours has %d modules with its border and %d without; theirs %d", m.Size(), m.modules, bordered)
	}
}

// Trap: what looks like reading changes the object, so that two screens that share one
// disturb each other.
func TestNaiveDrawingChangesTheCode(t *testing.T) {
	untouched, rendered := naive(t, drawn, library.Medium), naive(t, drawn, library.Medium)
	if !reflect.DeepEqual(untouched, rendered) {
		t.Fatal("two codes of one payload differ before anything was drawn")
	}
	rendered.Bitmap()
	if reflect.DeepEqual(untouched, rendered) {
		t.Error("drawing leaves the object alone now")
	}
	m := mustEncode(t, drawn, M)
	want := m.SVG("")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if got := m.SVG(""); got != want {
				t.Error("a shared matrix was drawn differently")
			}
		})
	}
	all.Wait()
}

// Trap: the names of the levels are shifted by one.
func TestNaiveHighIsNotH(t *testing.T) {
	for level, want := range map[library.RecoveryLevel]string{library.High: "Q", library.Highest: "H"} {
		_, result, err := look(t, naive(t, drawn, level).Image(-3), "UTF-8")
		if err != nil {
			t.Fatal(err)
		}
		if got := result.GetResultMetadata()[gozxing.ResultMetadataType_ERROR_CORRECTION_LEVEL]; got != want {
			t.Errorf("the library's level %d is %v now, not %s", level, got, want)
		}
	}
	_, result, err := look(t, picture(mustEncode(t, drawn, H), 3, false), "UTF-8")
	if err != nil {
		t.Fatal(err)
	}
	if got := result.GetResultMetadata()[gozxing.ResultMetadataType_ERROR_CORRECTION_LEVEL]; got != "H" {
		t.Errorf("our H is %v", got)
	}
}

// Trap: a picture of a given size has modules of uneven width, and one that is too
// small is silently made larger.
func TestNaiveSizesAreNotWhatWasAskedFor(t *testing.T) {
	const side = 250
	q := naive(t, drawn, library.Medium)
	img := q.Image(side)
	modules := len(q.Bitmap())
	// The timing pattern changes colour at every module: its runs are the widths.
	y := (2*(QuietZone+6) + 1) * side / (2 * modules)
	at := func(x int) color.Color { return img.At(x, y) }
	widths, run := map[int]bool{}, 0
	for x := (QuietZone + 8) * side / modules; x < (modules-QuietZone-8)*side/modules; x++ {
		run++
		if at(x) != at(x+1) {
			widths[run] = true
			run = 0
		}
	}
	delete(widths, 1) // the first may have begun before
	if img.Bounds().Dx() != side || len(widths) < 2 {
		t.Errorf("%d dots over %d modules are even now: %v", img.Bounds().Dx(), modules, widths)
	}
	if small := q.Image(1).Bounds().Dx(); small == 1 {
		t.Error("a size that is too small is kept now")
	}
}

// Trap: there is no marker of the letters' code, so readers disagree about what is not
// ASCII; here such a payload is refused unless its own standard says what it is.
func TestNaiveReadersDisagreeAboutLetters(t *testing.T) {
	const payload = "https://p.co/茶"
	img := naive(t, payload, library.Medium).Image(-3)
	one, _, err := look(t, img, "UTF-8")
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := look(t, img, "ISO-8859-1") // what ISO/IEC 18004 says of a code without a marker
	if err != nil {
		t.Fatal(err)
	}
	if one != payload || other == payload {
		t.Errorf("one reader says %q, the other %q", one, other)
	}
	if _, err := Encode(payload, M); !errors.Is(err, ErrCharacter) {
		t.Errorf("ours: %v, want ErrCharacter", err)
	}
}

// Trap: a dark theme that turns the code round with everything else makes it unreadable.
// What the drawing does about it stands in TestTheSVGScalesHasAWhiteCardAndATitle.
func TestNaiveLightOnDarkIsNotRead(t *testing.T) {
	m := mustEncode(t, drawn, M)
	if text, _, err := look(t, picture(m, 4, true), "UTF-8"); err == nil {
		t.Errorf("a reader takes light on dark now: %q", text)
	}
	if text, _, err := look(t, picture(m, 4, false), "UTF-8"); err != nil || text != drawn {
		t.Errorf("dark on light reads %q, %v", text, err)
	}
}
