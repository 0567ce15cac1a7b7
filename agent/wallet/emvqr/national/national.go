// Package national knows the schemes that use EMV codes: by what a code is
// recognised as theirs, which objects it must carry and what these may hold.
// One row of the table is one scheme, for reading and for writing; adding one adds
// a row and a golden file.
//
// It imports the standard library, the root agent and its own root emvqr, nothing
// else of ours.
package national

import (
	"slices"
	"strings"

	"tillwire/agent/wallet/emvqr"
)

// Profile is a scheme as a person or a route knows it.
type Profile struct {
	Name       string   // lower case, as in tillwire code --json: "promptpay"
	Title      string   // "PromptPay"
	Country    string   // ISO 3166 alpha-2, "" when the scheme has none
	Currencies []string // ISO 4217 numeric, as in object 53; nil for any
}

// scheme is one row: how to recognise a merchant-presented code and what it
// should carry.
type scheme struct {
	Profile
	guids    []string                 // value of 00 in an account template, any case
	in       []string                 // templates to look in; nil is accountTemplate
	matches  func(emvqr.Payload) bool // for what has no GUID
	version  string                   // object 00; "" is "01"
	required []string                 // top-level objects
	template []rule                   // inside the recognised template
	extra    func(emvqr.Payload, *complaints)
	decimals map[string]int // of an amount by currency (53), where it is not the currency's exponent
	write    writing
	shares   bool // other brands' accounts may stand in its codes
}

// Identify names the scheme of a merchant-presented code and lists, in
// sentences, what the scheme would complain about. A code of no known scheme
// is "emv". The grammar is not looked at again: emvqr.ReadMerchant did.
func Identify(p emvqr.Payload) (Profile, []string) {
	for _, s := range merchantSchemes {
		account, found := s.find(p)
		if !found {
			continue
		}
		var c complaints
		c.common(p, s)
		for _, r := range s.template {
			r.check(account, &c)
		}
		if s.extra != nil {
			s.extra(p, &c)
		}
		return s.Profile, c
	}
	// Not reached: the last row matches every code.
	return Profile{Name: "emv", Title: "EMV"}, nil
}

// find returns the template that shows the code to be the scheme's.
func (s scheme) find(p emvqr.Payload) (emvqr.Object, bool) {
	if s.matches != nil {
		return emvqr.Object{}, s.matches(p)
	}
	for _, o := range p.Objects {
		if s.in == nil && !accountTemplate(o.ID) || s.in != nil && !slices.Contains(s.in, o.ID) {
			continue
		}
		for _, guid := range s.guids {
			if strings.EqualFold(value(o, "00"), guid) {
				return o, true
			}
		}
	}
	return emvqr.Object{}, false
}

// accountTemplate tells where a scheme puts its account: 26 to 51 by EMVCo, and
// 80, where a recurring Pix has it.
func accountTemplate(id string) bool { return "26" <= id && id <= "51" || id == "80" }

// value returns the text of an object directly inside a template, or "".
func value(template emvqr.Object, id string) string {
	for _, o := range template.Nested {
		if o.ID == id {
			return o.Value
		}
	}
	return ""
}
