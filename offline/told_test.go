package offline_test

import (
	"runtime"
	"sync/atomic"
	"testing"

	"tillwire/agent"
	"tillwire/offline"
	"tillwire/offline/journaltest"
)

// TestNobodySeesWhatWasNotPassedOn: a page that reads a commit before the lanes have
// heard of it would show a payment that the next scan does not find.
func TestNobodySeesWhatWasNotPassedOn(t *testing.T) {
	sale := journaltest.Sale(1, "lane 1")
	for name, sees := range map[string]func(*testStore) bool{
		"payment": func(ts *testStore) bool {
			_, err := ts.Payment(t.Context(), sale.ID)
			return err == nil
		},
		"list": func(ts *testStore) bool {
			page, err := ts.List(t.Context(), agent.Filter{Open: true})
			return err == nil && len(page.Payments) > 0
		},
		"since": func(ts *testStore) bool {
			list, err := ts.Since(t.Context(), 0, 10)
			return err == nil && len(list) > 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			var told atomic.Bool
			ts := openStore(t, func(o *offline.Options) {
				o.Notify = func(agent.Payment) {
					for range 20_000 {
						runtime.Gosched() // a reader has time to come in between
					}
					told.Store(true)
				}
			})
			begun, early := make(chan struct{}), make(chan bool)
			go func() {
				close(begun)
				for !sees(ts) {
					runtime.Gosched()
				}
				early <- !told.Load()
			}()
			<-begun
			if _, err := ts.Open(t.Context(), sale, opened); err != nil {
				t.Error(err)
			}
			if <-early {
				t.Error("it was seen before it was passed on")
			}
		})
	}
}
