package web

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"
	"time"

	"tillwire/agent"
	"tillwire/agent/words"
)

// A page on a display posts a beat every ten seconds; after displayLost without
// one it counts as lost. A display that leaves a code must say so within
// displayAck.
const (
	displayLost = 25 * time.Second
	displayAck  = time.Second

	// displayStreams is how many pages one lane's display may be open in. They need
	// no session, so they must not use up what registers and tills need.
	displayStreams = 4
)

// kioskDriver is what the configuration calls a display of ours.
const kioskDriver = "kiosk"

// Displays are the kiosk displays of all lanes: browsers that show a page of
// ours. The page gets whole screens with a generation and a time-to-live, never
// a wall-clock time, and blanks a code on its own when it hears nothing.
type Displays struct {
	clock agent.Clock
	boot  string // tells generations of this run from those of the last

	mu    sync.Mutex
	lanes map[string]*Kiosk
	order []string
}

// NewDisplays returns the displays of the given lanes.
func NewDisplays(clock agent.Clock, lanes ...string) *Displays {
	d := &Displays{clock: clock, boot: rand.Text()[:12], lanes: map[string]*Kiosk{}}
	for _, id := range lanes {
		d.lanes[id] = &Kiosk{lane: id, clock: clock, ack: displayAck, streams: slots{max: displayStreams}, since: clock.Now(),
			screen: agent.Screen{Kind: agent.ScreenIdle}, pages: map[string]*page{}, moved: make(chan struct{})}
		d.order = append(d.order, id)
	}
	return d
}

// Lane is the display of one lane, or nil when it has no kiosk display.
func (d *Displays) Lane(id string) *Kiosk {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lanes[id]
}

// Status lists the displays as devices.
func (d *Displays) Status() []agent.DeviceStatus {
	d.mu.Lock()
	defer d.mu.Unlock()
	list := make([]agent.DeviceStatus, 0, len(d.order))
	for _, id := range d.order {
		list = append(list, d.lanes[id].status())
	}
	return list
}

// Kiosk is one lane's display page, in however many browsers it is open. It
// implements agent.Display.
type Kiosk struct {
	lane    string
	clock   agent.Clock
	ack     time.Duration // displayAck; longer where a test's browser has little of a processor
	streams slots

	mu         sync.Mutex
	screen     agent.Screen
	generation int64
	at         time.Duration // Mono of the last Show
	pages      map[string]*page
	moved      chan struct{} // closed when a page has shown something newer or left
	seen       bool          // some page has been there in this run
	state      agent.DeviceState
	since      time.Time
}

// page is one browser that shows the display.
type page struct {
	news  chan struct{} // holds one: there is a newer screen
	beat  time.Duration // Mono of its last sign of life
	shown int64         // generation it says it shows
	heard bool          // it has sent a beat: a page with a person before it, not a mere stream
	sound bool          // it says payments aloud
}

// Show implements agent.Display. The screen is on its way to every open page at
// once; when a code leaves the display it also waits until the pages say so, up
// to a second. Without a page there is nothing to wait for.
func (k *Kiosk) Show(ctx context.Context, s agent.Screen) error {
	k.mu.Lock()
	leaves := k.screen.QR != "" && k.screen.QR != s.QR
	k.screen, k.at = s, k.clock.Mono()
	k.generation++
	generation := k.generation
	for _, p := range k.pages {
		select {
		case p.news <- struct{}{}:
		default:
		}
	}
	k.mu.Unlock()
	if !leaves {
		return nil
	}
	return k.gone(ctx, generation)
}

// gone waits until every live page shows the generation or a newer one.
func (k *Kiosk) gone(ctx context.Context, generation int64) error {
	limit := k.clock.After(k.ack)
	for {
		moved, behind := k.behind(generation)
		if !behind {
			return nil
		}
		select {
		case <-moved:
		case <-limit:
			return fmt.Errorf("display of lane %s: the page did not confirm that the code is gone; it blanks itself within 5 s, look at the screen", k.lane)
		case <-ctx.Done():
			return fmt.Errorf("display of lane %s: %w", k.lane, ctx.Err())
		}
	}
}

