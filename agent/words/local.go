package words

import (
	"strings"

	"tillwire/agent"
)

// notation is how people write amounts where a currency is used.
type notation struct {
	sign          string
	behind        bool   // the sign stands after the amount
	space         bool   // between sign and amount
	group, point  string // between thousands, before the minor units
	lakh          bool   // groups of two above the first three, as in India
	wholeIfNoCent bool   // minor units are not in use; written only when there are any
}

// local lists the currencies that are written otherwise than ¥1,234.50 (Unicode
// CLDR, the language of the currency's own country).
var local = map[agent.Currency]notation{
	"BRL": {sign: "R$", space: true, group: ".", point: ","},
	"ARS": {sign: "$", space: true, group: ".", point: ","},
	"COP": {sign: "$", space: true, group: ".", point: ",", wholeIfNoCent: true},
	"CLP": {sign: "$", group: ".", point: ","},
	"PYG": {sign: "₲", space: true, group: ".", point: ","},
	"UYU": {sign: "$", space: true, group: ".", point: ","},
	"IDR": {sign: "Rp", space: true, group: ".", point: ",", wholeIfNoCent: true},
	"VND": {sign: "₫", behind: true, space: true, group: ".", point: ","},
	"KHR": {sign: "៛", behind: true, group: ".", point: ",", wholeIfNoCent: true},
	"LAK": {sign: "₭", group: ".", point: ",", wholeIfNoCent: true},
	"INR": {sign: "₹", group: ",", point: ".", lakh: true},
	"BDT": {sign: "৳", group: ",", point: ".", lakh: true},
	"NPR": {sign: "रु", space: true, group: ",", point: ".", lakh: true},
	"LKR": {sign: "Rs.", space: true, group: ",", point: "."},
	"PKR": {sign: "Rs", space: true, group: ",", point: "."},
	"MYR": {sign: "RM", space: true, group: ",", point: "."},
	"EUR": {sign: "€", behind: true, space: true, group: ".", point: ","},
	"CHF": {sign: "CHF", space: true, group: "’", point: "."},
	"DKK": {sign: "kr.", behind: true, space: true, group: ".", point: ","},
	"NOK": {sign: "kr", behind: true, space: true, group: "\u00a0", point: ","},
	"SEK": {sign: "kr", behind: true, space: true, group: "\u00a0", point: ","},
	"PLN": {sign: "zł", behind: true, space: true, group: "\u00a0", point: ","},
	"CZK": {sign: "Kč", behind: true, space: true, group: "\u00a0", point: ","},
	"HUF": {sign: "Ft", behind: true, space: true, group: "\u00a0", point: ",", wholeIfNoCent: true},
	"RUB": {sign: "₽", behind: true, space: true, group: "\u00a0", point: ","},
	"UAH": {sign: "₴", behind: true, space: true, group: "\u00a0", point: ","},
	"KZT": {sign: "₸", behind: true, space: true, group: "\u00a0", point: ","},
	"TRY": {sign: "₺", group: ".", point: ","},
	"ZAR": {sign: "R", space: true, group: "\u00a0", point: ","},
}

// Local writes an amount as it is written where the currency is used: R$ 1.234,50,
// ₹1,23,456.00, 1.234 ₫. It is for customers; the staff's pages write every currency
// alike with Money. The digits come from the integer; no rounding happens anywhere.
func (w *Words) Local(m agent.Money) string {
	n, known := local[m.Currency]
	if !known || m.Value < 0 {
		return w.Money(m)
	}
	whole, frac, has := strings.Cut(m.Decimal(), ".")
	text := n.groups(whole)
	if has && !(n.wholeIfNoCent && strings.Trim(frac, "0") == "") {
		text += n.point + frac
	}
	gap := ""
	if n.space {
		gap = "\u00a0" // an amount is never broken over two lines
	}
	if n.behind {
		return text + gap + n.sign
	}
	return n.sign + gap + text
}

func (n notation) groups(whole string) string {
	size, text := 3, ""
	for len(whole) > size {
		text = n.group + whole[len(whole)-size:] + text
		whole = whole[:len(whole)-size]
		if n.lakh {
			size = 2
		}
	}
	return whole + text
}
