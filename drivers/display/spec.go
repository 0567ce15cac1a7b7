package display

import (
	"regexp"
	"strconv"

	"tillwire/agent"
	"tillwire/drivers"
	"tillwire/drivers/serial"
)

// model is one kind of display.
type model struct {
	name, help string
	baud       string
	keys       []drivers.Key
	codec      func(v *drivers.Values) Codec
}

func models() []model {
	return []model{
		{"cd5220", "pole display with two lines, command set CD5220", "9600", nil, func(*drivers.Values) Codec { return cd5220{} }},
		{"escpos-pole", "pole display with two lines, Epson DM-D and ESC/POS", "9600", []drivers.Key{
			{Name: "shared", Default: "off", Help: "on: the line goes on to a printer, so the display is chosen before each picture"},
		}, func(v *drivers.Values) Codec { return pole{v.Bool("shared")} }},
		{"led8n", "price display with eight digits and four lamps", "2400", nil, func(*drivers.Values) Codec { return led8n{} }},
		{"dgus-qr", "DWIN DGUS or TGUS panel with a QR widget", "115200", []drivers.Key{
			{Name: "qr", Default: "5000", Help: "address of the QR widget's variable, four hexadecimal digits"},
			{Name: "money", Default: "0000", Help: "address of a text variable of 20 letters for the amount; 0000 for none"},
			{Name: "page_idle", Default: "-1", Help: "picture between payments, 0 to 255; -1 to stay"},
			{Name: "page_qr", Default: "-1", Help: "picture with the QR widget"},
			{Name: "page_paid", Default: "-1", Help: "picture after a payment"},
		}, newDGUS},
		{"t5uic1-qr", "DWIN T5UIC1 panel", "115200", []drivers.Key{
			{Name: "x", Default: "10", Help: "left edge of the code in dots, 0 to 799"},
			{Name: "y", Default: "20", Help: "upper edge of the code in dots, 0 to 799"},
			{Name: "module", Default: "4", Help: "dots of a module, 1 to 15; the code takes 46 times as many"},
		}, func(v *drivers.Values) Codec {
			return t5uic1{v.Int("x", 0, 799), v.Int("y", 0, 799), v.Int("module", 1, 15)}
		}},
		{"nextion-qr", "Nextion or TJC panel with a QR component", "9600", []drivers.Key{
			{Name: "qr", Default: "qr0", Help: "the QR component in the panel's project"},
			{Name: "money", Help: "a text component for the amount"},
			{Name: "words", Help: "a text component for a few words"},
		}, newNextion},
	}
}

func newDGUS(v *drivers.Values) Codec {
	address := func(key string) uint16 {
		n, err := strconv.ParseUint(v.Text(key), 16, 16)
		if err != nil || len(v.Text(key)) != 4 {
			v.Fail(key, "must be four hexadecimal digits")
		}
		return uint16(n)
	}
	page := func(key string) int { return v.Int(key, -1, 255) }
	return dgus{qr: address("qr"), money: address("money"), pages: pages{page("page_idle"), page("page_qr"), page("page_paid")}}
}

// componentPattern is a name in a Nextion project.
var componentPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,13}$`)

func newNextion(v *drivers.Values) Codec {
	name := func(key string) string {
		text := v.Text(key)
		if text != "" && !componentPattern.MatchString(text) || text == "" && key == "qr" {
			v.Fail(key, "must be the name of a component: a letter, then letters, digits and _, at most 14")
		}
		return text
	}
	return nextion{name("qr"), name("money"), name("words")}
}

// Specs lists the drivers of this room.
func Specs() []drivers.Spec {
	var specs []drivers.Spec
	for _, m := range models() {
		specs = append(specs, drivers.Spec{
			Name: m.name, Kind: agent.KindDisplay, Help: m.help, NeedsPath: true,
			Keys: append([]drivers.Key{{Name: "baud", Default: m.baud, Help: "line speed, 50 to 4000000"}}, m.keys...),
			New: func(c drivers.Config, v *drivers.Values, e drivers.Env) (drivers.Device, error) {
				d := &device{config: c, env: e, codec: m.codec(v), open: serial.NewOpener(e.Clock).Open, kick: make(chan struct{}, 1)}
				d.screen = agent.Screen{Kind: agent.ScreenIdle}
				d.settings = serial.Settings{Baud: v.Int("baud", 50, 4_000_000)}
				return d, v.Err()
			},
		})
	}
	return append(specs, framebufferSpec())
}
