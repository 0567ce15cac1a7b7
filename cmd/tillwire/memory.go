package main

import (
	"context"
	"runtime/debug"
	runtimemetrics "runtime/metrics"
	"time"

	"tillwire/agent"
)

// busyGC lets the heap grow to five times what lives in it before it is collected.
// The agent keeps a few megabytes alive, for which Go's usual rule would collect
// thirty times a second while a shop is busy: the p99 of a sale pays for it.
const busyGC = 400

// When memory goes back to the machine: an agent that allocated less than quietBytes in
// a whole rest has nobody to be fast for.
const (
	rest       = 4 * time.Second
	quietBytes = 512 << 10 // bytes
)

// memory gives back what a busy time has left, since the collector alone would
// keep it until something happens again.
type memory struct {
	allocated func() uint64 // bytes since the start
	give      func()
	last      uint64
	owed      bool // something was allocated since it last gave back
}

func newMemory() *memory {
	debug.SetGCPercent(busyGC)
	const name = "/gc/heap/allocs:bytes"
	give := func() {
		debug.FreeOSMemory()
		unmapFiles()
	}
	return &memory{give: give, owed: true, allocated: func() uint64 {
		sample := []runtimemetrics.Sample{{Name: name}}
		runtimemetrics.Read(sample)
		return sample[0].Value.Uint64()
	}}
}

func (m *memory) tend(ctx context.Context, clock agent.Clock) {
	for {
		select {
		case <-clock.After(rest):
			m.look()
		case <-ctx.Done():
			return
		}
	}
}

func (m *memory) look() {
	now := m.allocated()
	grown := now - m.last
	m.last = now
	switch {
	case grown >= quietBytes:
		m.owed = true
	case m.owed:
		m.give()
		m.owed = false
		m.last = m.allocated()
	}
}
