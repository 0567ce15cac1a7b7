package agent_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
)

var update = flag.Bool("update", false, "rewrite golden files")

var t0 = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// f is a fact with what its kind needs to be complete.
func f(kind agent.FactKind, change ...func(*agent.Fact)) agent.Fact {
	x := agent.Fact{Kind: kind, At: t0}
	switch kind {
	case agent.FactApproved:
		x.Op, x.Amount, x.Txn = agent.OpQuery, 1280, "4200000001"
	case agent.FactPayStarted, agent.FactPresentStarted:
		x.Wallet, x.Attempt = "wechat", 1
	case agent.FactUnsent:
		x.Op = agent.OpPay
	case agent.FactQRReady:
		x.QR = "weixin://wxpay/bizpayurl?pr=x"
	case agent.FactOfflineShown:
		x.Wallet, x.QR = "citypay", "PC1:"
	case agent.FactOfflineAccepted:
		x.Wallet, x.Way, x.Amount, x.Key = "citypay", agent.WayDevice, 1280, "7|0a|1"
	case agent.FactRefundRequested:
		x.RefundNo, x.Amount = "P1", 500
	case agent.FactRefundAccepted, agent.FactRefundInDoubt, agent.FactRefundDone, agent.FactRefundRefused:
		x.RefundNo = "P1"
	}
	for _, c := range change {
		c(&x)
	}
	return x
}

func fromPay(x *agent.Fact)              { x.Op = agent.OpPay }
func byCashier(x *agent.Fact)            { x.Reason = agent.ReasonCancelled }
func wholeAmount(x *agent.Fact)          { x.Amount = 1280 }
func by(way agent.Way) func(*agent.Fact) { return func(x *agent.Fact) { x.Way = way } }
func forwarding(op agent.Operation) func(*agent.Fact) {
	return func(x *agent.Fact) { x.Op = op }
}
func late(x *agent.Fact) {
	x.RefundNo, x.Amount, x.Auto = "R0", 1280, x.Kind == agent.FactRefundRequested
}

