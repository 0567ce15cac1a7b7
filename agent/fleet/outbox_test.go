package fleet

import (
	"context"
	"testing"
)

// TestABatchSaysFromWhereTheStreamIsStillThere: only the terminal knows whether
// what is missing before a batch is on its way or gone.
func TestABatchSaysFromWhereTheStreamIsStillThere(t *testing.T) {
	ctx := context.Background()
	o, err := OpenOutbox(ctx, tid, NewMemory())
	if err != nil {
		t.Fatal(err)
	}
	put := func(s Stream, n int) {
		t.Helper()
		facts := make([]Fact, n)
		for i := range facts {
			facts[i] = Fact{Name: "act", At: noon(), Data: map[string]int{"n": i}}
		}
		if err := o.Append(ctx, s, Origin{Boot: bootID, Quality: Synced}, facts); err != nil {
			t.Fatal(err)
		}
	}
	ack := func(s Stream, upto uint64) {
		t.Helper()
		if err := o.Ack(ctx, []AckMark{{s, o.epoch, upto}}, noon()); err != nil {
			t.Fatal(err)
		}
	}
	next := func(what string, s Stream, after, first uint64, oldest int64) {
		t.Helper()
		b, some, err := o.Next(ctx, s, after)
		if err != nil || !some || b.First != first || b.Oldest != oldest {
			t.Errorf("%s: the batch begins at %d and the oldest is %d (%v, %v), want %d and %d", what, b.First, b.Oldest, some, err, first, oldest)
		}
	}
	put(Audits, 3*batchEvents)
	next("the first batch", Audits, 0, 1, 1)
	next("the second, while the first is under way", Audits, batchEvents, batchEvents+1, 1)
	ack(Audits, batchEvents)
	next("the third, when the first is stored", Audits, 2*batchEvents, 2*batchEvents+1, batchEvents+1)

	put(Metrics, bounds[Metrics].rows+10)
	next("what is left of a full stream", Metrics, 0, 11, 11)
	next("a later part of it", Metrics, 10+batchEvents, 11+batchEvents, 11)
}
