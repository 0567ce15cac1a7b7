package main

import (
	"tillwire/agent"
	"tillwire/agent/settings"
	"tillwire/agent/wallet"
)

// codeRows offers the table of codes as settings, with its patterns as defaults.
func codeRows() (rows []settings.CodeRow) {
	for _, r := range wallet.DefaultRules() {
		title := wallet.Brand(r.Scheme)
		switch {
		case r.Weak:
			title += ", by length"
		case r.First != "":
			title = wallet.Brand(r.First)
		case r.Kind == agent.CodeMerchant:
			title += ", as shops show them"
		}
		rows = append(rows, settings.CodeRow{Name: r.Name, Title: title, Pattern: r.Pattern})
	}
	return rows
}

// codeKeys are the settings that the table of codes obeys.
func codeKeys() []string {
	keys := []string{settings.CodesOwn}
	for _, r := range wallet.DefaultRules() {
		keys = append(keys, settings.CodesPrefix+r.Name)
	}
	return keys
}

// codeRules is the table of codes with the patterns of the settings.
func codeRules(v settings.Values) ([]wallet.Rule, error) {
	rules := wallet.DefaultRules()
	for i := range rules {
		rules[i].Pattern = v.Text(settings.CodesPrefix + rules[i].Name)
	}
	own, err := wallet.OwnRules(v.Text(settings.CodesOwn))
	return wallet.Join(rules, own), err
}

// codeSettings obeys the patterns: they are tried against each other before they are
// saved, and hold for the next scan. use is nil where no agent runs.
type codeSettings struct{ use func([]wallet.Rule) error }

// Verify implements settings.Subscriber.
func (codeSettings) Verify(next settings.Values) error {
	rules, err := codeRules(next)
	if err != nil {
		return err
	}
	return wallet.CheckRules(rules)
}

// Commit implements settings.Subscriber.
func (c codeSettings) Commit(next settings.Values) agent.Effect {
	if rules, err := codeRules(next); err == nil && c.use != nil {
		// Verify saw the same rules, so Use cannot refuse them.
		_ = c.use(rules)
	}
	return agent.EffectLive
}

// openCodes puts the stored patterns in force. Patterns that contradict each other,
// as an update can bring about, leave the defaults: a broken setting stops no sale.
func (d *agentd) openCodes() {
	if d.wallets == nil {
		return
	}
	codes := codeSettings{use: d.wallets.Use}
	if err := codes.Verify(d.book.Values()); err != nil {
		d.problems.note(agent.Problem{Since: d.clock.Now(), ID: "problem.codes", Args: []string{err.Error()}, What: "The stored patterns of codes cannot be used: " + err.Error(),
			Do: "Set them again on the owner's page. Until then every code is recognised by its default pattern."})
	} else {
		codes.Commit(d.book.Values())
	}
	d.book.Subscribe(codes, codeKeys()...)
}
