package gateway

import (
	"net/url"
	"strconv"
	"strings"
	"time"

	"tillwire/agent"
)

// shown is what a code to show is made from.
type shown struct {
	orderNo   string
	reference string // the last twenty characters of it
	name      string // of the shop
	lane      string
	amount    agent.Money
	token     string // hexadecimal, of this order alone
	made      time.Time
	expires   time.Time
}

// drawer writes the text of a code that names this amount.
type drawer func(shown) string

// code writes what the EMV codes share behind the account: from the category to the
// checksum. Objects that a scheme does not use are empty.
func (s shown) code(account, category, country, city, more, last string) string {
	name := ""
	if city != "" {
		name = tlv("59", printable(s.name, 25, "SANDBOX SHOP"))
	}
	return sealed(account + tlv("52", category) + tlv("53", numbers[s.amount.Currency]) + tlv("54", amount(s.amount)) + tlv("58", country) +
		name + tlv("60", city) + more + last)
}

// promptPay is a bill payment with one reference; 52, 59 and 60 are not usual.
func promptPay(s shown) string {
	return s.code("000201"+"010212"+tlv("30", tlv("00", "A000000677010112")+tlv("01", "099999999999901")+tlv("02", s.reference)),
		"", "TH", "", "", "")
}

// pix is a dynamic BR Code: the payer's bank fetches the charge from the address.
func pix(s shown) string {
	return s.code("000201"+"010212"+tlv("26", tlv("00", "br.gov.bcb.pix")+tlv("25", "pix.sandbox.example/qr/v2/"+s.token[:32])),
		"0000", "BR", "SAO PAULO", tlv("62", tlv("05", s.reference)), "")
}

// upi is a link, not an EMV code. A space is %20 in it, never a plus.
func upi(s shown) string {
	return "upi://pay?pa=cornershop@sandbox&pn=" + strings.ReplaceAll(url.QueryEscape(printable(s.name, 50, "Sandbox shop")), "+", "%20") + "&mc=5411&tr=" + s.orderNo +
		"&am=" + s.amount.Decimal() + "&cu=" + string(s.amount.Currency) + "&mode=15"
}

// link is a code that only the brand's own application can read; amount and
// currency stand behind the address, not in it.
func link(prefix string) drawer {
	return func(s shown) string { return prefix + s.token[:32] }
}

// unionPay has the account in an object of its own, not in a template: acquirer,
// forwarder and merchant.
func unionPay(s shown) string {
	return s.code("000201"+"010212"+tlv("15", "3999915639999156"+"SANDBOX00000001"),
		"5411", "CN", "SHANGHAI", tlv("62", tlv("05", s.reference)), "")
}

// payNow names the shop by its company number and does not let the payer edit.
func payNow(s shown) string {
	return s.code("000201"+"010212"+tlv("26", tlv("00", "SG.PAYNOW")+tlv("01", "2")+tlv("02", "201403121W")+tlv("03", "0")+tlv("04", s.expires.Format("20060102"))),
		"0000", "SG", "Singapore", tlv("62", tlv("01", s.reference)), "")
}

// qris has the acquirer's account and the national one.
func qris(s shown) string {
	return s.code("000201"+"010212"+tlv("26", tlv("00", "ID.CO.SANDBOX.WWW")+tlv("01", luhn("93600999000000001"))+tlv("02", "SANDBOX00000001")+tlv("03", "UMI"))+
		tlv("51", tlv("00", "ID.CO.QRIS.WWW")+tlv("02", "ID1000000000001")+tlv("03", "UMI")),
		"5411", "ID", "JAKARTA", tlv("61", "10110")+tlv("62", tlv("05", s.reference)+tlv("07", printable(s.lane, 25, "1"))), "")
}

// luhn puts the check digit behind a number.
func luhn(number string) string {
	sum := 0
	for i := range number {
		d := int(number[len(number)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return number + strconv.Itoa((10-sum%10)%10)
}

// duitNow is the one scheme whose version is 02; dynamic codes end with a mark of
// twenty bytes.
func duitNow(s shown) string {
	return s.code("000202"+"010212"+tlv("26", tlv("00", "A0000006150001")+tlv("01", "890053")+tlv("02", "110292837332")),
		"5411", "MY", "KUALA LUMPUR", tlv("62", tlv("01", s.reference)), tlv("82", s.token[:40]))
}

// vietQR is a transfer to an account, with the reference as its text.
func vietQR(s shown) string {
	account := tlv("00", "970416") + tlv("01", "257678859")
	return s.code("000201"+"010212"+tlv("38", tlv("00", "A000000727")+tlv("01", account)+tlv("02", "QRIBFTTA")),
		"", "VN", "", tlv("62", tlv("08", s.reference)), "")
}

// khqr has no identifier of the scheme; 99 holds when it was made and runs out.
func khqr(s shown) string {
	millis := func(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }
	return s.code("000201"+"010212"+tlv("30", tlv("00", "cornershop@sbox")+tlv("01", "SB000001")+tlv("02", "Sandbox Bank")),
		"5999", "KH", "PHNOM PENH", tlv("62", tlv("01", s.reference)), tlv("99", tlv("00", millis(s.made))+tlv("01", millis(s.expires))))
}

// hkqr is the Faster Payment System's.
func hkqr(s shown) string {
	return s.code("000201"+"010212"+tlv("26", tlv("00", "hk.com.hkicl")+tlv("02", "1234567")),
		"0000", "HK", "HK", tlv("62", tlv("05", s.reference)), "")
}

// jpqr has fields of fixed lengths: company, store, terminal. A Japanese name
// stands beside the Latin one.
func jpqr(s shown) string {
	name := ""
	if text := local(s.name, 25); text != "" {
		name = tlv("64", tlv("00", "JA")+tlv("01", text))
	}
	return s.code("000201"+"010212"+tlv("26", tlv("00", "jp.or.paymentsjapan")+tlv("01", "0000000000001")+tlv("02", "0001")+tlv("03", "000001")+tlv("04", "000001")),
		"5411", "JP", "TOKYO", tlv("62", tlv("05", s.reference)), name)
}
