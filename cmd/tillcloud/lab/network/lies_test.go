package network_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	cloudalipay "tillwire/agent/sandbox/alipay"
	cloudgateway "tillwire/agent/sandbox/gateway"
	cloudwechat "tillwire/agent/sandbox/wechat"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/lab/network"
)

// forger writes answers that the cloud never gave, some of them with its own key: the
// campaign owns both ends.
type forger struct {
	hand
	clock agent.Clock
	dice  lab.Dice
}

// hand is how the cloud of a wallet writes and signs.
type hand interface {
	// content is what the cloud says in an answer: the bytes that it signs, as JSON.
	content(network.Answer) []byte
	// seal puts another content into an answer, under a signature that holds.
	seal(f forger, a network.Answer, content []byte) network.Message
	// brokenSignatures tell the truth under a signature that does not hold,
	// wrongContents are signed with the cloud's own key and are not about this payment,
	// or about nothing, and claims are words of the cloud's form that are nobody's, or
	// that say of no payment what became of it.
	brokenSignatures() []lie
	wrongContents() []lie
	claims() []lie
}

// handOf is the hand of a wallet's cloud.
func handOf(w sandbox.Wallet) hand {
	switch cloud := w.(type) {
	case *cloudwechat.Wallet:
		return wechatHand{cloud.Platform().Key, cloud.Platform().PublicKeyID}
	case *cloudalipay.Wallet:
		return alipayHand{cloud.Platform().Key, cloud.App().Key}
	case *cloudgateway.Wallet:
		return gatewayHand{cloud.Key(), cloud.Terminal().Key, cloud.KeyID()}
	}
	panic("the laboratory forges no answers of " + w.Name())
}

// lie is one kind of wrong answer. Those that keep the true content, and those that
// claim something with a signature that holds, need the request executed: a cloud
// that signs what is not so is nobody's to survive.
type lie struct {
	name     string
	executed bool
	tell     func(forger, network.Answer) network.Message
}

// lies are the wrong answers of C5 in the hand of a forger.
func lies(f forger) []lie {
	list := append(f.brokenSignatures(), f.wrongContents()...)
	list = append(list, f.claims()...)
	list = append(list, foreignAnswers()...)
	return append(list, brokenHTTP()...)
}

func header(name, value string) func(forger, network.Answer) network.Message {
	return func(_ forger, a network.Answer) network.Message {
		a.Header.Set(name, value)
		return a.Message()
	}
}

// change signs the answer anew with other members. What is no object, or has no such
// member, stays as it is.
func change(edit func(forger, map[string]any)) func(forger, network.Answer) network.Message {
	return func(f forger, a network.Answer) network.Message {
		decoder := json.NewDecoder(bytes.NewReader(f.content(a)))
		decoder.UseNumber()
		var o map[string]any
		if decoder.Decode(&o) != nil || a.Status/100 != 2 {
			return a.Raw
		}
		before, err1 := json.Marshal(o)
		edit(f, o)
		after, err2 := json.Marshal(o)
		if err1 != nil || err2 != nil || bytes.Equal(before, after) {
			return a.Raw // it has nothing of this kind to change
		}
		return f.seal(f, a, after)
	}
}

func set(member string, value any) func(forger, map[string]any) {
	return func(_ forger, o map[string]any) {
		if _, named := o[member]; named {
			o[member] = value
		}
	}
}

// drop takes a member away, if it is there.
func drop(member string) func(forger, map[string]any) {
	return func(_ forger, o map[string]any) { delete(o, member) }
}

// flipped is a text in base64 with one bit of what it says turned over.
func (f forger) flipped(text string) string {
	raw, err := base64.StdEncoding.DecodeString(text)
	if err == nil && len(raw) > 0 {
		raw[f.dice.IntN(len(raw))] ^= 1 << f.dice.IntN(8)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// body signs something else altogether.
func body(text string) func(forger, network.Answer) network.Message {
	return func(f forger, a network.Answer) network.Message {
		if a.Status == http.StatusNoContent {
			a.Status = http.StatusOK
		}
		return f.seal(f, a, []byte(text))
	}
}

// nothings are contents that say nothing, whoever signs them.
func nothings() []lie {
	return []lie{
		{"no object", true, body(`"SUCCESS"`)},
		{"a list", true, body(`[]`)},
		{"an empty object", true, body(`{}`)},
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

// foreignAnswers come from somebody in between, or from a cloud that is ill.
func foreignAnswers() []lie {
	const html, text = "text/html; charset=utf-8", "application/json"
	list := []lie{
		{"a captive portal", false, said(200, html, "<html><body><h1>Welcome</h1><form><button>Accept</button></form></body></html>")},
		{"204 from nobody", false, said(204, "", "")},
		{"200 without a body", false, said(200, text, "")},
		{"302 to a login", false, said(302, html, "")},
		{"307 to a login", false, said(307, html, "")},
		{"301 to a login", false, said(301, html, "")},
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
			a.Status = http.StatusOK
			return f.seal(f, a, append(f.content(a), bytes.Repeat([]byte(" "), 1<<20)...))
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
