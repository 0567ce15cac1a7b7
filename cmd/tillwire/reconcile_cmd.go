package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/agent/reconcile"
	"tillwire/cmd/cli"
	"tillwire/offline"
)

// reconcileRequest asks the running agent to compare a day.
type reconcileRequest struct {
	Day     string   `json:"day"`
	Wallets []string `json:"wallets"`
}

// reconcileEvent is one line of its answer: how far it is, and at last the result or
// why there is none.
type reconcileEvent struct {
	Progress *reconcile.Progress   `json:"progress,omitempty"`
	Result   *agent.Reconciliation `json:"result,omitempty"`
	Error    string                `json:"error,omitempty"`
}

// controlReconcile compares a day for the command line, which hears how far it is.
// Fetching bills takes longer than anything else that is asked here, so the limits of
// the connection do not hold; whoever hangs up ends it.
func (d *agentd) controlReconcile(w http.ResponseWriter, r *http.Request) {
	var req reconcileRequest
	if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&req); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	line := http.NewResponseController(w)
	if err := errors.Join(line.SetReadDeadline(time.Time{}), line.SetWriteDeadline(time.Time{})); err != nil {
		d.log.Warn("a long comparison may be cut off", "comp", "control", "code", "control", "err", err)
	}
	out := json.NewEncoder(w)
	tell := func(e reconcileEvent) {
		// The other side is gone when this fails, and its context ends the work.
		_ = out.Encode(e)
		_ = line.Flush()
	}
	result, err := d.bills.Run(r.Context(), req.Day, req.Wallets, func(p reconcile.Progress) { tell(reconcileEvent{Progress: &p}) })
	if err != nil {
		tell(reconcileEvent{Error: said(err)})
		return
	}
	tell(reconcileEvent{Result: &result})
}

// said is the sentence of an error, or the error itself.
func said(err error) string {
	var known *agent.Error
	if errors.As(err, &known) && known.Say.English != "" {
		return known.Say.English
	}
	return err.Error()
}

func (a *app) reconcileCommand() *cobra.Command {
	var wallets []string
	var asCSV bool
	c := &cobra.Command{Use: "reconcile DATE", Short: "Compare the wallets' bills of a day with the journal", Args: cli.Exactly("DATE"),
		Long: `Fetches the bill of each wallet for DATE (YYYY-MM-DD, in the wallet's own time zone), compares
it with the journal line by line, and names each difference with what to do about it. Sums are shown
per wallet and currency. A payment around midnight is looked for on the days beside it, too.

Beside a running agent the agent itself compares: it asks the wallet again about payments that the
bill has and the journal does not, and gives back what was taken after its end. Without an agent the
command only looks.

Exit code 1: there are differences, or a bill could not be compared.`,
		Example: `  tillwire reconcile 2026-04-30
  tillwire reconcile 2026-04-30 --wallet wechat --csv`,
		RunE: func(c *cobra.Command, args []string) error {
			if asCSV && a.json {
				return cli.Wrong("choose one of --csv and --json")
			}
			if _, err := time.Parse(time.DateOnly, args[0]); err != nil {
				return cli.Wrong("%q is no day: write it as YYYY-MM-DD, 2026-04-30 for the last of April", args[0])
			}
			cfg, err := a.configForData()
			if err != nil {
				return err
			}
			if err := knownWallets(cfg, wallets); err != nil {
				return err
			}
			r, err := a.reconcile(c.Context(), cfg, reconcileRequest{args[0], wallets})
			if err != nil {
				return err
			}
			return a.printReconciliation(r, asCSV)
		}}
	c.Flags().StringArrayVar(&wallets, "wallet", nil, "only this wallet; may be repeated")
	c.Flags().BoolVar(&asCSV, "csv", false, "print the differences and sums as CSV")
	return c
}

func knownWallets(c config, names []string) error {
	var known []string
	for _, w := range c.Wallets {
		known = append(known, w.Name)
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return cli.Wrong("--wallet %s: there is no such wallet. %s", name, meant(name, known))
		}
	}
	return nil
}

// reconcile goes through the running agent, or looks by itself when none runs.
func (a *app) reconcile(ctx context.Context, c config, req reconcileRequest) (agent.Reconciliation, error) {
	progress := a.progress()
	defer progress("")
	told := func(p reconcile.Progress) {
		progress("%s (%d of %d): fetching the bill of %s", p.Wallet, p.Done+1, p.Of, p.Bill)
	}
	res, err := callAgent(ctx, c.Terminal.Data, http.MethodPost, "/reconcile", req)
	if errors.Is(err, errNotRunning) {
		return a.reconcileAlone(ctx, c, req, told)
	}
	if err != nil {
		return agent.Reconciliation{}, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return agent.Reconciliation{}, fmt.Errorf("the running agent answers %s: it is of another version. Restart it", res.Status)
	}
	for events := json.NewDecoder(res.Body); ; {
		var e reconcileEvent
		switch err := events.Decode(&e); {
		case err != nil:
			return agent.Reconciliation{}, fmt.Errorf("the running agent stopped in the middle; try again: %w", err)
		case e.Error != "":
			return agent.Reconciliation{}, errors.New(e.Error)
		case e.Result != nil:
			return *e.Result, nil
		case e.Progress != nil:
			told(*e.Progress)
		}
	}
}

func (a *app) reconcileAlone(ctx context.Context, c config, req reconcileRequest, told func(reconcile.Progress)) (agent.Reconciliation, error) {
	r, err := offline.OpenReader(ctx, c.Terminal.Data)
	if err != nil {
		return agent.Reconciliation{}, err
	}
	defer r.Close()
	members, faults := openWallets(c.Wallets, walletEnv{terminal: c.Terminal, clock: a.clock, log: slog.New(slog.DiscardHandler), timers: agent.DefaultTimers})
	for _, f := range faults {
		fmt.Fprintf(a.stderr, "%s%s %s\n", f.where(), f.What, f.Do)
	}
	open := func(name string) (agent.Wallet, bool) {
		for _, m := range members {
			if m.Wallet.Info().Name == name {
				return m.Wallet, true
			}
		}
		return nil, false
	}
	o := reconcile.Options{Terminal: c.Terminal.Code, Sources: billSources(c.Wallets, open), Journal: r, Clock: a.clock}
	return reconcile.Compare(ctx, o, req.Day, req.Wallets, told)
}
