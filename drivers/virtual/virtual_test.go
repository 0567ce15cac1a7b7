package virtual

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/drivers"
)

// run starts the driver of a spec under a supervisor and returns its device.
func run(t *testing.T, spec drivers.Spec, sink agent.ScanSink) (drivers.Device, *drivers.Supervisor, func()) {
	t.Helper()
	clock, log := agent.NewSystemClock(), slog.New(slog.DiscardHandler)
	unit := drivers.Registry{spec}.Build(drivers.Config{ID: "1.device", Lane: "1", Kind: spec.Kind, Driver: "virtual"},
		drivers.Env{Clock: clock, Log: log, Sink: sink})
	if unit.Err != nil {
		t.Fatal(unit.Err)
	}
	sup := drivers.NewSupervisor(drivers.Options{Clock: clock, Log: log})
	sup.Add(unit)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sup.Run(ctx) }()
	synctest.Wait()
	return unit.Device, sup, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestAVirtualScannerScansWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var scans []agent.Scan
		d, sup, stop := run(t, ScannerSpec(), func(s agent.Scan) { scans = append(scans, s) })
		scanner := d.(*Scanner)
		if sup.Status()[0].State != agent.DeviceReady {
			t.Errorf("status %+v", sup.Status()[0])
		}
		if err := scanner.Scan("]Q1284567"); err != nil {
			t.Fatal(err)
		}
		if len(scans) != 1 || scans[0].Text.Reveal() != "284567" || scans[0].Symbology != "]Q1" || scans[0].Lane != "1" || scans[0].Device != "1.device" {
			t.Errorf("scans %+v", scans)
		}
		for _, text := range []string{"", "28\r45", "28\x0045", "é", strings.Repeat("1", maxLen+1)} {
			if err := scanner.Scan(text); agent.ClassOf(err) != agent.Invalid {
				t.Errorf("%q: %v", text, err)
			}
		}
		stop()
		if err := scanner.Scan("284"); agent.ClassOf(err) != agent.Unavailable {
			t.Errorf("after the end: %v", err)
		}
		if len(scans) != 1 {
			t.Errorf("%d scans were delivered", len(scans))
		}
	})
}

func TestADisplayNeverShowsAQRBeyondItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, _, stop := run(t, DisplaySpec(), nil)
		display := d.(*Display)
		qr := agent.Screen{Kind: agent.ScreenQR, QR: "weixin://wxpay/x", TTL: 90 * time.Second}
		changed := display.Changed()
		if err := display.Show(t.Context(), qr); err != nil {
			t.Fatal(err)
		}
		<-changed
		<-time.After(90*time.Second - 1)
		if display.Visible().QR != qr.QR {
			t.Error("the QR is gone too early")
		}
		<-time.After(1)
		if got := display.Visible(); got.Kind != agent.ScreenIdle || got.QR != "" {
			t.Errorf("after its time the display shows %+v", got)
		}
		if err := display.Show(t.Context(), agent.Screen{Kind: agent.ScreenPaid}); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Hour)
		if display.Visible().Kind != agent.ScreenPaid || len(display.History()) != 2 {
			t.Errorf("shows %+v after %d screens", display.Visible(), len(display.History()))
		}
		if err := display.Show(t.Context(), qr); err != nil {
			t.Fatal(err)
		}
		stop()
		if display.Visible().Kind != agent.ScreenIdle {
			t.Error("a stopped display shows a QR")
		}
		if err := display.Show(t.Context(), qr); agent.ClassOf(err) != agent.Unavailable {
			t.Errorf("show after the end: %v", err)
		}
	})
}

func TestShowHonoursItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := NewDisplay(agent.NewSystemClock()).Show(ctx, agent.Screen{}); err == nil {
		t.Error("a cancelled Show succeeded")
	}
}

func TestAVirtualPrinterKeepsItsSlips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, sup, stop := run(t, PrinterSpec(), nil)
		printer := d.(*Printer)
		if sup.Status()[0].State != agent.DeviceReady {
			t.Errorf("status %+v", sup.Status()[0])
		}
		ends := map[agent.PrintEnd]int{}
		job := func(text string) agent.PrintJob {
			return agent.PrintJob{Done: func(end agent.PrintEnd) { ends[end]++ }, Slip: agent.Slip{Lines: []agent.SlipLine{{Kind: agent.SlipNote, Text: text}}}}
		}
		for i := range slipsKept + 5 {
			if err := printer.Print(job(fmt.Sprint("slip ", i))); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if err := printer.Print(agent.PrintJob{Drawer: true, Done: func(agent.PrintEnd) { t.Error("a refused job was ended") }}); agent.ClassOf(err) != agent.Invalid {
			t.Errorf("a drawer, where none is: %v", err)
		}
		papers := printer.Papers()
		if len(papers) != slipsKept || papers[0].Slip.Lines[0].Text != fmt.Sprint("slip ", slipsKept+4) || papers[slipsKept-1].Slip.Lines[0].Text != "slip 5" {
			t.Errorf("%d papers, the first %+v", len(papers), papers[0])
		}
		if ends[agent.PrintCompleted] != slipsKept+5 || printer.Waiting() != 0 {
			t.Errorf("ends %v, %d wait", ends, printer.Waiting())
		}
		stop()
		for range drivers.JobsMost {
			if err := printer.Print(job("late")); err != nil {
				t.Fatal(err)
			}
		}
		if err := printer.Print(job("too late")); agent.ClassOf(err) != agent.Unavailable || printer.Waiting() != drivers.JobsMost {
			t.Errorf("beyond the queue: %v", err)
		}
		printer.Abandon()
		if ends[agent.PrintNothing] != drivers.JobsMost || len(printer.Papers()) != slipsKept {
			t.Errorf("abandoned: %v", ends)
		}
	})
}
