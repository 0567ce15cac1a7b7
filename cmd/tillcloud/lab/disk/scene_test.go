//go:build faultfs

package disk_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mattn/go-sqlite3"

	"tillwire/agent"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/offline/faultfs"
)

var keys = sync.OnceValues(lab.NewKeys)

// TestMain puts the layer under all connections of this process.
func TestMain(m *testing.M) {
	if err := faultfs.Install(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// roomy is a disk with room to sell and too little for a reserve: 8 MiB that say
// nothing here.
func roomy(string) (uint64, error) { return 70 << 20, nil }

// scene is one workload being recorded: the agent's disk, and the cloud's ledger
// whenever a request arrives there.
type scene struct {
	dir   string
	shop  *lab.Shop
	disk  *faultfs.Disk
	rec   atomic.Pointer[faultfs.Recording]
	clock *lab.Clock
	began time.Duration
	line  *line
	took  map[agent.PaymentID]string // codes that were accepted without a line

	mu      sync.Mutex // one arrival at a time: its mark and its snapshot belong together
	ledgers [][]byte
	err     error
}

// filmed is a recorded workload.
type filmed struct {
	tape    *faultfs.Tape
	ledgers [][]byte // before the arrival of this number; the last one is the end's
	took    map[agent.PaymentID]string
}

// film records the workload of a seed in virtual time, in a folder of its own.
func film(t *testing.T, w work, dir string, dice lab.Dice) (f filmed, err error) {
	t.Helper()
	pair, err := keys()
	if err != nil {
		return f, err
	}
	home := filepath.Join(dir, "agent")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return f, err
	}
	network := lab.NewNetwork()
	s := &scene{dir: dir, line: &line{network: network}, took: map[agent.PaymentID]string{}}
	passed := time.Duration(0)
	if w.fresh && dice.Chance(2) {
		if passed, err = olderStore(t, dir, pair, dice); err != nil {
			return f, fmt.Errorf("a store of the first schema: %w", err)
		}
	}
	if s.disk, err = faultfs.Attach(home); err != nil {
		return f, err
	}
	defer s.disk.Close()
	if err := s.disk.Watch(filepath.Join(home, witnessFile)); err != nil {
		return f, err
	}
	synctest.Test(t, func(t *testing.T) {
		s.clock = lab.NewClock()
		s.began = s.clock.Mono()
		wait(passed)
		err = s.play(t.Context(), w, w.options(lab.Options{Dir: dir, Clock: s.clock, Keys: pair, Network: network, Dial: s.line.dial, Lanes: 2, Free: roomy, Told: s.told, At: s.at}), dice)
	})
	if err != nil {
		return f, fmt.Errorf("%s: %w", w.name, err)
	}
	f.ledgers, f.took = s.ledgers, s.took
	f.tape, err = s.rec.Load().Stop()
	return f, err
}

func (s *scene) play(ctx context.Context, w work, o lab.Options, dice lab.Dice) (err error) {
	if w.fresh {
		if err := s.record(); err != nil {
			return err
		}
	}
	if s.shop, err = lab.Open(ctx, o); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.shop.Close(), s.err) }()
	if !w.fresh {
		if err := s.record(); err != nil {
			return err
		}
	}
	if err := w.do(ctx, &counter{shop: s.shop, dice: dice, acts: s.acts}, s); err != nil {
		return err
	}
	s.snapshot()
	return nil
}

func (s *scene) record() error {
	rec, err := s.disk.Record()
	s.rec.Store(rec)
	return err
}

// told marks what the store answered. It runs on the store's writer.
func (s *scene) told(p agent.Payment) {
	if rec := s.rec.Load(); rec != nil {
		rec.Mark(answered{p.ID, p.Version, p.Status.State, s.clock.Mono() - s.began})
	}
}

// at keeps the ledger as it is when a request arrives: the mark first, then the
// ledger, and nothing else arrives in between. A cut before the mark goes with this
// ledger or an earlier one; see the package comment.
func (s *scene) at(p lab.Point) {
	if p.Place == "arrived" {
		s.acts()
	}
}

// acts does the same before anything else changes the ledger.
func (s *scene) acts() {
	rec := s.rec.Load()
	if rec == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	rec.Mark(arrival{s.clock.Mono() - s.began})
	s.keep()
}

func (s *scene) snapshot() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep()
}

// keep wants the mutex.
func (s *scene) keep() {
	copied, err := ledgerOf(s.dir)
	s.ledgers, s.err = append(s.ledgers, copied), errors.Join(s.err, err)
}

func ledgerIn(dir string) string { return filepath.Join(dir, "cloud", "ledger.db") }

// ledgerOf copies a running cloud's ledger.
func ledgerOf(dir string) (copied []byte, err error) {
	opened, err := (&sqlite3.SQLiteDriver{}).Open("file:" + ledgerIn(dir) + "?mode=ro&_busy_timeout=5000")
	if err != nil {
		return nil, err
	}
	c := opened.(*sqlite3.SQLiteConn)
	copied, err = c.Serialize("main")
	return copied, errors.Join(err, c.Close())
}
