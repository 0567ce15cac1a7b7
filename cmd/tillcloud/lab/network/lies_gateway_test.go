package network_test

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"tillwire/cmd/tillcloud/lab/network"
)

// gatewayHand writes as an acquirer does: the body is the content, the signature
// stands in the headers and covers the one of the request (RFC 9421).
type gatewayHand struct {
	key, shop ed25519.PrivateKey
	keyID     string
}

func (gatewayHand) content(a network.Answer) []byte { return a.Body }

func (h gatewayHand) seal(f forger, a network.Answer, content []byte) network.Message {
	a.Body = content
	return h.sign(f, a, nil)
}

// The components that the contract asks for. The last one is what ties an answer to
// its request.
const (
	coversStatus  = `"@status"`
	coversDigest  = `"content-digest"`
	coversType    = `"content-type"`
	coversRequest = `"signature";req;key="tillwire"`
)

// gatewaySeal is how an answer is signed, to be got wrong.
type gatewaySeal struct {
	key               ed25519.PrivateKey
	keyID, label, tag string
	covers            []string
	values            map[string]string
}

// sign puts a signature on whatever the answer says; edit changes how, if not nil.
func (h gatewayHand) sign(f forger, a network.Answer, edit func(*gatewaySeal)) network.Message {
	if a.Status == http.StatusNoContent {
		a.Status = http.StatusOK
	}
	sum := sha256.Sum256(a.Body)
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	s := gatewaySeal{h.key, h.keyID, "tillwire", "tillwire", []string{coversStatus, coversDigest, coversType, coversRequest}, map[string]string{
		coversStatus: strconv.Itoa(a.Status), coversDigest: digest, coversType: "application/json", coversRequest: signatureOf(a.Request)}}
	if edit != nil {
		edit(&s)
	}
	params := "(" + strings.Join(s.covers, " ") + ");created=" + strconv.FormatInt(f.clock.Now().Unix(), 10) + fmt.Sprintf(";keyid=%q;tag=%q", s.keyID, s.tag)
	var base strings.Builder
	for _, c := range s.covers {
		base.WriteString(c + ": " + s.values[c] + "\n")
	}
	base.WriteString(`"@signature-params": ` + params)
	signature := base64.StdEncoding.EncodeToString(ed25519.Sign(s.key, []byte(base.String())))
	for name, value := range map[string]string{"Content-Type": "application/json", "Content-Digest": digest,
		"Signature-Input": s.label + "=" + params, "Signature": s.label + "=:" + signature + ":"} {
		a.Header.Set(name, value)
	}
	return a.Message()
}

// signatureOf is the member of a request's Signature, as an answer covers it.
func signatureOf(m network.Message) string {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(m)))
	if err != nil {
		panic("a shop sends HTTP: " + err.Error())
	}
	return strings.TrimPrefix(r.Header.Get("Signature"), "tillwire=")
}

