package journaltest

import (
	"context"
	"fmt"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet/voucher"
)

// spent is a code that was accepted.
type spent struct {
	device  string // issuer and id
	counter uint32
	by      agent.PaymentID
	at      time.Time
}

var _ agent.OfflineJournal = (*Memory)(nil)

func deviceOf(s agent.Spend) string { return fmt.Sprintf("%d|%x", s.Issuer, s.ID) }

// Accept implements agent.OfflineJournal.
func (m *Memory) Accept(_ context.Context, id agent.PaymentID, version int64, a agent.Acceptance) (agent.Payment, error) {
	return m.write("accept offline", func() (agent.Payment, error) {
		p, err := m.find(id)
		if err != nil {
			return p, err
		}
		if p.Version != version {
			return p, agent.ErrStale
		}
		if _, _, err := agent.Settle(p, a.Fact); err != nil {
			return p, err
		}
		if a.Now.Before(m.data.seen) {
			a.Now = m.data.seen
		}
		if by, ok := m.codeSeen(id, []agent.Fact{a.Fact}); ok {
			return by, agent.ErrCodeSeen
		}
		var device voucher.Device
		if a.Spend != nil {
			by, known, err := m.unspent(*a.Spend, a)
			if err != nil {
				return by, err
			}
			device = known
		}
		if err := voucher.Allow(a.Policy, m.exposure(), a, p.Lane, p.Amount, device); err != nil {
			return p, err
		}
		m.data.accepted[id] = a
		if s := a.Spend; s != nil {
			m.data.spent[fmt.Sprintf("%s|%d", deviceOf(*s), s.Counter)] = spent{deviceOf(*s), s.Counter, id, a.Now}
		}
		if a.Seen.After(m.data.seen) {
			m.data.seen = a.Seen
		}
		return m.settle(p, []agent.Fact{a.Fact})
	})
}

func (m *Memory) unspent(s agent.Spend, a agent.Acceptance) (by agent.Payment, device voucher.Device, err error) {
	if old, ok := m.data.spent[fmt.Sprintf("%s|%d", deviceOf(s), s.Counter)]; ok {
		return m.data.payments[old.by], device, agent.ErrSpent
	}
	highest := uint32(0)
	for _, old := range m.data.spent {
		if old.device != deviceOf(s) {
			continue
		}
		highest = max(highest, old.counter)
		if old.at.After(a.Now.Add(-24 * time.Hour)) {
			device.Today++
		}
		if p := m.data.payments[old.by]; p.Status.State != agent.Voided {
			device.Taken += p.Amount.Value
		}
	}
	if a.Fact.Way != agent.WayDevice {
		return by, device, nil
	}
	if err := voucher.CheckCounter(highest, s.Counter); err != nil {
		return by, device, &agent.Error{Op: "accept offline", Class: agent.Conflict, Code: agent.CodeOffline, Err: err}
	}
	return by, device, nil
}

func (m *Memory) exposure() agent.Exposure {
	e := agent.Exposure{Stored: agent.Stored{Sums: map[agent.Currency]int64{}}, Lanes: map[string]agent.Stored{}}
	for id, a := range m.data.accepted {
		p := m.data.payments[id]
		if !p.Status.AtStake() {
			continue
		}
		here := e.Lanes[p.Lane]
		if here.Sums == nil {
			here.Sums = map[agent.Currency]int64{}
		}
		here.Count, e.Count = here.Count+1, e.Count+1
		here.Sums[p.Amount.Currency] += p.Amount.Value
		e.Sums[p.Amount.Currency] += p.Amount.Value
		e.Lanes[p.Lane] = here
		if at := a.Now.Round(0).UTC(); e.Since.IsZero() || at.Before(e.Since) {
			e.Since = at
		}
	}
	return e
}

// settleAccepted forgets what is not to be forwarded any more.
func (m *Memory) settleAccepted(p agent.Payment) {
	a, ok := m.data.accepted[p.ID]
	if !ok || p.Status.AtStake() {
		return
	}
	a.Sealed = nil
	m.data.accepted[p.ID] = a
	if p.Status.State == agent.Voided && p.Status.Way.Returns() {
		delete(m.data.spent, fmt.Sprintf("%s|%d", deviceOf(*a.Spend), a.Spend.Counter))
	}
}

// Exposure implements agent.OfflineJournal.
func (m *Memory) Exposure(context.Context) (agent.Exposure, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.exposure(), nil
}

// Sealed implements agent.OfflineJournal.
func (m *Memory) Sealed(_ context.Context, id agent.PaymentID) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.data.accepted[id].Sealed, nil
}

// SeenTime implements agent.OfflineJournal.
func (m *Memory) SeenTime(context.Context) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.data.seen, nil
}

// Saw implements agent.OfflineJournal.
func (m *Memory) Saw(_ context.Context, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at.After(m.data.seen) {
		m.data.seen = at.Round(0).UTC()
	}
	return m.down
}
