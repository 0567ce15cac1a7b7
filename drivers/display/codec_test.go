package display

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"tillwire/agent"
)

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

const code = "https://p.co/a1"

// Vector 30 of the devices reference.
func TestALineOfACD5220IsWrittenWhole(t *testing.T) {
	want := unhex(t, "1B 51 41 54 4F 54 41 4C"+strings.Repeat("20", 10)+"31 32 2E 35 30 0D")
	if got := upperLine(spread("TOTAL", "12.50")); !bytes.Equal(got, want) {
		t.Errorf("got % X", got)
	}
	for _, c := range []struct{ left, right, want string }{
		{"", "", strings.Repeat(" ", 20)},
		{"a very long text that has no room", "12.50", "a very long tex12.50"},
		{"TOTAL", strings.Repeat("9", 30), strings.Repeat("9", 20)},
		{"a\rb\x1bQc茶", "", "abQc" + strings.Repeat(" ", 16)},
	} {
		if got := spread(c.left, c.right); got != c.want || len(got) != columns {
			t.Errorf("%q and %q: %q, want %q", c.left, c.right, got, c.want)
		}
	}
}

// Vector 31.
func TestADGUSPanelGetsTheTextOfItsCode(t *testing.T) {
	got := dgus{}.text(0x5000, code)
	if want := unhex(t, "5A A5 14 82 50 00 68 74 74 70 73 3A 2F 2F 70 2E 63 6F 2F 61 31 FF FF"); !bytes.Equal(got, want) {
		t.Errorf("got % X", got)
	}
	// A long one goes on where the first frame ended, in words of two bytes.
	got = dgus{}.text(0x5000, strings.Repeat("a", 300))
	if second := got[6+dgusFrame:]; got[2] != 3+dgusFrame || !bytes.HasPrefix(second, unhex(t, "5A A5 41 82 50 78")) || !bytes.HasSuffix(second, []byte{0xff, 0xff}) {
		t.Errorf("second frame % X", second[:8])
	}
	if got := (dgus{}).show(3); !bytes.Equal(got, unhex(t, "5A A5 07 82 00 84 5A 01 00 03")) {
		t.Errorf("page % X", got)
	}
}

// Vector 32.
func TestAT5UIC1PanelDrawsTheCode(t *testing.T) {
	got := t5uic1{10, 20, 4}.code(code)
	if want := unhex(t, "AA 21 00 0A 00 14 04 68 74 74 70 73 3A 2F 2F 70 2E 63 6F 2F 61 31 CC 33 C3 3C"); !bytes.Equal(got, want) {
		t.Errorf("got % X", got)
	}
}

