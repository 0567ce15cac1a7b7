package alipay

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestRequestsOnTheWire compares the parameters each operation sends with
// testdata/golden. The files are the interface: read a change of them with the
// protocol in hand.
func TestRequestsOnTheWire(t *testing.T) {
	for _, mode := range []string{ModePublicKey, ModeCertificate} {
		for op, call := range operations {
			c := newCloud(t, answer{content: "{}", unsigned: true})
			w := c.wallet(func(k *Config) {
				if mode == ModeCertificate {
					certified(t, k)
				}
			})
			call(t, w)
			r := c.requests()[0]
			got := fmt.Sprintf("POST %s\nContent-Type: %s\n\n", r.target, r.kind)
			for _, name := range slices.Sorted(maps.Keys(r.form)) {
				if name != "sign" {
					got += name + "=" + r.form.Get(name) + "\n"
				}
			}
			name := filepath.Join("testdata", "golden", mode+"_"+string(op)+".txt")
			if *update {
				if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(file(t, name)); got != want {
				t.Errorf("%s %s sends\n%s\nwant\n%s", mode, op, got, want)
			}
		}
	}
}

func TestEveryRequestIsSignedAsItIsSent(t *testing.T) {
	for op, call := range operations {
		c := newCloud(t, answer{content: "{}"})
		call(t, c.wallet())
		r := c.requests()[0]
		p := params{}
		for name := range r.form {
			if p[name] = r.form.Get(name); p[name] == "" || len(r.form[name]) != 1 {
				t.Errorf("%s: %s is empty or sent twice", op, name)
			}
		}
		if err := wallet.VerifyRSA(&appKey().PublicKey, []byte(p.canonical()), p["sign"]); err != nil {
			t.Errorf("%s: the signature does not cover what was sent: %v", op, err)
		}
	}
}

func TestAServiceProviderNamesTheMerchant(t *testing.T) {
	c := newCloud(t, answer{content: "{}"})
	c.wallet(func(k *Config) { k.AppAuthToken = "202601BBabcdef" }).Query(t.Context(), payment())
	if got := c.requests()[0].form.Get("app_auth_token"); got != "202601BBabcdef" {
		t.Errorf("app_auth_token %q", got)
	}
}

func TestWhatCannotBeAnOrderIsNotSent(t *testing.T) {
	c := newCloud(t, answer{content: "{}"})
	w := c.wallet()
	for name, edit := range map[string]func(*agent.Payment){
		"another currency":  func(p *agent.Payment) { p.Amount.Currency = "JPY" },
		"nothing":           func(p *agent.Payment) { p.Amount.Value = 0 },
		"too much":          func(p *agent.Payment) { p.Amount.Value = maxFen + 1 },
		"a hyphen":          func(p *agent.Payment) { p.OrderNo = "POS01-1" },
		"a very long order": func(p *agent.Payment) { p.OrderNo = strings.Repeat("A", 65) },
	} {
		p := payment()
		edit(&p)
		for _, a := range []agent.Answer{w.Pay(t.Context(), p, code), w.Present(t.Context(), p)} {
			if a.Verdict != agent.NotDelivered || a.Reason != agent.ReasonSetup || a.Err == nil {
				t.Errorf("%s: %v (%s)", name, a.Verdict, a.Reason)
			}
		}
	}
	if n := len(c.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestAFaceTokenHasItsOwnScene(t *testing.T) {
	c := newCloud(t, answer{content: "{}"})
	c.wallet().Pay(t.Context(), payment(), agent.NewPayCode("fp"+strings.Repeat("a", 33)))
	if biz := c.requests()[0].biz; !strings.Contains(biz, `"scene":"security_code"`) {
		t.Error(biz)
	}
}

// TestAPaymentCodeIsOnlyInItsRequest: the cloud repeats it in an error, and it
// still reaches no log, no observer and no answer.
func TestAPaymentCodeIsOnlyInItsRequest(t *testing.T) {
	const secret = "28763443825664394"
	content := `{"code":"40004","msg":"Business Failed","sub_code":"ACQ.INVALID_PARAMETER","sub_msg":"auth_code ` + secret + ` is wrong"}`
	quoting := `{"code":"40002","sub_code":"isv.` + secret + `","sub_msg":"x"}`
	for _, a := range []answer{{content: content}, {content: content, unsigned: true}, {content: quoting}, {content: quoting, unsigned: true}, {content: `"` + secret + `"`}} {
		var log bytes.Buffer
		var seen exchanges
		w := newCloud(t, a).wallet(func(k *Config) {
			k.Log, k.Observe = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), seen.observe
		})
		early := w.Prepare(payment(), code)
		got := early(t.Context(), payment(), code)
		for where, text := range map[string]string{"log": log.String(), "answer": fmt.Sprintf("%+v %v", got, got.Err), "observer": fmt.Sprintf("%+v", seen.list)} {
			if strings.Contains(text, secret) {
				t.Errorf("the %s holds the payment code: %s", where, text)
			}
		}
		if log.Len() == 0 || len(seen.list) != 1 {
			t.Errorf("nothing was logged or observed")
		}
	}
}

// TestAPreparedRequestIsTheOneThatIsSent: once, while it is young and while
// nothing has changed.
func TestAPreparedRequestIsTheOneThatIsSent(t *testing.T) {
	hands := &clock{at: now}
	c := newCloud(t, answer{content: traded(nil, nil)})
	w := c.wallet(func(k *Config) { k.Clock = hands })
	other := payment()
	other.Amount.Value++
	for _, row := range []struct {
		name  string
		after time.Duration
		p     agent.Payment
		want  string // the timestamp that is sent
	}{
		{"a moment later", time.Second, payment(), "2026-01-01 10:34:56"},
		{"held up", preparedFor, payment(), "2026-01-01 10:35:01"},
		{"the clock was set back", -time.Hour, payment(), "2026-01-01 09:34:56"},
		{"another amount", time.Second, other, "2026-01-01 10:34:57"},
	} {
		hands.set(now)
		pay := w.Prepare(payment(), code)
		hands.set(now.Add(row.after))
		pay(t.Context(), row.p, code)
		list := c.requests()
		last := list[len(list)-1].form
		if got := last.Get("timestamp"); got != row.want {
			t.Errorf("%s: signed at %s, want %s", row.name, got, row.want)
		}
		p := params{}
		for name := range last {
			p[name] = last.Get(name)
		}
		if err := wallet.VerifyRSA(&appKey().PublicKey, []byte(p.canonical()), p["sign"]); err != nil {
			t.Errorf("%s: %v", row.name, err)
		}
		pay(t.Context(), row.p, code)
		list = c.requests()
		if got := list[len(list)-1].form.Get("timestamp"); got != stamp(hands.Now()) {
			t.Errorf("%s: the second request was signed at %s", row.name, got)
		}
	}
}
