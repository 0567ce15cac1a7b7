package offline

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"tillwire/agent"
	"tillwire/agent/wallet/voucher"
)

// spentMemory is how long a code counts as spent after it refuses by itself: longer
// than any clock is wrong that still passes for right.
const spentMemory = 14 * 24 * time.Hour

// acceptKeys are the rows of meta about accepting offline.
const (
	seenKey    = "seen"     // the latest time that a trusted clock has shown, Unix nanoseconds
	putBackKey = "put_back" // when an older store was put back or a damaged one replaced
)

var _ agent.OfflineJournal = (*Store)(nil)

// Accept implements agent.OfflineJournal. Everything that the answer depends on is
// read by the transaction that writes it: the writer is one, so two lanes cannot both
// be given what is left of a cap, nor spend one code.
func (s *Store) Accept(ctx context.Context, id agent.PaymentID, version int64, a agent.Acceptance) (agent.Payment, error) {
	base, err := s.current(context.WithoutCancel(ctx), id)
	if err != nil {
		return agent.Payment{}, err
	}
	if base.payment.Version != version {
		return base.payment, agent.ErrStale
	}
	c, lawless := s.prepare(base, []agent.Fact{a.Fact})
	var got *entry
	err = s.write("accept offline", func(b *batch) (err error) {
		got, err = b.accept(id, version, c, a, lawless)
		return err
	})
	return got.orNone(), err
}

func (b *batch) accept(id agent.PaymentID, version int64, c *change, a agent.Acceptance, lawless error) (*entry, error) {
	now, err := b.load(id)
	switch {
	case err != nil:
		return nil, err
	case now.payment.Version != version:
		return now, agent.ErrStale
	case lawless != nil:
		return nil, lawless
	case b.w.tight():
		return nil, lowSpace("accept offline", b.w.s.opt.Dir, errTight)
	}
	if by := b.seen(id, []agent.Fact{a.Fact}); by != "" {
		return b.refuseCode(by)
	}
	if other, err := b.mayAccept(&now.payment, &a); err != nil {
		return other, err
	}
	if err := b.update(c); err != nil {
		return nil, err
	}
	return c.next, b.keep(&now.payment, a)
}

// mayAccept judges by what the disk says and this transaction has added. It only reads,
// so that a refusal spoils nobody else's.
func (b *batch) mayAccept(p *agent.Payment, a *agent.Acceptance) (*entry, error) {
	if err := b.flush(); err != nil {
		return nil, err
	}
	back, err := b.meta(putBackKey)
	if err != nil {
		return nil, err
	}
	if back != 0 {
		return nil, voucher.PolicyRefusal(voucher.PolicyRestored)
	}
	var device voucher.Device
	if a.Spend != nil {
		other, err := b.unspent(*a.Spend, a.Fact.Way)
		if err != nil {
			return other, err
		}
		if device, err = b.device(*a.Spend, a.Now); err != nil {
			return nil, err
		}
	}
	seen, err := b.meta(seenKey)
	if err != nil {
		return nil, err
	}
	// What was seen since the caller looked counts as well.
	if known := fromNano(seen); seen != 0 && a.Now.Before(known) {
		a.Now = known
	}
	e, err := readExposure(func(query string, n int, visit func([]driver.Value) error) error { return b.each(query, n, visit) })
	if err != nil {
		return nil, err
	}
	return nil, voucher.Allow(a.Policy, e, *a, p.Lane, p.Amount, device)
}

// unspent refuses a code that was accepted before, with the payment it paid, and a
// device whose counter went back or jumped.
func (b *batch) unspent(c agent.Spend, way agent.Way) (*entry, error) {
	var by agent.PaymentID
	err := b.each("SELECT pay FROM spent WHERE issuer = ? AND id = ? AND counter = ?", 1, func(v []driver.Value) error {
		by = agent.PaymentID(v[0].(string))
		return nil
	}, int64(c.Issuer), c.ID, int64(c.Counter))
	if err != nil {
		return nil, err
	}
	if by != "" {
		// Retention may have taken the payment, and never what it spent.
		e, err := b.load(by)
		if err != nil && agent.ClassOf(err) != agent.NotFound {
			return nil, err
		}
		return e, agent.ErrSpent
	}
	if way != agent.WayDevice {
		return nil, nil
	}
	highest := int64(0)
	err = b.each("SELECT coalesce(max(counter), 0) FROM spent WHERE issuer = ? AND id = ?", 1, func(v []driver.Value) error {
		highest = v[0].(int64)
		return nil
	}, int64(c.Issuer), c.ID)
	if err != nil {
		return nil, err
	}
	var refusal *voucher.Refusal
	if errors.As(voucher.CheckCounter(uint32(highest), c.Counter), &refusal) {
		return nil, &agent.Error{Op: "accept offline", Class: agent.Conflict, Code: agent.CodeOffline, Say: refusal.Say(), Err: refusal}
	}
	return nil, nil
}

