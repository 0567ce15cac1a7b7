package drivers

import (
	"context"
	"slices"

	"tillwire/agent"
)

// Watch tells what is plugged in below root ("/" outside tests) and what comes
// and goes, until ctx ends. The first call of changed has everything that is
// there, even if that is nothing.
func Watch(ctx context.Context, root string, clock agent.Clock, changed func(added, removed []Found)) error {
	return watch(ctx, root, clock, listenUevents, changed)
}

func watch(ctx context.Context, root string, clock agent.Clock, listen listener, changed func(added, removed []Found)) error {
	known, err := Discover(root)
	if err != nil {
		return err
	}
	changed(known, nil)
	hotplug(ctx, clock, listen, func() {
		now, err := Discover(root)
		if err != nil {
			return // the next look decides
		}
		added, removed := without(now, known), without(known, now)
		known = now
		if len(added)+len(removed) > 0 {
			changed(added, removed)
		}
	})
	return ctx.Err()
}

func without(list, other []Found) []Found {
	var out []Found
	for _, f := range list {
		if !slices.Contains(other, f) {
			out = append(out, f)
		}
	}
	return out
}
