package agent

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// OfflinePolicy is what the owner lets be accepted without the wallet's word. Its
// zero value accepts nothing.
type OfflinePolicy struct {
	On        bool
	Ways      []Way                   //
	Least     Role                    // who may accept; WaySight needs a manager in any case
	Window    time.Duration           // since the oldest acceptance that is not collected
	TrustAge  time.Duration           // of the issuers' keys and of what they have blocked
	Count     int                     // not collected, of the terminal
	LaneCount int                     // not collected, of one lane
	DeviceDay int                     // of one device within a day
	Caps      map[Currency]OfflineCap // a currency without a cap is not taken
}

// OfflineCap bounds amounts of one currency, in minor units.
type OfflineCap struct {
	Ceiling int64 // one payment by what was not signed for it
	Exact   int64 // one payment by what was signed for this sale and amount
	Stored  int64 // not collected, of the terminal
	Lane    int64 // not collected, of one lane
}

// payment is the cap of one payment. A receipt has none: its money is at the wallet.
func (c OfflineCap) payment(a Acceptance) int64 {
	switch {
	case a.Fact.Way == WayReceipt:
		return MaxMinor
	case a.Exact:
		return c.Exact
	}
	return c.Ceiling
}

// rank orders roles by what they may do.
var rank = map[Role]int{RoleCashier: 1, RoleManager: 2, RoleOwner: 3}

// Refuse is why a payment of the amount may not be accepted now, or nil. device is
// how many codes of the same device were accepted within a day. The order is that of
// a card terminal: switched on, allowed to, count, amount, and then what only vouchers
// have; the first reason is the one the cashier reads. Ask it inside the transaction
// that accepts: two lanes that ask before could both be told yes.
func (p OfflinePolicy) Refuse(e Exposure, a Acceptance, lane string, amount Money, device int) error {
	limit, taken := p.Caps[amount.Currency]
	here := e.Lanes[lane]
	least := p.Least
	if a.Fact.Way == WaySight && rank[least] < rank[RoleManager] {
		least = RoleManager
	}
	in := func(minor int64) string { return Money{Value: minor, Currency: amount.Currency}.String() }
	switch {
	case !p.On:
		return offlineRefused(OfflineOff)
	case !slices.Contains(p.Ways, a.Fact.Way):
		return offlineRefused(OfflineWay)
	case rank[a.Role] < rank[least]:
		return offlineRefused(OfflineRole, string(least))
	case a.Behind:
		return offlineRefused(OfflineClock)
	case a.Unset && !a.Exact:
		// What was made for this sale and is on the display needs no clock to be fresh.
		return offlineRefused(OfflineUnset)
	case !e.Since.IsZero() && a.Now.Sub(e.Since) >= p.Window:
		return offlineRefused(OfflineWindow, hours(p.Window))
	case e.Count >= p.Count:
		return offlineRefused(OfflineCount, strconv.Itoa(p.Count))
	case here.Count >= p.LaneCount:
		return offlineRefused(OfflineLaneCount, strconv.Itoa(p.LaneCount))
	case !taken:
		return offlineRefused(OfflineCurrency, string(amount.Currency))
	case amount.Value > limit.payment(a):
		return offlineRefused(OfflineAmount, in(limit.payment(a)))
	case amount.Value > limit.Stored-e.Sums[amount.Currency]:
		return offlineRefused(OfflineStored, in(max(limit.Stored-e.Sums[amount.Currency], 0)))
	case amount.Value > limit.Lane-here.Sums[amount.Currency]:
		return offlineRefused(OfflineLane, in(max(limit.Lane-here.Sums[amount.Currency], 0)))
	case a.Fact.Way == WayDevice && device >= p.DeviceDay:
		return offlineRefused(OfflineDevice, strconv.Itoa(p.DeviceDay))
	}
	return nil
}

func hours(d time.Duration) string { return strconv.Itoa(int(d / time.Hour)) }

