package network_test

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab/network"
)

// alipayHand writes as the classic gateway does: the content is a member of the body,
// and its signature another.
type alipayHand struct{ key, shop *rsa.PrivateKey }

// alipayMembers are the members that answer a method.
var alipayMembers = map[sandbox.Operation]string{sandbox.OpPay: "alipay_trade_pay_response", sandbox.OpPresent: "alipay_trade_precreate_response",
	sandbox.OpQuery: "alipay_trade_query_response", sandbox.OpReverse: "alipay_trade_cancel_response", sandbox.OpClose: "alipay_trade_close_response",
	sandbox.OpRefund: "alipay_trade_refund_response", sandbox.OpRefundQuery: "alipay_trade_fastpay_refund_query_response"}

func (alipayHand) member(a network.Answer) string { return alipayMembers[a.Request.Operation()] }

func (h alipayHand) content(a network.Answer) []byte {
	var outer map[string]json.RawMessage
	if json.Unmarshal(a.Body, &outer) != nil {
		return nil
	}
	return bytes.Clone(outer[h.member(a)])
}

func (h alipayHand) seal(_ forger, a network.Answer, content []byte) network.Message {
	return h.write(a, content, h.sign(h.key, content))
}

// sign is RSA2.
func (alipayHand) sign(key *rsa.PrivateKey, text []byte) string {
	sum := sha256.Sum256(text)
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	if err != nil {
		panic("a laboratory's key signs: " + err.Error())
	}
	return base64.StdEncoding.EncodeToString(signature)
}

func (h alipayHand) write(a network.Answer, content []byte, sign string) network.Message {
	if a.Status/100 != 2 || a.Status == http.StatusNoContent {
		a.Status = http.StatusOK
	}
	a.Body = fmt.Appendf(nil, `{"%s":%s,"sign":%q}`, h.member(a), content, sign)
	return a.Message()
}

// signature is that of an answer as it came.
func (alipayHand) signature(a network.Answer) string {
	var outer struct {
		Sign string `json:"sign"`
	}
	_ = json.Unmarshal(a.Body, &outer) // what has none has none
	return outer.Sign
}

func (h alipayHand) brokenSignatures() []lie {
	resign := func(sign func(forger, network.Answer) string) func(forger, network.Answer) network.Message {
		return func(f forger, a network.Answer) network.Message { return h.write(a, h.content(a), sign(f, a)) }
	}
	retell := func(edit func(content []byte) []byte) func(forger, network.Answer) network.Message {
		return func(_ forger, a network.Answer) network.Message {
			return h.write(a, edit(h.content(a)), h.signature(a))
		}
	}
	return []lie{
		{"one bit of the signature", true, resign(func(f forger, a network.Answer) string { return f.flipped(h.signature(a)) })},
		{"no base64 in the signature", true, resign(func(forger, network.Answer) string { return "!!!!" })},
		{"an empty signature", true, resign(func(forger, network.Answer) string { return "" })},
		{"signed with the shop's own key", true, resign(func(_ forger, a network.Answer) string { return h.sign(h.shop, h.content(a)) })},
		{"the signature of the whole body", true, resign(func(_ forger, a network.Answer) string { return h.sign(h.key, a.Body) })},
		{"the signature of nothing", true, resign(func(forger, network.Answer) string { return h.sign(h.key, nil) })},
		{"no signature", true, func(_ forger, a network.Answer) network.Message {
			a.Body = fmt.Appendf(nil, `{"%s":%s}`, h.member(a), h.content(a))
			return a.Message()
		}},
		{"a signature that is no text", true, func(_ forger, a network.Answer) network.Message {
			a.Body = fmt.Appendf(nil, `{"%s":%s,"sign":17}`, h.member(a), h.content(a))
			return a.Message()
		}},
		{"a space in the content", true, retell(func(content []byte) []byte { return bytes.Replace(content, []byte(":"), []byte(": "), 1) })},
		{"one digit of the content", true, func(f forger, a network.Answer) network.Message {
			content := h.content(a)
			if at := bytes.IndexAny(content, "0123456789"); at >= 0 {
				content[at] = '0' + (content[at]-'0'+1)%10
			}
			return h.write(a, content, h.signature(a))
		}},
		{"the content of another method", true, func(_ forger, a network.Answer) network.Message {
			a.Body = fmt.Appendf(nil, `{"alipay_trade_create_response":%s,"sign":%q}`, h.content(a), h.signature(a))
			return a.Message()
		}},
		{"a second content behind the first", true, func(_ forger, a network.Answer) network.Message {
			a.Body = fmt.Appendf(nil, `{"%[1]s":%[2]s,"sign":%[3]q,"%[1]s":%[4]s}`, h.member(a), h.content(a), h.signature(a), strings.ReplaceAll(alipaySuccess("TRADE_SUCCESS"), "ORDER", a.Request.OrderNo()))
			return a.Message()
		}},
	}
}

