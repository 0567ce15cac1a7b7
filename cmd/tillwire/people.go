package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/oklog/ulid/v2"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"tillwire/agent"
	"tillwire/agent/keyring"
	"tillwire/cmd/cli"
	"tillwire/offline"
)

func (a *app) peopleCommand() *cobra.Command {
	return cli.Group("people", "Look at who may sign in, and change it", a.peopleListCommand(), a.peopleSetCommand(), a.peopleDisableCommand())
}

// personRow is a person without anything secret.
type personRow struct {
	ID       string     `json:"id"`
	Name     string     `json:"name"`
	Role     agent.Role `json:"role"`
	Disabled bool       `json:"disabled"`
}

func (a *app) peopleListCommand() *cobra.Command {
	return &cobra.Command{Use: "list", Short: "List people", Args: cli.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := a.configForData()
			if err != nil {
				return err
			}
			people, err := a.listPeople(c.Context(), cfg)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]any{"people": people})
			}
			w := table(a.stdout)
			fmt.Fprintln(w, "NAME\tROLE\tMAY SIGN IN")
			for _, p := range people {
				may := "yes"
				if p.Disabled {
					may = "no"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name, p.Role, may)
			}
			return w.Flush()
		}}
}

// listPeople asks the running agent, or reads the store when none runs.
func (a *app) listPeople(ctx context.Context, c config) ([]personRow, error) {
	var rows []personRow
	err := askAgentPath(ctx, c.Terminal.Data, http.MethodGet, "/people", struct{}{}, &rows)
	if !errors.Is(err, errNotRunning) {
		return rows, err
	}
	store, err := a.openOwnStore(ctx, c)
	if err != nil {
		return nil, err
	}
	people, err := store.People(ctx)
	return personRows(people), errors.Join(err, store.Close())
}

func personRows(people []agent.Person) []personRow {
	rows := []personRow{}
	for _, p := range people {
		rows = append(rows, personRow{p.ID, p.Name, p.Role, p.Disabled})
	}
	return rows
}

func (a *app) peopleSetCommand() *cobra.Command {
	var role, name string
	c := &cobra.Command{Use: "set", Short: "Add a person, or give one a new role or secret", Args: cli.Exactly(),
		Long: `Adds the person of that name or changes it. The secret is the first line of standard input: six
digits for a cashier or manager, a password of at least twelve characters for the owner. It works
while the agent is stopped; beside a running agent use the owner's page.`,
		Example: `  echo 481625 | tillwire people set --role cashier --name Ana`,
		RunE: func(c *cobra.Command, _ []string) error {
			p := agent.Person{Name: strings.TrimSpace(name), Role: agent.Role(role)}
			if err := checkPerson(p); err != nil {
				return err
			}
			secret, err := a.readSecret()
			if err != nil {
				return err
			}
			if err := agent.CheckSecret(p.Role, secret); err != nil {
				return err
			}
			return a.changePeople(c.Context(), "set", p.Name, func(ctx context.Context, keys *keyring.Keyring, people []agent.Person) (agent.Person, error) {
				return a.personWith(ctx, keys, people, p, secret)
			})
		}}
	c.Flags().StringVar(&role, "role", "", "cashier, manager or owner")
	c.Flags().StringVar(&name, "name", "", "the person's name, once in the shop")
	return c
}

func (a *app) peopleDisableCommand() *cobra.Command {
	var name string
	c := &cobra.Command{Use: "disable", Short: "Take the right to sign in from a person", Args: cli.Exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.changePeople(c.Context(), "disabled", name, func(_ context.Context, _ *keyring.Keyring, people []agent.Person) (agent.Person, error) {
				for _, p := range people {
					if p.Name == name {
						p.Disabled = true
						return p, nil
					}
				}
				return agent.Person{}, fmt.Errorf("nobody is called %q. `tillwire people list` shows who there is", name)
			})
		}}
	c.Flags().StringVar(&name, "name", "", "the person's name")
	return c
}

func checkPerson(p agent.Person) error {
	if !p.Role.Known() {
		return cli.Wrong("--role %q: %s", p.Role, meant(string(p.Role), []string{"cashier", "manager", "owner"}))
	}
	if err := agent.CheckName(p.Name); err != nil {
		return cli.Wrong("--name: %w", err)
	}
	return nil
}