// device counts what the device was accepted for within a day, and adds up all of it. A
// sale that was taken back took nothing: its issuer is told so. Retention keeps every sum:
// a certificate lives for days, a payment for weeks.
func (b *batch) device(c agent.Spend, now time.Time) (d voucher.Device, err error) {
	err = b.each(`SELECT coalesce(sum(s.at > ?), 0), coalesce(sum(CASE WHEN p.state = 'voided' THEN 0 ELSE coalesce(a.amount, 0) END), 0)
		FROM spent s LEFT JOIN accepted a ON a.pay = s.pay LEFT JOIN payment p ON p.id = s.pay WHERE s.issuer = ? AND s.id = ?`, 2, func(v []driver.Value) error {
		d = voucher.Device{Today: int(v[0].(int64)), Taken: v[1].(int64)}
		return nil
	}, now.Add(-24*time.Hour).UnixNano(), int64(c.Issuer), c.ID)
	return d, err
}

// keep writes what an acceptance leaves beside its fact.
func (b *batch) keep(p *agent.Payment, a agent.Acceptance) error {
	var sealed driver.Value
	if len(a.Sealed) > 0 {
		sealed = a.Sealed
	}
	err := b.do("INSERT INTO accepted(pay, way, lane, amount, currency, at, open, sealed) VALUES (?,?,?,?,?,?,1,?)",
		string(p.ID), string(a.Fact.Way), p.Lane, p.Amount.Value, string(p.Amount.Currency), a.Now.UnixNano(), sealed)
	if err == nil && a.Spend != nil {
		err = b.do("INSERT INTO spent(issuer, id, counter, pay, at, until) VALUES (?,?,?,?,?,?)",
			int64(a.Spend.Issuer), a.Spend.ID, int64(a.Spend.Counter), string(p.ID), a.Now.UnixNano(), a.Spend.Until.Add(spentMemory).UnixNano())
	}
	if err == nil && !a.Seen.IsZero() {
		err = b.saw(a.Seen)
	}
	return err
}

// settleAccepted frees what an acceptance held once nothing is at stake any more: its
// part of the caps, and what would have been forwarded. A code that was taken back unsent
// and that nobody else knows of is the customer's again.
func (b *batch) settleAccepted(c *change) error {
	was, is := c.base.payment.Status, c.next.payment.Status
	if !was.AtStake() || is.AtStake() {
		return nil
	}
	if err := b.do("UPDATE accepted SET open = 0, sealed = NULL WHERE pay = ?", c.id); err != nil {
		return err
	}
	if is.State == agent.Voided && is.Way.Returns() {
		return b.do("DELETE FROM spent WHERE pay = ?", c.id)
	}
	return nil
}

// each runs a query that is needed too seldom to be prepared for good, on the writer's
// connection: it sees what the batch has written so far.
func (b *batch) each(query string, n int, visit func([]driver.Value) error, args ...driver.Value) error {
	s, err := prepare(b.w.conn, query)
	if err != nil {
		return err
	}
	err = s.each(n, visit, args...)
	return errors.Join(err, s.stmt.Close())
}

// setMeta puts a value into the table meta, in the place of the last one of its key.
const setMeta = "INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = excluded.value"

// meta reads a number of the table meta; 0 when there is none.
func (b *batch) meta(key string) (n int64, err error) {
	err = b.each("SELECT value FROM meta WHERE key = ?", 1, func(v []driver.Value) error {
		n, _ = v[0].(int64)
		return nil
	}, key)
	return n, err
}

func (b *batch) saw(at time.Time) error {
	return b.do("INSERT INTO meta(key, value) VALUES (?1, ?2) ON CONFLICT(key) DO UPDATE SET value = max(value, excluded.value)", seenKey, at.UnixNano())
}

// Saw implements agent.OfflineJournal.
func (s *Store) Saw(_ context.Context, at time.Time) error {
	return s.write("note the time", func(b *batch) error { return b.saw(at) })
}