// stories lead to every state, and to each state twice where the way matters.
func stories() []struct {
	name  string
	facts []agent.Fact
} {
	paying := []agent.Fact{f(agent.FactOpened), f(agent.FactPayStarted)}
	showing := []agent.Fact{f(agent.FactOpened), f(agent.FactPresentStarted), f(agent.FactQRReady)}
	with := func(base []agent.Fact, more ...agent.Fact) []agent.Fact { return append(slices.Clone(base), more...) }
	locally := []agent.Fact{f(agent.FactOpened), f(agent.FactOfflineShown)}
	accepted := func(way agent.Way) []agent.Fact { return with(locally, f(agent.FactOfflineAccepted, by(way))) }
	type story = struct {
		name  string
		facts []agent.Fact
	}
	return []story{
		{"new", nil},
		{"created", paying[:1]},
		{"sending", paying},
		{"sending, fetching a code", showing[:2]},
		{"await_payer", with(paying, f(agent.FactAwaiting))},
		{"unknown", with(paying, f(agent.FactInDoubt))},
		{"reversing", with(paying, f(agent.FactInDoubt), f(agent.FactReversalDecided))},
		{"reversing, acknowledged", with(paying, f(agent.FactReversalDecided), f(agent.FactReversalAccepted))},
		{"reversing, barred", with(paying, f(agent.FactReversalDecided), f(agent.FactReversalRefused))},
		{"paid", with(paying, f(agent.FactApproved))},
		{"declined", with(paying, f(agent.FactRefused))},
		{"not_sent", with(paying, f(agent.FactUnsent))},
		{"reversed", with(paying, f(agent.FactReversalDecided), f(agent.FactReversalAccepted), f(agent.FactReversed))},
		{"qr_shown", showing},
		{"closing, expired", with(showing, f(agent.FactCloseDecided))},
		{"closing, cancelled", with(showing, f(agent.FactCloseDecided, byCashier))},
		{"closing, acknowledged", with(showing, f(agent.FactCloseDecided), f(agent.FactCloseAccepted))},
		{"closed", with(showing, f(agent.FactCloseDecided), f(agent.FactCloseAccepted), f(agent.FactClosed))},
		{"refund_due", with(paying, f(agent.FactRefused), f(agent.FactApproved))},
		{"refund_due, on its way", with(paying, f(agent.FactRefused), f(agent.FactApproved), f(agent.FactRefundRequested, wholeAmount))},
		{"refund_due, reversal stands", with(paying, f(agent.FactReversalDecided), f(agent.FactReversalAccepted), f(agent.FactApproved),
			f(agent.FactRefundRequested, late), f(agent.FactRefundRefused, late))},
		{"refund_due, close stands", with(showing, f(agent.FactCloseDecided, byCashier), f(agent.FactCloseAccepted), f(agent.FactApproved),
			f(agent.FactRefundRequested, late), f(agent.FactRefundRefused, late))},
		{"paid, refund under way", with(paying, f(agent.FactApproved), f(agent.FactRefundRequested))},
		{"paid, whole refund under way", with(paying, f(agent.FactApproved), f(agent.FactRefundRequested, wholeAmount))},
		{"refunded", with(paying, f(agent.FactApproved), f(agent.FactRefundRequested, wholeAmount), f(agent.FactRefundDone))},
		{"review of unknown", with(paying, f(agent.FactInDoubt), f(agent.FactReviewOpened))},
		{"qr_shown, made here", locally},
		{"closing, made here", with(locally, f(agent.FactCloseDecided))},
		{"offline_accepted, scanned alone", with(paying[:1], f(agent.FactOfflineAccepted))},
		{"offline_accepted, device", accepted(agent.WayDevice)},
		{"offline_accepted, receipt", accepted(agent.WayReceipt)},
		{"offline_accepted, sight", accepted(agent.WaySight)},
		{"offline_accepted, deferred", with(paying[:1], f(agent.FactOfflineAccepted, by(agent.WayDeferred)))},
		{"closing, sight taken back", with(accepted(agent.WaySight), f(agent.FactCloseDecided))},
		{"redeeming", with(accepted(agent.WayDevice), f(agent.FactForwardStarted))},
		{"redeeming, in doubt", with(accepted(agent.WayDevice), f(agent.FactForwardStarted), f(agent.FactInDoubt))},
		{"redeeming, sight", with(accepted(agent.WaySight), f(agent.FactForwardStarted))},
		{"offline_rejected", with(accepted(agent.WayDevice), f(agent.FactForwardStarted), f(agent.FactLoss))},
		{"voided", with(accepted(agent.WayDevice), f(agent.FactVoided))},
		{"voided, told", with(accepted(agent.WayDevice), f(agent.FactVoided), f(agent.FactVoidTold))},
		{"paid, collected", with(accepted(agent.WayDevice), f(agent.FactForwardStarted), f(agent.FactApproved))},
		{"review of redeeming", with(accepted(agent.WayDevice), f(agent.FactForwardStarted), f(agent.FactReviewOpened))},
		{"review of reversing", with(paying, f(agent.FactReversalDecided), f(agent.FactReviewOpened))},
	}
}

func allFacts() []agent.Fact {
	return []agent.Fact{
		f(agent.FactOpened), f(agent.FactPayStarted), f(agent.FactPresentStarted), f(agent.FactQRReady),
		f(agent.FactAwaiting), f(agent.FactInDoubt), f(agent.FactApproved), f(agent.FactApproved, fromPay),
		f(agent.FactRefused), f(agent.FactUnsent), f(agent.FactRestarted), f(agent.FactWatched),
		f(agent.FactReversalDecided), f(agent.FactReversalAccepted), f(agent.FactReversalRefused), f(agent.FactReversed),
		f(agent.FactCloseDecided), f(agent.FactCloseAccepted), f(agent.FactClosed), f(agent.FactNeverArrived),
		f(agent.FactReleased), f(agent.FactReviewOpened),
		f(agent.FactRefundRequested, func(x *agent.Fact) { x.RefundNo = "P2" }), f(agent.FactRefundAccepted), f(agent.FactRefundInDoubt),
		f(agent.FactOfflineShown), f(agent.FactOfflineAccepted), f(agent.FactOfflineAccepted, by(agent.WayReceipt)),
		f(agent.FactOfflineAccepted, by(agent.WaySight)), f(agent.FactOfflineAccepted, by(agent.WayDeferred)), f(agent.FactOfflineAccepted, by("")),
		f(agent.FactForwardStarted), f(agent.FactUnsent, forwarding(agent.OpRedeem)), f(agent.FactLoss), f(agent.FactVoided), f(agent.FactVoidTold),
		f(agent.FactRefundDone), f(agent.FactRefundRefused), f(agent.FactPrinted), f(agent.FactPrintFailed),
	}
}

