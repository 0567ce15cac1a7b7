package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/agent/wallet/emvqr"
	"tillwire/agent/wallet/emvqr/national"
	"tillwire/cmd/cli"
)

// explanation is what `tillwire code` knows about a text.
type explanation struct {
	Scheme   string         `json:"scheme"` // wallet or national profile, lower case; "unknown"
	Mode     string         `json:"mode"`   // consumer, merchant, goods or unknown
	Valid    bool           `json:"valid"`  // structure and checksum; a profile's complaints are warnings
	Reason   string         `json:"reason"` // why not valid, or what a cashier should know
	Warnings []string       `json:"warnings"`
	Fields   map[string]any `json:"fields"`

	title string
}

func (a *app) codeCommand() *cobra.Command {
	c := &cobra.Command{Use: "code TEXT", Short: "Explain a scanned text or the payload of a QR code",
		Long: `Explains any text a scanner reads: what it is, whether its structure and checksum hold, what is
in it. Nothing is sent anywhere, nothing is stored, and no configuration is needed. With "-" the
text is read from standard input. Of a card's number a part is shown; --json gives the whole.`,
		Example: `  tillwire code 00020101021229370016A0000006770101110113006680111111153037645802TH540520.15630442BE`,
		Args:    cli.Exactly("TEXT"),
		RunE: func(_ *cobra.Command, args []string) error {
			text := args[0]
			if text == "-" {
				raw, err := io.ReadAll(io.LimitReader(a.stdin, 1<<16))
				if err != nil {
					return fmt.Errorf("read standard input: %w", err)
				}
				text = strings.TrimRight(string(raw), "\r\n")
			}
			if strings.TrimSpace(text) == "" {
				return cli.Wrong("the text to explain is empty. `tillwire code --help` explains")
			}
			e := explain(text)
			if a.json {
				if err := a.printJSON(e); err != nil {
					return err
				}
			} else {
				a.printExplanation(e)
			}
			if !e.Valid {
				return cli.ErrFound
			}
			return nil
		}}
	c.AddCommand(a.codeWriteCommand(), a.codeSchemesCommand())
	return c
}

// explain reads a text. EMV codes come first: their grammar leaves no doubt,
// while a row of digits can be several things.
func explain(text string) explanation {
	e := explainText(text)
	if e.Warnings == nil {
		e.Warnings = []string{}
	}
	if e.Fields == nil {
		e.Fields = map[string]any{}
	}
	return e
}

func explainText(text string) explanation {
	trimmed := strings.TrimSpace(text)
	switch {
	case emvqr.IsMerchant(trimmed):
		return explainMerchant(trimmed)
	case emvqr.IsConsumer(trimmed):
		return explainConsumer(trimmed)
	case emvqr.IsUPI(trimmed):
		return explainUPI(trimmed)
	}
	return explainByWallets(text)
}

func explainMerchant(text string) explanation {
	payload, err := emvqr.ReadMerchant(text)
	profile, complaints := national.Identify(payload)
	return explanation{Scheme: profile.Name, title: profile.Title, Mode: string(agent.CodeMerchant), Valid: err == nil,
		Reason: reasonOf(err), Warnings: append(payload.Warnings, complaints...), Fields: payload.Fields()}
}

func explainConsumer(text string) explanation {
	code, err := emvqr.ReadConsumer(text)
	profile, complaints := national.IdentifyConsumer(code)
	return explanation{Scheme: profile.Name, title: profile.Title, Mode: string(agent.CodeConsumer), Valid: err == nil,
		Reason: reasonOf(err), Warnings: append(code.Warnings, complaints...), Fields: code.Fields()}
}

func explainUPI(text string) explanation {
	link, err := emvqr.ReadUPI(text)
	profile, complaints := national.IdentifyUPI(link)
	return explanation{Scheme: profile.Name, title: profile.Title, Mode: string(agent.CodeMerchant), Valid: err == nil,
		Reason: reasonOf(err), Warnings: append(link.Warnings, complaints...), Fields: link.Fields()}
}

// reasonOf says in a sentence why a code is not valid, with what to do.
func reasonOf(err error) string {
	var checksum *emvqr.ChecksumError
	switch {
	case err == nil:
		return ""
	case errors.As(err, &checksum):
		return "The structure is right but the checksum does not match: " + checksum.Say() + ". A character was changed: scan the code again."
	case errors.Is(err, emvqr.ErrStructure):
		detail := strings.TrimPrefix(err.Error(), emvqr.ErrStructure.Error())
		return "The structure is broken" + detail + ". Mostly a part of the code was lost: scan it again."
	}
	return "It begins like a payment code, but cannot be read as one."
}

func (a *app) printExplanation(e explanation) {
	name := e.Scheme
	if e.title != "" && e.title != e.Scheme {
		name = fmt.Sprintf("%s (%s)", e.title, e.Scheme)
	}
	a.printf("Scheme  %s\n", name)
	a.printf("Mode    %s\n", map[string]string{
		"consumer": "consumer: a customer's code, the shop scans it",
		"merchant": "merchant: a shop's code, the customer scans it",
		"goods":    "goods: a barcode of merchandise, no payment",
		"unknown":  "unknown",
	}[e.Mode])
	valid := "no"
	if e.Valid {
		valid = "yes"
	}
	a.printf("Valid   %s\n", valid)
	switch {
	case e.Reason != "" && e.Valid:
		a.printf("Note    %s\n", visible(e.Reason))
	case e.Reason != "":
		a.printf("Reason  %s\n", visible(e.Reason))
	}
	for _, w := range e.Warnings {
		a.printf("Warning %s\n", visible(w))
	}
	if len(e.Fields) > 0 {
		called := merchantNames
		switch {
		case e.Mode == string(agent.CodeConsumer):
			called = consumerNames
		case e.Scheme == "upi":
			called = linkNames
		}
		a.printf("Fields\n")
		a.printFields(e.Fields, called)
	}
}

// printFields prints objects in the order of their ids, templates below them. The path
// leads to the template they stand in.
func (a *app) printFields(fields map[string]any, called names, path ...string) {
	for _, id := range slices.Sorted(maps.Keys(fields)) {
		a.printField(fields[id], called, append(slices.Clone(path), id))
	}
}

func (a *app) printField(value any, called names, path []string) {
	indent, id := strings.Repeat("  ", len(path)), path[len(path)-1]
	label := strings.TrimRight(id+"  "+called.of(path...), " ")
	switch v := value.(type) {
	case map[string]any:
		a.printf("%s%s\n", indent, label)
		a.printFields(v, called, path...)
	case []any:
		for _, one := range v {
			a.printField(one, called, path)
		}
	default:
		a.printf("%s%-*s %s\n", indent, 36-len(indent), visible(label), visible(shown(id, fmt.Sprint(v))))
	}
}

// visible keeps what a stranger put into a code from moving the cursor, or writing
// lines of its own, on the screen of whoever has the code explained.
func visible(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return strconv.Quote(text)
	}
	return text
}
