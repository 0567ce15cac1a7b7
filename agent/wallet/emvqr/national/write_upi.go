package national

import (
	"strings"

	"tillwire/agent"
	"tillwire/agent/wallet/emvqr"
)

// writeUPI writes a link (NPCI UPI linking specification). What IdentifyUPI would
// complain about is refused, and what has no place in a link, too.
func writeUPI(a Ask) (string, error) {
	var why complaints
	for name := range a.Account {
		if name != "vpa" {
			why.add("a UPI link has no place for the account's %q; its member is vpa", name)
		}
	}
	for name := range a.Labels {
		if name != "purpose" {
			why.add("a UPI link has no place for the label %q; its label is purpose", name)
		}
	}
	if a.City != "" || a.Postal != "" || a.Local != (Local{}) || a.Tip != (Tip{}) || !a.Created.IsZero() || !a.Expires.IsZero() {
		why.add("a UPI link has no place for city, postal code, local script, tip and times")
	}
	if c := a.Amount.Currency; c != "INR" && (c != "" || a.Amount.Value != 0) {
		why.add("UPI takes INR, not %q", string(c))
	}
	link := emvqr.Link{Action: "pay"}
	add := func(key, value string) {
		if value != "" {
			link.Params = append(link.Params, emvqr.Param{Key: key, Value: value})
		}
	}
	add("pa", a.Account["vpa"])
	add("pn", a.Name)
	add("mc", a.Category)
	add("tr", a.Reference)
	add("tn", a.Labels["purpose"])
	switch {
	case a.Amount.Value < 0 || a.Amount.Value > agent.MaxMinor:
		why.add("the amount cannot be asked for")
	case a.Amount.Value > 0:
		add("am", agent.Money{Value: a.Amount.Value, Currency: "INR"}.Decimal())
	case a.Once:
		why.add("a code for one payment needs the amount")
	}
	add("cu", "INR")
	add("mode", map[bool]string{true: "15", false: "01"}[a.Once])
	_, complaints := IdentifyUPI(link)
	why = append(why, complaints...)
	for _, p := range link.Params {
		if strings.ContainsFunc(p.Value, func(r rune) bool { return r < ' ' || r == 0x7F || r == '\uFFFD' }) {
			why.add("%s has a character that cannot be written", p.Key)
		}
	}
	if len(why) > 0 {
		return "", &Refused{upi.Name, why}
	}
	text, err := emvqr.EncodeUPI(link)
	if err != nil {
		return "", &Refused{upi.Name, []string{err.Error()}}
	}
	return text, nil
}
