// Package bench measures one shop on this machine: durable commits against a bare
// loop of synced writes, the time the agent adds to a sale, an open loop of sales
// over many lanes, what the process costs while it idles and starts, the owner's pages
// over a year's journal, sales with a hundred pages connected, and what the pages weigh.
//
// It holds benchmarks only. Every comparison is made within one run, in
// interleaved rounds, and quoted as a median, because the machines are shared and
// noisy; nothing here is asserted.
package bench
