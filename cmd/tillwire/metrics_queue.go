package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"tillwire/agent"
)

// queueKinds are what a row of the outbox can be about. All are published, so that
// a kind that is empty reads 0 and is not missing.
var queueKinds = []agent.Operation{agent.OpQuery, agent.OpPresent, agent.OpReverse, agent.OpClose, agent.OpRefund, agent.OpRefundQuery, agent.OpExpire,
	agent.OpRedeem, agent.OpChargeLater, agent.OpVoid}

// queueCollector publishes the outbox by kind, looked up when somebody asks.
type queueCollector struct {
	queue           func(context.Context) ([]agent.QueueEntry, error)
	entries, oldest *prometheus.Desc
}

func newQueueCollector(queue func(context.Context) ([]agent.QueueEntry, error)) queueCollector {
	return queueCollector{queue,
		prometheus.NewDesc("tillwire_queue_entries", "What must still be sent or asked.", []string{"kind"}, nil),
		prometheus.NewDesc("tillwire_queue_oldest_age_seconds", "Age of the oldest of them.", []string{"kind"}, nil)}
}

// Describe implements prometheus.Collector.
func (q queueCollector) Describe(c chan<- *prometheus.Desc) {
	c <- q.entries
	c <- q.oldest
}

// Collect implements prometheus.Collector.
func (q queueCollector) Collect(c chan<- prometheus.Metric) {
	list, err := q.queue(context.Background())
	if err != nil {
		c <- prometheus.NewInvalidMetric(q.entries, err)
		return
	}
	count, oldest := map[agent.Operation]int{}, map[agent.Operation]time.Duration{}
	for _, e := range list {
		count[e.Op]++
		oldest[e.Op] = max(oldest[e.Op], e.Age)
	}
	for _, kind := range queueKinds {
		c <- prometheus.MustNewConstMetric(q.entries, prometheus.GaugeValue, float64(count[kind]), string(kind))
		c <- prometheus.MustNewConstMetric(q.oldest, prometheus.GaugeValue, oldest[kind].Seconds(), string(kind))
	}
}
