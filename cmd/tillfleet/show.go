package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
	"tillwire/cmd/cli"
)

func (a *app) showCommand() *cobra.Command {
	return &cobra.Command{Use: "show TERMINAL", Short: "Everything about one terminal, on one screen", Args: cli.Exactly("TERMINAL"),
		Long: `Answers why a shop has called: whether it is there and since when, what it says is wrong,
its devices, its queue and payments in doubt, its clock, its last errors, its configuration
and its last commands. TERMINAL is its name, or a part of its name or shop that only it has.`,
		RunE: func(c *cobra.Command, args []string) error {
			tid, err := a.one(c.Context(), args[0])
			if err != nil {
				return err
			}
			var sheet service.Sheet
			if err := a.ask(c.Context(), "GET", "/v1/terminals/"+string(tid), nil, &sheet); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(sheet)
			}
			(&screenful{w: a.stdout, now: a.clock.Now(), sheet: sheet}).write()
			return nil
		}}
}

// screenful writes a sheet for a person.
type screenful struct {
	w     io.Writer
	now   time.Time
	sheet service.Sheet
}

func (p *screenful) line(label, format string, args ...any) {
	fmt.Fprintf(p.w, "%-10s %s\n", label, printable(fmt.Sprintf(format, args...)))
}

func (p *screenful) write() {
	r := p.sheet.Row
	fmt.Fprintf(p.w, "%s  %s\n", r.TID, printable(dash(r.Shop)))
	since := ""
	if !r.Since.IsZero() {
		since = " for " + ago(p.now, r.Since)
	}
	p.line("presence", "%s%s, heard %s ago, session %d", r.Standing, since, ago(p.now, r.Heard), p.sheet.Session.Sess)
	for i, t := range r.Troubles {
		label, mark := "", "·"
		if i == 0 {
			label = "trouble"
		}
		if t.Bad {
			mark = "!"
		}
		p.line(label, "%s %s", mark, t.What)
	}
	if len(r.Troubles) == 0 {
		p.line("trouble", "none")
	}
	p.state()
	p.config()
	p.commands()
	p.alerts()
	p.sales()
}

// state is the terminal's own word on itself.
func (p *screenful) state() {
	s := p.sheet.Report
	if s == nil {
		p.line("state", "it has told nothing yet")
		return
	}
	p.line("version", "%s on %s, up %s, told %s ago", s.Ver, s.Platform, span(time.Duration(s.UpS)*time.Second), ago(p.now, s.At.Time))
	wallets := []string{}
	for name, state := range s.Line.Wallets {
		if state != "online" {
			wallets = append(wallets, name+" "+state)
		}
	}
	slices.Sort(wallets)
	p.line("line", "%s%s", s.Line.State, inBrackets(strings.Join(wallets, ", ")))
	p.line("queue", "%d waiting, %d given up, oldest %s; %d payments open, %d in doubt", s.Queue.Waiting, s.Queue.Dead, span(time.Duration(s.Queue.OldestS)*time.Second),
		s.Queue.Open, s.Queue.InDoubt)
	clock := fmt.Sprintf("%s, off by %s", s.Clock.Quality, (time.Duration(s.Clock.OffsetMS) * time.Millisecond))
	if s.DiskFree >= 0 {
		clock += fmt.Sprintf("; %d MB free on the disk", s.DiskFree>>20)
	}
	p.line("clock", "%s", clock)
	p.devices(s.Devices)
	for i, problem := range s.Problems {
		label := ""
		if i == 0 {
			label = "problems"
		}
		p.line(label, "%s %s", problem.What, problem.Do)
	}
	waiting := []string{}
	for _, o := range s.Outbox {
		if o.Rows > 0 || o.Dropped > 0 {
			text := fmt.Sprintf("%s %d", o.Stream, o.Rows)
			if o.Dropped > 0 {
				text += fmt.Sprintf(" (%d dropped)", o.Dropped)
			}
			waiting = append(waiting, text)
		}
	}
	if len(waiting) > 0 {
		p.line("unsent", "%s", strings.Join(waiting, ", "))
	}
}

