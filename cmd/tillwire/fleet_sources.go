package main

import (
	"context"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/offline"
)

// fleetSources are the parts of the journal that the fleet hears. Their mark is
// the journal's incarnation and a row of it: a restored journal counts its rows
// anew, and is followed from where both had come.
func (d *agentd) fleetSources() []fleet.Source {
	follow := func(s fleet.Stream, last func(context.Context) (int64, error), read func(ctx context.Context, life string, after int64, limit int) ([]fleet.Fact, int64, error)) fleet.Source {
		return fleet.Source{Stream: s, Read: func(ctx context.Context, after string, limit int) ([]fleet.Fact, string, error) {
			seq, life, err := d.place(ctx, after, last)
			if err != nil {
				return nil, after, err
			}
			facts, next, err := read(ctx, life, seq, limit)
			if err != nil {
				return nil, after, err
			}
			return facts, fmt.Sprintf("%s/%d", life, next), nil
		}}
	}
	return []fleet.Source{follow(fleet.Payments, d.lastPayment, d.paymentsBehind), follow(fleet.Audits, d.lastAudit, d.auditsBehind)}
}

// place is the row behind which the journal is to be read. A terminal that joins
// a fleet begins with what happens from then on.
func (d *agentd) place(ctx context.Context, mark string, last func(context.Context) (int64, error)) (seq int64, life string, err error) {
	if life, err = d.store.Incarnation(ctx); err != nil {
		return 0, "", err
	}
	was, row, _ := strings.Cut(mark, "/")
	if mark != "" {
		if _, err := fmt.Sscan(row, &seq); err != nil {
			return 0, "", fmt.Errorf("the fleet's mark %q is damaged: %w", mark, err)
		}
		if was == life {
			return seq, life, nil
		}
	}
	head, err := last(ctx)
	if mark == "" || seq > head {
		seq = head
	}
	return seq, life, err
}

// lastPayment is the row of the last change of any payment. It lies at or behind
// that of the newest payments; what has changed behind it is few.
func (d *agentd) lastPayment(ctx context.Context) (int64, error) {
	page, err := d.store.List(ctx, agent.Filter{Limit: 50})
	if err != nil {
		return 0, err
	}
	seq := int64(0)
	for _, p := range page.Payments {
		seq = max(seq, p.Last().Seq)
	}
	for {
		more, err := d.store.Since(ctx, seq, 100)
		if err != nil || len(more) == 0 {
			return seq, err
		}
		seq = more[len(more)-1].Last().Seq
	}
}

func (d *agentd) paymentsBehind(ctx context.Context, _ string, seq int64, limit int) ([]fleet.Fact, int64, error) {
	list, err := d.store.Since(ctx, seq, limit)
	var facts []fleet.Fact
	for _, p := range list {
		facts, seq = append(facts, fleet.Fact{Name: "changed", At: p.Last().At, Data: newsOf(p)}), max(seq, p.Last().Seq)
	}
	return facts, seq, err
}

func (d *agentd) lastAudit(ctx context.Context) (int64, error) {
	page, err := d.store.Audits(ctx, 0, 1)
	if err != nil || len(page) == 0 {
		return 0, err
	}
	return page[0].Seq, nil
}

func (d *agentd) auditsBehind(ctx context.Context, life string, seq int64, limit int) ([]fleet.Fact, int64, error) {
	list, err := d.store.AuditsBehind(ctx, seq, limit)
	if err != nil || len(list) == 0 {
		return nil, seq, err
	}
	before, err := d.store.Audits(ctx, list[0].Seq, 1)
	if err != nil {
		return nil, seq, err
	}
	var last offline.AuditEntry
	if len(before) > 0 { // else it is the first, or the one before it went with its time
		last = before[0]
	}
	var facts []fleet.Fact
	for _, e := range list {
		facts = append(facts, fleet.Fact{Name: "act", At: e.At, Data: actOf(life, last, e)})
		last = e
	}
	return facts, last.Seq, nil
}

// actMost bounds the texts of an act in characters, so that no act is too large to
// be told: one that is left out would be missing in the chain.
const actMost = 600

// actOf is an act as the fleet may know it, with its place in the journal's chain.
// What it says about a person stays in the shop.
func actOf(life string, before, e offline.AuditEntry) fleet.Act {
	a := fleet.Act{Row: e.Seq, Life: life, Hash: hex.EncodeToString(e.Hash[:]),
		Actor: clipped(e.Actor, actMost/8), Action: clipped(e.Action, actMost/8), Object: clipped(e.Object, actMost), Detail: clipped(e.Detail, actMost)}
	if before.Seq > 0 {
		a.PrevRow, a.PrevHash = before.Seq, hex.EncodeToString(before.Hash[:])
	}
	if strings.HasPrefix(e.Action, "person") {
		a.Detail = ""
	}
	return a
}

// stampOf is a time for the fleet; the zero time stays away.
func stampOf(t time.Time) fleet.Stamp {
	if t.IsZero() {
		return fleet.Stamp{}
	}
	return fleet.At(t)
}
