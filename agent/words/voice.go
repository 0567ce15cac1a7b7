package words

import (
	"time"

	"tillwire/agent"
)

// Voice is how slips speak a language: amounts as they are written where the
// currency is used, times in the shop's zone with the zone beside them.
func (w *Words) Voice(lang string, zone *time.Location) agent.Voice {
	return agent.Voice{
		Say:    func(s agent.Sentence) string { return w.Say(lang, s) },
		Money:  w.Local,
		Wallet: func(name string) string { return w.Wallet(lang, name) },
		Stamp: func(t time.Time) string {
			t = t.In(zone)
			offset := t.Format("-07:00")
			if w.of(lang).right {
				offset = leftToRight + offset + isolateEnds
			}
			return w.Stamp(lang, t) + " " + offset
		},
	}
}

// Title gives a wallet the name that the shop calls it by, in every language. It is for
// the beginning: call it before anything is said to anybody.
func (w *Words) Title(wallet, title string) { w.titles[wallet] = title }

// Titled is the name that Title gave a wallet, "" when it gave none.
func (w *Words) Titled(wallet string) string { return w.titles[wallet] }

// Wallet is a brand as people know it: as the shop calls it, as the catalogue does, or
// its configured name.
func (w *Words) Wallet(lang, name string) string {
	if title := w.titles[name]; title != "" {
		return title
	}
	if key := "wallet." + name; w.Has(lang, key) {
		return w.Text(lang, key)
	}
	return name
}