// TestDecideTable is the whole law on one page: every state, every fact, and what
// becomes of it. testdata/status.golden is read by people; a change there is a
// change of the law.
func TestDecideTable(t *testing.T) {
	var b strings.Builder
	for _, s := range stories() {
		status, err := agent.Decide(s.facts)
		if err != nil {
			t.Fatalf("story %q: %v", s.name, err)
		}
		state := status.State
		if want, _, _ := strings.Cut(s.name, ","); s.name != "new" && !strings.HasPrefix(want, string(state)) {
			t.Errorf("story %q ends in %q", s.name, state)
		}
		fmt.Fprintf(&b, "%s (held %t, final %t)\n", s.name, status.Held(), status.Final())
		for _, x := range allFacts() {
			next, err := status.Apply(x)
			if err != nil {
				if agent.ClassOf(err) == agent.Internal {
					t.Errorf("%s + %s: the refusal has no class: %v", s.name, x.Kind, err)
				}
				continue
			}
			name := string(x.Kind)
			if x.Kind == agent.FactApproved {
				name += " by " + string(x.Op)
			}
			if x.Kind == agent.FactOfflineAccepted || x.Op == agent.OpRedeem {
				name += " (" + string(x.Way) + string(x.Op) + ")"
			}
			fmt.Fprintf(&b, "  %-22s -> %s\n", name, next.State)
		}
	}
	golden(t, "testdata/status.golden", b.String())
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; if the change is meant, run the test with -update and read the diff.\n%s", path, got)
	}
}

// TestEdgesAreTheTable compares the pairs that the database allows with what facts
// can really do.
func TestEdgesAreTheTable(t *testing.T) {
	allowed := map[[2]agent.State]bool{}
	for _, e := range agent.Edges() {
		allowed[e] = true
	}
	used := map[[2]agent.State]bool{}
	for _, s := range stories() {
		status, _ := agent.Decide(s.facts)
		for _, x := range allFacts() {
			next, err := status.Apply(x)
			if err != nil || next.State == status.State {
				continue
			}
			edge := [2]agent.State{status.State, next.State}
			used[edge] = true
			if !allowed[edge] {
				t.Errorf("%s leads %s to %s, but Edges does not list it", x.Kind, status.State, next.State)
			}
		}
	}
	for e := range allowed {
		if !used[e] && e[0] != agent.Review {
			t.Errorf("Edges lists %v, but no fact leads along it", e)
		}
	}
}

func TestReviewGoesOnWhereItStood(t *testing.T) {
	base := []agent.Fact{f(agent.FactOpened), f(agent.FactPayStarted), f(agent.FactReversalDecided), f(agent.FactReviewOpened)}
	for name, tc := range map[string]struct {
		then []agent.Fact
		want agent.State
	}{
		"still being asked":             {[]agent.Fact{f(agent.FactReviewOpened)}, agent.Review},
		"acknowledged, not yet certain": {[]agent.Fact{f(agent.FactReversalAccepted)}, agent.Review},
		"reversed after all":            {[]agent.Fact{f(agent.FactReversalAccepted), f(agent.FactReversed)}, agent.Reversed},
		"acknowledged, yet paid":        {[]agent.Fact{f(agent.FactReversalAccepted), f(agent.FactApproved)}, agent.RefundDue},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := agent.Decide(append(slices.Clone(base), tc.then...))
			if err != nil || s.State != tc.want {
				t.Fatalf("state %q, %v; want %q", s.State, err, tc.want)
			}
		})
	}
}

