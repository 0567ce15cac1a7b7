package gateway

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// testKey is the Ed25519 key of RFC 9421, B.1.4.
func testKey(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	seed, err := base64.RawURLEncoding.DecodeString("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU")
	if err != nil {
		t.Fatal(err)
	}
	return ed25519.NewKeyFromSeed(seed)
}

// acquirerKey is the gateway's key of the contract's worked example.
func acquirerKey() ed25519.PrivateKey {
	seed := sha256.Sum256([]byte("tillwire example acquirer"))
	return ed25519.NewKeyFromSeed(seed[:])
}

// TestRFC9421 is the published vector B.2.6.
func TestRFC9421(t *testing.T) {
	list := []component{
		{`"date"`, "Tue, 20 Apr 2021 02:07:55 GMT"}, {`"@method"`, "POST"}, {`"@path"`, "/foo"}, {`"@authority"`, "example.com"},
		{`"content-type"`, "application/json"}, {`"content-length"`, "18"},
	}
	text := `("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`
	const want = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
	if got := base64.StdEncoding.EncodeToString(ed25519.Sign(testKey(t), base(list, text))); got != want {
		t.Errorf("the signature is %s", got)
	}
	in, err := parseInput(text)
	if err != nil || len(in.items) != 6 || in.items[1].name != "@method" || in.params["created"] != "1618884473" || in.params["keyid"] != "test-key-ed25519" {
		t.Errorf("read as %+v (%v)", in, err)
	}
}

// example is the worked example as it stands in the contract: what acquirers
// check themselves against must be what we do.
type example struct {
	keys              []any
	request, answer   string // whole messages with LF
	requestB, answerB string // signature bases
	queryB            string
	text              string
}

func readExample(t *testing.T) (e example) {
	t.Helper()
	text, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string // of lines indented by eight
	open := false
	for line := range strings.SplitSeq(string(text), "\n") {
		code, is := strings.CutPrefix(line, "        ")
		switch {
		case is && open:
			blocks[len(blocks)-1] += "\n" + code
		case is && strings.Contains("-P\"H", code[:1]):
			blocks = append(blocks, code)
			open = true
		case line != "":
			open = false
		case open:
			blocks[len(blocks)-1] += "\n"
		}
	}
	for _, b := range blocks {
		b = strings.TrimRight(b, "\n")
		switch {
		case strings.HasPrefix(b, "-----BEGIN"):
			for rest := []byte(b); ; {
				var block *pem.Block
				if block, rest = pem.Decode(rest); block == nil {
					break
				}
				if key, err := x509.ParsePKCS8PrivateKey(block.Bytes); err == nil {
					e.keys = append(e.keys, key)
				} else if key, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
					e.keys = append(e.keys, key)
				}
			}
		case strings.HasPrefix(b, "POST "):
			e.request = b
		case strings.HasPrefix(b, "HTTP/1.1 "):
			e.answer = b
		case strings.HasPrefix(b, `"@method": POST`):
			e.requestB = b
		case strings.HasPrefix(b, `"@status"`):
			e.answerB = b
		case strings.HasPrefix(b, `"@method": GET`):
			e.queryB = b
		}
	}
	e.text = string(text)
	if len(e.keys) != 4 || e.request == "" || e.answer == "" || e.requestB == "" || e.answerB == "" || e.queryB == "" {
		t.Fatalf("the contract's example was not found whole: %d keys, %d blocks", len(e.keys), len(blocks))
	}
	return e
}

