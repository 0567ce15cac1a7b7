package main

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/keyring"
	"tillwire/agent/settings"
	"tillwire/offline/journaltest"
)

// begin opens a sale and takes it offline.
func (r *running) begin(n int, wallet string) (id, qr string) {
	r.t.Helper()
	_, opened := r.call("POST", "/api/v1/payments", fmt.Sprintf(`{"request_id":"sale %d","lane":"1","amount":{"value":1280,"currency":"CNY"},"reference":"","mode":"any"}`, n))
	id, _ = opened["id"].(string)
	status, p := r.call("POST", "/api/v1/payments/"+id+"/offline", `{"wallet":"`+wallet+`"}`)
	if status != http.StatusAccepted {
		r.t.Fatalf("offline: %d %v", status, p)
	}
	qr, _ = p["qr"].(string)
	return id, qr
}

// scan hands a code in at the lane and wants the answer.
func (r *running) scan(code string, accepted bool, say string) {
	r.t.Helper()
	_, answer := r.call("POST", "/api/v1/lanes/1/scan", fmt.Sprintf(`{"text":%q}`, code))
	if got, _ := answer["say"].(string); answer["accepted"] != accepted || !strings.Contains(got, say) {
		r.t.Fatalf("the counter says %q, accepted %v; want %q", got, answer["accepted"], say)
	}
}

// TestAnOutageFromTheCutToTheLedger: the shipped agent sells in every way while the line
// is down, stops at the cap, and collects everything when the line is back.
func TestAnOutageFromTheCutToTheLedger(t *testing.T) {
	w := openTown(t)
	r := started(t, w.shop(agent.Change{Key: settings.OfflineCount, Value: "5"}))
	r.ready()
	r.waits("the list of issuers and what the gateway can do", func() bool {
		return strings.Contains(r.said(), `"msg":"list of issuers"`) && r.line() == "online"
	})
	cora, flying, sam := w.phone("cornerpay"), w.phone("cornerpay"), w.phone("shopcard")
	w.control("POST", "customers/"+flying+"/carry", `{"flight":true}`)
	bearer := w.control("POST", "customers/"+cora+"/voucher", `{"kind":"bearer","amount":1280}`)["code"].(string)
	card := w.control("POST", "customers/"+sam+"/paycode", "")["code"].(string)
	w.cut(r)

	_, shown := r.begin(1, "cornerpay")
	r.scan(w.control("POST", "customers/"+cora+"/scan", fmt.Sprintf(`{"qr":%q}`, shown))["code"].(string), true, "Receipt verified")
	_, shown = r.begin(2, "cornerpay")
	r.scan(w.control("POST", "customers/"+flying+"/scan", fmt.Sprintf(`{"qr":%q}`, shown))["code"].(string), true, "not yet collected")
	r.begin(3, "cornerpay")
	r.scan(bearer, true, "not yet collected")
	r.begin(4, "shopcard")
	r.scan(card, true, "not yet collected")
	sight, shown := r.begin(5, "cornerpay")
	w.control("POST", "customers/"+cora+"/scan", fmt.Sprintf(`{"qr":%q}`, shown)) // paid, and nobody scans the receipt
	_, approval := r.call("POST", "/api/v1/approvals", `{"pin":"274951","payment":"`+sight+`","amount":1280,"act":"sight"}`)
	if status, p := r.call("POST", "/api/v1/payments/"+sight+"/sight", fmt.Sprintf(`{"approval":%q}`, approval["approval"])); status != http.StatusAccepted || p["status"] != "offline_accepted" {
		t.Fatalf("on sight: %d %v", status, p)
	}
	if count, status := r.offline(); count != 5 || status["all"].(map[string]any)["sums"].([]any)[0].(map[string]any)["left"] != 500000.0-5*1280 {
		t.Errorf("at stake: %v", status)
	}
	if _, metrics := r.call("GET", "/metrics", ""); !strings.Contains(fmt.Sprint(metrics["text"]), `tillwire_offline_uncollected_minor_units{currency="CNY",lane="1"} 6400`) {
		t.Errorf("/metrics lacks what is at stake: %v", metrics["text"])
	}
	_, opened := r.call("POST", "/api/v1/payments", `{"request_id":"sale 6","lane":"1","amount":{"value":1280,"currency":"CNY"},"reference":"","mode":"any"}`)
	sixth, _ := opened["id"].(string)
	status, refused := r.call("POST", "/api/v1/payments/"+sixth+"/offline", `{"wallet":"cornerpay"}`)
	if say, _ := refused["say"].(string); status != http.StatusConflict || refused["code"] != agent.CodeOffline || !strings.Contains(say, "5 sales wait to be collected") {
		t.Errorf("over the limit: %d %v", status, refused)
	}
	r.call("POST", "/api/v1/payments/"+sixth+"/cancel", "")

	w.restore()
	r.within(patience, "everything is collected", func() bool { count, _ := r.offline(); return count == 0 })
	_, paid := r.call("GET", "/api/v1/payments?status=paid", "")
	if n := len(paid["payments"].([]any)); n != 5 {
		t.Errorf("%d sales were paid: %v", n, paid)
	}
	captured := 0
	for _, row := range w.control("GET", "ledger", "")["orders"].([]any) {
		o := row.(map[string]any)
		if o["captured"] == 1280.0 && o["refunded"] == 0.0 && o["reversed"] == false {
			captured++
		} else if o["captured"] != 0.0 {
			t.Errorf("the ledger has %v", o)
		}
	}
	if captured != 5 {
		t.Errorf("%d orders are captured in the ledger", captured)
	}
}

