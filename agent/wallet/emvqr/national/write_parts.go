package national

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"tillwire/agent"
)

// head writes 00 and 01.
func (w *writer) head() {
	version := w.row.version
	if version == "" {
		version = "01"
	}
	w.put("00", version)
	switch {
	case w.ask.Once:
		w.put("01", "12")
		for _, need := range w.row.write.once {
			if w.source(need) == "" {
				w.why.add("a code for one payment needs the %s", spoken(need))
			}
		}
		if w.ask.Amount.Value == 0 && !w.row.write.elsewhere {
			w.why.add("a code for one payment needs the amount")
		}
	case !w.row.write.silent:
		w.put("01", "11")
	}
}

// accounts writes who is paid: the scheme's own templates, then what was given by
// path.
func (w *writer) accounts() {
	for _, a := range w.row.write.accounts {
		if !w.wants(a) {
			continue
		}
		w.put(a.id+".00", a.guid)
		for _, h := range a.holds {
			value := w.source(h.from)
			if h.as != nil && value != "" {
				value = h.as(value)
			}
			w.put(a.id+"."+h.id, value)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(w.ask.Account)) {
		if top, _, _ := strings.Cut(path, "."); byPath(path) && ("02" <= top && top <= "51" || top >= "80") {
			w.used[path] = true
			w.put(path, w.ask.Account[path])
		}
	}
}

func (w *writer) wants(a account) bool {
	if a.not != "" && w.given(a.not) {
		return false
	}
	if a.by != nil {
		return slices.ContainsFunc(a.by, w.given)
	}
	return slices.ContainsFunc(a.holds, func(h slot) bool { return h.from[0] != '=' && h.from[0] != '@' && w.given(h.from) })
}

func (w *writer) given(from string) bool {
	was := w.used[from]
	value := w.source(from)
	w.used[from] = was
	return value != ""
}

// source is the value that a slot is filled from.
func (w *writer) source(from string) string {
	w.used[from] = true
	switch {
	case from[0] == '=':
		return from[1:]
	case from == "@reference":
		return w.ask.Reference
	case from == "@editable":
		// The payer may change the amount only where there is none.
		if w.ask.Amount.Value == 0 {
			return "1"
		}
		return "0"
	case from == "@expiry day" && !w.ask.Expires.IsZero():
		return w.ask.Expires.Format("20060102")
	case from == "@time of creation" && !w.ask.Created.IsZero():
		return strconv.FormatInt(w.ask.Created.UnixMilli(), 10)
	case from == "@expiry" && !w.ask.Expires.IsZero():
		return strconv.FormatInt(w.ask.Expires.UnixMilli(), 10)
	case from[0] == '@':
		return ""
	}
	return w.ask.Account[from]
}

// money writes currency, amount and tip.
func (w *writer) money() {
	number := w.ask.Amount.Currency.Number()
	switch {
	case number == "" && w.ask.Amount.Currency == "" && w.ask.Amount.Value == 0 && len(w.row.Currencies) > 0:
		number = w.row.Currencies[0]
	case number == "":
		w.why.add("the currency %q is not known", string(w.ask.Amount.Currency))
		return
	}
	w.put("53", number)
	if w.ask.Amount.Value != 0 {
		w.put("54", w.decimal(w.ask.Amount.Value, number))
	}
	if w.ask.Country != "" && w.row.Country != "" && w.ask.Country != w.row.Country {
		w.why.add("%s is of %s", w.row.Title, w.row.Country)
	}
	w.put("58", cmp.Or(w.row.Country, w.ask.Country))
	tip := w.ask.Tip
	if tip == (Tip{}) {
		return
	}
	if !w.row.write.tips {
		w.why.add("%s has no tips", w.row.Title)
	}
	switch {
	case tip == Tip{Ask: true}:
		w.put("55", "01")
	case tip == Tip{Fixed: tip.Fixed}:
		w.put("55", "02")
		w.put("56", w.decimal(tip.Fixed, number))
	case tip == Tip{Percent: tip.Percent} && tip.Percent > 0:
		w.put("55", "03")
		text := agent.Money{Value: int64(tip.Percent), Currency: "EUR"}.Decimal() // two places, like a hundredth of a percent
		w.put("57", strings.TrimSuffix(strings.TrimRight(text, "0"), "."))
	default:
		w.why.add("a tip is asked for, fixed or a percentage, one of them")
	}
}

// decimal writes minor units with exactly the decimals that the scheme has.
func (w *writer) decimal(value int64, number string) string {
	currency, _ := agent.CurrencyOf(number)
	places, _ := w.row.places(number)
	text := agent.Money{Value: value, Currency: currency}.Decimal()
	if value <= 0 || value > agent.MaxMinor {
		w.why.add("the amount %s cannot be asked for", text)
		return ""
	}
	whole, fraction, _ := strings.Cut(text, ".")
	if places >= len(fraction) {
		return text
	}
	if strings.Trim(fraction[places:], "0") != "" {
		w.why.add("the amount %s has more decimals than %s takes (%d)", text, w.row.Title, places)
	}
	if places == 0 {
		return whole
	}
	return whole + "." + fraction[:places]
}

// merchant writes category, name, city, postal code and the local script.
func (w *writer) merchant() {
	asks := func(id string) bool { return slices.Contains(w.row.required, id) }
	category := w.ask.Category
	if category == "" && asks("52") {
		category = "0000"
	}
	w.put("52", category)
	name, city := w.ask.Name, w.ask.City
	if name == "" && asks("59") {
		name = w.row.write.name
	}
	if city == "" && asks("60") {
		city = w.row.write.city
	}
	w.put("59", w.latin("name", name, 25))
	w.put("60", w.latin("city", city, 15))
	w.put("61", w.latin("postal code", w.ask.Postal, 99))
	if l := w.ask.Local; l != (Local{}) {
		if len(l.Language) != 2 || l.Name == "" {
			w.why.add("the local script needs a language of two letters and a name")
		}
		w.put("64.00", l.Language)
		w.put("64.01", cut(l.Name, 25))
		w.put("64.02", cut(l.City, 15))
	}
}

// latin holds a text to printable ASCII, which every payer's application shows, and
// cuts it.
func (w *writer) latin(what, text string, most int) string {
	if !printable(text) {
		w.why.add("the %s has characters outside ASCII; write it in Latin letters and put the local script into local", what)
	}
	return cut(text, most)
}

// cut shortens a text to characters, not bytes, and leaves no blank at its end.
func cut(text string, most int) string {
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most])
	}
	return strings.TrimSpace(text)
}

