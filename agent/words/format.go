package words

import (
	"fmt"
	"maps"
	"regexp"
	"strconv"
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

// Figures is how a language writes numbers and amounts. Pages hand it to their
// scripts, which write amounts by themselves.
type Figures struct {
	Group  string `json:"group"`  // between thousands
	Point  string `json:"point"`  // before the decimal places
	Lakh   bool   `json:"lakh"`   // groups of two above the first three, as in India
	Behind bool   `json:"behind"` // the currency's sign stands after the amount
	Gap    string `json:"gap"`    // between sign and amount
	Right  bool   `json:"right"`  // the text around it runs from right to left
}

// learn reads what a catalogue says about its language: a number and an amount
// written as an example, the months, the calendar.
func (s *speaker) learn() error {
	switch s.own("language.dir") {
	case "rtl":
		s.right = true
	case "ltr":
	default:
		return fmt.Errorf("language.dir is %q; it is ltr or rtl", s.own("language.dir"))
	}
	parts := numberExample.FindStringSubmatch(s.own("format.number"))
	if parts == nil {
		return fmt.Errorf("format.number is %q; write 1234567.89 as the language does", s.own("format.number"))
	}
	s.figures = Figures{Group: parts[3], Point: parts[4], Lakh: parts[1] == "12", Right: s.right}
	example := s.own("format.money")
	s.figures.Gap, s.figures.Behind = strings.Trim(example, "¤1"), strings.HasSuffix(example, "¤")
	if strings.TrimSpace(s.figures.Gap) != "" || !strings.Contains(example, "¤") || !strings.Contains(example, "1") {
		return fmt.Errorf("format.money is %q; write ¤1 or 1¤, with the space that belongs between", example)
	}
	if s.months = strings.Split(s.own("format.months"), "|"); len(s.months) != 12 {
		return fmt.Errorf("format.months has %d months, with | between them", len(s.months))
	}
	era, err := strconv.Atoi(s.own("format.era"))
	if err != nil {
		return fmt.Errorf("format.era is %q; it is the years to add to 2026, mostly 0", s.own("format.era"))
	}
	s.era = era
	return nil
}

// numberExample is 1234567.89 in thousands or, as in India, in lakhs.
var numberExample = regexp.MustCompile(`^(1|12)(\D)(?:234|34)(\D)567(\D)89$`)

// own is a text of the language's own catalogue, as it stands there.
func (s *speaker) own(key string) string { return s.texts[key] }

// Figures is how a language writes numbers; one that is not known writes as English.
func (w *Words) Figures(lang string) Figures { return w.of(lang).figures }

func (w *Words) of(lang string) *speaker {
	if s := w.in(lang); s != nil {
		return s
	}
	return w.in(English)
}

// Money writes an amount as English does: sign, digits in groups of three, the
// currency's decimal places ("¥1,234.50"). The digits come from the integer; no
// rounding happens anywhere.
func (w *Words) Money(m agent.Money) string { return w.MoneyIn(English, m) }

// MoneyIn writes an amount as a language does: "¥1,234.50", "1 234,50 ¥". In a
// language written from right to left it keeps its own direction.
func (w *Words) MoneyIn(lang string, m agent.Money) string {
	f := w.Figures(lang)
	text, minus := m.Decimal(), ""
	if rest, negative := strings.CutPrefix(text, "-"); negative {
		minus, text = "−", rest
	}
	whole, frac, has := strings.Cut(text, ".")
	text = notation{group: f.Group, lakh: f.Lakh}.groups(whole)
	if has {
		text += f.Point + frac
	}
	sign, ok := signs[m.Currency]
	if !ok {
		sign = string(m.Currency)
	}
	gap := f.Gap
	if !ok && gap == "" {
		gap = " " // a code does not cling to a number
	}
	if f.Behind {
		text = minus + text + gap + sign
	} else {
		text = minus + sign + gap + text
	}
	if f.Right {
		return leftToRight + text + isolateEnds
	}
	return text
}

// Date writes the day of t, in t's own zone, for lists and receipts.
func (w *Words) Date(lang string, t time.Time) string {
	s := w.of(lang)
	return strings.NewReplacer("D", strconv.Itoa(t.Day()), "M", s.months[t.Month()-1], "Y", strconv.Itoa(t.Year()+s.era)).Replace(s.own("format.date"))
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
