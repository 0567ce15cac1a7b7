package qr

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"
)

// decode reads a picture with a decoder that shares no code with the encoder.
func decode(t *testing.T, side int, dark func(x, y int) bool) (string, *gozxing.Result) {
	t.Helper()
	img := image.NewGray(image.Rect(0, 0, side, side))
	for y := range side {
		for x := range side {
			if !dark(x, y) {
				img.SetGray(x, y, color.Gray{Y: 255})
			}
		}
	}
	bitmap, err := gozxing.NewBinaryBitmapFromImage(img)
	if err != nil {
		t.Fatal(err)
	}
	result, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{
		gozxing.DecodeHintType_PURE_BARCODE:  true,
		gozxing.DecodeHintType_CHARACTER_SET: "UTF-8",
	})
	if err != nil {
		t.Fatalf("the code cannot be read: %v", err)
	}
	return result.GetText(), result
}

func decodeMatrix(t *testing.T, m Matrix) (string, *gozxing.Result) {
	t.Helper()
	const scale = 3
	return decode(t, m.Size()*scale, func(x, y int) bool { return m.At(x/scale, y/scale) })
}

func TestAnIndependentDecoderReadsWhatWasEncoded(t *testing.T) {
	payloads := []string{
		"1", "A", "a", " ", "~",
		"134567890123456789",
		"weixin://wxpay/bizpayurl?pr=p4lpSuKzz",
		"https://qr.alipay.com/bax03431ljhokirwl38f00a7",
		"HTTPS://P.CO/A1",
		"upi://pay?pa=chaipoint@okaxis&pn=Chai%20Point&am=149.50&cu=INR&tn=Order%2042&tr=ORD-42",
		"00020101021238530010A0000007270123000697041601092576788590208QRIBFTTA5303704540410005802VN62150811Chuyen tien6304BBB8",
		"00020101021129180014jonhsmith@nbcq5204599953031165802KH5910Jonh Smith6009Siam Reap64280002km0108ចន ស្មីន0206សៀមរាប6304A8B1",
		strings.Repeat("0", 300), strings.Repeat("AB:/$%*+-. ", 27), strings.Repeat("x~", 150),
	}
	for _, payload := range payloads {
		for _, level := range []Level{L, M, Q, H} {
			t.Run(fmt.Sprintf("%s/%d bytes", level, len(payload)), func(t *testing.T) {
				m, err := Encode(payload, level)
				if err != nil {
					t.Fatal(err)
				}
				got, result := decodeMatrix(t, m)
				if got != payload {
					t.Errorf("read %q, encoded %q", got, payload)
				}
				// The library's own names are shifted by one; the symbol must say our letter.
				if ec := result.GetResultMetadata()[gozxing.ResultMetadataType_ERROR_CORRECTION_LEVEL]; ec != level.String() {
					t.Errorf("the symbol has level %v, asked for %s", ec, level)
				}
			})
		}
	}
}

