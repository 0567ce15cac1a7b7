package abuse_test

import (
	"fmt"
	"sync"
	"time"

	"tillwire/agent"
	issuing "tillwire/agent/sandbox/voucher"
	"tillwire/agent/wallet/voucher"
)

// trade is one case: sales, each with its attacks before it is paid; what the office
// changes meanwhile; a restart; and the books.
func (s *scene) trade() error {
	for range salesPerCase {
		s.now = s.now.Add(s.dice.Between(10*time.Second, 10*time.Minute))
		s.change()
		at, err := s.sell(s.dice.Chance(2), s.known())
		if err != nil {
			return err
		}
		bait := s.bait(at)
		for range attacksPerSale {
			if err := s.attack(at, bait); err != nil {
				return err
			}
		}
		s.attackTrust()
		if err := s.pay(at); err != nil {
			return err
		}
		if s.dice.Chance(4) {
			if err := s.race(s.dice.Chance(2)); err != nil {
				return err
			}
		}
	}
	return s.afterwards()
}

// change is what the issuer's office does before a sale, if anything.
func (s *scene) change() {
	switch p := s.phones[s.dice.IntN(len(s.phones))]; s.dice.IntN(10) {
	case 0:
		s.office.addKey(s.dice, s.now)
	case 1:
		s.office.revoke()
	case 2:
		s.office.set.Denied = append(s.office.set.Denied, p.worth.ID)
		s.lose(p)
	default:
		return
	}
	s.renew()
}

// renew publishes the issuer's lists, and gives new phones to whom they know no more.
func (s *scene) renew() {
	s.offer(s.office.publish(s.now), "")
	for _, p := range s.phones {
		if s.office.revoked(p) {
			s.lose(p)
		}
	}
}

// lose gives a phone to a thief, and its owner another one.
func (s *scene) lose(p *phone) {
	for i := range s.phones {
		if s.phones[i] == p {
			s.lost, s.phones[i] = append(s.lost, p), s.office.phone(s.dice, s.now, s.dice.Chance(2))
		}
	}
}

// known is now and then the amount of a code that was taken before, so that only the
// store can tell that code from a fresh one.
func (s *scene) known() int64 {
	if len(s.taken) == 0 || !s.dice.Chance(4) {
		return 0
	}
	return s.taken[s.dice.IntN(len(s.taken))].amount
}

// bait are honest codes for a sale that are never shown whole.
func (s *scene) bait(at *sale) []string {
	p, press := s.phones[0], s.office.press()
	list := []string{p.device.Sign(s.now, p.counter+1, nil), press.Bearer(worth(s.dice, s.now, at.payment.Amount.Value))}
	if at.asked != nil {
		es := s.phones[1]
		list = append(list, p.device.Sign(s.now, p.counter+1, at.asked), es.device.Sign(s.now, es.counter+1, at.asked),
			press.Receipt(issuing.Receipt{At: s.now, Challenge: *at.asked, Txn: random(s.dice, 12)}))
	}
	return list
}

// pay pays a sale with an honest code of any kind that its lane can take.
func (s *scene) pay(at *sale) error {
	s.counts("honest")
	p, press := s.phones[s.dice.IntN(len(s.phones))], s.office.press()
	counter := p.counter + 1 + s.dice.Uint32N(3)
	var text string
	switch kind := s.dice.IntN(4); {
	case kind == 0 && at.asked != nil:
		text = press.Receipt(issuing.Receipt{At: s.now, Challenge: *at.asked, Txn: random(s.dice, 12)})
	case kind == 1:
		text = press.Bearer(worth(s.dice, s.now, at.payment.Amount.Value))
	case kind == 2:
		text = p.device.Sign(s.now, counter, nil)
	default:
		text = p.device.Sign(s.now, counter, at.asked)
	}
	got, err := s.present(at, text, s.now)
	switch {
	case err != nil && !refused(err):
		return err
	case err != nil:
		s.accuse(checkHonest, "%.4s for sale %d is refused: %v", text, s.sales, err)
		return nil
	case got.Status.State != agent.OfflineAccepted || got.Status.Wallet != brand:
		s.accuse(checkHonest, "%.4s for sale %d leaves it %s of %q", text, s.sales, got.Status.State, got.Status.Wallet)
	}
	if kind, _ := voucher.Read(text); kind.Kind == voucher.OV2 {
		p.counter, p.last = counter, text
	}
	return s.took(at, text)
}

// took notes a sale that was paid.
func (s *scene) took(at *sale, text string) (err error) {
	s.paid++
	s.taken = append(s.taken, taken{text, at.payment.Amount.Value})
	s.seen, err = s.store.SeenTime(s.ctx)
	return err
}

// race shows codes on two lanes at once: one code, or two of one counter from a copied
// phone; or two honest ones where the owner allows one sale more. One of the two must
// be taken.
func (s *scene) race(last bool) error {
	display, check := s.dice.Chance(2), checkOnce
	pair := [2]*phone{s.phones[0], s.phones[0]}
	if last {
		pair[1], check, s.most = s.phones[1], checkCaps, s.paid+1
		defer func() { s.most = 1 << 20 }()
	}
	var sales [2]*sale
	var texts [2]string
	var errs [2]error
	for i, p := range pair {
		at, err := s.sell(display, 0)
		if err != nil {
			return err
		}
		sales[i], texts[i] = at, p.device.Sign(s.now, p.counter+1, at.asked)
		s.counts("race")
	}
	var wg sync.WaitGroup
	for i := range sales {
		wg.Go(func() { _, errs[i] = s.present(sales[i], texts[i], s.now) })
	}
	wg.Wait()
	took := 0
	for i, err := range errs {
		if err != nil && !refused(err) {
			return err
		}
		if err != nil {
			continue
		}
		took++
		pair[i].counter, pair[i].last = pair[i].counter+1, texts[i]
		if err := s.took(sales[i], texts[i]); err != nil {
			return err
		}
	}
	switch took {
	case 0:
		s.accuse(checkHonest, "two lanes refused what one of them must take: %v; %v", errs[0], errs[1])
	case 2:
		s.accuse(check, "two lanes took what only one may, with a display: %t", display)
	}
	return nil
}

// afterwards starts the terminal again: what was spent is spent, what was withdrawn
// stays so, and the store holds what was taken.
func (s *scene) afterwards() error {
	if err := s.store.Close(); err != nil {
		return err
	}
	if err := s.start(); err != nil {
		return err
	}
	if err := s.trust.Trouble(); err != nil {
		s.accuse(checkTrust, "after a restart the key set is not in use: %v", err)
	}
	s.attackTrust()
	s.now = s.now.Add(time.Minute)
	for _, old := range s.taken {
		at, err := s.sell(s.dice.Chance(2), old.amount)
		if err != nil {
			return err
		}
		if err := s.try(at, plot{"replay", old.text, s.now}); err != nil {
			return err
		}
	}
	e, err := s.store.Exposure(s.ctx)
	if err != nil {
		return err
	}
	if e.Count != s.paid {
		s.accuse(checkKept, "%d sales are stored as accepted, and %d were", e.Count, s.paid)
	}
	report, err := s.store.Verify(s.ctx, agent.DefaultTimers)
	if err == nil && len(report.Findings) > 0 {
		s.accuse(checkKept, "%d findings, the first: %s", len(report.Findings), fmt.Sprint(report.Findings[0]))
	}
	return err
}
