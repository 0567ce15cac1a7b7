package agent

// numbers are the ISO 4217 numeric codes, in the order of the currencies. They are
// looked up both ways.
var numbers = []struct {
	currency Currency
	number   string
}{
	{"AED", "784"}, {"AMD", "051"}, {"ARS", "032"}, {"AUD", "036"}, {"AZN", "944"}, {"BDT", "050"}, {"BHD", "048"}, {"BIF", "108"},
	{"BND", "096"}, {"BRL", "986"}, {"CAD", "124"}, {"CHF", "756"}, {"CLP", "152"}, {"CNY", "156"}, {"COP", "170"}, {"CZK", "203"},
	{"DJF", "262"}, {"DKK", "208"}, {"EGP", "818"}, {"EUR", "978"}, {"FJD", "242"}, {"GBP", "826"}, {"GEL", "981"}, {"GHS", "936"},
	{"GNF", "324"}, {"HKD", "344"}, {"HUF", "348"}, {"IDR", "360"}, {"ILS", "376"}, {"INR", "356"}, {"IQD", "368"}, {"ISK", "352"},
	{"JOD", "400"}, {"JPY", "392"}, {"KES", "404"}, {"KGS", "417"}, {"KHR", "116"}, {"KMF", "174"}, {"KRW", "410"}, {"KWD", "414"},
	{"KZT", "398"}, {"LAK", "418"}, {"LKR", "144"}, {"LYD", "434"}, {"MAD", "504"}, {"MMK", "104"}, {"MNT", "496"}, {"MOP", "446"},
	{"MUR", "480"}, {"MXN", "484"}, {"MYR", "458"}, {"NGN", "566"}, {"NOK", "578"}, {"NPR", "524"}, {"NZD", "554"}, {"OMR", "512"},
	{"PEN", "604"}, {"PHP", "608"}, {"PKR", "586"}, {"PLN", "985"}, {"PYG", "600"}, {"QAR", "634"}, {"RON", "946"}, {"RSD", "941"},
	{"RUB", "643"}, {"RWF", "646"}, {"SAR", "682"}, {"SEK", "752"}, {"SGD", "702"}, {"THB", "764"}, {"TND", "788"}, {"TRY", "949"},
	{"TWD", "901"}, {"TZS", "834"}, {"UAH", "980"}, {"UGX", "800"}, {"USD", "840"}, {"UYU", "858"}, {"UZS", "860"}, {"VND", "704"},
	{"VUV", "548"}, {"XAF", "950"}, {"XOF", "952"}, {"XPF", "953"}, {"ZAR", "710"}, {"ZMW", "967"},
}

// Number is the ISO 4217 numeric code of a currency, three digits as EMV codes carry
// it, or "" when it is not known.
func (c Currency) Number() string {
	for _, n := range numbers {
		if n.currency == c {
			return n.number
		}
	}
	return ""
}

// CurrencyOf is the currency of an ISO 4217 numeric code; ok is false for one that is
// not known.
func CurrencyOf(number string) (c Currency, ok bool) {
	for _, n := range numbers {
		if n.number == number {
			return n.currency, true
		}
	}
	return "", false
}
