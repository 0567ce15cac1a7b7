// Package drivers is the root of everything that is plugged into a register:
// the list of drivers, what a device must be able to do, its supervision, the
// claims that keep two owners off one port, and finding what is plugged in.
//
// It imports the root agent, the standard library and golang.org/x/sys, and
// nothing of its own rooms: a driver imports drivers, never the reverse, and
// cmd lists the drivers as values.
package drivers
