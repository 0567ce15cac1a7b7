package checkout_test

import (
	"slices"
	"testing"
	"time"

	"tillwire/agent"
)

// The scanner reads while a payment waits for a code, and at no other time.
func TestTheScannerListensWhileAPaymentWaits(t *testing.T) {
	for _, tc := range []struct {
		name    string
		do      func(*shop)
		listens bool
	}{
		{"nothing is open", func(*shop) {}, false},
		{"a payment waits for a scan", func(s *shop) { s.open(agent.ModeScan) }, true},
		{"a payment takes either way", func(s *shop) { s.open(agent.ModeAny) }, true},
		{"the shop shows a code", func(s *shop) { s.open(agent.ModeShow) }, false},
		{"goods do not end the waiting", func(s *shop) { s.open(agent.ModeScan); s.read("6901234567892") }, true},
		{"the code is taken", func(s *shop) {
			s.cloud.plan(agent.OpPay, slowBack)
			s.open(agent.ModeScan)
			s.read(goodCode)
		}, false},
		{"it was cancelled", func(s *shop) {
			p := s.open(agent.ModeScan)
			if _, _, err := s.engine.Cancel(s.t.Context(), p.ID, "anna"); err != nil {
				s.t.Fatal(err)
			}
		}, false},
		{"nobody came", func(s *shop) { s.open(agent.ModeScan); s.pass(2 * time.Minute) }, false},
		{"the next one waits", func(s *shop) { s.open(agent.ModeScan); s.read(goodCode); s.pass(time.Minute); s.open(agent.ModeScan) }, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			inShop(t, func(s *shop) {
				tc.do(s)
				if listens, _ := s.scanner.told(); listens != tc.listens {
					t.Errorf("listens %t, want %t", listens, tc.listens)
				}
			})
		})
	}
}

// Every reading is answered to the scanner that made it.
func TestTheScannerHearsWhatBecameOfAReading(t *testing.T) {
	inShop(t, func(s *shop) {
		s.read(goodCode) // no payment is open
		s.open(agent.ModeScan)
		s.read("6901234567892") // goods
		s.read(goodCode)
		if _, answers := s.scanner.told(); !slices.Equal(answers, []bool{false, false, true}) {
			t.Errorf("it heard %v", answers)
		}
	})
}

// read is a reading of the lane's own scanner.
func (s *shop) read(code string) {
	s.engine.Scanned(agent.Scan{Lane: lane, Device: lane + ".scanner", Text: agent.NewPayCode(code)})
}
