package agent

import (
	"fmt"
	"time"
)

// Word is the verdict in one word, for the big sign on the screen, with its tone.
func (s Status) Word() (Sentence, Tone) {
	switch s.State {
	case Created:
		return Sentence{ID: "word.ready", English: "SCAN"}, ToneCalm
	case Sending:
		return Sentence{ID: "word.sending", English: "ASKING"}, ToneCalm
	case AwaitPayer:
		return Sentence{ID: "word.confirm", English: "CONFIRM"}, ToneCalm
	case QRShown:
		return Sentence{ID: "word.qr", English: "SHOW QR"}, ToneCalm
	case Unknown:
		return Sentence{ID: "word.unknown", English: "NOT CONFIRMED"}, ToneDoubt
	case Reversing, Closing:
		return Sentence{ID: "word.cancelling", English: "CANCELLING"}, ToneDoubt
	case RefundDue:
		return Sentence{ID: "word.refund_due", English: "BEING RETURNED"}, ToneDoubt
	case Paid:
		return Sentence{ID: "word.paid", English: "PAID"}, ToneGood
	case Refunded:
		return Sentence{ID: "word.refunded", English: "REFUNDED"}, ToneBad
	case Review:
		return Sentence{ID: "word.review", English: "OFFICE"}, ToneOffice
	case OfflineAccepted, Redeeming:
		return Sentence{ID: "word.offline", English: "ACCEPTED OFFLINE"}, ToneStriped
	case OfflineRejected:
		return Sentence{ID: "word.loss", English: "NOT COLLECTED"}, ToneOffice
	case Voided:
		return Sentence{ID: "word.voided", English: "VOIDED"}, ToneBad
	case Reversed:
		if s.Captured > 0 {
			return Sentence{ID: "word.returned", English: "RETURNED"}, ToneBad
		}
	}
	return Sentence{ID: "word.unpaid", English: "NOT CHARGED"}, ToneBad
}

// Say is the sentence for the cashier: what is, and what to do. Screens add the
// seconds since Status.Since while a payment is not final.
func (p Payment) Say() Sentence {
	s := p.Status
	switch s.State {
	case Created:
		return Sentence{ID: "say.created", English: "Scan the customer's code"}
	case Sending:
		if s.Showing {
			return Sentence{ID: "say.presenting", English: "Fetching a code to show..."}
		}
		return Sentence{ID: "say.sending", English: "Contacting wallet..."}
	case AwaitPayer:
		return Sentence{ID: "say.await_payer", English: "Customer must confirm on the phone"}
	case QRShown:
		return Sentence{ID: "say.qr_shown", English: "Customer scans the code on the display"}
	case Unknown:
		return Sentence{ID: "say.unknown", English: "Not confirmed. Do not scan again. Checking..."}
	case Reversing:
		return Sentence{ID: "say.reversing", English: "Being cancelled. Safe to take another payment"}
	case Closing:
		if s.Held() && s.own {
			// Nobody can be asked: the customer's receipt is what tells.
			return Sentence{ID: "say.closing_own", English: "The code has run out. If the customer has paid, scan the receipt; otherwise take the lane back"}
		}
		if s.Held() {
			return Sentence{ID: "say.closing_held", English: "The code has run out. Checking that nobody paid it..."}
		}
		return Sentence{ID: "say.closing", English: "Being cancelled. Safe to take another payment"}
	case Paid:
		return Sentence{ID: "say.paid", Args: []string{p.Amount.Decimal(), string(p.Amount.Currency)},
			English: "PAID " + p.Amount.Decimal()}
	case RefundDue:
		return Sentence{ID: "say.refund_due", English: "Paid after it had ended. The money goes back by itself"}
	case Refunded:
		return Sentence{ID: "say.refunded", Args: []string{p.Amount.Decimal()}, English: "Refunded " + p.Amount.Decimal()}
	case Reversed:
		if s.Captured > 0 {
			return Sentence{ID: "say.returned", Args: []string{p.Amount.Decimal()}, English: "Not charged: " + p.Amount.Decimal() + " was taken and has been returned"}
		}
	case Review:
		return Sentence{ID: "say.review", Args: []string{p.OrderNo}, English: "Office will settle this. Order " + p.OrderNo}
	case OfflineAccepted, Redeeming, OfflineRejected, Voided:
		return p.sayOffline()
	}
	why := s.Reason.Say()
	return Sentence{ID: "say.not_charged." + string(s.Reason), Args: why.Args, English: "Not charged: " + why.English}
}

// sayOffline is the sentence for a sale accepted without the wallet's word. None of
// them says "paid": nobody who can know has said so.
func (p Payment) sayOffline() Sentence {
	switch s := p.Status; {
	case s.State == Voided:
		return Sentence{ID: "say.voided", English: "Taken back. Nothing was collected"}
	case s.State == OfflineRejected:
		why := s.Reason.Say()
		return Sentence{ID: "say.loss." + string(s.Reason), Args: why.Args, English: "Not collected: " + why.English}
	case s.State == Redeeming:
		return Sentence{ID: "say.redeeming", English: "Accepted offline - being collected"}
	case s.Way == WayReceipt:
		return Sentence{ID: "say.receipt_accepted", English: "Receipt verified - to be confirmed when the line is back"}
	case s.Way == WaySight:
		return Sentence{ID: "say.sight_accepted", English: "Accepted on sight - NOT VERIFIED, the shop's risk"}
	}
	return Sentence{ID: "say.offline_accepted", English: "Accepted offline - not yet collected"}
}

