package alipay

import (
	"bytes"
	"encoding/json"
	"testing"

	"tillwire/agent"
)

// FuzzUnwrap feeds whatever a line may bring: what is to be verified are bytes of
// the answer itself, never something made of them, and without a signature there
// is nothing to verify.
func FuzzUnwrap(f *testing.F) {
	for _, body := range []string{
		`{"alipay_trade_query_response":{"code":"10000","a":"\/"},"sign":"c2ln"}`, `{"error_response":{"code":"40002"},"sign":"c2ln","alipay_cert_sn":"x"}`,
		` { "sign":"x" , "alipay_trade_query_response" : [1.0e2, "\u5496"] } `, `{"alipay_trade_query_response":1,"alipay_trade_query_response":{},"sign":"x"}`,
		`{"sign":null,"alipay_trade_query_response":null}`, `<html>`, ``, `[]`, `{"alipay_trade_query_response":{},"sign":{}}`, "{\"alipay_trade_query_response\":\"\xff\",\"sign\":\"x\"}",
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := unwrap("alipay.trade.query", body)
		if err != nil {
			return
		}
		if e.sign == "" || !bytes.Contains(body, e.content) || !json.Valid(e.content) {
			t.Errorf("%q of %q, signed %q", e.content, body, e.sign)
		}
	})
}

// FuzzAnswers feeds signed nonsense to every operation: whatever Alipay's key
// signs, only a content that names our order and amount may end anything.
func FuzzAnswers(f *testing.F) {
	for _, row := range verdicts {
		f.Add([]byte(row.content))
	}
	w := &Wallet{c: Config{CodePrefixes: []string{"https://qr.alipay.com/"}, Clock: &clock{at: now}, Timers: agent.DefaultTimers("alipay")}}
	f.Fuzz(func(t *testing.T, content []byte) {
		p, r := payment(), refundOf(payment())
		answers := map[agent.Operation]agent.Answer{
			agent.OpPay:         read(content, func(x trade) agent.Answer { return readPay(p, x) }),
			agent.OpQuery:       read(content, func(x trade) agent.Answer { return w.readQuery(p, x) }),
			agent.OpPresent:     read(content, func(x shown) agent.Answer { return w.readPresent(p, x) }),
			agent.OpReverse:     read(content, func(x undone) agent.Answer { return x.judge(p, cancelRefusals) }),
			agent.OpRefund:      read(content, func(x refunded) agent.Answer { return x.judge(p, r) }),
			agent.OpRefundQuery: read(content, func(x refundState) agent.Answer { return x.judge(p, r) }),
		}
		var says struct {
			Code   string `json:"code"`
			Order  string `json:"out_trade_no"`
			Refund string `json:"out_request_no"`
			Total  yuan   `json:"total_amount"`
		}
		err := json.Unmarshal(content, &says)
		total, _ := says.Total.minor("CNY")
		for op, a := range answers {
			switch a.Verdict {
			case agent.InDoubt, agent.Awaiting, agent.Unpaid, agent.Absent:
				continue
			}
			if err != nil {
				t.Errorf("%s: %v out of what is no object: %s", op, a.Verdict, content)
			}
			if says.Order != p.OrderNo && (says.Order != "" || says.Code == codeDone) {
				t.Errorf("%s: %v for somebody else's order: %s", op, a.Verdict, content)
			}
			if a.Verdict == agent.Approved && total != p.Amount.Value {
				t.Errorf("%s: approved another amount: %s", op, content)
			}
			if op == agent.OpRefundQuery && a.Verdict == agent.Accepted && says.Refund != r.No {
				t.Errorf("another refund: %s", content)
			}
		}
	})
}

// FuzzBill feeds files that are no bill: none may be read as one with amounts
// that it does not hold.
func FuzzBill(f *testing.F) {
	for _, text := range []string{detail, billHead + "1,A,交易,,,,,,,,,0.01\n", billHead + "1,A,退款,,,,,,,,,-0.01,,,,,,,,,,B\n", "\"\n"} {
		f.Add([]byte(gbk(f, text)))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		lines, listed, err := readBill(bytes.NewReader(text), "alipay")
		if err == nil && len(lines) > 0 && !listed {
			t.Error("trades without a list")
		}
		for _, l := range lines {
			if l.Amount.Value < 0 || l.Kind == "" || (l.Kind == agent.BillRefund) != (l.RefundNo != "") {
				t.Errorf("%+v", l)
			}
		}
	})
}
