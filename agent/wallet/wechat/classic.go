package wechat

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// The calls of API v2 (code payment V2, 2025-08-14). Refunds and shown orders are
// the same in API v3, which every merchant has.
const (
	classicPayPath     = "/pay/micropay"
	classicQueryPath   = "/pay/orderquery"
	classicReversePath = "/secapi/pay/reverse" // only with the merchant's certificate
)

// success is what return_code and result_code say.
const success = "SUCCESS"

// classicTransport reaches the same hosts with the merchant's certificate, which
// the hosts ask for where they need it.
func (c *Config) classicTransport(o wallet.Options) (*wallet.Transport, error) {
	cert, err := c.certificate()
	if err != nil {
		return nil, err
	}
	secured := &tls.Config{}
	if c.TLS != nil {
		secured = c.TLS.Clone()
	}
	secured.Certificates = []tls.Certificate{cert}
	o.TLS, o.Sign, o.RequestID = secured, nil, ""
	return wallet.NewTransport(o)
}

// classicCall is one operation of API v2 before it is signed.
type classicCall struct {
	op   agent.Operation
	path string
	body values
	once bool
	read func(values) agent.Answer // sees verified answers only
}

// doClassic sends a call and believes its answer only if the key signed it.
func (w *Wallet) doClassic(ctx context.Context, c classicCall) agent.Answer {
	c.body["appid"], c.body["mch_id"] = w.c.AppID, w.c.MerchantID
	c.body["sub_appid"], c.body["sub_mch_id"] = w.c.SubAppID, w.c.SubMerchantID
	c.body["sign_type"], c.body["nonce_str"] = w.c.APIv2Sign, rand.Text()
	c.body["sign"] = c.body.sign(w.c.APIv2Key, w.c.APIv2Sign)
	text, err := c.body.encode()
	if err != nil {
		return agent.Answer{Verdict: agent.NotDelivered, Reason: agent.ReasonSetup, Err: err}
	}
	return w.old.Do(ctx, wallet.Call{Op: c.op, Method: http.MethodPost, Target: c.path, Body: text, Once: c.once,
		Header: http.Header{"Content-Type": {"text/xml; charset=utf-8"}, "Accept": {"*/*"}},
		Read: func(r wallet.Reply) agent.Answer {
			v, err := w.believe(r)
			if err != nil {
				return wallet.Unverified(fmt.Errorf("%s: HTTP %d: %w", c.op, r.Status, err))
			}
			return c.read(v)
		}})
}

// believe reads an answer that proves where it comes from. One that fails as a
// message (return_code) is not signed: it says nothing about the order.
func (w *Wallet) believe(r wallet.Reply) (values, error) {
	v, err := decode(r.Body)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrUnsigned, err)
	case v["return_code"] != success:
		return nil, fmt.Errorf("%w: return_code %.32q, %.200q", ErrUnsigned, v["return_code"], v["return_msg"])
	case v["sign"] == "":
		return nil, ErrUnsigned
	case !hmac.Equal([]byte(v["sign"]), []byte(v.sign(w.c.APIv2Key, w.c.APIv2Sign))):
		return nil, ErrSignature
	case v["appid"] != w.c.AppID || v["mch_id"] != w.c.MerchantID || v["sub_mch_id"] != w.c.SubMerchantID:
		return nil, fmt.Errorf("%w: it names another merchant", ErrOtherOrder)
	}
	return v, nil
}

// micropay is Pay over API v2. What it sends depends on the payment and the
// configuration alone, so that a second try means the same order.
func (w *Wallet) micropay(ctx context.Context, p agent.Payment, code agent.PayCode) agent.Answer {
	return wallet.Hide(w.doClassic(ctx, classicCall{op: agent.OpPay, path: classicPayPath, once: true, body: values{
		"out_trade_no": p.OrderNo, "auth_code": code.Reveal(), "body": w.c.Description, "device_info": device(p.Lane),
		"total_fee": strconv.FormatInt(p.Amount.Value, 10), "fee_type": string(p.Amount.Currency), "spbill_create_ip": w.c.TerminalIP,
	}, read: func(v values) agent.Answer {
		if v["result_code"] != success {
			return payRefused(v.failure().judge(payRefusals, true, p.Status.Attempt > 1))
		}
		t, err := w.fromClassic(v)
		if err != nil {
			return wallet.Unverified(err)
		}
		// The answer has no trade_state: it is a success, or it is none of these. One that
		// has it is the answer to a query, whose SUCCESS speaks of the query alone.
		t.State = cmp.Or(t.State, stateSuccess)
		return payVerdict(w.judgeOrder(p, t))
	}}), code)
}

// orderQuery is Query over API v2.
func (w *Wallet) orderQuery(ctx context.Context, p agent.Payment) agent.Answer {
	return w.doClassic(ctx, classicCall{op: agent.OpQuery, path: classicQueryPath, body: values{"out_trade_no": p.OrderNo},
		read: func(v values) agent.Answer {
			if v["result_code"] != success {
				return v.failure().judge(queryRefusals, false, false)
			}
			t, err := w.fromClassic(v)
			if err != nil {
				return wallet.Unverified(err)
			}
			return w.judgeOrder(p, t)
		}})
}

// classicReverse is Reverse over API v2. Its answer names no order; the query
// that always follows does. recall asks to be called again.
func (w *Wallet) classicReverse(ctx context.Context, p agent.Payment) agent.Answer {
	return w.doClassic(ctx, classicCall{op: agent.OpReverse, path: classicReversePath, body: values{"out_trade_no": p.OrderNo},
		read: func(v values) agent.Answer {
			a := agent.Answer{Verdict: agent.Accepted}
			if v["result_code"] != success {
				a = keepAt(v.failure().judge(reverseRefusals, true, false))
			}
			if no := v["out_trade_no"]; no != "" && no != p.OrderNo {
				return wallet.Unverified(fmt.Errorf("%w: out_trade_no is %.64q", ErrOtherOrder, no))
			}
			if v["trade_state"] != "" || v["total_fee"] != "" {
				return wallet.Unverified(fmt.Errorf("%w: it answers another request", ErrOtherOrder))
			}
			if v["recall"] == "Y" && a.Verdict != agent.Refused {
				a.Verdict, a.Reason = agent.InDoubt, agent.ReasonSystem
			}
			return a
		}})
}

// failure is what a call says that did not succeed.
func (v values) failure() failure { return failure{Code: v["err_code"], Message: v["err_code_des"]} }

// fromClassic puts an order of API v2 into the words of API v3.
func (w *Wallet) fromClassic(v values) (transaction, error) {
	t := transaction{OrderNo: v["out_trade_no"], Txn: v["transaction_id"], State: v["trade_state"], Desc: v["trade_state_desc"]}
	if w.c.Mode == ModePartner {
		t.SpAppID, t.SpMchID, t.SubAppID, t.SubMchID = v["appid"], v["mch_id"], v["sub_appid"], v["sub_mch_id"]
	} else {
		t.AppID, t.MchID = v["appid"], v["mch_id"]
	}
	if v["total_fee"] == "" {
		return t, nil
	}
	t.Amount = &amount{Currency: v["fee_type"], PayerCurrency: v["cash_fee_type"]}
	for name, to := range map[string]**int64{"total_fee": &t.Amount.Total, "cash_fee": &t.Amount.PayerTotal} {
		if v[name] == "" {
			continue
		}
		n, err := strconv.ParseInt(v[name], 10, 64)
		if err != nil {
			return t, errors.New(name + " is no number")
		}
		*to = &n
	}
	return t, nil
}
