package printer

import (
	"bytes"
	"encoding/hex"
	"hash/crc32"
	"reflect"
	"strings"
	"testing"

	"tillwire/agent/qr"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The capture of devices reference, vector 25: three answers to questions, two
// unasked blocks, the end of a job and flow control, without anything between them.
func TestAPrintersBytesAreKnownApart(t *testing.T) {
	const capture = "12 16 7E 10 00 03 00 18 00 0C 00 37 22 30 30 34 32 00 11"
	for _, size := range []int{1, 2, 3, 5, 100} {
		var d Demux
		for _, n := range []byte{askPaper, askPrinter, askPaper} {
			d.Asked(n)
		}
		var got []Reply
		for data := unhex(t, capture); len(data) > 0; {
			n := min(size, len(data))
			got = append(got, d.Feed(data[:n])...)
			data = data[n:]
		}
		if len(got) != 7 {
			t.Fatalf("read %d bytes at a time: %d replies, want 7: %+v", size, len(got), got)
		}
		states := []Status{
			{Paper: PaperOK},
			{Paper: PaperOK, Online: True, Drawer: True},
			{Paper: PaperOut, Online: True, Drawer: True},
			{Paper: PaperLow, Online: True, Drawer: False, Cover: False, Knife: False, Broken: False, Hot: False},
			{Paper: PaperOut, Online: False, Drawer: False, Cover: False, Knife: False, Broken: False, Hot: False},
		}
		for i, want := range states {
			if got[i].Kind != ReplyState || got[i].Status != want {
				t.Errorf("reply %d: %+v, want the state %+v", i, got[i], want)
			}
		}
		if want := []Reply{{Kind: ReplyDone, ID: "0042"}, {Kind: ReplyReady}}; !reflect.DeepEqual(got[5:], want) {
			t.Errorf("the last two replies are %+v, want %+v", got[5:], want)
		}
		if d.Waiting() != 0 {
			t.Errorf("%d questions are not answered", d.Waiting())
		}
	}
}

func TestDrawerAndPaperBits(t *testing.T) {
	for _, c := range []struct {
		asked, answer byte
		want          Status
		trouble       string
	}{
		{askPrinter, 0x12, Status{Online: True, Drawer: False}, ""},
		{askPrinter, 0x1a, Status{Online: False, Drawer: False}, "offline"},
		{askOffline, 0x16, Status{Cover: True}, "cover"},
		{askOffline, 0x32, Status{Cover: False, Paper: PaperOut}, "paper"},
		{askError, 0x1a, Status{Knife: True, Broken: False, Hot: False}, "cutter"},
		{askError, 0x32, Status{Knife: False, Broken: True, Hot: False}, "error"},
		{askError, 0x52, Status{Knife: False, Broken: False, Hot: True}, "hot"},
		{askPaper, 0x1e, Status{Paper: PaperLow}, ""},
		{askPaper, 0x72, Status{Paper: PaperOut}, "paper"},
		{askPaper, 0x7e, Status{Paper: PaperOut}, "paper"},
	} {
		var d Demux
		d.Asked(c.asked)
		got := d.Feed([]byte{c.answer})
		if len(got) != 1 || got[0].Status != c.want {
			t.Errorf("DLE EOT %d answered %02X: %+v, want %+v", c.asked, c.answer, got, c.want)
		}
		if trouble := d.Status().Trouble().English; (trouble == "") != (c.trouble == "") || !strings.Contains(trouble, c.trouble) {
			t.Errorf("DLE EOT %d answered %02X: trouble %q, want one about %q", c.asked, c.answer, trouble, c.trouble)
		}
	}
}

// A printer that answers nothing must not look well.
func TestAnUnaskedAnswerSaysNothing(t *testing.T) {
	var d Demux
	if got := d.Feed([]byte{0x12}); len(got) != 1 || got[0].Kind != ReplyNoise || d.Status() != (Status{}) {
		t.Errorf("got %+v and %+v", got, d.Status())
	}
	d.Asked(askPaper)
	d.Forget()
	if d.Feed([]byte{0x7e}); d.Status().Paper != PaperUnknown {
		t.Error("a late answer was taken")
	}
}

// Noise that looks like the beginning of something must not swallow the next answers.
func TestWhatNeverEndsIsForgotten(t *testing.T) {
	for name, noise := range map[string][]byte{"the end of a job": {0x37, 0x22, '1'}, "an identity": {0x5f}, "an unasked status": {0x10, 0x00}} {
		var d Demux
		d.Feed(noise)
		if !d.Within() {
			t.Errorf("%s: the beginning is not seen", name)
		}
		d.Forget()
		d.Asked(askPaper)
		if got := d.Feed([]byte{0x7e}); len(got) != 1 || got[0].Status.Paper != PaperOut || d.Within() || d.Waiting() != 0 {
			t.Errorf("%s swallows the answer: %+v", name, got)
		}
	}
	var d Demux
	d.Feed([]byte{0x10, 0x00})
	d.Forget()
	if got := d.Feed([]byte{0x0c, 0x00}); len(got) != 2 || got[1].Kind == ReplyState || d.Status() != (Status{}) {
		t.Errorf("half of an old status and half of nothing say %+v", got)
	}
}

func FuzzDemux(f *testing.F) {
	f.Add([]byte{0x12, 0x10, 0, 3, 0, 0x37, 0x22, '1', 0, 0x11})
	f.Fuzz(func(t *testing.T, data []byte) {
		var whole, single Demux
		whole.Asked(askPaper)
		single.Asked(askPaper)
		one := whole.Feed(data)
		var many []Reply
		for _, b := range data {
			many = append(many, single.Feed([]byte{b})...)
		}
		if !reflect.DeepEqual(one, many) {
			t.Errorf("whole %+v, byte by byte %+v", one, many)
		}
		for _, r := range one {
			if len(r.ID) > blockMost {
				t.Errorf("a block of %d bytes", len(r.ID))
			}
		}
	})
}

const payload = "https://p.co/a1"

// Vector 26.
func TestAPrinterDrawsTheCodeItself(t *testing.T) {
	got, err := NativeQR(payload, 6, qr.M)
	want := unhex(t, "1D 28 6B 04 00 31 41 32 00 1D 28 6B 03 00 31 43 06 1D 28 6B 03 00 31 45 31 1D 28 6B 12 00 31 50 30"+
		hex.EncodeToString([]byte(payload))+"1D 28 6B 03 00 31 51 30")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v\n got % X\nwant % X", err, got, want)
	}
}

