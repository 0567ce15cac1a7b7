package words

import (
	"maps"
	"strings"
	"time"

	"tillwire/agent"
)

// signs are the currency signs that people write before an amount where the
// currency is used. A currency without one is named by its code.
var signs = map[agent.Currency]string{
	"CNY": "¥", "JPY": "¥", "USD": "$", "EUR": "€", "GBP": "£", "KRW": "₩", "THB": "฿",
	"INR": "₹", "VND": "₫", "PHP": "₱", "HKD": "HK$", "TWD": "NT$", "SGD": "S$", "BRL": "R$",
	"MYR": "RM", "AUD": "A$", "CAD": "C$", "MOP": "MOP$",
}

// Signs lists the currency signs, for pages that write amounts themselves.
func Signs() map[agent.Currency]string { return maps.Clone(signs) }

// Money writes an amount for people: sign, digits in groups of three, the
// currency's decimal places ("¥1,234.50"). The digits come from the integer; no
// rounding happens anywhere.
func (w *Words) Money(m agent.Money) string {
	text := m.Decimal()
	minus := ""
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		minus, text = "−", rest
	}
	sign, ok := signs[m.Currency]
	if !ok {
		sign = string(m.Currency) + " "
	}
	return minus + sign + group(text)
}

// group puts a comma between every three digits before the point. Both of the
// languages we speak do it so.
func group(decimal string) string {
	whole, frac, has := strings.Cut(decimal, ".")
	var b strings.Builder
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	if has {
		b.WriteString("." + frac)
	}
	return b.String()
}

// Date writes the day of t, in t's own zone, for lists and receipts.
func (w *Words) Date(lang string, t time.Time) string {
	if lang == "zh-CN" {
		return t.Format("2006年1月2日")
	}
	return t.Format("2 Jan 2006")
}

// Stamp writes the day and the time of t, in t's own zone, to the second.
func (w *Words) Stamp(lang string, t time.Time) string {
	return w.Date(lang, t) + " " + t.Format("15:04:05")
}

// Span writes how long something has lasted, in its largest two units: "3 min
// 20 s". Parts below a second are dropped; a negative span is written as zero.
func (w *Words) Span(lang string, d time.Duration) string {
	s := int64(max(d, 0) / time.Second)
	unit := func(n int64, key string) string { return w.Text(lang, "unit."+key, n) }
	two := func(big int64, bigKey string, small int64, smallKey string) string {
		if small == 0 {
			return unit(big, bigKey)
		}
		return unit(big, bigKey) + " " + unit(small, smallKey)
	}
	switch {
	case s < 60:
		return unit(s, "s")
	case s < 3600:
		return two(s/60, "min", s%60, "s")
	case s < 24*3600:
		return two(s/3600, "h", s/60%60, "min")
	}
	return two(s/86400, "d", s/3600%24, "h")
}