// TestOnlyTheTryItselfProvesThatNothingLeft: a payment under way does not become
// "not sent" because somebody else had decided so.
func TestOnlyTheTryItselfProvesThatNothingLeft(t *testing.T) {
	sent := []agent.Fact{f(agent.FactOpened), f(agent.FactPayStarted)}
	ours := f(agent.FactUnsent, func(x *agent.Fact) { x.Op = "" })
	for name, facts := range map[string][]agent.Fact{
		"a decision of ours":    append(slices.Clone(sent), ours),
		"after a second try":    append(slices.Clone(sent), f(agent.FactInDoubt), f(agent.FactPayStarted), f(agent.FactUnsent)),
		"after it was in doubt": append(slices.Clone(sent), f(agent.FactInDoubt), f(agent.FactUnsent)),
	} {
		if s, err := agent.Decide(facts); err == nil {
			t.Errorf("%s: %s", name, s.State)
		}
	}
	if s, err := agent.Decide([]agent.Fact{f(agent.FactOpened), ours}); err != nil || s.State != agent.NotSent {
		t.Errorf("a payment that waits for a code: %s, %v", s.State, err)
	}
}

// TestMoneyFoundInReviewGoesBack: the lane was given away, so the sale may have been
// paid another way by then.
func TestMoneyFoundInReviewGoesBack(t *testing.T) {
	for _, before := range [][]agent.Fact{
		{f(agent.FactOpened), f(agent.FactPayStarted), f(agent.FactInDoubt)},
		{f(agent.FactOpened), f(agent.FactPayStarted), f(agent.FactAwaiting)},
		{f(agent.FactOpened), f(agent.FactPresentStarted), f(agent.FactQRReady)},
		{f(agent.FactOpened), f(agent.FactPresentStarted), f(agent.FactQRReady), f(agent.FactCloseDecided)},
	} {
		s, err := agent.Decide(append(slices.Clone(before), f(agent.FactReviewOpened)))
		if err != nil || s.Held() {
			t.Fatalf("review of %v: held %t, %v", before, s.Held(), err)
		}
		if s, err = s.Apply(f(agent.FactApproved)); err != nil || s.State != agent.RefundDue {
			t.Errorf("review of %v, then money: %s, %v", before, s.State, err)
		}
	}
	s, err := agent.Decide([]agent.Fact{f(agent.FactOpened), f(agent.FactPayStarted), f(agent.FactInDoubt), f(agent.FactReviewOpened), f(agent.FactAwaiting)})
	if err != nil || s.State != agent.Review || s.Under != agent.AwaitPayer || s.Held() {
		t.Errorf("a payment in review that only goes on: %s under %s, held %t, %v", s.State, s.Under, s.Held(), err)
	}
}

// TestASuccessAfterARefusedRefundGoesToTheOffice: with its one refund refused, a
// payment that turns out to be paid once more must not wait where nobody looks.
func TestASuccessAfterARefusedRefundGoesToTheOffice(t *testing.T) {
	p := agent.Payment{OrderNo: "DEMO01X", Amount: agent.Money{Value: 1280, Currency: "CNY"}}
	no := func(x *agent.Fact) { x.RefundNo = p.LateRefundNo() }
	for _, fact := range [][]agent.Fact{
		{f(agent.FactOpened), f(agent.FactPayStarted), f(agent.FactReversalDecided), f(agent.FactReversalAccepted)},
		{f(agent.FactApproved)}, {f(agent.FactRefundRefused, no), f(agent.FactReversed)}, {f(agent.FactApproved)},
	} {
		facts, s, err := agent.Settle(p, fact...)
		if err != nil {
			t.Fatal(err)
		}
		p.Facts, p.Status = append(p.Facts, facts...), s
	}
	if steps := p.Steps(agent.DefaultTimers("wechat")); p.Status.State != agent.Review || len(steps) != 1 {
		t.Errorf("the payment is %s with the steps %v", p.Status.State, steps)
	}
}

