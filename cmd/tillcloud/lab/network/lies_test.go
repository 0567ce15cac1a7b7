package network_test

import (
	"bytes"
	"compress/gzip"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/lab/network"
)

// forger writes answers that the cloud never gave, some of them with its own key: the
// campaign owns both ends.
type forger struct {
	key    *rsa.PrivateKey
	serial string
	clock  agent.Clock
	dice   lab.Dice
}

// sign puts a signature that holds on whatever the answer says (WeChat Pay v3).
func (f forger) sign(a network.Answer, age time.Duration) network.Message {
	stamp, nonce := strconv.FormatInt(f.clock.Now().Add(-age).Unix(), 10), fmt.Sprintf("%032x", f.dice.Uint64())
	sum := sha256.Sum256([]byte(stamp + "\n" + nonce + "\n" + string(a.Body) + "\n"))
	signature, err := rsa.SignPKCS1v15(nil, f.key, crypto.SHA256, sum[:])
	if err != nil {
		panic("a laboratory's key signs: " + err.Error())
	}
	for name, value := range map[string]string{"Wechatpay-Timestamp": stamp, "Wechatpay-Nonce": nonce, "Wechatpay-Serial": f.serial,
		"Wechatpay-Signature": base64.StdEncoding.EncodeToString(signature), "Content-Type": "application/json; charset=utf-8"} {
		a.Header.Set(name, value)
	}
	return a.Message()
}

// lie is one kind of wrong answer. Those that keep the true content, and those that
// claim something with a signature that holds, need the request executed: a cloud
// that signs what is not so is nobody's to survive.
type lie struct {
	name     string
	executed bool
	tell     func(forger, network.Answer) network.Message
}

// lies are the wrong answers of C5.
func lies() []lie {
	list := append(brokenSignatures(), wrongContents()...)
	list = append(list, foreignAnswers()...)
	return append(list, brokenHTTP()...)
}

func header(name, value string) func(forger, network.Answer) network.Message {
	return func(_ forger, a network.Answer) network.Message {
		a.Header.Set(name, value)
		return a.Message()
	}
}

