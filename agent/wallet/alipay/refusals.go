package alipay

import (
	"fmt"
	"strings"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// refusal is what one sub code means on one operation.
type refusal struct {
	verdict agent.Verdict
	reason  agent.Reason
	retry   bool // Answer.Retry
	// echo marks a refusal that an earlier try of the same number may have caused:
	// on a second try it says nothing about the first.
	echo bool
}

// setup lists the result codes that say that the shop's numbers, keys or rights
// are wrong (classic gateway, common codes). They refuse every operation before
// it begins; of an earlier try they say nothing.
var setup = []string{"20001", "40001", "40002", "40003", "40006"}

var (
	doubtful = refusal{agent.InDoubt, agent.ReasonSystem, false, false}
	ourData  = refusal{agent.Refused, agent.ReasonSetup, false, true}
	absent   = refusal{agent.Absent, agent.ReasonNone, false, false}
)

func refused(why agent.Reason) refusal { return refusal{agent.Refused, why, false, false} }

// payRefusals are the sub codes of alipay.trade.pay; a star stands for any words.
// What is not here is in doubt, like TRADE_HAS_SUCCESS and CONTEXT_INCONSISTENT:
// only a query tells whose payment that was.
var payRefusals = map[string]refusal{
	"ACQ.SYSTEM_ERROR":                        doubtful,
	"ACQ.TRADE_HAS_SUCCESS":                   doubtful,
	"ACQ.CONTEXT_INCONSISTENT":                doubtful,
	"ACQ.PAYMENT_AUTH_CODE_INVALID":           {agent.Refused, agent.ReasonCodeInvalid, false, true},
	"ACQ.SOUNDWAVE_PARSER_FAIL":               {agent.Refused, agent.ReasonCodeInvalid, false, true},
	"ACQ.PAYMENT_FAIL":                        refused(agent.ReasonWalletRefused),
	"ACQ.TRADE_HAS_CLOSE":                     refused(agent.ReasonDeadOrder),
	"ACQ.BUYER_BALANCE_NOT_ENOUGH":            refused(agent.ReasonNotEnough),
	"ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH":   refused(agent.ReasonNotEnough),
	"ACQ.ERROR_BALANCE_PAYMENT_DISABLE":       refused(agent.ReasonPayerBlocked),
	"ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE":    refused(agent.ReasonPayerBlocked),
	"ACQ.PULL_MOBILE_CASHIER_FAIL":            refused(agent.ReasonNotConfirmed),
	"ACQ.MOBILE_PAYMENT_SWITCH_OFF":           refused(agent.ReasonPayerBlocked),
	"ACQ.USER_FACE_PAYMENT_SWITCH_OFF":        refused(agent.ReasonPayerBlocked),
	"ACQ.BUYER_SELLER_EQUAL":                  refused(agent.ReasonPayerBlocked),
	"ACQ.TRADE_BUYER_NOT_MATCH":               {agent.Refused, agent.ReasonDeadOrder, false, true},
	"ACQ.BUYER_ENABLE_STATUS_FORBID":          refused(agent.ReasonPayerBlocked),
	"ACQ.PAYMENT_REQUEST_HAS_RISK":            refused(agent.ReasonWalletRefused),
	"ACQ.BEYOND_PAY_RESTRICTION":              refused(agent.ReasonOverLimit),
	"ACQ.BEYOND_PER_RECEIPT_RESTRICTION":      refused(agent.ReasonOverLimit),
	"ACQ.BUYER_PAYMENT_AMOUNT_*_LIMIT_ERROR":  refused(agent.ReasonOverLimit),
	"ACQ.SELLER_PAYMENT_AMOUNT_*_LIMIT_ERROR": refused(agent.ReasonOverLimit),
	"ACQ.TOTAL_FEE_EXCEED":                    refused(agent.ReasonOverLimit),
	"ACQ.SELLER_BEEN_BLOCKED":                 refused(agent.ReasonSetup),
	"ACQ.INVALID_PARAMETER":                   ourData,
	"ACQ.ACCESS_FORBIDDEN":                    ourData,
	"ACQ.EXIST_FORBIDDEN_WORD":                ourData,
	"ACQ.PARTNER_ERROR":                       ourData,
	"ACQ.INVALID_STORE_ID":                    ourData,
	"ACQ.NOW_TIME_AFTER_EXPIRE_TIME_ERROR":    ourData,
}

// presentRefusals are those of alipay.trade.precreate, where no customer is known yet.
var presentRefusals = map[string]refusal{
	"ACQ.TRADE_HAS_CLOSE":                     refused(agent.ReasonDeadOrder),
	"ACQ.BEYOND_PAY_RESTRICTION":              refused(agent.ReasonOverLimit),
	"ACQ.BEYOND_PER_RECEIPT_RESTRICTION":      refused(agent.ReasonOverLimit),
	"ACQ.SELLER_PAYMENT_AMOUNT_*_LIMIT_ERROR": refused(agent.ReasonOverLimit),
	"ACQ.TOTAL_FEE_EXCEED":                    refused(agent.ReasonOverLimit),
	"ACQ.SELLER_BEEN_BLOCKED":                 refused(agent.ReasonSetup),
	"ACQ.INVALID_PARAMETER":                   ourData,
	"ACQ.ACCESS_FORBIDDEN":                    ourData,
	"ACQ.EXIST_FORBIDDEN_WORD":                ourData,
	"ACQ.PARTNER_ERROR":                       ourData,
	"ACQ.INVALID_STORE_ID":                    ourData,
}

// queryRefusals: only one error of a query says something about the order.
var queryRefusals = map[string]refusal{"ACQ.TRADE_NOT_EXIST": absent}

// cancelRefusals: where the wallet will not take it back this way, a query and
// perhaps a refund settle it. An order that is dead already counts as cancelled,
// which the query afterwards must confirm anyway.
var cancelRefusals = map[string]refusal{
	"ACQ.TRADE_NOT_EXIST":             absent,
	"ACQ.TRADE_CANCEL_TIME_OUT":       refused(agent.ReasonTooLate),
	"ACQ.CANCEL_NOT_ALLOWED":          refused(agent.ReasonTooLate),
	"ACQ.TRADE_HAS_FINISHED":          refused(agent.ReasonTooLate),
	"ACQ.REASON_TRADE_BEEN_FREEZEN":   refused(agent.ReasonWalletRefused),
	"ACQ.REASON_TRADE_REFUND_FEE_ERR": refused(agent.ReasonWalletRefused),
	// The refund that answers it waits for the shop's balance; a cancellation would not.
	"ACQ.SELLER_BALANCE_NOT_ENOUGH": refused(agent.ReasonShopBalance),
	"ACQ.TRADE_HAS_CLOSE":           {agent.Accepted, agent.ReasonNone, false, false},
}

// closeRefusals: a paid order cannot be closed, and that is worth a query now.
var closeRefusals = map[string]refusal{
	"ACQ.TRADE_NOT_EXIST":             absent,
	"ACQ.TRADE_HAS_SUCCESS":           refused(agent.ReasonTooLate),
	"ACQ.TRADE_HAS_FINISHED":          refused(agent.ReasonTooLate),
	"ACQ.TRADE_STATUS_ERROR":          refused(agent.ReasonTooLate),
	"ACQ.REASON_TRADE_STATUS_INVALID": refused(agent.ReasonTooLate),
	"ACQ.REASON_ILLEGAL_STATUS":       refused(agent.ReasonTooLate),
	"ACQ.TRADE_HAS_CLOSE":             {agent.Accepted, agent.ReasonNone, false, false},
}

// refundRefusals are those of alipay.trade.refund. DISCORDANT_REPEAT_REQUEST (our
// number with another sum) is not among them: something was refunded under it.
var refundRefusals = map[string]refusal{
	"ACQ.SELLER_BALANCE_NOT_ENOUGH":   {agent.Refused, agent.ReasonShopBalance, true, false},
	"ACQ.REFUND_AMT_NOT_EQUAL_TOTAL":  refused(agent.ReasonWalletRefused),
	"ACQ.NOT_ALLOW_PARTIAL_REFUND":    refused(agent.ReasonWalletRefused),
	"ACQ.REFUND_FEE_ERROR":            refused(agent.ReasonWalletRefused),
	"ACQ.REASON_TRADE_STATUS_INVALID": refused(agent.ReasonWalletRefused),
	"ACQ.REASON_TRADE_REFUND_FEE_ERR": refused(agent.ReasonWalletRefused),
	"ACQ.REASON_TRADE_BEEN_FREEZEN":   refused(agent.ReasonWalletRefused),
	"ACQ.TRADE_NOT_EXIST":             refused(agent.ReasonWalletRefused),
	"ACQ.TRADE_HAS_CLOSE":             refused(agent.ReasonTooLate),
	"ACQ.TRADE_NOT_ALLOW_REFUND":      refused(agent.ReasonTooLate),
	"ACQ.TRADE_HAS_FINISHED":          refused(agent.ReasonTooLate),
	"ACQ.BUYER_ERROR":                 refused(agent.ReasonPayerBlocked),
	"ACQ.INVALID_PARAMETER":           refused(agent.ReasonWalletRefused),
}

var refundQueryRefusals = map[string]refusal{"ACQ.TRADE_NOT_EXIST": absent}

// billRefusals: the text is the only documented one for a day without a bill.
var billRefusals = map[string]refusal{"BILL_NOT_EXIST": absent, "ISV.BILL_NOT_EXIST": absent, "ISV.BILL-NOT-EXIST": absent}

// refuse judges a verified answer that is not a success. moves tells that the
// operation changes something: only there a wrong set-up is a definite refusal, a
// query that fails for it has learnt nothing. repeated tells that an earlier try
// of the same number may have been executed.
func refuse(r result, p agent.Payment, list map[string]refusal, moves, repeated bool) agent.Answer {
	if r.OrderNo != "" && r.OrderNo != p.OrderNo {
		return wallet.Unverified(fmt.Errorf("%w: out_trade_no is %.64q", ErrOtherOrder, r.OrderNo))
	}
	a := agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonSystem, Code: word(r.SubCode), Text: wallet.Clip(r.SubMsg, wallet.MessageLength)}
	if a.Code == "" {
		a.Code = word(r.Code)
	}
	if a.Text == "" {
		a.Text = wallet.Clip(r.Msg, wallet.MessageLength)
	}
	for _, code := range setup {
		if r.Code == code {
			a.Reason = agent.ReasonSetup
			if moves && !repeated {
				a.Verdict = agent.Refused
			}
			return a
		}
	}
	known, ok := find(list, a.Code)
	if r.Code != codeFailed || !ok || known.echo && repeated {
		return a
	}
	a.Verdict, a.Reason, a.Retry = known.verdict, known.reason, known.retry
	return a
}

// find looks a sub code up, first as it is and then by the entries with a star.
func find(list map[string]refusal, code string) (refusal, bool) {
	if r, ok := list[code]; ok {
		return r, true
	}
	for name, r := range list {
		before, after, star := strings.Cut(name, "*")
		if star && len(code) > len(before)+len(after) && strings.HasPrefix(code, before) && strings.HasSuffix(code, after) {
			return r, true
		}
	}
	return refusal{}, false
}

// word is a wallet's word as it may stand in a log and on a screen, and in the
// form in which sub codes are compared: capitals, without the prefix that older
// interfaces put before it.
func word(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '.', r == '-':
			return r
		}
		return -1
	}, text[:min(len(text), 80)])
	return strings.Replace(text, "AOP.ACQ.", "ACQ.", 1)
}
