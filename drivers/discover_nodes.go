package drivers

import (
	"path/filepath"
	"slices"
	"strings"
)

// addNodes finds the nodes of a device without a serial port: the event node of
// one that types like a keyboard, the hidraw node of one that speaks HID POS.
// dir is the USB device in sysfs. Only names are read, nothing is opened.
func (d *discovery) addNodes(dir string, c *candidate) {
	patterns := map[usbMode]string{
		modeKeyboard: "*:*/*/input/input*/event*",
		modeHIDPOS:   "*:*/*/hidraw/hidraw*",
	}
	pattern, ok := patterns[c.mode]
	if !ok {
		return
	}
	nodes, _ := filepath.Glob(filepath.Join(dir, pattern)) // the pattern is sound
	slices.Sort(nodes)
	for _, n := range nodes {
		node := "/dev/" + filepath.Base(n)
		if c.mode == modeKeyboard {
			node = "/dev/input/" + filepath.Base(n)
		}
		// A keyboard has more nodes than the one that types; udev names that one.
		if c.Node == "" || strings.HasSuffix(d.byID[node], "-event-kbd") {
			c.Node = node
			c.Interface = attribute(filepath.Join(dir, interfaceOf(dir, n), "bInterfaceNumber"))
		}
	}
}

// interfaceOf is the folder of the USB interface on the way from dir to node.
func interfaceOf(dir, node string) string {
	rest := strings.TrimPrefix(node, dir+string(filepath.Separator))
	name, _, _ := strings.Cut(rest, string(filepath.Separator))
	return name
}

// scannerDriver proposes what a scanner speaks, by its maker and mode. It is a
// proposal for a person: nothing is opened because of it.
func scannerDriver(vendor string, mode usbMode) string {
	switch mode {
	case modeKeyboard:
		return "hid-wedge"
	case modeHIDPOS:
		switch vendor {
		case "1EAB":
			return "newland-hid-pos"
		case "0C2E", "0536":
			return "honeywell-hid-pos"
		}
		return "hid-pos"
	}
	switch vendor {
	case "0C2E", "0536":
		return "honeywell-voyager"
	case "05E0":
		return "zebra-ds-com"
	case "05F9":
		return "datalogic-usb-com"
	case "1EAB":
		return "newland-cdc"
	case "324F":
		return "sunmi-scanner"
	}
	return "line"
}
