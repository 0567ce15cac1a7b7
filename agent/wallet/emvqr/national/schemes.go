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
		write: writing{accounts: []account{
			{id: "29", guid: "A000000677010111", holds: []slot{{"01", "mobile", thaiMobile}, {"02", "tax_id", nil}, {"03", "ewallet", nil}}},
			{id: "30", guid: "A000000677010112", by: []string{"biller"}, holds: []slot{{"01", "biller", nil}, {"02", "@reference", nil}, {"03", "reference2", nil}}},
		}},
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
		write: writing{reference: billNumber(), accounts: append([]account{
			{id: "51", guid: "SG.SGQR", holds: []slot{{"01", "sgqr_id", nil}, {"02", "version", nil}, {"03", "postal", nil}, {"04", "level", nil},
				{"05", "unit", nil}, {"06", "misc", nil}, {"07", "version_date", nil}}},
		}, payNowAccounts...)},
		shares: true,
	},
	{
		Profile:  Profile{"paynow", "PayNow", "SG", []string{"702"}},
		guids:    []string{"SG.PAYNOW"},
		required: everything,
		template: payNowTemplate,
		write:    writing{accounts: payNowAccounts, reference: billNumber()},
	},
	{
		Profile:  Profile{"qris", "QRIS", "ID", []string{"360"}},
		guids:    []string{"ID.CO.QRIS.WWW", "ID.OR.GPNQR.WWW"},
		required: append([]string{"61"}, everything...),
		extra:    qris,
		decimals: map[string]int{"360": 0},
		write: writing{tips: true, reference: label("05"), accounts: []account{
			{id: "26", holds: []slot{{"00", "acquirer", nil}, {"01", "merchant_pan", nil}, {"02", "merchant_id", nil}, {"03", "criteria", nil}}},
			{id: "51", guid: "ID.CO.QRIS.WWW", holds: []slot{{"02", "nmid", nil}, {"03", "national_criteria", nil}}},
		}},
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
		write: writing{tips: true, reference: label("05"), accounts: []account{
			{id: "26", guid: "A0000006150001", holds: []slot{{"01", "acquirer", nil}, {"02", "account", nil}}},
		}},
	},
	{
		Profile:  Profile{"pix", "Pix", "BR", []string{"986"}},
		guids:    []string{"br.gov.bcb.pix"},
		required: everything,
		extra:    pix,
		write: writing{silent: true, elsewhere: true, reference: spot{"62.05", 25, form{"letters and digits", alphanumeric}}, fill: noTransaction,
			accounts: []account{{id: "26", guid: "br.gov.bcb.pix", holds: []slot{{"01", "key", nil}, {"02", "text", nil}, {"25", "url", nil}}}}},
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
		write: writing{reference: label("08"), accounts: []account{
			{id: "38", guid: "A000000727", by: []string{"account"}, holds: []slot{{"01.00", "bank", nil}, {"01.01", "account", nil}, {"02", "=QRIBFTTA", nil}}},
			{id: "38", guid: "A000000727", by: []string{"card"}, holds: []slot{{"01.00", "bank", nil}, {"01.01", "card", nil}, {"02", "=QRIBFTTC", nil}}},
		}},
	},
	{
		Profile:  Profile{"vnpay", "VNPAY", "VN", []string{"704"}},
		guids:    []string{"A000000775"},
		required: []string{"53", "58"},
		template: []rule{{"01", "merchant id", true, anything()}},
		write:    writing{reference: billNumber(), accounts: []account{{id: "26", guid: "A000000775", holds: []slot{{"01", "merchant_id", nil}}}}},
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
		write: writing{reference: label("05"), accounts: []account{
			{id: "38", guid: "A005266284662577", holds: []slot{{"01", "bank", nil}, {"02", "method", nil}, {"03", "account", nil}}},
		}},
		shares: true, // UnionPay in 15
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
		write: writing{name: "NA", city: "HK", reference: label("05"), accounts: []account{
			{id: "26", guid: "hk.com.hkicl", holds: []slot{{"01", "clearing_code", nil}, {"02", "fps_id", nil}, {"03", "mobile", nil}, {"04", "email", nil}}},
		}},
		shares: true, // cards in 02 to 25
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
		write: writing{reference: label("05"), accounts: []account{
			{id: "26", guid: "jp.or.paymentsjapan", holds: []slot{{"01", "company", nil}, {"02", "service", nil}, {"03", "store", nil}, {"04", "terminal", nil}}},
		}},
		shares: true,
	},
	{
		Profile:  Profile{"bharatqr", "Bharat QR", "IN", []string{"356"}},
		guids:    []string{"A000000524"},
		in:       []string{"26"},
		required: everything,
		template: []rule{{"01", "UPI address", true, withAt()}},
		write: writing{accounts: []account{
			{id: "26", guid: "A000000524", holds: []slot{{"01", "vpa", nil}, {"02", "minimum", nil}}},
			{id: "27", guid: "A000000524", by: []string{"@reference"}, holds: []slot{{"01", "@reference", nil}}},
		}},
		shares: true, // cards in 02 to 15
	},
	{
		Profile:  Profile{"qrph", "QR Ph", "PH", []string{"608"}},
		guids:    []string{"ph.ppmi.p2m", "com.p2pqrpay"},
		required: everything,
		template: []rule{{"01", "bank (BIC)", true, form{"8 or 11 letters and digits", func(s string) bool { return alphanumeric(s) && (len(s) == 8 || len(s) == 11) }}}},
		write: writing{reference: label("05"), accounts: []account{
			{id: "28", guid: "ph.ppmi.p2m", by: []string{"merchant_id"}, holds: []slot{{"01", "bank", nil}, {"03", "merchant_id", nil}, {"05", "payment_type", nil}}},
			{id: "27", guid: "com.p2pqrpay", by: []string{"account"}, holds: []slot{{"01", "bank", nil}, {"02", "=99964403", nil}, {"04", "account", nil}}},
		}},
	},
	{
		Profile:  Profile{"khqr", "KHQR", "KH", []string{"116", "840"}},
		matches:  func(p emvqr.Payload) bool { return khqrAccount(p) != "" && p.Get("58") == "KH" },
		required: everything,
		extra:    khqr,
		decimals: map[string]int{"116": 0}, // the riel is used without its sen
		write: writing{reference: billNumber(), once: []string{"@time of creation", "@expiry"}, accounts: []account{
			{id: "29", not: "merchant_id", holds: []slot{{"00", "bakong_id", nil}, {"01", "account_information", nil}, {"02", "acquiring_bank", nil}}},
			{id: "30", by: []string{"merchant_id"}, holds: []slot{{"00", "bakong_id", nil}, {"01", "merchant_id", nil}, {"02", "acquiring_bank", nil}}},
			{id: "99", by: []string{"@time of creation"}, holds: []slot{{"00", "@time of creation", nil}, {"01", "@expiry", nil}}},
		}},
		shares: true, // UnionPay in 15
	},
	{
		Profile:  Profile{"emv", "EMV", "", nil},
		matches:  func(emvqr.Payload) bool { return true },
		required: everything,
		write:    writing{tips: true, reference: label("05")},
		shares:   true,
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

// payNowAccounts are the two proxies of PayNow.
var payNowAccounts = []account{
	{id: "26", guid: "SG.PAYNOW", by: []string{"uen"}, holds: []slot{{"01", "=2", nil}, {"02", "uen", nil}, {"03", "@editable", nil}, {"04", "@expiry day", nil}}},
	{id: "26", guid: "SG.PAYNOW", by: []string{"mobile"}, holds: []slot{{"01", "=0", nil}, {"02", "mobile", nil}, {"03", "@editable", nil}, {"04", "@expiry day", nil}}},
}

// label is a place for the reference among the labels of 62, which hold 25
// characters (EMVCo MPM 1.1, table 3.7).
func label(id string) spot { return spot{"62." + id, 25, form{"printable ASCII", printable}} }

// billNumber is where a bank's notice repeats it to the shop.
func billNumber() spot { return label("01") }

// thaiMobile puts a number of Thailand, "081-234-5678" or "+66812345678", into the
// form of PromptPay: 0066 and nine digits.
func thaiMobile(number string) string {
	bare := strings.NewReplacer("-", "", " ", "").Replace(number)
	if national, ok := strings.CutPrefix(bare, "+66"); ok && len(national) == 9 {
		return "0066" + national
	}
	if len(bare) == 10 && bare[0] == '0' {
		return "0066" + bare[1:]
	}
	return bare
}

// noTransaction says that a Pix code has no transaction id of its own: 62.05 is
// there in any case (Manual of the BR Code).
func noTransaction(w *writer) {
	if w.ask.Reference == "" && w.ask.Labels["reference"] == "" && w.ask.Labels["05"] == "" {
		w.put("62.05", "***")
	}
}
