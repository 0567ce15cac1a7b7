package wechat

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestRequestsOnTheWire compares what each operation sends, in both modes and editions, with
// testdata/golden. The files are the interface: read a change of them with the
// protocol in hand.
func TestRequestsOnTheWire(t *testing.T) {
	for _, mode := range []string{ModeDirect, ModePartner, "global", "institution"} {
		for op, call := range operations {
			c := newCloud(t, answer{status: 404, unsigned: true})
			w := c.wallet(func(k *Config) {
				if mode == ModePartner || mode == "institution" {
					*k = partner(*k)
				}
				if mode == "global" || mode == "institution" {
					globalMode(k)
				}
			})
			call(t, w)
			r := c.requests()[0]
			got := fmt.Sprintf("%s %s\n%s\n", r.method, r.target, r.body)
			file := filepath.Join("testdata", "golden", mode+"_"+string(op)+".http")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(read(t, file)); got != want {
				t.Errorf("%s %s sends\n%s\nwant\n%s", mode, op, got, want)
			}
		}
	}
}

var authorization = regexp.MustCompile(`^WECHATPAY2-SHA256-RSA2048 mchid="(\d+)",nonce_str="(\w{1,32})",timestamp="(\d+)",serial_no="([0-9A-F]+)",signature="([^"]+)"$`)

func TestEveryRequestIsSignedAsItIsSent(t *testing.T) {
	for op, call := range operations {
		c := newCloud(t, answer{status: 404, unsigned: true})
		call(t, c.wallet())
		r := c.requests()[0]
		m := authorization.FindStringSubmatch(r.header.Get("Authorization"))
		if m == nil {
			t.Errorf("%s: Authorization is %q", op, r.header.Get("Authorization"))
			continue
		}
		if err := wallet.VerifyRSA(&merchantKey().PublicKey, message(r.method, r.target, m[3], m[2], []byte(r.body)), m[5]); err != nil {
			t.Errorf("%s: the signature does not cover what was sent: %v", op, err)
		}
		if m[1] != "1230000109" || m[3] != fmt.Sprint(now.Unix()) || m[4] != "D7CE59D1F522D701" {
			t.Errorf("%s: %v", op, m[1:5])
		}
		for name, want := range map[string]string{"Accept": "application/json", "User-Agent": "tillwire", "Wechatpay-Serial": keyID} {
			if got := r.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", op, name, got, want)
			}
		}
		if kind := r.header.Get("Content-Type"); (kind == "application/json") != (r.body != "") {
			t.Errorf("%s: Content-Type %q with %d bytes of body", op, kind, len(r.body))
		}
	}
}

func TestAnOrderNumberWithAStarIsEscapedAndSignedSo(t *testing.T) {
	c := newCloud(t, answer{status: 200, body: `{}`})
	p := payment()
	p.OrderNo = "POS*01-20260101_01"
	if a := c.wallet().Reverse(t.Context(), p); a.Verdict != agent.Accepted {
		t.Errorf("%v (%v)", a.Verdict, a.Err)
	}
	r := c.requests()[0]
	if !strings.Contains(r.target, "/out-trade-no/POS%2A01-20260101_01/reverse") {
		t.Error(r.target)
	}
	m := authorization.FindStringSubmatch(r.header.Get("Authorization"))
	if err := wallet.VerifyRSA(&merchantKey().PublicKey, message(r.method, r.target, m[3], m[2], []byte(r.body)), m[5]); err != nil {
		t.Error(err)
	}
}

func TestTheNextHostGetsTheSameBodyUnderAnotherSignature(t *testing.T) {
	first := newCloud(t, answer{status: 503, unsigned: true})
	second := newCloud(t, answer{status: 200, body: order("SUCCESS", nil)})
	w := first.wallet(func(k *Config) { k.Hosts = []string{first.url, second.url} })
	if a := w.Refund(t.Context(), payment(), refundOf(payment())); a.Verdict != agent.InDoubt {
		t.Errorf("an order is no refund: %v", a.Verdict)
	}
	one, two := first.requests(), second.requests()
	if len(one) != 1 || len(two) != 1 || one[0].body != two[0].body || one[0].target != two[0].target {
		t.Fatalf("first %v, second %v", one, two)
	}
	if one[0].header.Get("Authorization") == two[0].header.Get("Authorization") {
		t.Error("a nonce was used twice")
	}
	if a := w.Pay(t.Context(), payment(), code); a.Verdict != agent.InDoubt || len(second.requests()) != 1 {
		t.Errorf("a payment that may have arrived went to a second host: %v", a.Verdict)
	}
}

