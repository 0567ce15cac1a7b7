package sandbox

import (
	"strconv"

	"tillwire/agent"
)

// Spender is a wallet whose phones hold another currency than [HomeCurrency].
type Spender interface {
	// Currency is what every phone of the wallet pays with (ISO 4217).
	Currency() string
}

// HomeCurrency is what the phones of a wallet hold that does not say otherwise.
const HomeCurrency = "CNY"

// currencyOf is what the phones of a wallet hold.
func currencyOf(w Wallet) string {
	if s, ok := w.(Spender); ok {
		return s.Currency()
	}
	return HomeCurrency
}

// brand is how a wallet's phones call themselves, and what its shops' codes
// begin with. Its colour stands in phone.css.
type brand struct{ en, zh, code string }

// brands are the wallets whose phones have a look of their own.
var brands = map[string]brand{
	"wechat":       {"WeChat Pay", "微信支付", "weixin://wxpay/…"},
	"wechatglobal": {"WeChat Pay abroad", "微信支付（境外）", "weixin://wxpay/…"},
	"alipay":       {"Alipay", "支付宝", "https://qr.alipay.com/…"},
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
