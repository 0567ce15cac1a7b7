package scanner

import (
	"context"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tillwire/agent"
	"tillwire/drivers"
)

// BenchmarkScanToEvent measures from the last byte on the line to the scan at
// its sink, through the owner of the port and the codec. A pseudo-terminal has
// no speed, so the line's own time is not in it. Wanted is a p99 under 5 ms.
func BenchmarkScanToEvent(b *testing.B) {
	// As the agent runs: a reader in select(2) keeps a slot of the scheduler.
	b.Cleanup(func() { runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) - 2) })
	runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + 2)
	for _, p := range []struct {
		driver string
		encode func(code string) string
	}{
		{"line", func(code string) string { return code + "\r" }},
		{"ssi", func(code string) string {
			return string(ssiSeal(append([]byte{byte(5 + len(code)), ssiDecodeData, ssiDecoder, 0, 0x1c}, code...)))
		}},
	} {
		b.Run(p.driver, func(b *testing.B) { scanToEvent(b, p.driver, p.encode) })
	}
}

func scanToEvent(b *testing.B, driver string, encode func(string) string) {
	master, slave, err := openTerminal()
	if err != nil {
		b.Fatal(err)
	}
	defer master.Close()
	keep, err := os.OpenFile(slave, os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		b.Fatal(err)
	}
	defer keep.Close()
	scans, ready := make(chan agent.Scan, 1), make(chan struct{})
	unit := drivers.Registry(Specs()).Build(
		drivers.Config{ID: "1.scanner", Kind: agent.KindScanner, Driver: driver, Path: slave, Keys: map[string]any{"open_grace": 0}},
		drivers.Env{Clock: agent.NewSystemClock(), Log: slog.New(slog.DiscardHandler), Sink: func(s agent.Scan) { scans <- s }})
	if unit.Err != nil {
		b.Fatal(unit.Err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- unit.Device.Run(ctx, &bench{ready: ready}) }()
	<-ready
	go func() { // takes what is acknowledged
		buf := make([]byte, 256)
		for {
			if _, err := master.Read(buf); err != nil {
				return
			}
		}
	}()
	var all []time.Duration
	for i := 0; b.Loop(); i++ {
		sent := encode("28" + strconv.Itoa(1_000_000_000_000_000+i))
		began := time.Now()
		if _, err := master.WriteString(sent); err != nil {
			b.Fatal(err)
		}
		<-scans
		all = append(all, time.Since(began))
	}
	cancel()
	<-ended
	slices.Sort(all)
	b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
}