func TestPresentingAgainMeansTheSameOrder(t *testing.T) {
	c := newCloud(t, answer{status: 200, body: `{"code_url":"weixin://wxpay/bizpayurl?pr=x"}`})
	hands := &clock{at: now}
	w := c.wallet(func(k *Config) { k.Clock = hands })
	expiry := regexp.MustCompile(`"time_expire":"([^"]+)"`)
	for _, row := range []struct {
		after time.Duration
		want  string
	}{
		{0, "2026-01-01T10:39:56+08:00"}, // five minutes: two of display, three of margin
		{3 * time.Minute, "2026-01-01T10:39:56+08:00"},
		{3*time.Minute + time.Second, "2026-01-01T10:44:56+08:00"},
		{time.Hour, "2026-01-01T11:39:56+08:00"},
		{-time.Hour, "2026-01-01T10:39:56+08:00"}, // a clock that was set back
	} {
		hands.mu.Lock()
		hands.at = now.Add(row.after)
		hands.mu.Unlock()
		w.Present(t.Context(), payment())
		list := c.requests()
		if m := expiry.FindStringSubmatch(list[len(list)-1].body); m == nil || m[1] != row.want {
			t.Errorf("%s after the first try: %v, want %s", row.after, m, row.want)
		}
	}
}

func TestWithoutNotifyURLNothingIsShown(t *testing.T) {
	c := newCloud(t, answer{status: 200})
	a := c.wallet(func(k *Config) { k.NotifyURL = "" }).Present(t.Context(), payment())
	if a.Verdict != agent.NotDelivered || a.Reason != agent.ReasonSetup || len(c.requests()) != 0 {
		t.Errorf("%v (%s) after %d requests", a.Verdict, a.Reason, len(c.requests()))
	}
}

// TestAPaymentCodeIsOnlyInItsRequest: the cloud repeats it in an error, and it
// still reaches no log, no observer and no answer.
func TestAPaymentCodeIsOnlyInItsRequest(t *testing.T) {
	const secret = "134567890123456789"
	body := `{"code":"PARAM_ERROR","message":"auth_code ` + secret + ` is wrong","detail":{"value":"` + secret + `"}}`
	for _, a := range []answer{{status: 400, body: body}, {status: 400, body: body, unsigned: true}, {status: 200, body: secret, unsigned: true}, {status: 200, body: secret}} {
		var log bytes.Buffer
		var seen exchanges
		w := newCloud(t, a).wallet(func(k *Config) {
			k.Log, k.Observe = slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})), seen.observe
		})
		got := w.Pay(t.Context(), payment(), code)
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

func TestTheExchangeNamesWeChatsRequest(t *testing.T) {
	var seen exchanges
	newCloud(t, answer{status: 200, body: order("SUCCESS", nil)}).wallet(func(k *Config) { k.Observe = seen.observe }).Query(t.Context(), payment())
	x := seen.list[0]
	if !strings.HasSuffix(x.RequestID, "-0") || x.Class() != "2xx" || x.Verdict != agent.Approved || x.Op != agent.OpQuery || x.Code != "SUCCESS" {
		t.Errorf("%+v", x)
	}
}

func TestAWrongClockIsDiagnosed(t *testing.T) {
	date := func(d time.Duration) func(http.Header, string) string {
		return func(h http.Header, b string) string {
			h.Set("Date", now.Add(d).UTC().Format(http.TimeFormat))
			return b
		}
	}
	for _, row := range []struct {
		name string
		a    answer
		want []time.Duration
		err  error
	}{
		{"right", answer{status: 200, body: order("NOTPAY", nil)}, []time.Duration{0}, nil},
		{"a minute ahead of us", answer{status: 200, body: order("NOTPAY", nil), early: -time.Minute, spoil: date(time.Minute)}, []time.Duration{time.Minute}, nil},
		{"seven minutes ahead of us", answer{status: 200, body: order("NOTPAY", nil), early: -7 * time.Minute, spoil: date(7 * time.Minute)}, []time.Duration{7 * time.Minute}, ErrClock},
		{"a forged Date is not taken", answer{status: 200, body: order("NOTPAY", nil), spoil: date(time.Hour)}, []time.Duration{0}, nil},
		{"refused unsigned, with a Date that explains it", answer{status: 401, unsigned: true, spoil: date(-time.Hour)}, []time.Duration{-time.Hour}, ErrUnsigned},
		{"refused unsigned, the clock is not to blame", answer{status: 401, unsigned: true}, nil, ErrUnsigned},
	} {
		var got []time.Duration
		w := newCloud(t, row.a).wallet(func(k *Config) { k.ClockSkew = func(d time.Duration) { got = append(got, d) } })
		a := w.Query(t.Context(), payment())
		if fmt.Sprint(got) != fmt.Sprint(row.want) || !errors.Is(a.Err, row.err) {
			t.Errorf("%s: %v (%v), want %v (%v)", row.name, got, a.Err, row.want, row.err)
		}
	}
}
