package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// fleetHandlers are the commands of the catalogue that this terminal can do
// beyond those the fleet's agent does by itself.
func (d *agentd) fleetHandlers() map[string]fleet.Handler {
	all := map[string]fleet.Handler{
		"queue.inspect": d.inspectQueue,
		"queue.flush":   d.flushQueue,
		"log.level":     d.setLogLevel,
		"agent.restart": d.restartAgent,
		"log.tail":      d.tailLog,
		"scanner.test":  d.lookScanners,
		"terminal.wipe": d.wipeTerminal,

		"terminal.lock":   d.lockTerminal,
		"terminal.unlock": d.unlockTerminal,
	}
	if len(d.fleet.boards) > 0 {
		all["display.message"], all["display.test"] = d.showMessage, d.tryDisplays
	}
	if d.fleet.reboot != nil {
		all["device.reboot"] = d.rebootDevice
	}
	if d.config.Fleet.renews() {
		all["cert.renew"] = d.renewNow
	}
	if len(d.printing.printers) > 0 {
		all["printer.test"] = d.tryPrinter
	}
	return all
}

// queuedStep is one row of the outbox for the fleet.
type queuedStep struct {
	OrderNo string `json:"order_no"`
	Op      string `json:"op"`
	Tries   int    `json:"tries"`
	AgeS    int64  `json:"age_s"`
	Last    string `json:"last,omitempty"`
}

// queueShown is how many rows a command's result lists.
const queueShown = 20

func (d *agentd) inspectQueue(ctx context.Context, _ json.RawMessage) (any, func(), error) {
	rows, err := d.store.Queue(ctx)
	if err != nil {
		return nil, nil, err
	}
	list := []queuedStep{}
	for _, r := range rows[:min(queueShown, len(rows))] {
		list = append(list, queuedStep{r.OrderNo, string(r.Op), r.Tries, int64(r.Age / time.Second), clipped(r.Last, 120)})
	}
	return map[string]any{"rows": len(rows), "first": list}, nil, nil
}

// flushQueue makes due what waits for its next try or was given up; it decides nothing.
func (d *agentd) flushQueue(ctx context.Context, _ json.RawMessage) (any, func(), error) {
	revived, err := d.forwardNow(ctx)
	if err != nil {
		return nil, nil, err
	}
	return map[string]int{"waiting": d.store.QueueInfo().Entries, "revived": revived}, nil, nil
}

// setLogLevel changes the log for a while; afterwards the setting holds again.
func (d *agentd) setLogLevel(_ context.Context, args json.RawMessage) (any, func(), error) {
	var want fleet.LogLevel
	if err := json.Unmarshal(args, &want); err != nil {
		return nil, nil, err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(want.Level)); err != nil {
		return nil, nil, err
	}
	d.level.Set(level)
	go func() {
		select {
		case <-d.clock.After(time.Duration(want.TTL) * time.Second):
			logLevel{d.level}.Commit(d.book.Values())
		case <-d.fleet.ended: // the next agent begins with the setting
		}
	}()
	return nil, nil, nil
}

// restartAgent assembles the agent anew in its process: everything open is due at
// once afterwards, as after any restart.
func (d *agentd) restartAgent(context.Context, json.RawMessage) (any, func(), error) {
	return nil, d.fleet.startAnew, nil
}

func (d *agentd) showMessage(ctx context.Context, args json.RawMessage) (any, func(), error) {
	m, err := arguments[fleet.DisplayMessage](args)
	if err != nil {
		return nil, nil, err
	}
	return d.announce(ctx, m)
}

// announce shows a text on the displays that no customer looks at.
func (d *agentd) announce(ctx context.Context, m fleet.DisplayMessage) (any, func(), error) {
	shown := []string{}
	for lane, b := range d.fleet.boards {
		if m.Lane != "" && m.Lane != lane {
			continue
		}
		ok, err := b.announce(ctx, m.Text, time.Duration(m.TTL)*time.Second)
		if err != nil {
			return nil, nil, fmt.Errorf("the display of lane %s: %w", lane, err)
		}
		if ok {
			shown = append(shown, lane)
		}
	}
	if len(shown) == 0 {
		return nil, nil, &agent.Error{Op: "display.message", Class: agent.Conflict, Say: agent.Sentence{
			English: "No display was free: a customer is being served, or there is no such lane. Try again later."}}
	}
	return map[string]any{"lanes": shown}, nil, nil
}
