package gateway

import (
	"net/http"
	"strings"
	"testing"

	"tillwire/agent"
)

// operations call each method of the wallet on the test's payment.
var operations = map[agent.Operation]func(*testing.T, full) agent.Answer{
	agent.OpPay:     func(t *testing.T, w full) agent.Answer { return w.Pay(t.Context(), sold(), code) },
	agent.OpPresent: func(t *testing.T, w full) agent.Answer { return w.Present(t.Context(), sold()) },
	agent.OpQuery:   func(t *testing.T, w full) agent.Answer { return w.Query(t.Context(), sold()) },
	agent.OpReverse: func(t *testing.T, w full) agent.Answer { return w.Reverse(t.Context(), sold()) },
	agent.OpClose:   func(t *testing.T, w full) agent.Answer { return w.Close(t.Context(), sold()) },
	agent.OpRefund:  func(t *testing.T, w full) agent.Answer { return w.Refund(t.Context(), sold(), refundOf(sold())) },
	agent.OpRefundQuery: func(t *testing.T, w full) agent.Answer {
		return w.QueryRefund(t.Context(), sold(), refundOf(sold()))
	},
}

// verdicts is what each verified answer means, operation by operation.
var verdicts = []struct {
	op      agent.Operation
	status  int
	body    string
	verdict agent.Verdict
	reason  agent.Reason
}{
	{agent.OpPay, 200, order("paid", nil), agent.Approved, ""},
	{agent.OpPay, 200, order("awaiting", nil), agent.Awaiting, ""},
	{agent.OpPay, 200, order("pending", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, 200, order("unpaid", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, 200, order("closed", nil), agent.Refused, agent.ReasonDeadOrder},
	{agent.OpPay, 200, order("reversed", nil), agent.Refused, agent.ReasonDeadOrder},
	{agent.OpPay, 200, order("refused", map[string]any{"reason": "not_enough"}), agent.Refused, agent.ReasonNotEnough},
	{agent.OpPay, 200, order("refused", map[string]any{"reason": "code_used"}), agent.Refused, agent.ReasonCodeUsed},
	{agent.OpPay, 200, order("refused", map[string]any{"reason": "moon"}), agent.Refused, agent.ReasonWalletRefused},
	{agent.OpPay, 200, order("PAID", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, 200, `{}`, agent.InDoubt, agent.ReasonUnverified},
	{agent.OpPay, 200, `[]`, agent.InDoubt, agent.ReasonUnverified},
	{agent.OpPay, 200, ``, agent.InDoubt, agent.ReasonUnverified},
	{agent.OpPay, 202, order("paid", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, 409, failed("order_reversed"), agent.Refused, agent.ReasonDeadOrder},
	{agent.OpPay, 409, failed("order_closed"), agent.Refused, agent.ReasonDeadOrder},
	{agent.OpPay, 409, failed("in_progress"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, 409, failed("number_reused"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, 401, failed("nonce_reused"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, 401, failed("clock_skew"), agent.Refused, agent.ReasonSetup},
	{agent.OpPay, 403, failed("brand_not_enabled"), agent.Refused, agent.ReasonSetup},
	{agent.OpPay, 422, failed("amount_out_of_range"), agent.Refused, agent.ReasonOverLimit},
	{agent.OpPay, 404, failed("order_not_found"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, 503, failed("order_reversed"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPay, 500, failed("unavailable"), agent.InDoubt, agent.ReasonSystem},

	{agent.OpQuery, 200, order("paid", map[string]any{"refunded": 500}), agent.Approved, ""},
	{agent.OpQuery, 200, order("unpaid", nil), agent.Unpaid, ""},
	{agent.OpQuery, 200, order("awaiting", nil), agent.Awaiting, ""},
	{agent.OpQuery, 200, order("pending", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpQuery, 200, order("closed", nil), agent.Ended, agent.ReasonDeadOrder},
	{agent.OpQuery, 200, order("reversed", map[string]any{"amount": nil, "mode": nil}), agent.Ended, agent.ReasonDeadOrder},
	{agent.OpQuery, 200, order("refused", map[string]any{"reason": "declined"}), agent.Refused, agent.ReasonNotConfirmed},
	{agent.OpQuery, 404, failed("order_not_found"), agent.Absent, ""},
	{agent.OpQuery, 404, failed("refund_not_found"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpQuery, 500, failed("order_not_found"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpQuery, 401, failed("key_unknown"), agent.InDoubt, agent.ReasonSetup},

	{agent.OpPresent, 200, order("unpaid", map[string]any{"qr": promptPay}), agent.Shown, ""},
	{agent.OpPresent, 200, order("unpaid", nil), agent.InDoubt, agent.ReasonShownElse},
	{agent.OpPresent, 200, order("paid", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPresent, 200, order("closed", nil), agent.Refused, agent.ReasonDeadOrder},
	{agent.OpPresent, 409, failed("order_paid"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpPresent, 409, failed("order_closed"), agent.Refused, agent.ReasonDeadOrder},
	{agent.OpPresent, 403, failed("mode_not_enabled"), agent.Refused, agent.ReasonSetup},

	{agent.OpReverse, 200, order("reversed", nil), agent.Accepted, ""},
	{agent.OpReverse, 200, order("reversed", map[string]any{"amount": nil, "mode": nil}), agent.Accepted, ""},
	{agent.OpReverse, 200, order("paid", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpReverse, 200, order("closed", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpReverse, 422, failed("reverse_window_over"), agent.Refused, agent.ReasonTooLate},
	{agent.OpReverse, 409, failed("state_forbids"), agent.Refused, agent.ReasonTooLate},
	{agent.OpReverse, 409, failed("wrong_mode"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpReverse, 409, failed("in_progress"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpReverse, 403, failed("merchant_unknown"), agent.InDoubt, agent.ReasonSetup},

	{agent.OpClose, 200, order("closed", nil), agent.Accepted, ""},
	{agent.OpClose, 200, order("unpaid", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpClose, 409, failed("order_paid"), agent.Refused, agent.ReasonTooLate},
	{agent.OpClose, 401, failed("signature_invalid"), agent.InDoubt, agent.ReasonSetup},

	{agent.OpRefund, 200, refundBodyOf("done", nil), agent.Accepted, ""},
	{agent.OpRefund, 200, refundBodyOf("processing", nil), agent.Processing, ""},
	{agent.OpRefund, 200, refundBodyOf("failed", map[string]any{"reason": "payer_blocked"}), agent.Refused, agent.ReasonPayerBlocked},
	{agent.OpRefund, 200, refundBodyOf("new", nil), agent.InDoubt, agent.ReasonSystem},
	{agent.OpRefund, 422, failed("shop_balance"), agent.Refused, agent.ReasonShopBalance},
	{agent.OpRefund, 403, failed("merchant_unknown"), agent.Refused, agent.ReasonSetup},
	{agent.OpRefund, 409, failed("number_reused"), agent.InDoubt, agent.ReasonSystem},
	{agent.OpRefundQuery, 200, refundBodyOf("done", nil), agent.Accepted, ""},
	{agent.OpRefundQuery, 200, refundBodyOf("processing", nil), agent.Processing, ""},
	{agent.OpRefundQuery, 404, failed("refund_not_found"), agent.Absent, ""},
	{agent.OpRefundQuery, 404, failed("order_not_found"), agent.InDoubt, agent.ReasonSystem},
}

func TestWhatEachVerifiedAnswerMeans(t *testing.T) {
	for _, row := range verdicts {
		a := operations[row.op](t, newCloud(t, answer{status: row.status, body: row.body}).wallet())
		if a.Verdict != row.verdict || a.Reason != row.reason {
			t.Errorf("%s %d %.120s: %v (%s) %v, want %v (%s)", row.op, row.status, row.body, a.Verdict, a.Reason, a.Err, row.verdict, row.reason)
		}
	}
}

// TestNothingUnverifiedIsBelieved spoils the signature of every answer of the
// table above, good and bad ones, and expects doubt each time.
func TestNothingUnverifiedIsBelieved(t *testing.T) {
	all := []string{`"@status"`, `"content-digest"`, `"content-type"`, `"signature";req;key="tillwire"`}
	without := func(i int) answerForm {
		return answerForm{cover: append(append([]string{}, all[:i]...), all[i+1:]...)}
	}
	spoilers := map[string]answer{
		"unsigned":                   {spoil: func(h http.Header, b string) string { h.Del("Signature"); return b }},
		"without input":              {spoil: func(h http.Header, b string) string { h.Del("Signature-Input"); return b }},
		"another body":               {spoil: func(_ http.Header, b string) string { return b + " " }},
		"without a digest":           {spoil: func(h http.Header, b string) string { h.Del("Content-Digest"); return b }},
		"another label":              {spoil: func(h http.Header, b string) string { relabel(h, "tillwire", "other"); return b }},
		"two of our label":           {spoil: func(h http.Header, b string) string { h.Add("Signature", h.Get("Signature")); return b }},
		"a cut signature":            {spoil: func(h http.Header, b string) string { h.Set("Signature", h.Get("Signature")[:30]+":"); return b }},
		"of another request":         {form: answerForm{values: map[string]string{all[3]: ":AAAA:"}}},
		"a status that was raised":   {form: answerForm{values: map[string]string{all[0]: "599"}}},
		"an unknown key":             {form: answerForm{keyID: "acquirer-2"}},
		"another tag":                {form: answerForm{params: `;created=1;keyid="acquirer-1";tag="other"`}},
		"without a time":             {form: answerForm{params: `;keyid="acquirer-1";tag="tillwire"`}},
		"status not covered":         {form: without(0)},
		"digest not covered":         {form: without(1)},
		"type not covered":           {form: without(2)},
		"request not covered":        {form: without(3)},
		"its own signature for ours": {form: answerForm{cover: []string{all[0], all[1], all[2], `"signature"`}}},
		"another label's signature":  {form: answerForm{cover: []string{all[0], all[1], all[2], `"signature";req;key="other"`}}},
		"a field that is not there":  {form: answerForm{cover: append(append([]string{}, all...), `"date-of-birth"`)}},
		"a component of its own":     {form: answerForm{cover: append(append([]string{}, all...), `"@moon"`)}},
		"one component twice":        {form: answerForm{cover: append(append([]string{}, all...), `"@status"`)}},
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

func relabel(h http.Header, from, to string) {
	for _, name := range []string{"Signature", "Signature-Input"} {
		h.Set(name, to+strings.TrimPrefix(h.Get(name), from))
	}
}

// TestMoreThanTheLeastMayBeCovered: gateways sign their dates and numbers too.
func TestMoreThanTheLeastMayBeCovered(t *testing.T) {
	a := answer{status: 200, body: order("paid", nil), form: answerForm{
		cover:  []string{`"content-length"`, `"content-type"`, `"@status"`, `"signature";req;key="tillwire"`, `"content-digest"`},
		params: `;keyid="acquirer-1";alg="ed25519";tag="tillwire";created=1767234896`}}
	a.form.values = map[string]string{`"content-length"`: "0"}
	a.spoil = func(h http.Header, b string) string {
		h.Set("Signature", "other=:AA==:, "+h.Get("Signature"))
		h.Set("Signature-Input", `other=("@status" "a,b");created=1, `+h.Get("Signature-Input"))
		return b
	}
	w := newCloud(t, a).wallet()
	if got := w.Query(t.Context(), sold()); got.Verdict != agent.InDoubt {
		t.Errorf("a false Content-Length was believed: %v", got.Verdict)
	}
	a.form.values = map[string]string{`"content-length"`: length(a.body)}
	if got := newCloud(t, a).wallet().Query(t.Context(), sold()); got.Verdict != agent.Approved {
		t.Errorf("%v (%v)", got.Verdict, got.Err)
	}
}

// TestAVerifiedAnswerAboutSomethingElseIsInDoubt: a signature says who speaks,
// not about what.
func TestAVerifiedAnswerAboutSomethingElseIsInDoubt(t *testing.T) {
	amount := func(value any, currency string) map[string]any {
		return map[string]any{"amount": map[string]any{"value": value, "currency": currency}}
	}
	for name, edit := range map[string]map[string]any{
		"another order":    {"order_no": "DEMO0101KDVE6QRC0000000000000002"},
		"no order":         {"order_no": nil},
		"another merchant": {"merchant": "M101"},
		"another brand":    {"brand": "pix"},
		"one satang more":  amount(2016, "THB"),
		"a text":           amount("2015", "THB"),
		"another currency": amount(2015, "SGD"),
		"no amount":        {"amount": nil},
	} {
		for _, op := range []agent.Operation{agent.OpPay, agent.OpQuery, agent.OpPresent} {
			a := operations[op](t, newCloud(t, answer{status: 200, body: order("paid", edit)}).wallet())
			if a.Verdict != agent.InDoubt || a.Reason != agent.ReasonUnverified {
				t.Errorf("%s with %s: %v (%s)", op, name, a.Verdict, a.Reason)
			}
		}
		if name == "no amount" {
			continue
		}
		a := newCloud(t, answer{status: 200, body: order("reversed", edit)}).wallet().Reverse(t.Context(), sold())
		if a.Verdict != agent.InDoubt {
			t.Errorf("reverse with %s: %v", name, a.Verdict)
		}
	}
	for name, edit := range map[string]map[string]any{
		"another order": {"order_no": "DEMO0101KDVE6QRC0000000000000002"}, "another refund": {"refund_no": sold().OrderNo + "P2"},
		"another sum": amount(501, "THB"), "another currency": amount(500, "SGD"), "no sum": {"amount": nil}, "another brand": {"brand": "pix"},
	} {
		for _, op := range []agent.Operation{agent.OpRefund, agent.OpRefundQuery} {
			a := operations[op](t, newCloud(t, answer{status: 200, body: refundBodyOf("done", edit)}).wallet())
			if a.Verdict != agent.InDoubt || a.Reason != agent.ReasonUnverified {
				t.Errorf("%s with %s: %v (%s)", op, name, a.Verdict, a.Reason)
			}
		}
	}
}

// TestASecondTryIsNotRefusedForTheSetup: the first may have been executed before
// the keys were changed.
func TestASecondTryIsNotRefusedForTheSetup(t *testing.T) {
	p := sold()
	p.Status.Attempt = 2
	w := newCloud(t, answer{status: 401, body: failed("key_unknown")}).wallet()
	if a := w.Pay(t.Context(), p, code); a.Verdict != agent.InDoubt || a.Reason != agent.ReasonSetup {
		t.Errorf("pay: %v (%s)", a.Verdict, a.Reason)
	}
}

// TestARefusedRefundIsAskedAbout: only when the gateway does not know its number
// is it refused.
func TestARefusedRefundIsAskedAbout(t *testing.T) {
	refused := answer{status: 422, body: failed("refund_exceeds")}
	for name, row := range map[string]struct {
		then answer
		want agent.Verdict
	}{
		"unknown": {answer{status: 404, body: failed("refund_not_found")}, agent.Refused},
		"made":    {answer{status: 200, body: refundBodyOf("done", nil)}, agent.Accepted},
		"silent":  {answer{status: 500, body: failed("unavailable")}, agent.InDoubt},
	} {
		c := newCloud(t, refused, row.then)
		if a := c.wallet().Refund(t.Context(), sold(), refundOf(sold())); a.Verdict != row.want {
			t.Errorf("%s: %v (%v), want %v", name, a.Verdict, a.Err, row.want)
		}
		if n := len(c.requests()); n != 2 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

func TestASuccessTellsWhatThePayerPaid(t *testing.T) {
	payer := map[string]any{"amount": map[string]any{"value": 422, "currency": "CNY"}, "rate": "1 THB = 0.2094 CNY"}
	a := newCloud(t, answer{status: 200, body: order("paid", map[string]any{"payer": payer})}).wallet().Query(t.Context(), sold())
	want := agent.PayerSum{Amount: agent.Money{Value: 422, Currency: "CNY"}, Rate: "1 THB = 0.2094 CNY"}
	if a.Payer != want || a.Amount != 2015 || a.Txn != "GW42" || a.Code != "paid" {
		t.Errorf("%+v", a)
	}
	for _, odd := range []any{map[string]any{"rate": "1"}, map[string]any{"amount": map[string]any{"value": 1, "currency": "XYZ"}}, nil} {
		a := newCloud(t, answer{status: 200, body: order("paid", map[string]any{"payer": odd})}).wallet().Query(t.Context(), sold())
		if a.Verdict != agent.Approved || a.Payer != (agent.PayerSum{}) {
			t.Errorf("payer %v: %v %+v", odd, a.Verdict, a.Payer)
		}
	}
}

// TestAMessageThatQuotesTheCode keeps it out of logs and journals.
func TestAMessageThatQuotesTheCode(t *testing.T) {
	body := order("refused", map[string]any{"reason": "code_invalid", "message": "no such code " + code.Reveal()})
	a := newCloud(t, answer{status: 200, body: body}).wallet().Pay(t.Context(), sold(), code)
	if strings.Contains(a.Text, code.Reveal()) || !strings.Contains(a.Text, "no such code") {
		t.Errorf("the text is %q", a.Text)
	}
	// An EMV code is longer than what is kept of a message.
	long := agent.NewPayCode("hQVDUFYwMWETTwegAAAAVVVVUAhQcm9kdWN0MWETTwegAAAAZmZm" + strings.Repeat("QIUHJvZHVjdDJi", 20))
	body = order("refused", map[string]any{"reason": "code_invalid", "message": "no such code " + long.Reveal()})
	a = newCloud(t, answer{status: 200, body: body}).wallet().Pay(t.Context(), sold(), long)
	if want := "no such code " + long.String(); a.Text != want {
		t.Errorf("the text is %q, want %q", a.Text, want)
	}
}
