package wallet

import (
	"fmt"
	"slices"
	"sync/atomic"

	"tillwire/agent"
	"tillwire/agent/wallet/emvqr"
)

// Member is a configured wallet and the schemes whose codes it takes.
type Member struct {
	Wallet agent.Wallet
	Takes  []string // schemes as the rules name them; empty: the wallet's own name
}

func (m Member) takes(scheme string) bool {
	if len(m.Takes) == 0 {
		return m.Wallet.Info().Name == scheme
	}
	return slices.Contains(m.Takes, scheme)
}

// Set is the configured wallets in the order of the configuration. Its wallets
// never change and its rules change at once, so it is safe for concurrent use.
type Set struct {
	members []Member
	schemes func(code string) []string
	rules   atomic.Pointer[[]rule]
	known   []rule // as they are by default
}

// NewSet puts the configured wallets together. schemes names the schemes of an EMV
// code, the preferred one first: of a merchant-presented one the national scheme, of
// a consumer-presented one those of its applications. It may return none, and may be
// nil. Two wallets of one name and a rule that cannot work are refused.
func NewSet(rules []Rule, schemes func(code string) []string, members ...Member) (*Set, error) {
	s := &Set{members: members, schemes: schemes}
	for i, m := range members {
		name := m.Wallet.Info().Name
		if slices.ContainsFunc(members[:i], func(other Member) bool { return other.Wallet.Info().Name == name }) {
			return nil, fmt.Errorf("two wallets are named %q: give each a name of its own", name)
		}
	}
	known, err := compile(defaultRules)
	if err != nil {
		return nil, err
	}
	s.known = known
	return s, s.Use(rules)
}

// Use puts other rules in force, for the next code. Rules that cannot work change
// nothing; CheckRules says more about a table that a person edited.
func (s *Set) Use(rules []Rule) error {
	ready, err := compile(rules)
	if err != nil {
		return err
	}
	s.rules.Store(&ready)
	return nil
}

// Wallet finds a configured wallet by its name.
func (s *Set) Wallet(name string) (agent.Wallet, bool) {
	for _, m := range s.members {
		if m.Wallet.Info().Name == name {
			return m.Wallet, true
		}
	}
	return nil, false
}

// All lists the configured wallets in order.
func (s *Set) All() []agent.Wallet {
	list := make([]agent.Wallet, 0, len(s.members))
	for _, m := range s.members {
		list = append(list, m.Wallet)
	}
	return list
}

// Identify says what a scanned text is and which configured wallet takes it for a
// payment in that currency; "" is any. The code that comes back holds the cleaned
// text.
func (s *Set) Identify(text agent.PayCode, in agent.Currency) agent.Code {
	cleaned, goods := clean(text.Reveal())
	if goods {
		return agent.Code{Kind: agent.CodeGoods, Scheme: "gtin", Text: agent.NewPayCode(cleaned)}
	}
	compact := squeeze(cleaned)
	if r, t, ok := s.rule(cleaned, compact); ok {
		return s.code(r, t, in)
	}
	if gtin(compact) {
		return agent.Code{Kind: agent.CodeGoods, Scheme: "gtin", Text: agent.NewPayCode(compact)}
	}
	return agent.Code{Kind: agent.CodeUnknown, Text: agent.NewPayCode(cleaned)}
}

// Momentary reports that a text looks like a code that lives a minute and needs its
// wallet's server, whoever takes it here: that of a scheme in the table, by its default
// pattern or by the one in force. A shop's own rule may match such a code as well, and a
// brand may take another's, and neither makes it a code that can be kept.
func (s *Set) Momentary(text agent.PayCode) bool {
	cleaned, _ := clean(text.Reveal())
	compact := squeeze(cleaned)
	lives := func(r rule) bool {
		return r.Kind == agent.CodeConsumer && r.match.MatchString(compact) && (!r.Weak || s.charged(r.Rule, compact))
	}
	return slices.ContainsFunc(s.known, lives) || slices.ContainsFunc(*s.rules.Load(), func(r rule) bool {
		return slices.ContainsFunc(defaultRules, func(d Rule) bool { return d.Name == r.Name }) && lives(r)
	})
}

