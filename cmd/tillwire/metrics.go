package main

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// metrics counts what the agent does. It has a registry of its own without Go's
// runtime collectors: what they tell is not worth their memory on a terminal.
type metrics struct {
	registry *prometheus.Registry

	payments *prometheus.CounterVec
	duration *prometheus.HistogramVec
	refunds  *prometheus.CounterVec
	requests *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	success  prometheus.Gauge
	scans    *prometheus.CounterVec
	writes   prometheus.Histogram
	panics   *prometheus.CounterVec

	mu        sync.Mutex
	open      map[agent.PaymentID]bool // seen before their end: only those are counted at it
	refunding map[string]bool
}

// payBuckets spread from an answer at once to a customer who looks for the phone.
var payBuckets = []float64{.1, .25, .5, 1, 2, 3, 5, 10, 20, 30, 45, 60}

// writeBuckets spread from a good disk's sync to a worn card's.
var writeBuckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func newMetrics() *metrics {
	m := &metrics{registry: prometheus.NewRegistry(), open: map[agent.PaymentID]bool{}, refunding: map[string]bool{}}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tillwire_" + name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "tillwire_" + name, Help: help, Buckets: payBuckets}, labels)
		m.registry.MustRegister(h)
		return h
	}
	m.payments = counter("payments_total", "Payments that have ended.", "wallet", "mode", "result")
	m.duration = histogram("payment_duration_seconds", "From the request (total) or the first byte sent (authorize) to the end.", "wallet", "mode", "phase")
	m.refunds = counter("refunds_total", "Refunds that have ended.", "wallet", "result")
	m.requests = counter("cloud_requests_total", "Requests to wallets' clouds.", "route", "code")
	m.latency = histogram("cloud_request_duration_seconds", "Time of one request to one host.", "route")
	m.scans = counter("scans_total", "Texts that were scanned or typed.", "lane")
	m.panics = counter("panics_recovered_total", "Panics that cost one task and not the agent.", "component")
	m.panics.WithLabelValues("replay") // 0 is a statement too
	m.writes = prometheus.NewHistogram(prometheus.HistogramOpts{Name: "tillwire_sqlite_write_duration_seconds", Help: "Time of one commit with its sync.", Buckets: writeBuckets})
	m.success = prometheus.NewGauge(prometheus.GaugeOpts{Name: "tillwire_cloud_last_success_timestamp_seconds", Help: "When a wallet's cloud last gave a verified answer."})
	b := buildInfo()
	m.registry.MustRegister(m.success, m.writes, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tillwire_build_info", Help: "Always 1.",
		ConstLabels: prometheus.Labels{"version": b.Version, "commit": b.Commit, "go": b.Go}}, func() float64 { return 1 }))
	return m
}

// handler serves the registry's metrics in Prometheus's text form.
func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 2})
}

// gauge publishes a value that is looked up when somebody asks.
func (m *metrics) gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tillwire_" + name, Help: help}, value))
}

// wrote counts one commit of the store.
func (m *metrics) wrote(_ int, took time.Duration) { m.writes.Observe(took.Seconds()) }

// exchange counts one request to a wallet's host.
func (m *metrics) exchange(x wallet.Exchange, now time.Time) {
	route := x.Wallet + "." + string(x.Op)
	m.requests.WithLabelValues(route, x.Class()).Inc()
	m.latency.WithLabelValues(route).Observe(x.Took.Seconds())
	if x.Status != 0 && x.Verdict != agent.InDoubt && x.Verdict != agent.NotDelivered {
		m.success.Set(float64(now.UnixMilli()) / 1000)
	}
}

// committed counts a payment and its refunds when they end. It sees every commit
// in order, so an end is counted once.
func (m *metrics) committed(p agent.Payment) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.countRefunds(p)
	if !p.Status.Final() {
		m.open[p.ID] = true
		return
	}
	if !m.open[p.ID] {
		return
	}
	delete(m.open, p.ID)
	mode := "scan"
	if p.Status.Showing {
		mode = "show"
	}
	m.payments.WithLabelValues(p.Status.Wallet, mode, resultOf(p.Status)).Inc()
	total := p.Status.Since.Sub(p.Created)
	m.duration.WithLabelValues(p.Status.Wallet, mode, "total").Observe(max(total, 0).Seconds())
	if !p.Status.Started.IsZero() {
		m.duration.WithLabelValues(p.Status.Wallet, mode, "authorize").Observe(max(p.Status.Since.Sub(p.Status.Started), 0).Seconds())
	}
}

func (m *metrics) countRefunds(p agent.Payment) {
	for _, r := range p.Status.Refunds {
		switch {
		case !r.State.Final():
			m.refunding[r.No] = true
		case m.refunding[r.No]:
			delete(m.refunding, r.No)
			m.refunds.WithLabelValues(p.Status.Wallet, string(r.State)).Inc()
		}
	}
}

// resultOf is the end of a payment in the words of the metrics' contract.
func resultOf(s agent.Status) string {
	switch s.State {
	case agent.Paid:
		return "paid"
	case agent.Declined:
		return "declined"
	case agent.NotSent:
		if s.Reason == agent.ReasonLineDown || s.Reason == agent.ReasonWalletDown || s.Reason == agent.ReasonRestart {
			return "error"
		}
	}
	return "cancelled"
}

// unknown is how many payments are in doubt or being undone now.
func (m *metrics) unknown(ctx context.Context, open func(context.Context) ([]agent.Payment, error)) float64 {
	list, err := open(ctx)
	if err != nil {
		return -1
	}
	n := 0
	for _, p := range list {
		if inDoubt(p) {
			n++
		}
	}
	return float64(n)
}

// inDoubt holds for a payment whose outcome is not known, that is being undone, or
// that is with the office.
func inDoubt(p agent.Payment) bool {
	return p.Status.State == agent.Unknown || p.Status.State == agent.Reversing || p.Status.State == agent.Review
}