// additional writes 62: the reference, where its place is there, and the labels.
func (w *writer) additional() {
	if spot := w.row.write.reference; spot.path != "" && w.ask.Reference != "" {
		w.used["@reference"] = true
		if !upTo(spot.most).fits(w.ask.Reference) || !spot.form.fits(w.ask.Reference) {
			w.why.add("the reference is not %s with at most %d characters", spot.form.say, spot.most)
		}
		w.put(spot.path, w.ask.Reference)
	}
	for _, name := range slices.Sorted(maps.Keys(w.ask.Labels)) {
		value, path := w.ask.Labels[name], labels[name]
		if byPath(name) {
			path = name
		}
		if path == "" {
			w.why.add("the label %q is not known; there are %s", name, strings.Join(Labels(), ", "))
		}
		if !printable(value) {
			w.why.add("the label %s has characters outside ASCII", name)
		}
		if path != "" {
			w.put("62."+path, value)
		}
	}
	if w.row.write.fill != nil {
		w.row.write.fill(w)
	}
}

// leftovers refuses what was asked for and has no place in the code: a shop that
// gave it relies on it.
func (w *writer) leftovers() {
	for _, name := range slices.Sorted(maps.Keys(w.ask.Account)) {
		if !w.used[name] && w.ask.Account[name] != "" {
			w.why.add("%s has no place for the account's %q here; its members are %s", w.row.Title, name, strings.Join(Members(w.row.Name), ", "))
		}
	}
	for from, given := range map[string]bool{"@reference": w.ask.Reference != "", "@time of creation": !w.ask.Created.IsZero()} {
		if given && !w.used[from] {
			w.why.add("%s has no place for a %s here", w.row.Title, spoken(from))
		}
	}
	if !w.ask.Expires.IsZero() && !w.used["@expiry"] && !w.used["@expiry day"] {
		w.why.add("%s has no place for an expiry here", w.row.Title)
	}
}

func spoken(from string) string { return strings.TrimPrefix(from, "@") }

// byPath tells whether a name is a path of ids: "15", "27.01".
func byPath(name string) bool {
	for id := range strings.SplitSeq(name, ".") {
		if len(id) != 2 || !digits(id) {
			return false
		}
	}
	return true
}

func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}