// TestFiveHundredSalesAreForwarded when the line is back, and one that the issuer refuses
// delays nobody. How soon that is over is measured by the campaign, in time of its own.
func TestFiveHundredSalesAreForwarded(t *testing.T) {
	const sales = 500
	w := openTown(t)
	file := w.shop(agent.Change{Key: settings.OfflineCount, Value: "500"}, agent.Change{Key: settings.OfflineLaneCount, Value: "500"})
	phone := w.phone("cornerpay")
	codes := make([]string, sales)
	for n := range codes {
		codes[n] = w.control("POST", "customers/"+phone+"/voucher", `{"kind":"bearer","amount":1280}`)["code"].(string)
	}
	codes[sales/2] = codes[0] // whoever copied it is too late
	accepted(t, file, codes)
	w.control("PUT", "faults", `[{"wallet":"*","operation":"*","kind":"refuse_connection"}]`)
	r := started(t, file)
	r.ready()
	r.waits("the line's end", func() bool { return r.line() == "down" })
	if count, _ := r.offline(); count != sales {
		t.Fatalf("%d of %d wait", count, sales)
	}
	w.restore()
	r.within(patience, "everything is forwarded", func() bool { count, _ := r.offline(); return count == 0 })
	_, lost := r.call("GET", "/api/v1/payments?status=offline_rejected", "")
	if list := lost["payments"].([]any); len(list) != 1 || !strings.Contains(list[0].(map[string]any)["say"].(string), "redeemed elsewhere") {
		t.Errorf("lost: %v", list)
	}
	if orders := w.control("GET", "ledger", "")["orders"].([]any); len(orders) != sales {
		t.Errorf("%d orders in the ledger", len(orders))
	}
}

// accepted puts accepted sales into a stopped shop's store, as its lane would have.
func accepted(t *testing.T, file string, codes []string) {
	t.Helper()
	c, _, err := readConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.Open(filepath.Join(c.Terminal.Data, keysFolder))
	if err != nil {
		t.Fatal(err)
	}
	a := &app{stderr: io.Discard, env: func(string) string { return "" }, clock: agent.NewSystemClock()}
	store, err := a.openOwnStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	policy := agent.OfflinePolicy{On: true, Ways: agent.Ways(), Window: time.Hour, Count: len(codes), LaneCount: len(codes),
		Caps: map[agent.Currency]agent.OfflineCap{"CNY": {Ceiling: 1280, Stored: 1 << 30, Lane: 1 << 30}}}
	for n, code := range codes {
		p, err := store.Open(t.Context(), journaltest.Sale(n, fmt.Sprint(n)), agent.Fact{Kind: agent.FactOpened}, agent.Fact{Kind: agent.FactOfflineShown, Wallet: "cornerpay", QR: "PC1:"})
		if err != nil {
			t.Fatal(err)
		}
		sealed, err := keys.Seal(string(p.ID), []byte(code))
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		if _, err := store.Accept(t.Context(), p.ID, p.Version, agent.Acceptance{Policy: policy, Role: agent.RoleManager, Now: now, Sealed: sealed,
			Fact:  agent.Fact{Kind: agent.FactOfflineAccepted, At: now, Way: agent.WayBearer, Wallet: "cornerpay", Amount: 1280, Key: fmt.Sprintf("7|%d|0", n)},
			Spend: &agent.Spend{Issuer: 7, ID: fmt.Appendf(nil, "sale %011d", n), Until: now.Add(time.Hour)}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
}
