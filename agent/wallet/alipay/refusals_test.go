package alipay

import (
	"strings"
	"testing"

	"tillwire/agent"
)

func TestPayRefusals(t *testing.T) {
	for _, row := range []struct {
		codes   string
		verdict agent.Verdict
		reason  agent.Reason
	}{
		{"BUYER_BALANCE_NOT_ENOUGH BUYER_BANKCARD_BALANCE_NOT_ENOUGH", agent.Refused, agent.ReasonNotEnough},
		{"PAYMENT_AUTH_CODE_INVALID", agent.Refused, agent.ReasonCodeInvalid},
		{"PAYMENT_FAIL PAYMENT_REQUEST_HAS_RISK", agent.Refused, agent.ReasonWalletRefused},
		{"TRADE_HAS_CLOSE TRADE_BUYER_NOT_MATCH", agent.Refused, agent.ReasonDeadOrder},
		{"ERROR_BALANCE_PAYMENT_DISABLE NO_PAYMENT_INSTRUMENTS_AVAILABLE MOBILE_PAYMENT_SWITCH_OFF USER_FACE_PAYMENT_SWITCH_OFF BUYER_SELLER_EQUAL BUYER_ENABLE_STATUS_FORBID", agent.Refused, agent.ReasonPayerBlocked},
		{"PULL_MOBILE_CASHIER_FAIL", agent.Refused, agent.ReasonNotConfirmed},
		{"BEYOND_PAY_RESTRICTION BEYOND_PER_RECEIPT_RESTRICTION TOTAL_FEE_EXCEED BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR SELLER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR", agent.Refused, agent.ReasonOverLimit},
		{"SELLER_BEEN_BLOCKED INVALID_PARAMETER ACCESS_FORBIDDEN EXIST_FORBIDDEN_WORD PARTNER_ERROR INVALID_STORE_ID NOW_TIME_AFTER_EXPIRE_TIME_ERROR", agent.Refused, agent.ReasonSetup},
		{"SYSTEM_ERROR CONTEXT_INCONSISTENT TRADE_HAS_SUCCESS SOMETHING_NEW TRADE_NOT_EXIST BUYER_PAYMENT_AMOUNT_LIMIT_ERROR", agent.InDoubt, agent.ReasonSystem},
	} {
		for _, code0 := range strings.Fields(row.codes) {
			for _, spelled := range []string{"ACQ." + code0, "aop.ACQ." + code0} {
				a := newCloud(t, answer{content: failed("40004", spelled)}).wallet().Pay(t.Context(), payment(), code)
				if a.Verdict != row.verdict || a.Reason != row.reason || a.Code != "ACQ."+code0 || a.Text != "because" {
					t.Errorf("%s: %v (%s) %s %q, want %v (%s)", spelled, a.Verdict, a.Reason, a.Code, a.Text, row.verdict, row.reason)
				}
			}
		}
	}
}

// TestNamesOfTheTablesAreNormal: a name in another form would never be found.
func TestNamesOfTheTablesAreNormal(t *testing.T) {
	for _, table := range []map[string]refusal{payRefusals, presentRefusals, queryRefusals, cancelRefusals, closeRefusals, refundRefusals, refundQueryRefusals, billRefusals} {
		for name := range table {
			if word(strings.ReplaceAll(name, "*", "")) != strings.ReplaceAll(name, "*", "") {
				t.Errorf("%s is not in the form sub codes are compared in", name)
			}
		}
	}
}

// TestASecondTryDoesNotBelieveItsOwnEcho: when a first try may have taken the
// money, "this code is not valid" is what the second one hears.
func TestASecondTryDoesNotBelieveItsOwnEcho(t *testing.T) {
	p := payment()
	p.Status.Attempt = 2
	for content, want := range map[string]agent.Verdict{
		failed("40004", "ACQ.PAYMENT_AUTH_CODE_INVALID"): agent.InDoubt,
		failed("40004", "ACQ.INVALID_PARAMETER"):         agent.InDoubt,
		failed("40004", "ACQ.TRADE_BUYER_NOT_MATCH"):     agent.InDoubt,
		failed("40002", "isv.invalid-signature"):         agent.InDoubt,
		failed("40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH"):  agent.Refused,
		failed("40004", "ACQ.TRADE_HAS_CLOSE"):           agent.Refused,
	} {
		if a := newCloud(t, answer{content: content}).wallet().Pay(t.Context(), p, code); a.Verdict != want {
			t.Errorf("%s on a second try: %v, want %v", content, a.Verdict, want)
		}
	}
}

