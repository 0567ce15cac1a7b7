package wechat

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// operation calls one method of the wallet on the test's payment.
type operation func(*testing.T, *Wallet) agent.Answer

var operations = map[agent.Operation]operation{
	agent.OpPay:     func(t *testing.T, w *Wallet) agent.Answer { return w.Pay(t.Context(), payment(), code) },
	agent.OpPresent: func(t *testing.T, w *Wallet) agent.Answer { return w.Present(t.Context(), payment()) },
	agent.OpQuery:   func(t *testing.T, w *Wallet) agent.Answer { return w.Query(t.Context(), payment()) },
	agent.OpReverse: func(t *testing.T, w *Wallet) agent.Answer { return w.Reverse(t.Context(), payment()) },
	agent.OpClose:   func(t *testing.T, w *Wallet) agent.Answer { return w.Close(t.Context(), payment()) },
	agent.OpRefund: func(t *testing.T, w *Wallet) agent.Answer {
		return w.Refund(t.Context(), payment(), refundOf(payment()))
	},
	agent.OpRefundQuery: func(t *testing.T, w *Wallet) agent.Answer {
		return w.QueryRefund(t.Context(), payment(), refundOf(payment()))
	},
}

func refundBodyOf(status string, edit map[string]any) string {
	return edited(map[string]any{"out_trade_no": payment().OrderNo, "out_refund_no": payment().OrderNo + "P1", "refund_id": "50000000001",
		"status": status, "amount": map[string]any{"total": 1280, "refund": 500, "currency": "CNY"}}, edit)
}