// readSecret takes the first line of standard input; a terminal does not show it.
func (a *app) readSecret() (string, error) {
	if f, ok := a.stdin.(*os.File); ok {
		if old, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS); err == nil {
			quiet := *old
			quiet.Lflag &^= unix.ECHO
			if err := unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, &quiet); err != nil {
				return "", fmt.Errorf("hide the secret: %w", err)
			}
			defer func() { _ = unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, old) }() // the terminal is gone when this fails
			fmt.Fprint(a.stderr, "Secret: ")
			defer fmt.Fprintln(a.stderr)
		}
	}
	line, err := bufio.NewReader(a.stdin).ReadString('\n')
	line = strings.TrimRight(line, "\r\n")
	if line == "" {
		return "", errors.Join(errors.New("the secret has to be the first line of standard input"), ignoreEnd(err))
	}
	return line, nil
}

// personWith is the person of that name as it will be saved.
func (a *app) personWith(ctx context.Context, keys *keyring.Keyring, people []agent.Person, p agent.Person, secret string) (agent.Person, error) {
	p.ID, p.Created = ulid.Make().String(), a.clock.Now()
	for _, other := range people {
		if other.Name == p.Name {
			p.ID, p.Created = other.ID, other.Created
			continue
		}
		if p.Role == agent.RoleOwner || other.Role == agent.RoleOwner {
			continue
		}
		same, err := keys.Hasher().Verify(ctx, other.Secret, secret)
		if err != nil {
			return p, err
		}
		if same {
			return p, errors.New("somebody else has this PIN. Take another one: a PIN alone must say who approved")
		}
	}
	var err error
	p.Secret, err = keys.Hasher().Hash(ctx, secret)
	return p, err
}

// changePeople saves one person while no agent runs, with an entry in the audit.
func (a *app) changePeople(ctx context.Context, action, name string, build func(context.Context, *keyring.Keyring, []agent.Person) (agent.Person, error)) (err error) {
	if name == "" {
		return cli.Wrong("--name is missing")
	}
	c, err := a.configForData()
	if err != nil {
		return err
	}
	store, err := a.openOwnStore(ctx, c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	keys, err := keyring.Open(filepath.Join(c.Terminal.Data, keysFolder))
	if err != nil {
		return err
	}
	people, err := store.People(ctx)
	if err != nil {
		return err
	}
	p, err := build(ctx, keys, people)
	if err != nil {
		return err
	}
	if err := store.SavePerson(ctx, p); err != nil {
		return err
	}
	if action == "set" {
		// Whoever may give a new password at the machine has lost the phone, too, or may have.
		if err := store.SaveSecond(ctx, p.ID, nil, 0); err != nil {
			return err
		}
	}
	if err := store.DeleteSessions(ctx, p.ID); err != nil {
		return err
	}
	err = store.AppendAudit(ctx, agent.Audit{At: a.clock.Now(), Actor: commandLine, Action: "person." + action, Object: "person:" + p.ID, Detail: p.Name + ", " + string(p.Role)})
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(personRow{p.ID, p.Name, p.Role, p.Disabled})
	}
	a.printf("%s is %s.\n", p.Name, map[bool]string{false: "set as " + string(p.Role), true: "disabled"}[p.Disabled])
	return nil
}

// openOwnStore opens the store for writing. It is refused beside a running agent:
// the folder is locked.
func (a *app) openOwnStore(ctx context.Context, c config) (*offline.Store, error) {
	store, err := offline.Open(ctx, offline.Options{Dir: c.Terminal.Data, Witness: c.Terminal.Witness, Name: "a tillwire command", Clock: a.clock, BackupEvery: -1,
		Timers: func(name string) agent.Timers { return timersIn(c, name) }})
	if agent.ClassOf(err) == agent.Conflict {
		return nil, fmt.Errorf("%w This change needs the agent stopped (`systemctl stop tillwire`); the owner's page can make it while it runs", err)
	}
	return store, err
}

func ignoreEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}
