package agent

import (
	"maps"
	"slices"
)

// Currency is an ISO 4217 alphabetic code such as "CNY".
type Currency string

// currencies are those of ISO 4217 that wallets at a counter settle in. One that is not
// here is refused: guessing an exponent loses a factor of ten or a hundred.
var currencies = map[Currency]struct {
	number   string // three digits
	exponent int
}{
	"AED": {"784", 2}, "AMD": {"051", 2}, "ARS": {"032", 2}, "AUD": {"036", 2}, "AZN": {"944", 2}, "BDT": {"050", 2}, "BHD": {"048", 3},
	"BIF": {"108", 0}, "BND": {"096", 2}, "BRL": {"986", 2}, "CAD": {"124", 2}, "CHF": {"756", 2}, "CLP": {"152", 0}, "CNY": {"156", 2},
	"COP": {"170", 2}, "CZK": {"203", 2}, "DJF": {"262", 0}, "DKK": {"208", 2}, "EGP": {"818", 2}, "EUR": {"978", 2}, "FJD": {"242", 2},
	"GBP": {"826", 2}, "GEL": {"981", 2}, "GHS": {"936", 2}, "GNF": {"324", 0}, "HKD": {"344", 2}, "HUF": {"348", 2}, "IDR": {"360", 2},
	"ILS": {"376", 2}, "INR": {"356", 2}, "IQD": {"368", 3}, "ISK": {"352", 0}, "JOD": {"400", 3}, "JPY": {"392", 0}, "KES": {"404", 2},
	"KGS": {"417", 2}, "KHR": {"116", 2}, "KMF": {"174", 0}, "KRW": {"410", 0}, "KWD": {"414", 3}, "KZT": {"398", 2}, "LAK": {"418", 2},
	"LKR": {"144", 2}, "LYD": {"434", 3}, "MAD": {"504", 2}, "MMK": {"104", 2}, "MNT": {"496", 2}, "MOP": {"446", 2}, "MUR": {"480", 2},
	"MXN": {"484", 2}, "MYR": {"458", 2}, "NGN": {"566", 2}, "NOK": {"578", 2}, "NPR": {"524", 2}, "NZD": {"554", 2}, "OMR": {"512", 3},
	"PEN": {"604", 2}, "PHP": {"608", 2}, "PKR": {"586", 2}, "PLN": {"985", 2}, "PYG": {"600", 0}, "QAR": {"634", 2}, "RON": {"946", 2},
	"RSD": {"941", 2}, "RUB": {"643", 2}, "RWF": {"646", 0}, "SAR": {"682", 2}, "SEK": {"752", 2}, "SGD": {"702", 2}, "THB": {"764", 2},
	"TND": {"788", 3}, "TRY": {"949", 2}, "TWD": {"901", 2}, "TZS": {"834", 2}, "UAH": {"980", 2}, "UGX": {"800", 0}, "USD": {"840", 2},
	"UYU": {"858", 2}, "UZS": {"860", 2}, "VND": {"704", 0}, "VUV": {"548", 0}, "XAF": {"950", 0}, "XOF": {"952", 0}, "XPF": {"953", 0},
	"ZAR": {"710", 2}, "ZMW": {"967", 2},
}

// Known reports whether the currency and its exponent are known.
func (c Currency) Known() bool { _, ok := currencies[c]; return ok }

// Exponent is the number of decimal places of the currency (ISO 4217).
func (c Currency) Exponent() int { return currencies[c].exponent }

// Number is the ISO 4217 numeric code of a currency, three digits as EMV codes carry
// it, or "" when it is not known.
func (c Currency) Number() string { return currencies[c].number }

// CurrencyOf is the currency of an ISO 4217 numeric code; ok is false for one that is
// not known.
func CurrencyOf(number string) (c Currency, ok bool) {
	for c, iso := range currencies {
		if iso.number == number {
			return c, true
		}
	}
	return "", false
}

// Currencies lists every currency that is known, by its code.
func Currencies() []Currency { return slices.Sorted(maps.Keys(currencies)) }
