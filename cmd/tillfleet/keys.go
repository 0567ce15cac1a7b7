package main

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/keyfile"
	"tillwire/cmd/cli"
)

// privateKey keeps signatures short.
type privateKey = ed25519.PrivateKey

func (a *app) keysCommand() *cobra.Command {
	c := cli.Group("keys", "The keys that a fleet believes", a.keysNewCommand(), a.keysShowCommand(), a.keysRotateCommand(), a.keysSignCommand())
	c.Long = `A terminal believes what keys of a signed list have signed, and the list when a root has signed it.
Roots are made once, on a machine without a network, and lie in a safe; their public halves go into
each terminal's configuration (fleet.roots). The service holds one online key, which cannot sign a
dangerous command; those take two approvers, who are people with a key of their own each.

Key files are locked by a passphrase. None of these commands needs the service.`
	return c
}

// keyView is a key file as it is shown.
type keyView struct {
	File   string      `json:"file,omitempty"`
	Role   string      `json:"role"`
	ID     fleet.KeyID `json:"id"`
	Public string      `json:"public"`
	Note   string      `json:"note,omitempty"`
}

func viewOf(file string, i keyfile.Info) keyView {
	return keyView{file, string(i.Role), i.ID, base64.StdEncoding.EncodeToString(i.Public), i.Note}
}

func (a *app) showKey(v keyView) error {
	if a.json {
		return a.printJSON(v)
	}
	a.printf("%s key %s", v.Role, v.ID)
	if v.Note != "" {
		a.printf(" (%s)", v.Note)
	}
	a.printf("\npublic %s\n", v.Public)
	return nil
}

func (a *app) keysNewCommand() *cobra.Command {
	var file, note string
	c := &cobra.Command{Use: "new ROLE FILE", Short: "Make a key: root, online or approver", Args: cli.Exactly("ROLE", "FILE"),
		Example: `  tillfleet keys new root /media/safe/root.key
  tillfleet keys new approver anna.key --note "Anna, operations"`,
		RunE: func(_ *cobra.Command, args []string) error {
			role := keyfile.Role(args[0])
			if !slices.Contains(keyfile.Roles(), role) {
				return cli.Wrong("a key is for a root, online or approver, not %q", args[0])
			}
			key, info, err := keyfile.New(role, note)
			if err != nil {
				return err
			}
			passphrase, err := a.passphrases(file).choose(args[1])
			if err != nil {
				return err
			}
			if err := keyfile.Write(args[1], key, info, passphrase); err != nil {
				return err
			}
			return a.showKey(viewOf(args[1], info))
		}}
	c.Flags().StringVar(&file, "passphrase-file", "", "file with the passphrase; without it, it is asked for")
	c.Flags().StringVar(&note, "note", "", "whose key it is, for people")
	return c
}

// setView is a list of keys as it is shown.
type setView struct {
	Version uint64          `json:"version"`
	From    fleet.Stamp     `json:"from"`
	Until   fleet.Stamp     `json:"until"`
	Roots   []rootView      `json:"roots"`
	Keys    []setKeyView    `json:"keys"`
	Wrong   []string        `json:"wrong"`
	Raw     json.RawMessage `json:"-"`
}

type rootView struct {
	ID     fleet.KeyID `json:"id"`
	Public string      `json:"public"`
	Signed bool        `json:"signed"` // this list
}

type setKeyView struct {
	ID      fleet.KeyID `json:"id"`
	Use     fleet.Use   `json:"use"`
	From    fleet.Stamp `json:"from"`
	Until   fleet.Stamp `json:"until"`
	Revoked bool        `json:"revoked,omitempty"`
}

// soonOver is how long before its end a list is worth a word.
const soonOver = 30 * 24 * time.Hour

func viewOfSet(raw []byte, set *fleet.KeySet, now time.Time) (setView, error) {
	d, err := fleet.Look(raw)
	if err != nil {
		return setView{}, err
	}
	v := setView{Version: set.Version, From: set.Iat, Until: set.Exp, Wrong: []string{}}
	for _, root := range set.RootKeys() {
		v.Roots = append(v.Roots, rootView{fleet.IDOf(root), base64.StdEncoding.EncodeToString(root), slices.Contains(d.Signers, fleet.IDOf(root))})
	}
	approvers := 0
	for _, k := range set.Keys {
		v.Keys = append(v.Keys, setKeyView{k.ID, k.Use, k.From, k.Until, k.Revoked})
		if k.Use == fleet.Approver && !k.Revoked && k.Until.After(now) {
			approvers++
		}
	}
	switch {
	case !set.Exp.After(now):
		v.Wrong = append(v.Wrong, "The list has run out: terminals obey nothing until they have a newer one.")
	case set.Exp.Before(now.Add(soonOver)):
		v.Wrong = append(v.Wrong, "The list runs out within a month. `tillfleet keys rotate` makes the next one.")
	}
	if approvers < 2 {
		v.Wrong = append(v.Wrong, "There are fewer than two approvers, so no dangerous command can be given.")
	}
	return v, nil
}

