package main

import (
	"context"
	"strings"

	dto "github.com/prometheus/client_model/go"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/offline"
)

// fleetReport is the terminal's state for the fleet: what the owner's page shows,
// without anything about a payment.
func (d *agentd) fleetReport() fleet.Report {
	line, queue := d.link.Line(), d.store.QueueInfo()
	_, locked := d.lock.state()
	r := fleet.Report{Shop: d.setting("shop.name"), Selling: d.store.Err() == nil && !locked, DiskFree: -1,
		Line:  fleet.LineReport{State: string(line.State), Since: stampOf(line.Since), Wallets: map[string]string{}},
		Queue: fleet.QueueReport{Waiting: queue.Entries, Dead: queue.Dead, OldestS: int64(queue.Oldest.Seconds())}}
	for name, w := range line.Wallets {
		r.Line.Wallets[name] = string(w.State)
	}
	if open, err := d.store.OpenPayments(context.Background()); err == nil {
		r.Queue.Open = len(open)
		for _, p := range open {
			if inDoubt(p) {
				r.Queue.InDoubt++
			}
		}
	}
	for _, s := range append(d.devices.Status(), d.displays.Status()...) {
		r.Devices = append(r.Devices, fleet.DeviceReport{ID: s.ID, Kind: string(s.Kind), Lane: s.Lane, Driver: s.Driver, State: string(s.State),
			Since: stampOf(s.Since), Reason: clipped(s.Reason, 500)})
	}
	for _, p := range d.problems.list() {
		r.Problems = append(r.Problems, fleet.ProblemReport{What: clipped(p.What, 1000), Since: stampOf(p.Since), Do: clipped(p.Do, 1000)})
	}
	if free, err := offline.FreeBytes(d.config.Terminal.Data); err == nil {
		r.DiskFree = int64(free)
	}
	return r
}

func clipped(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// digestMost bounds the figures of a heartbeat.
const digestMost = 40

// digest sums each counter and gauge over its labels; payments by their result,
// too. Names are those of the metrics without the program's own.
func (m *metrics) digest() map[string]int64 {
	figures := map[string]int64{}
	families, err := m.registry.Gather()
	if err != nil {
		return figures
	}
	for _, f := range families {
		name := strings.TrimPrefix(f.GetName(), "tillwire_")
		for _, one := range f.GetMetric() {
			value, plain := figureOf(one)
			if !plain || name == "build_info" {
				continue
			}
			add(figures, name, value)
			for _, label := range one.GetLabel() {
				if name == "payments_total" && label.GetName() == "result" {
					add(figures, name+"_"+label.GetValue(), value)
				}
			}
		}
	}
	return figures
}

func add(figures map[string]int64, name string, value int64) {
	if _, known := figures[name]; known || len(figures) < digestMost {
		figures[name] += value
	}
}

func figureOf(m *dto.Metric) (int64, bool) {
	switch {
	case m.GetCounter() != nil:
		return int64(m.GetCounter().GetValue()), true
	case m.GetGauge() != nil:
		return int64(m.GetGauge().GetValue()), true
	}
	return 0, false
}

// paymentNews is a payment as the fleet may know it: no reference, which is the
// shop's free text, and nothing of the customer.
type paymentNews struct {
	ID       agent.PaymentID `json:"id"`
	Version  int64           `json:"version"`
	OrderNo  string          `json:"order_no"`
	Lane     string          `json:"lane"`
	Amount   int64           `json:"amount"` // minor units
	Currency agent.Currency  `json:"currency"`
	Wallet   string          `json:"wallet,omitempty"`
	Status   agent.State     `json:"status"`
	Final    bool            `json:"final"`
	Refunded int64           `json:"refunded,omitempty"`
	Test     bool            `json:"test,omitempty"`
	Created  fleet.Stamp     `json:"created"`
}

func newsOf(p agent.Payment) paymentNews {
	return paymentNews{ID: p.ID, Version: p.Version, OrderNo: p.OrderNo, Lane: p.Lane, Amount: p.Amount.Value, Currency: p.Amount.Currency, Wallet: p.Status.Wallet,
		Status: p.Status.State, Final: p.Status.Final(), Refunded: p.Status.RefundedSum(), Test: p.Test, Created: fleet.At(p.Created)}
}
