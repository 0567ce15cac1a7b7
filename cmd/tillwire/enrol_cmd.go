package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/enrol"
	"tillwire/cmd/cli"
)

func (a *app) enrolCommand() *cobra.Command {
	var office, ca string
	c := &cobra.Command{Use: "enrol", Short: "Join a fleet: show a code, and wait for the office", Args: cli.Exactly(),
		Long: `Makes a key for this terminal, asks the fleet's office for a certificate over it, and shows a code and
four words. Whoever operates the fleet types the code into "tillfleet enrol" and must see the same four
words: then it is this machine and no other that joins.

Everything the office gives lies in the data folder afterwards, and a running agent takes it up by
itself. Nothing here is needed for selling. Run it as the user of the agent.`,
		Example: `  sudo -u tillwire tillwire enrol --office https://fleet.example:8444 --ca fleet-authority.pem`,
		RunE: func(c *cobra.Command, _ []string) error {
			if office == "" || ca == "" {
				return cli.Wrong("--office and --ca are missing: the address and the authority's certificate, as the fleet's office gave them")
			}
			cfg, err := a.configForData()
			if err != nil {
				return err
			}
			ctx, _, end := stopSignals(c.Context())
			defer end()
			return a.enrol(ctx, cfg, office, ca)
		}}
	c.Flags().StringVar(&office, "office", "", `address of the fleet's office, "https://host:port"`)
	c.Flags().StringVar(&ca, "ca", "", "file with the certificate of the fleet's authority")
	return c
}

// enrolAnswer is what `enrol --json` prints at its end.
type enrolAnswer struct {
	TID     fleet.TID `json:"tid"`
	Broker  string    `json:"broker"`
	Running bool      `json:"running"` // an agent has taken it up
}

func (a *app) enrol(ctx context.Context, c config, office, ca string) error {
	if c.Fleet.on() && c.Fleet.Office == "" {
		return fmt.Errorf("the configuration %s has a [fleet] table of its own. Remove it before this terminal joins a fleet by itself", a.config)
	}
	trust, err := officeTLS(ca, "", "")
	if err != nil {
		return err
	}
	desk, err := enrol.Reach(office, trust, a.clock)
	if err != nil {
		return fmt.Errorf("--office: %w", err)
	}
	key, err := enrol.NewKey()
	if err != nil {
		return err
	}
	grant, err := a.askOffice(ctx, desk, key)
	if err != nil {
		return err
	}
	if err := keepGrant(c.Terminal.Data, office, key, grant); err != nil {
		return err
	}
	answer := enrolAnswer{TID: grant.TID, Broker: grant.Broker, Running: true}
	var ignored controlAnswer
	err = askAgentPath(ctx, c.Terminal.Data, "POST", "/restart", nil, &ignored)
	if errors.Is(err, errNotRunning) {
		answer.Running, err = false, nil
	}
	if err != nil {
		return fmt.Errorf("this terminal is %s now, but the running agent did not take it up; restart it: %w", grant.TID, err)
	}
	if a.json {
		return a.printJSON(answer)
	}
	a.printf("This terminal is %s. %s\n", grant.TID, map[bool]string{true: "The running agent has taken it up.", false: "The agent connects when it starts."}[answer.Running])
	return nil
}

// askOffice shows a code and its words until the office has said yes; each code that
// runs out is followed by another.
func (a *app) askOffice(ctx context.Context, desk *enrol.Desk, key enrol.Key) (*fleet.Grant, error) {
	words, err := key.Words()
	if err != nil {
		return nil, err
	}
	for {
		code := fleet.NewClaimCode()
		taken, err := desk.Ask(ctx, key, hardwareID(), version, code)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(a.stderr, "\nClaim code  %s   (valid ten minutes)\nFour words  %s\n\nThe office types the code and must see the same words.\n", fleet.ShowClaimCode(code), words)
		grant, err := desk.Wait(ctx, taken)
		if !errors.Is(err, enrol.ErrOver) {
			return grant, err
		}
		fmt.Fprintf(a.stderr, "%v\n", err)
	}
}

// hardwareID names the machine: the same after a new installation, as far as the
// machine tells who it is.
func hardwareID() string {
	parts := machineParts("/")
	sum := sha256.Sum256([]byte("tillwire hardware 1\x00" + strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:16])
}
