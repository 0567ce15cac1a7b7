package main

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// meter is the service's metrics: what happens is counted as it does, how the
// fleet stands is counted when somebody asks. No label names a terminal.
type meter struct {
	registry *prometheus.Registry
	messages *prometheus.CounterVec
	commits  prometheus.Histogram
	batch    prometheus.Histogram
	commands *prometheus.CounterVec
	latency  prometheus.Histogram
	ending   prometheus.Gauge
}

func newMeter() *meter {
	m := &meter{registry: prometheus.NewRegistry(),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tillfleet_messages_total", Help: "Messages of terminals that were stored, by channel; refused are those that could not be read, aside those that could not be stored."}, []string{"channel"}),
		commits:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "tillfleet_commit_seconds", Help: "How long one commit of messages took.", Buckets: prometheus.ExponentialBuckets(0.001, 2, 14)}),
		batch:    prometheus.NewHistogram(prometheus.HistogramOpts{Name: "tillfleet_commit_messages", Help: "How many messages went into one commit.", Buckets: prometheus.ExponentialBuckets(1, 2, 9)}),
		commands: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "tillfleet_commands_total", Help: "Commands that have ended, by name and status."}, []string{"name", "status"}),
		ending:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "tillfleet_certificates_ending", Help: "Terminals whose certificate ends within twenty days and was not renewed."}),
		latency:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "tillfleet_command_seconds", Help: "From the order of a command to its end.", Buckets: prometheus.ExponentialBuckets(0.1, 2, 14)}),
	}
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tillfleet_build_info", Help: "1, with the version in its labels.", ConstLabels: prometheus.Labels{"version": version, "go": runtime.Version()}}, func() float64 { return 1 })
	m.registry.MustRegister(m.messages, m.commits, m.batch, m.commands, m.latency, m.ending, build, collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Took implements service.Meter.
func (m *meter) Took(c fleet.Channel, n int) { m.messages.WithLabelValues(string(c)).Add(float64(n)) }

// Committed implements service.Meter.
func (m *meter) Committed(messages int, took time.Duration) {
	m.batch.Observe(float64(messages))
	m.commits.Observe(took.Seconds())
}

// Ended implements service.Meter.
func (m *meter) Ended(name string, status service.Status, took time.Duration) {
	m.commands.WithLabelValues(name, string(status)).Inc()
	m.latency.Observe(took.Seconds())
}

// watch has the metrics tell how the fleet stands, and until when the service's own
// certificate is good, which nobody renews but its operators.
func (m *meter) watch(ctx context.Context, clock agent.Clock, s *service.Service, certificate string) {
	m.registry.MustRegister(&standing{ctx: ctx, view: &view{clock: clock, service: s}},
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "tillfleet_service_certificate_expiry_timestamp_seconds", Help: "When the certificate ends by which the broker knows the service; 0: there is none, or it cannot be read."},
			func() float64 { return float64(expiryOf(certificate)) }))
}

// expiryOf answers when the certificate in a file ends, in seconds since 1970; 0 when
// there is none.
func expiryOf(file string) int64 {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return 0
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return 0
	}
	return c.NotAfter.Unix()
}

// viewEvery bounds how often the whole fleet is read for those who look.
const viewEvery = 5 * time.Second

// view is the fleet at a glance, as old as viewEvery at most.
type view struct {
	clock   agent.Clock
	service *service.Service

	mu   sync.Mutex
	at   time.Duration
	last service.Overview
}

func (v *view) overview(ctx context.Context) (service.Overview, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.clock.Mono()
	if v.at != 0 && now-v.at < viewEvery {
		return v.last, nil
	}
	o, err := v.service.Overview(ctx)
	if err == nil {
		v.at, v.last = now, o
	}
	return o, err
}

// standing collects how the fleet stands.
type standing struct {
	ctx  context.Context
	view *view
}

// desc is a metric without a value yet.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("tillfleet_"+name, help, labels, nil)
}

// Describe implements prometheus.Collector: what there is, is told when it is
// collected.
func (*standing) Describe(chan<- *prometheus.Desc) {}

// heartbeatAges are the bounds of the ages of heartbeats, in seconds.
var heartbeatAges = []float64{30, 60, 90, 120, 200, 300, 600}

// Collect implements prometheus.Collector.
func (s *standing) Collect(out chan<- prometheus.Metric) {
	o, err := s.view.overview(s.ctx)
	if err != nil {
		out <- prometheus.NewInvalidMetric(desc("terminals", "Terminals by how they stand."), err)
		return
	}
	gauge := func(d *prometheus.Desc, value int, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(value), labels...)
	}
	terminals := desc("terminals", "Terminals by how they stand.", "standing")
	for _, name := range service.Standings() {
		gauge(terminals, o.Standing[name], string(name))
	}
	versions := desc("terminals_by_version", "Terminals by the version of their agent.", "version")
	for name, n := range o.Versions {
		gauge(versions, n, name)
	}
	found := desc("findings", "Terminals with a finding that nobody has dismissed, by kind.", "kind")
	for _, kind := range service.Kinds() {
		gauge(found, o.Found[kind], string(kind))
	}
	gauge(desc("troubled_terminals", "Terminals with some trouble."), o.Troubled)
	gauge(desc("queue_old_terminals", "Terminals that are there, with a step that has waited for more than half an hour though the line to the wallets is up."), o.QueueOld)
	gauge(desc("outbox_unacked_terminals", "Terminals that are there, with an event that the service has not acknowledged for more than ten minutes, as they told last."), o.Unacked)
	gauge(desc("clock_unknown_terminals", "Terminals that are there, with a clock that nobody has confirmed."), o.ClockDoubt)
	gauge(desc("payments_in_doubt", "Payments whose outcome is not known, over all terminals."), o.InDoubt)
	gauge(desc("keys_version", "Version of the list of signing keys; 0: there is none."), int(o.Keys))
	connected := 0
	if o.Connected {
		connected = 1
	}
	gauge(desc("broker_connected", "1 while the service has a connection to its broker."), connected)
	stopped := 0
	for _, r := range o.Rollouts {
		if r.State == service.RolloutStopped {
			stopped++
		}
	}
	gauge(desc("rollouts_stopped", "Rollouts among the last ten that have stopped by themselves."), stopped)
	counts, sum := map[float64]uint64{}, 0.0
	for _, age := range o.Ages {
		sum += age.Seconds()
		for _, bound := range heartbeatAges {
			if age.Seconds() <= bound {
				counts[bound]++
			}
		}
	}
	out <- prometheus.MustNewConstHistogram(desc("heartbeat_age_seconds", "How long ago each terminal that should be there was heard."), uint64(len(o.Ages)), sum, counts)
}
