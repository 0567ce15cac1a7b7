package wallet

import (
	"strings"

	"tillwire/agent"
)

// brands are the names people know the schemes by; a scheme that is not here is
// named as it is.
var brands = map[string]string{
	"alipay": "Alipay", "alipayplus": "Alipay+", "aupay": "au PAY", "bharatqr": "Bharat QR", "boost": "Boost", "dbarai": "d-barai", "duitnow": "DuitNow",
	"ecny": "e-CNY", "grabpay": "GrabPay", "jdpay": "JD Pay", "jkopay": "JKOPAY", "kakaopay": "Kakao Pay", "meituan": "Meituan Pay", "shopeepay": "ShopeePay",
	"tng": "Touch 'n Go", "jcb": "JCB", "mastercard": "Mastercard", "visa": "Visa", "url": "web links", "wechathk": "WeChat Pay HK",
	"emv": "EMV", "emv-cpm": "EMV", "emv-mpm": "EMV", "hkqr": "FPS", "jp-barcode": "Japanese wallet", "jpqr": "JPQR",
	"jpqr-barcode": "JPQR", "jpqr-cpm": "JPQR", "khqr": "KHQR", "laoqr": "LaoQR", "linepay": "LINE Pay", "merpay": "Merpay",
	"origami": "Origami", "paynow": "PayNow", "paypay": "PayPay", "pix": "Pix", "pring": "pring", "promptpay": "PromptPay",
	"qris": "QRIS", "qrph": "QR Ph", "rakutenpay": "Rakuten Pay", "sgqr": "SGQR", "swissqr": "Swiss QR-bill", "twqrp": "TWQR",
	"unionpay": "UnionPay", "upi": "UPI", "vietqr": "VietQR", "vnpay": "VNPAY", "wechat": "WeChat Pay", "yuchopay": "Yucho Pay",
}

// Brand is the name people know a scheme by.
func Brand(scheme string) string {
	if name, ok := brands[scheme]; ok {
		return name
	}
	return scheme
}

// Explain is what to tell the cashier about a scanned text: what it is, and what
// to do where it is not a code that this shop can charge.
func Explain(c agent.Code) agent.Sentence {
	brand := Brand(c.Scheme)
	args := []string{brand}
	switch {
	case c.Kind == agent.CodeConsumer && c.Wallet != "":
		return agent.Sentence{ID: "scan.taken", Args: args, English: "This is " + article(brand) + " payment code"}
	case c.Kind == agent.CodeConsumer:
		return agent.Sentence{ID: "scan.not_taken", Args: args,
			English: "This is " + article(brand) + " code; this shop does not take " + brand + ". Ask for another way to pay"}
	case c.Kind == agent.CodeGoods:
		return agent.Sentence{ID: "scan.goods", English: "This is a goods barcode. Scan the payment code on the customer's phone"}
	case c.Kind == agent.CodeMerchant && c.Scheme == "url":
		return agent.Sentence{ID: "scan.link", English: "This is a web link, not a payment code. Ask the customer to open the payment code"}
	case c.Kind == agent.CodeMerchant:
		return agent.Sentence{ID: "scan.merchant", Args: args,
			English: "This is a shop's code (" + brand + "): the customer scans it with the phone. Ask for the payment code"}
	case c.Scheme != "":
		return agent.Sentence{ID: "scan.partial", Args: args, English: "Only a part of the code was read. Scan it again"}
	}
	return agent.Sentence{ID: "scan.unknown", English: "This is not a payment code. Ask the customer to open the payment code"}
}

// showOnly is for a wallet that pays here, but not by its own code.
func showOnly(brand string) agent.Sentence {
	return agent.Sentence{ID: "scan.show_only", Args: []string{brand},
		English: "This is " + article(brand) + " code. Here the customer scans our code for " + brand + ": show it"}
}

// Sentences lists one of each sentence Explain can say, for the translations' test.
func Sentences() []agent.Sentence {
	return []agent.Sentence{
		Explain(agent.Code{Kind: agent.CodeConsumer, Scheme: "wechat", Wallet: "wechat"}),
		Explain(agent.Code{Kind: agent.CodeConsumer, Scheme: "alipay"}),
		showOnly("PromptPay"),
		Explain(agent.Code{Kind: agent.CodeGoods, Scheme: "gtin"}),
		Explain(agent.Code{Kind: agent.CodeMerchant, Scheme: "url"}),
		Explain(agent.Code{Kind: agent.CodeMerchant, Scheme: "promptpay"}),
		Explain(agent.Code{Kind: agent.CodeUnknown, Scheme: "emv-cpm"}),
		Explain(agent.Code{Kind: agent.CodeUnknown}),
	}
}

// article puts "a" or "an" before a brand.
func article(brand string) string {
	if brand != "" && strings.ContainsRune("AEIOaeio", rune(brand[0])) {
		return "an " + brand
	}
	return "a " + brand
}