// ResetSeen takes the time of now for the latest one seen, where a later one was kept by
// mistake: by says that the clock is right. What outlived its time by the later one is
// judged by this one again, so ask a wallet about the clock before.
func (s *Store) ResetSeen(ctx context.Context, by string) error {
	now, was := s.opt.Clock.Now(), int64(0)
	err := s.write("put the time right", func(b *batch) (err error) {
		if was, err = b.meta(seenKey); err != nil {
			return err
		}
		return b.do(setMeta, seenKey, now.UnixNano())
	})
	if err != nil {
		return err
	}
	return s.AppendAudit(ctx, agent.Audit{At: now, Actor: by, Action: "offline.reset_time", Detail: "it was " + fromNano(was).UTC().Format(time.RFC3339)})
}

// SeenTime implements agent.OfflineJournal.
func (r *Reader) SeenTime(ctx context.Context) (time.Time, error) { return r.metaTime(ctx, seenKey) }

// metaTime reads a time of the table meta; zero when there is none.
func (r *Reader) metaTime(ctx context.Context, key string) (time.Time, error) {
	var n int64
	err := r.db.QueryRowContext(ctx, "SELECT coalesce((SELECT value FROM meta WHERE key = ?), 0)", key).Scan(&n)
	if err != nil || n == 0 {
		return time.Time{}, readOr(err)
	}
	return fromNano(n), nil
}

// Sealed implements agent.OfflineJournal.
func (r *Reader) Sealed(ctx context.Context, id agent.PaymentID) (sealed []byte, err error) {
	err = r.db.QueryRowContext(ctx, "SELECT (SELECT sealed FROM accepted WHERE pay = ?)", string(id)).Scan(&sealed)
	return sealed, readOr(err)
}

// Exposure implements agent.OfflineJournal.
func (r *Reader) Exposure(ctx context.Context) (agent.Exposure, error) {
	e, err := readExposure(func(query string, n int, visit func([]driver.Value) error) error {
		rows, err := r.db.QueryContext(ctx, query)
		if err != nil {
			return err
		}
		defer rows.Close()
		values, into := make([]driver.Value, n), make([]any, n)
		for i := range values {
			into[i] = &values[i]
		}
		for rows.Next() {
			if err := errors.Join(rows.Scan(into...), visit(values)); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	return e, readOr(err)
}

func readOr(err error) error {
	if err == nil {
		return nil
	}
	return readError(err)
}

// readExposure adds up what is at stake, by whichever connection asks.
func readExposure(each func(query string, n int, visit func([]driver.Value) error) error) (agent.Exposure, error) {
	e := agent.Exposure{Stored: agent.Stored{Sums: map[agent.Currency]int64{}}, Lanes: map[string]agent.Stored{}}
	err := each("SELECT lane, currency, count(*), sum(amount), min(at) FROM accepted WHERE open = 1 GROUP BY lane, currency", 5, func(v []driver.Value) error {
		lane, okLane := v[0].(string)
		currency, okCurrency := v[1].(string)
		if !okLane || !okCurrency {
			return fmt.Errorf("%w: a lane or currency of an acceptance is no text", errDamaged)
		}
		c, n, sum, first := agent.Currency(currency), int(v[2].(int64)), v[3].(int64), fromNano(v[4].(int64))
		here := e.Lanes[lane]
		if here.Sums == nil {
			here.Sums = map[agent.Currency]int64{}
		}
		here.Count += n
		here.Sums[c] += sum
		e.Lanes[lane] = here
		e.Count += n
		e.Sums[c] += sum
		if e.Since.IsZero() || first.Before(e.Since) {
			e.Since = first
		}
		return nil
	})
	return e, err
}

// distrust refuses everything offline until somebody has looked: this store does not
// know what was spent before it began.
func (w *writer) distrust() error {
	_, err := w.conn.Exec("INSERT OR IGNORE INTO meta(key, value) VALUES (?1, ?2)", values(putBackKey, w.s.opt.Clock.Now().UnixNano()))
	return err
}

// PutBack is when this store was put back or replaced, zero when that is settled or
// never was: see Accept.
func (r *Reader) PutBack(ctx context.Context) (time.Time, error) { return r.metaTime(ctx, putBackKey) }

// TrustSpent ends the refusal that follows a store that was put back: by says that the
// wallets' bills have been compared with what is recorded here.
func (s *Store) TrustSpent(ctx context.Context, by string) error {
	if err := s.write("trust spent codes", func(b *batch) error { return b.do("DELETE FROM meta WHERE key = ?", putBackKey) }); err != nil {
		return err
	}
	return s.AppendAudit(ctx, agent.Audit{At: s.opt.Clock.Now(), Actor: by, Action: "offline.trust_spent"})
}
