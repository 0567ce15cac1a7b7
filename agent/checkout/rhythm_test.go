package checkout_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"tillwire/agent"
)

// TestAlipaysRhythm: a question every three seconds, and the cancellation with
// nothing between it and the last one, because the customer may confirm in a gap
// (Alipay, code payment).
func TestAlipaysRhythm(t *testing.T) {
	alipay := func(string) agent.Timers { return agent.DefaultTimers("alipay") }
	for _, first := range []fault{mustAgree, lostBack} {
		inShopOf(t, alipay, func(s *shop) {
			s.cloud.plan(agent.OpPay, first)
			if first == lostBack {
				// The order stands and nobody can say what became of it.
				s.cloud.forever(lostOut, agent.OpQuery)
			}
			p := s.open(agent.ModeScan)
			begun := s.clock.Mono()
			var asked []string
			s.cloud.heard = func(op agent.Operation) {
				asked = append(asked, fmt.Sprint(op, " ", (s.clock.Mono()-begun).Round(time.Millisecond)))
				if op == agent.OpReverse {
					s.cloud.always = map[agent.Operation]fault{}
				}
			}
			s.scan(goodCode)
			s.settle(p.ID, 70*time.Second)
			want := []string{"pay 0s"}
			for at := 3 * time.Second; at <= time.Minute; at += 3 * time.Second {
				want = append(want, fmt.Sprint("query ", at))
			}
			want = append(want, "reverse 1m0s", "query 1m0s")
			if !slices.Equal(asked, want) {
				t.Errorf("%s:\n%v\nwant\n%v", first, asked, want)
			}
		})
	}
}