// The refusals of a policy, which are the ids of their sentences.
const (
	OfflineOff       = "offline.off"
	OfflineWay       = "offline.way"
	OfflineRole      = "offline.role"
	OfflineClock     = "offline.clock"
	OfflineUnset     = "offline.unset"
	OfflineWindow    = "offline.window"
	OfflineCount     = "offline.count"
	OfflineLaneCount = "offline.lane_count"
	OfflineCurrency  = "offline.currency"
	OfflineAmount    = "offline.amount"
	OfflineStored    = "offline.stored"
	OfflineLane      = "offline.lane"
	OfflineDevice    = "offline.device"
	OfflineRestored  = "offline.restored" // the store was put back: what it has spent is not known
)

var offlineText = map[string]string{
	OfflineOff:       "No connection, and this shop accepts nothing without one. Take another way to pay",
	OfflineWay:       "Without a connection this shop does not accept such a code. Take another way to pay",
	OfflineRole:      "Accepting without a connection needs the role %s",
	OfflineClock:     "The clock of this terminal was set back. Nothing can be accepted without a connection; call the office",
	OfflineUnset:     "Nobody has set the clock of this terminal since it was switched on. Without a connection only codes made for the sale on the display can be accepted",
	OfflineWindow:    "The oldest sale accepted without a connection is %s hours old. No more until the line is back",
	OfflineCount:     "%s sales wait to be collected. No more until the line is back",
	OfflineLaneCount: "%s sales of this lane wait to be collected. No more here until the line is back",
	OfflineCurrency:  "Without a connection this shop accepts nothing in %s. Take another way to pay",
	OfflineAmount:    "Without a connection this shop accepts at most %s that way. Take another way to pay",
	OfflineStored:    "Only %s more may be accepted before the line is back. Take another way to pay",
	OfflineLane:      "Only %s more may be accepted on this lane before the line is back. Take another way to pay",
	OfflineDevice:    "This phone has paid %s times without a connection today. Take another way to pay",
	OfflineRestored:  "This terminal's records were put back from an older time. Nothing can be accepted without a connection; call the office",
}

// OfflineSentences lists one of each refusal, for the translations' test.
func OfflineSentences() (list []Sentence) {
	for _, id := range slices.Sorted(maps.Keys(offlineText)) {
		var args []string
		if strings.Contains(offlineText[id], "%s") {
			args = []string{"1"}
		}
		list = append(list, Sentence{ID: id, Args: args, English: filled(offlineText[id], args)})
	}
	return list
}

func offlineRefused(id string, args ...string) error { return OfflineRefusal(id, args...) }

// OfflineRefusal is the Error for one of the refusals above; args are its sentence's.
func OfflineRefusal(id string, args ...string) error {
	return &Error{Op: "accept offline", Class: Conflict, Code: CodeOffline, Say: Sentence{ID: id, Args: args, English: filled(offlineText[id], args)}}
}

// filled puts the one argument that a sentence may have into it.
func filled(text string, args []string) string {
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args[0])
}

// Loosens reports whether the policy lets anything through that old would not. An
// owner may always tighten; loosening waits until the line has shown that it works,
// because whoever cut it must not choose the caps as well.
func (p OfflinePolicy) Loosens(old OfflinePolicy) bool {
	if !p.On {
		return false
	}
	if !old.On || rank[p.Least] < rank[old.Least] || p.Window > old.Window || p.TrustAge > old.TrustAge ||
		p.Count > old.Count || p.LaneCount > old.LaneCount || p.DeviceDay > old.DeviceDay {
		return true
	}
	if slices.ContainsFunc(p.Ways, func(w Way) bool { return !slices.Contains(old.Ways, w) }) {
		return true
	}
	for currency, c := range p.Caps {
		was := old.Caps[currency]
		if c.Ceiling > was.Ceiling || c.Exact > was.Exact || c.Stored > was.Stored || c.Lane > was.Lane {
			return true
		}
	}
	return false
}
