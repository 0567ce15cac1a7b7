package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tillwire/agent/wallet/emvqr/national"
)

// askLimit bounds a file that says what a code shall say.
const askLimit = 1 << 16

func (a *app) codeWriteCommand() *cobra.Command {
	return &cobra.Command{Use: "write FILE", Short: "Write the payload of a QR code that a shop shows",
		Long: `Writes the payload of a national QR code or a UPI link. FILE, or standard input for "-", says in JSON
what the code shall say: scheme, account, once, amount in minor units with its currency, reference,
name, city, postal, category, local, tip, labels, created, expires. What the scheme would not read
is refused with the reason. ` + "`tillwire code schemes`" + ` lists schemes, members of an account and labels.`,
		Example: `  echo '{"scheme":"promptpay","account":{"mobile":"080-111-1111"},"once":true,"amount":{"value":2015,"currency":"THB"}}' | tillwire code write -`,
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			ask, err := a.readAsk(args[0])
			if err != nil {
				return err
			}
			payload, err := national.Write(ask)
			var refused *national.Refused
			if errors.As(err, &refused) {
				return fmt.Errorf("this code cannot be written: %s", strings.Join(refused.Why, "; "))
			}
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"scheme": ask.Scheme, "payload": payload})
			}
			a.printf("%s\n", payload)
			return nil
		}}
}

func (a *app) readAsk(name string) (ask national.Ask, err error) {
	var raw []byte
	if name == "-" {
		raw, err = io.ReadAll(io.LimitReader(a.stdin, askLimit))
	} else {
		raw, err = os.ReadFile(name)
	}
	if err != nil {
		return ask, fmt.Errorf("read what the code shall say: %w", err)
	}
	reader := json.NewDecoder(bytes.NewReader(raw))
	reader.DisallowUnknownFields()
	if err := reader.Decode(&ask); err != nil {
		return ask, usageError{fmt.Errorf("what the code shall say is not the JSON of `tillwire code write --help`: %w", err)}
	}
	return ask, nil
}

// schemeRow is a scheme as `code schemes` lists it.
type schemeRow struct {
	Scheme  string   `json:"scheme"`
	Members []string `json:"members"` // of the account
	Shares  bool     `json:"shares"`  // other brands' accounts may stand in its codes
}

func (a *app) codeSchemesCommand() *cobra.Command {
	return &cobra.Command{Use: "schemes", Short: "List the schemes whose codes can be written", Args: exactly(),
		RunE: func(*cobra.Command, []string) error {
			var rows []schemeRow
			for _, name := range national.Schemes() {
				rows = append(rows, schemeRow{name, append([]string{}, national.Members(name)...), national.Shares(name)})
			}
			if a.json {
				return a.printJSON(map[string]any{"schemes": rows, "labels": national.Labels()})
			}
			w := table(a.stdout)
			fmt.Fprintln(w, "SCHEME\tSHARES\tMEMBERS OF THE ACCOUNT")
			for _, r := range rows {
				shares := "no"
				if r.Shares {
					shares = "yes"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", r.Scheme, shares, strings.Join(r.Members, ", "))
			}
			if err := w.Flush(); err != nil {
				return err
			}
			a.printf("\nAccounts of other brands are given by path: \"15\", \"27.00\". Labels: %s.\n", strings.Join(national.Labels(), ", "))
			return nil
		}}
}
