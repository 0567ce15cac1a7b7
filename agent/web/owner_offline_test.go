package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

// TestTheOwnerSeesWhatIsAtStakeAndWhatWasLost: each sale with its age and next try, each
// loss with its reason.
func TestTheOwnerSeesWhatIsAtStakeAndWhatWasLost(t *testing.T) {
	tm := offlineTerminal(t)
	sell := func(request string, way agent.Way) agent.PaymentID {
		id := tm.open(request, "any")
		tm.fact(id, agent.Fact{Kind: agent.FactOfflineShown, Wallet: "cornerpay", QR: "PC1:"})
		if _, err := tm.take(id, way, "person:cas"); err != nil {
			t.Fatal(err)
		}
		return id
	}
	sell("a", agent.WayDevice)
	for _, request := range []string{"b", "c"} {
		id := sell(request, agent.WayReceipt)
		tm.fact(id, agent.Fact{Kind: agent.FactForwardStarted, Op: agent.OpRedeem})
		tm.fact(id, agent.Fact{Kind: agent.FactLoss, Op: agent.OpRedeem, Reason: agent.ReasonSpentElse})
	}
	tm.clock.advance(95 * time.Minute)
	page := tm.owner().do("GET", "/owner/offline", "")
	for _, want := range []string{"1 of 3", "1 of 2", "¥12.80", "¥37.20", "Voucher of a phone", "Forward now", "redeemed elsewhere", "¥25.60", "tries: 2"} {
		if page.status != 200 || !strings.Contains(page.body, want) {
			t.Errorf("%d: the page does not say %q", page.status, want)
		}
	}
	for _, not := range []string{"of another machine", " more</a>"} {
		if strings.Contains(page.body, not) {
			t.Errorf("the page says %q", not)
		}
	}
	// A list that is cut off says so, and the sum is still of all of it.
	for i := range 600 {
		p := tm.payments[1]
		p.ID = agent.PaymentID(fmt.Sprint("more ", i))
		tm.payments = append(tm.payments, p)
	}
	page = tm.owner().do("GET", "/owner/offline", "")
	for _, want := range []string{"¥7,705.60", `<a href="/owner/payments?status=offline_rejected">and 552 more</a>`} {
		if !strings.Contains(page.body, want) {
			t.Errorf("of 602 losses the page does not say %q", want)
		}
	}
}

func TestTheOwnerForwardsAndTrustsAgain(t *testing.T) {
	tm := offlineTerminal(t)
	tm.putBack = tm.clock.Now()
	owner := tm.owner()
	if page := owner.do("GET", "/owner/offline", ""); !strings.Contains(page.body, "of another machine") {
		t.Errorf("%.400s", page.body)
	}
	for _, path := range []string{"/owner/offline/forward", "/owner/offline/trust"} {
		if a := owner.post(path); a.status != http.StatusSeeOther {
			t.Errorf("%s: %d %.200s", path, a.status, a.body)
		}
		if a := tm.signedIn("mia", "222222").post(path); a.status != http.StatusForbidden {
			t.Errorf("a manager on %s: %d", path, a.status)
		}
	}
	if tm.forwarded != 1 || tm.trusted != "person:own" || tm.audited("offline_forward") != 1 {
		t.Errorf("hurried %d times, trusted by %q", tm.forwarded, tm.trusted)
	}
	// What was given up comes back, and the page says so.
	tm.buried = 3
	a := owner.post("/owner/offline/forward")
	if to := a.header.Get("Location"); to != "/owner/offline?revived=3" || !strings.Contains(owner.do("GET", to, "").body, "given up before: 3") {
		t.Errorf("brought back, then at %q", to)
	}
	for _, other := range []string{"", "?revived=0", "?revived=%3Cb%3E"} {
		if page := owner.do("GET", "/owner/offline"+other, "").body; strings.Contains(page, "given up before") {
			t.Errorf("%q: nothing was brought back", other)
		}
	}
}

