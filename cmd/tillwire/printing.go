package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"tillwire/agent"
	"tillwire/agent/words"
	"tillwire/drivers"
)

// shopPrinter is a printer with what the shop wants of it.
type shopPrinter struct {
	printerConfig
	printer agent.Printer
}

// printing prints slips: by itself at the end of a sale, and when somebody asks.
type printing struct {
	printers []shopPrinter
	words    *words.Words
	zone     *time.Location
	shop     func() string
	payment  func(context.Context, agent.PaymentID) (agent.Payment, error)
	nameOf   func(ctx context.Context, person string) (string, error)
	printed  func(agent.PaymentID, agent.PrintEnd, string) error
	log      *slog.Logger
}

// newPrinting takes the printers out of the shop's units. One that is configured
// wrongly is no printer; its own state says why.
func newPrinting(configs []printerConfig, units []drivers.Unit) *printing {
	g := &printing{}
	for _, c := range configs {
		i := slices.IndexFunc(units, func(u drivers.Unit) bool { return u.Config.ID == c.ID })
		if i < 0 || units[i].Config.Disabled {
			continue
		}
		if printer, ok := units[i].Device.(agent.Printer); ok && units[i].Err == nil {
			g.printers = append(g.printers, shopPrinter{c, printer})
		}
	}
	return g
}

// of is the printer that a lane's slips come out of, nil when it has none.
func (g *printing) of(lane string) *shopPrinter {
	for i := range g.printers {
		if g.printers[i].serves(lane) {
			return &g.printers[i]
		}
	}
	return nil
}

func (g *printing) voice(p *shopPrinter) agent.Voice { return g.words.Voice(p.Language, g.zone) }

// committed prints what a commit ends. It queues, and at most looks a name up: it is called by
// the writer of the journal.
func (g *printing) committed(p agent.Payment) {
	to := g.of(p.Lane)
	if to == nil || len(p.Facts) == 0 {
		return
	}
	last := p.Last()
	switch {
	case last.Kind == agent.FactApproved && p.Status.State == agent.Paid && approvals(p) == 1 && p.Status.Accepted.IsZero():
		g.sold(to, p, printPaid)
	case last.Kind == agent.FactOfflineAccepted && p.Status.State == agent.OfflineAccepted:
		// What is collected later needs no second slip: nobody is there to take it.
		g.sold(to, p, printOffline)
	case last.Kind == agent.FactRefundDone && slices.Contains(to.Print, printRefund):
		if f, ok := p.Status.Refund(last.RefundNo); ok && !f.Auto {
			f.By = approver(context.Background(), g.nameOf, f.By)
			for _, c := range to.Copies {
				r := agent.NewRefundReceipt(p, f, g.shop(), false)
				r.Copy = c
				g.queue(to, p.ID, r, false)
			}
		}
	}
}

// sold prints the end of a sale, if the shop wants that kind printed.
func (g *printing) sold(to *shopPrinter, p agent.Payment, kind string) {
	if !slices.Contains(to.Print, kind) {
		return
	}
	for i, c := range to.Copies {
		r := agent.NewReceipt(p, g.shop(), false)
		r.Copy = c
		g.queue(to, p.ID, r, to.OpenDrawer && i == 0)
	}
}

// approvals is how often a payment was approved: a wallet that says it again has not
// been paid again.
func approvals(p agent.Payment) (n int) {
	for _, f := range p.Facts {
		if f.Kind == agent.FactApproved {
			n++
		}
	}
	return n
}

// queue hands a slip to a printer and has its end recorded.
func (g *printing) queue(to *shopPrinter, id agent.PaymentID, r agent.Receipt, drawer bool) {
	err := to.printer.Print(agent.PrintJob{Slip: r.Slip(g.voice(to)), Drawer: drawer, Done: func(end agent.PrintEnd) { g.ended(to, id, end) }})
	if err != nil {
		g.log.Warn("a slip is not printed", "comp", "printing", "code", "print_refused", "tx", string(id), "printer", to.ID, "err", err)
	}
}

func (g *printing) ended(to *shopPrinter, id agent.PaymentID, end agent.PrintEnd) {
	g.log.Info("slip", "comp", "printing", "tx", string(id), "printer", to.ID, "end", string(end))
	if err := g.printed(id, end, to.ID); err != nil {
		g.log.Warn("what became of a slip is not recorded", "comp", "printing", "code", "print_record", "tx", string(id), "err", err)
	}
}