func TestSettleAddsTheLateRefundOnce(t *testing.T) {
	p := agent.Payment{OrderNo: "DEMO01X", Amount: agent.Money{Value: 1280, Currency: "CNY"}}
	facts, s, err := agent.Settle(p, f(agent.FactOpened), f(agent.FactPayStarted), f(agent.FactRefused), f(agent.FactApproved))
	if err != nil {
		t.Fatal(err)
	}
	late := facts[len(facts)-1]
	if late.Kind != agent.FactRefundRequested || late.RefundNo != "DEMO01XR0" || late.Amount != 1280 || !late.Auto {
		t.Fatalf("the late refund is %+v", late)
	}
	p.Status = s
	again, s, err := agent.Settle(p, f(agent.FactApproved))
	if err != nil || len(again) != 1 || len(s.Refunds) != 1 {
		t.Fatalf("a second success made %d facts and %d refunds, %v", len(again), len(s.Refunds), err)
	}
	p.Status = s
	_, s, err = agent.Settle(p, f(agent.FactRefundDone, func(x *agent.Fact) { x.RefundNo = "DEMO01XR0" }))
	if err != nil || s.State != agent.Refunded {
		t.Fatalf("after the refund: %s, %v", s.State, err)
	}
}

func TestRefundSumsNeverPassWhatWasTaken(t *testing.T) {
	paid := []agent.Fact{f(agent.FactOpened), f(agent.FactPayStarted), f(agent.FactApproved)}
	ask := func(no string, amount int64) agent.Fact {
		return f(agent.FactRefundRequested, func(x *agent.Fact) { x.RefundNo, x.Amount = no, amount })
	}
	end := func(kind agent.FactKind, no string) agent.Fact {
		return f(kind, func(x *agent.Fact) { x.RefundNo = no })
	}
	for name, tc := range map[string]struct {
		facts []agent.Fact
		ok    bool
		left  int64
		state agent.State
	}{
		"part":                       {[]agent.Fact{ask("P1", 500)}, true, 780, agent.Paid},
		"the rest":                   {[]agent.Fact{ask("P1", 500), ask("P2", 780)}, true, 0, agent.Paid},
		"one too many":               {[]agent.Fact{ask("P1", 500), ask("P2", 781)}, false, 0, ""},
		"a failed one frees its sum": {[]agent.Fact{ask("P1", 1280), end(agent.FactRefundRefused, "P1"), ask("P2", 1280)}, true, 0, agent.Paid},
		"all done":                   {[]agent.Fact{ask("P1", 500), ask("P2", 780), end(agent.FactRefundDone, "P1"), end(agent.FactRefundDone, "P2")}, true, 0, agent.Refunded},
		"number used twice":          {[]agent.Fact{ask("P1", 100), ask("P1", 100)}, false, 0, ""},
		"nothing":                    {[]agent.Fact{ask("P1", 0)}, false, 0, ""},
		"done and then refused":      {[]agent.Fact{ask("P1", 100), end(agent.FactRefundDone, "P1"), end(agent.FactRefundRefused, "P1")}, false, 0, ""},
		"done twice":                 {[]agent.Fact{ask("P1", 100), end(agent.FactRefundDone, "P1"), end(agent.FactRefundDone, "P1")}, false, 0, ""},
		"refused twice":              {[]agent.Fact{ask("P1", 100), end(agent.FactRefundRefused, "P1"), end(agent.FactRefundRefused, "P1")}, false, 0, ""},
		"never asked for":            {[]agent.Fact{end(agent.FactRefundDone, "P7")}, false, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := agent.Decide(append(slices.Clone(paid), tc.facts...))
			if (err == nil) != tc.ok {
				t.Fatalf("error %v, want ok %t", err, tc.ok)
			}
			if tc.ok && (s.Refundable() != tc.left || s.State != tc.state) {
				t.Fatalf("left %d in %s, want %d in %s", s.Refundable(), s.State, tc.left, tc.state)
			}
		})
	}
}
