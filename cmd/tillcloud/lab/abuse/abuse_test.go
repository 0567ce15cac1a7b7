package abuse_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"tillwire/cmd/tillcloud/lab"
)

// The checks of this campaign.
const (
	checkAbuse  = "no-abuse-is-accepted"    // nothing but honest codes is taken
	checkHonest = "honest-codes-are-taken"  // and each of those is
	checkOnce   = "a-code-is-taken-once"    // of one code on two lanes at once, one is
	checkCaps   = "caps-hold-between-lanes" // what the owner allows is not given out twice
	checkTrust  = "trust-never-goes-back"   // no key set from before, or from a stranger, comes into use
	checkKept   = "what-is-taken-is-stored" // the store holds exactly what was taken
)

// The size of a case: a shop without a line, for a while.
const (
	salesPerCase    = 40
	attacksPerSale  = 48
	processorsInUse = 2
)

// TestOfflineCodesAreAbused is campaign C11. What it counts are the codes and key
// sets that were tried.
func TestOfflineCodesAreAbused(t *testing.T) {
	r := lab.Begin(t, "C11", "executions", 50_000, 2_000_000)
	base := lab.Scratch(t)
	r.Share(t, processorsInUse, func(t *testing.T, seed uint64) int {
		s, err := open(t.Context(), filepath.Join(base, fmt.Sprint(seed)), lab.NewDice("C11", seed))
		if err == nil {
			err = s.trade()
		}
		r.Broken(seed, err)
		if s == nil {
			return 1
		}
		r.Violated(seed, s.found...)
		for what, n := range s.tried {
			r.Count(what, float64(n))
		}
		r.Broken(seed, s.close())
		return s.done
	})
}