// verdicts is what each verified answer means, operation by operation.
var verdicts = []struct {
	op      agent.Operation
	status  int
	body    string
	verdict agent.Verdict
	reason  agent.Reason
}{
	{agent.OpPay, 200, order("SUCCESS", nil), agent.Approved, ""},
	{agent.OpPay, 200, order("SUCCESS", map[string]any{"appid": nil}), agent.Approved, ""},
	{agent.OpPay, 202, order("SUCCESS", nil), agent.Approved, ""},
	{agent.OpPay, 202, `{"trade_state":"USERPAYING"}`, agent.Awaiting, ""},
	{agent.OpPay, 200, order("USERPAYING", nil), agent.Awaiting, ""},
	{agent.OpPay, 200, order("NOTPAY", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, 200, order("PAYERROR", nil), agent.Refused, agent.ReasonWalletRefused},
	{agent.OpPay, 200, order("REVOKED", nil), agent.Refused, agent.ReasonDeadOrder},
	{agent.OpPay, 200, order("ACCEPT", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, 200, `{}`, agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, 200, `[]`, agent.InDoubt, agent.ReasonUnverified},
	{agent.OpPay, 204, ``, agent.InDoubt, agent.ReasonUnverified},

	{agent.OpQuery, 200, order("SUCCESS", nil), agent.Approved, ""},
	{agent.OpQuery, 200, order("REFUND", nil), agent.Approved, ""},
	{agent.OpQuery, 200, order("NOTPAY", nil), agent.Unpaid, ""},
	{agent.OpQuery, 200, order("USERPAYING", nil), agent.Awaiting, ""},
	{agent.OpQuery, 200, order("CLOSED", nil), agent.Ended, agent.ReasonDeadOrder},
	{agent.OpQuery, 200, order("REVOKED", nil), agent.Ended, agent.ReasonDeadOrder},
	{agent.OpQuery, 200, order("PAYERROR", nil), agent.Refused, agent.ReasonWalletRefused},
	{agent.OpQuery, 200, order("ACCEPT", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpQuery, 404, failed("ORDER_NOT_EXIST", ""), agent.Absent, ""},
	{agent.OpQuery, 404, failed("ORDERNOTEXIST", ""), agent.Absent, ""},
	{agent.OpQuery, 404, failed("RESOURCE_NOT_EXISTS", ""), agent.InDoubt, agent.ReasonSystem},
	{agent.OpQuery, 401, failed("SIGN_ERROR", ""), agent.InDoubt, agent.ReasonSetup},
	{agent.OpQuery, 403, failed("NO_AUTH", ""), agent.InDoubt, agent.ReasonSetup},
	{agent.OpQuery, 500, failed("SYSTEM_ERROR", ""), agent.InDoubt, agent.ReasonSystem},
	{agent.OpQuery, 403, failed("NOT_ENOUGH", ""), agent.InDoubt, agent.ReasonSystem},
	{agent.OpQuery, 429, failed("FREQUENCY_LIMITED", ""), agent.InDoubt, agent.ReasonSystem},

	{agent.OpPresent, 200, `{"code_url":"weixin://wxpay/bizpayurl?pr=NwY5Mz9"}`, agent.Shown, ""},
	{agent.OpPresent, 200, `{"code_url":"weixin://wxpay/bizpayurl/up?pr=NwY5Mz9&groupid=00"}`, agent.Shown, ""},
	{agent.OpPresent, 200, `{"code_url":"https://evil.example/pay"}`, agent.InDoubt, agent.ReasonShownElse},
	{agent.OpPresent, 200, `{"code_url":"weixin://wxpay/"}`, agent.InDoubt, agent.ReasonShownElse},
	{agent.OpPresent, 200, `{"code_url":"weixin://wxpay/a b"}`, agent.InDoubt, agent.ReasonShownElse},
	{agent.OpPresent, 200, `{"code_url":"weixin://wxpay/` + strings.Repeat("a", 512) + `"}`, agent.InDoubt, agent.ReasonShownElse},
	{agent.OpPresent, 200, `{}`, agent.InDoubt, agent.ReasonShownElse},
	{agent.OpPresent, 200, `nonsense`, agent.InDoubt, agent.ReasonUnverified},
	{agent.OpPresent, 400, failed("ORDER_CLOSED", ""), agent.Refused, agent.ReasonDeadOrder},
	{agent.OpPresent, 400, failed("ORDER_PAID", ""), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPresent, 403, failed("OUT_TRADE_NO_USED", ""), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPresent, 400, failed("APPID_MCHID_NOT_MATCH", ""), agent.Refused, agent.ReasonSetup},

	{agent.OpReverse, 200, order("", map[string]any{"amount": nil}), agent.Accepted, ""},
	{agent.OpReverse, 200, `{}`, agent.Accepted, ""},
	{agent.OpReverse, 200, order("REVOKED", nil), agent.Accepted, ""},
	{agent.OpReverse, 200, order("USERPAYING", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpReverse, 200, order("SUCCESS", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpReverse, 200, failed("SYSTEM_ERROR", ""), agent.InDoubt, agent.ReasonSystem},
	{agent.OpReverse, 200, failed("REVERSE_EXPIRE", ""), agent.Refused, agent.ReasonTooLate},
	{agent.OpReverse, 400, failed("REVERSE_EXPIRE", ""), agent.Refused, agent.ReasonTooLate},
	{agent.OpReverse, 400, failed("TRADE_STATE_ERROR", ""), agent.Refused, agent.ReasonTooLate},
	{agent.OpReverse, 400, failed("ORDERREVERSED", ""), agent.Accepted, ""},
	{agent.OpReverse, 404, failed("ORDER_NOT_EXIST", ""), agent.Absent, ""},
	{agent.OpReverse, 400, failed("USERPAYING", ""), agent.InDoubt, agent.ReasonSystem},
	{agent.OpReverse, 403, failed("NO_AUTH", ""), agent.InDoubt, agent.ReasonSetup},
	{agent.OpReverse, 500, failed("SYSTEM_ERROR", ""), agent.InDoubt, agent.ReasonSystem},

	{agent.OpClose, 204, "", agent.Accepted, ""},
	{agent.OpClose, 200, failed("ORDER_PAID", ""), agent.Refused, agent.ReasonTooLate},
	{agent.OpClose, 200, order("NOTPAY", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpClose, 400, failed("ORDER_PAID", ""), agent.Refused, agent.ReasonTooLate},
	{agent.OpClose, 400, failed("ORDER_CLOSED", ""), agent.Accepted, ""},
	{agent.OpClose, 404, failed("ORDER_NOT_EXIST", ""), agent.Absent, ""},
	{agent.OpClose, 500, failed("SYSTEM_ERROR", ""), agent.InDoubt, agent.ReasonSystem},

	{agent.OpRefund, 200, refundBodyOf("SUCCESS", nil), agent.Accepted, ""},
	{agent.OpRefund, 200, refundBodyOf("PROCESSING", nil), agent.Processing, ""},
	{agent.OpRefund, 200, refundBodyOf("ABNORMAL", nil), agent.Processing, agent.ReasonPayerBlocked},
	{agent.OpRefund, 200, refundBodyOf("CLOSED", nil), agent.Refused, agent.ReasonWalletRefused},
	{agent.OpRefund, 200, refundBodyOf("NEW", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpRefund, 500, failed("SYSTEM_ERROR", ""), agent.InDoubt, agent.ReasonSystem},
	{agent.OpRefund, 500, failed("BIZERR_NEED_RETRY", ""), agent.InDoubt, agent.ReasonSystem},
	{agent.OpRefund, 429, failed("INVALID_REQ_TOO_MUCH", ""), agent.InDoubt, agent.ReasonSystem},
	{agent.OpRefundQuery, 200, refundBodyOf("SUCCESS", nil), agent.Accepted, ""},
	{agent.OpRefundQuery, 200, refundBodyOf("PROCESSING", nil), agent.Processing, ""},
	{agent.OpRefundQuery, 404, failed("RESOURCE_NOT_EXISTS", ""), agent.Absent, ""},
	{agent.OpRefundQuery, 401, failed("SIGN_ERROR", ""), agent.InDoubt, agent.ReasonSetup},
}

func TestWhatEachVerifiedAnswerMeans(t *testing.T) {
	for _, row := range verdicts {
		w := newCloud(t, answer{status: row.status, body: row.body}).wallet()
		a := operations[row.op](t, w)
		if a.Verdict != row.verdict || a.Reason != row.reason {
			t.Errorf("%s %d %.120s: %v (%s) %v, want %v (%s)", row.op, row.status, row.body, a.Verdict, a.Reason, a.Err, row.verdict, row.reason)
		}
	}
}

// TestNothingUnverifiedIsBelieved spoils the signature of every answer of the
// table above, good and bad ones, and expects doubt each time.
func TestNothingUnverifiedIsBelieved(t *testing.T) {
	keep := func(_ http.Header, body string) string { return body }
	spoilers := map[string]answer{
		"unsigned":      {unsigned: true},
		"another nonce": {spoil: func(h http.Header, b string) string { h.Set("Wechatpay-Nonce", "OTHER"); return b }},
		"a probe": {spoil: func(h http.Header, b string) string {
			h.Set("Wechatpay-Signature", probe+h.Get("Wechatpay-Signature"))
			return b
		}},
		"an unknown key":    {serial: "PUB_KEY_ID_OTHER", spoil: keep},
		"301 seconds old":   {early: 301 * time.Second},
		"301 seconds ahead": {early: -301 * time.Second},
		"a cut signature": {spoil: func(h http.Header, b string) string {
			h.Set("Wechatpay-Signature", h.Get("Wechatpay-Signature")[:300])
			return b
		}},
		"a signature of air": {spoil: func(h http.Header, b string) string { h.Set("Wechatpay-Signature", "%%%"); return b }},
	}
	for name, spoiled := range spoilers {
		for _, row := range verdicts {
			a := spoiled
			a.status, a.body = row.status, row.body
			if got := operations[row.op](t, newCloud(t, a).wallet()); got.Verdict != agent.InDoubt || got.Reason != agent.ReasonUnverified || got.Err == nil {
				t.Errorf("%s: %s %d %.100s: %v (%s)", name, row.op, row.status, row.body, got.Verdict, got.Reason)
			}
		}
	}
}

func TestAChangedBodyIsNotBelieved(t *testing.T) {
	for _, status := range []int{200, 202, 400, 403, 500} {
		for _, row := range verdicts {
			if row.status != status || row.body == "" {
				continue
			}
			a := answer{status: status, body: row.body, spoil: func(_ http.Header, b string) string { return b + " " }}
			if got := operations[row.op](t, newCloud(t, a).wallet()); got.Verdict != agent.InDoubt || got.Reason != agent.ReasonUnverified {
				t.Errorf("%s %d %.80s: %v (%s)", row.op, status, row.body, got.Verdict, got.Reason)
			}
		}
	}
}

func TestA299SecondOldAnswerIsBelieved(t *testing.T) {
	for _, early := range []time.Duration{299 * time.Second, -299 * time.Second} {
		w := newCloud(t, answer{status: 200, body: order("SUCCESS", nil), early: early}).wallet()
		if a := w.Query(t.Context(), payment()); a.Verdict != agent.Approved {
			t.Errorf("%s: %v (%v)", early, a.Verdict, a.Err)
		}
	}
}

// TestAVerifiedAnswerAboutSomethingElseIsInDoubt: a signature says who speaks,
// not about what.
func TestAVerifiedAnswerAboutSomethingElseIsInDoubt(t *testing.T) {
	amount := func(edit map[string]any) map[string]any {
		a := map[string]any{"total": 1280, "currency": "CNY"}
		for name, value := range edit {
			a[name] = value
		}
		return map[string]any{"amount": a}
	}
	for name, edit := range map[string]map[string]any{
		"another order":      {"out_trade_no": "DEMO0101KDVE6QRC0000000000000002"},
		"another merchant":   {"mchid": "1230000110"},
		"another app":        {"appid": "wx0000000000000000"},
		"one fen more":       amount(map[string]any{"total": 1281}),
		"a fraction":         amount(map[string]any{"total": "1280"}),
		"another currency":   amount(map[string]any{"currency": "HKD"}),
		"no order number":    {"out_trade_no": nil},
		"no merchant":        {"mchid": nil},
		"no amount":          {"amount": nil},
		"an amount of none":  {"amount": map[string]any{"currency": "CNY"}},
		"case of the number": {"out_trade_no": strings.ToLower(payment().OrderNo)},
	} {
		for _, op := range []agent.Operation{agent.OpPay, agent.OpQuery} {
			w := newCloud(t, answer{status: 200, body: order("SUCCESS", edit)}).wallet()
			if a := operations[op](t, w); a.Verdict != agent.InDoubt || a.Reason != agent.ReasonUnverified {
				t.Errorf("%s with %s: %v (%s)", op, name, a.Verdict, a.Reason)
			}
		}
	}
	for name, edit := range map[string]map[string]any{
		"another order":  {"out_trade_no": "DEMO0101KDVE6QRC0000000000000002"},
		"another refund": {"out_refund_no": payment().OrderNo + "P2"},
		"another sum":    {"amount": map[string]any{"total": 1280, "refund": 501}},
		"another total":  {"amount": map[string]any{"total": 1281, "refund": 500}},
		"no sum":         {"amount": nil},
		"no number":      {"out_refund_no": nil},
	} {
		for _, op := range []agent.Operation{agent.OpRefund, agent.OpRefundQuery} {
			w := newCloud(t, answer{status: 200, body: refundBodyOf("SUCCESS", edit)}).wallet()
			if a := operations[op](t, w); a.Verdict != agent.InDoubt || a.Reason != agent.ReasonUnverified {
				t.Errorf("%s with %s: %v (%s)", op, name, a.Verdict, a.Reason)
			}
		}
	}
	for _, op := range []agent.Operation{agent.OpReverse, agent.OpQuery} {
		// The end of an order counts only when it names ours.
		w := newCloud(t, answer{status: 200, body: order("REVOKED", map[string]any{"out_trade_no": "DEMO0101KDVE6QRC0000000000000002"})}).wallet()
		if a := operations[op](t, w); a.Verdict != agent.InDoubt {
			t.Errorf("%s of another order: %v", op, a.Verdict)
		}
	}
	w := newCloud(t, answer{status: 200, body: `{"trade_state":"REVOKED"}`}).wallet()
	if a := w.Query(t.Context(), payment()); a.Verdict != agent.InDoubt {
		t.Errorf("an end without a name: %v", a.Verdict)
	}
}

func TestASuccessTellsWhatThePayerPaid(t *testing.T) {
	a := newCloud(t, answer{status: 200, body: order("SUCCESS", nil)}).wallet().Query(t.Context(), payment())
	want := agent.PayerSum{Amount: agent.Money{Value: 1270, Currency: "CNY"}}
	if a.Payer != want || a.Amount != 1280 || a.Txn != "4200000000202601010000000001" || a.Code != "SUCCESS" {
		t.Errorf("%+v", a)
	}
}
