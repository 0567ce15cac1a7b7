package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/sandbox"
	"tillwire/agent/sandbox/gateway"
	"tillwire/agent/sandbox/sandboxtest"
	issuing "tillwire/agent/sandbox/voucher"
	"tillwire/cmd/cli"
)

// town is the sandbox on real ports: the acquirer, the issuer behind it and phones.
type town struct {
	t        *testing.T
	cloud    *sandbox.Cloud
	acquirer *gateway.Acquirer
	issuer   *issuing.Issuer
}

func openTown(t *testing.T) *town {
	t.Helper()
	clock := agent.NewSystemClock()
	ledger := sandboxtest.Ledger(t, clock)
	w := &town{t: t}
	var err error
	// The issuer bounds nothing by itself: the owner's caps are what is looked at.
	if w.issuer, err = issuing.New(t.Context(), issuing.Options{Ledger: ledger, Clock: clock, Brand: "cornerpay", Title: "Corner Pay", Number: 7,
		Currencies: []agent.Currency{"CNY"}, Merchants: []string{gateway.Merchant}, Policy: &issuing.Policy{}}); err != nil {
		t.Fatal(err)
	}
	if w.acquirer, err = gateway.New(t.Context(), gateway.Options{Ledger: ledger, Clock: clock, Issuer: w.issuer}); err != nil {
		t.Fatal(err)
	}
	o := sandbox.Options{Ledger: ledger, Clock: clock, Doors: []sandbox.OpenDoor{{Door: w.acquirer, Hosts: []string{sandboxtest.Local}}}}
	for _, brand := range w.acquirer.Wallets() {
		o.Wallets = append(o.Wallets, sandbox.Open{Wallet: brand})
	}
	w.cloud = sandboxtest.Cloud(t, o)
	return w
}

// shop writes the configuration of a shop in the town that sells without a line.
func (w *town) shop(more ...agent.Change) (file string) {
	w.t.Helper()
	head, rest, _ := strings.Cut(sound, "[[wallet]]")
	text := head
	for brand, extra := range map[string]string{"cornerpay": "modes = [\"show\"]\nissuer = 7\nissuer_roots = [\"secrets/root-1.pem\", \"secrets/root-2.pem\"]\n", "shopcard": "modes = [\"code\"]\n"} {
		text += fmt.Sprintf("[[wallet]]\nname = %q\nprotocol = \"gateway\"\nhosts = [%q]\nmerchant_id = %q\nsigning_key_id = %q\nsigning_key = \"secrets/terminal.pem\"\nacquirer_key_id = %q\nacquirer_key = \"secrets/acquirer.pem\"\ncurrencies = [\"CNY\"]\n%s\n",
			brand, w.cloud.HostURLs(gateway.Name)[0], gateway.Merchant, w.acquirer.Terminal().KeyID, w.acquirer.KeyID(), extra)
	}
	text += strings.ReplaceAll(rest[strings.Index(rest, "[[lane]]"):], "wechat", "cornerpay")
	file = equipped(w.t, text)
	private, err := w.acquirer.Terminal().PrivatePEM()
	if err != nil {
		w.t.Fatal(err)
	}
	public, err := w.acquirer.PublicPEM()
	if err != nil {
		w.t.Fatal(err)
	}
	roots, err := w.issuer.RootsPEM()
	if err != nil {
		w.t.Fatal(err)
	}
	dir := filepath.Join(filepath.Dir(file), "secrets")
	for name, pem := range map[string][]byte{"terminal.pem": private, "acquirer.pem": public, "root-1.pem": roots[0], "root-2.pem": roots[1]} {
		write(w.t, filepath.Join(dir, name), string(pem), 0o600)
	}
	owned(w.t, file)
	if r := invoke(w.t, "274951\n", "people", "set", "--config", file, "--role", "manager", "--name", "Mia"); r.code != cli.Fine {
		w.t.Fatalf("people set: %+v", r)
	}
	sellsOffline(w.t, file, append([]agent.Change{{Key: "codes.own", Value: `shopcard ^8800\d{16}$`}}, more...)...)
	return file
}

// control asks the sandbox's control API.
func (w *town) control(method, path, body string) map[string]any {
	w.t.Helper()
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.cloud.ControlURL()+"/_sandbox/"+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	out := map[string]any{}
	if err != nil || answer.StatusCode > 299 || len(text) > 0 && json.Unmarshal(text, &out) != nil {
		w.t.Fatalf("%s %s: %d %s %v", method, path, answer.StatusCode, text, err)
	}
	return out
}

// cut ends the line, and waits until the agent has noticed.
func (w *town) cut(r *running) {
	w.t.Helper()
	w.control("PUT", "faults", `[{"wallet":"*","operation":"*","kind":"refuse_connection"}]`)
	r.waits("the line's end", func() bool { return r.line() == "down" })
}

func (w *town) restore() { w.control("DELETE", "faults", "") }

func (r *running) line() string {
	_, status := r.call("GET", "/api/v1/status", "")
	return status["line"].(map[string]any)["state"].(string)
}

// phone makes a customer of a brand.
func (w *town) phone(brand string) string {
	return w.control("POST", "customers", `{"wallet":"`+brand+`","balance":9000000,"behaviour":"approve"}`)["id"].(string)
}

// offline is what the status says about selling without a line.
func (r *running) offline() (count int, status map[string]any) {
	_, all := r.call("GET", "/api/v1/status", "")
	status = all["offline"].(map[string]any)
	return int(status["all"].(map[string]any)["count"].(float64)), status
}

// within polls more seldom than waits does: a look costs an agent with much to do a while.
func (r *running) within(limit time.Duration, what string, ok func() bool) {
	r.t.Helper()
	for end := time.After(limit); !ok(); {
		select {
		case <-end:
			r.t.Fatalf("%s does not happen within %s: %s", what, limit, r.said())
		case <-time.After(20 * time.Millisecond):
		}
	}
}
