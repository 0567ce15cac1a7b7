//go:build faultfs

package faultfs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/faultfs"
	"tillwire/offline/journaltest"
)

// answered is a commit that the store has told about: this payment is on record at
// this version and in this state.
type answered struct {
	id      agent.PaymentID
	version int64
	state   agent.State
}

// leaving is marked before retention may remove the first payments.
type leaving struct{}

// firsts is how many payments are sold before the retention.
const firsts = 24

func options(dir string, clock agent.Clock) offline.Options {
	return offline.Options{Dir: dir, Name: "tillwire", Clock: clock, Timers: agent.DefaultTimers, BackupEvery: -1,
		Free: func(string) (uint64, error) { return 70 << 20, nil }} // too little for a reserve, enough to sell
}

// roads are what becomes of payments, fact by fact.
func roads(p agent.Payment) [][]agent.Fact {
	pay := agent.Fact{Kind: agent.FactPayStarted, Op: agent.OpPay, Attempt: 1, Wallet: "wechat", CodePrint: []byte("print of " + p.ID)}
	present := agent.Fact{Kind: agent.FactPresentStarted, Op: agent.OpPresent, Attempt: 1, Wallet: "wechat"}
	doubt := agent.Fact{Kind: agent.FactInDoubt, Op: agent.OpPay, Reason: agent.ReasonNoAnswer}
	approved := agent.Fact{Kind: agent.FactApproved, Op: agent.OpQuery, Amount: 1280, Txn: "42000" + string(p.ID)}
	refundNo := p.OrderNo + "P1"
	return [][]agent.Fact{
		{pay, approved, {Kind: agent.FactPrinted}},
		{pay, doubt, approved,
			{Kind: agent.FactRefundRequested, RefundNo: refundNo, RequestID: "back " + string(p.ID), Amount: 500, Text: "returned", By: "person:2"},
			{Kind: agent.FactRefundDone, Op: agent.OpRefund, RefundNo: refundNo}},
		{pay, {Kind: agent.FactRefused, Op: agent.OpPay, Reason: agent.ReasonNotEnough}, {Kind: agent.FactWatched, Op: agent.OpQuery}},
		{pay, doubt, {Kind: agent.FactReversalDecided, Reason: agent.ReasonCancelled, By: "person:1"},
			{Kind: agent.FactReversalAccepted, Op: agent.OpReverse}, {Kind: agent.FactReversed, Op: agent.OpQuery}},
		{present, {Kind: agent.FactQRReady, Op: agent.OpPresent, QR: "weixin://wxpay/bizpayurl?pr=abc"},
			{Kind: agent.FactCloseDecided, Reason: agent.ReasonQRExpired}, {Kind: agent.FactCloseAccepted, Op: agent.OpClose}},
	}
}

// sell takes payment n down its road.
func sell(ctx context.Context, s *offline.Store, n int, lane string) error {
	p := journaltest.Sale(n, lane)
	list := roads(p)
	road := list[n%len(list)]
	p, err := s.Open(ctx, p, agent.Fact{Kind: agent.FactOpened}, road[0])
	for _, f := range road[1:] {
		if err != nil {
			return fmt.Errorf("payment %d: %w", n, err)
		}
		p, err = s.Record(ctx, p.ID, p.Version, f)
	}
	return err
}

// sellAll takes payments from first to last on four lanes at once.
func sellAll(t testing.TB, s *offline.Store, first, last int) {
	t.Helper()
	var wg sync.WaitGroup
	next := atomic.Int64{}
	for lane := range 4 {
		wg.Go(func() {
			for n := first + int(next.Add(1)) - 1; n < last; n = first + int(next.Add(1)) - 1 {
				if err := sell(t.Context(), s, n, fmt.Sprintf("lane %d of %d", lane, n)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// day is a shop's day on a recorded disk: a new store, sales, a stop and a start,
// a checkpoint under way, retention, sales, and no clean end.
func day(t testing.TB, sales int) *faultfs.Tape {
	t.Helper()
	dir := fastDir(t)
	rec := record(t, attach(t, dir))
	clock := journaltest.NewClock()
	opt := options(dir, clock)
	opt.Notify = func(p agent.Payment) { rec.Mark(answered{p.ID, p.Version, p.Status.State}) }
	open := func() *offline.Store {
		s, err := offline.Open(t.Context(), opt)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	sellAll(t, s, 0, firsts)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open()
	defer s.Close()
	clock.Advance(100 * 24 * time.Hour)
	sellAll(t, s, firsts, firsts+sales/2)
	rec.Mark(leaving{})
	if _, err := s.Prune(t.Context(), clock.Now().Add(-90*24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	sellAll(t, s, firsts+sales/2, firsts+sales)
	return stop(t, rec)
}

// promises is what the acknowledgements before a cut add up to.
func promises(acked []any) map[agent.PaymentID]answered {
	held := map[agent.PaymentID]answered{}
	for _, a := range acked {
		switch a := a.(type) {
		case answered:
			held[a.id] = a
		case leaving:
			for n := range firsts {
				delete(held, journaltest.Sale(n, "").ID)
			}
		}
	}
	return held
}

// examine opens a folder with the real store, as after the power is back, and holds
// it to what was promised.
func examine(ctx context.Context, dir string, held map[agent.PaymentID]answered) (err error) {
	clock := journaltest.NewClock()
	clock.Jump(101 * 24 * time.Hour) // after the day that was cut
	var log bytes.Buffer
	opt := options(dir, clock)
	opt.Log = slog.New(slog.NewTextHandler(&log, nil))
	s, err := offline.Open(ctx, opt)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w\nits log: %s", err, log.String())
		}
	}()
	return errors.Join(holds(ctx, s, held), s.Close(), aside(dir))
}

func holds(ctx context.Context, s *offline.Store, held map[agent.PaymentID]answered) error {
	report, err := s.Verify(ctx, agent.DefaultTimers)
	if err != nil {
		return err
	}
	if len(report.Findings) > 0 || len(s.Problems()) > 0 || s.Err() != nil {
		return fmt.Errorf("findings %v, problems %v, %w", report.Findings, s.Problems(), s.Err())
	}
	for id, a := range held {
		p, err := s.Payment(ctx, id)
		if err != nil || p.Version < a.version || p.Version == a.version && p.Status.State != a.state {
			return fmt.Errorf("payment %s was answered as %s at version %d; on record is %s at %d, %w", id, a.state, a.version, p.Status.State, p.Version, err)
		}
	}
	return nil
}

// aside complains about a store that was taken for damaged: no power cut may do that.
func aside(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if name := e.Name(); name == "suspect" || strings.HasPrefix(name, "agent.db.") {
			err = errors.Join(err, fmt.Errorf("%s is in the folder", name))
		}
	}
	return err
}