func TestPictures(t *testing.T) {
	sum := agent.Money{Value: 1250, Currency: "CNY"}
	pay := view(agent.Screen{Kind: agent.ScreenQR, QR: code, Amount: sum})
	paid := view(agent.Screen{Kind: agent.ScreenPaid, Amount: sum})
	for _, c := range []struct {
		name  string
		codec Codec
		view  View
		want  string
	}{
		{"cd5220", cd5220{}, pay, "\x1bQASCAN TO PAY         \r\x1bQB           CNY 12.50\r"},
		{"cd5220 idle", cd5220{}, view(agent.Screen{Kind: agent.ScreenIdle}), "\x1bQA                    \r\x1bQB                    \r"},
		{"test", cd5220{}, view(agent.Screen{Kind: agent.ScreenPaid, Amount: sum, Test: true}), "\x1bQATEST PAID - THANK YO\r\x1bQB           CNY 12.50\r"},
		{"pole", pole{}, paid, "\x1f$\x01\x01PAID - THANK YOU    \x1f$\x01\x02           CNY 12.50"},
		{"shared pole", pole{shared: true}, paid, "\x1b=\x02\x1f$\x01\x01PAID - THANK YOU    \x1f$\x01\x02           CNY 12.50\x1b=\x01"},
		{"led8n", led8n{}, pay, "\x02L0100\x1bQA12.50\r"},
		{"led8n paid", led8n{}, paid, "\x02L0010\x1bQA12.50\r"},
		{"led8n idle", led8n{}, view(agent.Screen{Kind: agent.ScreenIdle}), "\x0c\x02L0000"},
		{"led8n eight", led8n{}, view(agent.Screen{Kind: agent.ScreenScan, Amount: agent.Money{Value: 12345678, Currency: "CNY"}}), "\x02L0100\x1bQA123456.78\r"},
		{"led8n nine", led8n{}, view(agent.Screen{Kind: agent.ScreenScan, Amount: agent.Money{Value: 123456789, Currency: "CNY"}}), "\x0c\x02L0000"},
		{"nextion", nextion{"qr0", "t1", ""}, pay, "qr0.txt=\"https://p.co/a1\"\xff\xff\xfft1.txt=\"CNY 12.50\"\xff\xff\xffvis qr0,1\xff\xff\xff"},
		{"nextion paid", nextion{"qr0", "", "t2"}, paid, "vis qr0,0\xff\xff\xffqr0.txt=\"\"\xff\xff\xfft2.txt=\"PAID - THANK YOU\"\xff\xff\xff"},
		{"nextion quotes", nextion{"qr0", "", ""}, View{QR: `a"b\c`}, "qr0.txt=\"a\\\"b\\\\c\"\xff\xff\xffvis qr0,1\xff\xff\xff"},
	} {
		got, err := c.codec.Draw(c.view)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %v\n got %q\nwant %q", c.name, err, got, c.want)
		}
	}
}

// The code comes before its picture and goes after it, so that no customer pays the
// code of the one before.
func TestADGUSPanelNeverShowsAnOldCode(t *testing.T) {
	c := dgus{qr: 0x5000, pages: pages{idle: 0, code: 1, paid: 2}}
	pay, _ := c.Draw(View{Kind: agent.ScreenQR, QR: code})
	if bytes.Index(pay, []byte(code)) > bytes.Index(pay, c.show(1)) || bytes.Contains(pay, c.show(0)) {
		t.Errorf("% X", pay)
	}
	for page, after := range [][]byte{c.Clear(), must(c.Draw(View{Kind: agent.ScreenWait})), must(c.Draw(View{Kind: agent.ScreenPaid}))} {
		shown := bytes.Index(after, c.show(2*(page/2)))
		if shown < 0 || shown > bytes.Index(after, c.text(0x5000, "")) || bytes.Contains(after, c.show(1)) {
			t.Errorf("% X", after)
		}
	}
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

func TestACodeThatCannotBeDrawnRightIsNotDrawn(t *testing.T) {
	for _, c := range []struct {
		codec   Codec
		payload string
		want    error
	}{
		{dgus{qr: 0x5000}, strings.Repeat("a", dgusMost+1), ErrTooLong},
		{t5uic1{1, 1, 4}, strings.Repeat("a", t5Most+1), ErrTooLong},
		{nextion{qr: "qr0"}, strings.Repeat("a", nextionMost+1), ErrTooLong},
		{nextion{qr: "qr0"}, "茶", ErrLetters},
		{dgus{qr: 0x5000}, "a\xff\xffb", ErrLetters},
		{t5uic1{1, 1, 4}, "a\xcc\x33\xc3\x3cb", ErrLetters},
		{nextion{qr: "qr0"}, "a\nb", ErrLetters},
	} {
		got, err := c.codec.Draw(View{Kind: agent.ScreenQR, QR: c.payload})
		if !errors.Is(err, c.want) || !bytes.Equal(got, c.codec.Clear()) {
			t.Errorf("%T: %v, % X", c.codec, err, got)
		}
	}
	if _, err := (dgus{qr: 0x5000}).Draw(View{Kind: agent.ScreenQR, QR: "茶"}); err != nil {
		t.Error(err)
	}
}
