package drivers

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"tillwire/agent"
)

// Found is something plugged in that could be a register's device.
type Found struct {
	Node      string           `json:"node,omitempty"`      // kernel name, e.g. "/dev/ttyACM0"; empty without a node to read
	Path      string           `json:"path,omitempty"`      // the name that stays the same, for the configuration
	Vendor    string           `json:"vendor,omitempty"`    // USB vendor id, four hexadecimal digits
	Product   string           `json:"product,omitempty"`   // USB product id
	Interface string           `json:"interface,omitempty"` // USB interface number
	Serial    string           `json:"serial,omitempty"`    // serial number, if the unit has one
	Maker     string           `json:"maker,omitempty"`     // as the device says, else as its id says
	Model     string           `json:"model,omitempty"`     // as the device says
	Kind      agent.DeviceKind `json:"kind,omitempty"`      // what it probably is; empty if nothing tells
	What      string           `json:"what"`                // the same in words, with what to do
	Config    string           `json:"config,omitempty"`    // lines for the configuration file
}

// Discover lists the serial ports and the known scanners and printers below
// root, "/" outside tests. It only reads sysfs: asking a port what it is would
// mean to open and reconfigure it, and to write to a stranger's device.
func Discover(root string) ([]Found, error) {
	ttys, err := os.ReadDir(filepath.Join(root, "sys/class/tty"))
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	d := discovery{root: root, consoles: strings.Fields(attribute(filepath.Join(root, "sys/class/tty/console/active"))), usb: map[string]bool{}}
	d.byID = d.links("dev/serial/by-id", "dev/input/by-id", "dev/pos")
	d.byPath = d.links("dev/serial/by-path", "dev/input/by-path")
	for _, tty := range ttys {
		if d.serialPort(tty.Name()) {
			d.addPort(tty.Name())
		}
	}
	d.addWithoutPort()
	out := make([]Found, len(d.found))
	for i, c := range d.found {
		out[i] = d.describe(c)
	}
	return out, nil
}

type discovery struct {
	root         string
	consoles     []string
	byID, byPath map[string]string // node to link
	usb          map[string]bool   // USB devices that have a port
	found        []candidate
}

// candidate is a find that is not described yet.
type candidate struct {
	Found
	mode usbMode
}

