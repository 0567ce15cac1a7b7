// Package e2e drives whole shops from outside, the way a till vendor would: it
// starts the real programs with `tillcloud demo`, speaks the local API, the
// sandbox's calls, the scanners' pseudo-terminals and a real browser, and holds
// the agent's books against the cloud's ledger.
//
// It holds tests only and imports nothing of ours.
package e2e
