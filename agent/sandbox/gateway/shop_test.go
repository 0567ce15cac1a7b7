package gateway

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/sandboxtest"
)

// shop is a terminal that signs by itself and speaks to the acquirer without a
// network between them.
type shop struct {
	*testing.T
	clock    *sandboxtest.Clock
	ledger   *sandbox.Ledger
	acquirer *Acquirer
	head     string // Tillwire-Journal
}

func openShop(t *testing.T, o Options) *shop {
	t.Helper()
	s := &shop{T: t, clock: sandboxtest.NewClock()}
	s.ledger = sandboxtest.Ledger(t, s.clock)
	o.Ledger, o.Clock = s.ledger, s.clock
	var err error
	if s.acquirer, err = New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends a signed request; every answer must be signed for it.
func (s *shop) ask(method, path, body string) (int, map[string]any) {
	s.Helper()
	r := httptest.NewRequest(method, "http://gateway.example"+root+path, strings.NewReader(body))
	covered := `"@method" "@authority" "@path" "@query"`
	base := fmt.Sprintf("\"@method\": %s\n\"@authority\": gateway.example\n\"@path\": %s\n\"@query\": ?%s\n", method, r.URL.EscapedPath(), r.URL.RawQuery)
	if body != "" {
		sum := sha256.Sum256([]byte(body))
		digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Content-Digest", digest)
		covered += ` "content-digest" "content-type"`
		base += fmt.Sprintf("\"content-digest\": %s\n\"content-type\": application/json\n", digest)
	}
	if s.head != "" {
		r.Header.Set("Tillwire-Journal", s.head)
		covered += ` "tillwire-journal"`
		base += fmt.Sprintf("\"tillwire-journal\": %s\n", s.head)
	}
	terminal := s.acquirer.Terminal()
	params := fmt.Sprintf(`(%s);created=%d;keyid="%s";nonce="%s";tag="tillwire"`, covered, s.clock.Now().Unix(), terminal.KeyID, rand.Text())
	signature := base64.StdEncoding.EncodeToString(ed25519.Sign(terminal.Key, []byte(base+`"@signature-params": `+params)))
	r.Header.Set("Signature-Input", "tillwire="+params)
	r.Header.Set("Signature", "tillwire=:"+signature+":")
	answer := s.acquirer.Answer(s.Context(), sandbox.Call{Request: r, Body: []byte(body)})
	s.verify(answer, signature)
	var out map[string]any
	if err := json.Unmarshal(answer.Body, &out); err != nil {
		s.Fatalf("%s: %v", answer.Body, err)
	}
	if answer.Status == http.StatusConflict && out["code"] == "in_progress" && answer.Header.Get("Retry-After") == "" {
		s.Error("in_progress comes without Retry-After")
	}
	return answer.Status, out
}

func (s *shop) verify(a sandbox.Answer, request string) {
	s.Helper()
	sum := sha256.Sum256(a.Body)
	digest := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	params := strings.TrimPrefix(a.Header.Get("Signature-Input"), "tillwire=")
	base := fmt.Sprintf("\"@status\": %d\n\"content-digest\": %s\n\"content-type\": application/json\n\"signature\";req;key=\"tillwire\": :%s:\n\"@signature-params\": %s",
		a.Status, digest, request, params)
	text := strings.TrimSuffix(strings.TrimPrefix(a.Header.Get("Signature"), "tillwire=:"), ":")
	signature, err := base64.StdEncoding.DecodeString(text)
	if err != nil || !ed25519.Verify(s.acquirer.key.Public().(ed25519.PublicKey), []byte(base), signature) {
		s.Errorf("the answer %s is not signed for its request: %v", a.Body, err)
	}
}

// want asks and compares the state or the code of the answer.
func (s *shop) want(want, method, path, body string) map[string]any {
	s.Helper()
	status, out := s.ask(method, path, body)
	got, _ := out["state"].(string)
	if status != http.StatusOK {
		got, _ = out["code"].(string)
	}
	if got != want {
		s.Errorf("%s %s answers %d %v, want %s", method, path, status, out, want)
	}
	return out
}

// phone is a customer with a fresh code, if the brand has codes.
func (s *shop) phone(brand string, behaviour sandbox.Behaviour) (id, code string) {
	s.Helper()
	w := s.acquirer.Wallet(brand)
	return sandboxtest.Phone(s.T, s.ledger, w, sandbox.Customer{Currency: w.Currencies()[0], Behaviour: behaviour})
}

// number makes order numbers of one terminal.
func number(n int) string { return fmt.Sprintf("DEMO01%026d", n) }

func at(n int, what string) string { return "/payments/" + number(n) + what }

// charge and present are bodies as the contract has them.
func charge(n int, brand, currency, code string) string {
	return fmt.Sprintf(`{"merchant":"SANDBOX01","brand":%q,"amount":{"value":1280,"currency":%q},"short_ref":%q,"description":"Corner shop","lane":"1","code":%q}`,
		brand, currency, number(n)[12:], code)
}

func present(n int, brand, currency string) string {
	return fmt.Sprintf(`{"merchant":"SANDBOX01","brand":%q,"amount":{"value":1280,"currency":%q},"short_ref":%q,"description":"Corner shop","lifetime_s":180}`,
		brand, currency, number(n)[12:])
}

func undo(brand string) string { return fmt.Sprintf(`{"merchant":"SANDBOX01","brand":%q}`, brand) }

func refund(brand, currency string, value int) string {
	return fmt.Sprintf(`{"merchant":"SANDBOX01","brand":%q,"amount":{"value":%d,"currency":%q},"reason":"cold"}`, brand, value, currency)
}

func query(brand string) string { return "?brand=" + brand + "&merchant=SANDBOX01" }
