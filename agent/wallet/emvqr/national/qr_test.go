package national

import (
	"image"
	"image/color"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"tillwire/agent/qr"
)

// shown are the codes that have to survive a display and a phone: what is written
// for every scheme, and what others publish.
func shown(t *testing.T) map[string]string {
	t.Helper()
	codes := published(t)
	for _, scheme := range Schemes() {
		for _, g := range goldens(t, scheme) {
			codes[scheme+" "+g.About] = g.Payload
		}
	}
	return codes
}

// picture draws a code as a display does, four pixels a module.
func picture(t *testing.T, payload string) *image.Gray {
	t.Helper()
	m, err := qr.Encode(payload, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	const scale = 4
	img := image.NewGray(image.Rect(0, 0, m.Size()*scale, m.Size()*scale))
	for y := range m.Size() * scale {
		for x := range m.Size() * scale {
			if !m.At(x/scale, y/scale) {
				img.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	return img
}

func TestEveryCodeIsReadFromItsPicture(t *testing.T) {
	for name, payload := range shown(t) {
		bitmap, err := gozxing.NewBinaryBitmapFromImage(picture(t, payload))
		if err != nil {
			t.Fatal(err)
		}
		// It is told that the picture is clean, for it looks for codes in photographs,
		// but not the alphabet: a phone is not told that either.
		result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{gozxing.DecodeHintType_PURE_BARCODE: true})
		if err != nil || result.GetText() != payload {
			t.Errorf("%s: read %v, %v; want %s", name, result, err, payload)
		}
	}
}
