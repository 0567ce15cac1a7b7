package wallet

import "strings"

// clean takes off what a scanner puts around a text: line ends, blanks and other
// control bytes, and an AIM symbology identifier such as "]C1" (ISO/IEC 15424).
// goods is true when that identifier says EAN/UPC, which no wallet prints.
func clean(text string) (cleaned string, goods bool) {
	text = trimEnds(text)
	if len(text) > 3 && text[0] == ']' && letter(text[1]) && (letter(text[2]) || digit(text[2])) {
		goods = text[1] == 'E'
		text = trimEnds(text[3:])
	}
	return text, goods
}

func trimEnds(text string) string {
	return strings.TrimFunc(text, func(r rune) bool { return r <= ' ' || r == 0x7f })
}

// squeeze removes blanks and line ends inside a text too, for codes that were
// typed in groups. It is wrong for a merchant's payload, whose lengths count
// the blanks of its names.
func squeeze(text string) string {
	if !strings.ContainsAny(text, " \t\r\n") {
		return text
	}
	return strings.NewReplacer(" ", "", "\t", "", "\r", "", "\n", "").Replace(text)
}

// gtin reports whether a text is an article number of a shelf barcode: EAN-8,
// UPC-A or EAN-13 with a right check digit (GS1 General Specifications, 7.9).
func gtin(text string) bool {
	if len(text) != 8 && len(text) != 12 && len(text) != 13 {
		return false
	}
	sum := 0
	for i := range len(text) {
		if !digit(text[i]) {
			return false
		}
		weight := 1
		if (len(text)-i)%2 == 0 {
			weight = 3
		}
		sum += weight * int(text[i]-'0')
	}
	return sum%10 == 0
}

func digit(b byte) bool  { return b >= '0' && b <= '9' }
func letter(b byte) bool { return b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z' }
