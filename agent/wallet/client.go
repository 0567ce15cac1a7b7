package wallet

import (
	"bytes"
	"encoding/json"
	"fmt"

	"tillwire/agent"
)

// MessageLength is how many characters of a wallet's own words are kept: as many as
// an office page shows.
const MessageLength = 200

// Encode writes JSON as it will be signed and sent: one line, no HTML escapes.
func Encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// Clip keeps the first n characters of a text.
func Clip(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n])
	}
	return text
}

// Unverified is what an answer is worth that is not believed: the operation is in
// doubt, whatever the answer says.
func Unverified(err error) agent.Answer {
	return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonUnverified, Err: err}
}

// Complaints are everything that is wrong with the settings of a wallet, each with what
// to do, so that a person corrects them once and not line by line.
type Complaints []error

// If complains where something is bad.
func (c *Complaints) If(bad bool, format string, args ...any) {
	if bad {
		*c = append(*c, fmt.Errorf(format, args...))
	}
}

// Misconfigured dresses what must be corrected in the settings of a wallet for the
// page and the command line. what is what they configure: "wallet", or "gateway".
func Misconfigured(what, name string, err error) error {
	return &agent.Error{Op: "configure " + what + " " + name, Class: agent.Invalid, Code: agent.CodeWallet, Err: err,
		Say: agent.Sentence{ID: "error.wallet_configuration", Args: []string{name}, English: "Correct the configuration of the wallet " + name + " and start again."}}
}
