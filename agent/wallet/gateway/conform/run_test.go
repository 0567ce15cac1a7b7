package conform

import (
	"strings"
	"testing"
)

func failures(results []Result) (list []string) {
	for _, r := range results {
		if r.Outcome == Fail {
			list = append(list, r.Check+": "+r.What)
		}
	}
	return list
}

func TestAGatewayThatKeepsTheContractPasses(t *testing.T) {
	o, _ := open(t, "")
	told := 0
	results, err := Run(t.Context(), o, func(Result) { told++ })
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Outcome != Pass || r.Rule == "" {
			t.Errorf("%s (%s): %s %s", r.Check, r.Rule, r.Outcome, r.What)
		}
	}
	if told != len(results) || told < 25 {
		t.Errorf("told %d of %d results", told, len(results))
	}
}

// TestWhatThereIsNoCodeForIsLeftOut: and said, so that nobody takes it for passed.
func TestWhatThereIsNoCodeForIsLeftOut(t *testing.T) {
	o, _ := open(t, "")
	o.Codes = nil
	results, err := Run(t.Context(), o, func(Result) {})
	if err != nil {
		t.Fatal(err)
	}
	left := 0
	for _, r := range results {
		if r.Outcome == Fail {
			t.Errorf("%s: %s", r.Check, r.What)
		}
		if r.Outcome == LeftOut {
			left++
			if !strings.Contains(r.What, "test customer") {
				t.Errorf("%s is left out: %q", r.Check, r.What)
			}
		}
	}
	if left != 2 {
		t.Errorf("%d checks are left out", left)
	}
	o.Brand.Charges = false
	if results, err = Run(t.Context(), o, func(Result) {}); err != nil || len(failures(results)) != 0 {
		t.Errorf("a brand that only shows: %v %v", err, failures(results))
	}
	o.Brand.Charges, o.Brand.Shows = true, false
	if results, err = Run(t.Context(), o, func(Result) {}); err != nil || len(failures(results)) != 0 {
		t.Errorf("a brand that only charges: %v %v", err, failures(results))
	}
}

// TestEachBrokenPromiseIsFound: every sentence of the contract that the reference
// can break is broken once, and a check that is about it says so.
func TestEachBrokenPromiseIsFound(t *testing.T) {
	for sabotage, check := range map[string]string{
		"unsigned requests":            "a request without a signature",
		"any signature":                "a signature by another key",
		"any key id":                   "a key id that was never exchanged",
		"digest":                       "a body that was changed on the way",
		"coverage":                     "a signature that does not cover the body",
		"clock":                        "a request from the past and one from the future",
		"nonce":                        "a nonce that was used before",
		"any merchant":                 "a merchant that is not ours",
		"members":                      "a request that lacks a member",
		"unsigned answers":             "a query of a number nobody used",
		"answers for no request":       "a query of a number nobody used",
		"no such brand":                "the capabilities name this brand",
		"another sum in the code":      "a code is for this sale and no other",
		"number used twice":            "the same presentation again is the same order",
		"a host that lags":             "closed is closed, for every host and for good",
		"no tombstones":                "a close that comes first",
		"forgotten tombstones":         "a reversal that comes first",
		"any mode":                     "a presented order is not reversed",
		"a close that is only said":    "closed is closed, for every host and for good",
		"a reversal that is only said": "a reversal gives everything back, once",
		"charged again":                "eight charges at once take money once, and it can be given back",
		"no single flight":             "eight charges at once take money once, and it can be given back",
		"codes without end":            "a reversal gives everything back, once",
		"refund number used twice":     "eight charges at once take money once, and it can be given back",
		"refunds without end":          "eight charges at once take money once, and it can be given back",
		"reversed beside refunds":      "eight charges at once take money once, and it can be given back",
		"bills of tomorrow":            "the bill of a day to come",
		"no Retry-After":               "the bill of a day to come",
		"half a bill":                  "the bill of the day before yesterday",
		"operations newest first":      "a terminal's operations, in order",
		"operations forgotten":         "a terminal's operations, in order",
		"other terminals' operations":  "a terminal's operations, in order",
		"the last head":                "the head of a terminal's journal",
	} {
		t.Run(sabotage, func(t *testing.T) {
			o, _ := open(t, sabotage)
			results, err := Run(t.Context(), o, func(Result) {})
			if err != nil {
				t.Fatal(err)
			}
			found := failures(results)
			for _, f := range found {
				if strings.HasPrefix(f, check+": ") {
					return
				}
			}
			t.Errorf("not found by %q; failed: %v", check, found)
		})
	}
}

func TestAConfigurationThatCannotWorkIsAnError(t *testing.T) {
	o, _ := open(t, "")
	o.Config.Merchant = ""
	if results, err := Run(t.Context(), o, func(Result) {}); err == nil || results != nil {
		t.Errorf("%v %v", results, err)
	}
	o, _ = open(t, "")
	o.Brand.Charges, o.Brand.Shows = false, false
	if _, err := Run(t.Context(), o, func(Result) {}); err == nil {
		t.Error("a brand without modes was asked about")
	}
}
