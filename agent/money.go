package agent

import (
	"fmt"
	"strconv"
	"strings"
)

// Currency is an ISO 4217 alphabetic code such as "CNY".
type Currency string

// exponents holds the ISO 4217 minor-unit exponents that differ from two, and
// the currencies of two that wallets at a counter settle in. A currency that is
// not here is refused: guessing an exponent loses a factor of ten or a hundred.
var exponents = map[Currency]int{
	"BHD": 3, "IQD": 3, "JOD": 3, "KWD": 3, "LYD": 3, "OMR": 3, "TND": 3,
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "ISK": 0, "JPY": 0, "KMF": 0, "KRW": 0,
	"PYG": 0, "RWF": 0, "UGX": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"AED": 2, "AMD": 2, "ARS": 2, "AUD": 2, "AZN": 2, "BDT": 2, "BND": 2, "BRL": 2,
	"CAD": 2, "CHF": 2, "CNY": 2, "COP": 2, "CZK": 2, "DKK": 2, "EGP": 2, "EUR": 2,
	"FJD": 2, "GBP": 2, "GEL": 2, "GHS": 2, "HKD": 2, "HUF": 2, "IDR": 2, "ILS": 2,
	"INR": 2, "KES": 2, "KGS": 2, "KHR": 2, "KZT": 2, "LAK": 2, "LKR": 2, "MAD": 2,
	"MMK": 2, "MNT": 2, "MOP": 2, "MUR": 2, "MXN": 2, "MYR": 2, "NGN": 2, "NOK": 2,
	"NPR": 2, "NZD": 2, "PEN": 2, "PHP": 2, "PKR": 2, "PLN": 2, "QAR": 2, "RON": 2,
	"RSD": 2, "RUB": 2, "SAR": 2, "SEK": 2, "SGD": 2, "THB": 2, "TRY": 2, "TWD": 2,
	"TZS": 2, "UAH": 2, "USD": 2, "UYU": 2, "UZS": 2, "ZAR": 2, "ZMW": 2,
}

// Known reports whether the currency and its exponent are known.
func (c Currency) Known() bool { _, ok := exponents[c]; return ok }

// Exponent is the number of decimal places of the currency (ISO 4217).
func (c Currency) Exponent() int { return exponents[c] }

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