// behind reports whether a page that is alive still shows an older generation,
// and gives the channel that is closed when that may have changed.
func (k *Kiosk) behind(generation int64) (<-chan struct{}, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.pages {
		if p.heard && p.shown < generation && k.clock.Mono()-p.beat < displayLost {
			return k.moved, true
		}
	}
	return k.moved, false
}

// join adds a page that has opened its stream.
func (k *Kiosk) join(id string) *page {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := &page{news: make(chan struct{}, 1), beat: k.clock.Mono()}
	p.news <- struct{}{}
	k.pages[id] = p
	k.seen = true
	return p
}

// leave removes a page whose stream has ended. Whoever waits for it looks again.
func (k *Kiosk) leave(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.pages, id)
	k.wake()
}

// wake tells everyone in gone to look again.
func (k *Kiosk) wake() {
	close(k.moved)
	k.moved = make(chan struct{})
}

// alive takes a page's beat: it lives, shows a generation and may be heard.
func (k *Kiosk) alive(id string, generation int64, sound bool) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	p := k.pages[id]
	if p == nil {
		return false
	}
	p.beat, p.heard, p.sound = k.clock.Mono(), true, sound
	if generation > p.shown {
		p.shown = generation
		k.wake()
	}
	return true
}

// announces reports whether a live page says payments aloud, so that the register
// need not. A lane without a display has none that does.
func (k *Kiosk) announces() bool {
	if k == nil {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.pages {
		if p.sound && k.clock.Mono()-p.beat < displayLost {
			return true
		}
	}
	return false
}

// now is the screen to show, what is left of a code's time, and the generation.
// A code whose time is over is not handed out any more.
func (k *Kiosk) now() (s agent.Screen, left time.Duration, generation int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s = k.screen
	if s.QR == "" {
		return s, 0, k.generation
	}
	left = s.TTL - (k.clock.Mono() - k.at)
	if left <= 0 {
		s.Kind, s.QR, s.Say = agent.ScreenWait, "", agent.Sentence{ID: "screen.wait", English: "Please wait"}
		left = 0
	}
	return s, left, k.generation
}

// status describes the display as a device: absent until a page was there.
func (k *Kiosk) status() agent.DeviceStatus {
	k.mu.Lock()
	defer k.mu.Unlock()
	state := agent.DeviceAbsent
	if k.seen {
		state = agent.DeviceLost
	}
	for _, p := range k.pages {
		if k.clock.Mono()-p.beat < displayLost {
			state = agent.DeviceReady
		}
	}
	if state != k.state {
		k.state, k.since = state, k.clock.Now()
	}
	why := kioskReason(state, k.path())
	return agent.DeviceStatus{ID: k.lane + ".display", Kind: agent.KindDisplay, Lane: k.lane, Driver: kioskDriver,
		Path: k.path(), State: state, Since: k.since, Reason: why.English, Say: why}
}

// kioskReason says what is wrong with a display of ours, and what to do.
func kioskReason(state agent.DeviceState, path string) agent.Sentence {
	switch state {
	case agent.DeviceAbsent:
		return agent.Sentence{ID: "page.display_absent", Args: []string{path}, English: "No browser has opened the page. Open " + path + " on the customer's screen."}
	case agent.DeviceLost:
		return agent.Sentence{ID: "page.display_lost", English: "The page does not answer any more. Look at the customer's screen and its browser."}
	}
	return agent.Sentence{}
}

// deviceReason is a device's reason in a language. The words that drivers have stand in
// the catalogues as "trouble.", because "device." is the names of states there.
func (s *Server) deviceReason(lang string, d agent.DeviceStatus) string {
	say := d.Say
	if say.ID == "" || lang == words.English {
		return d.Reason
	}
	if id, ok := strings.CutPrefix(say.ID, "device."); ok {
		say.ID = "trouble." + id
	}
	return s.Words.Say(lang, say)
}

func (k *Kiosk) path() string { return "/display/" + k.lane }
