package web

import (
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
	if strings.Contains(page.body, "of another machine") {
		t.Error("nothing was put back")
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
	if len(tm.hastened) != 1 || tm.trusted != "person:own" || tm.audited("offline_forward") != 1 {
		t.Errorf("hurried %q, trusted by %q", tm.hastened, tm.trusted)
	}
}