func (h gatewayHand) brokenSignatures() []lie {
	without := func(name string) func(forger, network.Answer) network.Message {
		return func(_ forger, a network.Answer) network.Message {
			a.Header.Del(name)
			return a.Message()
		}
	}
	uncovered := func(component string) func(forger, network.Answer) network.Message {
		return h.wrongly(func(s *gatewaySeal) {
			s.covers = slices.DeleteFunc(s.covers, func(c string) bool { return c == component })
		})
	}
	return []lie{
		{"one bit of the signature", true, func(f forger, a network.Answer) network.Message {
			text := strings.Trim(strings.TrimPrefix(a.Header.Get("Signature"), "tillwire="), ":")
			return header("Signature", "tillwire=:"+f.flipped(text)+":")(f, a)
		}},
		{"no base64 in the signature", true, header("Signature", "tillwire=:!!!!:")},
		{"a signature that is no byte sequence", true, header("Signature", "tillwire=17")},
		{"an empty signature", true, header("Signature", "tillwire=::")},
		{"no signature", true, without("Signature")},
		{"no list of what is signed", true, without("Signature-Input")},
		{"no digest", true, without("Content-Digest")},
		{"the digest of nothing", true, header("Content-Digest", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:")},
		{"signed with the shop's own key", true, h.wrongly(func(s *gatewaySeal) { s.key = h.shop })},
		{"an unknown key", true, h.wrongly(func(s *gatewaySeal) { s.key, s.keyID = h.shop, "sandbox-terminal" })},
		{"another label", true, h.wrongly(func(s *gatewaySeal) { s.label = "acquirer" })},
		{"another purpose", true, h.wrongly(func(s *gatewaySeal) { s.tag = "web-bot-auth" })},
		{"the signature of another request", true, h.wrongly(func(s *gatewaySeal) {
			s.values[coversRequest] = ":" + base64.StdEncoding.EncodeToString(make([]byte, ed25519.SignatureSize)) + ":"
		})},
		{"the signature of no request", true, uncovered(coversRequest)},
		{"any status", true, uncovered(coversStatus)},
		{"any body", true, uncovered(coversDigest)},
		{"any type", true, uncovered(coversType)},
		{"nothing is signed", true, h.wrongly(func(s *gatewaySeal) { s.covers = nil })},
		{"another status than was signed", true, func(_ forger, a network.Answer) network.Message {
			a.Status = map[bool]int{true: http.StatusConflict, false: http.StatusOK}[a.Status == http.StatusOK]
			return a.Message()
		}},
		{"one byte of the body", true, func(f forger, a network.Answer) network.Message {
			if len(a.Body) > 0 {
				a.Body[f.dice.IntN(len(a.Body))] ^= 1
			}
			return a.Message()
		}},
		{"a space behind the body", true, func(_ forger, a network.Answer) network.Message {
			a.Body = append(a.Body, ' ')
			return a.Message()
		}},
	}
}

// wrongly tells the truth, signed in another way.
func (h gatewayHand) wrongly(edit func(*gatewaySeal)) func(forger, network.Answer) network.Message {
	return func(f forger, a network.Answer) network.Message { return h.sign(f, a, edit) }
}

func (gatewayHand) wrongContents() []lie {
	return append(nothings(), []lie{
		{"one more", true, change(sum("value", func(n int64) int64 { return n + 1 }))},
		{"a hundred times as much", true, change(sum("value", func(n int64) int64 { return n * 100 }))},
		{"no money", true, change(sum("value", func(int64) int64 { return 0 }))},
		{"less than nothing", true, change(sum("value", func(n int64) int64 { return -n }))},
		{"another currency", true, change(func(_ forger, o map[string]any) {
			if amount, ok := o["amount"].(map[string]any); ok {
				amount["currency"] = "CNY"
			}
		})},
		{"a sum that is a text", true, change(set("amount", "1280"))},
		{"no sum", true, change(drop("amount"))},
		{"another order", true, change(set("order_no", "LAB00101ARZ3NDEKTSV4RRFFQ69G5FAV"))},
		{"another refund", true, change(set("refund_no", "LAB00101ARZ3NDEKTSV4RRFFQ69G5FAVP1"))},
		{"another merchant", true, change(set("merchant", "SANDBOX02"))},
		{"another brand", true, change(set("brand", "paypay"))},
		{"no order", true, change(drop("order_no"))},
		{"no refund", true, change(drop("refund_no"))},
		{"no brand", true, change(drop("brand"))},
		{"a state that nobody knows", true, change(set("state", "pondering"))},
		{"a state in capitals", true, change(func(_ forger, o map[string]any) { o["state"] = strings.ToUpper(fmt.Sprint(o["state"])) })},
		{"no state", true, change(drop("state"))},
		{"somebody else's QR code", true, change(set("qr", "https://pay.example/bax1"))},
		{"an empty QR code", true, change(set("qr", ""))},
		{"no QR code", true, change(drop("qr"))},
		{"a QR code for a cent", true, change(set("qr", "00020101021226480019jp.or.paymentsjapan011390000000000000204010152045411530339254011"+"5802JP5904SHOP6005TOKYO6304ABCD"))},
		{"half an object, signed", true, func(f forger, a network.Answer) network.Message {
			return f.seal(f, a, a.Body[:len(a.Body)/2])
		}},
		{"no JSON, signed", true, body("SUCCESS")},
	}...)
}

// gatewayClaims are bodies that name the order and claim something of it.
var gatewayClaims = []struct {
	name    string
	status  int
	content string
}{
	{"a success", 200, `{"merchant":"SANDBOX01","brand":"jpqr","order_no":"ORDER","refund_no":"ORDERP1","state":"paid","amount":{"value":1,"currency":"JPY"},"txn":"1"}`},
	{"an end", 200, `{"merchant":"SANDBOX01","brand":"jpqr","order_no":"ORDER","state":"reversed"}`},
	{"a refusal", 200, `{"merchant":"SANDBOX01","brand":"jpqr","order_no":"ORDER","state":"refused","reason":"not_enough"}`},
	{"a refund", 200, `{"merchant":"SANDBOX01","brand":"jpqr","order_no":"ORDER","refund_no":"ORDERP1","state":"done","amount":{"value":1,"currency":"JPY"}}`},
	{"a dead order", 409, `{"code":"order_closed","message":"the order has ended"}`},
	{"no order", 404, `{"code":"order_not_found","message":"no such order"}`},
	{"no refund", 404, `{"code":"refund_not_found","message":"no such refund"}`},
	{"a wrong signature", 401, `{"code":"signature_invalid","message":"the signature does not fit"}`},
}

// claims are also the contract's own words for not knowing, with the acquirer's
// signature.
func (h gatewayHand) claims() (list []lie) {
	for _, c := range gatewayClaims {
		// The order that the request is about.
		claim := func(a network.Answer) network.Answer {
			a.Status, a.Body = c.status, []byte(strings.ReplaceAll(c.content, "ORDER", a.Request.OrderNo()))
			return a
		}
		list = append(list, lie{c.name + " that nobody signed", false, func(_ forger, a network.Answer) network.Message {
			a.Header = http.Header{"Content-Type": {"application/json"}}
			return claim(a).Message()
		}}, lie{c.name + " with somebody's signature", false, func(f forger, a network.Answer) network.Message {
			return h.sign(f, claim(a), func(s *gatewaySeal) { s.key = h.shop })
		}}, lie{c.name + " that was said to somebody else", false, func(f forger, a network.Answer) network.Message {
			return h.sign(f, claim(a), func(s *gatewaySeal) {
				s.values[coversRequest] = ":" + base64.StdEncoding.EncodeToString(make([]byte, ed25519.SignatureSize)) + ":"
			})
		}}, lie{c.name + " with the signature of another answer", true, func(_ forger, a network.Answer) network.Message {
			return claim(a).Message()
		}})
	}
	for code, status := range map[string]int{"unavailable": 500, "in_progress": 409, "rate_limited": 429, "nonce_reused": 401, "number_reused": 409} {
		list = append(list, lie{code + ", signed", false, func(f forger, a network.Answer) network.Message {
			a.Status, a.Body = status, fmt.Appendf(nil, `{"code":%q,"message":"ask again"}`, code)
			return h.sign(f, a, nil)
		}})
	}
	slices.SortFunc(list, func(x, y lie) int { return strings.Compare(x.name, y.name) })
	return list
}
