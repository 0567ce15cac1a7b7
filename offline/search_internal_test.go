package offline

import (
	"context"

	"tillwire/agent"
)

// ListWithin is the list of an agent that looks through n payments at a time.
func (r *Reader) ListWithin(ctx context.Context, f agent.Filter, n int) (agent.Page, error) {
	return r.list(ctx, f, n)
}
