package web

import (
	"net/http"
	"testing"
	"time"

	"tillwire/agent"
)

// approval asks for an approval and returns its id.
func (c *client) approval(pin, payment, amount string) string {
	c.t.Helper()
	return c.want(http.StatusCreated, "POST", "/approvals", `{"pin":"`+pin+`","payment":"`+payment+`","amount":`+amount+`}`).json(c.t)["approval"].(string)
}

// approves is approval for another act than a refund.
func (c *client) approves(what act, pin, payment, amount string) string {
	c.t.Helper()
	return c.want(http.StatusCreated, "POST", "/approvals", `{"pin":"`+pin+`","payment":"`+payment+`","amount":`+amount+`,"act":"`+string(what)+`"}`).json(c.t)["approval"].(string)
}

func refundBody(request, amount, approval string) string {
	return `{"request_id":"` + request + `","amount":` + amount + `,"reason":"cold soup","approval":"` + approval + `"}`
}

func TestARefundNeedsAManagersPIN(t *testing.T) {
	for _, amount := range []string{`1000`, `{"value":1000,"currency":"CNY"}`} {
		for _, who := range []string{"till", "cashier"} {
			t.Run(who+" "+amount, func(t *testing.T) {
				tm := newTerminal(t)
				id := string(tm.open("a", "scan"))
				tm.pay(agent.PaymentID(id))
				c := tm.till()
				if who == "cashier" {
					c = tm.signedIn("cas", "111111")
				}
				path := "/payments/" + id + "/refunds"
				if a := c.want(403, "POST", path, refundBody("r1", amount, "")); a.code(t) != "approval" {
					t.Errorf("without approval: %s", a.body)
				}
				approval := c.approval("222222", id, amount)
				got := c.want(201, "POST", path, refundBody("r1", amount, approval)).json(t)
				if got["status"] != "requested" || got["id"] != "r1" || got["payment"].(map[string]any)["status"] != "paid" {
					t.Errorf("the refund is %v", got)
				}
				again := c.want(200, "POST", path, refundBody("r1", amount, approval)).json(t)
				if again["repeated"] != true || again["refund_no"] != got["refund_no"] {
					t.Errorf("the same again: %v", again)
				}
				if a := c.want(403, "POST", path, refundBody("r2", "100", approval)); a.code(t) != "approval" {
					t.Errorf("an approval used twice: %s", a.body)
				}
				if n := len(tm.payments[0].Status.Refunds); n != 1 {
					t.Errorf("%d refunds were made", n)
				}
				if by := tm.payments[0].Status.Refunds[0].By; by != "person:mia" {
					t.Errorf("the refund was approved by %q", by)
				}
				if tm.audited("refund") != 1 || tm.audited("approval") != 1 {
					t.Error("the refund or its approval is not in the audit trail")
				}
			})
		}
	}
}

func anApprovalIsBound(t *testing.T) {
	tm := newTerminal(t)
	till := tm.till()
	first, second := string(tm.open("a", "scan")), ""
	tm.pay(agent.PaymentID(first))
	second = string(tm.open("b", "scan"))
	tm.pay(agent.PaymentID(second))
	tests := []struct {
		name, payment, amount string
		wait                  time.Duration
	}{
		{"to the amount", first, "1280", 0},
		{"to the payment", second, "1000", 0},
		{"for 60 s", first, "1000", 61 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			approval := till.approval("222222", first, "1000")
			tm.clock.advance(test.wait)
			if a := till.want(403, "POST", "/payments/"+test.payment+"/refunds", refundBody("x", test.amount, approval)); a.code(t) != "approval" {
				t.Errorf("got %s", a.body)
			}
			if a := till.want(403, "POST", "/payments/"+first+"/refunds", refundBody("x", "1000", approval)); a.code(t) != "approval" {
				t.Errorf("and afterwards: %s", a.body)
			}
		})
	}
}

// anApprovalServesOneRequest: of two clicks on one refund the second may ask
// before the first is recorded; it is no second refund, so it is not refused.
func anApprovalServesOneRequest(t *testing.T) {
	a := &approvals{clock: newHandClock(), open: map[string]approval{}}
	amount := agent.Money{Value: 1000, Currency: "CNY"}
	id := a.grant(actRefund, "p", amount, "mia")
	for _, test := range []struct {
		request string
		good    bool
	}{{"r1", true}, {"r1", true}, {"r2", false}, {"r1", true}} {
		by, err := a.take(actRefund, id, test.request, "p", amount)
		if test.good && (err != nil || by != "mia") || !test.good && agent.CodeOf(err) != agent.CodeApproval {
			t.Errorf("%s: approved by %q, %v", test.request, by, err)
		}
	}
}

func TestWhoMayApprove(t *testing.T) {
	tm := newTerminal(t)
	id := string(tm.open("a", "scan"))
	tm.pay(agent.PaymentID(id))
	tests := []struct {
		name, pin string
		status    int
	}{
		{"a manager's PIN", "222222", 201},
		{"the owner's password", "open sesame 123", 201},
		{"a cashier's PIN", "111111", 401},
		{"a wrong PIN", "999999", 401},
		{"a wrong password", "open sesame 124", 401},
		{"nothing", "", 401},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if a := tm.till().api("POST", "/approvals", `{"pin":"`+test.pin+`","payment":"`+id+`","amount":100}`); a.status != test.status {
				t.Errorf("got %d %s", a.status, a.body)
			}
		})
	}
	if a := tm.till().api("POST", "/approvals", `{"pin":"222222","payment":"`+id+`","amount":{"value":100,"currency":"EUR"}}`); a.status != 422 || a.code(t) != "currency" {
		t.Errorf("another currency: %d %s", a.status, a.body)
	}
	if a := tm.till().api("POST", "/approvals", `{"pin":"222222","payment":"nope","amount":100}`); a.status != 404 {
		t.Errorf("another payment: %d %s", a.status, a.body)
	}
	if a := tm.till().api("POST", "/approvals", `{"pin":"222222","payment":"`+id+`","amount":1.5}`); a.status != 422 {
		t.Errorf("a fraction: %d %s", a.status, a.body)
	}
}

func TestWrongApprovalsLockTheManagerOut(t *testing.T) {
	tm := newTerminal(t)
	id := string(tm.open("a", "scan"))
	tm.pay(agent.PaymentID(id))
	try := func(pin string) answer {
		return tm.till().api("POST", "/approvals", `{"pin":"`+pin+`","payment":"`+id+`","amount":100}`)
	}
	for range 5 {
		if a := try("000000"); a.status != 401 || a.code(t) != "sign_in" {
			t.Fatalf("a wrong PIN: %d %s", a.status, a.body)
		}
	}
	a := try("222222")
	if a.status != 429 || a.code(t) != "locked" || a.header.Get("Retry-After") != "30" {
		t.Errorf("the right PIN after five wrong ones: %d %s %v", a.status, a.body, a.header)
	}
	tm.clock.advance(31 * time.Second)
	if a := try("222222"); a.status != 201 {
		t.Errorf("after the wait: %d %s", a.status, a.body)
	}
}
