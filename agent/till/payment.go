package till

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"

	"tillwire/agent"
)

// pay opens the payment, or finds it when the message was sent before, and waits for its
// end. ok is false when nothing certain can be said within Hold.
func (x exchange) pay(ctx context.Context) (out paymentResponse, ok bool) {
	req := x.in.Payment
	out.SaleData.SaleTransactionID = req.SaleData.SaleTransactionID
	sum, err := amount(req.PaymentTransaction.AmountsReq.RequestedAmount, req.PaymentTransaction.AmountsReq.Currency)
	switch kind := req.PaymentData.PaymentType; {
	case x.register.Lane == "":
		out.Response = failure("UnavailableDevice", "this terminal has no register with that POIID")
		return out, true
	case kind != "" && kind != "Normal":
		out.Response = failure("NotAllowed", "a till takes payments only")
		return out, true
	case err != nil:
		out.Response = failure("MessageFormat", err.Error())
		return out, true
	case req.SaleData.SaleTransactionID.TransactionID == "" || req.SaleData.SaleTransactionID.TimeStamp == "":
		// It is what the till finds its sale by, and what tells two sales of one sum apart.
		out.Response = failure("MessageFormat", "SaleData is wanted with a SaleTransactionID of TransactionID and TimeStamp")
		return out, true
	}
	number, err := x.number(ctx)
	if err != nil {
		out.Response = refusal(err)
		return out, true
	}
	mode, wallet := wish(req)
	open := agent.Request{Client: x.client, RequestID: number, Lane: x.register.Lane, Amount: sum,
		Reference: req.SaleData.SaleTransactionID.TransactionID, Mode: mode, Wallet: wallet, OnlineOnly: req.PaymentTransaction.TransactionConditions.ForceOnlineFlag}
	if err := open.Check(); err != nil {
		out.Response = refusal(err)
		return out, true
	}
	// What is committed from here on is heard, so nothing falls between opening and waiting.
	events, end := x.Feed.Subscribe()
	defer func() { end() }()
	p, _, err := x.Counter.Open(ctx, open)
	if err != nil {
		out.Response = refusal(err)
		return out, true
	}
	late := x.Clock.After(Hold)
	for {
		if answer, certain := outcome(p); certain {
			answer.SaleData = out.SaleData
			return answer, true
		}
		select {
		case <-ctx.Done():
			return out, false
		case <-late:
			return out, false
		case e, open := <-events:
			if open && (e.Payment == nil || e.Payment.ID != p.ID) {
				continue
			}
			if !open { // it was cut off for being slow
				events, end = x.Feed.Subscribe()
			}
			if now, err := x.Journal.Payment(ctx, p.ID); err == nil {
				p = now
			}
		}
	}
}

// wish is how the till means to be paid: it may force that the customer's code is
// scanned, or that the customer scans, and name one brand.
func wish(req *paymentRequest) (mode agent.Mode, wallet string) {
	c := req.PaymentTransaction.TransactionConditions
	scanned, mobile := slices.Contains(c.ForceEntryMode, "Scanned"), slices.Contains(c.ForceEntryMode, "Mobile")
	switch {
	case scanned && !mobile:
		return agent.ModeScan, ""
	case mobile && !scanned:
		mode = agent.ModeShow
	default:
		mode = agent.ModeAny
	}
	if len(c.AllowedPaymentBrand) == 1 {
		wallet = c.AllowedPaymentBrand[0]
	}
	return mode, wallet
}

// outcome is the answer to a payment as it stands, the same for ever once it is certain:
// what happens to the money later is no business of the sale's.
func outcome(p agent.Payment) (out paymentResponse, certain bool) {
	s := p.Status
	out.SaleData.SaleTransactionID.TransactionID = p.Reference
	out.POIData.POITransactionID = transaction{p.OrderNo, stamp(p.Created)}
	sold := !s.Accepted.IsZero() && s.State != agent.Voided && s.State != agent.Closing && s.State != agent.Closed
	switch {
	case sold, s.State == agent.Paid, s.State == agent.Refunded && !givenBack(s):
		out.Response = response{Result: "Success"}
		if !s.Accepted.IsZero() {
			out.Response.AdditionalResponse = "offline=1" // a promise, collected when the line is back
		}
		out.PaymentResult = result(p)
		return out, true
	case s.State == agent.RefundDue, s.State == agent.Refunded, s.State == agent.Reversed && s.Captured > 0:
		out.Response = failure("Aborted", "it was paid after it had ended; the money goes back")
		return out, true
	case s.Final():
		out.Response = failure(condition(s.Reason), string(s.Reason))
		return out, true
	}
	return out, false
}

// givenBack holds for money that came after the end and was returned by itself.
func givenBack(s agent.Status) bool {
	return slices.ContainsFunc(s.Refunds, func(r agent.Refund) bool { return r.Auto })
}

func result(p agent.Payment) *paymentResult {
	r := &paymentResult{PaymentType: "Normal", OnlineFlag: p.Status.Accepted.IsZero()}
	r.AmountsResp.Currency, r.AmountsResp.AuthorizedAmount = p.Amount.Currency, json.Number(p.Amount.Decimal())
	r.PaymentInstrumentData.PaymentInstrumentType = "Mobile"
	entry := "Scanned"
	if p.Status.Showing || p.Mode == agent.ModeShow {
		entry = "Mobile"
	}
	r.PaymentInstrumentData.CardData.EntryMode = []string{entry}
	r.PaymentInstrumentData.CardData.PaymentBrand = p.Status.Wallet
	r.PaymentAcquirerData.AcquirerTransactionID = transaction{p.Status.Txn, stamp(p.Status.Since)}
	return r
}

// condition is nexo's word for why a payment came to nothing.
func condition(why agent.Reason) string {
	switch why {
	case agent.ReasonCancelled:
		return "Aborted"
	case agent.ReasonNoScan, agent.ReasonNotConfirmed, agent.ReasonTimeout, agent.ReasonQRExpired, agent.ReasonRestart:
		return "Cancel"
	case agent.ReasonCodeExpired, agent.ReasonCodeUsed, agent.ReasonCodeInvalid:
		return "InvalidCard"
	case agent.ReasonLineDown:
		return "UnreachableHost"
	case agent.ReasonSetup, agent.ReasonShownElse:
		return "UnavailableService"
	}
	return "Refusal"
}

// refusal is the answer to a payment that was not opened.
func refusal(err error) response {
	var known *agent.Error
	text := "the terminal cannot record payments now"
	if errors.As(err, &known) && known.Say.English != "" {
		text = known.Say.English
	}
	word := "UnavailableService"
	switch code := agent.CodeOf(err); {
	case code == agent.CodeLaneBusy:
		word = "Busy"
	case code == agent.CodeRequestReused:
		word = "NotAllowed"
	case code == agent.CodeLaneUnknown:
		word = "UnavailableDevice"
	case code == agent.CodeWallet:
		word = "PaymentRestriction"
	case agent.ClassOf(err) == agent.Invalid:
		word = "MessageFormat"
	}
	return failure(word, text)
}

func failure(word, text string) response {
	r := response{Result: "Failure", ErrorCondition: word}
	if text != "" {
		r.AdditionalResponse = "message=" + escape(text)
	}
	return r
}

func escape(text string) string { return url.QueryEscape(text) }