// TestTheOwnerPutsTheTimeRight after a clock had run ahead.
func TestTheOwnerPutsTheTimeRight(t *testing.T) {
	confirmed := false
	tm := newTerminal(t, func(o *Options) { o.Policy, o.Confirmed = caps, func() bool { return confirmed } })
	owner := tm.owner()
	const form = "/owner/offline/time"
	for ahead, offered := range map[time.Duration]bool{-time.Hour: false, time.Minute: false, 8 * 365 * 24 * time.Hour: true} {
		tm.seen = tm.clock.Now().Add(ahead)
		if page := owner.do("GET", "/owner/offline", "").body; strings.Contains(page, form) != offered {
			t.Errorf("%s ahead: offered %t", ahead, !offered)
		}
	}
	tm.seen = tm.clock.Now().Add(time.Hour)
	if a := tm.signedIn("mia", "222222").post(form); a.status != http.StatusForbidden || tm.trusted != "" {
		t.Errorf("a manager: %d", a.status)
	}
	if a := owner.post(form); a.status != http.StatusConflict || tm.trusted != "" || !strings.Contains(a.body, "No wallet has confirmed the clock") {
		t.Errorf("a clock that nobody has confirmed: %d, by %q", a.status, tm.trusted)
	}
	confirmed = true
	if a := owner.post(form); a.status != http.StatusSeeOther || tm.trusted != "person:own" {
		t.Errorf("the owner: %d, by %q", a.status, tm.trusted)
	}
	if page := owner.do("GET", "/owner/offline", "").body; strings.Contains(page, form) {
		t.Error("it is offered again")
	}
}

// TestTheOwnerWritesOffWhatCannotBeCollected: with the password and a reason, once its
// collection was tried.
func TestTheOwnerWritesOffWhatCannotBeCollected(t *testing.T) {
	tm := offlineTerminal(t)
	id := tm.open("a", "any")
	tm.fact(id, agent.Fact{Kind: agent.FactOfflineShown, Wallet: "cornerpay", QR: "PC1:"})
	if _, err := tm.take(id, agent.WayDevice, "person:cas"); err != nil {
		t.Fatal(err)
	}
	owner, path := tm.owner(), "/owner/payments/"+string(id)
	form := path + "/write-off"
	if page := owner.do("GET", path, "").body; strings.Contains(page, form) {
		t.Error("what was not tried can be written off")
	}
	tm.fact(id, agent.Fact{Kind: agent.FactForwardStarted, Op: agent.OpRedeem})
	if page := owner.do("GET", path, "").body; !strings.Contains(page, form) || strings.Contains(page, path+"/refund") {
		t.Error("the page does not offer it, or offers a refund")
	}
	for _, test := range []struct {
		reason, password string
		status           int
		says             string
	}{{"its wallet is gone", "wrong password", 401, "That is not right"}, {"", "open sesame 123", 400, "Why?"}} {
		a := owner.post(form, "reason", test.reason, "password", test.password)
		if a.status != test.status || !strings.Contains(a.body, test.says) || !strings.Contains(a.body, `value="`+test.reason+`"`) || strings.Contains(a.body, test.password) {
			t.Errorf("%q with %q: %d %s", test.reason, test.password, a.status, a.body[max(0, len(a.body)-1500):])
		}
	}
	for who, c := range map[string]*client{"nobody": tm.page(), "a manager": tm.signedIn("mia", "222222"), "another site": tm.owner().with("Sec-Fetch-Site", "cross-site")} {
		if a := c.post(form, "reason", "x", "password", "open sesame 123"); a.status != 401 && a.status != 403 {
			t.Errorf("%s: %d", who, a.status)
		}
	}
	if p, _ := tm.Payment(t.Context(), id); p.Status.State != agent.Redeeming {
		t.Fatalf("a refusal made it %s", p.Status.State)
	}
	if a := owner.post(form, "reason", "its wallet is gone", "password", "open sesame 123"); a.status != http.StatusSeeOther || a.header.Get("Location") != path {
		t.Fatalf("%d %.300s", a.status, a.body)
	}
	page := owner.do("GET", path, "").body
	for _, want := range []string{"written it off", "its wallet is gone", "Olive"} {
		if !strings.Contains(page, want) {
			t.Errorf("the story does not say %q", want)
		}
	}
	if strings.Contains(page, form) || tm.audited("offline_write_off") != 1 {
		t.Error("it is offered again, or nobody wrote it down")
	}
	if page := owner.do("GET", "/owner/offline", "").body; !strings.Contains(page, "written it off") || !strings.Contains(page, "¥12.80") {
		t.Error("the loss is not among the losses")
	}
}
