package agent_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

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

// sale is one acceptance that the policy lets through; cases change it.
type sale struct {
	a      agent.Acceptance
	p      agent.OfflinePolicy
	e      agent.Exposure
	amount agent.Money
	device int
}

func TestThePolicySaysTheFirstThingThatIsWrong(t *testing.T) {
	cases := []struct {
		want string
		make func(*sale)
	}{ // in the order in which they are looked at: each case leaves all those below it wrong, too
		{agent.OfflineOff, func(s *sale) { s.p.On = false }},
		{agent.OfflineWay, func(s *sale) { s.p.Ways = []agent.Way{agent.WayReceipt} }},
		{agent.OfflineRole, func(s *sale) { s.p.Least = agent.RoleManager }},
		{agent.OfflineClock, func(s *sale) { s.a.Behind = true }},
		{agent.OfflineWindow, func(s *sale) { s.a.Now = t0.Add(24 * time.Hour) }},
		{agent.OfflineCount, func(s *sale) { s.p.Count = 2 }},
		{agent.OfflineLaneCount, func(s *sale) { s.p.LaneCount = 1 }},
		{agent.OfflineCurrency, func(s *sale) { s.amount.Currency = "THB" }},
		{agent.OfflineAmount, func(s *sale) { s.amount.Value = 5001 }},
		{agent.OfflineStored, func(s *sale) { s.e.Sums["CNY"] = 8500 }},
		{agent.OfflineLane, func(s *sale) { s.e.Lanes["1"].Sums["CNY"] = 5500 }},
		{agent.OfflineDevice, func(s *sale) { s.device = 2 }},
		{"", func(*sale) {}},
	}
	for i := range cases {
		s := sale{p: policy(), e: stake(), amount: agent.Money{Value: 1000, Currency: "CNY"}, device: 1,
			a: agent.Acceptance{Fact: f(agent.FactOfflineAccepted), Exact: true, Role: agent.RoleCashier, Now: t0.Add(time.Hour)}}
		for _, c := range slices.Backward(cases[i:]) {
			c.make(&s)
		}
		err := s.p.Refuse(s.e, s.a, "1", s.amount, s.device)
		if got := idOf(err); got != cases[i].want || err != nil && agent.CodeOf(err) != agent.CodeOffline {
			t.Errorf("want %q, got %q: %v", cases[i].want, got, err)
		}
	}
}

