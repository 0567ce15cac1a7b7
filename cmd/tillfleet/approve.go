package main

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/keyfile"
	"tillwire/agent/fleet/service"
	"tillwire/cmd/cli"
)

// keyFlags name an approver's key.
type keyFlags struct{ file, passphrase string }

func (f *keyFlags) flags(c *cobra.Command) {
	c.Flags().StringVar(&f.file, "key", "", "your approver's key")
	c.Flags().StringVar(&f.passphrase, "passphrase-file", "", "file with the passphrase; without it, it is asked for")
}

// open answers nil when no key is named.
func (f *keyFlags) open(a *app) (ed25519.PrivateKey, error) {
	if f.file == "" {
		return nil, nil
	}
	key, info, err := a.passphrases(f.passphrase).open(f.file)
	if err == nil && info.Role != keyfile.Approver && info.Role != plainKey {
		err = fmt.Errorf("%s is a key for %s; a command is approved with an approver's", f.file, info.Role)
	}
	return key, err
}

func (a *app) approveCommand() *cobra.Command {
	var f keyFlags
	c := &cobra.Command{Use: "approve NUMBER", Short: "Sign a dangerous command that somebody has proposed", Args: cli.Exactly("NUMBER"),
		Long: `Shows what would be done and to which shop, and signs it with your key. The second signature
sends it. Both keys must be approvers' in the list that terminals have.`,
		RunE: func(c *cobra.Command, args []string) error {
			key, err := f.open(a)
			if err != nil {
				return err
			}
			if key == nil {
				return cli.Wrong("%w", errNoKey)
			}
			var proposed service.Command
			if err := a.ask(c.Context(), "GET", "/v1/commands/"+args[0], nil, &proposed); err != nil {
				return err
			}
			signed, err := a.sign(c.Context(), proposed, key)
			if err != nil {
				return err
			}
			list, err := a.await(c.Context(), []service.Outcome{{TID: signed.Order.Aud, Command: &signed}}, time.Minute)
			if err != nil {
				return err
			}
			return a.tellOutcomes(list)
		}}
	f.flags(c)
	return c
}

// sign adds a person's signature to what is proposed. What is signed is read here
// again, so that nobody signs something else than what is shown.
func (a *app) sign(ctx context.Context, c service.Command, key ed25519.PrivateKey) (service.Command, error) {
	if c.Status != service.Proposed {
		return c, fmt.Errorf("the command is %s and needs no signature", c.Status)
	}
	var order fleet.Command
	if err := fleet.ReadBody(c.Body, &order); err != nil {
		return c, fmt.Errorf("what is to be signed cannot be read, so it is not signed: %w", err)
	}
	if !a.json {
		a.printf("Signing: %s on %s, args %s, asked for by %s, ticket %s, until %s\n", order.Name, order.Aud, printable(dash(string(order.Args))), printable(order.Actor), printable(dash(order.Ticket)),
			order.Exp.Local().Format(time.TimeOnly))
	}
	sig, err := fleet.Sign(fleet.TypeCommand, c.Body, key)
	if err != nil {
		return c, err
	}
	public, _ := key.Public().(ed25519.PublicKey)
	err = a.ask(ctx, "POST", "/v1/commands/"+c.Order.Jti+"/signatures", service.Approval{Public: base64.StdEncoding.EncodeToString(public), Signature: sig}, &c)
	return c, err
}
