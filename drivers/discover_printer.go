package drivers

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// addPrinterNode names the node that the kernel's usblp made for a printer on USB, if
// it did: CUPS and libusb take it away.
func addPrinterNode(dir string, c *candidate) {
	nodes, _ := filepath.Glob(filepath.Join(dir, "*:*/usbmisc/lp*")) // the pattern is sound
	if len(nodes) > 0 {
		c.Node = "/dev/usb/" + filepath.Base(slices.Min(nodes))
	}
}

// The makers whose printers are told apart: Epson's own models, and those that speak a
// language of their own unless they are switched over.
const (
	vendorEpson = "04B8"
	vendorStar  = "0519"
	vendorZebra = "0A5F"
)

// describePrinter says what to do with a printer and proposes lines for a person to
// take; nothing is opened because of them.
func describePrinter(f *Found, maker string) {
	f.What = "receipt printer, " + maker
	switch {
	case f.Vendor == vendorStar || f.Vendor == vendorZebra:
		f.What += ": it has to be switched to ESC/POS first"
	case f.Node == "":
		f.What += ", without a node to print on: load the kernel's driver (modprobe usblp), or take it away from CUPS"
	default:
		driver := "generic-80"
		switch {
		case f.Vendor == vendorEpson && strings.HasPrefix(f.Node, "/dev/usb/"):
			driver = "epson-tm-usb"
		case f.Vendor == vendorEpson:
			driver = "epson-tm-serial"
		default:
			f.What += `: for one made for China write "cn-gb18030"`
		}
		f.Config = fmt.Sprintf("[[printer]]\nname = \"counter\"\ndriver = %q\npath = %q\n", driver, f.Path)
	}
}
