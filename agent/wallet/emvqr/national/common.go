package national

import (
	"slices"
	"strings"
	"unicode/utf8"

	"tillwire/agent/wallet/emvqr"
)

// names of the objects that may be required or too long (EMVCo MPM 1.1,
// table 3.2 and following).
var names = map[string]string{
	"01": "point of initiation", "52": "merchant category", "53": "currency", "54": "amount",
	"58": "country", "59": "merchant name", "60": "city", "61": "postal code",
}

// common checks what EMVCo and the row ask of any code of the scheme.
func (c *complaints) common(p emvqr.Payload, s scheme) {
	version := s.version
	if version == "" {
		version = "01"
	}
	if got := p.Get("00"); got != version {
		c.add("00, the format indicator, is %s, not %s", got, version)
	}
	if v := p.Get("01"); v != "" && v != "11" && v != "12" {
		c.add("01, the point of initiation, is %s, neither 11 (static) nor 12 (dynamic)", v)
	}
	if !slices.ContainsFunc(p.Objects, func(o emvqr.Object) bool { return "02" <= o.ID && o.ID <= "51" }) {
		c.add("no merchant account is given (02 to 51)")
	}
	// What EMVCo calls mandatory is not asked of every scheme: good codes of
	// PromptPay or VietQR have neither name nor category.
	for _, id := range s.required {
		if p.Get(id) == "" {
			c.add("%s, the %s, is missing", id, names[id])
		}
	}
	c.place(p, s)
	c.amount(p, s)
	c.tip(p)
	c.lengths(p)
}

// place checks category, currency and country. Currency and country tell a
// code that was put together from another scheme's sample.
func (c *complaints) place(p emvqr.Payload, s scheme) {
	if v := p.Get("52"); v != "" && !(len(v) == 4 && digits(v)) {
		c.add("52, the merchant category, is not 4 digits")
	}
	switch v := p.Get("53"); {
	case v == "":
	case len(v) != 3 || !digits(v):
		c.add("53, the currency, is not 3 digits")
	case s.Currencies != nil && !slices.Contains(s.Currencies, v):
		c.add("53, the currency, is %s; %s uses %s", v, s.Title, strings.Join(s.Currencies, ", "))
	}
	switch v := p.Get("58"); {
	case v == "":
	case len(v) != 2 || v != strings.ToUpper(v) || !alphanumeric(v) || strings.ContainsAny(v, "0123456789"):
		c.add("58, the country, is not two capital letters")
	case s.Country != "" && v != s.Country:
		c.add("58, the country, is %s; %s uses %s", v, s.Title, s.Country)
	}
}

// amount does not compare with 01: codes marked static carry amounts, codes
// marked dynamic lack them, and both are paid every day.
func (c *complaints) amount(p emvqr.Payload, s scheme) {
	v := p.Get("54")
	if v == "" {
		return
	}
	if !decimal(v, 13) {
		c.add("54, the amount, is not a number of at most 13 digits with a point for decimals")
		return
	}
	if strings.Trim(v, "0.") == "" {
		c.add("54, the amount, is zero; a code without an amount leaves it out")
	}
	_, fraction, _ := strings.Cut(v, ".")
	// Zeros behind the last decimal are common (1000.00 rupiah) and harmless.
	if allowed, known := s.places(p.Get("53")); known && len(strings.TrimRight(fraction, "0")) > allowed {
		c.add("54, the amount, has more decimals than the currency has (%d)", allowed)
	}
}

// decimal tells whether v is digits with at most one point among them, no
// sign and no separator, within most characters.
func decimal(v string, most int) bool {
	whole, fraction, _ := strings.Cut(v, ".")
	return len(v) <= most && digits(whole) && (fraction == "" || digits(fraction))
}

// tip checks that 55 goes with what it promises: 01 asks the payer, 02 needs
// the fixed fee of 56, 03 the percentage of 57.
func (c *complaints) tip(p emvqr.Payload) {
	indicator, fixed, percent := p.Get("55"), p.Get("56"), p.Get("57")
	switch indicator {
	case "", "01", "02", "03":
	default:
		c.add("55, the tip indicator, is %s, not 01, 02 or 03", indicator)
	}
	if (indicator == "02") != (fixed != "") {
		c.add("55 and 56 disagree: a fixed fee needs the indicator 02 and an amount in 56")
	}
	if (indicator == "03") != (percent != "") {
		c.add("55 and 57 disagree: a percentage needs the indicator 03 and a number in 57")
	}
	if fixed != "" && !decimal(fixed, 13) {
		c.add("56, the fixed fee, is not a number of at most 13 digits with a point for decimals")
	}
	if percent != "" && !(decimal(percent, 5) && len(strings.TrimLeft(strings.SplitN(percent, ".", 2)[0], "0")) <= 2 && strings.Trim(percent, "0.") != "") {
		c.add("57, the percentage, is not between 00.01 and 99.99")
	}
}

// longest are the limits of EMVCo in characters, not bytes: names may be in
// any script.
var longest = []struct {
	id   string
	most int
}{{"59", 25}, {"60", 15}, {"61", 10}}

func (c *complaints) lengths(p emvqr.Payload) {
	for _, limit := range longest {
		id, most := limit.id, limit.most
		if n := utf8.RuneCountInString(p.Get(id)); n > most {
			c.add("%s, the %s, has %d characters; %d are allowed", id, names[id], n, most)
		}
	}
	for _, o := range p.Objects {
		if o.ID != "62" {
			continue
		}
		if o.Nested == nil {
			c.add("62, the additional data, does not hold objects")
		}
		for _, n := range o.Nested {
			if count := utf8.RuneCountInString(n.Value); n.ID <= "11" && count > 25 {
				c.add("62.%s has %d characters; 25 are allowed", n.ID, count)
			}
		}
	}
}
