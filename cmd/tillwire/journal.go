package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"tillwire/offline"
)

func (a *app) journalCommand() *cobra.Command {
	return group("journal", "Examine the record of what happened", a.journalVerifyCommand())
}

// verdict is what `journal verify` prints.
type verdict struct {
	OK   bool   `json:"ok"`
	Rows int64  `json:"rows"`
	Row  int64  `json:"row,omitempty"` // the first one that is wrong
	What string `json:"what,omitempty"`
}

func (a *app) journalVerifyCommand() *cobra.Command {
	return &cobra.Command{Use: "verify", Short: "Check the whole chain of facts", Args: exactly(),
		Long: `Recomputes the hash chain over every recorded fact and checks that each payment is what its facts
say. A fact that was changed, removed or put in by hand shows, with its row. Exit code 1 names the
row. It may run beside the agent.`,
		RunE: func(c *cobra.Command, _ []string) error {
			_, r, err := a.journalReader(c.Context())
			if err != nil {
				return err
			}
			defer r.Close()
			progress := a.progress()
			report, err := r.Verify(c.Context(), func(done, total int64) { progress("%d of %d rows", done, total) })
			progress("")
			return a.printVerdict(report, err)
		}}
}

func (a *app) printVerdict(rows int64, err error) error {
	v := verdict{OK: err == nil, Rows: rows}
	var broken *offline.ChainError
	if errors.As(err, &broken) {
		v.Row, v.What = broken.Row, broken.Error()
	} else if err != nil {
		return err
	}
	if a.json {
		if err := a.printJSON(v); err != nil {
			return err
		}
	} else if v.OK {
		a.printf("The journal is whole: %d rows.\n", v.Rows)
	} else {
		a.printf("The journal was changed at row %d: %s\nKeep the data folder as it is, compare the wallets' bills with `tillwire payments export`, and call the office.\n", v.Row, v.What)
	}
	if !v.OK {
		return errFound
	}
	return nil
}

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{Use: "backup FILE", Short: "Write a copy of the store, also beside a running agent", Args: exactly("FILE"),
		Long: `Writes one consistent, checked file with every payment, setting and person. The keys of the terminal
and of the wallets are not in it; keep them separately if PINs shall survive the loss of the machine.`,
		RunE: func(c *cobra.Command, args []string) error {
			_, r, err := a.journalReader(c.Context())
			if err != nil {
				return err
			}
			defer r.Close()
			file, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			if err := r.Backup(c.Context(), file); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"file": file})
			}
			a.printf("Written and checked: %s\n", file)
			return nil
		}}
}

func (a *app) restoreCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{Use: "restore FILE", Short: "Put a backup in the place of the store", Args: exactly("FILE"),
		Long: `Puts a backup in the place of the store while the agent is stopped. The store that was there is kept
beside it. The restored store takes a new incarnation, so that nobody takes it for the one that
went on; what happened after the backup is for the wallets' bills to tell.`,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := a.configForData()
			if err != nil {
				return err
			}
			kept, err := offline.Restore(c.Context(), args[0], offline.RestoreOptions{Dir: cfg.Terminal.Data, Name: "tillwire restore",
				Clock: a.clock, By: commandLine, Force: force})
			if err != nil {
				return fmt.Errorf("restore: %w", err)
			}
			// Opened once, the copy is brought to the present shape and proves that an
			// agent can sell on it.
			store, err := a.openOwnStore(c.Context(), cfg)
			if err == nil {
				err = store.Close()
			}
			if err != nil {
				return fmt.Errorf("the restored store does not open: %w", err)
			}
			if a.json {
				return a.printJSON(map[string]string{"restored": args[0], "kept": kept})
			}
			a.printf("Restored from %s.\n", args[0])
			if kept != "" {
				a.printf("The store that was there is kept as %s.\n", filepath.Join(cfg.Terminal.Data, kept))
			}
			return nil
		}}
	c.Flags().BoolVar(&force, "force", false, "although payments of the present store are not final")
	return c
}
