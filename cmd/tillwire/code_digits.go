package main

import (
	"strings"

	"tillwire/agent"
	"tillwire/agent/wallet"
	"tillwire/agent/wallet/emvqr"
	"tillwire/agent/wallet/emvqr/national"
)

// schemesOf names the schemes of an EMV code for the set of wallets, the preferred
// one first.
func schemesOf(code string) []string {
	if emvqr.IsConsumer(code) {
		if c, err := emvqr.ReadConsumer(code); err == nil {
			return national.Applications(c)
		}
		return nil
	}
	p, err := emvqr.ReadMerchant(code)
	if err != nil {
		return nil
	}
	profile, _ := national.Identify(p)
	return []string{profile.Name}
}

// explainByWallets asks the same table of prefixes that the counter uses, with
// no wallet configured: what a code is does not depend on the shop.
func explainByWallets(text string) explanation {
	set, err := wallet.NewSet(wallet.DefaultRules(), schemesOf)
	if err != nil {
		return explanation{Scheme: "unknown", Mode: string(agent.CodeUnknown), Reason: "The table of schemes cannot be read: " + err.Error()}
	}
	c := set.Identify(agent.NewPayCode(text), "")
	if again := c.Text.Reveal(); again != strings.TrimSpace(text) && (emvqr.IsMerchant(again) || emvqr.IsConsumer(again) || emvqr.IsUPI(again)) {
		// What hid it was the scanner's symbology identifier or a blank.
		return explainText(again)
	}
	e := explanation{Scheme: c.Scheme, Mode: string(c.Kind), title: wallet.Brand(c.Scheme), Valid: true}
	if e.Scheme == "" {
		e.Scheme, e.title = "unknown", ""
	}
	switch {
	case c.Kind == agent.CodeUnknown && c.Scheme != "":
		e.Valid, e.Reason = false, "Only a part of the code was read. Scan it again."
	case c.Kind == agent.CodeUnknown && lengthOfGoods(c.Text.Reveal()):
		// With a right check digit the table of prefixes would have known it.
		e.Scheme, e.Mode, e.title, e.Valid = "gtin", string(agent.CodeGoods), "", false
		e.Reason = "This is a goods barcode with a wrong check digit: a digit was changed or is missing. It is no payment code. Scan the payment code on the customer's phone."
	case c.Kind == agent.CodeUnknown:
		e.Valid, e.Reason = false, "Tillwire does not know this kind of code. It may be a wallet or a scheme that nobody has added yet, or no payment code at all."
	case c.Kind != agent.CodeConsumer:
		e.Reason = wallet.Explain(c).English + "."
	}
	return e
}

// lengthOfGoods reports whether a text is as many digits as a shelf barcode has:
// EAN-8, UPC-A or EAN-13 (GS1 General Specifications, 7.9).
func lengthOfGoods(text string) bool {
	digits := strings.Trim(text, "0123456789") == ""
	return digits && (len(text) == 8 || len(text) == 12 || len(text) == 13)
}
