package checkout

import (
	"context"
	"time"

	"tillwire/agent"
)

// trial is what somebody tries on a lane's devices between two payments.
type trial struct {
	screen agent.Screen
	until  time.Duration      // Clock.Mono; the screen is shown before it
	scan   chan agent.PayCode // nil: the scanner is not tried
}

// left is how long the trial's screen still stands, 0 when there is none.
func (t trial) left(now time.Duration) time.Duration { return max(t.until-now, 0) }

// TryDisplay shows a screen on a lane's displays for a while. A payment has them to
// itself, at once when it comes; while one holds the lane the error has code lane_busy.
func (e *Engine) TryDisplay(laneID string, s agent.Screen, during time.Duration) error {
	l := e.lanes[laneID]
	if l == nil {
		return unknownLane(laneID)
	}
	l.mu.Lock()
	if l.held != "" {
		l.mu.Unlock()
		return busyLane(l)
	}
	l.trial.screen, l.trial.until = s, l.clock.Mono()+during
	l.mu.Unlock()
	l.wake()
	return nil
}

// TryScanner switches a lane's scanner on as a payment would and waits for one reading,
// of which it tells the length and nothing else; 0 when none came. It is for no payment:
// while one holds the lane the error has code lane_busy, and one that comes meanwhile
// has the scanner to itself.
func (e *Engine) TryScanner(ctx context.Context, laneID string, during time.Duration) (letters int, err error) {
	l := e.lanes[laneID]
	if l == nil {
		return 0, unknownLane(laneID)
	}
	scan := make(chan agent.PayCode, 1)
	l.mu.Lock()
	if l.held != "" || l.trial.scan != nil {
		l.mu.Unlock()
		return 0, busyLane(l)
	}
	l.trial.scan = scan
	l.listen(true)
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.trial.scan = nil
		l.listen(l.held != "" && waits(*l.shown))
	}()
	select {
	case code := <-scan:
		return code.Len(), nil
	case <-l.clock.After(during):
	case <-ctx.Done():
	case <-e.work.Done():
	}
	return 0, nil
}

// TryBeep tells a lane's scanner what it is told when a code was taken. While a payment
// holds the lane, or a reading is tried on it, the error has code lane_busy: a cashier
// would take the sound for the customer's code.
func (e *Engine) TryBeep(laneID string) error {
	l := e.lanes[laneID]
	if l == nil {
		return unknownLane(laneID)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held != "" || l.trial.scan != nil {
		return busyLane(l)
	}
	if l.cfg.Scanner != nil {
		l.cfg.Scanner.Answer(true)
	}
	return nil
}

// tried takes a reading that belongs to a trial. A payment goes before: what is read
// while one holds the lane is its own.
func (l *lane) tried(code agent.PayCode) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.trial.scan == nil || l.held != "" {
		return false
	}
	select {
	case l.trial.scan <- code:
	default: // one is enough
	}
	return true
}

// listen tells the lane's scanner, if it can be told; l.mu is held, so that it hears of
// everything in its order.
func (l *lane) listen(waiting bool) {
	if l.cfg.Scanner != nil {
		l.cfg.Scanner.Listen(waiting)
	}
}

func busyLane(l *lane) error {
	return &agent.Error{Op: "try a device", Class: agent.Conflict, Code: agent.CodeLaneBusy,
		Say: agent.Sentence{ID: "error.lane_busy", Args: []string{l.cfg.ID}, English: "A payment is under way on this lane. Finish or cancel it first."}}
}
