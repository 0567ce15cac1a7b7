package agent

import "time"

// Shift is somebody's time at a register, between two counts of its drawer. Tillwire
// takes no cash: the counts are written down as they were told.
type Shift struct {
	ID       int64
	Lane     string
	Opened   time.Time
	OpenedBy string // name
	Begin    Money  // in the drawer at the beginning
	Closed   time.Time
	ClosedBy string // empty while the shift goes on
	End      Money  // in the drawer at the end
	// Wallets are the payments of the lane in this time; their CapturedEarlier and Earlier came and went on older
	// ones since the shift before was counted. What a closed shift has come to stays, whatever becomes of a payment.
	Wallets []WalletTotal
}

// Over reports whether the shift was closed.
func (s Shift) Over() bool { return !s.Closed.IsZero() }

// Parked is an amount put aside to serve the next customer first; nothing of it was
// sent anywhere.
type Parked struct {
	ID     string
	Lane   string
	Amount Money
	Note   string
	By     string // name
	At     time.Time
}