// printRequest asks for a slip of a payment.
type printRequest struct {
	Payment agent.PaymentID `json:"payment"`
	Refund  string          `json:"refund"` // number of the refund that it is about; empty: the payment itself
	Copy    agent.Copy      `json:"copy"`
	Printer string          `json:"printer"` // "printer.NAME"; empty: the lane's own
}

// again prints a slip that a person asks for. It is marked when an earlier one may be
// in somebody's hand: one that was printed, and one that was to be printed by itself
// and of which the journal does not say that nothing came out.
func (g *printing) again(ctx context.Context, q printRequest) error {
	p, err := g.payment(ctx, q.Payment)
	if err != nil {
		return err
	}
	to, err := g.chosen(q.Printer, p.Lane)
	if err != nil {
		return err
	}
	r, err := receiptOf(p, q.Refund, g.shop(), p.Handed() || g.mayHavePrinted(p, to))
	if err != nil {
		return err
	}
	r.Copy, r.Refund.By = q.Copy, approver(ctx, g.nameOf, r.Refund.By)
	return to.printer.Print(agent.PrintJob{Slip: r.Slip(g.voice(to)), Done: func(end agent.PrintEnd) { g.ended(to, p.ID, end) }})
}

// report prints a shift's report on its lane's printer.
func (g *printing) report(lane string, r agent.Report) error {
	to, err := g.chosen("", lane)
	if err != nil {
		return err
	}
	return to.printer.Print(agent.PrintJob{Slip: r.Slip(g.voice(to)), Done: func(end agent.PrintEnd) {
		g.log.Info("report", "comp", "printing", "lane", lane, "printer", to.ID, "end", string(end))
	}})
}

// mayHavePrinted holds for a payment whose slip was due and whose end nobody told: the
// agent may have died over it.
func (g *printing) mayHavePrinted(p agent.Payment, to *shopPrinter) bool {
	kind := printPaid
	if !p.Status.Accepted.IsZero() {
		kind = printOffline
	}
	if p.Status.Captured == 0 && kind == printPaid || !slices.Contains(to.Print, kind) {
		return false
	}
	return !slices.ContainsFunc(p.Facts, func(f agent.Fact) bool { return f.Kind == agent.FactPrintFailed })
}

// receiptOf is the slip of a payment or of one of its refunds.
func receiptOf(p agent.Payment, refund, shop string, duplicate bool) (agent.Receipt, error) {
	if refund == "" {
		return agent.NewReceipt(p, shop, duplicate), nil
	}
	f, ok := p.Status.Refund(refund)
	if !ok {
		return agent.Receipt{}, &agent.Error{Op: "print", Class: agent.NotFound, Code: agent.CodeNotFound, Payment: p.ID, Say: agent.Sentence{
			ID: "error.refund_unknown", Args: []string{refund}, English: fmt.Sprintf("This payment has no refund %q. `tillwire payments show` lists them.", refund)}}
	}
	return agent.NewRefundReceipt(p, f, shop, duplicate), nil
}

// chosen is the printer that was named, or the lane's own.
func (g *printing) chosen(id, lane string) (*shopPrinter, error) {
	if id == "" {
		if to := g.of(lane); to != nil {
			return to, nil
		}
		return nil, &agent.Error{Op: "print", Class: agent.Unavailable, Code: agent.CodeState, Say: agent.Sentence{
			ID: "error.no_printer", Args: []string{lane}, English: "This lane has no printer. Print the receipt page, or add a [[printer]] to the configuration"}}
	}
	var known []string
	for i := range g.printers {
		if g.printers[i].ID == id {
			return &g.printers[i], nil
		}
		known = append(known, g.printers[i].ID)
	}
	return nil, &agent.Error{Op: "print", Class: agent.NotFound, Code: agent.CodeNotFound, Say: agent.Sentence{
		ID: "error.printer_unknown", Args: []string{id}, English: fmt.Sprintf("There is no printer %q. %s", id, meant(id, known))}}
}

// abandon ends what still waits for paper, when the agent stops.
func (g *printing) abandon() {
	for _, p := range g.printers {
		if d, ok := p.printer.(interface{ Abandon() }); ok {
			d.Abandon()
		}
	}
}
