package checkout_test

import (
	"context"
	"runtime"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"tillwire/agent"
)

// early is the cloud as a wallet that prepares its requests.
type early struct {
	*cloud
	gate chan struct{} // holds Prepare back until it is closed; nil: does not

	mu   sync.Mutex
	made []weak.Pointer[draft]
	sent []string // codes of the prepared requests that were sent
}

// draft is a prepared request, as large as one so that the garbage collector counts it.
type draft struct {
	code agent.PayCode
	_    [64]byte
}

func (w *early) Prepare(_ agent.Payment, code agent.PayCode) func(context.Context, agent.Payment, agent.PayCode) agent.Answer {
	if w.gate != nil {
		<-w.gate
	}
	d := &draft{code: code}
	w.mu.Lock()
	w.made = append(w.made, weak.Make(d))
	w.mu.Unlock()
	return func(ctx context.Context, p agent.Payment, code agent.PayCode) agent.Answer {
		w.mu.Lock()
		w.sent = append(w.sent, d.code.Reveal())
		w.mu.Unlock()
		return w.Pay(ctx, p, code)
	}
}

// counts are how many requests were prepared, how many of those were sent, and how
// many the agent still holds.
func (w *early) counts() (made, sent, held int) {
	runtime.GC()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range w.made {
		if d.Value() != nil {
			held++
		}
	}
	return len(w.made), len(w.sent), held
}

func (s *shop) drafts(w *early, when string, made, sent, held int) {
	s.t.Helper()
	if m, n, h := w.counts(); m != made || n != sent || h != held {
		s.t.Errorf("%s: %d requests are prepared, %d sent, %d held; want %d, %d, %d", when, m, n, h, made, sent, held)
	}
}

// prepares reopens the shop with a wallet that prepares.
func (s *shop) prepares() *early {
	s.stop()
	w := &early{cloud: s.cloud}
	s.wallet = w
	s.start()
	return w
}

// TestNothingLeavesBeforeTheAttemptIsRecorded: the request is made meanwhile, and
// however long the disk takes, the cloud hears nothing.
func TestNothingLeavesBeforeTheAttemptIsRecorded(t *testing.T) {
	inShop(t, func(s *shop) {
		w := s.prepares()
		gate := s.slow(agent.FactPayStarted)
		p := s.open(agent.ModeScan)
		go s.engine.Scan(t.Context(), lane, agent.NewPayCode(goodCode))
		s.pass(10 * time.Second)
		s.want(p.ID, agent.Created)
		s.drafts(w, "while the disk syncs", 1, 0, 1)
		if asked := s.cloud.asked(); len(asked) != 0 {
			t.Fatalf("the cloud was asked before the attempt was on disk: %v", asked)
		}
		close(gate)
		synctest.Wait()
		s.want(p.ID, agent.Paid)
		s.drafts(w, "paid", 1, 1, 0)
	})
}

func TestAPreparedRequestIsSentOnce(t *testing.T) {
	for _, tc := range []struct {
		name string
		plan map[agent.Operation][]fault
		pays int
	}{
		{"approved", nil, 1},
		{"refused", map[agent.Operation][]fault{agent.OpPay: {notEnough}}, 1},
		{"nothing left, so it is sent again", map[agent.Operation][]fault{agent.OpPay: {noLine, noLine}}, 3},
		{"lost, unknown to the wallet, a second attempt", map[agent.Operation][]fault{agent.OpPay: {lostOut}}, 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inShop(t, func(s *shop) {
				w := s.prepares()
				for op, faults := range tc.plan {
					s.cloud.plan(op, faults...)
				}
				p := s.open(agent.ModeScan)
				s.scan(goodCode)
				s.settle(p.ID, time.Minute)
				if n := s.cloud.count(agent.OpPay); n != tc.pays {
					t.Errorf("pay was sent %d times, want %d", n, tc.pays)
				}
				s.drafts(w, "settled", 1, 1, 0)
			})
		})
	}
}

// TestWhatWasNotRecordedIsNotSent: the prepared request goes with the attempt.
func TestWhatWasNotRecordedIsNotSent(t *testing.T) {
	t.Run("the code was used before", func(t *testing.T) {
		inShop(t, func(s *shop) {
			w := s.prepares()
			s.open(agent.ModeScan)
			s.scan(goodCode)
			p := s.open(agent.ModeScan)
			if r := s.scan(goodCode); r.Accepted || r.Say.ID != "scan.used" {
				t.Fatalf("%+v", r)
			}
			s.drafts(w, "refused", 2, 1, 0)
			fresh := "134567890123456780"
			s.scan(fresh)
			s.want(p.ID, agent.Paid)
			if want := []string{goodCode, fresh}; !slices.Equal(w.sent, want) {
				t.Errorf("prepared and sent: %v, want %v", w.sent, want)
			}
		})
	})
	t.Run("cancelled while the disk syncs", func(t *testing.T) {
		inShop(t, func(s *shop) {
			w := s.prepares()
			gate := s.slow(agent.FactPayStarted)
			p := s.open(agent.ModeScan)
			go s.engine.Scan(t.Context(), lane, agent.NewPayCode(goodCode))
			synctest.Wait()
			if _, _, err := s.engine.Cancel(t.Context(), p.ID, "anna"); err != nil {
				t.Fatal(err)
			}
			s.drafts(w, "cancelled", 1, 0, 0)
			close(gate)
			s.pass(time.Second)
			s.want(p.ID, agent.NotSent)
			s.drafts(w, "over", 1, 0, 0)
		})
	})
	t.Run("cancelled while the request is being made", func(t *testing.T) {
		inShop(t, func(s *shop) {
			w := s.prepares()
			w.gate = make(chan struct{})
			p := s.open(agent.ModeScan)
			if r := s.scan(goodCode); !r.Accepted {
				t.Fatalf("the cashier waits for a signature: %+v", r)
			}
			s.want(p.ID, agent.Sending)
			if _, _, err := s.engine.Cancel(t.Context(), p.ID, "anna"); err != nil {
				t.Fatal(err)
			}
			close(w.gate)
			synctest.Wait()
			s.drafts(w, "cancelled", 1, 0, 0)
			s.settle(p.ID, time.Minute)
			if n := s.cloud.count(agent.OpPay); n != 0 {
				t.Errorf("a cancelled payment was sent %d times", n)
			}
		})
	})
}
