package checkout

import (
	"context"
	"sync"
	"time"

	"tillwire/agent"
)

// verdictStays is how long the customer's display keeps a verdict when nothing
// new happens on the lane. The cashier's screen keeps it until the next action.
const verdictStays = 15 * time.Second

// lane binds payments to one register: which payment holds it, and what its
// customer sees.
type lane struct {
	cfg   LaneConfig
	clock agent.Clock
	kick  chan struct{}

	scanning sync.Mutex // held over one scan

	mu      sync.Mutex
	held    agent.PaymentID // holds the lane; empty when free
	shown   *agent.Payment  // what the display is about
	at      time.Duration   // Clock.Mono when shown changed
	blanked agent.PaymentID // its code must not be shown any more
	trial   trial
}

func newLane(cfg LaneConfig, clock agent.Clock) *lane {
	return &lane{cfg: cfg, clock: clock, kick: make(chan struct{}, 1)}
}

func (l *lane) info() agent.LaneInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	return agent.LaneInfo{ID: l.cfg.ID, Name: l.cfg.Name, Wallet: l.cfg.Wallet, Payment: l.held}
}

func (l *lane) holder() agent.PaymentID {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.held
}

// committed takes in a payment after its commit. Only the payment that holds the
// lane, or held it last, has a say on the display.
func (l *lane) committed(p agent.Payment) {
	l.mu.Lock()
	switch {
	case p.Status.Held():
		l.held, l.trial.until = p.ID, 0
		l.shown, l.at = &p, l.clock.Mono()
	case l.held == p.ID || l.held == "" && l.shown != nil && l.shown.ID == p.ID:
		l.held = ""
		l.shown, l.at = &p, l.clock.Mono()
	}
	if l.held != "" || l.trial.scan == nil {
		l.listen(l.held != "" && waits(*l.shown))
	}
	l.mu.Unlock()
	l.wake()
}

// waits reports whether a payment waits for the customer's code.
func waits(p agent.Payment) bool {
	return p.Status.State == agent.Created && p.Mode != agent.ModeShow
}

func (l *lane) wake() {
	select {
	case l.kick <- struct{}{}:
	default:
	}
}

// blank takes a payment's code off the display at once and keeps it off.
func (l *lane) blank(ctx context.Context, id agent.PaymentID) error {
	l.mu.Lock()
	l.blanked = id
	l.mu.Unlock()
	if l.cfg.Display == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	return l.cfg.Display.Show(ctx, agent.Screen{Kind: agent.ScreenWait, Say: agent.Sentence{ID: "screen.wait", English: "Please wait"}})
}

// screen is what the display should show now, and for how long it holds.
func (l *lane) screen(qrLeft func(agent.Payment) time.Duration) (agent.Screen, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held == "" {
		if left := l.trial.left(l.clock.Mono()); left > 0 {
			s := l.trial.screen
			s.TTL = left
			return s, left
		}
	}
	if l.shown == nil {
		return agent.Screen{Kind: agent.ScreenIdle}, 0
	}
	p := *l.shown
	if l.held == "" {
		left := verdictStays - (l.clock.Mono() - l.at)
		if left <= 0 {
			return agent.Screen{Kind: agent.ScreenIdle}, 0
		}
		return p.Screen(0), left
	}
	left := time.Duration(0)
	if p.Status.State == agent.QRShown && l.blanked != p.ID {
		left = qrLeft(p)
	}
	return p.Screen(left), left
}

// runDisplay keeps the lane's display on what was committed last.
func (l *lane) runDisplay(ctx context.Context, e *Engine) {
	if l.cfg.Display == nil {
		return
	}
	for {
		screen, left := l.screen(e.qrLeft)
		again := left
		if err := l.cfg.Display.Show(ctx, screen); err != nil && ctx.Err() == nil {
			e.opt.Log.Warn("the customer display did not take a screen", "comp", "checkout", "lane", l.cfg.ID, "err", err)
			again = time.Second
		}
		var timer <-chan time.Time
		if again > 0 {
			timer = l.clock.After(again)
		}
		select {
		case <-ctx.Done():
			return
		case <-l.kick:
		case <-timer:
		}
	}
}
