package network_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"tillwire/cmd/tillcloud/lab/network"
)

// wechatHand writes as WeChat Pay v3 does: the body is the content, the signature
// stands in the headers.
type wechatHand struct {
	key    *rsa.PrivateKey
	serial string
}

func (wechatHand) content(a network.Answer) []byte { return a.Body }

func (h wechatHand) seal(f forger, a network.Answer, content []byte) network.Message {
	a.Body = content
	return h.sign(f, a, 0)
}

// sign puts a signature that holds on whatever the answer says (WeChat Pay v3).
func (h wechatHand) sign(f forger, a network.Answer, age time.Duration) network.Message {
	stamp, nonce := strconv.FormatInt(f.clock.Now().Add(-age).Unix(), 10), fmt.Sprintf("%032x", f.dice.Uint64())
	sum := sha256.Sum256([]byte(stamp + "\n" + nonce + "\n" + string(a.Body) + "\n"))
	signature, err := rsa.SignPKCS1v15(nil, h.key, crypto.SHA256, sum[:])
	if err != nil {
		panic("a laboratory's key signs: " + err.Error())
	}
	for name, value := range map[string]string{"Wechatpay-Timestamp": stamp, "Wechatpay-Nonce": nonce, "Wechatpay-Serial": h.serial,
		"Wechatpay-Signature": base64.StdEncoding.EncodeToString(signature), "Content-Type": "application/json; charset=utf-8"} {
		a.Header.Set(name, value)
	}
	return a.Message()
}