var reasonText = map[Reason]string{
	ReasonNone:          "it ended without a payment",
	ReasonNotEnough:     "not enough money in the wallet. Try another way to pay",
	ReasonCodeExpired:   "the code is too old. Ask for a fresh code",
	ReasonCodeUsed:      "this code was used before. Ask for a fresh code",
	ReasonCodeInvalid:   "the wallet does not know this code. Ask for a fresh code",
	ReasonNotConfirmed:  "the customer did not confirm. Try again with a fresh code",
	ReasonPayerBlocked:  "the wallet refuses this customer's account or card. Try another way to pay",
	ReasonOverLimit:     "over a limit of the wallet. Try another way to pay",
	ReasonWalletRefused: "the wallet refused it. Try another way to pay",
	ReasonSetup:         "the wallet does not accept this shop's set-up. Call the office",
	ReasonDeadOrder:     "the wallet has closed this order. Start again",
	ReasonCancelled:     "cancelled",
	ReasonNoScan:        "no code was scanned in time",
	ReasonTimeout:       "the customer did not pay in time",
	ReasonLineDown:      "no connection. Nothing was sent; take another way to pay",
	ReasonWalletDown:    "this wallet cannot be reached now, and nothing was sent. The line works: take another wallet",
	ReasonRestart:       "the terminal restarted before anything was sent",
	ReasonQRExpired:     "the code on the display ran out",
	ReasonNoAnswer:      "the wallet gave no answer",
	ReasonUnverified:    "the wallet's answer could not be trusted",
	ReasonSystem:        "the wallet could not say",
	ReasonTooLate:       "too late at the wallet",
	ReasonShopBalance:   "not enough money in the shop's account at the wallet",
	ReasonNumberUsed:    "the wallet has paid back another amount under this number. Compare the wallet's bill, then ask for what is still owed",
	ReasonLateSuccess:   "it was paid after it had ended",
	ReasonExhausted:     "tried for too long",
	ReasonShownElse:     "the wallet sent a code that is not its own",
	ReasonSpentElse:     "the voucher was redeemed elsewhere before",
	ReasonRevoked:       "its issuer has withdrawn the voucher",
	ReasonRanOut:        "it was forwarded too late",
	ReasonNeverPaid:     "the wallet has no such payment",
	ReasonWrittenOff:    "the owner has written it off",
}

// Say is the reason in words, with what to do.
func (r Reason) Say() Sentence {
	text, ok := reasonText[r]
	if !ok {
		text = string(r)
	}
	return Sentence{ID: "reason." + string(r), English: text}
}

// Reasons lists every reason that has a sentence, for the translations' test.
func Reasons() []Reason {
	all := make([]Reason, 0, len(reasonText))
	for r := range reasonText {
		all = append(all, r)
	}
	return all
}

// Say is the sentence for one refund.
func (r Refund) Say(c Currency) Sentence {
	amount := Money{Value: r.Amount, Currency: c}.Decimal()
	say := func(id, english string) Sentence {
		return Sentence{ID: "refund." + id, Args: []string{amount}, English: fmt.Sprintf(english, amount)}
	}
	switch r.State {
	case RefundRequested:
		return say("requested", "Refund of %s requested. It is sent as soon as the line allows")
	case RefundProcessing:
		return say("processing", "Refund of %s accepted, the wallet is working on it")
	case RefundUnknown:
		return say("unknown", "Refund of %s not confirmed yet. Checking")
	case RefundDone:
		return say("done", "Refunded %s")
	}
	why := r.Reason.Say()
	return Sentence{ID: "refund.failed." + string(r.Reason), Args: []string{amount}, English: "Refund of " + amount + " failed: " + why.English}
}

// Screen is what the customer sees of a payment. Doubt shows nothing that is not
// known: no verdict and no code. left is how long a shown code may stay.
func (p Payment) Screen(left time.Duration) Screen {
	sc := Screen{Amount: p.Amount, Wallet: p.Status.Wallet, Test: p.Test}
	say := func(kind ScreenKind, id, english string) Screen {
		sc.Kind, sc.Say = kind, Sentence{ID: "screen." + id, English: english}
		return sc
	}
	switch p.Status.State {
	case Created:
		return say(ScreenScan, "scan", "Please show your payment code")
	case Sending:
		return say(ScreenProgress, "moment", "One moment")
	case AwaitPayer:
		return say(ScreenProgress, "confirm", "Please confirm on your phone")
	case QRShown:
		if left > 0 {
			sc.QR, sc.TTL = p.Status.QR, left
			return say(ScreenQR, "qr", "Scan to pay")
		}
		return say(ScreenWait, "wait", "Please wait")
	case Paid:
		return say(ScreenPaid, "paid", "Paid. Thank you")
	case Declined, NotSent:
		return say(ScreenUnpaid, "unpaid", "Not paid. Please try another way")
	case Reversed:
		// A lost answer may have been a yes: only what is certain is said.
		return say(ScreenUnpaid, "reversed", "Cancelled. Anything that was taken has been returned")
	case Closed, Voided:
		return say(ScreenUnpaid, "cancelled", "Cancelled. Nothing was taken")
	case OfflineAccepted, Redeeming, OfflineRejected:
		// Whatever becomes of it is between shop and wallet.
		return say(ScreenAccepted, "accepted", "Accepted. Thank you")
	}
	return say(ScreenWait, "wait", "Please wait")
}