func (a *app) keysShowCommand() *cobra.Command {
	return &cobra.Command{Use: "show FILE", Short: "Show a key file without its secret, or a list of keys", Args: cli.Exactly("FILE"),
		Long: `Shows what a file says. Exit code 1 means that something about a list of keys is wrong, such as an
end that is near.`,
		RunE: func(_ *cobra.Command, args []string) error {
			info, err := keyfile.Look(args[0])
			if err == nil {
				return a.showKey(viewOf(args[0], info))
			}
			raw, set, setErr := keyfile.ReadSet(args[0])
			if setErr != nil {
				if errors.Is(err, keyfile.ErrFile) {
					return errors.Join(err, setErr)
				}
				return err
			}
			v, err := viewOfSet(raw, set, a.clock.Now())
			if err != nil {
				return err
			}
			return a.showSet(v)
		}}
}

func (a *app) showSet(v setView) error {
	if a.json {
		if err := a.printJSON(v); err != nil {
			return err
		}
	} else {
		a.printf("list of keys, version %d, valid to %s\n", v.Version, v.Until.Format(time.DateOnly))
		for _, r := range v.Roots {
			a.printf("  root      %s  %s%s\n", r.ID, r.Public, map[bool]string{true: "  (signed this list)"}[r.Signed])
		}
		for _, k := range v.Keys {
			a.printf("  %-9s %s  %s to %s%s\n", k.Use, k.ID, k.From.Format(time.DateOnly), k.Until.Format(time.DateOnly), map[bool]string{true: "  WITHDRAWN"}[k.Revoked])
		}
		for _, w := range v.Wrong {
			a.printf("%s\n", w)
		}
	}
	if len(v.Wrong) > 0 {
		return cli.ErrFound
	}
	return nil
}

func (a *app) keysSignCommand() *cobra.Command {
	var file, keyPath string
	var yes bool
	c := &cobra.Command{Use: "sign [FILE]", Short: "Add an approver's signature to a proposed command", Args: cli.Between(0, "FILE"),
		Long: `Reads the envelope of a proposed command from FILE or standard input, shows the person what it
says, and writes it with the signature added to standard output. It signs commands only: a root signs
lists of keys with "keys rotate", and everything else the service signs itself.`,
		Example: `  tillfleet keys sign proposal.json --key anna.key > signed.json`,
		RunE: func(_ *cobra.Command, args []string) error {
			raw, err := a.readEnvelope(args)
			if err != nil {
				return err
			}
			draft, err := fleet.Look(raw)
			if err != nil {
				return fmt.Errorf("this is no proposed command: %w", err)
			}
			if draft.Type != fleet.TypeCommand {
				return fmt.Errorf("this is a document of the type %s; approvers sign commands", draft.Type)
			}
			var command fleet.Command
			if err := json.Unmarshal(draft.Body, &command); err != nil {
				return fmt.Errorf("the command cannot be read: %w", err)
			}
			if err := a.confirm(command, yes, len(args) == 0); err != nil {
				return err
			}
			key, info, err := a.passphrases(file).open(keyPath)
			if err != nil {
				return err
			}
			if info.Role != keyfile.Approver && info.Role != plainKey {
				return fmt.Errorf("%s is a %s key; a command is approved with an approver's", keyPath, info.Role)
			}
			signed, err := fleet.Countersign(raw, key)
			if err != nil {
				return err
			}
			a.printf("%s\n", signed)
			return nil
		}}
	c.Flags().StringVar(&keyPath, "key", "", "the approver's key file")
	c.Flags().StringVar(&file, "passphrase-file", "", "file with the passphrase; without it, it is asked for")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask whether this is what you mean to sign")
	_ = c.MarkFlagRequired("key") // fails for a flag that does not exist only
	return c
}

func (a *app) readEnvelope(args []string) ([]byte, error) {
	if len(args) == 1 {
		return os.ReadFile(args[0])
	}
	return io.ReadAll(io.LimitReader(a.stdin, fleet.MaxMessage+1))
}

// confirm shows a person what will be signed. When the document itself came on
// standard input there is nobody left to ask.
func (a *app) confirm(c fleet.Command, yes, piped bool) error {
	fmt.Fprintf(a.stderr, "%s on %s, class %s, arguments %s\nasked by %s (ticket %q), to be done before %s\n", c.Name, c.Aud, c.Class, orNone(c.Args), c.Actor, c.Ticket, c.Exp.Format(time.RFC3339))
	if yes {
		return nil
	}
	if piped {
		return cli.Wrong("with the command on standard input nobody can be asked; look at it and add --yes, or name a file")
	}
	fmt.Fprint(a.stderr, "Type the terminal's name to sign: ")
	var word string
	if _, err := fmt.Fscanln(a.stdin, &word); err != nil || word != string(c.Aud) {
		return errors.New("not signed")
	}
	return nil
}

func orNone(args json.RawMessage) string {
	if len(args) == 0 {
		return "none"
	}
	return strings.TrimSpace(string(args))
}
