package main

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
)

// TestAMessageNeverTakesACodeAway follows a board through a day at the counter.
func TestAMessageNeverTakesACodeAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, behind, ended := context.Background(), &shownScreens{}, make(chan struct{})
		defer close(ended)
		b := newBoard(behind, agent.NewSystemClock(), ended)
		show := func(kind agent.ScreenKind) {
			if err := b.Show(ctx, agent.Screen{Kind: kind}); err != nil {
				t.Fatal(err)
			}
		}
		announce := func() bool {
			shown, err := b.announce(ctx, "Back soon", 10*time.Second)
			if err != nil {
				t.Fatal(err)
			}
			return shown
		}
		if !announce() {
			t.Error("no message on an idle display")
		}
		show(agent.ScreenIdle) // the lane says again that it is idle: the message stays
		show(agent.ScreenQR)
		if announce() {
			t.Error("a message in place of a code")
		}
		<-time.After(time.Minute) // the first message's time is over; the code must stay
		synctest.Wait()
		show(agent.ScreenPaid)
		show(agent.ScreenIdle)
		if !announce() {
			t.Error("no message after the payment")
		}
		<-time.After(time.Minute)
		synctest.Wait()
		if got, want := behind.kinds(), "wait qr paid idle wait idle "; got != want {
			t.Errorf("the display showed %q, want %q", got, want)
		}
	})
}
