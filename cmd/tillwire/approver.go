package main

import (
	"context"
	"strings"
	"time"
)

// nameWait bounds the look for a name: a slip is made while the journal's writer waits, and a
// sale must not wait for a slip.
const nameWait = 200 * time.Millisecond

// approver is whoever approved a refund, as the shop knows them: the journal has a person's id,
// because a name may change. Who cannot be looked up keeps it.
func approver(ctx context.Context, nameOf func(ctx context.Context, id string) (string, error), by string) string {
	id, person := strings.CutPrefix(by, "person:")
	if !person {
		return by
	}
	ctx, cancel := context.WithTimeout(ctx, nameWait)
	defer cancel()
	if name, err := nameOf(ctx, id); err == nil {
		return name
	}
	return by
}
