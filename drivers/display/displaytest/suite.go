// Package displaytest is the contract of agent.Display as a suite that every display's
// driver must pass: a code to pay disappears at its time-to-live, when another screen
// replaces it, when the driver ends, when it fails, and at the next start of one that
// was killed.
//
// It imports the standard library and the root agent.
package displaytest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
)

// Glass is what hangs on the line: a display that lives on when its driver does not.
type Glass interface {
	// QR is the code that a customer could pay now, "" when none is to be seen.
	QR() string
	// Cut breaks the line to the driver that runs, as pulling the cable does. What is on
	// the glass stays there.
	Cut()
}

// Display is a driver with its glass. Run serves it until ctx ends or the line is cut.
type Display interface {
	agent.Display
	Run(ctx context.Context, ready func()) error
}

// Rig makes the glass and drivers for it, any number one after another.
type Rig struct {
	Glass Glass
	New   func() Display
}

const (
	code  = "https://p.co/a1"
	other = "https://p.co/b2"
	ttl   = 90 * time.Second
)

func screen(payload string) agent.Screen {
	return agent.Screen{Kind: agent.ScreenQR, QR: payload, TTL: ttl, Amount: agent.Money{Value: 1250, Currency: "CNY"}}
}

// Run checks the contract; rig is called in a bubble of its own time for each case.
func Run(t *testing.T, rig func(t *testing.T) Rig) {
	for name, check := range map[string]func(*stage){
		"a code is there while it may be and gone at its time": atItsTime,
		"the next screen replaces it":                          replaced,
		"the last of several screens wins":                     lastWins,
		"it is gone when the driver ends":                      atTheEnd,
		"it is gone when a killed driver is started again":     afterAKill,
		"a cable that comes back shows what is left of it":     afterAPlug,
		"nothing old comes back":                               neverOld,
		"a driver that does not run takes nothing":             notRunning,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &stage{t: t, rig: rig(t)}
				s.start()
				check(s)
				s.stop()
			})
		})
	}
}

// stage is a driver that runs on a glass.
type stage struct {
	t       *testing.T
	rig     Rig
	display Display
	end     context.CancelFunc
	ended   chan error
}

func (s *stage) start() {
	s.display = s.rig.New()
	s.run()
}

// run starts the same driver again, as its supervisor would.
func (s *stage) run() {
	ctx, cancel := context.WithCancel(s.t.Context())
	s.end, s.ended = cancel, make(chan error, 1)
	ready := make(chan struct{})
	once := false
	go func() {
		s.ended <- s.display.Run(ctx, func() {
			if !once {
				once = true
				close(ready)
			}
		})
	}()
	<-ready
	synctest.Wait()
}

func (s *stage) stop() {
	s.end()
	if err := <-s.ended; err == nil {
		s.t.Error("the driver ended without a reason")
	}
}

func (s *stage) show(sc agent.Screen) {
	s.t.Helper()
	if err := s.display.Show(s.t.Context(), sc); err != nil {
		s.t.Errorf("show: %v", err)
	}
	synctest.Wait()
}

func (s *stage) sees(want string) {
	s.t.Helper()
	synctest.Wait()
	if got := s.rig.Glass.QR(); got != want {
		s.t.Errorf("a customer sees %q, want %q", got, want)
	}
}

func pass(d time.Duration) { <-time.After(d) }

func atItsTime(s *stage) {
	s.show(screen(code))
	s.sees(code)
	pass(ttl - time.Millisecond)
	s.sees(code)
	pass(time.Millisecond)
	s.sees("")
	pass(time.Hour)
	s.sees("")
}

func replaced(s *stage) {
	for _, kind := range []agent.ScreenKind{agent.ScreenIdle, agent.ScreenScan, agent.ScreenProgress, agent.ScreenPaid, agent.ScreenUnpaid, agent.ScreenWait} {
		s.show(screen(code))
		s.sees(code)
		s.show(agent.Screen{Kind: kind, Amount: agent.Money{Value: 1250, Currency: "CNY"}})
		s.sees("")
	}
	s.show(screen(code))
	s.show(screen(other))
	s.sees(other)
}

func lastWins(s *stage) {
	done := make(chan error, 20)
	for range 10 {
		go func() { done <- s.display.Show(s.t.Context(), screen(code)) }()
	}
	for range 10 {
		if err := <-done; err != nil {
			s.t.Errorf("show: %v", err)
		}
	}
	s.show(agent.Screen{Kind: agent.ScreenWait})
	s.sees("")
}

func atTheEnd(s *stage) {
	s.show(screen(code))
	s.stop()
	s.sees("")
	s.run()
}

func afterAKill(s *stage) {
	s.show(screen(code))
	s.rig.Glass.Cut() // the driver cannot take it off any more
	<-s.ended
	s.start() // a new process, which knows nothing of the code
	s.sees("")
}

func afterAPlug(s *stage) {
	s.show(screen(code))
	s.rig.Glass.Cut()
	<-s.ended
	pass(ttl / 2)
	s.run()
	s.sees(code)
	pass(ttl/2 - time.Millisecond)
	s.sees(code)
	pass(time.Millisecond)
	s.sees("")
}

func neverOld(s *stage) {
	s.show(screen(code))
	s.rig.Glass.Cut()
	<-s.ended
	_ = s.display.Show(s.t.Context(), agent.Screen{Kind: agent.ScreenWait}) // refused, and remembered
	s.run()
	s.sees("")
	s.show(screen(other))
	s.rig.Glass.Cut()
	<-s.ended
	pass(ttl)
	s.run()
	s.sees("")
}

func notRunning(s *stage) {
	s.stop()
	if err := s.display.Show(s.t.Context(), screen(code)); agent.ClassOf(err) != agent.Unavailable {
		s.t.Errorf("a driver that does not run answers %v", err)
	}
	s.run()
	if err := s.display.Show(s.t.Context(), agent.Screen{Kind: agent.ScreenIdle}); err != nil {
		s.t.Error(err)
	}
	cancelled, cancel := context.WithCancel(s.t.Context())
	cancel()
	_ = s.display.Show(cancelled, screen(code)) // may be taken or not
	s.show(agent.Screen{Kind: agent.ScreenIdle})
	s.sees("")
}
