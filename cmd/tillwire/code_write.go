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
	"tillwire/cmd/cli"
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
		Args:    cli.Exactly("FILE"),
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
	if len(bytes.TrimSpace(raw)) == 0 {
		return ask, cli.Wrong("what the code shall say is empty. `tillwire code write --help` explains")
	}
	reader := json.NewDecoder(bytes.NewReader(raw))
	reader.DisallowUnknownFields()
	err = reader.Decode(&ask)
	if err == nil && reader.More() {
		err = errors.New("something follows its end")
	}
	if err != nil {
		return ask, cli.Wrong("what the code shall say is not the JSON of `tillwire code write --help`: %s", misread(err))
	}
	if ask.Scheme == "" {
		return ask, cli.Wrong("the member scheme is missing. `tillwire code schemes` lists them")
	}
	if members := national.Members(ask.Scheme); len(members) > 0 && len(ask.Account) == 0 {
		return ask, cli.Wrong("the member account is missing: it says who is paid. Its members for %s are %s", ask.Scheme, strings.Join(members, ", "))
	}
	return ask, nil
}

// misread says in the words of JSON, not of this program, what is wrong with it.
func misread(err error) string {
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field == "amount.value":
		return "amount.value is a " + kind.Value + "; it is a whole number of minor units, 2015 for 20.15"
	case errors.As(err, &kind):
		return "a " + kind.Value + " does not belong into " + kind.Field
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}

// schemeRow is a scheme as `code schemes` lists it.
type schemeRow struct {
	Scheme  string   `json:"scheme"`
	Members []string `json:"members"` // of the account
	Shares  bool     `json:"shares"`  // other brands' accounts may stand in its codes
}

func (a *app) codeSchemesCommand() *cobra.Command {
	return &cobra.Command{Use: "schemes", Short: "List the schemes whose codes can be written", Args: cli.Exactly(),
		Long: `Lists the schemes whose codes can be written, with what "account" may say for each. SHARES: accounts
of other brands may stand in the same code; they are given by their path, "15" or "27.00". Labels are
the members of "labels".`,
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
			a.printf("\nSHARES: other brands' accounts may stand in the same code, given by path: \"15\", \"27.00\".\nLabels: %s.\n", strings.Join(national.Labels(), ", "))
			return nil
		}}
}
