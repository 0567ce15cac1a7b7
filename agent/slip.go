package agent

import (
	"strings"
	"time"
)

// Slip is a document on a narrow roll of paper, in the words of its reader. It says
// what stands on the paper and not how: printers, text and pages each draw it.
type Slip struct {
	Lines []SlipLine
	// Mark is what a copy says of itself when an earlier one may be in somebody's hand.
	Mark   string
	Marked bool // Mark is printed
}

// SlipLine is one line of a slip; its kind says which members it uses.
type SlipLine struct {
	Kind  SlipKind
	Text  string // every kind but SlipRule
	Value string // SlipPair: what stands against the other margin
}

// SlipKind says what a line is for.
type SlipKind string

// The kinds of line.
const (
	SlipShop    SlipKind = "shop"    // whose slip it is
	SlipTitle   SlipKind = "title"   // what kind of slip it is
	SlipNotice  SlipKind = "notice"  // must not be overlooked: TEST, CUSTOMER COPY
	SlipSum     SlipKind = "sum"     // the amount, the largest thing on the paper
	SlipPending SlipKind = "pending" // an amount of which nothing is certain yet
	SlipStruck  SlipKind = "struck"  // an amount that was not taken
	SlipPair    SlipKind = "pair"    // a label and its value
	SlipNote    SlipKind = "note"    // a sentence for the reader
	SlipRule    SlipKind = "rule"    // a line across
	SlipQR      SlipKind = "qr"      // Text as a QR code
)

// Voice puts a slip into a reader's language.
type Voice struct {
	Say    func(Sentence) string
	Money  func(Money) string
	Wallet func(name string) string // a brand as people know it
	Stamp  func(time.Time) string   // day, time and zone
}

// PlainVoice is English without a catalogue, for logs, tests and programs that
// have none.
func PlainVoice(zone *time.Location) Voice {
	return Voice{Say: Sentence.String, Money: Money.String, Wallet: func(name string) string { return name },
		Stamp: func(t time.Time) string { return t.In(zone).Format("2006-01-02 15:04:05 -07:00") }}
}

// drawing collects the lines of a slip.
type drawing struct {
	voice Voice
	lines []SlipLine
}

func (d *drawing) add(kind SlipKind, text string) {
	if text != "" {
		d.lines = append(d.lines, SlipLine{Kind: kind, Text: text})
	}
}

func (d *drawing) say(kind SlipKind, id, english string) {
	d.add(kind, d.voice.Say(Sentence{ID: id, English: english}))
}

func (d *drawing) rule() { d.lines = append(d.lines, SlipLine{Kind: SlipRule}) }

// pair adds a labelled value; one that is not there has no label either.
func (d *drawing) pair(id, english, value string) {
	if value != "" {
		d.lines = append(d.lines, SlipLine{Kind: SlipPair, Text: d.voice.Say(Sentence{ID: id, English: english}), Value: value})
	}
}

// head is what every slip begins with.
func (d *drawing) head(shop string, title Sentence, test bool) {
	d.add(SlipShop, shop)
	if test {
		d.say(SlipNotice, "receipt.test", "TEST - no money moves")
	}
	d.add(SlipTitle, d.voice.Say(title))
}

// slip ends the drawing. marked says that an earlier copy may exist.
func (d *drawing) slip(marked bool) Slip {
	return Slip{Lines: d.lines, Mark: d.voice.Say(Sentence{ID: "receipt.duplicate", English: "DUPLICATE"}), Marked: marked}
}

// Slip draws the receipt. The order number is also a code, so that the office's
// reader finds the payment without typing; it is worth nothing to a customer.
func (r Receipt) Slip(v Voice) Slip {
	d := drawing{voice: v}
	d.head(r.Shop, r.Title, r.Test)
	d.copyNotice(r.Copy)
	if r.Accepted {
		d.say(SlipNotice, "receipt.offline_notice", "NOT YET COLLECTED")
	}
	kind := SlipPending
	switch {
	case r.Paid, r.Accepted:
		kind = SlipSum
	case r.Void:
		kind = SlipStruck
	}
	d.add(kind, v.Money(r.Amount))
	if r.Refund.No == "" && r.Refunded.Value > 0 {
		d.pair("receipt.refunded_sum", "Given back", v.Money(r.Refunded))
	}
	d.rule()
	if r.Wallet != "" {
		d.pair("fact.wallet", "Wallet", v.Wallet(r.Wallet))
	}
	if r.Paid && r.Payer.Amount.Value > 0 {
		d.pair("receipt.payer", "Customer paid", d.payerSum(r))
	}
	d.pair("fact.time", "Time", v.Stamp(r.At))
	if r.Refund.No != "" {
		d.pair("receipt.refund_no", "Refund", r.Refund.No)
		d.pair("receipt.why", "Why", r.Refund.Why)
		d.pair("receipt.by", "Approved by", r.Refund.By)
	}
	d.pair("fact.order_no", "Order", r.OrderNo)
	d.pair("fact.txn", "Transaction", r.Txn)
	d.pair("fact.reference", "Reference", r.Reference)
	d.pair("fact.lane", "Register", r.Lane)
	d.pair("fact.cashier", "Cashier", r.Cashier)
	if foot := v.Say(r.Foot); foot != "" {
		d.rule()
		d.add(SlipNote, foot)
	}
	d.add(SlipQR, r.OrderNo)
	return d.slip(r.Duplicate)
}

// payerSum is what left the customer's account. Its currency is named where it is not
// the shop's, because two currencies share a sign.
func (d *drawing) payerSum(r Receipt) string {
	text := d.voice.Money(r.Payer.Amount)
	if c := r.Payer.Amount.Currency; c != r.Amount.Currency && !strings.Contains(text, string(c)) {
		text += " " + string(c)
	}
	if rate := r.Payer.Rate; rate != "" {
		text += " (" + d.voice.Say(Sentence{ID: "fact.rate", Args: []string{rate}, English: "rate " + rate}) + ")"
	}
	return text
}

func (d *drawing) copyNotice(c Copy) {
	switch c {
	case CopyCustomer:
		d.say(SlipNotice, "receipt.copy_customer", "CUSTOMER COPY")
	case CopyShop:
		d.say(SlipNotice, "receipt.copy_shop", "SHOP COPY")
	}
}

// TrialSlip has every kind of line, so that a person sees at once what is wrong with a
// printer's letters, width or codes.
func TrialSlip(v Voice, device string, now time.Time) Slip {
	d := drawing{voice: v}
	sum := v.Money(Money{Value: 123456, Currency: "CNY"})
	d.head("Tillwire", Sentence{ID: "receipt.trial", English: "Test slip"}, false)
	d.add(SlipSum, sum)
	d.add(SlipStruck, sum)
	d.rule()
	d.pair("fact.time", "Time", v.Stamp(now))
	d.pair("receipt.trial_device", "Device", device)
	d.say(SlipNote, "receipt.trial_note", "The width is right when this sentence goes on in the next line without a gap and the rule above fills one line.")
	d.add(SlipQR, "https://example.org/tillwire-test")
	return d.slip(false)
}
