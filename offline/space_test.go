package offline_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

func TestNoPaymentBeginsOnANearlyFullDisk(t *testing.T) {
	var free atomic.Uint64
	free.Store(1 << 30)
	ts := openStore(t, func(opt *offline.Options) {
		opt.Free = func(string) (uint64, error) { return free.Load(), nil }
	})
	p := ts.sell(t, 1)
	free.Store(64<<20 - 1)
	ts.clock.Advance(time.Minute)
	_, err := ts.Open(t.Context(), journaltest.Sale(2, "2"), opened)
	if say := sentence(t, err); agent.CodeOf(err) != agent.CodeNotWritable || !strings.Contains(say, ts.dir) || !strings.Contains(say, "full") {
		t.Fatalf("told %q", say)
	}
	if _, err := os.Stat(filepath.Join(ts.dir, "ballast")); err != nil {
		t.Errorf("a refusal gave the reserve up: %v", err)
	}
	// What has begun is finished, and a repeat is still answered.
	p = ts.record(t, p, approved)
	if got, err := ts.Open(t.Context(), journaltest.Sale(1, "9"), opened); err == nil || got.ID != p.ID {
		t.Fatalf("the repeat was answered %v, %v", got.ID, err)
	}
	// A till that asks again and again does not keep the store from seeing the room.
	free.Store(1 << 30)
	for i := 0; err != nil && i < 200; i++ {
		ts.clock.Advance(50 * time.Millisecond)
		_, err = ts.Open(t.Context(), journaltest.Sale(3, "3"), opened)
	}
	if err != nil {
		t.Errorf("ten seconds after there is room again: %v", err)
	}
}

// TestAFullStoreStillTakesOutcomes fills the store to its bound: payments stop
// beginning well before, and those that have begun are finished.
func TestAFullStoreStillTakesOutcomes(t *testing.T) {
	ts := openStore(t, func(opt *offline.Options) { opt.MaxBytes, opt.Free = 100*4096, nil })
	var begun []agent.Payment
	var err error
	for i := 0; err == nil && i < 5000; i++ {
		p := journaltest.Sale(i, "lane "+string(rune('A'+i%26))+string(rune('A'+i/26)))
		if p, err = ts.Open(t.Context(), p, opened, sent(i)); err == nil {
			begun = append(begun, p)
		}
		ts.clock.Advance(2 * time.Second)
	}
	if agent.CodeOf(err) != agent.CodeNotWritable || len(begun) < 20 {
		t.Fatalf("%d payments began, then %v", len(begun), err)
	}
	for _, p := range begun {
		ts.record(t, p, inDoubt, agent.Fact{Kind: agent.FactReversalDecided, Reason: agent.ReasonTimeout})
	}
	if ts.Err() != nil {
		t.Fatalf("the store gave up: %v", ts.Err())
	}
	clean(t, ts.dir)
}

// TestTheReserveIsGivenUpForOutcomes hits the hard bound between two looks at the
// disk, where only the reserve helps.
func TestTheReserveIsGivenUpForOutcomes(t *testing.T) {
	ts := openStore(t, func(opt *offline.Options) { opt.MaxBytes, opt.Free = 60*4096, nil })
	reserve := filepath.Join(ts.dir, "ballast")
	if info, err := os.Stat(reserve); err != nil || info.Size() != 8<<20 {
		t.Fatalf("reserve %v, %v", info, err)
	}
	var begun []agent.Payment
	var err error
	for i := 0; err == nil && i < 5000; i++ { // the clock stands: nobody looks at the disk
		p := journaltest.Sale(i, "lane "+string(rune('A'+i%26))+string(rune('A'+i/26)))
		if p, err = ts.Open(t.Context(), p, opened, sent(i)); err == nil {
			begun = append(begun, p)
		}
	}
	if agent.CodeOf(err) != agent.CodeNotWritable {
		t.Fatalf("%d payments began, then %v", len(begun), err)
	}
	if _, err := os.Stat(reserve); !os.IsNotExist(err) {
		t.Fatalf("the reserve is still there: %v", err)
	}
	for _, p := range begun[len(begun)-10:] {
		ts.record(t, p, approved)
	}
	clean(t, ts.dir)
}

func TestTheReserveComesBackWithTheSpace(t *testing.T) {
	var free atomic.Uint64
	free.Store(70 << 20)
	ts := openStore(t, func(opt *offline.Options) {
		opt.Free = func(string) (uint64, error) { return free.Load(), nil }
	})
	reserve := filepath.Join(ts.dir, "ballast")
	if _, err := os.Stat(reserve); !os.IsNotExist(err) {
		t.Fatal("the reserve was laid although it would leave too little")
	}
	free.Store(1 << 30)
	ts.clock.Advance(time.Minute)
	ts.sell(t, 1)
	if info, err := os.Stat(reserve); err != nil || info.Size() != 8<<20 {
		t.Fatalf("reserve %v, %v", info, err)
	}
}
