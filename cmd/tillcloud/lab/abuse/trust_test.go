package abuse_test

import (
	"slices"
	"time"

	issuing "tillwire/agent/sandbox/voucher"
	"tillwire/agent/wallet/voucher"
)

// offer offers a key set. It must come into use, or leave what is in use where why says
// what is wrong with it.
func (s *scene) offer(raw []byte, why string) {
	what := "key set"
	if why != "" {
		what = "key set: " + why
	}
	s.counts(what)
	fresh, err := s.trust.Offer(raw)
	switch current := s.trust.Current(); {
	case why == "" && (err != nil || !fresh):
		s.accuse(checkHonest, "the issuer's key set %d is not taken: %v", s.office.set.Version, err)
	case why != "" && (err == nil || fresh):
		s.accuse(checkTrust, "a key set is taken that is %s", why)
	case why != "" && voucher.ReasonOf(err) == "":
		s.accuse(checkTrust, "a key set that is %s meets %v", why, err)
	case current == nil || current.Version != s.office.set.Version:
		s.accuse(checkTrust, "after a key set that is %s, %v is in use and not %d", why, current, s.office.set.Version)
	}
}

// attackTrust offers key sets that must not be taken.
func (s *scene) attackTrust() {
	newest := s.office.given[len(s.office.given)-1]
	if old := s.office.given[:len(s.office.given)-1]; len(old) > 0 {
		s.offer(old[s.dice.IntN(len(old))], "rolled back")
	}
	twice := s.office.set
	twice.Denied = nil
	twice.Issued = twice.Issued.Add(time.Second)
	s.offer(twice.Sign(s.office.root), "of one number with another")
	higher := s.office.set
	higher.Version += 1 + s.dice.Uint64N(1<<40)
	for why, by := range map[string]issuing.Pen{"signed by a stranger": pen(s.dice), "signed by an issuer": s.office.press().Pen} {
		s.offer(higher.Sign(by), why)
	}
	damaged := slices.Clone(newest)
	if s.dice.Chance(2) {
		damaged = higher.Sign(s.office.root)
	}
	i := s.dice.IntN(len(damaged))
	switch s.dice.IntN(3) {
	case 0:
		damaged[i] ^= 1 << s.dice.IntN(8)
	case 1:
		damaged = damaged[:i]
	default:
		damaged = slices.Insert(damaged, i, byte(s.dice.IntN(256)))
	}
	s.offer(damaged, "damaged")
}
