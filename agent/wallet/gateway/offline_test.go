package gateway

import (
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// voucherText is a code in the alphabet of Base45, with what JSON and URLs would escape.
const voucherText = "OV2:6BF+70790T9WJWG.FKY*4GO0 $%/"

func taken() agent.Payment {
	p := sold()
	p.Status.Way, p.Status.Accepted = agent.WayDevice, now.Add(-time.Hour)
	return p
}

func TestACodeIsHandedIn(t *testing.T) {
	for name, tc := range map[string]struct {
		answer answer
		want   agent.Verdict
		reason agent.Reason
	}{
		"paid":                {answer{status: 200, body: order("paid", nil)}, agent.Approved, ""},
		"spent elsewhere":     {answer{status: 200, body: order("refused", map[string]any{"reason": "voucher_spent"})}, agent.Refused, agent.ReasonSpentElse},
		"blocked since":       {answer{status: 200, body: order("refused", map[string]any{"reason": "voucher_denied"})}, agent.Refused, agent.ReasonRevoked},
		"too late":            {answer{status: 200, body: order("refused", map[string]any{"reason": "voucher_expired"})}, agent.Refused, agent.ReasonRanOut},
		"forged":              {answer{status: 200, body: order("refused", map[string]any{"reason": "voucher_forged"})}, agent.Refused, agent.ReasonWalletRefused},
		"reversed before":     {answer{status: 409, body: failed("order_reversed")}, agent.Refused, agent.ReasonDeadOrder},
		"under way":           {answer{status: 409, body: failed("in_progress")}, agent.InDoubt, agent.ReasonSystem},
		"another code of it":  {answer{status: 409, body: failed("number_reused")}, agent.InDoubt, agent.ReasonSystem},
		"not set up":          {answer{status: 403, body: failed("brand_not_enabled")}, agent.InDoubt, agent.ReasonSetup},
		"another amount":      {answer{status: 200, body: order("paid", map[string]any{"amount": map[string]any{"value": 1, "currency": "THB"}})}, agent.InDoubt, agent.ReasonUnverified},
		"a gateway that fell": {answer{status: 503, body: failed("unavailable")}, agent.InDoubt, agent.ReasonSystem},
	} {
		t.Run(name, func(t *testing.T) {
			c := newCloud(t, tc.answer)
			a := c.wallet().Redeem(t.Context(), taken(), agent.NewPayCode(voucherText))
			if a.Verdict != tc.want || a.Reason != tc.reason {
				t.Errorf("%v (%s), want %v (%s): %v", a.Verdict, a.Reason, tc.want, tc.reason, a.Err)
			}
			sent := c.requests()[0]
			if sent.target != Root+"/payments/"+sold().OrderNo+"/redeem" || !strings.Contains(sent.body, `"code":"`+voucherText+`","accepted_at":"2026-01-01T01:34:56Z"`) {
				t.Errorf("sent %s %s", sent.target, sent.body)
			}
		})
	}
}

// TestOnlyWhatTheGatewayAnswersForIsChargedLater: nothing is known before it was asked,
// and a wallet whose codes live a minute is never among them.
func TestOnlyWhatTheGatewayAnswersForIsChargedLater(t *testing.T) {
	later := map[string]any{"chargeable_later": map[string]any{"max_age_s": 7200, "max": []any{map[string]any{"value": 30000, "currency": "THB"}}}}
	c := newCloud(t, answer{status: 200, body: order("paid", map[string]any{"brand": "member"})})
	c.can = strings.Replace(capable(later), `"brand":"paypay"`, `"brand":"member"`, 1)
	connection := c.connect()
	made, err := connection.Wallet("member", Brand{Name: "member", Charges: true})
	if err != nil {
		t.Fatal(err)
	}
	w := made.(agent.LateCharger)
	if age, most := w.Later("THB"); age != 0 || most != 0 {
		t.Errorf("before it was asked: %v, %d", age, most)
	}
	if _, err := connection.Capabilities(t.Context()); err != nil {
		t.Fatal(err)
	}
	if age, most := w.Later("THB"); age != 2*time.Hour || most != 30000 {
		t.Errorf("later: %v, %d", age, most)
	}
	if age, most := w.Later("SGD"); age != 0 || most != 0 {
		t.Errorf("in another currency: %v, %d", age, most)
	}
	a := w.ChargeLater(t.Context(), taken(), agent.NewPayCode("88001234"), now.Add(-time.Hour))
	if sent := c.requests()[1]; a.Verdict != agent.Approved || !strings.HasSuffix(sent.target, "/charge") || !strings.Contains(sent.body, `"accepted_at":"2026-01-01T01:34:56Z"`) {
		t.Errorf("%v after %s %s", a.Verdict, sent.target, sent.body)
	}

	c = newCloud(t, answer{})
	c.can = capable(later)
	connection = c.connect()
	if _, err := connection.Capabilities(t.Context()); err != nil {
		t.Fatal(err)
	}
	if age, most := paypay(t, connection).Later("THB"); age != 0 || most != 0 {
		t.Errorf("a code that lives a minute may be charged after %v", age)
	}
}

// TestWhatAGatewayCanDoOutlivesARestart: a terminal that starts without a line knows it,
// and asks for it anew as soon as it can.
func TestWhatAGatewayCanDoOutlivesARestart(t *testing.T) {
	c := newCloud(t, answer{})
	c.can = strings.Replace(capable(map[string]any{"chargeable_later": map[string]any{"max_age_s": 7200, "max": []any{map[string]any{"value": 30000, "currency": "THB"}}}}),
		`"brand":"paypay"`, `"brand":"member"`, 1)
	var kept []byte
	if _, err := c.connect(func(c *Config) { c.Keep = func(said []byte) { kept = said } }).Capabilities(t.Context()); err != nil || string(kept) != c.can {
		t.Fatalf("kept %q, %v", kept, err)
	}
	for name, tc := range map[string]struct {
		kept string
		age  time.Duration
	}{
		"as it was":           {string(kept), 2 * time.Hour},
		"of another merchant": {strings.Replace(string(kept), "M100", "M101", 1), 0},
		"damaged":             {string(kept[:40]), 0},
		"nothing":             {"", 0},
	} {
		connection := c.connect(func(c *Config) { c.Kept = []byte(tc.kept) })
		made, err := connection.Wallet("member", Brand{Name: "member", Charges: true})
		if err != nil {
			t.Fatal(err)
		}
		if age, _ := made.(agent.LateCharger).Later("THB"); age != tc.age {
			t.Errorf("%s: codes may be charged after %v, want %v", name, age, tc.age)
		}
		before := len(c.requests())
		if _, err := connection.Capabilities(t.Context()); err != nil || len(c.requests()) != before+1 {
			t.Errorf("%s: it is not asked for anew: %v", name, err)
		}
	}
}

func TestTheListOfIssuersIsFetched(t *testing.T) {
	list := func(edit map[string]any) string {
		return edited(map[string]any{"merchant": "M100", "brand": "promptpay", "version": 3, "key_set": "AQID"}, edit)
	}
	for name, tc := range map[string]struct {
		answer answer
		want   string
	}{
		"a list":         {answer{status: 200, body: list(nil)}, "\x01\x02\x03"},
		"another brand":  {answer{status: 200, body: list(map[string]any{"brand": "pix"})}, ""},
		"an empty list":  {answer{status: 200, body: list(map[string]any{"key_set": ""})}, ""},
		"no base64":      {answer{status: 200, body: list(map[string]any{"key_set": "%"})}, ""},
		"a refusal":      {answer{status: 403, body: failed("mode_not_enabled")}, ""},
		"what is not it": {answer{status: 200, body: "<html>"}, ""},
	} {
		got, err := newCloud(t, tc.answer).wallet().KeySet(t.Context())
		if string(got) != tc.want || (err == nil) != (tc.want != "") || err != nil && agent.ClassOf(err) != agent.Unavailable {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}
