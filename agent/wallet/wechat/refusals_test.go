package wechat

import (
	"strings"
	"testing"

	"tillwire/agent"
)

func TestPayRefusalsInEverySpelling(t *testing.T) {
	for _, row := range []struct {
		codes   string // spellings, separated by blanks; the first is the documented one
		verdict agent.Verdict
		reason  agent.Reason
	}{
		{"NOT_ENOUGH NOTENOUGH not_enough", agent.Refused, agent.ReasonNotEnough},
		{"AUTH_CODE_EXPIRED AUTH_CODE_EXPIRE AUTHCODEEXPIRE", agent.Refused, agent.ReasonCodeExpired},
		{"AUTH_CODE_ERROR AUTHCODEERROR", agent.Refused, agent.ReasonCodeUsed},
		{"AUTH_CODE_INVALID", agent.Refused, agent.ReasonCodeInvalid},
		{"NOT_SUPPORT_CARD NOTSUPORTCARD NOTSUPPORTCARD", agent.Refused, agent.ReasonPayerBlocked},
		{"ORDER_CLOSED ORDERCLOSED", agent.Refused, agent.ReasonDeadOrder},
		{"ORDER_REVERSED ORDERREVERSED", agent.Refused, agent.ReasonDeadOrder},
		{"BUYER_MISMATCH", agent.Refused, agent.ReasonDeadOrder},
		{"TRADE_ERROR", agent.Refused, agent.ReasonWalletRefused},
		{"ACCOUNT_ERROR", agent.Refused, agent.ReasonPayerBlocked},
		{"RULE_LIMIT", agent.Refused, agent.ReasonOverLimit},
		{"APPID_MCHID_NOT_MATCH", agent.Refused, agent.ReasonSetup},
		{"APPID_NOT_EXIST", agent.Refused, agent.ReasonSetup},
		{"MCHID_NOT_EXIST", agent.Refused, agent.ReasonSetup},
		{"NO_AUTH NOAUTH", agent.Refused, agent.ReasonSetup},
		{"PARAM_ERROR", agent.Refused, agent.ReasonSetup},
		{"INVALID_REQUEST", agent.Refused, agent.ReasonSetup},
		{"LACK_PARAMS", agent.Refused, agent.ReasonSetup},
		{"NOT_UTF8", agent.Refused, agent.ReasonSetup},
		{"SIGN_ERROR SIGNERROR", agent.Refused, agent.ReasonSetup},
		{"USERPAYING", agent.Awaiting, ""},
		{"ORDER_PAID ORDERPAID", agent.InDoubt, agent.ReasonSystem},
		{"OUT_TRADE_NO_USED", agent.InDoubt, agent.ReasonSystem},
		{"SYSTEM_ERROR SYSTEMERROR", agent.InDoubt, agent.ReasonSystem},
		{"BANK_ERROR BANKERROR", agent.InDoubt, agent.ReasonSystem},
		{"FREQUENCY_LIMITED", agent.InDoubt, agent.ReasonSystem},
		{"FREQUENCY_LIMIT_EXCEED", agent.InDoubt, agent.ReasonSystem},
		{"RATE_LIMITED", agent.InDoubt, agent.ReasonSystem},
		{"SOMETHING_NEW", agent.InDoubt, agent.ReasonSystem},
		{"ORDER_NOT_EXIST", agent.InDoubt, agent.ReasonSystem},
	} {
		documented := strings.Fields(row.codes)[0]
		for _, spelled := range strings.Fields(row.codes) {
			a := newCloud(t, answer{status: 400, body: failed(spelled, "because")}).wallet().Pay(t.Context(), payment(), code)
			if a.Verdict != row.verdict || a.Reason != row.reason || a.Code != documented || a.Text != "because" {
				t.Errorf("%s: %v (%s) %s %q, want %v (%s) %s", spelled, a.Verdict, a.Reason, a.Code, a.Text, row.verdict, row.reason, documented)
			}
		}
	}
}

// TestKeysOfTheTablesAreNormal: a key in another form would never be found.
func TestKeysOfTheTablesAreNormal(t *testing.T) {
	for _, table := range []map[string]refusal{payRefusals, presentRefusals, queryRefusals, reverseRefusals, closeRefusals, refundRefusals, refundQueryRefusals, billRefusals} {
		for key, r := range table {
			if normal(key) != key || normal(r.code) != key {
				t.Errorf("%q (%s) is stored under a form that %q does not take", key, r.code, normal(r.code))
			}
			if r.verdict == agent.Approved || r.verdict == agent.NotDelivered {
				t.Errorf("%s: an error answer can never mean %v", r.code, r.verdict)
			}
			if _, twice := setup[key]; twice {
				t.Errorf("%s is in two tables", r.code)
			}
		}
	}
	for key, name := range setup {
		if normal(name) != key {
			t.Errorf("%q is stored under %q", name, key)
		}
	}
}

