// Package virtual has devices without hardware: a scanner whose scans come from
// the register's page or the local API, and a display that remembers what it
// was told to show. They serve people without a scanner, the demo and tests.
//
// It may import the root agent and the root drivers it stands under.
package virtual
