package checkout_test

import (
	"fmt"
	"strconv"
	"testing"

	"tillwire/agent"
)

func TestOffersSayWhatEachWalletCanDo(t *testing.T) {
	inShop(t, func(s *shop) {
		want := "[{Name:wechat Scan:true Show:true Currencies:[CNY] Test:true}]"
		if got := fmt.Sprintf("%+v", s.engine.Offers()); got != want {
			t.Errorf("the offers are %s, want %s", got, want)
		}
	})
}

// onlyShows is a wallet without codes on customers' phones.
type onlyShows struct {
	agent.Wallet
	agent.Presenter
	agent.Closer
}

// A currency that no wallet takes is refused before anybody holds a phone up.
func TestACurrencyThatNobodyTakesIsRefusedAtOnce(t *testing.T) {
	inShop(t, func(s *shop) {
		ask := func(mode agent.Mode, c agent.Currency) string {
			s.requests++
			p, _, err := s.engine.Open(t.Context(), agent.Request{Client: "till:1", RequestID: strconv.Itoa(s.requests), Lane: "2",
				Amount: agent.Money{Value: 1280, Currency: c}, Mode: mode})
			if err != nil {
				return agent.CodeOf(err)
			}
			if _, _, err := s.engine.Cancel(t.Context(), p.ID, "test"); err != nil {
				t.Error(err)
			}
			return ""
		}
		for _, mode := range []agent.Mode{agent.ModeScan, agent.ModeShow, agent.ModeAny} {
			if got := ask(mode, "THB"); got != agent.CodeCurrency {
				t.Errorf("%s in baht: %q", mode, got)
			}
		}
		if got := ask(agent.ModeScan, "CNY") + ask(agent.ModeAny, "CNY"); got != "" {
			t.Errorf("in yuan: %q", got)
		}
		s.stop()
		s.wallet = onlyShows{s.cloud, s.cloud, s.cloud}
		s.start()
		if got := ask(agent.ModeScan, "CNY"); got != agent.CodeCurrency {
			t.Errorf("a scan where no wallet takes codes: %q", got)
		}
		if got := ask(agent.ModeAny, "CNY"); got != "" {
			t.Errorf("either way where a code can be shown: %q", got)
		}
	})
}
