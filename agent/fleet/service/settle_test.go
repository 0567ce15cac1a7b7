package service_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// Whatever a database does not take of one terminal, the others are stored.
func TestATerminalThatCannotBeStoredStopsNobodyElse(t *testing.T) {
	inBureau(t, func(b *bureau) {
		odd, good, other := b.machine(1), b.machine(2), b.machine(3)
		for _, m := range []*machine{odd, good, other} {
			m.connect()
		}
		b.store.refuses.Store(&odd.tid)
		acked := b.hub.acked
		b.store.turn.Lock() // so that all of them lie in one commit or two
		for _, m := range []*machine{good, odd, other, odd, good} {
			b.hub.say(m.tid, fleet.UpEvents+"tx", batchOf(fleet.Payments, m.epoch, uint64(m.stored(fleet.Payments))+1))
		}
		b.store.turn.Unlock()
		b.pass(0)
		if good.stored(fleet.Payments) != 1 || other.stored(fleet.Payments) != 1 || odd.stored(fleet.Payments) != 0 {
			t.Errorf("stored %d, %d and %d", good.stored(fleet.Payments), other.stored(fleet.Payments), odd.stored(fleet.Payments))
		}
		if n := b.hub.acked - acked; n != 5 || b.acked(odd.tid, fleet.Payments) != 0 {
			t.Errorf("%d of 5 are acknowledged to the broker, and %d to the terminal", n, b.acked(odd.tid, fleet.Payments))
		}
		if f := b.terminal(odd.tid).Found; len(f) != 1 || f[0].Kind != service.FoundAside || !strings.Contains(f[0].What, "tillfleet enrol revoke t-000001") {
			t.Errorf("found: %+v", f)
		}
		for range 9 { // it goes on, and is said once
			odd.send(fleet.Payments, 1, 1)
			good.send(fleet.Payments, 1, 2)
		}
		if f := b.terminal(odd.tid).Found; f[0].Count != 1 || good.stored(fleet.Payments) != 2 {
			t.Errorf("found %d times, %d stored", f[0].Count, good.stored(fleet.Payments))
		}
		b.store.refuses.Store(nil)
		odd.send(fleet.Payments, 1, 3)
		if b.acked(odd.tid, fleet.Payments) != 3 || odd.stored(fleet.Payments) != 3 {
			t.Errorf("mended, it is acknowledged up to %d", b.acked(odd.tid, fleet.Payments))
		}
		b.pass(time.Minute)
	})
}

// A list of keys that one terminal cannot be sent must not keep it from the others.
func TestATerminalThatCannotBeSentToStopsNobodyElse(t *testing.T) {
	inBureau(t, func(b *bureau) {
		for n := range 3 {
			b.machine(n + 1).connect()
		}
		b.pass(time.Minute)
		b.hub.mu.Lock()
		b.hub.refuses = "t-000001"
		b.hub.mu.Unlock()
		b.keys.rotate(t)
		b.pass(time.Minute)
		for _, tid := range []fleet.TID{"t-000002", "t-000003"} {
			if v := b.terminal(tid).KeysSent; v != 2 {
				t.Errorf("%s was sent version %d of 2", tid, v)
			}
		}
	})
}

// Whoever asked for many terminals and is gone would have the rest done twice.
func TestNothingMoreIsDoneForWhoeverIsGone(t *testing.T) {
	inBureau(t, func(b *bureau) {
		var list []string
		for n := range 5 {
			m := b.machine(n + 1)
			m.connect()
			list = append(list, `"`+string(m.tid)+`"`)
		}
		ctx, gone := context.WithCancel(b.Context())
		sent := 0
		b.hub.mu.Lock()
		b.hub.puppets = func(_ fleet.TID, m fleet.Message) {
			if m.Channel == fleet.DownConfig {
				if sent++; sent == 2 {
					gone()
				}
			}
		}
		b.hub.mu.Unlock()
		body := strings.NewReader(`{"tids":[` + strings.Join(list, ",") + `],"change":{"shop.name":"x"}}`)
		r := httptest.NewRequestWithContext(ctx, "POST", "/v1/config", body)
		b.svc.Operator(func(*http.Request) string { return "ops" }).ServeHTTP(httptest.NewRecorder(), r)
		if sent != 2 || b.terminal("t-000003").Wanted.Rev != 0 {
			t.Errorf("%d terminals were changed after whoever asked was gone", sent)
		}
	})
}
