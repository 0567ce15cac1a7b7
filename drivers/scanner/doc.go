// Package scanner turns what a barcode scanner sends into scans. The codecs
// are pure: times and bytes in, events and bytes out, no I/O, no goroutine, no
// clock of their own, so a capture from a shop replays exactly as it happened.
// The device on top owns the port, delivers scans to a sink, switches the
// scanner's trigger with the payment that waits, and tells it what was taken.
//
// A profile is a protocol (a codec in Go and a line in protocols) or a product
// that speaks one (a folder in products, without Go). Every profile passes the
// contract in scannertest.
//
// What has not met real hardware: the byte forms are those of the makers'
// manuals, and the serial ports of the tests are pseudo-terminals, so neither
// a firmware's own reading of its manual nor USB unplugging is covered. The
// nodes of keyboards (evdev) and of HID POS scanners (hidraw) were read on
// pipes and pseudo-terminals only; the four ioctls in ioctl.go, which look for
// the keys there are and grab a keyboard, ran nowhere with success, because no
// such device was at hand. Try these on a bench before promising them.
//
// It imports the root agent, the root drivers it stands under, the leaf
// drivers/serial, go-toml for the products' files and golang.org/x/sys for the
// nodes of devices.
package scanner
