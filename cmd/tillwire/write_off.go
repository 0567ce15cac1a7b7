package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/cmd/cli"
)

// forwardNow begins with everything that waits for its next try or was given up; revived
// is how many steps the latter were.
func (d *agentd) forwardNow(ctx context.Context) (revived int, err error) {
	revived, err = d.store.ForwardNow(ctx)
	d.replayer.Kick()
	return revived, err
}

// writeOffRequest asks the running agent to give a sale up.
type writeOffRequest struct {
	Payment agent.PaymentID `json:"payment"`
	Why     string          `json:"why"`
}

func (a *app) paymentsWriteOffCommand() *cobra.Command {
	var why string
	c := &cobra.Command{Use: "write-off ID", Short: "Give up a sale that was accepted without a connection and cannot be collected", Args: cli.Exactly("ID"),
		Long: `Makes the shop's loss of a sale whose collection was tried and does not end: its wallet is not
configured any more, the sealed code cannot be opened, or the office has settled it another way. Until
then the sale counts towards the caps, and after a day nothing more is accepted without a connection.
The reason and the command line as whoever did it stand in the payment's story and in the audit trail.
A sale that was never tried is not written off: let the agent forward it, or take it back.`,
		Example: `  tillwire payments write-off TW000101JZ3N8Q4T6V8W0X2Y4Z6A8B0C --why "the card scheme has ended"`,
		RunE: func(c *cobra.Command, args []string) error {
			if strings.TrimSpace(why) == "" {
				return cli.Wrong("--why takes the reason in a few words")
			}
			cfg, r, err := a.journalReader(c.Context())
			if err != nil {
				return err
			}
			defer r.Close()
			p, err := findPayment(c.Context(), r, args[0])
			if err != nil {
				return err
			}
			if args[0] != string(p.ID) && args[0] != p.OrderNo {
				return cli.Wrong("write-off takes the whole order number or id: %s is the one that %s belongs to", p.OrderNo, args[0])
			}
			var answer controlAnswer
			err = askAgentPath(c.Context(), cfg.Terminal.Data, http.MethodPost, "/write-off", writeOffRequest{p.ID, why}, &answer)
			if errors.Is(err, errNotRunning) {
				return errors.New("no agent runs on this data folder, and only the agent knows that the sale is not being collected at this moment. Start it")
			}
			if err != nil {
				return err
			}
			a.tell(map[string]any{"written_off": p.OrderNo}, "%s is written off: %s is the shop's loss.\n", p.OrderNo, p.Amount)
			return nil
		}}
	c.Flags().StringVar(&why, "why", "", "the reason, for the payment's story")
	return c
}

// controlWriteOff gives a sale up for the command line. Whoever reaches the socket is the
// agent's own user or root.
func (d *agentd) controlWriteOff(w http.ResponseWriter, r *http.Request) {
	var q writeOffRequest
	err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&q)
	if err == nil {
		err = d.writeOff(r.Context(), q)
	}
	answerControl(w, err)
}

func (d *agentd) writeOff(ctx context.Context, q writeOffRequest) error {
	p, err := d.store.Payment(ctx, q.Payment)
	if err != nil || p.Status.State == agent.OfflineRejected {
		return err
	}
	if p, err = d.engine.WriteOff(ctx, q.Payment, commandLine, q.Why); err != nil {
		return err
	}
	return d.store.AppendAudit(ctx, agent.Audit{At: d.clock.Now(), Actor: commandLine, Action: "offline_write_off", Object: string(p.ID), Detail: p.Amount.String() + ": " + q.Why})
}