func (h wechatHand) brokenSignatures() []lie {
	return []lie{
		{"one bit of the signature", true, func(f forger, a network.Answer) network.Message {
			return header("Wechatpay-Signature", f.flipped(a.Header.Get("Wechatpay-Signature")))(f, a)
		}},
		{"no base64 in the signature", true, header("Wechatpay-Signature", "!!!!")},
		{"the signature of a test", true, func(f forger, a network.Answer) network.Message {
			return header("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+a.Header.Get("Wechatpay-Signature"))(f, a)
		}},
		{"no signature", true, func(f forger, a network.Answer) network.Message {
			a.Header.Del("Wechatpay-Signature")
			return a.Message()
		}},
		{"another time than was signed", true, header("Wechatpay-Timestamp", "1700000000")},
		{"a time that is no number", true, header("Wechatpay-Timestamp", "yesterday")},
		{"another nonce than was signed", true, header("Wechatpay-Nonce", "0")},
		{"an unknown key", true, header("Wechatpay-Serial", "PUB_KEY_ID_0000000000000000000000000000")},
		{"another scheme", true, header("Wechatpay-Signature-Type", "WECHATPAY2-SM2-WITH-SM3")},
		{"one byte of the body", true, func(f forger, a network.Answer) network.Message {
			if len(a.Body) > 0 {
				a.Body[f.dice.IntN(len(a.Body))] ^= 1
			} else {
				a.Status, a.Body = http.StatusOK, []byte(" ")
			}
			return a.Message()
		}},
		{"a space behind the body", true, func(_ forger, a network.Answer) network.Message {
			a.Status, a.Body = http.StatusOK, append(a.Body, ' ')
			return a.Message()
		}},
		{"signed six minutes ago", true, func(f forger, a network.Answer) network.Message { return h.sign(f, a, 6*time.Minute) }},
		{"signed in six minutes", true, func(f forger, a network.Answer) network.Message { return h.sign(f, a, -6*time.Minute) }},
	}
}

// sum changes an amount, if the answer states one.
func sum(member string, to func(int64) int64) func(forger, map[string]any) {
	return func(_ forger, o map[string]any) {
		if amount, ok := o["amount"].(map[string]any); ok {
			if n, ok := amount[member].(json.Number); ok {
				v, err := n.Int64()
				if err == nil {
					amount[member] = to(v)
				}
			}
		}
	}
}

func (wechatHand) wrongContents() []lie {
	more := func(n int64) int64 { return n + 1 }
	none := func(int64) int64 { return 0 }
	return append(nothings(), []lie{
		{"one fen more", true, change(sum("total", more))},
		{"one fen more back", true, change(sum("refund", more))},
		{"nothing paid", true, change(sum("total", none))},
		{"nothing back", true, change(sum("refund", none))},
		{"another currency", true, change(func(_ forger, o map[string]any) {
			if amount, ok := o["amount"].(map[string]any); ok {
				amount["currency"] = "USD"
			}
		})},
		{"no amount", true, change(func(_ forger, o map[string]any) {
			if o["trade_state"] == "SUCCESS" || o["out_refund_no"] != nil {
				delete(o, "amount")
			}
		})},
		{"another order", true, change(set("out_trade_no", "LAB00101ARZ3NDEKTSV4RRFFQ69G5FAV"))},
		{"another refund", true, change(set("out_refund_no", "LAB00101ARZ3NDEKTSV4RRFFQ69G5FAVP1"))},
		{"another merchant", true, change(set("mchid", "1900000109"))},
		{"another application", true, change(set("appid", "wx8888888888888888"))},
		{"no order", true, change(func(_ forger, o map[string]any) {
			if o["trade_state"] != nil || o["out_refund_no"] != nil {
				delete(o, "out_trade_no")
			}
		})},
		{"a state that nobody knows", true, change(set("trade_state", "PONDERING"))},
		{"a refund state that nobody knows", true, change(set("status", "PONDERING"))},
		{"numbers as text", true, change(func(_ forger, o map[string]any) {
			if amount, ok := o["amount"].(map[string]any); ok {
				amount["total"] = "12"
			}
		})},
		{"garbage", true, body("\x00\x01\x02 SUCCESS")},
		{"half an object, signed", true, func(f forger, a network.Answer) network.Message {
			return body(string(a.Body[:len(a.Body)/2])+"{")(f, a)
		}},
	}...)
}

// signedSaid is an error that the cloud itself reports and that says nothing about the
// payment.
func signedSaid(status int, code string) func(forger, network.Answer) network.Message {
	return func(f forger, a network.Answer) network.Message {
		a.Status, a.Header, a.Body = status, http.Header{}, []byte(`{"code":"`+code+`","message":"try again later"}`)
		return f.seal(f, a, a.Body)
	}
}

// claim is a success or an end that anybody on the way could write.
func claim(state string) func(forger, network.Answer) network.Message {
	return func(f forger, a network.Answer) network.Message {
		text := fmt.Sprintf(`{"appid":"wxd678efh567hg6787","mchid":"1230000109","out_trade_no":%q,"out_refund_no":%q,"trade_state":%q,"status":"SUCCESS","amount":{"total":1,"refund":1,"currency":"CNY"}}`,
			a.Request.OrderNo(), a.Request.OrderNo()+"P1", state)
		return said(http.StatusOK, "application/json", text)(f, a)
	}
}

func (wechatHand) claims() []lie {
	const text = "application/json"
	return []lie{
		{"a success that nobody signed", false, claim("SUCCESS")},
		{"an end that nobody signed", false, claim("REVOKED")},
		{"a closed order that nobody signed", false, claim("CLOSED")},
		{"a failure that nobody signed", false, claim("PAYERROR")},
		{"a refusal that nobody signed", false, said(403, text, `{"code":"NOT_ENOUGH","message":"the balance is too low"}`)},
		{"a dead order that nobody signed", false, said(400, text, `{"code":"ORDER_CLOSED","message":"the order is closed"}`)},
		{"no order that nobody signed", false, said(404, text, `{"code":"ORDER_NOT_EXIST","message":"no such order"}`)},
		{"no refund that nobody signed", false, said(404, text, `{"code":"RESOURCE_NOT_EXISTS","message":"no such refund"}`)},
		{"409 that is signed", false, signedSaid(409, "IN_PROGRESS")},
		{"429 that is signed", false, signedSaid(429, "FREQUENCY_LIMITED")},
		{"500 that is signed", false, signedSaid(500, "SYSTEM_ERROR")},
		{"503 that is signed", false, signedSaid(503, "BACK_SOON")},
		{"404 that is signed", false, signedSaid(404, "NOT_FOUND")},
	}
}
