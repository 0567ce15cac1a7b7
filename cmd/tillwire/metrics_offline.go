package main

import (
	"context"

	"github.com/prometheus/client_golang/prometheus"

	"tillwire/agent"
)

// exposureCollector publishes what was accepted without a connection and is not
// collected, looked up when somebody asks.
type exposureCollector struct {
	clock              agent.Clock
	exposure           func(context.Context) (agent.Exposure, error)
	sales, sum, oldest *prometheus.Desc
}

func newExposureCollector(clock agent.Clock, exposure func(context.Context) (agent.Exposure, error)) exposureCollector {
	return exposureCollector{clock, exposure,
		prometheus.NewDesc("tillwire_offline_uncollected_sales", "Sales that were accepted without a connection and are not collected.", nil, nil),
		prometheus.NewDesc("tillwire_offline_uncollected_minor_units", "Their sum, in minor units of the currency.", []string{"lane", "currency"}, nil),
		prometheus.NewDesc("tillwire_offline_oldest_age_seconds", "Age of the oldest of them.", nil, nil)}
}

// Describe implements prometheus.Collector.
func (x exposureCollector) Describe(c chan<- *prometheus.Desc) {
	c <- x.sales
	c <- x.sum
	c <- x.oldest
}

// Collect implements prometheus.Collector.
func (x exposureCollector) Collect(c chan<- prometheus.Metric) {
	e, err := x.exposure(context.Background())
	if err != nil {
		c <- prometheus.NewInvalidMetric(x.sales, err)
		return
	}
	age := 0.
	if !e.Since.IsZero() {
		age = max(x.clock.Now().Sub(e.Since), 0).Seconds()
	}
	c <- prometheus.MustNewConstMetric(x.sales, prometheus.GaugeValue, float64(e.Count))
	c <- prometheus.MustNewConstMetric(x.oldest, prometheus.GaugeValue, age)
	for lane, here := range e.Lanes {
		for currency, sum := range here.Sums {
			c <- prometheus.MustNewConstMetric(x.sum, prometheus.GaugeValue, float64(sum), lane, string(currency))
		}
	}
}
