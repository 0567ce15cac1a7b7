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

// Wallet is a brand as people know it, or its configured name.
func (w *Words) Wallet(lang, name string) string {
	if key := "wallet." + name; w.Has(lang, key) {
		return w.Text(lang, key)
	}
	return name
}