func idOf(err error) string {
	if e, ok := err.(*agent.Error); ok {
		return e.Say.ID
	}
	return ""
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
		"one more":                            {agent.WayDevice, false, 2001, nil, agent.OfflineAmount},
		"a bearer voucher":                    {agent.WayBearer, false, 2001, nil, agent.OfflineAmount},
		"a code charged later":                {agent.WayDeferred, false, 2001, nil, agent.OfflineAmount},
		"on sight":                            {agent.WaySight, false, 2001, nil, agent.OfflineAmount},
		"a code signed for it, this lane's":   {agent.WayDevice, true, 3000, nil, ""},
		"one more than this lane's":           {agent.WayDevice, true, 3001, nil, agent.OfflineLane},
		"what the terminal has left":          {agent.WayDevice, true, 500, func(e *agent.Exposure) { e.Sums["CNY"] = 8500 }, ""},
		"one more than the terminal has left": {agent.WayDevice, true, 501, func(e *agent.Exposure) { e.Sums["CNY"] = 8500 }, agent.OfflineStored},
		"a receipt has no cap of its own":     {agent.WayReceipt, true, 9000, func(e *agent.Exposure) { *e = agent.Exposure{} }, agent.OfflineLane},
		"and fills the sums all the same":     {agent.WayReceipt, true, 6000, func(e *agent.Exposure) { *e = agent.Exposure{} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := stake()
			if tc.change != nil {
				tc.change(&e)
			}
			a := agent.Acceptance{Fact: f(agent.FactOfflineAccepted, by(tc.way)), Exact: tc.exact, Role: agent.RoleManager, Now: t0}
			if got := idOf(policy().Refuse(e, a, "1", agent.Money{Value: tc.amount, Currency: "CNY"}, 0)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

// TestAClockThatNobodySet: only what was made for this sale proves its own age.
func TestAClockThatNobodySet(t *testing.T) {
	for _, way := range agent.Ways() {
		for exact, want := range map[bool]string{true: "", false: agent.OfflineUnset} {
			a := agent.Acceptance{Fact: f(agent.FactOfflineAccepted, by(way)), Exact: exact, Unset: true, Role: agent.RoleManager, Now: t0}
			if got := idOf(policy().Refuse(agent.Exposure{}, a, "1", agent.Money{Value: 1, Currency: "CNY"}, 0)); got != want {
				t.Errorf("%s, exact %t: %q, want %q", way, exact, got, want)
			}
		}
	}
}

func TestOnSightNeedsAManagerWhateverThePolicySays(t *testing.T) {
	for role, want := range map[agent.Role]string{"": agent.OfflineRole, agent.RoleCashier: agent.OfflineRole, agent.RoleManager: "", agent.RoleOwner: ""} {
		a := agent.Acceptance{Fact: f(agent.FactOfflineAccepted, by(agent.WaySight)), Role: role, Now: t0}
		if got := idOf(policy().Refuse(agent.Exposure{}, a, "1", agent.Money{Value: 1, Currency: "CNY"}, 0)); got != want {
			t.Errorf("%q: %q", role, got)
		}
	}
}

func TestAnEmptyPolicyAcceptsNothing(t *testing.T) {
	for _, way := range agent.Ways() {
		a := agent.Acceptance{Fact: f(agent.FactOfflineAccepted, by(way)), Role: agent.RoleOwner, Now: t0}
		if err := (agent.OfflinePolicy{}).Refuse(agent.Exposure{}, a, "1", agent.Money{Value: 1, Currency: "CNY"}, 0); err == nil {
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
		if next.Loosens(policy()) != tc.looser {
			t.Errorf("%s: looser %t", name, !tc.looser)
		}
	}
	on := policy()
	if off := (agent.OfflinePolicy{}); !on.Loosens(off) {
		t.Error("switching it on is no loosening")
	}
}

// TestWhatWasAcceptedIsForwardedByItself: every way leads to one step that says what
// is still to be done, until it has ended.
func TestWhatWasAcceptedIsForwardedByItself(t *testing.T) {
	timers := agent.DefaultTimers("gateway")
	for way, op := range map[agent.Way]agent.Operation{agent.WayReceipt: agent.OpRedeem, agent.WayDevice: agent.OpRedeem, agent.WayBearer: agent.OpRedeem,
		agent.WayDeferred: agent.OpChargeLater, agent.WaySight: agent.OpQuery} {
		p := agent.Payment{OrderNo: "DEMO01X"}
		begin := []agent.Fact{f(agent.FactOpened)}
		if way != agent.WayDeferred {
			begin = append(begin, f(agent.FactOfflineShown))
		}
		for _, x := range append(begin, f(agent.FactOfflineAccepted, by(way))) {
			p = recorded(t, p, x)
		}
		if steps := p.Steps(timers); len(steps) != 1 || steps[0] != (agent.Step{Op: op}) || p.Status.Collects() != op || p.Status.Held() {
			t.Errorf("%s: steps %v, held %t", way, steps, p.Status.Held())
		}
		p = recorded(t, p, f(agent.FactForwardStarted))
		if steps := p.Steps(timers); len(steps) != 1 || steps[0].Op != op || steps[0].Wait == 0 {
			t.Errorf("%s, under way: steps %v", way, steps)
		}
		if p = recorded(t, p, f(agent.FactApproved)); len(p.Steps(timers)) != 0 || p.Status.State != agent.Paid || p.Status.Captured != 1280 {
			t.Errorf("%s, collected: %s with steps %v", way, p.Status.State, p.Steps(timers))
		}
	}
}

func recorded(t *testing.T, p agent.Payment, x agent.Fact) agent.Payment {
	t.Helper()
	facts, s, err := agent.Settle(p, x)
	if err != nil {
		t.Fatal(err)
	}
	p.Facts, p.Status = append(p.Facts, facts...), s
	return p
}

// TestTakenBackAfterItMayHaveBeenPaid: a sale on sight that is taken back is asked
// about, and money that is found then goes back.
func TestTakenBackAfterItMayHaveBeenPaid(t *testing.T) {
	p := agent.Payment{OrderNo: "DEMO01X", Amount: agent.Money{Value: 1280, Currency: "CNY"}}
	for _, x := range []agent.Fact{f(agent.FactOpened), f(agent.FactOfflineShown), f(agent.FactOfflineAccepted, by(agent.WaySight)), f(agent.FactCloseDecided), f(agent.FactApproved)} {
		p = recorded(t, p, x)
	}
	if late, asked := p.Status.Refund("DEMO01XR0"); !asked || late.Amount != 1280 || p.Status.State != agent.RefundDue {
		t.Errorf("%s with the refunds %v", p.Status.State, p.Status.Refunds)
	}
}

// TestNoOfflineSentenceSaysPaid holds the words at the counter to what is known.
func TestNoOfflineSentenceSaysPaid(t *testing.T) {
	for _, s := range stories() {
		status, _ := agent.Decide(s.facts)
		if status.State == agent.OfflineAccepted || status.State == agent.Redeeming {
			word, _ := status.Word()
			if said := word.English + (agent.Payment{Status: status}).Say().English; strings.Contains(strings.ToLower(said), "paid") {
				t.Errorf("%s says %q", s.name, said)
			}
		}
	}
	for _, s := range agent.OfflineSentences() {
		if strings.Contains(s.English, "%") || s.English == "" {
			t.Errorf("%s reads %q", s.ID, s.English)
		}
	}
}
