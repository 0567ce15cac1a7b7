package printer

import (
	"slices"

	"tillwire/agent/qr"
)

// Profile is what a kind of printer can do. Its fields are the defaults of keys that
// a configuration may set otherwise.
type Profile struct {
	Name    string // what is written behind "driver ="
	Help    string // one line
	Columns int    // letters in a row of the smaller font
	Dots    int    // dots in a row: 384 on paper of 58 mm, 576 on 80 mm
	Charset string // a name of charsets
	QR      bool   // draws QR codes itself
	Status  bool   // answers when asked how it is
	Proof   bool   // tells when a job is on paper
	Cut     bool   // has a knife
}

// Profiles lists the products that a configuration can name. What a maker's other
// models can do is set with keys; "generic-58" and "generic-80" promise nothing.
func Profiles() []Profile {
	return []Profile{
		{Name: "epson-tm-usb", Help: "Epson TM-T20, T82, T88, m30 and their like, 80 mm, on USB", Columns: 48, Dots: 576, Charset: "cp858", QR: true, Status: true, Proof: true, Cut: true},
		{Name: "epson-tm-tcp", Help: "the same on the network, port 9100", Columns: 48, Dots: 576, Charset: "cp858", QR: true, Status: true, Proof: true, Cut: true},
		{Name: "epson-tm-serial", Help: "the same on a serial line", Columns: 48, Dots: 576, Charset: "cp858", QR: true, Status: true, Proof: true, Cut: true},
		{Name: "cn-gb18030", Help: "80 mm printers made for China: Gprinter, Xprinter, Sprt, Rongta", Columns: 48, Dots: 576, Charset: "gb18030", QR: true, Status: true, Cut: true},
		{Name: "cn-gb18030-58", Help: "58 mm printers made for China", Columns: 32, Dots: 384, Charset: "gb18030", QR: true, Status: true},
		{Name: "generic-80", Help: "any ESC/POS printer, 80 mm", Columns: 48, Dots: 576, Charset: "cp437", Cut: true},
		{Name: "generic-58", Help: "any ESC/POS printer, 58 mm", Columns: 32, Dots: 384, Charset: "cp437"},
	}
}

// FindProfile returns the profile called name.
func FindProfile(name string) (Profile, bool) {
	list := Profiles()
	i := slices.IndexFunc(list, func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return Profile{}, false
	}
	return list[i], true
}

// The dots of one module of a printed code: fewer than three are hard to read at
// 203 dots an inch, more than eight waste paper.
const (
	leastModule = 3
	niceModule  = 6
)

// module is how many dots a module may have, so that a code of so many modules with
// its quiet zone fits the paper; 0 when it cannot be printed legibly.
func (p Profile) module(modules int) int {
	dots := min(p.Dots/modules, niceModule)
	if dots < leastModule {
		return 0
	}
	return dots
}

// paperLevel is the correction of printed codes: paper is crumpled, but not worn.
const paperLevel = qr.M
