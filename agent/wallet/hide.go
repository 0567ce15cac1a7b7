package wallet

import (
	"strings"

	"tillwire/agent"
)

// leastCut is how many of a code's first characters, at the end of a message that was
// cut there, are taken for the code. Fewer are no help to anybody.
const leastCut = 5

// Hide takes a payment code out of what a wallet says about it: a message may quote
// what it complains about, and it goes to the journal, to logs and to the office.
func Hide(a agent.Answer, code agent.PayCode) agent.Answer {
	if code.IsZero() {
		return a
	}
	a.Text = hidden(a.Text, code)
	a.Code = strings.ReplaceAll(a.Code, code.Reveal(), "")
	if a.Err != nil {
		if said := a.Err.Error(); hidden(said, code) != said {
			a.Err = &discreet{a.Err, hidden(said, code)}
		}
	}
	return a
}

// hidden puts the word for the code in its place. Where a message was cut within the
// code, its beginning is all that stands there.
func hidden(text string, code agent.PayCode) string {
	secret := code.Reveal()
	text = strings.ReplaceAll(text, secret, code.String())
	for n := min(len(secret)-1, len(text)); n >= leastCut; n-- {
		if before, cut := strings.CutSuffix(text, secret[:n]); cut {
			return before + code.String()
		}
	}
	return text
}

// discreet is an error whose words were changed and whose cause was not.
type discreet struct {
	cause error
	said  string
}

// Error implements error.
func (d *discreet) Error() string { return d.said }

// Unwrap gives the cause to errors.Is. Nobody prints it by itself.
func (d *discreet) Unwrap() error { return d.cause }
