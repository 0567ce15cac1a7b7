package gateway

import (
	"encoding/json"
	"net/http"
	"testing"

	"tillwire/agent"
)

// FuzzJudge feeds signed nonsense: whatever the gateway's key signs, only an
// answer that names our merchant, brand, order and amount says that money moved.
func FuzzJudge(f *testing.F) {
	for _, state := range []string{"paid", "awaiting", "unpaid", "refused", "closed", "reversed"} {
		f.Add([]byte(order(state, nil)))
	}
	f.Add([]byte(`{"state":"paid","amount":null}`))
	f.Add([]byte(`{"state":"paid","amount":{"value":2015.0}}`))
	w := &Wallet{Connection: &Connection{c: Config{Merchant: "M100"}}, name: "promptpay", brand: Brand{Name: "promptpay"}}
	f.Fuzz(func(t *testing.T, body []byte) {
		a := w.judge(sold(), body)
		if a.Verdict == agent.InDoubt {
			return
		}
		var said payment
		if err := json.Unmarshal(body, &said); err != nil {
			t.Fatalf("%v out of what is no JSON: %s", a.Verdict, body)
		}
		if said.Merchant != "M100" || said.Brand != "promptpay" || said.OrderNo != sold().OrderNo {
			t.Errorf("%v for somebody else's order: %s", a.Verdict, body)
		}
		if a.Verdict == agent.Approved && (said.Amount == nil || said.Amount.Value != 2015 || said.Amount.Currency != "THB") {
			t.Errorf("approved another amount: %s", body)
		}
	})
}

// FuzzVerify feeds header fields: nothing that was not signed for this request is
// believed, and nothing that can be read panics.
func FuzzVerify(f *testing.F) {
	h := http.Header{"Content-Type": {"application/json"}}
	signAnswer(h, 200, []byte(`{}`), ":AAAA:", answerForm{})
	f.Add(h.Get("Signature-Input"), h.Get("Signature"), h.Get("Content-Digest"))
	f.Add(`tillwire=("a";b="c" "@x");d=1, other="x,y"`, `tillwire=:AA==:`, `sha-256=:AA==:`)
	f.Add(`tillwire=(`, `tillwire=`, ``)
	good := h.Get("Signature")
	f.Fuzz(func(t *testing.T, input, signature, sum string) {
		h := http.Header{"Content-Type": {"application/json"}, "Signature-Input": {input}, "Signature": {signature}, "Content-Digest": {sum}}
		if _, err := VerifyAnswer(exampleKeys(), 200, h, []byte(`{}`), ":AAAA:"); err == nil {
			if got, _ := member([]string{signature}, label); "tillwire="+got != good {
				t.Errorf("believed %q %q", input, signature)
			}
		}
		if _, err := VerifyAnswer(exampleKeys(), 200, h, []byte(`{}`), ":BBBB:"); err == nil {
			t.Errorf("an answer was moved to another request: %q %q", input, signature)
		}
	})
}