func (alipayHand) wrongContents() []lie {
	more := func(member string) func(forger, map[string]any) {
		return func(_ forger, o map[string]any) {
			if text, ok := o[member].(string); ok && len(text) > 0 {
				o[member] = text[:len(text)-1] + string('0'+(text[len(text)-1]-'0'+1)%10)
			}
		}
	}
	always := func(member string, value any) func(forger, map[string]any) {
		return func(_ forger, o map[string]any) { o[member] = value }
	}
	return append(nothings(), []lie{
		{"another sum", true, change(more("total_amount"))},
		{"another sum back", true, change(more("refund_fee"))},
		{"another sum of one refund", true, change(more("refund_amount"))},
		{"nothing paid", true, change(set("total_amount", "0.00"))},
		{"nothing back", true, change(set("refund_fee", "0.00"))},
		{"a sum with three places", true, change(set("total_amount", "12.801"))},
		{"a sum that is no number", true, change(set("total_amount", "twelve"))},
		{"a sum that is below nothing", true, change(set("total_amount", "-12.80"))},
		{"another currency", true, change(always("trans_currency", "USD"))},
		{"another order", true, change(set("out_trade_no", "LAB00101ARZ3NDEKTSV4RRFFQ69G5FAV"))},
		{"another refund", true, change(set("out_request_no", "LAB00101ARZ3NDEKTSV4RRFFQ69G5FAVP1"))},
		{"no order", true, change(drop("out_trade_no"))},
		{"no sum", true, change(func(_ forger, o map[string]any) {
			if o["trade_status"] != "WAIT_BUYER_PAY" {
				delete(o, "total_amount")
			}
		})},
		{"no sum back", true, change(drop("refund_fee"))},
		{"a state that nobody knows", true, change(set("trade_status", "PONDERING"))},
		{"no state", true, change(drop("trade_status"))},
		{"a refund state that nobody knows", true, change(set("refund_status", "PONDERING"))},
		{"a code that nobody knows", true, change(always("code", "10001"))},
		{"a code that is a number", true, change(always("code", 10000))},
		{"no code", true, change(drop("code"))},
		{"it must be tried again", true, change(set("retry_flag", "Y"))},
		{"somebody else's QR code", true, change(set("qr_code", "https://pay.example/bax1"))},
		{"half an object, signed", true, func(f forger, a network.Answer) network.Message {
			content := f.content(a)
			return f.seal(f, a, append(content[:len(content)/2], '{'))
		}},
		{"no JSON, signed", true, body("SUCCESS")},
	}...)
}

// alipaySuccess is a content that names the order and claims a state.
func alipaySuccess(state string) string {
	return fmt.Sprintf(`{"code":"10000","msg":"Success","out_trade_no":"ORDER","out_request_no":"ORDERP1","trade_status":%q,"total_amount":"0.01","refund_fee":"0.01","refund_amount":"0.01","fund_change":"Y","refund_status":"REFUND_SUCCESS","retry_flag":"N","action":"close"}`, state)
}

// alipayFailure is a content with a code and a sub-code.
func alipayFailure(code, sub string) string {
	return fmt.Sprintf(`{"code":%q,"msg":"Failed","sub_code":%q,"sub_msg":"try again later"}`, code, sub)
}

// claims are also the gateway's own words for not knowing, with its signature.
func (h alipayHand) claims() (list []lie) {
	for _, c := range []struct{ name, content string }{
		{"a success", alipaySuccess("TRADE_SUCCESS")}, {"an end", alipaySuccess("TRADE_CLOSED")},
		{"a refusal", alipayFailure("40004", "ACQ.BUYER_BALANCE_NOT_ENOUGH")}, {"a dead order", alipayFailure("40004", "ACQ.TRADE_HAS_CLOSE")},
		{"no order", alipayFailure("40004", "ACQ.TRADE_NOT_EXIST")}, {"a wrong signature", alipayFailure("40002", "isv.invalid-signature")},
	} {
		// The order that the request is about.
		content := func(a network.Answer) string { return strings.ReplaceAll(c.content, "ORDER", a.Request.OrderNo()) }
		list = append(list, lie{c.name + " that nobody signed", false, func(_ forger, a network.Answer) network.Message {
			a.Body = fmt.Appendf(nil, `{"%s":%s}`, h.member(a), content(a))
			return a.Message()
		}}, lie{c.name + " with somebody's signature", false, func(_ forger, a network.Answer) network.Message {
			return h.write(a, []byte(content(a)), h.sign(h.shop, []byte(content(a))))
		}}, lie{c.name + " as an error of the gateway's", false, func(_ forger, a network.Answer) network.Message {
			a.Body = fmt.Appendf(nil, `{"error_response":%s}`, content(a))
			return a.Message()
		}})
	}
	for _, says := range [][2]string{{"20000", "isp.unknow-error"}, {"20000", "aop.unknow-error"}, {"40004", "ACQ.SYSTEM_ERROR"}, {"40005", "isv.app-call-limited"}} {
		list = append(list, lie{says[0] + " " + says[1] + ", signed", false, body(alipayFailure(says[0], says[1]))})
	}
	return list
}
