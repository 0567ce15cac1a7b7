package main

import (
	"context"
	"encoding/json"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// arguments reads what the catalogue has checked; none leaves the zero value.
func arguments[T any](args json.RawMessage) (v T, err error) {
	if len(args) > 0 {
		err = json.Unmarshal(args, &v)
	}
	return v, err
}

func (d *agentd) tailLog(_ context.Context, args json.RawMessage) (any, func(), error) {
	q, err := arguments[fleet.LogTail](args)
	if err != nil {
		return nil, nil, err
	}
	lines, err := d.lines.tail(q)
	return lines, nil, err
}

// scannerLook is a scanner as it stands.
type scannerLook struct {
	ID       string            `json:"id"`
	Lane     string            `json:"lane"`
	State    string            `json:"state"`
	Since    fleet.Stamp       `json:"since,omitzero"`
	Reason   string            `json:"reason,omitempty"`
	Counters map[string]uint64 `json:"counters,omitempty"`
}

// lookScanners tells how the scanners are: their states and what they have counted.
// Nothing of a code is in it.
func (d *agentd) lookScanners(_ context.Context, args json.RawMessage) (any, func(), error) {
	q, err := arguments[fleet.LaneArgs](args)
	if err != nil {
		return nil, nil, err
	}
	list := []scannerLook{}
	for _, s := range d.devices.Status() {
		if s.Kind != agent.KindScanner || q.Lane != "" && q.Lane != s.Lane {
			continue
		}
		list = append(list, scannerLook{s.ID, s.Lane, string(s.State), stampOf(s.Since), clipped(s.Reason, 300), s.Counters})
	}
	if len(list) == 0 {
		return nil, nil, &agent.Error{Op: "scanner.test", Class: agent.NotFound, Say: agent.Sentence{
			English: "There is no such scanner. The terminal's state lists its devices."}}
	}
	return map[string]any{"scanners": list}, nil, nil
}

// trialText is what display.test shows, for trialTTL.
const (
	trialText = "Test of this display"
	trialTTL  = 10 * time.Second
)

func (d *agentd) tryDisplays(ctx context.Context, args json.RawMessage) (any, func(), error) {
	q, err := arguments[fleet.LaneArgs](args)
	if err != nil {
		return nil, nil, err
	}
	return d.announce(ctx, fleet.DisplayMessage{Lane: q.Lane, Text: trialText, TTL: int(trialTTL / time.Second)})
}

// tryPrinter prints a trial slip and tells its end, as far as it is known soon.
func (d *agentd) tryPrinter(ctx context.Context, args json.RawMessage) (any, func(), error) {
	q, err := arguments[fleet.PrinterArgs](args)
	if err != nil {
		return nil, nil, err
	}
	end, err := d.testPrinter(ctx, testRequest{Device: q.Printer})
	if err != nil {
		return nil, nil, err
	}
	if end == "" {
		return map[string]any{"end": "waits"}, nil, nil
	}
	return map[string]any{"end": end}, nil, nil
}
