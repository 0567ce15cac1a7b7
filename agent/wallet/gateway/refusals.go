package gateway

import (
	"encoding/json"
	"fmt"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// refusal is what one code of an error answer means on one operation. What is on
// no list is in doubt: in_progress, number_reused, nonce_reused, rate_limited and
// unavailable among them, because each may be said of a request that was executed.
type refusal struct {
	verdict agent.Verdict
	reason  agent.Reason
	retry   bool // Answer.Retry
}

// reasons translate why a payment was refused (contract, Payment.reason).
var reasons = map[string]agent.Reason{
	"not_enough": agent.ReasonNotEnough, "code_invalid": agent.ReasonCodeInvalid, "code_expired": agent.ReasonCodeExpired,
	"code_used": agent.ReasonCodeUsed, "not_confirmed": agent.ReasonNotConfirmed, "declined": agent.ReasonNotConfirmed,
	"payer_blocked": agent.ReasonPayerBlocked, "over_limit": agent.ReasonOverLimit, "risk": agent.ReasonWalletRefused,
	"other": agent.ReasonWalletRefused,

	"voucher_spent": agent.ReasonSpentElse, "voucher_denied": agent.ReasonRevoked, "voucher_expired": agent.ReasonRanOut,
	"voucher_forged": agent.ReasonWalletRefused, "voucher_malformed": agent.ReasonWalletRefused, "voucher_other_order": agent.ReasonWalletRefused,
}

// setup lists the codes that say that the shop's numbers, keys or clock are wrong.
// They refuse every operation before it begins; of an earlier try they say nothing.
var setup = map[string]bool{
	"invalid_request": true, "signature_missing": true, "signature_invalid": true, "key_unknown": true, "clock_skew": true,
	"merchant_unknown": true, "brand_not_enabled": true, "mode_not_enabled": true,
}

var payRefusals = map[string]refusal{
	"order_reversed":         {agent.Refused, agent.ReasonDeadOrder, false},
	"order_closed":           {agent.Refused, agent.ReasonDeadOrder, false},
	"currency_not_supported": {agent.Refused, agent.ReasonSetup, false},
	"amount_out_of_range":    {agent.Refused, agent.ReasonOverLimit, false},
}

var queryRefusals = map[string]refusal{
	"order_not_found": {agent.Absent, agent.ReasonNone, false},
}

// reverseRefusals: past the window, or beside refunds, only a refund helps.
var reverseRefusals = map[string]refusal{
	"reverse_window_over": {agent.Refused, agent.ReasonTooLate, false},
	"state_forbids":       {agent.Refused, agent.ReasonTooLate, false},
}

// closeRefusals: a paid order cannot be closed, and that is worth a query now.
var closeRefusals = map[string]refusal{
	"order_paid": {agent.Refused, agent.ReasonTooLate, false},
}

var refundRefusals = map[string]refusal{
	"order_not_found":    {agent.Refused, agent.ReasonWalletRefused, false},
	"state_forbids":      {agent.Refused, agent.ReasonWalletRefused, false},
	"refund_exceeds":     {agent.Refused, agent.ReasonWalletRefused, false},
	"refund_not_partial": {agent.Refused, agent.ReasonWalletRefused, false},
	"refund_limit":       {agent.Refused, agent.ReasonWalletRefused, false},
	"refund_window_over": {agent.Refused, agent.ReasonTooLate, false},
	"shop_balance":       {agent.Refused, agent.ReasonShopBalance, true},
}

var refundQueryRefusals = map[string]refusal{
	"refund_not_found": {agent.Absent, agent.ReasonNone, false},
}

// refuse judges a verified error answer by its code; a 5xx is never definite.
// moves tells that the operation changes something: only there a wrong set-up is
// a definite refusal. repeated tells that an earlier try of the same number may
// have been executed.
func refuse(status int, body []byte, list map[string]refusal, moves, repeated bool) agent.Answer {
	var f struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(body, &f); err != nil || f.Code == "" {
		return agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonSystem, Err: err}
	}
	a := agent.Answer{Verdict: agent.InDoubt, Reason: agent.ReasonSystem, Code: word(f.Code), Text: wallet.Clip(f.Message, wallet.MessageLength)}
	if status < 400 || status > 499 {
		return a
	}
	if setup[f.Code] {
		a.Reason = agent.ReasonSetup
		if moves && !repeated {
			a.Verdict = agent.Refused
		}
		return a
	}
	if r, ok := list[f.Code]; ok {
		a.Verdict, a.Reason, a.Retry = r.verdict, r.reason, r.retry
	}
	return a
}

// saidBy is an answer without a result as an error, for those who return one.
func saidBy(a agent.Answer) error {
	if a.Err != nil {
		return a.Err
	}
	return fmt.Errorf("%s: %s", a.Code, a.Text)
}
