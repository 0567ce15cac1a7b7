package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/enrol"
	"tillwire/agent/fleet/service/desk"
	"tillwire/cmd/cli"
)

func (a *app) enrolCommand() *cobra.Command {
	var tid string
	var labels []string
	var replace, yes bool
	c := &cobra.Command{Use: "enrol CODE", Short: "Let a terminal join that shows this claim code", Args: cli.Exactly("CODE"),
		Long: `Finds the terminal that shows the code and the four words of its key. They must be the ones on the
terminal's screen: ask whoever stands in front of it to read them out. Somebody who overheard the code
can ask in the terminal's place, but not with its words.

The terminal gets its name, a certificate for ninety days, the broker's address and the roots; it
renews the certificate by itself.`,
		Example: `  tillfleet enrol 7KQM-2WXA --tid lisbon-0042 --label city=Lisbon
  tillfleet enrol list`,
		RunE: func(c *cobra.Command, args []string) error {
			say := desk.Decision{TID: fleet.TID(tid), Replace: replace, Labels: map[string]string{}}
			for _, label := range labels {
				key, value, ok := strings.Cut(label, "=")
				if !ok || key == "" {
					return cli.Wrong("--label takes name=value, not %q", label)
				}
				say.Labels[key] = value
			}
			return a.admit(c.Context(), args[0], say, yes)
		}}
	c.Flags().StringVar(&tid, "tid", "", "the terminal's name, 8 to 40 of a-z, 0-9 and -; without it one is drawn")
	c.Flags().StringArrayVar(&labels, "label", nil, "name=value; may stand several times")
	c.Flags().BoolVar(&replace, "replace", false, "it takes the place of the machine that has this name now, whose certificates are withdrawn")
	c.Flags().BoolVar(&yes, "yes", false, "the words were compared already")
	c.AddCommand(a.enrolListCommand(), a.enrolRefuseCommand(), a.enrolRevokeCommand(), a.enrolInitCommand(), a.enrolServerCommand(), a.enrolServiceCommand(), a.enrolNATSCommand())
	return c
}

func (a *app) find(ctx context.Context, code string) (view desk.ClaimView, err error) {
	return view, a.ask(ctx, http.MethodPost, "/claims/find", map[string]string{"code": code}, &view)
}

func (a *app) admit(ctx context.Context, code string, say desk.Decision, yes bool) error {
	view, err := a.find(ctx, code)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stderr, "A terminal at %s, Tillwire %s, asks since %s.\nFour words  %s\n", view.From, view.Ver, view.Made.Format(time.TimeOnly), view.Words)
	if !yes {
		fmt.Fprint(a.stderr, "Does the terminal show these words? Type yes to let it join, no to refuse it: ")
		line, err := bufio.NewReader(a.stdin).ReadString('\n')
		switch strings.TrimSpace(line) {
		case "yes":
		case "no":
			if err := a.ask(ctx, http.MethodPost, "/claims/"+view.Claim+"/refuse", nil, nil); err != nil {
				return err
			}
			return errors.New("refused; nothing of it is left")
		default:
			return errors.Join(errors.New("nobody said yes or no; the terminal goes on waiting"), err)
		}
	}
	var answer struct {
		TID fleet.TID `json:"tid"`
	}
	if err := a.ask(ctx, http.MethodPost, "/claims/"+view.Claim+"/approve", say, &answer); err != nil {
		return err
	}
	shutOut := ""
	if say.Replace {
		cfg, err := readConfig(a.config)
		if err != nil {
			return fmt.Errorf("%s is in the fleet, but what is to be done so that the machine before is shut out cannot be said: %w", answer.TID, err)
		}
		shutOut = "The certificates of the machine before are withdrawn. " + cfg.shutOutText(answer.TID, true)
	}
	if a.json {
		fmt.Fprint(a.stderr, shutOut)
		return a.printJSON(answer)
	}
	a.printf("%s is in the fleet; it connects within seconds. `tillfleet show %s` follows it.\n%s", answer.TID, answer.TID, shutOut)
	return nil
}

func (a *app) enrolListCommand() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "Terminals that ask to join", Args: cli.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			var list []desk.ClaimView
			if err := a.ask(c.Context(), http.MethodGet, "/claims", nil, &list); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(list)
			}
			if len(list) == 0 {
				a.printf("No terminal asks to join.\n")
			}
			for _, v := range list {
				a.printf("%s  from %-15s  Tillwire %-10s  %s\n", v.Made.Format(time.TimeOnly), v.From, v.Ver, v.Words)
			}
			return nil
		}}
}

func (a *app) enrolRefuseCommand() *cobra.Command {
	return &cobra.Command{Use: "refuse CODE", Short: "Refuse a terminal; nothing of its claim is left", Args: cli.Exactly("CODE"),
		RunE: func(c *cobra.Command, args []string) error {
			view, err := a.find(c.Context(), args[0])
			if err != nil {
				return err
			}
			if err := a.ask(c.Context(), http.MethodPost, "/claims/"+view.Claim+"/refuse", nil, nil); err != nil {
				return err
			}
			a.printf("refused\n")
			return nil
		}}
}

