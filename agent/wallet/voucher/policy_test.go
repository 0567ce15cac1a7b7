package voucher_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet/voucher"
)

var t0 = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

func by(way agent.Way) agent.Fact {
	return agent.Fact{Kind: agent.FactOfflineAccepted, Way: way, Wallet: "citypay", Amount: 1280}
}

func policy() agent.OfflinePolicy {
	return agent.OfflinePolicy{On: true, Ways: agent.Ways(), Least: agent.RoleCashier, Window: 24 * time.Hour, TrustAge: 72 * time.Hour,
		Count: 3, LaneCount: 2, DeviceDay: 2, Caps: map[agent.Currency]agent.OfflineCap{"CNY": {Ceiling: 2000, Exact: 5000, Stored: 9000, Lane: 6000}}}
}

// stake is what two lanes have accepted so far: 3,000 here and 1,000 there.
func stake() agent.Exposure {
	sums := func(n int64) map[agent.Currency]int64 { return map[agent.Currency]int64{"CNY": n} }
	return agent.Exposure{Stored: agent.Stored{Count: 2, Sums: sums(4000)}, Since: t0, Lanes: map[string]agent.Stored{
		"1": {Count: 1, Sums: sums(3000)}, "2": {Count: 1, Sums: sums(1000)}}}
}

// answeredFor is a code behind which its issuer stands with a sum.
func answeredFor(minor int64) *agent.Spend {
	return &agent.Spend{Issuer: 7, ID: []byte("device 1"), Counter: 1, Allowance: minor}
}

// sale is one acceptance that the policy lets through; cases change it.
type sale struct {
	a      agent.Acceptance
	p      agent.OfflinePolicy
	e      agent.Exposure
	amount agent.Money
	device voucher.Device
}

func TestThePolicySaysTheFirstThingThatIsWrong(t *testing.T) {
	cases := []struct {
		want string
		make func(*sale)
	}{ // in the order in which they are looked at: each case leaves all those below it wrong, too
		{voucher.PolicyOff, func(s *sale) { s.p.On = false }},
		{voucher.PolicyWay, func(s *sale) { s.p.Ways = []agent.Way{agent.WayReceipt} }},
		{voucher.PolicyRole, func(s *sale) { s.p.Least = agent.RoleManager }},
		{voucher.PolicyClock, func(s *sale) { s.a.Behind = true }},
		{voucher.PolicyWindow, func(s *sale) { s.a.Now = t0.Add(24 * time.Hour) }},
		{voucher.PolicyCount, func(s *sale) { s.p.Count = 2 }},
		{voucher.PolicyLaneCount, func(s *sale) { s.p.LaneCount = 1 }},
		{voucher.PolicyCurrency, func(s *sale) { s.amount.Currency = "THB" }},
		{voucher.PolicyAmount, func(s *sale) { s.amount.Value = 5001 }},
		{voucher.PolicyStored, func(s *sale) { s.e.Sums["CNY"] = 8500 }},
		{voucher.PolicyLane, func(s *sale) { s.e.Lanes["1"].Sums["CNY"] = 5500 }},
		{voucher.PolicyDevice, func(s *sale) { s.device.Today = 2 }},
		{voucher.PolicyAllowance, func(s *sale) { s.device.Taken = 1001 }},
		{"", func(*sale) {}},
	}
	for i := range cases {
		s := sale{p: policy(), e: stake(), amount: agent.Money{Value: 1000, Currency: "CNY"}, device: voucher.Device{Today: 1, Taken: 1000},
			a: agent.Acceptance{Fact: by(agent.WayDevice), Exact: true, Role: agent.RoleCashier, Now: t0.Add(time.Hour), Spend: answeredFor(2000)}}
		for _, c := range slices.Backward(cases[i:]) {
			c.make(&s)
		}
		err := voucher.Allow(s.p, s.e, s.a, "1", s.amount, s.device)
		if got := idOf(err); got != cases[i].want || err != nil && agent.CodeOf(err) != agent.CodeOffline {
			t.Errorf("want %q, got %q: %v", cases[i].want, got, err)
		}
	}
}

// idOf is the sentence of a refusal, or what is wrong with it.
func idOf(err error) string {
	e, refused := err.(*agent.Error)
	switch {
	case !refused:
		return ""
	case e.Say.English == "" || strings.Contains(e.Say.English, "%"):
		return "it reads " + e.Say.English
	}
	return e.Say.ID
}

