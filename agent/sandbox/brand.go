package sandbox

import (
	"strconv"

	"tillwire/agent"
)

// Spender is a wallet whose phones hold another currency than [HomeCurrency].
type Spender interface {
	// Currencies are what a phone of the wallet can hold (ISO 4217), one each; the
	// first is what it holds when nobody says otherwise.
	Currencies() []string
}

// HomeCurrency is what the phones of a wallet hold that does not say otherwise.
const HomeCurrency = "CNY"

// currenciesOf are what the phones of a wallet can hold.
func currenciesOf(w Wallet) []string {
	if s, ok := w.(Spender); ok {
		return s.Currencies()
	}
	return []string{HomeCurrency}
}

// brand is how a wallet's phones call themselves, and what its shops' codes
// begin with. Its colour stands in phone.css.
type brand struct{ en, zh, code string }

// brands are the wallets whose phones have a look of their own.
var brands = map[string]brand{
	"wechat":       {"WeChat Pay", "微信支付", "weixin://wxpay/…"},
	"wechatglobal": {"WeChat Pay abroad", "微信支付（境外）", "weixin://wxpay/…"},
	"alipay":       {"Alipay", "支付宝", "https://qr.alipay.com/…"},

	"promptpay":  {"PromptPay", "PromptPay", "00020101021230…"},
	"pix":        {"Pix", "Pix", "00020101021226…"},
	"upi":        {"UPI", "UPI", "upi://pay?pa=…"},
	"paynow":     {"PayNow", "PayNow", "00020101021226…"},
	"qris":       {"QRIS", "QRIS", "00020101021226…"},
	"duitnow":    {"DuitNow", "DuitNow", "00020201021226…"},
	"vietqr":     {"VietQR", "VietQR", "00020101021238…"},
	"khqr":       {"KHQR", "KHQR", "00020101021230…"},
	"fps":        {"FPS", "转数快", "00020101021226…"},
	"jpqr":       {"JPQR", "JPQR", "00020101021226…"},
	"unionpay":   {"UnionPay", "银联", ""},
	"alipayplus": {"Alipay+", "Alipay+", ""},
	"linepay":    {"LINE Pay", "LINE Pay", ""},
	"paypay":     {"PayPay", "PayPay", ""},

	"shopcard":  {"Shop Card", "会员储值卡", ""},
	"cornerpay": {"Corner Pay", "街角支付", "PC1:…"},
}

// brandOf calls a wallet without a look of its own by its plain name.
func brandOf(wallet, lang string) (name, code string) {
	b, known := brands[wallet]
	switch {
	case !known:
		return wallet, ""
	case lang == "zh":
		return b.zh, b.code
	}
	return b.en, b.code
}

// symbols are the signs of currencies that people at these counters read; any
// other is written with its code.
var symbols = map[string]string{"CNY": "¥", "JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "HKD": "HK$", "SGD": "S$", "THB": "฿", "BRL": "R$",
	"INR": "₹", "IDR": "Rp", "MYR": "RM", "VND": "₫", "KHR": "៛", "KRW": "₩", "TWD": "NT$", "PHP": "₱"}

// Unit is one of a currency in its minor units.
func Unit(currency string) int64 {
	unit := int64(1)
	for range agent.Currency(currency).Exponent() {
		unit *= 10
	}
	return unit
}

// money writes an amount of minor units with its currency's sign and decimals,
// thousands apart.
func money(minor int64, currency string) string {
	sign := ""
	if minor < 0 {
		sign, minor = "−", -minor
	}
	symbol, known := symbols[currency]
	if !known {
		symbol = currency + " "
	}
	digits := strconv.FormatInt(minor, 10)
	part := ""
	if n := agent.Currency(currency).Exponent(); n > 0 {
		for len(digits) <= n {
			digits = "0" + digits
		}
		digits, part = digits[:len(digits)-n], "."+digits[len(digits)-n:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + symbol + digits + part
}
