package crowd_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

var keys = sync.OnceValues(lab.NewKeys)

// TestC12Crowd: whatever a crowd at the counter does at once, what it was told could
// have happened one by one, and nobody pays twice.
func TestC12Crowd(t *testing.T) {
	r := lab.Begin(t, "C12", "histories", 200, 5000)
	pair, err := keys()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sentences(); err != nil { // before any bubble: all of them share it
		t.Fatal(err)
	}
	scratch := lab.Scratch(t)
	seeds := make(chan uint64)
	var workers sync.WaitGroup
	for i := range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			t.Run(fmt.Sprint("counter ", i+1), func(t *testing.T) {
				for seed := range seeds {
					one := newTrial(r, seed, pair, filepath.Join(scratch, strconv.FormatUint(seed, 10)))
					synctest.Test(t, one.run)
					r.Violated(seed, one.found...)
					r.Broken(seed, one.err)
					if err := os.RemoveAll(one.dir); err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
	r.Each(func(seed uint64) int {
		seeds <- seed
		return plan(seed).histories
	})
	close(seeds)
	workers.Wait()
}

// planned is what a seed decides first.
type planned struct {
	lab.Dice
	histories int // at the same time in one shop, so that their commits meet
	restart   bool
}

func plan(seed uint64) planned {
	d := lab.NewDice("C12", seed)
	return planned{d, 1 + d.IntN(4), d.Chance(5)}
}

// trial is one shop with a few histories at once, each at lanes of its own.
type trial struct {
	campaign *lab.Run
	seed     uint64
	keys     lab.Keys
	dir      string
	points   atomic.Uint64

	found []lab.Violation
	err   error
}

func newTrial(r *lab.Run, seed uint64, pair lab.Keys, dir string) *trial {
	return &trial{campaign: r, seed: seed, keys: pair, dir: dir}
}

func (one *trial) run(t *testing.T) {
	if err := one.trade(t.Context()); err != nil {
		one.err = errors.Join(one.err, err)
	}
}

// at delays the shop here and there: requests on their way to the cloud and back in
// virtual time, everything else, where locks may be held, for some turns only.
func (one *trial) at(p lab.Point) {
	n := one.points.Add(1)
	x := (n + one.seed<<20) * 0x9e3779b97f4a7c15
	x ^= x >> 29
	switch p.Place {
	case "arrived", "executed":
		if x%3 == 0 {
			<-time.After(time.Duration(1+x>>8%5) * time.Millisecond)
		}
	default:
		if x%4 == 0 {
			yield(int(x >> 8 % 80))
		}
	}
}

func (one *trial) trade(ctx context.Context) (err error) {
	p := plan(one.seed)
	c, err := newCounter(ctx, lab.Options{Dir: one.dir, Clock: lab.NewClock(), Keys: one.keys, Network: lab.NewNetwork(), Lanes: 2 * p.histories, At: one.at})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	if p.Chance(2) {
		if err := c.Cloud().SetFaults(trouble(p.Dice)); err != nil {
			return err
		}
	}
	histories, err := one.play(ctx, c, p)
	if err != nil {
		return err
	}
	if err := c.Settle(ctx, 5*time.Minute, c.pause); err != nil {
		return err
	}
	c.pause(5 * time.Second) // streams come back, and hear the end
	synctest.Wait()
	books, err := c.Books(ctx)
	if err != nil {
		return err
	}
	for _, h := range histories {
		for _, s := range h.streams {
			s.close(books.Payments)
		}
		one.found = append(one.found, h.judge()...)
		one.campaign.Count("calls", float64(len(h.events)))
		one.campaign.Count("sights", float64(len(h.looks)))
	}
	found, err := c.Judge(ctx)
	one.found = append(one.found, found...)
	return err
}

// play lets every history happen at once, and the power fail in between.
func (one *trial) play(ctx context.Context, c *counter, p planned) (list []*history, err error) {
	var all sync.WaitGroup
	var mu sync.Mutex
	note := func(e error) {
		mu.Lock()
		defer mu.Unlock()
		err = errors.Join(err, e)
	}
	for i := range p.histories {
		which := lab.Pick(p.Dice, scenes()...)
		lanes := []string{strconv.Itoa(2*i + 1), strconv.Itoa(2*i + 2)}
		h := newHistory(ctx, c, fmt.Sprintf("%d-%d", one.seed, i+1), lanes[:which.lanes]...)
		list = append(list, h)
		d := lab.NewDice("C12", p.Uint64())
		for range 1 + d.IntN(2) {
			h.listen(d, anyTill(d))
		}
		one.campaign.Count(which.name, 1)
		all.Go(func() {
			note(which.play(h, d))
			h.wg.Wait()
		})
	}
	if p.restart {
		one.campaign.Count("restarts", 1)
		c.pause(time.Duration(p.IntN(8)) * time.Millisecond)
		yield(p.IntN(300))
		note(c.restart(ctx))
		for _, h := range list {
			h.settled()
		}
	}
	all.Wait()
	for _, h := range list {
		h.settled()
		h.client(p.Dice, "left", func(c *client) {
			for lane := range h.lanes {
				c.list(lane)
			}
			for slot := 1; slot <= mostSlots; slot++ {
				if _, known := h.ids[slot]; known {
					c.get(slot)
				}
			}
		})
		h.wg.Wait()
	}
	return list, err
}

// trouble is a little of what a line and a cloud do wrong.
func trouble(d lab.Dice) (list []sandbox.Fault) {
	for range 1 + d.IntN(3) {
		f := sandbox.Fault{Wallet: "*", Count: 1 + d.IntN(2),
			Operation: string(lab.Pick(d, sandbox.OpPay, sandbox.OpPay, sandbox.OpQuery, sandbox.OpReverse, sandbox.OpRefund, sandbox.OpClose, sandbox.OpPresent)),
			Kind:      lab.Pick(d, sandbox.DropRequest, sandbox.DropResponse, sandbox.Delay, sandbox.Delay, sandbox.StatusOnly, sandbox.BadSignature, sandbox.Duplicate)}
		switch f.Kind {
		case sandbox.Delay:
			f.DelayMS = lab.Pick[int64](d, 1, 2, 5, 3000, 12000)
		case sandbox.StatusOnly:
			f.Status = lab.Pick(d, 409, 500, 503)
		case sandbox.DropRequest, sandbox.DropResponse:
			f.AfterBytes = int64(d.IntN(200))
		}
		list = append(list, f)
	}
	return list
}