// brokenSignatures tell the truth under a signature that does not hold.
func brokenSignatures() []lie {
	return []lie{
		{"one bit of the signature", true, func(f forger, a network.Answer) network.Message {
			raw, err := base64.StdEncoding.DecodeString(a.Header.Get("Wechatpay-Signature"))
			if err == nil && len(raw) > 0 {
				raw[f.dice.IntN(len(raw))] ^= 1 << f.dice.IntN(8)
			}
			return header("Wechatpay-Signature", base64.StdEncoding.EncodeToString(raw))(f, a)
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
		{"signed six minutes ago", true, func(f forger, a network.Answer) network.Message { return f.sign(a, 6*time.Minute) }},
		{"signed in six minutes", true, func(f forger, a network.Answer) network.Message { return f.sign(a, -6*time.Minute) }},
	}
}

// change signs the answer anew with other members. What is no object stays.
func change(edit func(forger, map[string]any)) func(forger, network.Answer) network.Message {
	return func(f forger, a network.Answer) network.Message {
		decoder := json.NewDecoder(bytes.NewReader(a.Body))
		decoder.UseNumber()
		var o map[string]any
		if decoder.Decode(&o) == nil && a.Status/100 == 2 {
			edit(f, o)
			if text, err := json.Marshal(o); err == nil {
				a.Body = text
			}
		}
		return f.sign(a, 0)
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

func set(member string, value any) func(forger, map[string]any) {
	return func(_ forger, o map[string]any) {
		if _, named := o[member]; named {
			o[member] = value
		}
	}
}

func body(text string) func(forger, network.Answer) network.Message {
	return func(f forger, a network.Answer) network.Message {
		if a.Status == http.StatusNoContent {
			a.Status = http.StatusOK
		}
		a.Body = []byte(text)
		return f.sign(a, 0)
	}
}

// wrongContents are signed with the cloud's own key and are not about this payment,
// or about nothing.
func wrongContents() []lie {
	more := func(n int64) int64 { return n + 1 }
	none := func(int64) int64 { return 0 }
	return []lie{
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
		{"no object", true, body(`"SUCCESS"`)},
		{"garbage", true, body("\x00\x01\x02 SUCCESS")},
		{"half an object, signed", true, func(f forger, a network.Answer) network.Message {
			return body(string(a.Body[:len(a.Body)/2])+"{")(f, a)
		}},
	}
}

// said answers with a status and a body that nobody signed.
func said(status int, kind, text string) func(forger, network.Answer) network.Message {
	return func(_ forger, a network.Answer) network.Message {
		a.Status, a.Header, a.Body = status, http.Header{"Content-Type": {kind}}, []byte(text)
		if status == http.StatusFound || status == http.StatusTemporaryRedirect || status == http.StatusMovedPermanently {
			a.Header.Set("Location", "http://portal.example/login")
		}
		return a.Message()
	}
}

// signedSaid is an error that the cloud itself reports and that says nothing about the
// payment.
func signedSaid(status int, code string) func(forger, network.Answer) network.Message {
	return func(f forger, a network.Answer) network.Message {
		a.Status, a.Header, a.Body = status, http.Header{}, []byte(`{"code":"`+code+`","message":"try again later"}`)
		return f.sign(a, 0)
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

// foreignAnswers come from somebody in between, or from a cloud that is ill.
func foreignAnswers() []lie {
	const html, text = "text/html; charset=utf-8", "application/json"
	list := []lie{
		{"a captive portal", false, said(200, html, "<html><body><h1>Welcome</h1><form><button>Accept</button></form></body></html>")},
		{"a success that nobody signed", false, claim("SUCCESS")},
		{"an end that nobody signed", false, claim("REVOKED")},
		{"a closed order that nobody signed", false, claim("CLOSED")},
		{"a failure that nobody signed", false, claim("PAYERROR")},
		{"204 from nobody", false, said(204, "", "")},
		{"200 without a body", false, said(200, text, "")},
		{"302 to a login", false, said(302, html, "")},
		{"307 to a login", false, said(307, html, "")},
		{"301 to a login", false, said(301, html, "")},
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
	for _, status := range []int{400, 401, 402, 403, 404, 407, 408, 409, 410, 413, 418, 422, 429, 451, 500, 501, 502, 503, 504, 511, 520, 599} {
		list = append(list, lie{fmt.Sprint(status, " that nobody signed"), false, said(status, html, "<html>"+http.StatusText(status)+"</html>")})
	}
	return list
}

// brokenHTTP are answers that are no proper ones, or proper ones in unusual clothes.
func brokenHTTP() []lie {
	raw := func(make func(a network.Answer, head, body []byte) []byte) func(forger, network.Answer) network.Message {
		return func(_ forger, a network.Answer) network.Message {
			head, body, _ := bytes.Cut(a.Raw, []byte("\r\n\r\n"))
			return make(a, append(head, "\r\n\r\n"...), body)
		}
	}
	return []lie{
		{"a body that is too long", true, func(f forger, a network.Answer) network.Message {
			a.Status, a.Body = http.StatusOK, append(a.Body, bytes.Repeat([]byte(" "), 1<<20)...)
			return f.sign(a, 0)
		}},
		{"headers without an end", true, header("X-Noise", strings.Repeat("noise ", 12<<10))},
		{"gzip that nobody asked for", true, func(_ forger, a network.Answer) network.Message {
			var packed bytes.Buffer
			z := gzip.NewWriter(&packed)
			if _, err := z.Write(a.Body); err != nil || z.Close() != nil {
				return nil
			}
			a.Status, a.Body = http.StatusOK, packed.Bytes()
			a.Header.Set("Content-Encoding", "gzip")
			return a.Message()
		}},
		{"half a body, the length of a whole one", true, raw(func(_ network.Answer, head, body []byte) []byte { return append(head, body[:len(body)/2]...) })},
		{"half a body, the signature of a whole one", true, func(_ forger, a network.Answer) network.Message {
			a.Body = a.Body[:len(a.Body)/2]
			return a.Message()
		}},
		{"an answer behind the answer", true, raw(func(_ network.Answer, head, body []byte) []byte {
			return append(append(head, body...), "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"...)
		})},
		{"100 Continue first", true, raw(func(_ network.Answer, head, body []byte) []byte {
			return append(append([]byte("HTTP/1.1 100 Continue\r\n\r\n"), head...), body...)
		})},
		{"103 Early Hints first", true, raw(func(_ network.Answer, head, body []byte) []byte {
			return append(append([]byte("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), head...), body...)
		})},
		{"in chunks", true, raw(func(a network.Answer, head, body []byte) []byte {
			if len(body) == 0 {
				return append(head, body...)
			}
			head = bytes.Replace(head, fmt.Appendf(nil, "Content-Length: %d", len(body)), []byte("Transfer-Encoding: chunked"), 1)
			return append(append(head, fmt.Appendf(nil, "%x\r\n", len(body))...), append(body, "\r\n0\r\n\r\n"...)...)
		})},
		{"no HTTP", false, func(forger, network.Answer) network.Message { return []byte("SSH-2.0-OpenSSH_9.7\r\n") }},
		{"half a status line", false, func(forger, network.Answer) network.Message { return []byte("HTTP/1.1 20") }},
	}
}
