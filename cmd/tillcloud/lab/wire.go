package lab

import (
	"bytes"
	"context"
	"net"
	"time"

	"tillwire/agent"
)

type netConn = net.Conn

func dialTCP(ctx context.Context, network, address string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// wire is a connection that sees each request begin.
type wire struct {
	net.Conn
	shop *Shop
}

// Write implements net.Conn.
func (w *wire) Write(b []byte) (int, error) {
	if w.shop.running() == nil {
		return 0, ErrPowerOff
	}
	if bytes.Contains(b, []byte(" HTTP/1.1\r\n")) {
		w.shop.at(Point{Place: "send", What: string(OperationOf(b))})
		if w.shop.running() == nil {
			return 0, ErrPowerOff
		}
	}
	return w.Conn.Write(b)
}

// Read implements net.Conn.
func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if w.shop.running() == nil {
		return 0, ErrPowerOff
	}
	return n, err
}

// gated is the journal behind the power switch: nothing is written without power,
// and an agent that lost power while it wrote never hears the answer.
type gated struct {
	s *Shop
	t *till
}

func (g *gated) off() bool { return !g.t.on.Load() }

// Open implements agent.Journal.
func (g *gated) Open(ctx context.Context, p agent.Payment, facts ...agent.Fact) (agent.Payment, error) {
	g.s.at(Point{Place: "open", What: string(p.Mode)})
	if g.off() {
		return agent.Payment{}, ErrPowerOff
	}
	got, err := g.t.store.Open(ctx, p, facts...)
	if err == nil {
		g.s.opens(context.WithoutCancel(ctx), g.t, got)
		g.s.acknowledged(got)
	}
	return g.answer(got, err, facts)
}

// Record implements agent.Journal.
func (g *gated) Record(ctx context.Context, id agent.PaymentID, version int64, facts ...agent.Fact) (agent.Payment, error) {
	g.s.at(Point{Place: "record", What: string(facts[len(facts)-1].Kind)})
	if g.off() {
		return agent.Payment{}, ErrPowerOff
	}
	got, err := g.t.store.Record(ctx, id, version, facts...)
	if err == nil {
		g.s.acknowledged(got)
	}
	return g.answer(got, err, facts)
}

func (g *gated) answer(p agent.Payment, err error, facts []agent.Fact) (agent.Payment, error) {
	g.s.at(Point{Place: "answered", What: string(facts[len(facts)-1].Kind)})
	if g.off() {
		return agent.Payment{}, ErrPowerOff
	}
	return p, err
}

// Payment implements agent.Journal.
func (g *gated) Payment(ctx context.Context, id agent.PaymentID) (agent.Payment, error) {
	if g.off() {
		return agent.Payment{}, ErrPowerOff
	}
	return g.t.store.Payment(ctx, id)
}

// ByRequest implements agent.Journal.
func (g *gated) ByRequest(ctx context.Context, client, requestID string) (agent.Payment, error) {
	if g.off() {
		return agent.Payment{}, ErrPowerOff
	}
	return g.t.store.ByRequest(ctx, client, requestID)
}

// Accept implements agent.OfflineJournal.
func (g *gated) Accept(ctx context.Context, id agent.PaymentID, version int64, a agent.Acceptance) (agent.Payment, error) {
	g.s.at(Point{Place: "record", What: string(a.Fact.Kind)})
	if g.off() {
		return agent.Payment{}, ErrPowerOff
	}
	got, err := g.t.store.Accept(ctx, id, version, a)
	if err == nil {
		g.s.acknowledged(got)
	}
	return g.answer(got, err, []agent.Fact{a.Fact})
}

// Exposure implements agent.OfflineJournal.
func (g *gated) Exposure(ctx context.Context) (agent.Exposure, error) {
	if g.off() {
		return agent.Exposure{}, ErrPowerOff
	}
	return g.t.store.Exposure(ctx)
}

// Sealed implements agent.OfflineJournal.
func (g *gated) Sealed(ctx context.Context, id agent.PaymentID) ([]byte, error) {
	if g.off() {
		return nil, ErrPowerOff
	}
	return g.t.store.Sealed(ctx, id)
}

// SeenTime implements agent.OfflineJournal.
func (g *gated) SeenTime(ctx context.Context) (time.Time, error) {
	if g.off() {
		return time.Time{}, ErrPowerOff
	}
	return g.t.store.SeenTime(ctx)
}

// Saw implements agent.OfflineJournal.
func (g *gated) Saw(ctx context.Context, at time.Time) error {
	if g.off() {
		return ErrPowerOff
	}
	return g.t.store.Saw(ctx, at)
}

// LoadKeySet implements voucher.Shelf.
func (g *gated) LoadKeySet() (raw []byte, highest uint64, err error) {
	if g.off() {
		return nil, 0, ErrPowerOff
	}
	return g.t.store.LoadKeySet()
}

// SaveKeySet implements voucher.Shelf.
func (g *gated) SaveKeySet(raw []byte, version uint64) error {
	if g.off() {
		return ErrPowerOff
	}
	return g.t.store.SaveKeySet(raw, version)
}

// OpenPayments implements agent.Journal.
func (g *gated) OpenPayments(ctx context.Context) ([]agent.Payment, error) {
	if g.off() {
		return nil, ErrPowerOff
	}
	return g.t.store.OpenPayments(ctx)
}

// leases is the outbox behind the power switch. It watches that no step is
// handed out while somebody still has it.
type leases struct {
	s *Shop
	t *till
}

// Lease implements agent.Outbox.
func (l *leases) Lease(ctx context.Context, limit int) ([]agent.Task, error) {
	if !l.t.on.Load() {
		return nil, ErrPowerOff
	}
	tasks, err := l.t.store.Lease(ctx, limit)
	if err != nil {
		return nil, err // whatever came with it, nobody takes it
	}
	for _, t := range tasks {
		l.s.leased(l.t, t)
	}
	return tasks, nil
}

// NextDue implements agent.Outbox.
func (l *leases) NextDue(ctx context.Context) (time.Duration, bool, error) {
	if !l.t.on.Load() {
		return 0, false, nil
	}
	return l.t.store.NextDue(ctx)
}

// Postpone implements agent.Outbox.
func (l *leases) Postpone(ctx context.Context, t agent.Task, wait time.Duration, why string) error {
	if !l.t.on.Load() {
		return nil
	}
	l.s.returned(l.t, t)
	return l.t.store.Postpone(ctx, t, wait, why)
}

// Hasten implements agent.Outbox.
func (l *leases) Hasten(ctx context.Context, wallet string) error {
	if !l.t.on.Load() {
		return nil
	}
	return l.t.store.Hasten(ctx, wallet)
}
