package drivers

import (
	"strings"

	"tillwire/agent"
)

// usbMode is how a USB device presents itself.
type usbMode string

const (
	modeSerial   usbMode = "serial"   // a serial port: what we want of a scanner
	modeKeyboard usbMode = "keyboard" // types what it scans
	modeHIDPOS   usbMode = "hid-pos"  // HID reports of usage page 8C
	modeOther    usbMode = "other"    // a protocol of its own
	modeAdapter  usbMode = "adapter"  // a serial adapter: says nothing about what hangs on it
	modeUnknown  usbMode = ""
)

// usbID is a row of the table of known devices. An empty product is any
// product of that vendor that has no row of its own.
type usbID struct {
	vendor, product string // hexadecimal, upper case
	maker           string
	kind            agent.DeviceKind
	mode            usbMode
}

// The ids come from usb.ids and from vendors' udev rules; what a product is in
// is only known where a mode stands.
func usbIDs() []usbID {
	const scanner, printer = agent.KindScanner, agent.KindPrinter
	return []usbID{
		{"0C2E", "0200", "Honeywell/Metrologic", scanner, modeKeyboard},
		{"0C2E", "0204", "Honeywell/Metrologic", scanner, modeKeyboard},
		{"0C2E", "0700", "Honeywell/Metrologic", scanner, modeSerial},
		{"0C2E", "0720", "Honeywell/Metrologic", scanner, modeSerial},
		{"0C2E", "0B6A", "Honeywell Vuquest 3310", scanner, modeUnknown},
		{"0C2E", "0B81", "Honeywell Voyager 1400g", scanner, modeUnknown},
		{"0C2E", "", "Honeywell/Metrologic", scanner, modeUnknown},
		{"0536", "", "Hand Held Products", scanner, modeUnknown},
		{"05E0", "0600", "Zebra/Symbol (Simple COM)", scanner, modeSerial},
		{"05E0", "1200", "Zebra/Symbol", scanner, modeKeyboard},
		{"05E0", "1300", "Zebra/Symbol (IBM hand-held)", scanner, modeOther},
		{"05E0", "1400", "Zebra/Symbol (IBM table-top)", scanner, modeOther},
		{"05E0", "1701", "Zebra/Symbol (CDC)", scanner, modeSerial},
		{"05E0", "1900", "Zebra/Symbol (SNAPI)", scanner, modeOther},
		{"05E0", "", "Zebra/Symbol", scanner, modeUnknown},
		{"05F9", "2202", "Datalogic/PSC", scanner, modeKeyboard},
		{"05F9", "2206", "Datalogic/PSC", scanner, modeKeyboard},
		{"05F9", "221A", "Datalogic/PSC", scanner, modeKeyboard},
		{"05F9", "4204", "Datalogic (USB-COM)", scanner, modeSerial},
		{"05F9", "", "Datalogic/PSC", scanner, modeUnknown},
		{"1EAB", "", "Newland", scanner, modeUnknown}, // see newlandMode
		{"27DD", "0002", "Mindeo (VCOM)", scanner, modeSerial},
		{"27DD", "", "Mindeo", scanner, modeUnknown},
		{"23D0", "", "a scanner maker", scanner, modeUnknown},
		{"324F", "", "Sunmi", scanner, modeUnknown},
		{"065A", "", "Opticon", scanner, modeUnknown},
		{"0581", "", "Tera and others", scanner, modeUnknown},
		{"24EA", "", "Meva", scanner, modeUnknown},
		{"067E", "", "Intermec", scanner, modeUnknown},
		{"1EC8", "", "Unitech", scanner, modeUnknown},
		{"04B4", "0100", "Cino", scanner, modeUnknown},
		{"0416", "C141", "Winbond barcode", scanner, modeUnknown},

		{"0403", "6001", "FTDI", "", modeAdapter},
		{"0403", "6015", "FTDI", "", modeAdapter},
		{"067B", "2303", "Prolific", "", modeAdapter},
		{"067B", "23A3", "Prolific", "", modeAdapter},
		{"10C4", "EA60", "Silicon Labs CP210x", "", modeAdapter},
		{"1A86", "7523", "CH340", "", modeAdapter},
		{"1A86", "5523", "CH340", "", modeAdapter},
		{"1A86", "7522", "CH340", "", modeAdapter},
		{"0483", "5740", "ST virtual port", "", modeAdapter},
		{"0525", "A4A7", "Linux gadget", "", modeAdapter},
		{"0416", "5011", "Winbond virtual port", "", modeAdapter},

		{"04B8", "", "Epson", printer, modeUnknown},
		{"0519", "", "Star", printer, modeUnknown},
		{"1504", "", "Bixolon", printer, modeUnknown},
		{"1D90", "", "Citizen", printer, modeUnknown},
		{"2730", "", "Citizen", printer, modeUnknown},
		{"0DD4", "", "Custom", printer, modeUnknown},
		{"154F", "", "SNBC", printer, modeUnknown},
		{"0FE6", "", "a 58/80 mm printer", printer, modeUnknown},
		{"0A5F", "", "Zebra label printer", printer, modeUnknown},
	}
}

// identify finds the row for a device, the exact product before the vendor.
func identify(vendor, product string) (usbID, bool) {
	var found usbID
	ok := false
	for _, row := range usbIDs() {
		if row.vendor != vendor {
			continue
		}
		if row.product == product {
			return row, true
		}
		if row.product == "" {
			found, ok = row, true
		}
	}
	if ok && vendor == "1EAB" {
		found.mode = newlandMode(product)
	}
	return found, ok
}

// newlandMode reads the mode from a Newland product id: its low byte is 03
// for a keyboard, 06 for serial, 10 for HID-POS.
func newlandMode(product string) usbMode {
	switch {
	case strings.HasSuffix(product, "03"):
		return modeKeyboard
	case strings.HasSuffix(product, "06"):
		return modeSerial
	case strings.HasSuffix(product, "10"):
		return modeHIDPOS
	}
	return modeUnknown
}