// serialPort reports whether a tty is a port that something may hang on.
func (d *discovery) serialPort(name string) bool {
	if slices.Contains(d.consoles, name) {
		return false // the kernel's own console: never offered
	}
	for _, prefix := range []string{"ttyACM", "ttyUSB", "ttyAMA", "ttymxc"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	if !strings.HasPrefix(name, "ttyS") {
		return false
	}
	// Most ttyS are placeholders of the driver; type 0 is "no such port".
	kind := attribute(filepath.Join(d.root, "sys/class/tty", name, "type"))
	return kind != "" && kind != "0"
}

func (d *discovery) addPort(name string) {
	c := candidate{Found: Found{Node: "/dev/" + name}}
	if dir, err := filepath.EvalSymlinks(filepath.Join(d.root, "sys/class/tty", name, "device")); err == nil {
		d.climb(dir, &c)
	}
	d.found = append(d.found, c)
}

// climb walks from a port's directory to the USB device it belongs to. Newer
// kernels put layers between, so it looks for what it needs instead of
// counting. Without one the port is soldered on the board.
func (d *discovery) climb(dir string, c *candidate) {
	top, err := filepath.EvalSymlinks(filepath.Join(d.root, "sys/devices"))
	if err != nil {
		return
	}
	for ; strings.HasPrefix(dir, top+string(filepath.Separator)); dir = filepath.Dir(dir) {
		if c.Interface == "" {
			c.Interface = attribute(filepath.Join(dir, "bInterfaceNumber"))
		}
		if attribute(filepath.Join(dir, "idVendor")) != "" {
			d.usb[dir] = true
			c.readUSB(dir)
			return
		}
	}
}

// readUSB fills in what a USB device says about itself and what its id says.
func (c *candidate) readUSB(dir string) {
	c.Vendor = strings.ToUpper(attribute(filepath.Join(dir, "idVendor")))
	c.Product = strings.ToUpper(attribute(filepath.Join(dir, "idProduct")))
	c.Serial = plain(attribute(filepath.Join(dir, "serial")))
	c.Maker = plain(attribute(filepath.Join(dir, "manufacturer")))
	c.Model = plain(attribute(filepath.Join(dir, "product")))
	row, ok := identify(c.Vendor, c.Product)
	if !ok {
		return
	}
	c.Kind, c.mode = row.kind, row.mode
	if c.Maker == "" {
		c.Maker = row.maker
	}
}

// addWithoutPort adds known scanners and printers that are plugged in but offer
// no serial port: the usual reason why "the scanner does not work".
func (d *discovery) addWithoutPort() {
	base := filepath.Join(d.root, "sys/bus/usb/devices")
	entries, err := os.ReadDir(base)
	if err != nil {
		return // no USB on this machine
	}
	for _, e := range entries {
		dir, err := filepath.EvalSymlinks(filepath.Join(base, e.Name()))
		if err != nil || d.usb[dir] || attribute(filepath.Join(dir, "idVendor")) == "" {
			continue
		}
		c := candidate{}
		if c.readUSB(dir); c.Kind != "" {
			d.addNodes(dir, &c)
			if c.Kind == agent.KindPrinter {
				addPrinterNode(dir, &c)
			}
			d.found = append(d.found, c)
		}
	}
}

// links maps device nodes to the links that udev made for them in the folders;
// the first folder that has one counts.
func (d *discovery) links(dirs ...string) map[string]string {
	out := map[string]string{}
	for _, dir := range dirs {
		entries, err := os.ReadDir(filepath.Join(d.root, dir))
		if err != nil {
			continue // no such device was ever plugged in
		}
		for _, e := range entries {
			target, err := os.Readlink(filepath.Join(d.root, dir, e.Name()))
			if err != nil {
				continue
			}
			if !filepath.IsAbs(target) {
				target = filepath.Join("/", dir, target)
			}
			// udev takes a device's own words into the name; one that cannot be shown
			// is none to write down.
			if out[target] == "" && plain(e.Name()) == e.Name() {
				out[target] = filepath.Join("/", dir, e.Name())
			}
		}
	}
	return out
}

// describe chooses the stable name and says what the thing probably is.
func (d *discovery) describe(c candidate) Found {
	f := c.Found
	if f.Node != "" {
		f.Path = d.stablePath(f)
	}
	maker := strings.TrimSpace(f.Maker + " " + f.Model)
	switch {
	case f.Kind == agent.KindPrinter:
		describePrinter(&f, maker)
	case c.mode == modeKeyboard:
		f.What = "scanner, " + maker + ", working as a keyboard: scan the setup code for USB serial (USB-COM, CDC) in its manual"
		if f.Node != "" {
			f.What += ", or read it as it is with these lines"
			f.Config = scannerLines(f.Path, scannerDriver(f.Vendor, c.mode))
		}
	case f.Node == "":
		f.What = "scanner, " + maker + ", without a serial port: scan the setup code for USB serial (USB-COM, CDC) in its manual"
	case f.Kind == agent.KindScanner:
		f.What = "scanner, " + maker
		f.Config = scannerLines(f.Path, scannerDriver(f.Vendor, c.mode))
	case c.mode == modeAdapter:
		f.What = "serial adapter, " + maker + ": look at what hangs on its cable; for a scanner use these lines"
		f.Config = scannerLines(f.Path, "line") + "baud = 9600\n"
	case f.Vendor == "":
		f.What = "serial port of the computer: look at what hangs on its cable; for a scanner use these lines"
		f.Config = scannerLines(f.Path, "line") + "baud = 9600\n"
	default:
		f.What = strings.TrimSpace("unknown USB serial device "+maker) + ": for a scanner use these lines"
		f.Config = scannerLines(f.Path, "line") + "baud = 9600\n"
	}
	return f
}

func scannerLines(path, driver string) string {
	return fmt.Sprintf("[lane.scanner]\ndriver = %q\npath = %q\n", driver, path)
}

// stablePath is the name by id, or by socket when units without a serial number
// share their id: udev then has one link for both of them.
func (d *discovery) stablePath(f Found) string {
	shared := false
	for _, o := range d.found {
		if o.Node != f.Node && f.Serial == "" && o.Serial == "" && o.Vendor == f.Vendor && o.Product == f.Product && o.Interface == f.Interface {
			shared = true
		}
	}
	if link := d.byID[f.Node]; link != "" && !shared {
		return link
	}
	if link := d.byPath[f.Node]; link != "" {
		return link
	}
	return f.Node
}

// wordsMost bounds what a device says of itself, in letters; a USB string has no more.
const wordsMost = 126

// plain is what a stranger's device says of itself, fit for a terminal and a page: letters
// of any script, and nothing that moves the cursor, turns the writing round or ends a line.
func plain(said string) string {
	letters := 0
	return strings.Map(func(r rune) rune {
		switch letters++; {
		case letters > wordsMost:
			return -1
		case r == utf8.RuneError || !unicode.IsGraphic(r):
			return '?'
		}
		return r
	}, said)
}

// attribute reads a sysfs file, empty when it is missing or unreadable: kernels
// and devices differ in what they have.
func attribute(path string) string {
	b, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
