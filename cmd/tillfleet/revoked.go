package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service/desk"
)

// revokedList is where the list of revoked certificates lies for brokers, in the
// service's own folder: only the service writes it.
func (c config) revokedList() string { return filepath.Join(c.Data, "revoked.crl") }

// How often the list is looked at, so that it never runs out and says what another
// service on the same database has revoked; how often the books are read for
// certificates that end soon, and which those are. A terminal renews its own after
// two thirds of ninety days.
const (
	revokedEvery = time.Minute
	endingEvery  = time.Hour
	endingSoon   = 20 * 24 * time.Hour
)

// revokedList writes the list where it has changed.
type revokedList struct {
	ca   *desk.Authority
	path string

	mu      sync.Mutex
	written []byte
}

// write returns once the file holds everything that was revoked by now. One that
// somebody has moved to the broker instead of copying it is written again.
func (l *revokedList) write(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	list, err := l.ca.Revocations(ctx)
	if err != nil {
		return err
	}
	if _, missing := os.Stat(l.path); missing == nil && bytes.Equal(list, l.written) {
		return nil
	}
	if err := replaceFile(l.path, list); err != nil {
		return err
	}
	l.written = list
	return nil
}

// keepRevoked keeps the list of revoked certificates as it is in the books, which
// another service may have changed, until ctx ends.
func (o *office) keepRevoked(ctx context.Context, list *revokedList) {
	counted := -endingEvery
	for ctx.Err() == nil {
		if err := list.write(ctx); err != nil && ctx.Err() == nil {
			o.log.Warn("the list of revoked certificates is not written", "code", "revoked", "file", list.path, "err", err)
		}
		if now := o.clock.Mono(); now-counted >= endingEvery {
			n, err := list.ca.Ending(ctx, endingSoon)
			if err == nil {
				counted = now
				o.meter.ending.Set(float64(n))
			} else if ctx.Err() == nil {
				o.log.Warn("the books of certificates cannot be read", "code", "certificates", "err", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-o.clock.After(revokedEvery):
		}
	}
}

// shutOutText says what is still to be done where the brokers are: a certificate is
// looked at when a connection begins, and never again.
func (c config) shutOutText(tid fleet.TID, replaced bool) string {
	switch {
	case c.Broker.NATS != "" && replaced:
		return fmt.Sprintf(`NATS reads no list of revoked certificates: the machine that had the name %s can still come in under it, until its
certificate runs out. Take its key away with terminal.wipe before, or give the new machine another name.
`, tid)
	case c.Broker.NATS != "":
		return "Now write the list of NATS' users with `tillfleet enrol nats` and reload the servers, which ends its session.\n"
	}
	return fmt.Sprintf(`The broker does not know it yet. Give it the new list, %s: put it where crlfile of
mosquitto.conf says, as root, and restart mosquitto, which ends the session that runs. A reload (SIGHUP) alone
keeps it out only from its next connection on.
`, c.revokedList())
}