func TestEachCapHoldsToTheLastMinorUnit(t *testing.T) {
	for name, tc := range map[string]struct {
		way    agent.Way
		exact  bool
		amount int64
		change func(*agent.Exposure)
		want   string
	}{
		"a code not signed for the sale":      {agent.WayDevice, false, 2000, nil, ""},
		"one more":                            {agent.WayDevice, false, 2001, nil, voucher.PolicyAmount},
		"a bearer voucher":                    {agent.WayBearer, false, 2001, nil, voucher.PolicyAmount},
		"a code charged later":                {agent.WayDeferred, false, 2001, nil, voucher.PolicyAmount},
		"on sight":                            {agent.WaySight, false, 2001, nil, voucher.PolicyAmount},
		"a code signed for it, this lane's":   {agent.WayDevice, true, 3000, nil, ""},
		"one more than this lane's":           {agent.WayDevice, true, 3001, nil, voucher.PolicyLane},
		"what the terminal has left":          {agent.WayDevice, true, 500, func(e *agent.Exposure) { e.Sums["CNY"] = 8500 }, ""},
		"one more than the terminal has left": {agent.WayDevice, true, 501, func(e *agent.Exposure) { e.Sums["CNY"] = 8500 }, voucher.PolicyStored},
		"a receipt has no cap of its own":     {agent.WayReceipt, true, 9000, func(e *agent.Exposure) { *e = agent.Exposure{} }, voucher.PolicyLane},
		"and fills the sums all the same":     {agent.WayReceipt, true, 6000, func(e *agent.Exposure) { *e = agent.Exposure{} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := stake()
			if tc.change != nil {
				tc.change(&e)
			}
			a := agent.Acceptance{Fact: by(tc.way), Exact: tc.exact, Role: agent.RoleManager, Now: t0, Spend: answeredFor(9000)}
			if got := idOf(voucher.Allow(policy(), e, a, "1", agent.Money{Value: tc.amount, Currency: "CNY"}, voucher.Device{})); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// TestAClockThatNobodySet: only what was made for this sale proves its own age.
func TestAClockThatNobodySet(t *testing.T) {
	for _, way := range agent.Ways() {
		for exact, want := range map[bool]string{true: "", false: voucher.PolicyUnset} {
			a := agent.Acceptance{Fact: by(way), Exact: exact, Unset: true, Role: agent.RoleManager, Now: t0, Spend: answeredFor(1)}
			if got := idOf(voucher.Allow(policy(), agent.Exposure{}, a, "1", agent.Money{Value: 1, Currency: "CNY"}, voucher.Device{})); got != want {
				t.Errorf("%s, exact %t: %q, want %q", way, exact, got, want)
			}
		}
	}
}

func TestOnSightNeedsAManagerWhateverThePolicySays(t *testing.T) {
	for role, want := range map[agent.Role]string{"": voucher.PolicyRole, agent.RoleCashier: voucher.PolicyRole, agent.RoleManager: "", agent.RoleOwner: ""} {
		a := agent.Acceptance{Fact: by(agent.WaySight), Role: role, Now: t0}
		if got := idOf(voucher.Allow(policy(), agent.Exposure{}, a, "1", agent.Money{Value: 1, Currency: "CNY"}, voucher.Device{})); got != want {
			t.Errorf("%q: %q", role, got)
		}
	}
}

func TestAnEmptyPolicyAcceptsNothing(t *testing.T) {
	for _, way := range agent.Ways() {
		a := agent.Acceptance{Fact: by(way), Role: agent.RoleOwner, Now: t0}
		if err := voucher.Allow(agent.OfflinePolicy{}, agent.Exposure{}, a, "1", agent.Money{Value: 1, Currency: "CNY"}, voucher.Device{}); err == nil {
			t.Errorf("%s was accepted", way)
		}
	}
}

func TestOnlyLooseningIsLoosening(t *testing.T) {
	capped := func(change func(*agent.OfflineCap)) func(*agent.OfflinePolicy) {
		return func(p *agent.OfflinePolicy) { c := p.Caps["CNY"]; change(&c); p.Caps["CNY"] = c }
	}
	for name, tc := range map[string]struct {
		change func(*agent.OfflinePolicy)
		looser bool
	}{
		"nothing":           {func(*agent.OfflinePolicy) {}, false},
		"off":               {func(p *agent.OfflinePolicy) { *p = agent.OfflinePolicy{Count: 100} }, false},
		"fewer ways":        {func(p *agent.OfflinePolicy) { p.Ways = p.Ways[1:] }, false},
		"one fewer":         {func(p *agent.OfflinePolicy) { p.Count-- }, false},
		"a higher role":     {func(p *agent.OfflinePolicy) { p.Least = agent.RoleManager }, false},
		"a lower cap":       {capped(func(c *agent.OfflineCap) { c.Exact-- }), false},
		"a currency less":   {func(p *agent.OfflinePolicy) { delete(p.Caps, "CNY") }, false},
		"one more":          {func(p *agent.OfflinePolicy) { p.Count++ }, true},
		"one more a lane":   {func(p *agent.OfflinePolicy) { p.LaneCount++ }, true},
		"one more a device": {func(p *agent.OfflinePolicy) { p.DeviceDay++ }, true},
		"a longer window":   {func(p *agent.OfflinePolicy) { p.Window++ }, true},
		"older trust":       {func(p *agent.OfflinePolicy) { p.TrustAge++ }, true},
		"a lower role":      {func(p *agent.OfflinePolicy) { p.Least = "" }, true},
		"a ceiling":         {capped(func(c *agent.OfflineCap) { c.Ceiling++ }), true},
		"an exact cap":      {capped(func(c *agent.OfflineCap) { c.Exact++ }), true},
		"a sum":             {capped(func(c *agent.OfflineCap) { c.Stored++ }), true},
		"a lane's sum":      {capped(func(c *agent.OfflineCap) { c.Lane++ }), true},
		"another currency":  {func(p *agent.OfflinePolicy) { p.Caps["THB"] = agent.OfflineCap{Ceiling: 1} }, true},
	} {
		next := policy()
		tc.change(&next)
		if voucher.Loosens(next, policy()) != tc.looser {
			t.Errorf("%s: looser %t", name, !tc.looser)
		}
	}
	on := policy()
	if off := (agent.OfflinePolicy{}); !voucher.Loosens(on, off) {
		t.Error("switching it on is no loosening")
	}
}
