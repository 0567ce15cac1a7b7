package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/spf13/cobra"

	"tillwire/agent"
	"tillwire/agent/words"
	"tillwire/cmd/cli"
	"tillwire/drivers/printer"
)

// The widths of plain text, in letters: paper of 58 and of 80 mm.
const (
	textNarrow = 32
	textWide   = 48
)

func (a *app) paymentsPrintCommand() *cobra.Command {
	var q printRequest
	var copyFor, language string
	var text bool
	var columns int
	c := &cobra.Command{Use: "print ID", Short: "Print a payment's slip again, or write it as text", Args: cli.Exactly("ID"),
		Long: `Has the running agent print the slip of a payment on its lane's printer, or with --refund that of
one of its refunds. A slip that may be in somebody's hand already comes out marked as a duplicate.
With --text the slip is written here instead; that needs no agent and no printer. ID is what
"payments show" takes.`,
		Example: `  tillwire payments print TW000101JZ3N8Q4T6V8W0X2Y4Z6A8B0C
  tillwire payments print 01JZ3N8Q4T6V8W0X2Y4Z6A8B0C --text --language zh-CN`,
		RunE: func(c *cobra.Command, args []string) error {
			q.Copy = agent.Copy(copyFor)
			if copyFor != "" && q.Copy != agent.CopyCustomer && q.Copy != agent.CopyShop {
				return cli.Wrong("--copy %s: %s", copyFor, meant(copyFor, []string{string(agent.CopyCustomer), string(agent.CopyShop)}))
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
			q.Payment = p.ID
			if !text {
				return a.askToPrint(c.Context(), cfg, q)
			}
			voice, err := slipVoice(cfg, language)
			if err != nil {
				return err
			}
			receipt, err := receiptOf(p, q.Refund, cfg.Terminal.Shop, p.Handed())
			if err != nil {
				return err
			}
			receipt.Copy, receipt.Refund.By = q.Copy, approver(c.Context(), r.PersonName, receipt.Refund.By)
			return a.writeSlip(receipt.Slip(voice), columns)
		}}
	c.Flags().StringVar(&q.Refund, "refund", "", "number of the refund that the slip is about")
	c.Flags().StringVar(&copyFor, "copy", "", "whose copy it says it is: customer or shop")
	c.Flags().StringVar(&q.Printer, "printer", "", `print on this one instead, such as "printer.counter"`)
	c.Flags().BoolVar(&text, "text", false, "write the slip here as text and print nothing")
	textFlags(c, &language, &columns)
	return c
}

func textFlags(c *cobra.Command, language *string, columns *int) {
	c.Flags().StringVar(language, "language", "", "language of the text; the terminal's when it is not given")
	c.Flags().IntVar(columns, "columns", textWide, fmt.Sprintf("letters in a line of text, %d or %d on usual paper", textNarrow, textWide))
}

// slipVoice speaks a language, the terminal's when it is "".
func slipVoice(c config, language string) (agent.Voice, error) {
	if language == "" {
		language = c.Terminal.Language
	}
	if !knownLanguage(language) {
		return agent.Voice{}, cli.Wrong("--language %s: %s", language, meant(language, words.Codes()))
	}
	w, err := words.New()
	if err != nil {
		return agent.Voice{}, err
	}
	c.entitle(w)
	return w.Voice(language, zoneOf(c)), nil
}

// writeSlip writes a slip as text, or with --json as its lines.
func (a *app) writeSlip(s agent.Slip, columns int) error {
	if columns < textNarrow/2 || columns > 200 {
		return cli.Wrong("--columns takes %d to 200", textNarrow/2)
	}
	if a.json {
		return a.printJSON(map[string]any{"lines": strings.Split(strings.TrimSuffix(printer.Text(s, columns), "\n"), "\n")})
	}
	a.printf("%s", printer.Text(s, columns))
	return nil
}

// askToPrint has the running agent print.
func (a *app) askToPrint(ctx context.Context, c config, q printRequest) error {
	var answer controlAnswer
	err := askAgentPath(ctx, c.Terminal.Data, "POST", "/print", q, &answer)
	if errors.Is(err, errNotRunning) {
		return errors.New("no agent runs on this data folder, and the printer is the agent's. Start it, or write the slip with --text")
	}
	if err != nil {
		return err
	}
	a.tell(map[string]any{"queued": true}, "The slip is queued.\n")
	return nil
}

// controlPrint prints for the command line.
func (d *agentd) controlPrint(w http.ResponseWriter, r *http.Request) {
	var q printRequest
	err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&q)
	if err == nil {
		err = d.printing.again(r.Context(), q)
	}
	answerControl(w, err)
}

// answerControl answers a request that has nothing to tell but whether it was done.
func answerControl(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	var answer controlAnswer
	if err != nil {
		w.WriteHeader(http.StatusUnprocessableEntity)
		answer.Error = said(err)
	}
	_ = json.NewEncoder(w).Encode(answer) // the other side is gone when this fails
}
