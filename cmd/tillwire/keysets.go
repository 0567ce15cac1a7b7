package main

import (
	"context"
	"log/slog"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet/voucher"
)

// The rhythm of fetching the list of issuers.
const (
	keySetEvery = time.Hour
	keySetRetry = 2 * time.Minute // after a fetch that failed; the line's return fetches at once
)

// keySets keeps the list of issuers fresh. A nil one has nothing to do.
type keySets struct {
	trust *voucher.Trust
	clock agent.Clock
	log   *slog.Logger
	fetch func(context.Context) ([]byte, error)
	wake  chan struct{}
}

// kick fetches now: the line is back.
func (k *keySets) kick() {
	select {
	case k.wake <- struct{}{}:
	default:
	}
}

// run fetches until ctx ends.
func (k *keySets) run(ctx context.Context) error {
	if k == nil {
		return nil
	}
	for {
		wait := keySetEvery
		if err := k.once(ctx); err != nil {
			wait = keySetRetry
			if ctx.Err() == nil {
				k.log.Warn("the list of issuers was not renewed", "comp", "issuer", "code", "key_set", "err", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-k.clock.After(wait):
		case <-k.wake:
		}
	}
}

// once fetches and offers the list; one that is refused leaves the old one in use.
func (k *keySets) once(ctx context.Context) error {
	raw, err := k.fetch(ctx)
	if err != nil {
		return err
	}
	fresh, err := k.trust.Offer(raw)
	if set := k.trust.Current(); err == nil && fresh {
		k.log.Info("list of issuers", "comp", "issuer", "version", set.Version, "keys", set.Keys(), "blocked", set.Blocked())
	}
	return err
}
