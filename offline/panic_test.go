package offline_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

// within fails a test that waits for ever, as callers of a locked store did.
func within(t *testing.T, what string, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal(what + " hangs")
	}
}

func TestAPanicOfWhoListensFailsTheStoreAndLeavesItOpenable(t *testing.T) {
	for name, change := range map[string]func(*offline.Options){
		"notify":  func(opt *offline.Options) { opt.Notify = func(agent.Payment) { panic("boom") } },
		"observe": func(opt *offline.Options) { opt.Observe = func(int, time.Duration) { panic("boom") } },
	} {
		t.Run(name, func(t *testing.T) {
			ts := openStore(t, change)
			within(t, "the store", func() {
				// It is on the disk, so it is answered as done.
				if _, err := ts.Open(t.Context(), journaltest.Sale(1, "1"), opened); err != nil {
					t.Errorf("the commit was answered with %v", err)
				}
				if _, err := ts.Open(t.Context(), journaltest.Sale(2, "2"), opened); agent.CodeOf(err) != agent.CodeNotWritable {
					t.Errorf("the next write was answered with %v", err)
				}
			})
			if err := ts.Err(); err == nil || !strings.Contains(err.Error(), "panic") {
				t.Fatalf("the store says %v", err)
			}
			within(t, "closing", func() { ts.reopen(t, nil) })
			if p, err := ts.Payment(t.Context(), journaltest.Sale(1, "1").ID); err != nil || p.Version != 1 {
				t.Fatalf("after the restart: %+v %v", p, err)
			}
			clean(t, ts.dir)
		})
	}
}

// A panic inside the transaction undoes it: nothing of it is there afterwards.
func TestAPanicInATransactionIsAnError(t *testing.T) {
	var armed bool
	ts := openStore(t, func(opt *offline.Options) {
		opt.Free = func(string) (uint64, error) {
			if armed {
				panic("boom")
			}
			return 70 << 20, nil
		}
	})
	armed = true
	within(t, "the store", func() {
		if _, err := ts.Open(t.Context(), journaltest.Sale(1, "1"), opened); agent.CodeOf(err) != agent.CodeNotWritable {
			t.Errorf("answered with %v", err)
		}
	})
	if ts.Err() == nil {
		t.Fatal("the store believes to be well")
	}
	within(t, "closing", func() {
		armed = false
		ts.reopen(t, nil)
	})
	if _, err := ts.Payment(t.Context(), journaltest.Sale(1, "1").ID); agent.ClassOf(err) != agent.NotFound {
		t.Fatalf("the payment: %v", err)
	}
}

func TestAWriterThatHangsIsNoticed(t *testing.T) {
	hang, hanging := make(chan struct{}), make(chan struct{})
	ts := openStore(t, func(opt *offline.Options) {
		opt.Notify = func(agent.Payment) {
			close(hanging)
			<-hang
		}
	})
	within(t, "a writer that is well", func() {
		if !ts.Responds(t.Context()) {
			t.Error("a writer that is well does not respond")
		}
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = ts.Open(context.Background(), journaltest.Sale(1, "1"), opened)
	}()
	<-hanging
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		if ts.Responds(ctx) {
			t.Error("a writer that hangs responds")
		}
		cancel()
	}
	close(hang)
	<-done
	if !ts.Responds(t.Context()) {
		t.Error("it does not respond after it went on")
	}
}