// TestARefundIsWhatItsNumberSays: what the answer to a refund leaves open is asked
// about, and a refusal is believed only when the number is unknown.
func TestARefundIsWhatItsNumberSays(t *testing.T) {
	none, done := answer{content: `{"code":"10000","msg":"Success"}`}, answer{content: refundDone(nil)}
	silent := answer{content: said(nil), unsigned: true}
	sub := func(code string) answer { return answer{content: failed("40004", "ACQ."+code)} }
	for _, row := range []struct {
		name    string
		first   answer
		then    answer
		verdict agent.Verdict
		reason  agent.Reason
		retry   bool
		asked   int
	}{
		{"money moved", answer{content: refundAnswer("Y", "5.00")}, none, agent.Accepted, "", false, 1},
		{"a repeat moves nothing and is no failure", answer{content: refundAnswer("N", "5.00")}, done, agent.Accepted, "", false, 2},
		{"a repeat of something else", answer{content: refundAnswer("N", "5.00")}, none, agent.InDoubt, agent.ReasonSystem, false, 2},
		{"after other refunds", answer{content: refundAnswer("Y", "12.80")}, done, agent.Accepted, "", false, 2},
		{"after other refunds, and silence", answer{content: refundAnswer("Y", "12.80")}, silent, agent.InDoubt, agent.ReasonUnverified, false, 2},
		{"refused and unknown", sub("REFUND_AMT_NOT_EQUAL_TOTAL"), none, agent.Refused, agent.ReasonWalletRefused, false, 2},
		{"no longer refundable", sub("TRADE_HAS_FINISHED"), none, agent.Refused, agent.ReasonTooLate, false, 2},
		{"account closed", sub("BUYER_ERROR"), none, agent.Refused, agent.ReasonPayerBlocked, false, 2},
		{"refused, but it is done", sub("REASON_TRADE_STATUS_INVALID"), done, agent.Accepted, "", false, 2},
		{"refused, and nothing to be learnt", sub("REFUND_FEE_ERROR"), silent, agent.InDoubt, agent.ReasonUnverified, false, 2},
		{"the shop's balance: later, under its number", sub("SELLER_BALANCE_NOT_ENOUGH"), none, agent.Refused, agent.ReasonShopBalance, true, 1},
		{"the set-up: later, under its number", answer{content: failed("40006", "isv.insufficient-isv-permissions")}, none, agent.Refused, agent.ReasonSetup, true, 1},
	} {
		c := newCloud(t, row.first, row.then)
		a := operations[agent.OpRefund](t, c.wallet())
		if a.Verdict != row.verdict || a.Reason != row.reason || a.Retry != row.retry || len(c.requests()) != row.asked {
			t.Errorf("%s: %v (%s) retry=%t %v after %d requests", row.name, a.Verdict, a.Reason, a.Retry, a.Err, len(c.requests()))
		}
	}
}

// TestARefundCountsThoseBeforeIt: the sum in the answer is that of all refunds.
func TestARefundCountsThoseBeforeIt(t *testing.T) {
	p := payment()
	p.Status.Refunds = []agent.Refund{{No: p.OrderNo + "P1", Amount: 500, State: agent.RefundDone}, {No: p.OrderNo + "P2", Amount: 100, State: agent.RefundFailed}}
	r := agent.Refund{No: p.OrderNo + "P3", Amount: 780}
	for sum, want := range map[string]agent.Verdict{"12.80": agent.Accepted, "7.80": agent.InDoubt, "5.00": agent.InDoubt} {
		c := newCloud(t, answer{content: refundAnswer("Y", sum)})
		if a := c.wallet().Refund(t.Context(), p, r); a.Verdict != want || len(c.requests()) != 1 {
			t.Errorf("%s: %v (%v)", sum, a.Verdict, a.Err)
		}
	}
}
