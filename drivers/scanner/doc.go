// Package scanner turns what a barcode scanner sends into scans. The codecs
// are pure: times and bytes in, events and bytes out, no I/O, no goroutine, no
// clock of their own, so a capture from a shop replays exactly as it happened.
// The device on top owns the serial port and delivers scans to a sink.
//
// It may import the root agent, the root drivers it stands under and the leaf
// drivers/serial.
package scanner
