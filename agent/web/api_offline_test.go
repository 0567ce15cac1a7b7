package web

import (
	"fmt"
	"net/http"
	"reflect"
	"testing"
	"time"

	"tillwire/agent"
)

func caps() agent.OfflinePolicy {
	return agent.OfflinePolicy{On: true, Ways: agent.Ways(), Least: agent.RoleCashier, Window: 24 * time.Hour, Count: 3, LaneCount: 2,
		Caps: map[agent.Currency]agent.OfflineCap{"CNY": {Ceiling: 2000, Exact: 5000, Stored: 5000, Lane: 3000}}}
}

func offlineTerminal(t *testing.T) *terminal {
	return newTerminal(t, func(o *Options) { o.Policy = caps })
}

func TestTheStatusSaysWhatIsLeftOfEachCap(t *testing.T) {
	tm := offlineTerminal(t)
	till := tm.till()
	read := func() map[string]any { return till.want(200, "GET", "/status", "").json(t)["offline"].(map[string]any) }
	if got := read(); got["on"] != true || got["since"] != nil || got["until"] != nil || fmt.Sprint(got["shows"], got["later"]) != "[cornerpay] [shopcard]" {
		t.Errorf("nothing waits: %v", got)
	}
	id := tm.open("a", "any")
	tm.fact(id, agent.Fact{Kind: agent.FactOfflineShown, Wallet: "cornerpay", QR: "PC1:"})
	if _, err := tm.take(id, agent.WayDevice, "person:cas"); err != nil {
		t.Fatal(err)
	}
	got := read()
	sum := func(most, left float64) []any {
		return []any{map[string]any{"currency": "CNY", "value": 1280.0, "most": most, "left": left}}
	}
	want := map[string]any{"count": 1.0, "most": 3.0, "sums": sum(5000, 3720)}
	if !reflect.DeepEqual(got["all"], want) {
		t.Errorf("the terminal: %v, want %v", got["all"], want)
	}
	want = map[string]any{"count": 1.0, "most": 2.0, "sums": sum(3000, 1720)}
	if lanes := got["lanes"].(map[string]any); !reflect.DeepEqual(lanes["1"], want) || lanes["2"].(map[string]any)["count"] != 0.0 {
		t.Errorf("the lanes: %v, want %v", lanes, want)
	}
	if since, _ := got["since"].(string); since == "" || got["until"] == nil {
		t.Errorf("since %v until %v", got["since"], got["until"])
	}
}

func TestGoingOfflineIsTheCallersAct(t *testing.T) {
	for who, want := range map[string]string{"till": "till:till-1", "cashier": "person:cas", "manager": "person:mia"} {
		t.Run(who, func(t *testing.T) {
			tm := offlineTerminal(t)
			id := string(tm.open("a", "any"))
			c := tm.till()
			body := `{"wallet":"cornerpay"}`
			switch who {
			case "cashier":
				c = tm.signedIn("cas", "111111")
			case "manager":
				tm.least = agent.RoleManager
				c = tm.signedIn("cas", "111111")
				if a := c.want(http.StatusConflict, "POST", "/payments/"+id+"/offline", body); a.code(t) != "offline" {
					t.Errorf("a cashier: %s", a.body)
				}
				body = `{"approval":"` + c.approves(actOffline, "222222", id, "1280") + `"}`
			}
			got := c.want(http.StatusAccepted, "POST", "/payments/"+id+"/offline", body).json(t)
			if got["status"] != "qr_shown" || got["qr"] == "" || tm.payments[0].Facts[1].By != want || tm.audited("offline") != 1 {
				t.Errorf("%v, by %s", got, tm.payments[0].Facts[1].By)
			}
		})
	}
}

// TestOnSightAndVoidNeedAManagersPIN: both decide about goods that go or are gone.
func TestOnSightAndVoidNeedAManagersPIN(t *testing.T) {
	for path, action := range map[string]string{"sight": "offline_sight", "void": "offline_void"} {
		t.Run(path, func(t *testing.T) {
			tm := offlineTerminal(t)
			id := tm.open("a", "any")
			tm.fact(id, agent.Fact{Kind: agent.FactOfflineShown, Wallet: "cornerpay", QR: "PC1:"})
			want := "offline_accepted"
			if path == "void" {
				if _, err := tm.take(id, agent.WayDevice, "person:cas"); err != nil {
					t.Fatal(err)
				}
				want = "voided"
			}
			c, call := tm.signedIn("cas", "111111"), "/payments/"+string(id)+"/"+path
			what := act(path)
			other := map[act]act{actSight: actVoid, actVoid: actSight}[what]
			for _, approval := range []string{"", c.approves(what, "222222", string(id), "1000"), c.approval("222222", string(id), "1280"), c.approves(other, "222222", string(id), "1280")} {
				if a := c.want(http.StatusForbidden, "POST", call, `{"approval":"`+approval+`"}`); a.code(t) != "approval" {
					t.Errorf("with %q: %s", approval, a.body)
				}
			}
			got := c.want(http.StatusAccepted, "POST", call, `{"approval":"`+c.approves(what, "222222", string(id), "1280")+`"}`).json(t)
			if got["status"] != want || tm.audited(action) != 1 {
				t.Errorf("%v", got)
			}
			accepted, _ := got["offline"].(map[string]any)
			if by := accepted["by"]; path == "sight" && (by != "person:mia" || accepted["way"] != "sight" || accepted["at_stake"] != true) {
				t.Errorf("accepted %v", accepted)
			}
		})
	}
}

func TestForwardNowHurriesWhatWaits(t *testing.T) {
	tm := offlineTerminal(t)
	tm.buried = 2
	for _, revived := range []float64{2, 0} {
		if got := tm.till().want(http.StatusAccepted, "POST", "/forward", "").json(t); got["on"] != true || got["revived"] != revived {
			t.Errorf("%v, want %v brought back", got, revived)
		}
	}
	if tm.forwarded != 2 {
		t.Errorf("hurried %d times", tm.forwarded)
	}
}

// TestAnApprovalIsForOneAct: a PIN that was given for a look at a phone's screen gives no
// money back, and an act that nobody knows is not approved.
func TestAnApprovalIsForOneAct(t *testing.T) {
	tm := offlineTerminal(t)
	id := string(tm.open("a", "scan"))
	tm.pay(agent.PaymentID(id))
	c := tm.signedIn("cas", "111111")
	for _, what := range []act{actOffline, actSight, actVoid} {
		body := refundBody("r", "1280", c.approves(what, "222222", id, "1280"))
		if a := c.want(http.StatusForbidden, "POST", "/payments/"+id+"/refunds", body); a.code(t) != "approval" {
			t.Errorf("%s: %s", what, a.body)
		}
	}
	if a := c.want(http.StatusBadRequest, "POST", "/approvals", `{"pin":"222222","payment":"`+id+`","amount":1280,"act":"everything"}`); a.code(t) != "unreadable" {
		t.Errorf("another act: %s", a.body)
	}
	c.want(http.StatusCreated, "POST", "/payments/"+id+"/refunds", refundBody("r", "1280", c.approves(actRefund, "222222", id, "1280")))
	if p, _ := tm.Payment(t.Context(), agent.PaymentID(id)); len(p.Status.Refunds) != 1 {
		t.Errorf("given back: %+v", p.Status.Refunds)
	}
}
