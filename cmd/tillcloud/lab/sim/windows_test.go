package sim_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"tillwire/agent/sandbox"
	"tillwire/cmd/tillcloud/lab"
)

// How the shop's line is.
type lineState int

const (
	up        lineState = iota
	refused             // every connection is refused at once
	swallowed           // nothing answers
	slowed              // a connection takes seconds
)

// line is the shop's way to the network.
type line struct {
	network *lab.Network
	clock   *lab.Clock
	mu      sync.Mutex
	state   lineState
}

func (l *line) is(s lineState) {
	l.mu.Lock()
	l.state = s
	l.mu.Unlock()
	if s == refused || s == swallowed {
		_ = l.network.Sever() // a pipe's close does not fail
	}
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	l.mu.Lock()
	state := l.state
	l.mu.Unlock()
	switch state {
	case refused:
		return nil, fmt.Errorf("dial %s: %w", address, syscall.ENETUNREACH)
	case swallowed:
		<-ctx.Done()
		return nil, ctx.Err()
	case slowed:
		select {
		case <-l.clock.After(2500 * time.Millisecond):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return l.network.Dial(ctx, network, address)
}

// lineDown is the line in a bad state for a while.
func lineDown(s lineState) func(*weather, context.Context, lab.Dice) {
	return func(w *weather, _ context.Context, dice lab.Dice) {
		defer w.disturb()()
		w.day.line.is(s)
		w.day.pause(span(dice))
		w.day.line.is(up)
	}
}

// outage is a line that is down for long enough to be sold without, and may come back for
// a moment. Where the clock is wrong meanwhile it is shorter, for the same reason as with
// clocks alone.
func (w *weather) outage(_ context.Context, dice lab.Dice) {
	defer w.disturb()()
	state := lab.Pick(dice, refused, swallowed)
	w.day.line.is(state)
	switch dice.IntN(5) {
	case 0:
		w.day.clock.Jump(lab.Pick(dice, -365*24*time.Hour, -time.Hour, 10*time.Minute, 24*time.Hour))
		w.day.pause(dice.Between(3*time.Minute, 7*time.Minute))
		w.day.clock.Right()
	case 1:
		w.day.pause(dice.Between(2*time.Minute, 10*time.Minute))
		w.day.line.is(up)
		w.day.pause(dice.Between(0, 20*time.Second))
		w.day.line.is(state)
		w.day.pause(dice.Between(time.Second, 10*time.Minute))
	default:
		w.day.pause(dice.Between(2*time.Minute, 20*time.Minute))
	}
	w.day.line.is(up)
}

// refuseConnections is the sandbox's own way to be out of reach.
func (w *weather) refuseConnections(_ context.Context, dice lab.Dice) {
	defer w.disturb()()
	w.cloudAway(true)
	defer w.cloudAway(false)
	w.fail(w.day.shop.Cloud().SetFaults([]sandbox.Fault{{Wallet: lab.Pick(dice, append(w.day.names(), "*")...), Operation: "*", Kind: sandbox.RefuseConnection, Count: 1}}))
	w.day.pause(span(dice))
	w.fail(w.day.shop.Cloud().SetFaults(nil))
}

// disturb notes that the shop cannot resolve a doubt until the returned function
// is called.
func (w *weather) disturb() func() {
	w.day.doubts.begin()
	return w.day.doubts.end
}

// cloudOff ends the cloud for a while; its ledger stays.
func (w *weather) cloudOff(ctx context.Context, span time.Duration) {
	defer w.disturb()()
	w.cloudAway(true)
	defer w.cloudAway(false)
	w.fail(w.day.shop.StopCloud())
	if span > 0 {
		w.day.pause(span)
	}
	w.fail(w.day.shop.StartCloud(ctx))
}

// clockWrong sets the wall wrong by a second to ten years. It stays so for less
// than the ten minutes after which the agent hands a day-old doubt to the office.
func (w *weather) clockWrong(dice lab.Dice, sign time.Duration) {
	by := lab.Pick(dice, time.Second, 30*time.Second, 4*time.Minute, 6*time.Minute, time.Hour, 24*time.Hour, 31*24*time.Hour, 3653*24*time.Hour)
	by += dice.Between(0, by/2)
	if by < 4*time.Minute { // answers are still believed
		w.day.clock.Jump(sign * by)
		w.day.pause(span(dice))
		w.day.clock.Right()
		return
	}
	defer w.disturb()()
	w.day.clock.Jump(sign * by)
	w.day.pause(min(span(dice), 7*time.Minute))
	w.day.clock.Right()
}

func (w *weather) diskFull(dice lab.Dice) {
	w.full.Store(true)
	w.day.pause(span(dice))
	w.full.Store(false)
}

// cutAtPoint arms the next points and brings the power back once it went.
func (w *weather) cutAtPoint(ctx context.Context, dice lab.Dice) {
	w.mu.Lock()
	w.dark, w.armed = make(chan struct{}), 1+dice.IntN(60)
	dark := w.dark
	w.mu.Unlock()
	select {
	case <-dark:
	case <-w.day.over:
		w.mu.Lock()
		w.armed = 0
		w.mu.Unlock()
	}
	w.cut(ctx, dice)
}

// cut takes the power away, if it has not gone by itself, for a while.
func (w *weather) cut(ctx context.Context, dice lab.Dice) {
	defer w.disturb()()
	w.day.shop.PowerOff()
	// Whoever is in the middle of something runs into the darkness first.
	w.day.wait(dice.Between(time.Second, 40*time.Second))
	w.fail(w.powerOn(ctx))
}

// flicker is a power that comes back twice, the second cut soon after the boot.
func (w *weather) flicker(ctx context.Context, dice lab.Dice) {
	w.cut(ctx, dice)
	w.mu.Lock()
	w.dark, w.armed = make(chan struct{}), 1+dice.IntN(8)
	w.mu.Unlock()
	w.day.pause(dice.Between(0, 3*time.Second))
	w.cut(ctx, dice)
}

func (w *weather) powerOn(ctx context.Context) error {
	w.mu.Lock()
	w.armed = 0
	w.mu.Unlock()
	return errors.Join(w.day.shop.Bury(), w.day.shop.PowerOn(ctx))
}

// burst sends a crowd to one lane.
func (w *weather) burst(_ context.Context, dice lab.Dice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hasty[w.anyLane(dice.Rand)] += 5 + dice.IntN(20)
}

func (w *weather) slowCustomers(dice lab.Dice) {
	w.slow.Store(true)
	w.day.pause(span(dice))
	w.slow.Store(false)
}

// secondTill lets another till use a lane for a few sales.
func (w *weather) secondTill(ctx context.Context, dice lab.Dice) {
	c := newCashier(w.day, w.anyLane(dice.Rand), fmt.Sprintf("second%d", dice.IntN(1_000_000)))
	if err := c.meetCustomers(ctx, w.day.takes[0]); err != nil {
		return // the cloud is away, so nobody comes
	}
	for range 2 + dice.IntN(4) {
		if !w.day.pause(dice.Between(0, 20*time.Second)) {
			return
		}
		c.sale(ctx)
	}
}

func (w *weather) displayFails(dice lab.Dice, how int32) {
	w.shows.Store(how)
	w.day.pause(span(dice))
	w.shows.Store(fine)
}
