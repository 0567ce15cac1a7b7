package alipay

import (
	"errors"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// operations call one method of the wallet on the test's payment.
var operations = map[agent.Operation]func(*testing.T, *Wallet) agent.Answer{
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

type members = map[string]any

// refundDone is what the refund query says of a refund that was made.
func refundDone(edit members) string {
	o := members{"out_request_no": payment().OrderNo + "P1", "refund_status": "REFUND_SUCCESS", "refund_amount": "5.00", "total_amount": "12.80"}
	for name, value := range edit {
		o[name] = value
	}
	return said(o)
}

func refundAnswer(change, sum any) string {
	return said(members{"fund_change": change, "refund_fee": sum, "gmt_refund_pay": "2026-01-01 10:34:56"})
}

// verdicts is what each verified answer means, operation by operation.
var verdicts = []struct {
	op      agent.Operation
	content string
	verdict agent.Verdict
	reason  agent.Reason
}{
	{agent.OpPay, traded(nil, nil), agent.Approved, ""},
	{agent.OpPay, traded(nil, members{"total_amount": 12.8}), agent.Approved, ""},
	{agent.OpPay, traded("TRADE_SUCCESS", nil), agent.Approved, ""},
	{agent.OpPay, traded("WAIT_BUYER_PAY", nil), agent.Awaiting, ""},
	{agent.OpPay, traded("TRADE_CLOSED", nil), agent.Refused, agent.ReasonDeadOrder},
	{agent.OpPay, said(members{"code": "10003", "msg": "order success pay inprocess"}), agent.Awaiting, ""},
	{agent.OpPay, `{"code":"10003"}`, agent.Awaiting, ""},
	{agent.OpPay, failed("20000", "isp.unknow-error"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, failed("20000", "aop.unknow-error"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, failed("20001", "aop.invalid-app-auth-token"), agent.Refused, agent.ReasonSetup},
	{agent.OpPay, failed("40001", "isv.missing-method"), agent.Refused, agent.ReasonSetup},
	{agent.OpPay, failed("40002", "isv.invalid-signature"), agent.Refused, agent.ReasonSetup},
	{agent.OpPay, failed("40003", "isv.missing-signature-config"), agent.Refused, agent.ReasonSetup},
	{agent.OpPay, failed("40006", "isv.insufficient-isv-permissions"), agent.Refused, agent.ReasonSetup},
	{agent.OpPay, failed("40005", "isv.app-call-limited"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, `{}`, agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, `[]`, agent.InDoubt, agent.ReasonUnverified},
	{agent.OpPay, `"10000"`, agent.InDoubt, agent.ReasonUnverified},

	{agent.OpQuery, traded("TRADE_SUCCESS", nil), agent.Approved, ""},
	{agent.OpQuery, traded("TRADE_FINISHED", nil), agent.Approved, ""},
	{agent.OpQuery, traded("WAIT_BUYER_PAY", nil), agent.Awaiting, ""},
	{agent.OpQuery, traded("TRADE_CLOSED", nil), agent.Ended, agent.ReasonDeadOrder},
	{agent.OpQuery, traded("TRADE_CLOSED", members{"send_pay_date": "2026-01-01 10:34:56"}), agent.Ended, agent.ReasonDeadOrder},
	{agent.OpQuery, traded("TRADE_NEW", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpQuery, traded(nil, nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpQuery, failed("40004", "ACQ.TRADE_NOT_EXIST"), agent.Absent, ""},
	{agent.OpQuery, `{"code":"40004","sub_code":"ACQ.TRADE_NOT_EXIST"}`, agent.Absent, ""},
	{agent.OpQuery, failed("20000", "ACQ.TRADE_NOT_EXIST"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpQuery, failed("40004", "ACQ.SYSTEM_ERROR"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpQuery, failed("40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpQuery, failed("40002", "isv.invalid-signature"), agent.InDoubt, agent.ReasonSetup},

	{agent.OpPresent, said(members{"qr_code": "https://qr.alipay.com/bax00069h45nvvfc3tu9005a"}), agent.Shown, ""},
	{agent.OpPresent, said(members{"qr_code": "https://evil.example/bax"}), agent.InDoubt, agent.ReasonShownElse},
	{agent.OpPresent, said(members{"qr_code": "https://qr.alipay.com/"}), agent.InDoubt, agent.ReasonShownElse},
	{agent.OpPresent, said(members{"qr_code": "https://qr.alipay.com/a b"}), agent.InDoubt, agent.ReasonShownElse},
	{agent.OpPresent, said(members{"qr_code": "https://qr.alipay.com/" + strings.Repeat("a", 1024)}), agent.InDoubt, agent.ReasonShownElse},
	{agent.OpPresent, said(nil), agent.InDoubt, agent.ReasonShownElse},
	{agent.OpPresent, said(members{"qr_code": "https://qr.alipay.com/bax", "out_trade_no": nil}), agent.InDoubt, agent.ReasonUnverified},
	{agent.OpPresent, failed("40004", "ACQ.TRADE_HAS_CLOSE"), agent.Refused, agent.ReasonDeadOrder},
	{agent.OpPresent, failed("40004", "ACQ.TRADE_HAS_SUCCESS"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPresent, failed("40004", "ACQ.EXIST_FORBIDDEN_WORD"), agent.Refused, agent.ReasonSetup},

	{agent.OpReverse, said(members{"retry_flag": "N", "action": "close"}), agent.Accepted, ""},
	{agent.OpReverse, said(members{"retry_flag": "N", "action": "refund"}), agent.Accepted, ""},
	{agent.OpReverse, said(members{"retry_flag": "N", "trade_no": nil}), agent.Accepted, ""}, // there was no order
	{agent.OpReverse, said(members{"retry_flag": "Y"}), agent.InDoubt, agent.ReasonSystem},
	{agent.OpReverse, said(members{"retry_flag": "N", "out_trade_no": nil}), agent.InDoubt, agent.ReasonUnverified},
	{agent.OpReverse, traded("WAIT_BUYER_PAY", nil), agent.InDoubt, agent.ReasonUnverified}, // a query's, moved
	{agent.OpReverse, traded(nil, nil), agent.InDoubt, agent.ReasonUnverified},              // a payment's
	{agent.OpReverse, refundAnswer("Y", "5.00"), agent.InDoubt, agent.ReasonUnverified},
	{agent.OpReverse, failed("40004", "ACQ.SYSTEM_ERROR"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpReverse, failed("40004", "ACQ.TRADE_CANCEL_TIME_OUT"), agent.Refused, agent.ReasonTooLate},
	{agent.OpReverse, failed("40004", "ACQ.CANCEL_NOT_ALLOWED"), agent.Refused, agent.ReasonTooLate},
	{agent.OpReverse, failed("40004", "ACQ.TRADE_HAS_FINISHED"), agent.Refused, agent.ReasonTooLate},
	{agent.OpReverse, failed("40004", "ACQ.SELLER_BALANCE_NOT_ENOUGH"), agent.Refused, agent.ReasonShopBalance},
	{agent.OpReverse, failed("40004", "ACQ.REASON_TRADE_BEEN_FREEZEN"), agent.Refused, agent.ReasonWalletRefused},
	{agent.OpReverse, failed("40004", "ACQ.TRADE_NOT_EXIST"), agent.Absent, ""},
	{agent.OpReverse, failed("40006", "isv.insufficient-isv-permissions"), agent.InDoubt, agent.ReasonSetup},

	{agent.OpClose, said(nil), agent.Accepted, ""},
	{agent.OpClose, said(members{"out_trade_no": nil}), agent.InDoubt, agent.ReasonUnverified},
	{agent.OpClose, traded("WAIT_BUYER_PAY", nil), agent.InDoubt, agent.ReasonUnverified},
	{agent.OpClose, said(members{"qr_code": "https://qr.alipay.com/bax00069h45nvvfc3tu9005a"}), agent.InDoubt, agent.ReasonUnverified},
	{agent.OpClose, failed("40004", "ACQ.TRADE_HAS_SUCCESS"), agent.Refused, agent.ReasonTooLate},
	{agent.OpClose, failed("40004", "ACQ.REASON_TRADE_STATUS_INVALID"), agent.Refused, agent.ReasonTooLate},
	{agent.OpClose, failed("40004", "ACQ.TRADE_HAS_CLOSE"), agent.Accepted, ""},
	{agent.OpClose, failed("40004", "ACQ.TRADE_NOT_EXIST"), agent.Absent, ""},

	{agent.OpRefund, refundAnswer("Y", "5.00"), agent.Accepted, ""},
	{agent.OpRefund, refundAnswer("Y", "4.99"), agent.InDoubt, agent.ReasonUnverified},
	{agent.OpRefund, refundAnswer("Y", "12.81"), agent.InDoubt, agent.ReasonUnverified},
	{agent.OpRefund, refundAnswer("Y", nil), agent.InDoubt, agent.ReasonUnverified},
	{agent.OpRefund, failed("40004", "ACQ.SYSTEM_ERROR"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpRefund, failed("40004", "ACQ.DISCORDANT_REPEAT_REQUEST"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpRefundQuery, refundDone(nil), agent.Accepted, ""},
	{agent.OpRefundQuery, `{"code":"10000","msg":"Success"}`, agent.Absent, ""},
	{agent.OpRefundQuery, said(members{"out_request_no": payment().OrderNo + "P1"}), agent.Absent, ""},
	{agent.OpRefundQuery, refundDone(members{"refund_status": nil}), agent.InDoubt, agent.ReasonSystem},
	{agent.OpRefundQuery, refundDone(members{"refund_status": "REFUND_CLOSED"}), agent.InDoubt, agent.ReasonSystem},
	{agent.OpRefundQuery, failed("40004", "ACQ.TRADE_NOT_EXIST"), agent.Absent, ""},
	{agent.OpRefundQuery, failed("40004", "ACQ.SYSTEM_ERROR"), agent.InDoubt, agent.ReasonSystem},
}

func TestWhatEachVerifiedAnswerMeans(t *testing.T) {
	for _, row := range verdicts {
		a := operations[row.op](t, newCloud(t, answer{content: row.content}).wallet())
		if a.Verdict != row.verdict || a.Reason != row.reason {
			t.Errorf("%s %.160s: %v (%s) %v, want %v (%s)", row.op, row.content, a.Verdict, a.Reason, a.Err, row.verdict, row.reason)
		}
	}
}

// TestNothingUnverifiedIsBelieved spoils the signature of every answer of the
// table above, good and bad ones, and expects doubt each time.
func TestNothingUnverifiedIsBelieved(t *testing.T) {
	for name, spoiled := range map[string]answer{
		"unsigned":              {unsigned: true},
		"unsigned, HTTP 500":    {unsigned: true, status: 500},
		"an empty signature":    {unsigned: true, spoil: func(b string) string { return strings.TrimSuffix(b, "}") + `,"sign":""}` }},
		"a number as signature": {unsigned: true, spoil: func(b string) string { return strings.TrimSuffix(b, "}") + `,"sign":1}` }},
		"a signature of air":    {unsigned: true, spoil: func(b string) string { return strings.TrimSuffix(b, "}") + `,"sign":"%%%"}` }},
		"one byte more":         {spoil: func(b string) string { return strings.Replace(b, `_response":{`, `_response":{ `, 1) }},
		"another operation's":   {member: "alipay_trade_app_pay_response"},
		"a page of a hotel":     {spoil: func(string) string { return "<html>Welcome. Sign in, please.</html>" }},
		"nothing":               {spoil: func(string) string { return "" }},
	} {
		for _, row := range verdicts {
			if name == "one byte more" && !strings.HasPrefix(row.content, "{") {
				continue
			}
			a := spoiled
			a.content = row.content
			got := operations[row.op](t, newCloud(t, a).wallet())
			if got.Verdict != agent.InDoubt || got.Reason != agent.ReasonUnverified || got.Err == nil {
				t.Errorf("%s: %s %.100s: %v (%s)", name, row.op, row.content, got.Verdict, got.Reason)
			}
		}
	}
}

func TestAnErrorResponseIsReadWhenItIsSigned(t *testing.T) {
	a := newCloud(t, answer{member: "error_response", content: failed("40002", "isv.invalid-signature")}).wallet().Pay(t.Context(), payment(), code)
	if a.Verdict != agent.Refused || a.Reason != agent.ReasonSetup || a.Code != "ISV.INVALID-SIGNATURE" {
		t.Errorf("%v (%s) %s", a.Verdict, a.Reason, a.Code)
	}
	a = newCloud(t, answer{member: "error_response", content: failed("40002", "isv.invalid-app-id"), unsigned: true}).wallet().Pay(t.Context(), payment(), code)
	if a.Verdict != agent.InDoubt || !errors.Is(a.Err, ErrUnsigned) || !strings.Contains(a.Err.Error(), "40002 ISV.INVALID-APP-ID") {
		t.Errorf("%v (%s) %v", a.Verdict, a.Reason, a.Err)
	}
}

// TestAVerifiedAnswerAboutSomethingElseIsInDoubt: a signature says who speaks,
// not about what.
func TestAVerifiedAnswerAboutSomethingElseIsInDoubt(t *testing.T) {
	for name, edit := range map[string]members{
		"another order":      {"out_trade_no": "DEMO0101KDVE6QRC0000000000000002"},
		"one fen more":       {"total_amount": "12.81"},
		"a third decimal":    {"total_amount": "12.801"},
		"a power of ten":     {"total_amount": "1.28e1"},
		"minus":              {"total_amount": "-12.80"},
		"words":              {"total_amount": "twelve"},
		"another currency":   {"trans_currency": "HKD"},
		"no order number":    {"out_trade_no": nil},
		"no amount":          {"total_amount": nil},
		"an object of sums":  {"total_amount": members{"value": "12.80"}},
		"case of the number": {"out_trade_no": strings.ToLower(payment().OrderNo)},
	} {
		for op, status := range map[agent.Operation]any{agent.OpPay: nil, agent.OpQuery: "TRADE_SUCCESS"} {
			a := operations[op](t, newCloud(t, answer{content: traded(status, edit)}).wallet())
			if a.Verdict != agent.InDoubt || a.Reason != agent.ReasonUnverified {
				t.Errorf("%s with %s: %v (%s)", op, name, a.Verdict, a.Reason)
			}
		}
	}
	other := members{"out_trade_no": "DEMO0101KDVE6QRC0000000000000002"}
	for op, contents := range map[agent.Operation][]string{
		agent.OpPay:         {said(members{"code": "10003", "out_trade_no": "X"}), said(members{"code": "40004", "sub_code": "ACQ.BUYER_BALANCE_NOT_ENOUGH", "out_trade_no": "X"})},
		agent.OpQuery:       {traded("TRADE_CLOSED", other), traded("TRADE_CLOSED", members{"out_trade_no": nil}), said(members{"code": "40004", "sub_code": "ACQ.TRADE_NOT_EXIST", "out_trade_no": "X"})},
		agent.OpReverse:     {said(other)},
		agent.OpClose:       {said(other)},
		agent.OpRefund:      {said(members{"fund_change": "Y", "refund_fee": "5.00", "out_trade_no": "X"})},
		agent.OpRefundQuery: {refundDone(other), refundDone(members{"out_request_no": payment().OrderNo + "P2"}), refundDone(members{"refund_amount": "5.01"}), refundDone(members{"total_amount": "12.81"}), refundDone(members{"refund_amount": nil}), refundDone(members{"out_request_no": nil})},
	} {
		for _, content := range contents {
			if a := operations[op](t, newCloud(t, answer{content: content}).wallet()); a.Verdict != agent.InDoubt || a.Reason != agent.ReasonUnverified {
				t.Errorf("%s %s: %v (%s)", op, content, a.Verdict, a.Reason)
			}
		}
	}
}

// TestAShownCodeHasNoOrderUntilItIsScanned: the same answer means "nobody yet"
// while the code can be scanned, and afterwards that nothing ever came of it.
func TestAShownCodeHasNoOrderUntilItIsScanned(t *testing.T) {
	w := newCloud(t, answer{content: failed("40004", "ACQ.TRADE_NOT_EXIST")}).wallet()
	fresh := showing(0)
	fresh.Status.ShownAt = time.Time{}
	for _, row := range []struct {
		name string
		p    agent.Payment
		want agent.Verdict
	}{
		{"just asked for", fresh, agent.Unpaid},
		{"shown", showing(119 * time.Second), agent.Unpaid},
		{"run out", showing(2 * time.Minute), agent.Absent},
		{"the clock was set back", showing(-time.Hour), agent.Absent},
		{"a scanned customer's code", payment(), agent.Absent},
	} {
		if a := w.Query(t.Context(), row.p); a.Verdict != row.want {
			t.Errorf("%s: %v, want %v", row.name, a.Verdict, row.want)
		}
	}
	scanned := newCloud(t, answer{content: traded("WAIT_BUYER_PAY", nil)}).wallet()
	if a := scanned.Query(t.Context(), showing(time.Second)); a.Verdict != agent.Unpaid {
		t.Errorf("scanned and not paid: %v", a.Verdict)
	}
}

func TestAClosedTradeSaysWhetherItWasEverPaid(t *testing.T) {
	for sent, want := range map[any]string{nil: "closed, never paid", "2026-01-01 10:34:56": "paid 2026-01-01 10:34:56 and given back in full"} {
		a := newCloud(t, answer{content: traded("TRADE_CLOSED", members{"send_pay_date": sent})}).wallet().Query(t.Context(), payment())
		if a.Verdict != agent.Ended || a.Text != want || a.Code != "TRADE_CLOSED" {
			t.Errorf("%v %q %s, want %q", a.Verdict, a.Text, a.Code, want)
		}
	}
}

func TestASuccessTellsWhatThePayerPaid(t *testing.T) {
	yuan := agent.PayerSum{Amount: agent.Money{Value: 1270, Currency: "CNY"}}
	for name, row := range map[string]struct {
		edit members
		want agent.PayerSum
	}{
		"at home":                {nil, yuan},
		"from abroad":            {members{"pay_currency": "KRW", "pay_amount": "2510", "trans_pay_rate": "196.0625"}, agent.PayerSum{Amount: agent.Money{Value: 2510, Currency: "KRW"}, Rate: "196.0625"}},
		"an unknown currency":    {members{"pay_currency": "XYZ", "pay_amount": "2510"}, yuan},
		"won with cents of none": {members{"pay_currency": "KRW", "pay_amount": "2510.00"}, agent.PayerSum{Amount: agent.Money{Value: 2510, Currency: "KRW"}}},
		"won with cents":         {members{"pay_currency": "KRW", "pay_amount": "2510.50"}, yuan},
		"nothing is said":        {members{"buyer_pay_amount": nil}, agent.PayerSum{}},
	} {
		a := newCloud(t, answer{content: traded("TRADE_SUCCESS", row.edit)}).wallet().Query(t.Context(), payment())
		if a.Payer != row.want || a.Amount != 1280 || a.Txn != "2026010122001400000001" || a.Code != "TRADE_SUCCESS" {
			t.Errorf("%s: %+v", name, a)
		}
	}
}