// rule finds the rule that decides, and the text as it counts for it. Schemes that a
// configured wallet takes come first: a shop that takes only LINE Pay in Taiwan,
// whose keys may begin with anything, must not hear of WeChat. Those that nobody here
// takes are there to name what was scanned.
func (s *Set) rule(cleaned, compact string) (r Rule, text string, ok bool) {
	for _, next := range *s.rules.Load() {
		t := cleaned
		if next.Kind == agent.CodeConsumer {
			t = compact
		}
		if ok && next.Kind != agent.CodeConsumer || !next.match.MatchString(t) {
			continue
		}
		if next.Kind == agent.CodeConsumer && s.charged(next.Rule, t) {
			return next.Rule, t, true
		}
		if !ok && !next.Weak {
			r, text, ok = next.Rule, t, true
		}
	}
	return r, text, ok
}

func (s *Set) code(r Rule, text string, in agent.Currency) agent.Code {
	c := agent.Code{Kind: r.Kind, Scheme: r.Scheme, Text: agent.NewPayCode(text)}
	switch {
	case r.Kind == agent.CodeConsumer && emvqr.IsConsumer(text):
		if _, err := emvqr.ReadConsumer(text); err != nil {
			// Half a code must not go to a wallet: it may be somebody else's whole one.
			c.Kind = agent.CodeUnknown
			return c
		}
	case r.Kind == agent.CodeMerchant && emvqr.IsMerchant(text):
		if names := s.schemesOf(text); len(names) > 0 {
			c.Scheme = names[0]
		}
	}
	if r.Kind == agent.CodeConsumer {
		names := s.applications(text)
		if len(names) > 0 {
			c.Scheme = names[0]
		}
		var scheme string
		c.Wallet, scheme = s.takerOf(r, text, in)
		if slices.Contains(names, scheme) {
			c.Scheme = scheme
		}
	}
	return c
}

// applications names the schemes of a consumer-presented EMV code, none for another.
func (s *Set) applications(text string) []string {
	if !emvqr.IsConsumer(text) {
		return nil
	}
	return s.schemesOf(text)
}

func (s *Set) schemesOf(code string) []string {
	if s.schemes == nil {
		return nil
	}
	return s.schemes(code)
}

// charged tells whether a configured wallet charges such a code, in whatever currency.
func (s *Set) charged(r Rule, text string) bool {
	wallet, _ := s.takerOf(r, text, "")
	return wallet != ""
}

// takerOf is the configured wallet that charges a consumer's code, and the scheme by
// which it does: of those that take the currency, or else of all, so that the counter
// can say what is wrong, that of the first of the code's applications which somebody
// here takes, of the narrower scheme, or of the scheme itself. One wallet may have
// two contracts, at home and abroad, whose codes look alike: the price tells which.
func (s *Set) takerOf(r Rule, text string, in agent.Currency) (name, scheme string) {
	schemes := slices.Clone(s.applications(text))
	if r.First != "" {
		schemes = append(schemes, r.First)
	}
	schemes = append(schemes, r.Scheme)
	for _, currency := range slices.Compact([]agent.Currency{in, ""}) {
		for _, scheme := range schemes {
			if taker := s.taker(scheme, currency); taker != "" {
				return taker, scheme
			}
		}
	}
	return "", ""
}

// taker is the first configured wallet that charges codes of the scheme in the
// currency; "" is any.
func (s *Set) taker(scheme string, in agent.Currency) string {
	for _, m := range s.members {
		if _, charges := m.Wallet.(agent.Charger); charges && m.takes(scheme) && m.Wallet.Info().Prices(in) {
			return m.Wallet.Info().Name
		}
	}
	return ""
}

// Explain is what to tell the cashier about a scanned text in this shop.
func (s *Set) Explain(c agent.Code) agent.Sentence {
	if c.Kind == agent.CodeConsumer && c.Wallet == "" && s.shows(c.Scheme) {
		return showOnly(Brand(c.Scheme))
	}
	return Explain(c)
}

// shows tells whether a configured wallet takes the scheme only by showing a code.
func (s *Set) shows(scheme string) bool {
	return slices.ContainsFunc(s.members, func(m Member) bool {
		_, presents := m.Wallet.(agent.Presenter)
		return presents && m.takes(scheme)
	})
}
