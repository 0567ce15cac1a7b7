package national

import (
	"strings"

	"tillwire/agent/wallet/emvqr"
)

// everything lists what EMVCo calls mandatory; some schemes print less.
var everything = []string{"52", "53", "58", "59", "60"}

// criteria are the merchant sizes of QRIS, from micro to public service.
func criteria() form {
	return oneOf("UMI", "UKE", "UME", "UBE", "URE", "PSO")
}

// merchantSchemes are tried in this order. SGQR stands before PayNow, which it
// contains; the last row takes every code.
var merchantSchemes = []scheme{
	{
		Profile: Profile{"promptpay", "PromptPay", "TH", []string{"764"}},
		// 114 is the twin shown by customers.
		guids:    []string{"A000000677010111", "A000000677010112", "A000000677010113", "A000000677010114", "A000000677012004"},
		required: []string{"53", "58"},
		extra:    promptPay,
	},
	{
		Profile:  Profile{"sgqr", "SGQR", "SG", []string{"702"}},
		guids:    []string{"SG.SGQR"},
		required: everything,
		template: []rule{
			{"01", "SGQR id", true, exactly(12)},
			{"02", "version", false, upTo(7)},
			{"03", "postal code", false, digitsOf(6, 6)},
			{"07", "date of the version", false, day()},
		},
		extra: sgqr,
	},
	{
		Profile:  Profile{"paynow", "PayNow", "SG", []string{"702"}},
		guids:    []string{"SG.PAYNOW"},
		required: everything,
		template: payNowTemplate,
	},
	{
		Profile:  Profile{"qris", "QRIS", "ID", []string{"360"}},
		guids:    []string{"ID.CO.QRIS.WWW", "ID.OR.GPNQR.WWW"},
		required: append([]string{"61"}, everything...),
		extra:    qris,
	},
	{
		Profile:  Profile{"duitnow", "DuitNow", "MY", []string{"458"}},
		guids:    []string{"A0000006150001"},
		version:  "02", // PayNet, DuitNow QR 1.5
		required: append([]string{"01"}, everything...),
		template: []rule{
			{"01", "acquirer", true, digitsOf(6, 6)},
			{"02", "account", true, anything()},
		},
	},
	{
		Profile:  Profile{"pix", "Pix", "BR", []string{"986"}},
		guids:    []string{"br.gov.bcb.pix"},
		required: everything,
		extra:    pix,
	},
	{
		Profile:  Profile{"vietqr", "VietQR", "VN", []string{"704"}},
		guids:    []string{"A000000727"},
		required: []string{"53", "58"},
		template: []rule{
			{"01", "beneficiary", true, anything()},
			{"02", "service", true, oneOf("QRIBFTTA", "QRIBFTTC")},
		},
		extra: vietQR,
	},
	{
		Profile:  Profile{"vnpay", "VNPAY", "VN", []string{"704"}},
		guids:    []string{"A000000775"},
		required: []string{"53", "58"},
		template: []rule{{"01", "merchant id", true, anything()}},
	},
	{
		Profile:  Profile{"laoqr", "LaoQR", "LA", []string{"418"}},
		guids:    []string{"A005266284662577"},
		required: []string{"53", "58"},
		template: []rule{
			{"01", "bank", true, anything()},
			{"02", "method", true, anything()},
			{"03", "account", true, anything()},
		},
	},
	{
		Profile:  Profile{"hkqr", "HKQR (FPS)", "HK", []string{"344", "156"}},
		guids:    []string{"hk.com.hkicl"},
		required: everything,
		template: []rule{
			{"01", "clearing code", false, digitsOf(3, 3)},
			{"02", "FPS id", false, form{"7 or 9 digits", func(s string) bool { return digits(s) && (len(s) == 7 || len(s) == 9) }}},
			{"03", "mobile number", false, form{"a number like +852-12345678", hongKongMobile}},
			{"04", "e-mail address", false, withAt()},
		},
		extra: fps,
	},
	{
		Profile:  Profile{"jpqr", "JPQR", "JP", []string{"392"}},
		guids:    []string{"jp.or.paymentsjapan"},
		required: everything,
		template: []rule{
			{"01", "company", true, digitsOf(13, 13)},
			{"02", "payment service", true, digitsOf(4, 4)},
			{"03", "store", true, digitsOf(6, 6)},
			{"04", "terminal", true, digitsOf(6, 6)},
		},
	},
	{
		Profile:  Profile{"bharatqr", "Bharat QR", "IN", []string{"356"}},
		guids:    []string{"A000000524"},
		in:       []string{"26"},
		required: everything,
		template: []rule{{"01", "UPI address", true, withAt()}},
	},
	{
		Profile:  Profile{"khqr", "KHQR", "KH", []string{"116", "840"}},
		matches:  func(p emvqr.Payload) bool { return khqrAccount(p) != "" && p.Get("58") == "KH" },
		required: everything,
		extra:    khqr,
	},
	{
		Profile:  Profile{"emv", "EMV", "", nil},
		matches:  func(emvqr.Payload) bool { return true },
		required: everything,
	},
}

var payNowTemplate = []rule{
	{"01", "kind of proxy", true, oneOf("0", "2")},
	{"02", "proxy", true, anything()},
	{"03", "editable mark", false, oneOf("0", "1")},
	{"04", "expiry", false, day()},
}

// khqrAccount is the Bakong id, which stands where others have a GUID.
func khqrAccount(p emvqr.Payload) string {
	for _, template := range []string{"29", "30"} {
		if id := p.Get(template, "00"); strings.Contains(id, "@") {
			return id
		}
	}
	return ""
}

func hongKongMobile(s string) bool {
	country, number, ok := strings.Cut(strings.TrimPrefix(s, "+"), "-")
	return ok && strings.HasPrefix(s, "+") && digits(country) && digits(number)
}
