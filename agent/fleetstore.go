package agent

import "context"

// FleetItem is one thing the fleet's side of a terminal remembers. An item
// without a value takes the one of its key away.
type FleetItem struct {
	Key   string
	Value []byte
}

// FleetStore keeps what must outlive a restart besides the journal: what waits
// to be told to the fleet, and what the fleet was taken at its word for. It is a
// table sorted by its keys, in a file of its own, so that nothing the fleet does
// waits in the queue of a payment.
type FleetStore interface {
	// Load lists the items whose keys begin with prefix and come behind after,
	// sorted by key, at most limit.
	Load(ctx context.Context, prefix, after string, limit int) ([]FleetItem, error)
	// Save makes all changes in one durable commit: all of them hold or none.
	Save(ctx context.Context, items ...FleetItem) error
}
