package checkout_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet/voucher"
)

// notShown opens a sale and wants it to show nothing, for a reason.
func (s *shop) notShown(id string) agent.Payment {
	s.t.Helper()
	p, err := s.engine.GoOffline(s.t.Context(), s.open(agent.ModeAny).ID, "", "person:1", agent.RoleCashier)
	var e *agent.Error
	if !errors.As(err, &e) || e.Say.ID != id || e.Code != agent.CodeOffline {
		s.t.Fatalf("going offline: %v, want %s", err, id)
	}
	synctest.Wait()
	if p = s.want(p.ID, agent.Created); s.display.shows().QR != "" {
		s.t.Fatalf("the display shows %+v", s.display.shows())
	}
	return p
}

// TestNothingIsShownThatWouldBeRefused: what the terminal knows it says before a customer
// pays or signs, and only where no way is left.
func TestNothingIsShownThatWouldBeRefused(t *testing.T) {
	signed := []agent.Way{agent.WayReceipt, agent.WayDevice, agent.WayBearer}
	for name, tc := range map[string]struct {
		change func(*shop, *agent.OfflinePolicy)
		want   string // "" is shown
	}{
		"nothing is wrong": {func(*shop, *agent.OfflinePolicy) {}, ""},
		"a store that was put back": {func(s *shop, _ *agent.OfflinePolicy) {
			s.offline.PutBack = func(context.Context) (time.Time, error) { return s.clock.Now(), nil }
		}, voucher.PolicyRestored},
		"a store that was put back and looked": {func(s *shop, _ *agent.OfflinePolicy) {
			s.offline.PutBack = func(context.Context) (time.Time, error) { return time.Time{}, nil }
		}, ""},
		"a clock that was set back": {func(s *shop, _ *agent.OfflinePolicy) {
			if err := s.journal.Saw(s.t.Context(), s.clock.Now().Add(time.Hour)); err != nil {
				s.t.Fatal(err)
			}
		}, voucher.PolicyClock},
		"no list of issuers": {func(s *shop, p *agent.OfflinePolicy) {
			s.offline.Keys = func() *voucher.KeySet { return nil }
			p.Ways = signed
		}, string(voucher.NoKeys)},
		"no list, and a manager may look": {func(s *shop, p *agent.OfflinePolicy) { s.offline.Keys = func() *voucher.KeySet { return nil } }, ""},
		"a list that is too old":          {func(s *shop, p *agent.OfflinePolicy) { p.TrustAge, p.Ways = time.Minute, signed }, string(voucher.KeysOld)},
		"a currency that is not taken":    {func(_ *shop, p *agent.OfflinePolicy) { p.Caps = nil }, voucher.PolicyCurrency},
		"too much for a phone": {func(_ *shop, p *agent.OfflinePolicy) {
			p.Ways = signed[1:]
			p.Caps["CNY"] = agent.OfflineCap{Stored: 5000, Lane: 5000}
		}, voucher.PolicyAmount},
		"too much for a phone, not a receipt": {func(_ *shop, p *agent.OfflinePolicy) { p.Caps["CNY"] = agent.OfflineCap{Stored: 5000, Lane: 5000} }, ""},
		"a cashier may not":                   {func(_ *shop, p *agent.OfflinePolicy) { p.Least, p.Ways = agent.RoleManager, signed }, voucher.PolicyRole},
		"no way at all":                       {func(_ *shop, p *agent.OfflinePolicy) { p.Ways = []agent.Way{agent.WayDeferred} }, voucher.PolicyWay},
	} {
		t.Run(name, func(t *testing.T) {
			cut(t, func(s *shop, _ *issuing) {
				policy := allowed()
				s.offline.Policy = func() agent.OfflinePolicy { return policy }
				tc.change(s, &policy)
				if tc.want != "" {
					s.notShown(tc.want)
				} else if p := s.offer(); p.Status.QR == "" {
					s.t.Error("nothing is shown")
				}
			})
		})
	}
}
