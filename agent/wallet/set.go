package wallet

import (
	"fmt"
	"slices"

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

// Set is the configured wallets in the order of the configuration. It never
// changes, so it is safe for concurrent use.
type Set struct {
	members []Member
	profile func(payload string) string
	rules   []rule
}

// NewSet puts the configured wallets together. profile names the national scheme
// of a merchant-presented EMV payload, or returns ""; nil leaves all of them
// "emv-mpm". Two wallets of one name and a rule that cannot work are refused.
func NewSet(rules []Rule, profile func(payload string) string, members ...Member) (*Set, error) {
	s := &Set{members: members, profile: profile}
	for i, m := range members {
		name := m.Wallet.Info().Name
		if slices.ContainsFunc(members[:i], func(other Member) bool { return other.Wallet.Info().Name == name }) {
			return nil, fmt.Errorf("two wallets are named %q: give each a name of its own", name)
		}
	}
	for _, r := range rules {
		c, err := r.compile()
		if err != nil {
			return nil, fmt.Errorf("scheme %s: %w", r.Scheme, err)
		}
		s.rules = append(s.rules, c)
	}
	return s, nil
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

// Identify says what a scanned text is and which configured wallet takes it. The
// code that comes back holds the cleaned text.
func (s *Set) Identify(text agent.PayCode) agent.Code {
	cleaned, goods := clean(text.Reveal())
	if goods {
		return agent.Code{Kind: agent.CodeGoods, Scheme: "gtin", Text: agent.NewPayCode(cleaned)}
	}
	compact := squeeze(cleaned)
	for _, r := range s.rules {
		t := cleaned
		if r.Kind == agent.CodeConsumer {
			t = compact
		}
		if !r.match.MatchString(t) || r.Weak && s.taker(r.Scheme) == "" {
			continue
		}
		return s.code(r.Rule, t)
	}
	if gtin(compact) {
		return agent.Code{Kind: agent.CodeGoods, Scheme: "gtin", Text: agent.NewPayCode(compact)}
	}
	return agent.Code{Kind: agent.CodeUnknown, Text: agent.NewPayCode(cleaned)}
}

func (s *Set) code(r Rule, text string) agent.Code {
	c := agent.Code{Kind: r.Kind, Scheme: r.Scheme, Text: agent.NewPayCode(text)}
	switch {
	case r.Kind == agent.CodeConsumer && emvqr.IsConsumer(text):
		if _, err := emvqr.ReadConsumer(text); err != nil {
			// Half a code must not go to a wallet: it may be somebody else's whole one.
			c.Kind = agent.CodeUnknown
			return c
		}
	case r.Kind == agent.CodeMerchant && s.profile != nil && emvqr.IsMerchant(text):
		if name := s.profile(text); name != "" {
			c.Scheme = name
		}
	}
	if r.Kind == agent.CodeConsumer {
		c.Wallet = s.taker(r.Scheme)
	}
	return c
}

// taker is the first configured wallet that charges codes of the scheme.
func (s *Set) taker(scheme string) string {
	for _, m := range s.members {
		if _, charges := m.Wallet.(agent.Charger); charges && m.takes(scheme) {
			return m.Wallet.Info().Name
		}
	}
	return ""
}