// Vector 27, and the bounds around it.
func TestALongCodeSaysItsLength(t *testing.T) {
	got, err := NativeQR(strings.Repeat("a", 300), 3, qr.L)
	if err != nil || !bytes.Contains(got, unhex(t, "1D 28 6B 2F 01 31 50 30 61 61")) {
		t.Errorf("%v: % X", err, got[:40])
	}
	for _, c := range []struct {
		payload string
		dots    int
	}{{"", 4}, {"a", 0}, {"a", 17}, {strings.Repeat("1", 7090), 3}} {
		if _, err := NativeQR(c.payload, c.dots, qr.M); err == nil {
			t.Errorf("%d bytes at %d dots were taken", len(c.payload), c.dots)
		}
	}
}

// Vector 28.
func TestACodeIsDrawnDotByDot(t *testing.T) {
	m, err := qr.Encode(payload, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dots   int
		header string
		bytes  int
		sum    uint32
	}{{4, "1D 76 30 00 11 00 84 00", 2244, 0xb093458d}, {6, "1D 76 30 00 19 00 C6 00", 4950, 0xa58773ff}} {
		got := Raster(m, c.dots)
		if !bytes.HasPrefix(got, unhex(t, c.header)) || len(got) != 8+c.bytes || crc32.ChecksumIEEE(got[8:]) != c.sum {
			t.Errorf("%d dots: header % X, %d bytes, sum %08X", c.dots, got[:8], len(got)-8, crc32.ChecksumIEEE(got[8:]))
		}
	}
}

func TestATallCodeIsDrawnInSlices(t *testing.T) {
	m, err := qr.Encode(payload, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	const dots = 12
	side := m.Size() * dots
	rows := 0
	for data := Raster(m, dots); len(data) > 0; {
		wide, tall := int(data[4])|int(data[5])<<8, int(data[6])|int(data[7])<<8
		if tall > rasterRows || wide != (side+7)/8 {
			t.Fatalf("a slice of %d rows and %d bytes", tall, wide)
		}
		rows += tall
		data = data[8+wide*tall:]
	}
	if rows != side {
		t.Errorf("%d rows, want %d", rows, side)
	}
}

// Vector 29.
func TestChineseTextIsSpelledInTwoBytes(t *testing.T) {
	set := charsets()["gb18030"]
	var got []byte
	for _, g := range set.glyphs("支付宝 ¥12.50") {
		got = append(got, g.bytes...)
	}
	if want := unhex(t, "D6 A7 B8 B6 B1 A6 20 A3 A4 31 32 2E 35 30"); !bytes.Equal(got, want) {
		t.Errorf("got % X\nwant % X", got, want)
	}
}

func TestWhatALetterSetLacksIsSubstituted(t *testing.T) {
	for _, c := range []struct{ set, text, want string }{
		{"gb18030", "a😀b", "a?b"},
		{"gb18030", "a\x1bb\u009bc", "a?b?c"},
		{"gb18030", "€5", "\xa2\xe35"},
		{"gb18030", "₫ ฿20", "VND THB 20"},
		{"cp858", "€5 é", "\xd55 \x82"},
		{"cp437", "€5", "EUR 5"},
		{"cp437", "¥5", "\x9d5"},
		{"cp866", "¥5 Ж", "CNY 5 \x86"},
		{"cp1252", "1 234,50 €", "1 234,50 \x80"},
		{"cp437", "茶", "?"},
		{"cp437", "12×3 “x” …", "12x3 \"x\" ..."},
		{"cp437", "e\u0301", "e"},
	} {
		var got []byte
		for _, g := range charsets()[c.set].glyphs(c.text) {
			got = append(got, g.bytes...)
		}
		if string(got) != c.want {
			t.Errorf("%s of %q: %q, want %q", c.set, c.text, got, c.want)
		}
	}
	if !charsets()["gb18030"].spells("收据") || charsets()["cp858"].spells("收据") {
		t.Error("it is not known which set spells Chinese")
	}
}
