package gateway

import (
	"time"

	"tillwire/agent"
)

const day = 24 * time.Hour

// Brand is a row of the acquirer's table: everything that tells one wallet from
// another here.
type Brand struct {
	Name  string // as requests name it
	Title string // as customers call it
	// Currencies a shop may ask for, and phones may hold; the first is what a phone
	// holds that was not told otherwise.
	Currencies []agent.Currency
	Most       int64         // of one payment, in minor units; 0 is no limit
	Reverse    time.Duration // how long a charge may be reversed
	Refund     Refunds
	Later      Later

	code     coder    // makes customers' codes; nil: its customers show none
	patterns []string // what those look like
	show     drawer   // makes the shop's codes; nil: the shop shows none
	kind     string   // of those: "emv", "upi" or "link"
	profile  string   // the national profile of an EMV code, or what a link begins with
	shopMade bool     // its phones also pay the shop's printed code with an amount of the shop's own
	home     string   // what payers' accounts are held in, where that is another currency
}

// Refunds are the rules of a brand's refunds. Zero is no limit.
type Refunds struct {
	Partial bool
	Window  time.Duration
	Most    int // refunds of one payment
}

// Later says that codes may be charged after the sale, because the brand answers for
// them. Zero is never.
type Later struct {
	Age  time.Duration // since the shop took the code
	Most int64         // of one payment, in major units of any of the brand's currencies
}

// usual is what most brands allow.
var usual = Refunds{Partial: true, Window: 90 * day, Most: 50}

// The forms of customers' codes (EMVCo consumer-presented mode and national
// bar codes).
const (
	formEMV  = "^hQVDUFYwM[0-9A-Za-z+/_-]+=*$"
	formJPQR = "^hQVKUFFS[0-9A-Za-z+/_-]+=*$"
)

// What the links of brands begin with that show no EMV code.
const (
	alipayPlusLink = "https://qr.alipayplus.sandbox.example/"
	payPayLink     = "https://qr.paypay.sandbox.example/"
)

// brands is the table. Adding a scheme is one row here, and its builder where no
// other will do.
func brands() []Brand {
	return []Brand{
		{Name: "promptpay", Title: "PromptPay", Currencies: []agent.Currency{"THB"}, Most: 200_000_000, Refund: usual,
			show: promptPay, kind: "emv", profile: "promptpay"},
		{Name: "pix", Title: "Pix", Currencies: []agent.Currency{"BRL"}, Refund: usual, show: pix, kind: "emv", profile: "pix"},
		{Name: "upi", Title: "UPI", Currencies: []agent.Currency{"INR"}, Most: 20_000_000, Refund: usual, show: upi, kind: "upi"},
		{Name: "paynow", Title: "PayNow", Currencies: []agent.Currency{"SGD"}, Most: 20_000_000, Refund: Refunds{Partial: true, Window: 30 * day, Most: 1},
			show: payNow, kind: "emv", profile: "paynow"},
		{Name: "qris", Title: "QRIS", Currencies: []agent.Currency{"IDR"}, Most: 1_000_000_000, Reverse: day, Refund: Refunds{Window: 30 * day, Most: 1},
			show: qris, kind: "emv", profile: "qris", code: emvCode("A0000006022020", "QRIS"), patterns: []string{formEMV}},
		{Name: "duitnow", Title: "DuitNow", Currencies: []agent.Currency{"MYR"}, Reverse: day, Refund: usual,
			show: duitNow, kind: "emv", profile: "duitnow", code: emvCode("A0000006150001", "DUITNOW"), patterns: []string{formEMV}},
		{Name: "vietqr", Title: "VietQR", Currencies: []agent.Currency{"VND"}, Refund: usual, show: vietQR, kind: "emv", profile: "vietqr"},
		{Name: "khqr", Title: "KHQR", Currencies: []agent.Currency{"KHR", "USD"}, Refund: usual, show: khqr, kind: "emv", profile: "khqr"},
		{Name: "fps", Title: "FPS", Currencies: []agent.Currency{"HKD", "CNY"}, Refund: usual, show: hkqr, kind: "emv", profile: "hkqr"},
		{Name: "jpqr", Title: "JPQR", Currencies: []agent.Currency{"JPY"}, Reverse: 30 * day, Refund: usual,
			show: jpqr, kind: "emv", profile: "jpqr", code: jpqrCode, patterns: []string{formJPQR}},
		{Name: "unionpay", Title: "UnionPay", Currencies: []agent.Currency{"CNY"}, Reverse: day, Refund: Refunds{Partial: true, Window: 30 * day, Most: 50},
			code: either(digits(19, "62"), emvCode("A000000333010102", "UnionPay")), patterns: []string{`^62\d{17}$`, formEMV}, show: unionPay, kind: "emv", shopMade: true},
		{Name: "alipayplus", Title: "Alipay+", Currencies: []agent.Currency{"SGD", "JPY", "THB", "MYR", "HKD", "USD", "EUR"}, Reverse: day,
			Refund: Refunds{Partial: true, Window: 365 * day, Most: 50}, code: alipayPlus, patterns: []string{`^(2[5-9]|30)\d{14,22}$`},
			show: link(alipayPlusLink), kind: "link", profile: alipayPlusLink, home: "CNY"},
		{Name: "linepay", Title: "LINE Pay", Currencies: []agent.Currency{"JPY"}, Reverse: 30 * day, Refund: usual,
			code: digits(19, "9000000000"), patterns: []string{`^9000000000\d{9}$`}},
		{Name: "paypay", Title: "PayPay", Currencies: []agent.Currency{"JPY"}, Most: 50_000_000, Reverse: 30 * day, Refund: usual,
			code: digits(24, "9000818188"), patterns: []string{`^9000818188\d{14}$`},
			show: link(payPayLink), kind: "link", profile: payPayLink},
		// The shop's own scheme: cards that customers put money on beforehand.
		{Name: "shopcard", Title: "Shop Card", Currencies: []agent.Currency{"CNY", "SGD", "EUR"}, Reverse: 30 * day, Refund: usual,
			code: digits(20, "8800"), patterns: []string{`^8800\d{16}$`}, Later: Later{Age: day, Most: 300}},
	}
}

// modes are what requests may ask of the brand.
func (b Brand) modes() []string {
	var list []string
	if b.code != nil {
		list = append(list, "code")
	}
	if b.show != nil {
		list = append(list, "show")
	}
	return list
}

// takes refuses what the capabilities do not offer.
func (b Brand) takes(m agent.Money) error {
	for _, c := range b.Currencies {
		if c != m.Currency {
			continue
		}
		if b.Most > 0 && m.Value > b.Most {
			return errAmount
		}
		return nil
	}
	return errCurrency
}
