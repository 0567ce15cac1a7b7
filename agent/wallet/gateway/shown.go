package gateway

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"tillwire/agent"
	"tillwire/agent/wallet/emvqr"
)

// ErrShown reports a code that must not be shown: a customer would pay something
// else than this sale.
var ErrShown = errors.New("gateway: the code is not shown to anybody")

// maxQR bounds a code in bytes, as the contract does.
const maxQR = 512

// Payload is what a brand's shown codes have to be.
type Payload struct {
	Kind     Kind     `json:"kind"`
	Profile  string   `json:"profile"`
	Static   bool     `json:"static"` // may name no amount
	Prefixes []string `json:"prefixes"`
}

// checkShown holds a code against the payment it is for. schemes names the
// national scheme of an EMV code; nil leaves that out.
func checkShown(qr string, m agent.Money, want Payload, profiles []string, schemes func(string) []string) error {
	if qr == "" || len(qr) > maxQR {
		return fmt.Errorf("%w: it has %d bytes", ErrShown, len(qr))
	}
	if strings.ContainsFunc(qr, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return fmt.Errorf("%w: it holds control characters", ErrShown)
	}
	switch want.Kind {
	case KindEMV:
		if schemes != nil && len(profiles) > 0 {
			found := schemes(qr)
			if !slices.ContainsFunc(found, func(s string) bool { return slices.Contains(profiles, s) }) {
				return fmt.Errorf("%w: it is of the scheme %q, not %s", ErrShown, found, strings.Join(profiles, " or "))
			}
		}
		return checkEMV(qr, m, want.Static)
	case KindUPI:
		return checkUPI(qr, m, want.Static)
	case KindLink:
		return checkLink(qr, want.Prefixes)
	}
	return fmt.Errorf("%w: nothing tells what codes of this brand are", ErrShown)
}

func checkEMV(qr string, m agent.Money, static bool) error {
	p, err := emvqr.ReadMerchant(qr)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrShown, err)
	}
	if code := m.Currency.Number(); code == "" || p.Get("53") != code {
		return fmt.Errorf("%w: its currency is %q, not %s (%s)", ErrShown, p.Get("53"), code, m.Currency)
	}
	if p.Get("55") != "" {
		return fmt.Errorf("%w: it asks for a tip (55), so another sum would be paid", ErrShown)
	}
	return checkAmount(p.Get("54"), m, static)
}

func checkUPI(qr string, m agent.Money, static bool) error {
	link, err := emvqr.ReadUPI(qr)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrShown, err)
	}
	if link.Action != "pay" || link.Get("pa") == "" {
		return fmt.Errorf("%w: the link does not pay anybody", ErrShown)
	}
	if len(link.Warnings) > 0 {
		return fmt.Errorf("%w: %s", ErrShown, link.Warnings[0])
	}
	// A missing cu means rupees (NPCI UPI linking).
	if cu := link.Get("cu"); m.Currency != "INR" || cu != "" && cu != "INR" {
		return fmt.Errorf("%w: its currency is %q, not %s", ErrShown, cu, m.Currency)
	}
	if mam := link.Get("mam"); mam != "" && mam != "null" && mam != link.Get("am") {
		return fmt.Errorf("%w: it lets the customer pay less (mam)", ErrShown)
	}
	return checkAmount(link.Get("am"), m, static)
}

func checkLink(qr string, prefixes []string) error {
	if strings.ContainsFunc(qr, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fmt.Errorf("%w: the link holds blanks or other than ASCII", ErrShown)
	}
	for _, prefix := range prefixes {
		// A prefix such as "https://" would let every address pass.
		if len(prefix) >= minPrefix && strings.Contains(strings.TrimPrefix(prefix, "https://"), "/") &&
			strings.HasPrefix(qr, prefix) && len(qr) > len(prefix) {
			return nil
		}
	}
	return fmt.Errorf("%w: the link begins with none of the brand's prefixes", ErrShown)
}

// minPrefix is the least a link's prefix has, as the contract says.
const minPrefix = 8

// checkAmount compares the text of an amount with what the sale is about.
func checkAmount(text string, m agent.Money, static bool) error {
	if text == "" && static {
		return nil
	}
	if text == "" {
		return fmt.Errorf("%w: it names no amount", ErrShown)
	}
	if !sameAmount(text, m) {
		return fmt.Errorf("%w: its amount is %.20q, not %s", ErrShown, text, m.Decimal())
	}
	return nil
}

// sameAmount compares digits with digits. Schemes write 1000 and 1000.00 for the
// same; zeros behind the point, and in front of the number, mean nothing.
func sameAmount(text string, m agent.Money) bool {
	normal := func(s string) (whole, fraction string) {
		whole, fraction, _ = strings.Cut(s, ".")
		return strings.TrimLeft(whole, "0"), strings.TrimRight(fraction, "0")
	}
	if strings.Trim(text, "0123456789.") != "" || strings.Count(text, ".") > 1 {
		return false
	}
	gotWhole, gotFraction := normal(text)
	whole, fraction := normal(m.Decimal())
	return gotWhole == whole && gotFraction == fraction
}
