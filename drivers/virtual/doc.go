// Package virtual has devices without hardware: a scanner whose scans come from
// the register's page or the local API, a display that remembers what it was
// told to show, and a printer that keeps its slips. They serve people without a scanner, the demo and tests.
//
// It may import the root agent and the root drivers it stands under.
package virtual
