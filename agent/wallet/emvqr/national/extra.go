package national

import (
	"strings"

	"tillwire/agent/wallet/emvqr"
)

// What a row of rules cannot say: choices between objects, and objects
// outside the recognised template. Field numbers follow the schemes' own
// publications.

// promptPay: a transfer (29) names exactly one proxy, a bill (30) a biller.
func promptPay(p emvqr.Payload, c *complaints) {
	for _, o := range p.Objects {
		switch guid := strings.ToUpper(value(o, "00")); {
		case guid == "A000000677010111" || guid == "A000000677010114":
			rule{"01", "mobile number", false, prefixed("00", digitsOf(11, 11))}.check(o, c)
			rule{"02", "tax id", false, digitsOf(13, 13)}.check(o, c)
			rule{"03", "e-wallet id", false, digitsOf(15, 15)}.check(o, c)
			if n := present(o, "01", "02", "03", "04"); n != 1 {
				c.add("%s names %d recipients instead of one (01 mobile, 02 tax id, 03 e-wallet)", o.ID, n)
			}
		case guid == "A000000677010112":
			// The tax id alone or with its two-digit suffix.
			rule{"01", "biller id", true, digitsOf(13, 15)}.check(o, c)
			rule{"02", "first reference", false, upTo(20)}.check(o, c)
			rule{"03", "second reference", false, upTo(20)}.check(o, c)
		}
	}
}

// sgqr: where PayNow is one of the brands its own rules hold too.
func sgqr(p emvqr.Payload, c *complaints) {
	for _, o := range p.Objects {
		if strings.EqualFold(value(o, "00"), "SG.PAYNOW") {
			for _, r := range payNowTemplate {
				r.check(o, c)
			}
		}
	}
}

// qris: 26 to 45 are the acquirers', 51 is the national merchant id.
func qris(p emvqr.Payload, c *complaints) {
	for _, o := range p.Objects {
		switch {
		case "26" <= o.ID && o.ID <= "45" && o.Nested != nil:
			rule{"01", "merchant PAN", false, digitsOf(15, 19)}.check(o, c)
			rule{"02", "merchant id", false, upTo(15)}.check(o, c)
			rule{"03", "merchant criteria", false, criteria()}.check(o, c)
		case o.ID == "51":
			rule{"02", "national merchant id", true, prefixed("ID", digitsOf(13, 13))}.check(o, c)
			rule{"03", "merchant criteria", false, criteria()}.check(o, c)
		}
	}
}

// pix: a static code has a key, a dynamic one an address to fetch.
func pix(p emvqr.Payload, c *complaints) {
	for _, o := range p.Objects {
		if o.ID > "51" || !strings.EqualFold(value(o, "00"), "br.gov.bcb.pix") {
			continue
		}
		if n := present(o, "01", "25"); n != 1 {
			c.add("%s has %d of key (01) and address (25) instead of one", o.ID, n)
		}
		if strings.Contains(value(o, "25"), "://") {
			c.add("%s.25, the address, must stand without https://", o.ID)
		}
	}
	if id := p.Get("62", "05"); id != "" && id != "***" && !alphanumeric(id) {
		c.add("62.05, the transaction id, has characters other than A to Z, a to z, 0 to 9")
	}
}

// vietQR: 38.01 nests bank and account.
func vietQR(p emvqr.Payload, c *complaints) {
	for _, o := range p.Objects {
		if value(o, "00") != "A000000727" {
			continue
		}
		for _, n := range o.Nested {
			if n.ID == "01" {
				n.ID = o.ID + ".01"
				rule{"00", "bank", true, digitsOf(6, 6)}.check(n, c)
				rule{"01", "account", true, upTo(19)}.check(n, c)
			}
		}
	}
	if purpose := p.Get("62", "08"); strings.ContainsFunc(purpose, func(r rune) bool { return r >= 0x80 }) {
		c.add("62.08, the purpose, has characters outside ASCII; banks drop them")
	}
}

// fps: one way to find the recipient.
func fps(p emvqr.Payload, c *complaints) {
	for _, o := range p.Objects {
		if strings.EqualFold(value(o, "00"), "hk.com.hkicl") && present(o, "02", "03", "04") != 1 {
			c.add("%s needs exactly one of FPS id (02), mobile number (03) and e-mail address (04)", o.ID)
		}
	}
}

// khqr: 99 carries time stamps in milliseconds.
func khqr(p emvqr.Payload, c *complaints) {
	if id := khqrAccount(p); !withAt().fits(id) {
		c.add("the Bakong id is not %s", withAt().say)
	}
	for _, o := range p.Objects {
		if o.ID == "99" {
			rule{"00", "time of creation", true, digitsOf(13, 13)}.check(o, c)
			rule{"01", "expiry", false, digitsOf(13, 13)}.check(o, c)
		}
	}
}

func present(template emvqr.Object, ids ...string) int {
	n := 0
	for _, id := range ids {
		if value(template, id) != "" {
			n++
		}
	}
	return n
}