func TestOneCodeTwoMeanings(t *testing.T) {
	for _, row := range []struct {
		code, message string
		verdict       agent.Verdict
		reason        agent.Reason
	}{
		{"TRADE_ERROR", "The user did not enter the password", agent.Refused, agent.ReasonNotConfirmed},
		{"TRADE_ERROR", "用户未输入支付密码", agent.Refused, agent.ReasonNotConfirmed},
		{"TRADE_ERROR", "risk", agent.Refused, agent.ReasonWalletRefused},
		{"AUTH_CODE_INVALID", "101 the number was used", agent.InDoubt, agent.ReasonSystem},
		{"AUTH_CODE_INVALID", "not a code", agent.Refused, agent.ReasonCodeInvalid},
	} {
		a := newCloud(t, answer{status: 403, body: failed(row.code, row.message)}).wallet().Pay(t.Context(), payment(), code)
		if a.Verdict != row.verdict || a.Reason != row.reason {
			t.Errorf("%s %q: %v (%s)", row.code, row.message, a.Verdict, a.Reason)
		}
	}
}

// TestASecondTryDoesNotBelieveItsOwnEcho: when a first try may have taken the
// money, "this code was used" is what the second one hears.
func TestASecondTryDoesNotBelieveItsOwnEcho(t *testing.T) {
	p := payment()
	p.Status.Attempt = 2
	for code, want := range map[string]agent.Verdict{
		"AUTH_CODE_ERROR": agent.InDoubt, "AUTH_CODE_INVALID": agent.InDoubt, "INVALID_REQUEST": agent.InDoubt,
		"PARAM_ERROR": agent.InDoubt, "BUYER_MISMATCH": agent.InDoubt,
		"SIGN_ERROR": agent.InDoubt, "NO_AUTH": agent.InDoubt, "MCH_NOT_EXIST": agent.InDoubt,
		"NOT_ENOUGH": agent.Refused, "AUTH_CODE_EXPIRED": agent.Refused,
	} {
		w := newCloud(t, answer{status: 400, body: failed(code, "")}).wallet()
		if a := w.Pay(t.Context(), p, agent.NewPayCode("134567890123456789")); a.Verdict != want {
			t.Errorf("%s on a second try: %v, want %v", code, a.Verdict, want)
		}
	}
}

// TestARefusedRefundIsBelievedWhenItsNumberIsUnknown: until then an earlier try
// may have been executed, and calling it failed would free the sum.
func TestARefusedRefundIsBelievedWhenItsNumberIsUnknown(t *testing.T) {
	unknown := answer{status: 404, body: failed("RESOURCE_NOT_EXISTS", "")}
	for _, row := range []struct {
		name    string
		refusal string
		then    answer
		verdict agent.Verdict
		reason  agent.Reason
		retry   bool
		asked   int
	}{
		{"refused and unknown", "INVALID_REQUEST", unknown, agent.Refused, agent.ReasonWalletRefused, false, 2},
		{"too old", "TRADE_OVERDUE", unknown, agent.Refused, agent.ReasonTooLate, false, 2},
		{"account closed", "USER_ACCOUNT_ABNORMAL", unknown, agent.Refused, agent.ReasonPayerBlocked, false, 2},
		{"refused, but it is done", "INVALID_REQUEST", answer{status: 200, body: refundBodyOf("SUCCESS", nil)}, agent.Accepted, "", false, 2},
		{"refused, but under way", "INVALID_REQUEST", answer{status: 200, body: refundBodyOf("PROCESSING", nil)}, agent.Processing, "", false, 2},
		{"refused, because the number stands for another sum", "INVALID_REQUEST",
			answer{status: 200, body: refundBodyOf("SUCCESS", map[string]any{"amount": map[string]any{"total": 1280, "refund": 300, "currency": "CNY"}})},
			agent.Refused, agent.ReasonNumberUsed, false, 2},
		{"refused, and nothing to be learnt", "INVALID_REQUEST", answer{status: 500, unsigned: true}, agent.InDoubt, agent.ReasonUnverified, false, 2},
		{"the shop's balance: later, under its number", "NOT_ENOUGH", unknown, agent.Refused, agent.ReasonShopBalance, true, 1},
		{"the set-up: later, under its number", "NO_AUTH", unknown, agent.Refused, agent.ReasonSetup, true, 1},
	} {
		c := newCloud(t, answer{status: 403, body: failed(row.refusal, "")}, row.then)
		a := operations[agent.OpRefund](t, c.wallet())
		if a.Verdict != row.verdict || a.Reason != row.reason || a.Retry != row.retry || len(c.requests()) != row.asked {
			t.Errorf("%s: %v (%s) retry=%t after %d requests", row.name, a.Verdict, a.Reason, a.Retry, len(c.requests()))
		}
	}
}
