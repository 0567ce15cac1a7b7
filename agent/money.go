package agent

import (
	"fmt"
	"strconv"
	"strings"
)

// Minor reads an amount in major units as a person writes it: "12", "12.8", "12.80".
// ok is false for what is no amount of the currency, and for more than MaxMinor.
func (c Currency) Minor(text string) (minor int64, ok bool) {
	whole, part, dotted := strings.Cut(text, ".")
	if whole+part == "" || len(part) > c.Exponent() || dotted && part == "" || len(whole) > 12 || strings.Trim(whole+part, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(whole+part+strings.Repeat("0", c.Exponent()-len(part)), 10, 64)
	return n, err == nil && n <= MaxMinor
}

// MaxMinor bounds one payment: twelve digits of minor units fit every wallet's
// amount field and leave sums of a year far from overflow.
const MaxMinor int64 = 999_999_999_999

// Money is an amount in minor units of its currency (fen, cent, yen).
type Money struct {
	Value    int64    `json:"value"`
	Currency Currency `json:"currency"`
}

// Check reports why the amount cannot be asked of a customer, or nil.
func (m Money) Check() error {
	switch {
	case !m.Currency.Known():
		return &Error{Op: "amount", Class: Invalid, Code: CodeCurrency,
			Say: Sentence{ID: "error.currency", Args: []string{string(m.Currency)}, English: fmt.Sprintf("The currency %q is not known. Use an ISO 4217 code such as CNY.", string(m.Currency))}}
	case m.Value <= 0:
		return &Error{Op: "amount", Class: Invalid, Code: CodeAmount,
			Say: Sentence{ID: "error.amount_zero", English: "The amount must be more than zero."}}
	case m.Value > MaxMinor:
		return &Error{Op: "amount", Class: Invalid, Code: CodeAmount,
			Say: Sentence{ID: "error.amount_large", English: "The amount is too large for one payment."}}
	}
	return nil
}

// Decimal writes the amount with the currency's exponent: "12.80", "500", "1.250".
func (m Money) Decimal() string {
	exp := m.Currency.Exponent()
	digits := strconv.FormatInt(m.Value, 10)
	sign := ""
	if m.Value < 0 {
		sign, digits = "-", digits[1:]
	}
	if exp == 0 {
		return sign + digits
	}
	if pad := exp + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	cut := len(digits) - exp
	return sign + digits[:cut] + "." + digits[cut:]
}

// String is Decimal with the currency code behind it.
func (m Money) String() string { return m.Decimal() + " " + string(m.Currency) }
