package checkout_test

import (
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
)

// What somebody tries on a lane's scanner is read for nobody's payment, and leaves the
// scanner as it was.
func TestAScannerIsTriedBetweenPayments(t *testing.T) {
	inShop(t, func(s *shop) {
		type result struct {
			letters int
			err     error
		}
		done := make(chan result, 1)
		try := func() {
			go func() {
				n, err := s.engine.TryScanner(s.t.Context(), lane, 10*time.Second)
				done <- result{n, err}
			}()
			synctest.Wait()
		}
		try()
		if listens, _ := s.scanner.told(); !listens {
			t.Error("the scanner is not switched on")
		}
		s.read(goodCode)
		if r := <-done; r.err != nil || r.letters != len(goodCode) {
			t.Errorf("read %+v", r)
		}
		if listens, answers := s.scanner.told(); listens || len(answers) != 1 || !answers[0] {
			t.Errorf("afterwards it listens %t and heard %v", listens, answers)
		}
		try()
		s.pass(10 * time.Second)
		if r := <-done; r.err != nil || r.letters != 0 {
			t.Errorf("when nothing came: %+v", r)
		}

		// A payment that comes meanwhile has the scanner to itself.
		try()
		p := s.open(agent.ModeScan)
		s.read(goodCode)
		if now, err := s.journal.Payment(s.t.Context(), p.ID); err != nil || now.Status.State == agent.Created {
			t.Errorf("the code did not reach its payment: %s, %v", now.Status.State, err)
		}
		s.pass(10 * time.Second)
		if r := <-done; r.letters != 0 {
			t.Errorf("the trial took a payment's code: %+v", r)
		}
		s.pass(time.Minute)
		s.open(agent.ModeScan)
		try()
		if r := <-done; agent.CodeOf(r.err) != agent.CodeLaneBusy {
			t.Errorf("while a payment waits: %+v", r)
		}
		if listens, _ := s.scanner.told(); !listens {
			t.Error("the payment's scanner was switched off")
		}
		if _, err := s.engine.TryScanner(s.t.Context(), "9", time.Second); agent.CodeOf(err) != agent.CodeLaneUnknown {
			t.Errorf("no such lane: %v", err)
		}
	})
}

// A beep between two payments means nothing to anybody; within one it says that the
// customer's code was taken.
func TestAScannerBeepsBetweenPayments(t *testing.T) {
	inShop(t, func(s *shop) {
		if err := s.engine.TryBeep(lane); err != nil {
			t.Error(err)
		}
		if _, answers := s.scanner.told(); len(answers) != 1 || !answers[0] {
			t.Errorf("the scanner heard %v", answers)
		}
		s.open(agent.ModeScan)
		if err := s.engine.TryBeep(lane); agent.CodeOf(err) != agent.CodeLaneBusy {
			t.Errorf("while a payment waits: %v", err)
		}
		if _, answers := s.scanner.told(); len(answers) != 1 {
			t.Errorf("the payment's cashier heard %v", answers)
		}
		if err := s.engine.TryBeep("9"); agent.CodeOf(err) != agent.CodeLaneUnknown {
			t.Errorf("no such lane: %v", err)
		}
	})
}

// A trial's code is there for its time and gone at once when a payment comes.
func TestADisplayIsTriedBetweenPayments(t *testing.T) {
	inShop(t, func(s *shop) {
		trial := agent.Screen{Kind: agent.ScreenQR, QR: "https://example.org/test", TTL: 10 * time.Second}
		try := func() {
			if err := s.engine.TryDisplay(lane, trial, 10*time.Second); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		try()
		if sc := s.display.shows(); sc.QR != trial.QR {
			t.Errorf("shows %+v", sc)
		}
		s.pass(10 * time.Second)
		if sc := s.display.shows(); sc.Kind != agent.ScreenIdle {
			t.Errorf("after its time it shows %+v", sc)
		}
		try()
		p := s.open(agent.ModeScan)
		synctest.Wait()
		if sc := s.display.shows(); sc.Kind != agent.ScreenScan {
			t.Errorf("with a payment it shows %+v", sc)
		}
		if err := s.engine.TryDisplay(lane, trial, time.Second); agent.CodeOf(err) != agent.CodeLaneBusy {
			t.Errorf("while a payment waits: %v", err)
		}
		if _, _, err := s.engine.Cancel(s.t.Context(), p.ID, "anna"); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if sc := s.display.shows(); sc.QR != "" {
			t.Errorf("after the payment the trial is back: %+v", sc)
		}
	})
}
