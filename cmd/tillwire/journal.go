package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/cmd/cli"
	"tillwire/offline"
)

func (a *app) journalCommand() *cobra.Command {
	return cli.Group("journal", "Examine the record of what happened", a.journalVerifyCommand())
}

// verdict is what `journal verify` prints.
type verdict struct {
	OK       bool         `json:"ok"`
	Rows     int          `json:"rows"`
	Payments int          `json:"payments"`
	Findings []findingRow `json:"findings"`
}

// findingRow is one contradiction, with the row of the journal where there is one.
type findingRow struct {
	Row     int64           `json:"row,omitempty"`
	Payment agent.PaymentID `json:"payment,omitempty"`
	What    string          `json:"what"`
}

func (a *app) journalVerifyCommand() *cobra.Command {
	return &cobra.Command{Use: "verify", Short: "Check the whole chain of facts", Args: cli.Exactly(),
		Long: `Recomputes the hash chain over every recorded fact, checks that each payment is what its facts say,
and that nothing which must still be done is missing. A fact that was changed, removed or put in by
hand shows, with its row. Exit code 1 names the row. It may run beside the agent.`,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, r, err := a.journalReader(c.Context())
			if err != nil {
				return err
			}
			defer r.Close()
			a.progress()("Reading the whole journal…")
			report, err := r.Verify(c.Context(), func(name string) agent.Timers { return timersIn(cfg, name) })
			if err != nil {
				return err
			}
			return a.printReport(report)
		}}
}

func (a *app) printReport(report offline.Report) error {
	v := verdict{OK: len(report.Findings) == 0, Rows: report.Rows, Payments: report.Payments, Findings: []findingRow{}}
	for _, f := range report.Findings {
		v.Findings = append(v.Findings, findingRow{f.Seq, f.Payment, f.What})
	}
	if a.json {
		if err := a.printJSON(v); err != nil {
			return err
		}
	} else if v.OK {
		a.printf("The journal is whole: %s, %s.\n", plural(v.Rows, "row", "rows"), plural(v.Payments, "payment", "payments"))
	} else {
		for _, f := range report.Findings {
			a.printf("%s\n", f)
		}
		a.printf("The record is not what was written. Keep the data folder as it is, compare the wallets' bills with `tillwire payments export`, and call the office.\n")
	}
	if !v.OK {
		return cli.ErrFound
	}
	return nil
}

func (a *app) backupCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{Use: "backup FILE", Short: "Write a copy of the store, also beside a running agent", Args: cli.Exactly("FILE"),
		Long: `Writes one consistent, checked file with every payment, setting and person. The keys of the terminal
and of the wallets are not in it; keep them separately if PINs shall survive the loss of the machine.
A file that exists is not replaced unless --force says so.`,
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
			// The file there may be the only older copy of the shop's books.
			if _, err := os.Lstat(file); err == nil && !force {
				return fmt.Errorf("%s exists and is left as it is. Name another file, or add --force to replace it", file)
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
	c.Flags().BoolVar(&force, "force", false, "replace FILE if it exists")
	return c
}

func (a *app) restoreCommand() *cobra.Command {
	var force bool
	c := &cobra.Command{Use: "restore FILE", Short: "Put a backup in the place of the store", Args: cli.Exactly("FILE"),
		Long: `Puts a backup in the place of the store while the agent is stopped. The store that was there is kept
beside it. The restored store takes a new incarnation, so that nobody takes it for the one that
went on; what happened after the backup is for the wallets' bills to tell.`,
		RunE: func(c *cobra.Command, args []string) error {
			cfg, err := a.configForData()
			if err != nil {
				return err
			}
			if _, err := os.Stat(args[0]); errors.Is(err, fs.ErrNotExist) {
				return told{fmt.Sprintf("%s: there is no such file, so nothing was restored. Name a backup that `tillwire backup` wrote", args[0]), err}
			}
			kept, err := offline.Restore(c.Context(), args[0], offline.RestoreOptions{Dir: cfg.Terminal.Data, Witness: cfg.Terminal.Witness, Name: "tillwire restore",
				Clock: a.clock, By: commandLine, Force: force})
			if err != nil {
				return during("restore", err)
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

// during names what was being done, unless the error says it itself.
func during(what string, err error) error {
	var known *agent.Error
	if errors.As(err, &known) {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}
