package printer

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"

	"tillwire/agent"
	"tillwire/drivers"
)

// Specs lists the drivers of this room: one for each profile.
func Specs() []drivers.Spec {
	var specs []drivers.Spec
	for _, p := range Profiles() {
		specs = append(specs, drivers.Spec{Name: p.Name, Kind: agent.KindPrinter, Help: p.Help, Keys: keys(p),
			New: func(c drivers.Config, v *drivers.Values, e drivers.Env) (drivers.Device, error) {
				return newDevice(p, c, v, e)
			}})
	}
	return specs
}

func keys(p Profile) []drivers.Key {
	return []drivers.Key{
		{Name: "address", Help: "host or host:port of a printer on the network, instead of a path; the port is 9100 where none is written"},
		{Name: "baud", Default: "9600", Help: "speed of a serial line: 2400 to 115200"},
		{Name: "flow", Default: "none", Help: "how a serial printer stops us: none, rtscts or xonxoff"},
		{Name: "charset", Default: p.Charset, Help: "letters: gb18030 for printers made for China, else a code page: " + fmt.Sprint(charsetNames())},
		{Name: "language", Help: "language of the slips, checked against the letters"},
		{Name: "columns", Default: strconv.Itoa(p.Columns), Help: "letters in a row: 32 on 58 mm, 48 on 80 mm, 42 on older Epson; 24 to 64"},
		{Name: "dots", Default: strconv.Itoa(p.Dots), Help: "dots in a row: 384 on 58 mm, 576 on 80 mm, 512 on older Epson; 256 to 832"},
		{Name: "qr", Default: onOff(p.QR), Help: "on: the printer draws QR codes itself; off: dot by dot, which all can"},
		{Name: "status", Default: onOff(p.Status), Help: "on: the printer answers when asked how it is"},
		{Name: "proof", Default: onOff(p.Proof), Help: "on: the printer tells when a slip is on paper (Epson's GS ( H)"},
		{Name: "cut", Default: onOff(p.Cut), Help: "on: there is a knife"},
		{Name: "drawer", Default: "pin2", Help: "the line that opens the cash drawer: pin2, pin5, both or none"},
	}
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

// sample holds letters that a language's slips need; one without a sample needs none
// but those that every printer has.
var sample = map[string]string{"zh-CN": "收据", "fr": "àâçéèêîôùû", "pt-BR": "ãáâàçéêíóôõú", "th": "ใบเสร็จ", "hi": "रसीद", "ar": "إيصال"}

// Prints reports whether slips in a language come out of a printer of this driver as
// they are written; charset is what its configuration sets, "" for the driver's own.
func Prints(driver, charset, language string) bool {
	for _, p := range Profiles() {
		if p.Name == driver && charset == "" {
			charset = p.Charset
		}
	}
	set, known := charsets()[charset]
	return !known || set.spells(sample[language]) // what is not known is said elsewhere
}

// Charsets lists the letter sets that have the letters of a language, sorted; there is
// none for scripts whose letters change with their neighbours.
func Charsets(language string) (list []string) {
	for _, name := range charsetNames() {
		if charsets()[name].spells(sample[language]) {
			list = append(list, name)
		}
	}
	return list
}

func newDevice(p Profile, c drivers.Config, v *drivers.Values, e drivers.Env) (*device, error) {
	d := &device{config: c, env: e, wake: make(chan struct{}, 1), last: rand.Uint32()}
	p.Charset = v.Choice("charset", charsetNames()...)
	p.Columns, p.Dots = v.Int("columns", 24, 64), v.Int("dots", 256, 832)
	p.QR, p.Status, p.Proof, p.Cut = v.Bool("qr"), v.Bool("status"), v.Bool("proof"), v.Bool("cut")
	d.profile = p
	if language := v.Text("language"); !charsets()[p.Charset].spells(sample[language]) {
		do := "no letters of these printers do; set language = \"en\""
		if sets := Charsets(language); len(sets) > 0 {
			do = fmt.Sprintf("set charset to what the printer has of %v, or language = \"en\"", sets)
		}
		v.Fail("language", fmt.Sprintf("the letters %s do not have it: %s", p.Charset, do))
	}
	if p.Proof && !p.Status {
		v.Fail("proof", "needs status = \"on\": what is not read cannot be told")
	}
	d.pins = map[string][]byte{"pin2": {0}, "pin5": {1}, "both": {0, 1}, "none": nil}[v.Choice("drawer", "pin2", "pin5", "both", "none")]
	d.connect(v)
	return d, v.Err()
}

// connect decides how the line is opened.
func (d *device) connect(v *drivers.Values) {
	address := v.Text("address")
	switch {
	case (address == "") == (d.config.Path == ""):
		v.Fail("address", "give either the path of a USB or serial printer, or the address of one on the network")
	case address != "":
		if _, _, err := net.SplitHostPort(address); err != nil {
			address = net.JoinHostPort(address, "9100")
		}
		d.rate = leastRate
		d.open = func(ctx context.Context) (conn, error) { return dial(ctx, address) }
	default:
		line := serialLine{baud: v.Int("baud", 2400, 115200)}
		if bauds()[line.baud] == 0 {
			v.Fail("baud", fmt.Sprintf("must be one of %v", slices.Sorted(maps.Keys(bauds()))))
		}
		flow := v.Choice("flow", "none", "rtscts", "xonxoff")
		line.rtscts, line.xonxoff = flow == "rtscts", flow == "xonxoff"
		d.rate, d.lasting = min(lineRate(line.baud), leastRate), true
		d.open = func(context.Context) (conn, error) { return openNode(d.config.Path, line) }
	}
}
