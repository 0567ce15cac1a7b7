package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tillwire/agent"
	"tillwire/agent/web"
	"tillwire/drivers"
	"tillwire/drivers/printer"
	"tillwire/drivers/scanner"
	"tillwire/drivers/virtual"
)

// shopGear lets the owner's page see and try the devices of a running agent, with the
// same facts and acts as the commands.
type shopGear struct {
	*agentd
	root string // where devices are looked for
}

// slipColumns is how wide the page draws a slip.
const slipColumns = 48

// How long the page waits for a reading, and for a beep to be sent.
const (
	readFor = 10 * time.Second
	beepFor = 3 * time.Second
)

// Found implements what the devices page asks for.
func (g shopGear) Found() (list []web.FoundDevice, err error) {
	found, err := drivers.Discover(g.root)
	if err != nil {
		return nil, err
	}
	users := map[string]string{}
	for _, u := range g.units {
		users[u.Config.Path] = u.Config.ID
	}
	for _, f := range found {
		list = append(list, web.FoundDevice{Path: f.Path, Node: f.Node, What: f.What, Config: f.Config, User: userOf(f, users)})
	}
	return list, nil
}

// Waiting is how many slips are in line at a printer.
func (g shopGear) Waiting(id string) int {
	if p, ok := g.unit(id).Device.(interface{ Waiting() int }); ok {
		return p.Waiting()
	}
	return 0
}

// Drawer reports whether a cash drawer hangs on a printer.
func (g shopGear) Drawer(id string) bool {
	p, ok := g.unit(id).Device.(interface{ Drawer() bool })
	return ok && p.Drawer()
}

// Slips are the last slips of a virtual printer, as wide as paper of 80 mm.
func (g shopGear) Slips(id string) (list []web.KeptSlip) {
	if p, ok := g.unit(id).Device.(*virtual.Printer); ok {
		for _, paper := range p.Papers() {
			list = append(list, web.KeptSlip{At: paper.At, Text: printer.Text(paper.Slip, slipColumns)})
		}
	}
	return list
}

// lane is the register that a device belongs to, a browser's page among them.
func (g shopGear) lane(id string) string {
	for _, d := range append(g.devices.Status(), g.displays.Status()...) {
		if d.ID == id {
			return d.Lane
		}
	}
	return ""
}

// unit is a device of the shop, without anything in it when there is none.
func (g shopGear) unit(id string) drivers.Unit {
	i := slices.IndexFunc(g.units, func(u drivers.Unit) bool { return u.Config.ID == id })
	if i < 0 {
		return drivers.Unit{}
	}
	return g.units[i]
}

// Try does with a device what a button of the page says.
func (g shopGear) Try(ctx context.Context, id, act string) (text string, args []any, err error) {
	switch act {
	case "try":
		return "devices.again", nil, g.devices.Retry(id)
	case "print", "drawer":
		end, err := g.testPrinter(ctx, testRequest{Device: id, Drawer: act == "drawer"})
		if end == "" {
			end = "waiting"
		}
		return "devices.was_" + string(end), nil, err
	case "show":
		return "devices.was_shown", nil, g.engine.TryDisplay(g.lane(id), trialScreen(), showFor)
	case "read":
		letters, err := g.engine.TryScanner(ctx, g.lane(id), readFor)
		if letters == 0 {
			return "devices.was_not_read", nil, err
		}
		return "devices.was_read", []any{letters}, err
	case "beep":
		if beeped, err := g.beep(ctx, g.unit(id)); beeped || err != nil {
			return "devices.was_beep", nil, err
		}
		return "devices.no_beep", nil, nil
	}
	return "", nil, fmt.Errorf("the devices page knows no %q", act)
}

// beep tells a scanner what it is told when the agent took a code, unless a payment is
// under way, and reports whether that was sent: many models have no such command.
func (g shopGear) beep(ctx context.Context, u drivers.Unit) (bool, error) {
	if _, ok := u.Device.(triggered); !ok {
		return false, nil
	}
	return beeps(ctx, g.clock, func() error { return g.engine.TryBeep(u.Config.Lane) }, func() uint64 {
		for _, d := range g.devices.Status() {
			if d.ID == u.Config.ID {
				return d.Counters[scanner.CountAccepted]
			}
		}
		return 0
	})
}

// beeps has a scanner beep and waits until it was told to. Other things may be sent to it
// at the same time, so only the beep is counted.
func beeps(ctx context.Context, clock agent.Clock, beep func() error, told func() uint64) (bool, error) {
	before, late := told(), clock.After(beepFor)
	if err := beep(); err != nil {
		return false, err
	}
	for told() == before {
		select {
		case <-clock.After(20 * time.Millisecond):
		case <-late:
			return false, nil
		case <-ctx.Done():
			return false, nil
		}
	}
	return true, nil
}

// trialScreen is a code of no worth with an amount.
func trialScreen() agent.Screen {
	return agent.Screen{Kind: agent.ScreenQR, QR: "https://example.org/tillwire-test", TTL: showFor, Amount: agent.Money{Value: 1234, Currency: "CNY"}, Test: true}
}
