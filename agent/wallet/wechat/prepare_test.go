package wechat

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

// proven checks that a request's signature covers what was sent, and tells the time
// and nonce it names.
func proven(t *testing.T, r asked) (at, nonce string) {
	t.Helper()
	m := authorization.FindStringSubmatch(r.header.Get("Authorization"))
	if m == nil {
		t.Fatalf("Authorization is %q", r.header.Get("Authorization"))
	}
	if err := wallet.VerifyRSA(&merchantKey().PublicKey, message(r.method, r.target, m[3], m[2], []byte(r.body)), m[5]); err != nil {
		t.Errorf("the signature does not cover what was sent: %v", err)
	}
	return m[3], m[2]
}

// TestAPreparedSignatureServesItsRequestOnly: the signed time shows which signature
// a request carries, the prepared one or one made as it was sent.
func TestAPreparedSignatureServesItsRequestOnly(t *testing.T) {
	change := func(edit func(*agent.Payment)) agent.Payment {
		p := payment()
		edit(&p)
		return p
	}
	for _, row := range []struct {
		name  string
		after time.Duration // between preparing and sending
		p     agent.Payment
		code  agent.PayCode
		early bool // the prepared signature is sent
	}{
		{"the same request", time.Second, payment(), code, true},
		{"at once", 0, payment(), code, true},
		{"recorded in between", time.Second, change(func(p *agent.Payment) { p.Version, p.Status.Attempt = 7, 1 }), code, true},
		{"held up", preparedFor, payment(), code, false},
		{"the clock was set back", -time.Second, payment(), code, false},
		{"another order", time.Second, change(func(p *agent.Payment) { p.OrderNo = "DEMO0101KDVE6QRC0000000000000002" }), code, false},
		{"another amount", time.Second, change(func(p *agent.Payment) { p.Amount.Value = 1281 }), code, false},
		{"another lane", time.Second, change(func(p *agent.Payment) { p.Lane = "04" }), code, false},
		{"another code", time.Second, payment(), agent.NewPayCode("134567890123456780"), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			c := newCloud(t, answer{status: 200, body: order("SUCCESS", nil)})
			hands := &clock{at: now}
			pay := c.wallet(func(k *Config) { k.Clock = hands }).Prepare(payment(), code)
			if n := len(c.requests()); n != 0 {
				t.Fatalf("preparing sent %d requests", n)
			}
			hands.add(row.after)
			pay(t.Context(), row.p, row.code)
			r := c.requests()[0]
			at, _ := proven(t, r)
			want := now.Add(row.after)
			if row.early {
				want = now
			}
			if at != fmt.Sprint(want.Unix()) {
				t.Errorf("signed at %s, want %d", at, want.Unix())
			}
			if !strings.Contains(r.body, row.p.OrderNo) || !strings.Contains(r.body, row.code.Reveal()) || r.header.Get("Wechatpay-Serial") != keyID {
				t.Errorf("sent %s with %v", r.body, r.header)
			}
		})
	}
}

func TestAPreparedPaymentIsTheSameOrderAndJudgedTheSame(t *testing.T) {
	for _, a := range []answer{
		{status: 200, body: order("SUCCESS", nil)},
		{status: 200, body: order("SUCCESS", map[string]any{"out_trade_no": "another"})},
		{status: 202, body: order("USERPAYING", nil)},
		{status: 403, body: failed("NOTENOUGH", code.Reveal())},
		{status: 500, unsigned: true},
	} {
		c := newCloud(t, a)
		w := c.wallet()
		direct := w.Pay(t.Context(), payment(), code)
		early := w.Prepare(payment(), code)(t.Context(), payment(), code)
		if fmt.Sprintf("%+v", early) != fmt.Sprintf("%+v", direct) {
			t.Errorf("%d: prepared %+v, direct %+v", a.status, early, direct)
		}
		if r := c.requests(); r[0].body != r[1].body || r[0].target != r[1].target {
			t.Errorf("direct\n%v\nprepared\n%v", r[0], r[1])
		}
	}
}

func TestAPreparedSignatureIsUsedOnce(t *testing.T) {
	c := newCloud(t, answer{status: 200, body: order("SUCCESS", nil)})
	pay := c.wallet().Prepare(payment(), code)
	for range 3 {
		pay(t.Context(), payment(), code)
	}
	seen := map[string]bool{}
	for _, r := range c.requests() {
		_, nonce := proven(t, r)
		if seen[nonce] {
			t.Error("a nonce was used twice")
		}
		seen[nonce] = true
	}
	if len(seen) != 3 {
		t.Errorf("%d requests", len(seen))
	}
}

// TestTheNextHostGetsAFreshSignature: the first host takes no connection, so the
// payment goes to the second one.
func TestTheNextHostGetsAFreshSignature(t *testing.T) {
	c := newCloud(t, answer{status: 200, body: order("SUCCESS", nil)})
	hands := &clock{at: now}
	pay := c.wallet(func(k *Config) { k.Clock, k.Hosts = hands, []string{"http://127.0.0.1:1", c.url} }).Prepare(payment(), code)
	hands.add(time.Second)
	if a := pay(t.Context(), payment(), code); a.Verdict != agent.Approved {
		t.Fatalf("%v (%v)", a.Verdict, a.Err)
	}
	if at, _ := proven(t, c.requests()[0]); at != fmt.Sprint(now.Unix()+1) {
		t.Errorf("signed at %s", at)
	}
}

// TestWhatIsPreparedHoldsNoCode: the counter may keep it while the disk syncs.
func TestWhatIsPreparedHoldsNoCode(t *testing.T) {
	w := newCloud(t, answer{status: 200}).wallet()
	body, err := wallet.Encode(w.codepay(payment(), code))
	if err != nil {
		t.Fatal(err)
	}
	early, err := w.sign.prepare("POST", w.payPath(), body)
	if err != nil {
		t.Fatal(err)
	}
	if text := fmt.Sprintf("%+v", early); strings.Contains(text, code.Reveal()) || !strings.Contains(text, early.nonce) {
		t.Errorf("it holds %s", text)
	}
}

func TestAPreparedPaymentObeysItsContext(t *testing.T) {
	c := newCloud(t, answer{status: 200, body: order("SUCCESS", nil)})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if a := c.wallet().Prepare(payment(), code)(ctx, payment(), code); a.Verdict != agent.NotDelivered || len(c.requests()) != 0 {
		t.Errorf("%v after %d requests", a.Verdict, len(c.requests()))
	}
}
