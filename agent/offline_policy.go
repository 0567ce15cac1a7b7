package agent

import "time"

// OfflinePolicy is what the owner lets be accepted without the wallet's word. Its
// zero value accepts nothing. What it refuses is decided by agent/wallet/voucher.
type OfflinePolicy struct {
	On        bool
	Ways      []Way
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
