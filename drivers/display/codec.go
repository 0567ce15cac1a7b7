package display

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"tillwire/agent"
)

// Codec draws on one kind of display. It holds no state: every picture is complete.
type Codec interface {
	// Clear puts the display into a known state in which it shows nothing, whatever
	// it did before: it is the first thing sent and the last.
	Clear() []byte
	// Draw shows a view in place of everything that was there. The errors are ErrTooLong
	// and ErrLetters; the bytes beside them clear the display.
	Draw(v View) ([]byte, error)
}

// View is what a customer is to see.
type View struct {
	Kind   agent.ScreenKind
	Words  string // a few words in ASCII, at most 20
	Amount string // digits, a point and a minus sign; empty without an amount
	Money  string // the amount with its currency's code, in ASCII
	QR     string // the code to pay; empty on everything but ScreenQR
}

// Why a display does not show a code; the picture then is an empty one.
var (
	// ErrTooLong: it has no room for the payload.
	ErrTooLong = errors.New("the code is too long for this display")
	// ErrLetters: the payload has letters that would reach the panel as others, and
	// another payload is another payee.
	ErrLetters = errors.New("the code has letters that this display does not take")
)

// drawable reports why a panel with room for most bytes does not show a payload.
func drawable(payload string, most int, asciiOnly bool) error {
	if len(payload) > most {
		return fmt.Errorf("%w: %d bytes, it draws %d", ErrTooLong, len(payload), most)
	}
	for _, r := range payload {
		if r < 0x20 || r == 0x7f || r == utf8.RuneError || asciiOnly && r > 0x7f {
			return fmt.Errorf("%w: %U", ErrLetters, r)
		}
	}
	return nil
}

// words are what a display with few letters says.
var words = map[agent.ScreenKind]string{
	agent.ScreenScan: "SHOW YOUR CODE", agent.ScreenQR: "SCAN TO PAY", agent.ScreenProgress: "ONE MOMENT",
	agent.ScreenPaid: "PAID - THANK YOU", agent.ScreenUnpaid: "NOT PAID", agent.ScreenWait: "PLEASE WAIT",
	agent.ScreenAccepted: "ACCEPTED - THANK YOU",
}

// view is a screen as these displays can show it. A test terminal says so.
func view(s agent.Screen) View {
	v := View{Kind: s.Kind, Words: words[s.Kind], QR: s.QR}
	if s.Kind != agent.ScreenQR {
		v.QR = ""
	}
	if s.Test && v.Words != "" {
		v.Words = cut("TEST "+v.Words, columns)
	}
	if s.Amount.Currency != "" && s.Kind != agent.ScreenIdle {
		v.Amount, v.Money = s.Amount.Decimal(), string(s.Amount.Currency)+" "+s.Amount.Decimal()
	}
	return v
}

// columns is the width of a two-line display.
const columns = 20

// cut makes a text at most n letters of ASCII; what is none is left out, so that no
// byte of a text is ever a command.
func cut(text string, n int) string {
	var b strings.Builder
	for _, r := range text {
		if r >= 0x20 && r < 0x7f && b.Len() < n {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// spread puts one text to the left and one to the right margin of a line, which is
// always written whole. Where both do not fit the right one is kept: it is the amount.
func spread(left, right string) string {
	right = cut(right, columns)
	left = cut(left, columns-len(right))
	return left + strings.Repeat(" ", columns-len(left)-len(right)) + right
}
