package main

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"tillwire/agent"
	"tillwire/drivers/scanner"
)

// scannerReads are the counters of a scanner that works; the others count what
// went wrong, so a new one is an error until somebody says otherwise.
var scannerReads = []string{string(scanner.EventScan), string(scanner.EventDuplicate), string(scanner.EventRetransmit),
	string(scanner.EventSend), string(scanner.EventAck), scanner.CountAccepted}

// deviceCollector publishes the devices, looked up when somebody asks.
type deviceCollector struct {
	status                            func() []agent.DeviceStatus
	reads, errors, connected, screens *prometheus.Desc
	printers, slips                   *prometheus.Desc
}

func newDeviceCollector(status func() []agent.DeviceStatus) deviceCollector {
	return deviceCollector{status,
		prometheus.NewDesc("tillwire_scanner_reads_total", "Events of a scanner, by kind.", []string{"device", "result"}, nil),
		prometheus.NewDesc("tillwire_scanner_errors_total", "What went wrong with a scanner, by kind.", []string{"device", "result"}, nil),
		prometheus.NewDesc("tillwire_scanner_connected", "1 while the scanner works.", []string{"device"}, nil),
		prometheus.NewDesc("tillwire_screen_alive", "1 while a customer's display answers.", []string{"screen"}, nil),
		prometheus.NewDesc("tillwire_printer_connected", "1 while the printer works, be it with a limit.", []string{"device"}, nil),
		prometheus.NewDesc("tillwire_printer_events_total", "Slips and troubles of a printer, by kind.", []string{"device", "result"}, nil)}
}

// Describe implements prometheus.Collector.
func (d deviceCollector) Describe(c chan<- *prometheus.Desc) {
	c <- d.reads
	c <- d.errors
	c <- d.connected
	c <- d.screens
	c <- d.printers
	c <- d.slips
}

// Collect implements prometheus.Collector.
func (d deviceCollector) Collect(c chan<- prometheus.Metric) {
	for _, s := range d.status() {
		up := 0.0
		if s.State == agent.DeviceReady || s.State == agent.DeviceDegraded {
			up = 1
		}
		if s.Kind == agent.KindDisplay {
			c <- prometheus.MustNewConstMetric(d.screens, prometheus.GaugeValue, up, s.ID)
			continue
		}
		if s.Kind == agent.KindPrinter {
			c <- prometheus.MustNewConstMetric(d.printers, prometheus.GaugeValue, up, s.ID)
			for end, n := range s.Counters {
				c <- prometheus.MustNewConstMetric(d.slips, prometheus.CounterValue, float64(n), s.ID, end)
			}
			continue
		}
		c <- prometheus.MustNewConstMetric(d.connected, prometheus.GaugeValue, up, s.ID)
		for event, n := range s.Counters {
			desc := d.errors
			if slices.Contains(scannerReads, event) {
				desc = d.reads
			}
			c <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(n), s.ID, event)
		}
	}
}
