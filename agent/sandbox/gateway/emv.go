package gateway

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"tillwire/agent"
)

// tlv writes one object of a merchant-presented code. The length counts
// characters (EMVCo merchant-presented mode).
func tlv(id, value string) string {
	if value == "" {
		return ""
	}
	return fmt.Sprintf("%s%02d%s", id, utf8.RuneCountInString(value), value)
}

// sealed puts the checksum behind a code. It is made over the bytes, its own id
// and length included.
func sealed(code string) string {
	code += "6304"
	crc := uint16(0xffff)
	for _, b := range []byte(code) {
		crc ^= uint16(b) << 8
		for range 8 {
			carry := crc&0x8000 != 0
			crc <<= 1
			if carry {
				crc ^= 0x1021
			}
		}
	}
	return code + fmt.Sprintf("%04X", crc)
}

// numbers are the ISO 4217 numbers of the currencies in the table of brands.
var numbers = map[agent.Currency]string{"THB": "764", "BRL": "986", "SGD": "702", "IDR": "360", "MYR": "458", "VND": "704",
	"KHR": "116", "USD": "840", "HKD": "344", "CNY": "156", "JPY": "392"}

// whole are currencies whose people write no decimals, whatever ISO 4217 says.
var whole = map[agent.Currency]bool{"IDR": true, "KHR": true}

// amount writes object 54.
func amount(m agent.Money) string {
	text := m.Decimal()
	if whole[m.Currency] {
		text = strings.TrimSuffix(text, ".00")
	}
	return text
}

// printable is what stands in objects 59 and 60: ASCII, at most so many
// characters. A name with nothing of that is replaced.
func printable(s string, most int, otherwise string) string {
	var b strings.Builder
	for _, r := range s {
		if ' ' <= r && r <= '~' && b.Len() < most {
			b.WriteRune(r)
		}
	}
	if text := strings.TrimSpace(b.String()); text != "" {
		return text
	}
	return otherwise
}

// local is a name in the payer's own script, cut by characters; empty where ASCII
// says it all.
func local(s string, most int) string {
	runes := []rune(s)
	if strings.IndexFunc(s, func(r rune) bool { return r > '~' }) < 0 {
		return ""
	}
	return string(runes[:min(len(runes), most)])
}