func TestWorkedExampleOfTheContract(t *testing.T) {
	e := readExample(t)
	for i, want := range []any{testKey(t), testKey(t).Public(), acquirerKey(), acquirerKey().Public()} {
		if !equalKeys(want, e.keys[i]) {
			t.Errorf("key %d is another one", i+1)
		}
	}
	asked, err := http.ReadRequest(bufio.NewReader(strings.NewReader(wireForm(e.request))))
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(asked.Body)
	if err != nil {
		t.Fatal(err)
	}
	if len(body) != 202 {
		t.Errorf("the request's body has %d bytes", len(body))
	}
	again, err := http.NewRequest(http.MethodPost, "https://gateway.example"+asked.URL.Path, nil)
	if err != nil {
		t.Fatal(err)
	}
	again.Header.Set("Content-Type", "application/json")
	signer := Signer{"terminal-DEMO01", testKey(t)}
	signature := signer.Sign(again, body, time.Unix(1767234896, 0), "6CGF3VQ2YXJQSM4O2PRK5TQTAE")
	for _, name := range []string{"Content-Digest", "Signature-Input", "Signature"} {
		if got, want := again.Header.Get(name), asked.Header.Get(name); got != want {
			t.Errorf("%s is\n%s, the contract has\n%s", name, got, want)
		}
	}
	input := strings.TrimPrefix(asked.Header.Get("Signature-Input"), label+"=")
	if got := string(base(requestComponents(again), input)); got != e.requestB {
		t.Errorf("the base is\n%s\nthe contract has\n%s", got, e.requestB)
	}
	answer, err := http.ReadResponse(bufio.NewReader(strings.NewReader(wireForm(e.answer))), asked)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	at, err := VerifyAnswer(exampleKeys(), answer.StatusCode, answer.Header, text, signature)
	if err != nil || at.Unix() != 1767234897 {
		t.Errorf("the answer: %v at %v", err, at)
	}
	in, err := parseInput(strings.TrimPrefix(answer.Header.Get("Signature-Input"), label+"="))
	if err != nil {
		t.Fatal(err)
	}
	list, err := in.answered(200, answer.Header, signature)
	if got := string(base(list, strings.TrimPrefix(answer.Header.Get("Signature-Input"), label+"="))); err != nil || got != e.answerB {
		t.Errorf("the base is\n%s\nthe contract has\n%s (%v)", got, e.answerB, err)
	}
}

func TestWorkedExampleWithoutABody(t *testing.T) {
	e := readExample(t)
	r, err := http.NewRequest(http.MethodGet, "https://gateway.example/tillwire/v1/payments/DEMO0101KDVE6QRC0000000000000001?brand=paypay&merchant=M100", nil)
	if err != nil {
		t.Fatal(err)
	}
	signature := Signer{"terminal-DEMO01", testKey(t)}.Sign(r, nil, time.Unix(1767234901, 0), "P7WZ2C6VQGJ4YHJ6L5XK3ND2TE")
	if !strings.Contains(e.text, "`"+strings.Trim(signature, ":")+"`") {
		t.Errorf("the contract has another signature than %s", signature)
	}
	if got := string(base(requestComponents(r), strings.TrimPrefix(r.Header.Get("Signature-Input"), label+"="))); got != e.queryB {
		t.Errorf("the base is\n%s\nthe contract has\n%s", got, e.queryB)
	}
	body := []byte(`{"code":"order_not_found","message":"no such order"}`)
	h := http.Header{"Content-Type": {"application/json"}}
	signAnswer(h, 404, body, signature, answerForm{created: 1767234902})
	if got := strings.TrimPrefix(h.Get("Signature"), label+"="); !strings.Contains(e.text, "`"+strings.Trim(got, ":")+"`") {
		t.Errorf("the contract has another signature of the answer than %s", got)
	}
	if _, err := VerifyAnswer(exampleKeys(), 404, h, body, signature); err != nil {
		t.Error(err)
	}
}

func exampleKeys() map[string]ed25519.PublicKey {
	return map[string]ed25519.PublicKey{"acquirer-1": acquirerKey().Public().(ed25519.PublicKey)}
}

func equalKeys(a, b any) bool {
	switch a := a.(type) {
	case ed25519.PrivateKey:
		b, ok := b.(ed25519.PrivateKey)
		return ok && bytes.Equal(a, b)
	case ed25519.PublicKey:
		b, ok := b.(ed25519.PublicKey)
		return ok && bytes.Equal(a, b)
	}
	return false
}

// wireForm gives a message of the contract the line ends and the length it has on
// the wire.
func wireForm(message string) string {
	head, body, _ := strings.Cut(message, "\n\n")
	return strings.ReplaceAll(head, "\n", "\r\n") + "\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n" + body
}