func (a *app) enrolRevokeCommand() *cobra.Command {
	return &cobra.Command{Use: "revoke TERMINAL", Short: "Shut a terminal out: withdraw its certificates", Args: cli.Exactly("TERMINAL"),
		Long: `Withdraws every certificate of the terminal and takes it out of the fleet. The service writes the list of
revoked certificates at once (revoked.crl in its data folder); the broker must be given that list and end the
terminal's session, and what is to be done for it is said then. A NATS cluster does both once its list of
users is written anew (tillfleet enrol nats) and reloaded. To take the keys out of a stolen terminal as well,
send terminal.wipe before.`,
		RunE: func(c *cobra.Command, args []string) error {
			tid, err := fleet.ParseTID(args[0])
			if err != nil {
				return cli.Wrong("%w", err)
			}
			cfg, err := readConfig(a.config)
			if err != nil {
				return err
			}
			if err := a.ask(c.Context(), http.MethodPost, "/certificates/"+string(tid)+"/revoke", nil, nil); err != nil {
				return err
			}
			a.printf("%s is taken out of the fleet and its certificates are withdrawn.\n%s", tid, cfg.shutOutText(tid, false))
			return nil
		}}
}

func (a *app) enrolInitCommand() *cobra.Command {
	return &cobra.Command{Use: "init", Short: "Make the fleet's authority, once", Args: cli.Exactly(),
		Long: `Makes the authority's key and certificate in the service's data folder. The certificate,
authority.pem, goes to the broker and to every terminal that is to join.`,
		RunE: func(*cobra.Command, []string) error {
			cfg, err := readConfig(a.config)
			if err != nil {
				return err
			}
			dir := cfg.authorityFolder()
			if err := desk.MakeAuthority(dir, "Authority of "+cfg.Name, a.clock.Now()); errors.Is(err, os.ErrExist) {
				return fmt.Errorf("%s holds an authority already; a new one would shut every terminal out", dir)
			} else if err != nil {
				return err
			}
			a.printf("%s\n", filepath.Join(dir, desk.RootFile))
			return nil
		}}
}

func (a *app) enrolServerCommand() *cobra.Command {
	var out string
	var cluster bool
	c := &cobra.Command{Use: "server NAME...", Short: "Make a key and a certificate for a broker", Args: cobra.MinimumNArgs(1),
		Long: `Makes broker.pem and broker.key in --out, valid for two years under the names or addresses given, the
first of them as its own name. It needs the authority's folder and not the service.`,
		Example: `  tillfleet enrol server fleet.example 10.0.0.5 --out /etc/mosquitto/tls`,
		RunE: func(_ *cobra.Command, names []string) error {
			cfg, err := readConfig(a.config)
			if err != nil {
				return err
			}
			ca, err := desk.OpenAuthority(cfg.authorityFolder(), fleet.NewMemory(), a.clock.Now)
			if err != nil {
				return fmt.Errorf("%w; `tillfleet enrol init` makes an authority", err)
			}
			issue := ca.IssueServer
			if cluster {
				issue = ca.IssuePeer
			}
			certificate, key, err := issue(names)
			if err != nil {
				return err
			}
			if err := writeNew(filepath.Join(out, "broker.key"), 0o600, key); err != nil {
				return err
			}
			return writeNew(filepath.Join(out, "broker.pem"), 0o644, certificate)
		}}
	c.Flags().StringVar(&out, "out", ".", "the folder for both files")
	c.Flags().BoolVar(&cluster, "cluster", false, "one of several servers that are a broker together, such as NATS")
	return c
}

func (a *app) enrolServiceCommand() *cobra.Command {
	var out string
	c := &cobra.Command{Use: "service", Short: "Make a key and a certificate for the service itself", Args: cli.Exactly(),
		Long: `Makes service.pem and service.key in --out, for the name that broker.user says, valid for ninety days.
Name both in the table [broker] of the service's configuration.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := readConfig(a.config)
			if err != nil {
				return err
			}
			name, err := fleet.ParseTID(cfg.Broker.User)
			if err != nil {
				return fmt.Errorf("broker.user: %w", err)
			}
			ca, err := desk.OpenAuthority(cfg.authorityFolder(), fleet.NewMemory(), a.clock.Now)
			if err != nil {
				return fmt.Errorf("%w; `tillfleet enrol init` makes an authority", err)
			}
			key, err := enrol.NewKey()
			if err != nil {
				return err
			}
			request, err := key.Request()
			if err != nil {
				return err
			}
			certificate, err := ca.Issue(c.Context(), name, request)
			if err != nil {
				return err
			}
			secret, err := key.PEM()
			if err != nil {
				return err
			}
			if err := writeNew(filepath.Join(out, "service.key"), 0o600, secret); err != nil {
				return err
			}
			return writeNew(filepath.Join(out, "service.pem"), 0o644, certificate.PEM)
		}}
	c.Flags().StringVar(&out, "out", ".", "the folder for both files")
	return c
}
