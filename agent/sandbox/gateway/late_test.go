package gateway

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"tillwire/agent/sandbox"
)

const shopCard = "shopcard"

// late is a charge of a code that the shop took some time ago.
func late(s *shop, n int, code string, ago time.Duration) string {
	return strings.Replace(charge(n, shopCard, "CNY", code), `"code"`, fmt.Sprintf(`"accepted_at":%q,"code"`, s.clock.Now().Add(-ago).Format(time.RFC3339)), 1)
}

// A card of the shop's own scheme is charged when the line is back, once.
func TestACodeChargedAfterTheSale(t *testing.T) {
	s := openShop(t, Options{})
	_, code := s.phone(shopCard, sandbox.Approve)
	s.clock.Move(3 * time.Hour)
	body := late(s, 1, code, 3*time.Hour)
	paid := s.want("paid", "POST", at(1, "/charge"), body)
	again := s.want("paid", "POST", at(1, "/charge"), body)
	if paid["mode"] != "code" || paid["txn"] != again["txn"] || paid["txn"] == nil {
		t.Errorf("the answers are %v and %v", paid, again)
	}
	if other := s.want("refused", "POST", at(2, "/charge"), late(s, 2, code, 3*time.Hour)); other["reason"] != "code_used" {
		t.Errorf("the code again is %v", other)
	}
	s.want("reversed", "POST", at(1, "/reverse"), undo(shopCard))
}

// The code is judged by the time of the sale, and nobody asks a customer who has
// left with the goods.
func TestACodeChargedLateIsJudgedByItsSale(t *testing.T) {
	for _, c := range []struct {
		name      string
		behaviour sandbox.Behaviour
		ago       time.Duration // before the charge, which comes an hour after the code was made
		want      string
	}{
		{"a customer with a password", sandbox.Password, time.Hour, "paid"},
		{"a slow one", sandbox.Slow, time.Hour, "paid"},
		{"one who never confirms", sandbox.Abandon, time.Hour, "paid"},
		{"one whom the card refuses", sandbox.Decline, time.Hour, "not_enough"},
		{"in the code's last second", sandbox.Approve, time.Hour - sandbox.PayCodeLife + time.Second, "paid"},
		{"after the code's end", sandbox.Approve, time.Hour - sandbox.PayCodeLife, "code_expired"},
		{"before the code was made, by a clock that is behind", sandbox.Approve, time.Hour + ahead - time.Second, "paid"},
		{"before there was such a code", sandbox.Approve, time.Hour + ahead + time.Second, "code_invalid"},
		{"longer ago than the scheme answers for", sandbox.Approve, 24*time.Hour + time.Second, "code_expired"},
		{"in the future, which no clock explains", sandbox.Approve, -ahead - time.Second, "code_expired"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := openShop(t, Options{})
			_, code := s.phone(shopCard, c.behaviour)
			s.clock.Move(time.Hour)
			_, answer := s.ask("POST", at(1, "/charge"), late(s, 1, code, c.ago))
			got := answer["state"]
			if got == "refused" {
				got = answer["reason"]
			}
			if got != c.want {
				t.Errorf("it is %v", answer)
			}
		})
	}
}

// Whoever spends the card before the line is back leaves the shop with the loss, and
// with the word of the scheme about it.
func TestACardThatWasEmptiedBeforeTheLateCharge(t *testing.T) {
	s := openShop(t, Options{})
	id, code := s.phone(shopCard, sandbox.Approve)
	made, err := s.ledger.IssueCode(t.Context(), id, func(string) (string, error) { return s.acquirer.Wallet(shopCard).PayCode() })
	if err != nil {
		t.Fatal(err)
	}
	s.want("paid", "POST", at(1, "/charge"), strings.Replace(charge(1, shopCard, "CNY", made.Code), "1280", "99000", 1))
	body := late(s, 2, code, time.Minute)
	if lost := s.want("refused", "POST", at(2, "/charge"), body); lost["reason"] != "not_enough" {
		t.Errorf("it is %v", lost)
	}
	// Money that comes onto the card later changes nothing: the refusal was given.
	s.want("reversed", "POST", at(1, "/reverse"), undo(shopCard))
	s.want("refused", "POST", at(2, "/charge"), body)
}

func TestWhatMayNotBeChargedLate(t *testing.T) {
	s := openShop(t, Options{})
	_, code := s.phone(shopCard, sandbox.Approve)
	body := late(s, 1, code, 0)
	s.want("amount_out_of_range", "POST", at(1, "/charge"), strings.Replace(body, "1280", "30001", 1))
	s.want("currency_not_supported", "POST", at(1, "/charge"), strings.Replace(body, "CNY", "THB", 1))
	s.want("invalid_request", "POST", at(1, "/charge"), strings.Replace(body, "2026-", "26-", 1))
	s.want("invalid_request", "POST", at(1, "/charge"), strings.Replace(body, `"accepted_at":"`, `"accepted_at":1,"other":"`, 1))
	// At the counter the limit of late charges does not count.
	s.want("paid", "POST", at(1, "/charge"), strings.Replace(charge(1, shopCard, "CNY", code), "1280", "30001", 1))

	_, momentary := s.phone("unionpay", sandbox.Approve)
	s.want("invalid_request", "POST", at(2, "/charge"), strings.Replace(late(s, 2, momentary, 0), shopCard, "unionpay", 1))
	_, all := s.ask("GET", "/capabilities?merchant=SANDBOX01", "")
	for _, b := range all["brands"].([]any) {
		b, _ := b.(map[string]any)
		if later := b["chargeable_later"]; (later != nil) != (b["brand"] == shopCard) {
			t.Errorf("%v says %v", b["brand"], later)
		}
		if later, _ := b["chargeable_later"].(map[string]any); later != nil && (later["max_age_s"] != 86400.0 || fmt.Sprint(later["max"]) !=
			"[map[currency:CNY value:30000] map[currency:SGD value:30000] map[currency:EUR value:30000]]") {
			t.Errorf("it says %v", later)
		}
	}
}
