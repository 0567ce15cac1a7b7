package national

import (
	"fmt"
	"strings"
	"time"

	"tillwire/agent"
)

// Ask is what a shop wants a code to say.
type Ask struct {
	Scheme string `json:"scheme,omitempty"` // as in Profile.Name: "promptpay"
	// Account is who is paid: the members that Members lists for the scheme, and
	// accounts of other brands by their path, "15" or "27.01".
	Account map[string]string `json:"account"`
	// Once asks for a dynamic code, for one payment; else it may be paid again.
	Once bool `json:"once,omitempty"`
	// Amount in minor units; with Value 0 the payer types it. An empty Currency is
	// the scheme's first.
	Amount    agent.Money `json:"amount,omitzero"`
	Reference string      `json:"reference,omitempty"` // comes back with the payment; where it goes is the scheme's business
	Name      string      `json:"name,omitempty"`      // printable ASCII; cut to 25 characters
	City      string      `json:"city,omitempty"`      // printable ASCII; cut to 15
	Postal    string      `json:"postal,omitempty"`
	Category  string      `json:"category,omitempty"` // ISO 18245, 4 digits; "0000" is unknown
	Country   string      `json:"country,omitempty"`  // ISO 3166 alpha-2, for a scheme that is of no country
	Local     Local       `json:"local,omitzero"`
	Tip       Tip         `json:"tip,omitzero"`
	// Labels are additional data (62) by the names that Labels lists, "bill" or
	// "terminal", or by their path inside 62. "***" has the payer asked for it.
	Labels  map[string]string `json:"labels,omitempty"`
	Created time.Time         `json:"created,omitzero"`
	Expires time.Time         `json:"expires,omitzero"`
}

// Local is the merchant in the script of the country (object 64).
type Local struct {
	Language string `json:"language,omitempty"` // ISO 639, two letters: "km"
	Name     string `json:"name,omitempty"`     // any script; cut to 25 characters
	City     string `json:"city,omitempty"`     // cut to 15
}

// Tip is what the payer adds (55 to 57). At most one of its members is set.
type Tip struct {
	Ask     bool  `json:"ask,omitempty"`     // the payer is asked
	Fixed   int64 `json:"fixed,omitempty"`   // minor units of the amount's currency
	Percent int   `json:"percent,omitempty"` // hundredths of a percent, 1 to 9999: 70 is 0.7 %
}

// labels are the objects of 62 that have a name (EMVCo MPM 1.1, table 3.7).
var labels = map[string]string{
	"bill": "01", "mobile": "02", "store": "03", "loyalty": "04", "reference": "05", "customer": "06",
	"terminal": "07", "purpose": "08", "ask": "09", "tax_id": "10", "channel": "11",
}

// Refused says why a code was not written. Nothing that is refused reads as a code
// of the scheme.
type Refused struct {
	Scheme string
	Why    []string // sentences
}

// Error implements error.
func (r *Refused) Error() string {
	return fmt.Sprintf("national: write a code of %s: %s", r.Scheme, strings.Join(r.Why, "; "))
}
