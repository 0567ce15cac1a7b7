package main

import "strings"

// names are what the objects of a code are called for people: under the object's own
// id, and under "62.07" inside a template. "*.07" stands for it inside any, "account"
// and "template" for those that have no name of their own.
type names map[string]string

// of finds the name of an object by the ids that lead to it.
func (n names) of(path ...string) string {
	if name := n[strings.Join(path, ".")]; name != "" {
		return name
	}
	last := path[len(path)-1]
	switch {
	case len(path) > 1:
		return n["*."+last]
	case last >= "02" && last <= "51":
		return n["account"]
	}
	return n["template"]
}

// merchantNames are those of EMVCo MPM 1.1, tables 3.1, 3.7 and 3.8. What has no name
// of its own is an account that can be paid to (02 to 51) or a template of somebody's.
var merchantNames = names{
	"00": "format", "01": "11 static, 12 once", "52": "merchant category", "53": "currency (ISO 4217)", "54": "amount",
	"55": "tip", "56": "fixed fee", "57": "fee in per cent", "58": "country", "59": "merchant", "60": "city",
	"61": "postal code", "62": "additional data", "63": "checksum", "64": "other language", "account": "merchant account", "template": "template",
	"62.01": "bill", "62.02": "mobile", "62.03": "store", "62.04": "loyalty", "62.05": "reference", "62.06": "customer", "62.07": "terminal",
	"62.08": "purpose", "62.09": "to be asked", "62.10": "merchant's tax id", "62.11": "channel",
	"64.00": "language", "64.01": "merchant", "64.02": "city", "*.00": "identifier",
}

// consumerNames are those of EMVCo CPM 1.1, table 4.1.
var consumerNames = names{
	"85": "format", "61": "application", "62": "data for all of them",
	"*.4F": "application id", "*.50": "label", "*.57": "card (track 2)", "*.5A": "card number", "*.5F20": "cardholder", "*.5F2D": "languages",
	"*.5F34": "card sequence", "*.5F50": "issuer's address", "*.63": "for the issuer", "*.64": "for the issuer", "*.82": "what the card can do",
	"*.9F08": "version", "*.9F10": "issuer's data", "*.9F19": "token requestor", "*.9F24": "account", "*.9F25": "card's last digits",
	"*.9F26": "cryptogram", "*.9F27": "kind of cryptogram", "*.9F36": "counter", "*.9F37": "random number",
}

// linkNames are those of the UPI linking specification.
var linkNames = names{
	"pa": "recipient", "pn": "recipient's name", "mc": "merchant category", "tid": "transaction", "tr": "reference", "tn": "note",
	"am": "amount", "mam": "least amount", "cu": "currency", "mode": "how it was made", "purpose": "purpose", "orgid": "sender",
	"url": "more about it", "sign": "signature",
}

// shown is a value as it may stand on a screen that others see, and in a ticket: of a
// card's number no more than the first six and the last four digits (PCI DSS 3.4).
func shown(id, value string) string {
	if id != "5A" && id != "57" {
		return value
	}
	number, _, more := strings.Cut(strings.TrimRight(value, "F"), "D")
	if len(number) <= 10 {
		return strings.Repeat("*", len(number))
	}
	number = number[:6] + strings.Repeat("*", len(number)-10) + number[len(number)-4:]
	if more {
		number += " …"
	}
	return number
}