func TestMixedTextOfEveryLengthUpToTheLimitIsRead(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	alphabets := []string{"0123456789", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:", printableASCII()}
	for n := 1; n <= MaxPanelPayload; n += 1 + n/20 {
		// Runs of different alphabets exercise the changes of mode.
		var b strings.Builder
		for b.Len() < n {
			alphabet := alphabets[random.IntN(len(alphabets))]
			for range min(1+random.IntN(20), n-b.Len()) {
				b.WriteByte(alphabet[random.IntN(len(alphabet))])
			}
		}
		m, err := ForPanel(b.String())
		if err != nil {
			t.Fatalf("%d bytes: %v", n, err)
		}
		if got, _ := decodeMatrix(t, m); got != b.String() {
			t.Fatalf("%d bytes: read %q, encoded %q", n, got, b.String())
		}
	}
}

func printableASCII() string {
	var b strings.Builder
	for c := byte(0x20); c < 0x7F; c++ {
		b.WriteByte(c)
	}
	return b.String()
}

// Capacities of version 40 in bytes, ISO/IEC 18004 table 7.
func TestTheLargestPayloadFitsAndOneByteMoreIsRefused(t *testing.T) {
	for level, capacity := range map[Level]int{L: 2953, M: 2331, Q: 1663, H: 1273} {
		payload := strings.Repeat("x~", capacity/2+1)[:capacity]
		m, err := Encode(payload, level)
		if err != nil {
			t.Fatalf("%s, %d bytes: %v", level, capacity, err)
		}
		if got, _ := decodeMatrix(t, m); m.version != 40 || got != payload {
			t.Errorf("%s: version %d, read back equal: %t", level, m.version, got == payload)
		}
		if _, err := Encode(payload+"x", level); !errors.Is(err, ErrTooLong) {
			t.Errorf("%s, %d bytes: %v, want ErrTooLong", level, capacity+1, err)
		}
	}
}

func TestRefusalsSayWhatIsWrongWithoutQuotingThePayload(t *testing.T) {
	cases := []struct {
		name, payload string
		level         Level
		want          error
		says          string
	}{
		{"empty", "", M, ErrEmpty, "empty"},
		{"Chinese", "SECRETpay=北京", M, ErrCharacter, "byte 11 is not ASCII"},
		{"line break", "SECRET\n", M, ErrCharacter, "byte 7 is a control character (0x0A)"},
		{"delete", "SECRET\x7f", M, ErrCharacter, "0x7F"},
		{"too long", strings.Repeat("SECRET~", 600), L, ErrTooLong, "4200 bytes"},
		{"unknown level", "SECRET", Level(9), ErrLevel, "Level(9)"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m, err := Encode(c.payload, c.level)
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want %v saying %q", err, c.want, c.says)
			}
			if err != nil && strings.Contains(err.Error(), "SECRET") {
				t.Errorf("the error quotes the payload: %v", err)
			}
			if m.Size() != 0 {
				t.Error("a refused payload still gave a matrix")
			}
		})
	}
}

func TestTheQuietZoneIsFourLightModulesOnEverySide(t *testing.T) {
	m, err := Encode("https://example.com/pay", Q)
	if err != nil {
		t.Fatal(err)
	}
	if want := 17 + 4*m.version + 8; m.Size() != want {
		t.Fatalf("size %d, want %d", m.Size(), want)
	}
	for y := -2; y < m.Size()+2; y++ {
		for x := -2; x < m.Size()+2; x++ {
			inside := x >= 4 && y >= 4 && x < m.Size()-4 && y < m.Size()-4
			if !inside && m.At(x, y) {
				t.Fatalf("module %d,%d of the quiet zone is dark", x, y)
			}
		}
	}
	for _, corner := range [][2]int{{4, 4}, {m.Size() - 5, 4}, {4, m.Size() - 5}} {
		if !m.At(corner[0], corner[1]) {
			t.Errorf("the finder at %v does not touch the quiet zone", corner)
		}
	}
	if (Matrix{}).Size() != 0 || (Matrix{}).At(4, 4) {
		t.Error("the zero matrix is not empty")
	}
}

func TestLevelForACounterDisplay(t *testing.T) {
	cases := []struct {
		bytes      int
		level      Level
		refused    bool
		maxVersion int
	}{
		{1, Q, false, 1}, {46, Q, false, 4}, {47, M, false, 4}, {300, M, false, 13}, {301, M, true, 0},
	}
	for _, c := range cases {
		payload := strings.Repeat("x~", c.bytes)[:c.bytes]
		level, err := Recommend(payload)
		if level != c.level || errors.Is(err, ErrTooLong) != c.refused {
			t.Errorf("%d bytes: %s, %v", c.bytes, level, err)
		}
		m, err := ForPanel(payload)
		if errors.Is(err, ErrTooLong) != c.refused || m.version > c.maxVersion {
			t.Errorf("%d bytes: version %d, %v; want at most version %d", c.bytes, m.version, err, c.maxVersion)
		}
	}
	large, err := Encode(strings.Repeat("x~", 150), H)
	if err != nil {
		t.Fatal(err)
	}
	if err := large.FitsPanel(); !errors.Is(err, ErrTooLong) {
		t.Errorf("version %d fits a panel: %v", large.version, err)
	}
}
