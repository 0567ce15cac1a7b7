package abuse_test

import (
	"strings"
	"time"

	issuing "tillwire/agent/sandbox/voucher"
)

// plot is one attack: what is shown, and what the terminal's clock says then.
type plot struct {
	what, text string
	wall       time.Time
}

// try shows the code of a plot, which must be refused.
func (s *scene) try(at *sale, p plot) error {
	s.counts(p.what)
	got, err := s.present(at, p.text, p.wall)
	switch {
	case err != nil && !refused(err):
		return err
	case err != nil:
		return nil
	}
	s.accuse(checkAbuse, "%s is accepted as %s for sale %d, with a display: %t", p.what, got.Status.Way, s.sales, at.shown != nil)
	s.paid++
	// What is paid can be attacked no more.
	next, err := s.sell(at.shown != nil, 0)
	if err == nil {
		*at = *next
	}
	return err
}

// attack tries one attack on a sale. Damage is the cheapest to try, and has the most
// ways to go wrong.
func (s *scene) attack(at *sale, bait []string) error {
	p := plot{wall: s.now}
	switch n := s.dice.IntN(100); {
	case n < 40:
		p.what, p.text = "malformed", issuing.Maim(bait[s.dice.IntN(len(bait))], s.dice.Uint64())
	case n < 50:
		p.what, p.text = "noise", s.noise(bait[s.dice.IntN(len(bait))])
	case n < 80:
		p.what, p.text = s.steal(at)
	case n < 90:
		p.what, p.text = s.foreign(at)
	case n < 95 && len(s.taken) > 0:
		p.what, p.text = "replay", s.taken[s.dice.IntN(len(s.taken))].text
	case n < 97 && len(s.lost) > 0:
		p.what, p.text = s.useLost(at)
	default:
		p = s.turnClock(at)
	}
	return s.try(at, p)
}

// noise is text that nobody signed, or that stands under another prefix.
func (s *scene) noise(honest string) string {
	prefix, body, _ := strings.Cut(honest, ":")
	switch s.dice.IntN(5) {
	case 0:
		return string(random(s.dice, 1+s.dice.IntN(600)))
	case 1:
		return prefix + ":" + letters(random(s.dice, 1+s.dice.IntN(500)), "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
	case 2:
		other := map[string]string{"RC1": "OV1", "OV1": "OV2", "OV2": "RC1"}[prefix]
		return other + ":" + body
	case 3:
		return prefix + ":" + strings.ToLower(body)
	}
	return prefix + ":" + body + body
}

func letters(b []byte, from string) string {
	for i := range b {
		b[i] = from[int(b[i])%len(from)]
	}
	return string(b)
}

// thefts are the attacks of a phone in a thief's hands. Those of the second list need
// a challenge to lie about.
var (
	thefts     = []issuing.Attack{issuing.Replay, issuing.Fork, issuing.WrongKey, issuing.Forged, issuing.Stranger, issuing.Expired, issuing.Stale, issuing.Unpaid, issuing.Rooted}
	ofThisSale = []issuing.Attack{issuing.OverLimit, issuing.OtherSale}
)

func (s *scene) steal(at *sale) (what, text string) {
	p, list := s.phones[s.dice.IntN(len(s.phones))], thefts
	if at.asked != nil && s.dice.Chance(4) {
		list = ofThisSale
	}
	a := list[s.dice.IntN(len(list))]
	if p.last == "" && (a == issuing.Replay || a == issuing.Fork) {
		a = issuing.Rooted // there is nothing yet to show again
	}
	if twin, ok := issuing.Twin(p.last); ok && s.dice.Chance(10) {
		return "twin", twin
	}
	return string(a), p.thief().Code(a, s.now, at.asked, s.dice.Uint64())
}

// useLost is a code that an honest phone would make, from one that is blocked or whose
// key was withdrawn.
func (s *scene) useLost(at *sale) (what, text string) {
	p := s.lost[s.dice.IntN(len(s.lost))]
	what = "blocked"
	if s.office.revoked(p) {
		what = "withdrawn"
	}
	return what, p.device.Sign(s.now, p.counter+1, at.asked)
}

// turnClock shows what has ended to a terminal whose clock was set back to its time.
func (s *scene) turnClock(at *sale) plot {
	p := s.phones[s.dice.IntN(len(s.phones))]
	then := s.now.Add(-s.dice.Between(8*24*time.Hour, 365*24*time.Hour))
	w := p.worth
	w.From, w.Until = then.Add(-time.Hour), then.Add(6*24*time.Hour)
	d := issuing.Device{Pen: p.device.Pen, Certificate: p.press.Certificate(w, p.device.Pen.Public())}
	return plot{"clock set back", d.Sign(then, p.counter+1, at.asked), then}
}

// foreign are codes that somebody signed rightly, and not for this.
func (s *scene) foreign(at *sale) (what, text string) {
	p, amount, d := s.phones[s.dice.IntN(len(s.phones))], at.payment.Amount.Value, s.dice
	full := worth(d, s.now, 1_000_000)
	device := func(by issuing.Press, change func(*issuing.Worth)) string {
		w := full
		change(&w)
		return issuing.Device{Pen: p.device.Pen, Certificate: by.Certificate(w, p.device.Pen.Public())}.Sign(s.now, 1, at.asked)
	}
	ours, as := s.office.press(), func(pen issuing.Pen) issuing.Press { return issuing.Press{Number: issuerNo, Pen: pen} }
	whole := func(*issuing.Worth) {}
	list := []func() (string, string){
		func() (string, string) { return "neighbour's key", device(as(s.office.other), whole) },
		func() (string, string) { return "key for receipts", device(as(s.office.narrow), whole) },
		func() (string, string) {
			return "key for receipts", as(s.office.narrow).Bearer(worth(d, s.now, amount))
		},
		func() (string, string) { return "key for small sums", device(as(s.office.cheap), whole) },
		func() (string, string) {
			return "another group", device(ours, func(w *issuing.Worth) { w.Scope = otherGroup })
		},
		func() (string, string) {
			return "long life", device(ours, func(w *issuing.Worth) { w.Until = w.From.Add(7*24*time.Hour + time.Second) })
		},
		func() (string, string) {
			return "not yet", device(ours, func(w *issuing.Worth) { w.From = s.now.Add(time.Minute) })
		},
		func() (string, string) {
			return "another currency", device(ours, func(w *issuing.Worth) { w.Currency = "EUR" })
		},
		func() (string, string) {
			return "too small", device(ours, func(w *issuing.Worth) { w.Most = amount - 1 })
		},
		func() (string, string) { return "another amount", ours.Bearer(worth(d, s.now, amount+1)) },
		func() (string, string) { return "ended bearer", ours.Bearer(ended(worth(d, s.now, amount), s.now)) },
		func() (string, string) {
			c := issuing.Challenge{Currency: currency, Amount: amount, At: s.now, Order: [8]byte(random(d, 8))}
			return "receipt of another sale", ours.Receipt(issuing.Receipt{At: s.now, Challenge: c, Txn: random(d, 12)})
		},
	}
	if at.asked != nil {
		list = append(list, func() (string, string) {
			c := issuing.Challenge{Merchant: at.asked.Merchant, Order: at.asked.Order, Currency: currency, Amount: amount - 1, At: at.asked.At}
			return "receipt of less", ours.Receipt(issuing.Receipt{At: s.now, Challenge: c, Txn: random(d, 12)})
		})
	}
	return list[d.IntN(len(list))]()
}

func ended(w issuing.Worth, now time.Time) issuing.Worth {
	w.From, w.Until = now.Add(-48*time.Hour), now.Add(-time.Second)
	return w
}
