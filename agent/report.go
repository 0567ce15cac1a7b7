package agent

import (
	"strconv"
	"time"
)

// Report is the slip that counts a shop's day: an X report of the day so far, as
// often as somebody likes, or the Z report of a day that is over. It is a sum of
// payments and resets nothing, so the same day always gives the same Z report
// until a payment of that day moves on.
type Report struct {
	Shop, Terminal string
	Z              bool      // the day is over
	From, To       time.Time // payments created in this span
	At             time.Time // when the sums were taken
	By             string    // who asked; may be empty
	Test           bool
	Sums           []Totals      // one a currency
	Wallets        []WalletTotal // in the order in which they are to be printed
	Shift          *Shift        // whose report it is; nil: the day's
}

// WalletTotal is what one wallet did in a report's span, in one currency.
type WalletTotal struct {
	Wallet string // brand; empty for payments that never came to one
	Totals
}

// Slip draws the report.
func (r Report) Slip(v Voice) Slip {
	d := drawing{voice: v}
	title := Sentence{ID: "receipt.report_x", English: "X report"}
	if r.Z {
		title = Sentence{ID: "receipt.report_z", English: "Z report"}
	}
	d.head(r.Shop, title, r.Test)
	d.rule()
	d.pair("receipt.terminal", "Terminal", r.Terminal)
	d.pair("receipt.from", "From", v.Stamp(r.From))
	d.pair("receipt.until", "Until", v.Stamp(r.To))
	d.pair("receipt.taken_at", "Counted", v.Stamp(r.At))
	d.pair("receipt.counted_by", "Counted by", r.By)
	if r.Shift != nil {
		d.drawer(*r.Shift)
	}
	for _, sum := range r.Sums {
		d.rule()
		d.add(SlipNotice, string(sum.Currency))
		d.totals(sum)
		for _, w := range r.Wallets {
			if w.Currency == sum.Currency && w.Paid > 0 {
				d.lines = append(d.lines, SlipLine{Kind: SlipPair, Text: v.Wallet(w.Wallet) + " × " + strconv.Itoa(w.Paid), Value: v.Money(w.kept())})
			}
		}
		d.add(SlipSum, v.Money(sum.kept()))
	}
	if len(r.Sums) == 0 {
		d.rule()
		d.say(SlipNote, "receipt.no_payments", "No payments in this time.")
	}
	if !r.Z && r.Shift == nil {
		d.rule()
		d.say(SlipNote, "receipt.day_open", "The day is not over. Sums may still change.")
	} else if !r.Z {
		d.rule()
		d.say(SlipNote, "receipt.shift_open", "The shift is not over. Sums may still change.")
	}
	return d.slip(false)
}

// drawer says whose shift it was and what was counted in its drawer.
func (d *drawing) drawer(s Shift) {
	d.pair("fact.lane", "Register", s.Lane)
	d.pair("receipt.opened_by", "Opened by", s.OpenedBy)
	d.pair("receipt.drawer_begin", "Drawer, at the start", d.voice.Money(s.Begin))
	if s.Over() {
		d.pair("receipt.closed_by", "Closed by", s.ClosedBy)
		d.pair("receipt.drawer_end", "Drawer, at the end", d.voice.Money(s.End))
	}
}

func (t Totals) kept() Money { return Money{Value: t.Captured - t.Refunded, Currency: t.Currency} }

func (d *drawing) totals(t Totals) {
	d.pair("receipt.count", "Payments", strconv.Itoa(t.Count))
	d.pair("receipt.count_paid", "Of these paid", strconv.Itoa(t.Paid))
	if t.Open > 0 {
		d.pair("receipt.count_open", "Not settled yet", strconv.Itoa(t.Open))
	}
	d.pair("receipt.captured", "Taken", d.voice.Money(Money{Value: t.Captured, Currency: t.Currency}))
	d.pair("receipt.refunded_sum", "Given back", d.voice.Money(Money{Value: t.Refunded, Currency: t.Currency}))
	d.pair("receipt.captured_earlier", "Taken on earlier sales", d.voice.Money(Money{Value: t.CapturedEarlier, Currency: t.Currency}))
	d.pair("receipt.refunded_earlier", "Given back on earlier sales", d.voice.Money(Money{Value: t.Earlier, Currency: t.Currency}))
}
