package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/agent/settings"
	"tillwire/cmd/cli"
	"tillwire/offline"
)

// commandLine is who the journal says changed a setting from here.
const commandLine = "command line"

func (a *app) settingsCommand() *cobra.Command {
	return cli.Group("settings", "Look at settings and change them", a.settingsGetCommand(), a.settingsSetCommand())
}

func (a *app) settingsGetCommand() *cobra.Command {
	return &cobra.Command{Use: "get [KEY]", Short: "Show all settings, or one with its help", Args: cli.Between(0, "[KEY]"),
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := a.configForData()
			if err != nil {
				return err
			}
			if err := knownSettings(cfg, args...); err != nil {
				return err
			}
			rows, err := currentSettings(c.Context(), cfg)
			if err != nil {
				return err
			}
			if len(args) == 1 {
				return a.printSetting(rows, args[0], zoneOf(cfg))
			}
			if a.json {
				return a.printJSON(map[string]any{"settings": rows})
			}
			w := table(a.stdout)
			fmt.Fprintln(w, "KEY\tVALUE\tDEFAULT\tRANGE\tTITLE")
			for _, r := range rows {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", r.Key, r.Value, r.Default, r.Range(), r.Title)
			}
			return w.Flush()
		}}
}

// currentSettings asks the running agent, or reads the store when none runs.
func currentSettings(ctx context.Context, c config) ([]settings.Current, error) {
	var rows []settings.Current
	err := askAgent(ctx, c.Terminal.Data, http.MethodGet, struct{}{}, &rows)
	if err == nil {
		return withRanges(c, rows), nil
	}
	if !errors.Is(err, errNotRunning) {
		return nil, err
	}
	r, err := offline.OpenReader(ctx, c.Terminal.Data)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	book := settings.New(readOnly{r}, settings.Table(startOf(c)))
	if err := book.Load(ctx); err != nil {
		return nil, err
	}
	return book.Entries(), nil
}

// withRanges puts the bounds of the table, which do not travel, beside the
// running agent's values.
func withRanges(c config, rows []settings.Current) []settings.Current {
	for _, e := range settings.Table(startOf(c)) {
		for i := range rows {
			if rows[i].Key == e.Key {
				rows[i].Min, rows[i].Max = e.Min, e.Max
			}
		}
	}
	return rows
}

// readOnly is the store of a book that only looks.
type readOnly struct{ *offline.Reader }

// SaveSettings implements agent.SettingsStore by refusing.
func (readOnly) SaveSettings(context.Context, []agent.Change) error {
	return errors.New("this store is open for reading only")
}

func (a *app) printSetting(rows []settings.Current, key string, zone *time.Location) error {
	for _, r := range rows {
		if r.Key != key {
			continue
		}
		if a.json {
			return a.printJSON(r)
		}
		a.printf("%s = %s\n%s: %s\nTakes %s; the default is %s.\n", r.Key, r.Value, r.Title, r.Help, r.Range(), r.Default)
		if r.By != "" {
			a.printf("Changed by %s on %s.\n", r.By, r.At.In(zone).Format(time.DateTime))
		}
		return nil
	}
	return fmt.Errorf("the running agent does not know the setting %q: it is of another version. Restart it", key)
}

// knownSettings is the error for a key that no setting has, the same whether it
// was to be read or to be changed.
func knownSettings(c config, keys ...string) error {
	known := settings.Keys(settings.Table(startOf(c)))
	for _, key := range keys {
		if !slices.Contains(known, key) {
			return fmt.Errorf("there is no setting %q. %s", key, meant(key, known))
		}
	}
	return nil
}

func (a *app) settingsSetCommand() *cobra.Command {
	return &cobra.Command{Use: "set KEY VALUE [KEY VALUE]…", Short: "Change settings, all of them or none",
		Long: `Changes settings as the owner's page does: everything concerned verifies, then the change is saved
with who and when, then it takes hold. Beside a running agent the change goes through the agent
itself, by a socket in the data folder, and holds at once where it can.`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 || len(args)%2 != 0 {
				return cli.Wrong("%s takes pairs of KEY and VALUE. `tillwire settings get` lists the keys", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := a.configForData()
			if err != nil {
				return err
			}
			req := controlRequest{By: commandLine}
			for i := 0; i < len(args); i += 2 {
				if err := knownSettings(cfg, args[i]); err != nil {
					return err
				}
				req.Changes = append(req.Changes, controlChange{args[i], args[i+1]})
			}
			effects, err := a.changeSettings(c.Context(), cfg, req)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(controlAnswer{Effects: effects})
			}
			for _, change := range req.Changes {
				when := "holds now"
				if effects[change.Key] == agent.EffectRestart {
					when = "holds after the next start of the agent"
				}
				a.printf("%s = %s (%s)\n", change.Key, strings.TrimSpace(change.Value), when)
			}
			return nil
		}}
}

// changeSettings goes through the running agent, or through the store itself
// when none runs; both end at Book.Apply.
func (a *app) changeSettings(ctx context.Context, c config, req controlRequest) (map[string]agent.Effect, error) {
	var answer controlAnswer
	err := askAgent(ctx, c.Terminal.Data, http.MethodPost, req, &answer)
	if !errors.Is(err, errNotRunning) {
		return answer.Effects, err
	}
	store, err := a.openOwnStore(ctx, c)
	if err != nil {
		return nil, err
	}
	book := settings.New(store, settings.Table(startOf(c)))
	if err := book.Load(ctx); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	book.Subscribe(codeSettings{}, codeKeys()...)
	book.Subscribe(settings.Loosening{Now: book.Values}, settings.OfflineKeys()...)
	effects, err := book.Apply(ctx, req.changes(a.clock.Now()))
	return effects, errors.Join(err, store.Close())
}
