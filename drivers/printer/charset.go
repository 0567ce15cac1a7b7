package printer

import (
	"maps"
	"slices"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/simplifiedchinese"
)

// charset is how a printer is made to print letters.
type charset struct {
	name  string
	begin []byte // selects it, after initialise
	enc   encoding.Encoding
	wide  bool // letters of two bytes take two columns
}

// charsets lists what can be chosen. A printer with Chinese letters takes any high
// byte for half of one, so its two-byte mode is left (FS .) before a code page is
// selected (ESC t n), and entered (FS &) for GB18030.
func charsets() map[string]charset {
	page := func(name string, n byte, c encoding.Encoding) charset {
		return charset{name: name, begin: []byte{fs, '.', esc, 't', n}, enc: c}
	}
	list := []charset{
		{name: "gb18030", begin: []byte{fs, '&'}, enc: simplifiedchinese.GB18030, wide: true},
		page("cp437", 0, charmap.CodePage437), page("cp850", 2, charmap.CodePage850), page("cp858", 19, charmap.CodePage858),
		page("cp1252", 16, charmap.Windows1252), page("cp866", 17, charmap.CodePage866),
	}
	byName := map[string]charset{}
	for _, c := range list {
		byName[c.name] = c
	}
	return byName
}

func charsetNames() []string { return slices.Sorted(maps.Keys(charsets())) }

// substitutes are what is written where a letter set lacks a sign: a receipt that
// says "THB 20" is right, one that says "?20" is not.
var substitutes = map[rune]string{
	'¥': "CNY ", '￥': "CNY ", '€': "EUR ", '£': "GBP ", '₩': "KRW ", '฿': "THB ", '₹': "INR ", '₫': "VND", '₱': "PHP ", '₲': "PYG ", '៛': "KHR",
	'₭': "LAK ", '৳': "BDT ", '₽': "RUB", '₴': "UAH", '₸': "KZT", '₺': "TRY ",
	'\u00a0': " ", '\u2009': " ", '\u202f': " ", '−': "-", '–': "-", '—': "-", '…': "...", '‘': "'", '’': "'", '“': "\"", '”': "\"", '×': "x", '·': ".",
}

// yen is the sign that GB18030 would spell with four bytes, which no printer knows;
// its wide form has two and looks the same.
const (
	yen     = '¥'
	wideYen = '￥'
)

// encode gives the bytes of one letter, nil when the set has none that a printer of
// this kind prints. Control characters are never letters: they would be commands.
func (c charset) encode(r rune) []byte {
	if r < 0x20 || r == 0x7f || r == utf8.RuneError || unicode.IsControl(r) {
		return nil
	}
	if r < 0x80 {
		return []byte{byte(r)}
	}
	if c.wide && r == yen {
		r = wideYen
	}
	out, err := c.enc.NewEncoder().Bytes([]byte(string(r)))
	// Four bytes are letters that printers do not have.
	if err != nil || len(out) == 0 || len(out) > 2 || out[0] < 0x80 {
		return nil
	}
	return out
}

// glyph is one letter as it goes to the printer, with the columns it takes.
type glyph struct {
	bytes []byte
	width int
}

// glyphs spells a text. What the set lacks is substituted, and marks that stand on
// another letter are left out rather than printed beside it.
func (c charset) glyphs(text string) (list []glyph) {
	for _, r := range text {
		if b := c.encode(r); b != nil {
			list = append(list, glyph{b, len(b)})
			continue
		}
		if unicode.Is(unicode.Mn, r) || unicode.Is(unicode.Cf, r) {
			continue
		}
		instead, known := substitutes[r]
		if !known {
			instead = "?"
		}
		for i := range len(instead) {
			list = append(list, glyph{[]byte{instead[i]}, 1})
		}
	}
	return list
}

// spells reports whether a text can be printed as it is.
func (c charset) spells(text string) bool {
	for _, r := range text {
		if _, known := substitutes[r]; !known && c.encode(r) == nil {
			return false
		}
	}
	return true
}