// devices names each that is not ready, and counts the others.
func (p *screenful) devices(list []fleet.DeviceReport) {
	var ready, bad []string
	for _, d := range list {
		name := d.Kind + " " + d.Lane
		if d.State == "ready" {
			ready = append(ready, name)
			continue
		}
		bad = append(bad, fmt.Sprintf("%s (%s) %s%s", name, d.Driver, d.State, inBrackets(d.Reason)))
	}
	for i, text := range bad {
		label := ""
		if i == 0 {
			label = "devices"
		}
		p.line(label, "! %s", text)
	}
	if len(ready) > 0 {
		label := "devices"
		if len(bad) > 0 {
			label = ""
		}
		p.line(label, "ready: %s", strings.Join(ready, ", "))
	}
}

func inBrackets(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

func (p *screenful) config() {
	c := p.sheet.Config
	text := "the fleet wants nothing"
	if d := p.sheet.Desired; d != nil {
		text = fmt.Sprintf("revision %d wanted by %s %s ago", d.Rev, d.By, ago(p.now, d.At))
	}
	if c.Status != "" && c.Status != fleet.ConfigNone {
		text += fmt.Sprintf("; revision %d %s%s", c.Rev, c.Status, inBrackets(strings.TrimSpace(string(c.Code)+" "+c.Text)))
	}
	p.line("config", "%s", text)
	if j := p.sheet.Job; j != nil {
		p.line("job", "%s by %s: %s%s", j.Job.Type, j.By, dash(string(j.Report.Status)), inBrackets(j.Report.Text))
	}
}

func (p *screenful) commands() {
	for i, c := range p.sheet.Commands {
		label := ""
		if i == 0 {
			label = "commands"
		}
		p.line(label, "%s ago  %-16s %-11s by %s%s", fit(ago(p.now, c.Made), 4), c.Order.Name, c.Status, c.Order.Actor, inBrackets(strings.TrimSpace(string(c.Code)+" "+c.Text)))
	}
}

func (p *screenful) alerts() {
	for i, e := range p.sheet.Alerts {
		label := ""
		if i == 0 {
			label = "alerts"
		}
		p.line(label, "%s ago  %s", fit(ago(p.now, e.Event.Time.Time), 4), eventText(e))
	}
}

func (p *screenful) sales() {
	for i, e := range p.sheet.Payments[:min(3, len(p.sheet.Payments))] {
		label := ""
		if i == 0 {
			label = "sales"
		}
		p.line(label, "%s ago  %s", fit(ago(p.now, e.Event.Time.Time), 4), eventText(e))
	}
}

// eventText is an event in one line: what is known of its kind, else its data.
func eventText(e service.StoredEvent) string {
	var d struct {
		OrderNo  string `json:"order_no"`
		Lane     string `json:"lane"`
		Amount   int64  `json:"amount"`
		Currency string `json:"currency"`
		Wallet   string `json:"wallet"`
		Status   string `json:"status"`
		Actor    string `json:"actor"`
		Action   string `json:"action"`
		Object   string `json:"object"`
		Detail   string `json:"detail"`
		Name     string `json:"name"`
		Code     string `json:"code"`
		Text     string `json:"text"`
		Jti      string `json:"jti"`
	}
	if json.Unmarshal(e.Event.Data, &d) != nil {
		return string(e.Event.Data)
	}
	join := func(parts ...string) string {
		return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), " ")
	}
	switch e.Stream {
	case fleet.Payments:
		return join("lane", d.Lane, d.Wallet, fmt.Sprintf("%d %s", d.Amount, d.Currency), d.Status, d.OrderNo)
	case fleet.Audits:
		return join(d.Actor, d.Action, d.Object, d.Detail)
	case fleet.Commands, fleet.Jobs:
		return join(d.Name, d.Status, d.Code, d.Text, d.Jti)
	case fleet.Alerts:
		return join(d.Code, d.Detail, d.Text)
	}
	return string(e.Event.Data)
}
