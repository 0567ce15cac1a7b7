package main

import (
	"context"
	"sync"
	"time"

	"tillwire/agent"
)

// board lets the fleet write on a customer's display while nobody is served. It
// stands before the real display, so that it knows what is shown and a message
// can never take a code away from a customer.
type board struct {
	agent.Display
	clock agent.Clock
	ended <-chan struct{}

	mu      sync.Mutex
	idle    bool  // the lane shows its idle screen
	message int64 // number of the one that is shown; 0: none
	count   int64
}

func newBoard(d agent.Display, clock agent.Clock, ended <-chan struct{}) *board {
	return &board{Display: d, clock: clock, ended: ended, idle: true}
}

// Show implements agent.Display. What the lane shows replaces any message.
func (b *board) Show(ctx context.Context, s agent.Screen) error {
	b.mu.Lock()
	b.idle = s.Kind == agent.ScreenIdle
	if b.idle && b.message != 0 {
		b.mu.Unlock()
		return nil // it is shown when the message has had its time
	}
	b.message = 0
	b.mu.Unlock()
	return b.Display.Show(ctx, s)
}

// announce shows a text for a while, or reports that a customer is being served.
// The lane waits meanwhile for the moment that a screen without a code takes.
func (b *board) announce(ctx context.Context, text string, ttl time.Duration) (shown bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.idle {
		return false, nil
	}
	if err := b.Display.Show(ctx, agent.Screen{Kind: agent.ScreenWait, Say: agent.Sentence{English: text}}); err != nil {
		return false, err
	}
	b.count++
	b.message = b.count
	go b.takeDown(context.WithoutCancel(ctx), b.count, ttl)
	return true, nil
}

func (b *board) takeDown(ctx context.Context, number int64, ttl time.Duration) {
	select {
	case <-b.clock.After(ttl):
	case <-b.ended:
		return // the lanes show their last screen themselves
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.message != number {
		return
	}
	b.message = 0
	// A display that does not take it shows its idle screen with the lane's next one.
	_ = b.Display.Show(ctx, agent.Screen{Kind: agent.ScreenIdle})
}
