// Package lab is the fault laboratory: a whole shop in one process (the real
// store, engine, replayer, wallet client and sandbox cloud) that trades, breaks and
// is judged by an oracle with named checks. The campaigns are the tests of the
// folders below; `make campaign` runs them at full size, `make test` at the size
// of a merge, and a failure of either prints the command that repeats it.
//
// Nothing here is in a shipped program. As all of cmd it may import everything.
package lab
