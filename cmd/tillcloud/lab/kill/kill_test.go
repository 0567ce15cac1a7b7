package kill_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"tillwire/cmd/tillcloud/lab"
	"tillwire/cmd/tillcloud/real"
)

const (
	// kills of one shop, whose books are then compared.
	kills = 25
	// shops live side by side: while one waits for its last reversals another is killed.
	shops = 4
	// fewKills of a shop only show that the campaign runs.
	fewKills = 5
	// settling is how long a shop may take to end what it began. That is a third of a
	// minute on a machine that rests.
	settling = 4 * time.Minute
)

// TestTheAgentIsKilled is campaign C3.
func TestTheAgentIsKilled(t *testing.T) {
	r := lab.Begin(t, "C3", "kills", 60, 5000)
	if r.Size() == 0 {
		return
	}
	bin, err := real.Programs(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := lab.NewKeys()
	if err != nil {
		t.Fatal(err)
	}
	base := lab.Scratch(t)
	data, err := prepared(t.Context(), bin, base, pair)
	if err != nil {
		t.Fatal(err)
	}
	// A merge is as many shops as live side by side; what they wait for in the end they
	// wait for together.
	each := min(kills, max(r.Size()/shops, 1))
	r.Cases(t, shops, (r.Size()+each-1)/each, func(t *testing.T, seed uint64) int {
		// The agent dies with the thread that started it.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		c := &shop{run: r, seed: seed, dice: lab.NewDice("C3", seed), dir: filepath.Join(base, fmt.Sprint(seed)), bin: bin, data: data, keys: pair}
		done, err := c.live(t.Context(), each)
		r.Broken(seed, err)
		return done
	})
}

// prepared sets one shop up for all.
func prepared(ctx context.Context, bin, base string, pair lab.Keys) (data string, err error) {
	s, err := lab.OpenElsewhere(ctx, lab.Options{Dir: filepath.Join(base, "first"), Clock: lab.NewClock(), Keys: pair})
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	account, err := s.Account()
	if err != nil {
		return "", err
	}
	return setUp(bin, filepath.Join(base, "first", "set up"), account)
}

// shop is one case: a shop whose agent is killed again and again.
type shop struct {
	run  *lab.Run
	seed uint64
	dice lab.Dice
	dir  string
	bin  string
	data string // set up, to be copied
	keys lab.Keys

	*till
}

// live opens the shop, kills its agent n times, lets it settle and judges it.
func (s *shop) live(ctx context.Context, n int) (done int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Minute)
	defer cancel()
	lab, err := lab.OpenElsewhere(ctx, lab.Options{Dir: s.dir, Clock: lab.NewClock(), Keys: s.keys, Timers: timers})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, lab.Close(), os.RemoveAll(s.dir)) }()
	account, err := lab.Account()
	if err != nil {
		return 0, err
	}
	machine, err := install(s.bin, s.dir, lab.AgentDir(), s.data, account, s.seed)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, machine.close()) }()
	// A few kills show that the campaign runs; they need no reversal, whose age WeChat
	// Pay wants to be fifteen seconds.
	s.till = &till{terminal: machine, shows: n < fewKills, shop: lab, gate: newGate(), client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: lanes}}}
	defer s.client.CloseIdleConnections()
	// In half of the shops somebody else reads the store all the while, as the
	// operator's commands do; then a start finds the write-ahead log as it was left.
	if s.dice.Chance(2) {
		if err := lab.Meet(ctx); err != nil {
			return 0, err
		}
	}
	wait, failed := s.opened(ctx)
	done, err = s.killed(ctx, n)
	if err == nil {
		err = s.settled(ctx, wait)
	}
	s.closes.Store(true)
	cancel()
	wait()
	return done, errors.Join(err, *failed)
}

// opened sets the lanes to work. The returned function waits until they have ended.
func (s *shop) opened(ctx context.Context) (wait func(), failed *error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	failed = new(error)
	for i := range lanes {
		dice := lab.NewDice(fmt.Sprint("C3 lane ", i), s.seed)
		wg.Go(func() {
			if err := s.trade(ctx, i+1, dice); err != nil && ctx.Err() == nil {
				mu.Lock()
				defer mu.Unlock()
				*failed = errors.Join(*failed, err)
			}
		})
	}
	return wg.Wait, failed
}

// killed starts the agent and kills it, n times.
func (s *shop) killed(ctx context.Context, n int) (done int, err error) {
	for ; done < n && ctx.Err() == nil; done++ {
		if err := s.start(); err != nil {
			return done, err
		}
		if s.dice.Chance(10) {
			// Before it is up.
			pause(ctx, s.dice.Between(0, 40*time.Millisecond))
		} else {
			begin := time.Now()
			if err := s.answers(); err != nil {
				s.run.Violated(s.seed, lab.Violation{Check: checkUp, What: err.Error()})
				return done, nil
			}
			s.run.Figure("slowest start after a kill, ms", float64(time.Since(begin).Milliseconds()))
			moved := s.moved.Load()
			s.gate.set(true)
			// Something is under way as soon as something was answered.
			for begin := time.Now(); s.moved.Load() == moved && time.Since(begin) < patience; {
				pause(ctx, time.Millisecond)
			}
			if s.moved.Load() == moved {
				s.run.Violated(s.seed, lab.Violation{Check: checkUp, What: "the agent answers nothing: " + s.said()})
				return done, nil
			}
			pause(ctx, s.dice.Between(0, 150*time.Millisecond))
		}
		s.gate.set(false)
		if err := s.kill(); err != nil {
			s.run.Violated(s.seed, lab.Violation{Check: checkUp, What: err.Error()})
			return done, nil
		}
	}
	return done, nil
}

// settled starts the agent for the last time, lets the lanes end what they began
// and compares the books.
func (s *shop) settled(ctx context.Context, wait func()) error {
	if err := errors.Join(s.start(), s.answers()); err != nil {
		s.run.Violated(s.seed, lab.Violation{Check: checkUp, What: err.Error()})
		return nil
	}
	s.closes.Store(true)
	s.gate.set(true)
	wait()
	if err := s.shop.Meet(ctx); err != nil {
		return err
	}
	if err := s.shop.Settle(ctx, settling, func(d time.Duration) { pause(ctx, d) }); err != nil {
		return err
	}
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err
	}
	s.shop.Search("the agent's log", text)
	found, err := s.shop.Judge(ctx)
	if err != nil {
		return err
	}
	s.run.Violated(s.seed, found...)
	s.run.Count("payments", float64(s.paid.Load()))
	s.run.Count("requests at the cloud", float64(s.shop.Requests()))
	return s.stop()
}
