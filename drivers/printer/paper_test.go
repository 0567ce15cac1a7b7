package printer

import (
	"fmt"
	"image"
	"math/rand/v2"
	"testing"

	"github.com/makiuchi-d/gozxing"
	"github.com/makiuchi-d/gozxing/qrcode"

	"tillwire/agent"
	"tillwire/agent/qr"
	"tillwire/drivers/printer/printertest"
)

// payloads are codes as shops print them: payment codes of EMVCo with names in Chinese,
// Thai and emoji, in a random mixture that is the same in every run.
func payloads(n int) (list []string) {
	dice := rand.New(rand.NewPCG(26, 5))
	words := []string{"老张茶馆", "支付宝", "上海市浦东新区", "ร้านก๋วยเตี๋ยว", "ชาเย็น", "กรุงเทพฯ", "🍜", "🧋🍵", "👨‍🍳", "Café", "Zhang's Tea", "No. 12"}
	tlv := func(id, value string) string { return fmt.Sprintf("%s%02d%s", id, len([]rune(value)), value) }
	for i := range n {
		name := ""
		for range 1 + dice.IntN(3) {
			name += words[dice.IntN(len(words))]
		}
		// Every third has one of each script.
		if i%3 == 0 {
			name = words[dice.IntN(3)] + words[3+dice.IntN(3)] + words[6+dice.IntN(3)]
		}
		text := "000201" + tlv("26", fmt.Sprintf("%08d", dice.IntN(1e8))) + tlv("53", "156") + tlv("54", fmt.Sprintf("%d.%02d", dice.IntN(1e5), dice.IntN(100))) + tlv("59", name)
		list = append(list, text+tlv("63", fmt.Sprintf("%04X", dice.IntN(1<<16))))
	}
	return list
}

// paperDots is the width of the widest paper that a code is printed on.
const paperDots = 576

// printed are the pictures of a code that a printer has drawn from our bytes: by itself,
// and dot by dot where the paper is wide enough.
func printed(t *testing.T, payload string, dots int) map[string]*image.Gray {
	t.Helper()
	matrix, err := qr.Encode(payload, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	native, err := NativeQR(payload, dots, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	inner := matrix.Size() - 2*qr.QuietZone
	jobs := map[string][]byte{}
	if inner*dots <= paperDots {
		jobs["native"] = native
	}
	if matrix.Size()*dots <= paperDots {
		jobs["raster"] = Raster(matrix, dots)
	}
	pictures := map[string]*image.Gray{}
	for how, job := range jobs {
		m := printertest.New()
		m.Feed(job)
		sheets := m.Sheets()
		if len(sheets) != 1 || len(sheets[0].Codes) != 1 || len(m.Problems()) > 0 {
			t.Fatalf("%s at %d dots: sheets %d, problems %q", how, dots, len(sheets), m.Problems())
		}
		code := sheets[0].Codes[0]
		if code.Native && (code.Payload != payload || code.Dots != dots) {
			t.Errorf("the printer was given %q at %d dots, want %q at %d", code.Payload, code.Dots, payload, dots)
		}
		pictures[how] = enlarge(code.Picture(qr.QuietZone*dots), max(1, 4/dots))
	}
	return pictures
}

// enlarge looks at paper more closely: a camera has more dots than a small code.
func enlarge(img *image.Gray, by int) *image.Gray {
	b := img.Bounds()
	out := image.NewGray(image.Rect(0, 0, b.Dx()*by, b.Dy()*by))
	for y := range b.Dy() * by {
		for x := range b.Dx() * by {
			out.Pix[y*out.Stride+x] = img.Pix[y/by*img.Stride+x/by]
		}
	}
	return out
}

func TestPrintedCodesAreRead(t *testing.T) {
	for i, payload := range payloads(16) {
		dots := i + 1
		for how, picture := range printed(t, payload, dots) {
			bitmap, err := gozxing.NewBinaryBitmapFromImage(picture)
			if err != nil {
				t.Fatal(err)
			}
			got, err := qrcode.NewQRCodeReader().Decode(bitmap, map[gozxing.DecodeHintType]any{
				gozxing.DecodeHintType_PURE_BARCODE: true, gozxing.DecodeHintType_CHARACTER_SET: "UTF-8"})
			if err != nil || got.GetText() != payload {
				t.Errorf("%s at %d dots: %v, %v, want %q", how, dots, got, err, payload)
			}
		}
	}
}

// A slip's code keeps its quiet zone and fits every paper.
func TestACodeOnASlipFitsThePaper(t *testing.T) {
	for _, p := range Profiles() {
		for _, native := range []bool{true, false} {
			p.QR = native
			for _, payload := range []string{"https://p.co/a1", "TW000101JZ3N8Q4T6V8W0X2Y4Z6A8B0C", payloads(1)[0]} {
				m := printertest.New()
				m.Feed(p.Render(agent.Slip{Lines: []agent.SlipLine{{Kind: agent.SlipNote, Text: "before"}, {Kind: agent.SlipQR, Text: payload}, {Kind: agent.SlipNote, Text: "after"}}}))
				codes := m.Sheets()[0].Codes
				if len(codes) != 1 || len(m.Problems()) > 0 {
					t.Fatalf("%s: %d codes, problems %q", p.Name, len(codes), m.Problems())
				}
				if c := codes[0]; c.Native != native || c.Wide > p.Dots || native && c.Dots < leastModule {
					t.Errorf("%s: native %t, %d dots wide of %d, %d a module", p.Name, c.Native, c.Wide, p.Dots, c.Dots)
				}
			}
		}
	}
	// What cannot be drawn legibly is written, so that nothing is missing.
	p, _ := FindProfile("generic-58")
	m := printertest.New()
	m.Feed(p.Render(agent.Slip{Lines: []agent.SlipLine{{Kind: agent.SlipQR, Text: "茶"}}}))
	if s := m.Sheets()[0]; len(s.Codes) != 0 || len(s.Lines) == 0 {
		t.Errorf("%+v", s)
	}
}

func BenchmarkQRRaster(b *testing.B) {
	payload := payloads(1)[0]
	for b.Loop() {
		m, err := qr.Encode(payload, qr.M)
		if err != nil {
			b.Fatal(err)
		}
		Raster(m, 6)
	}
}
