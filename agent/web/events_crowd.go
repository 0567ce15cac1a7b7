package web

import (
	"slices"
	"time"

	"tillwire/agent"
)

// crowdFrom is how many streams make a crowd. A shop has a few; a hundred pages that
// each hear of every step of a sale at once would take the processor from the sale.
const crowdFrom = 16

// lull is how long the news of other lanes may wait in a crowd. It is gathered
// meanwhile: of each payment only the latest version goes out, all in one piece.
const lull = 250 * time.Millisecond

// gathered is the news that waits, in the order in which it is to go out.
type gathered struct {
	lane   string // at which the page works; "" when it only watches
	events []agent.Event
	due    <-chan time.Time // nil while nothing waits
}

// ears is where a stream listens: nowhere while it waits for the lull, unless its own
// lane may have something to say. The feed keeps what comes meanwhile, and a hundred
// pages are not woken for each step of a sale.
func (v *watch) ears(feed <-chan agent.Event) <-chan agent.Event {
	if v.wait.due != nil && v.wait.lane == "" {
		return nil
	}
	return feed
}

// awake ends the lull: it hears what has come meanwhile and sends all of it. over says
// that the feed has ended, so that the client comes back and resumes.
func (v *watch) awake(feed <-chan agent.Event) (over bool, err error) {
	for {
		select {
		case e, ok := <-feed:
			if !ok {
				return true, nil
			}
			if err := v.hear(e); err != nil {
				return false, err
			}
		default:
			return false, v.catchUp()
		}
	}
}

// hear takes an event off the feed: it goes out now, or waits for the lull.
func (v *watch) hear(e agent.Event) error {
	if e.Payment != nil && v.bystander(e.Payment.Lane) {
		// A later version says all that the one before said.
		v.wait.events = slices.DeleteFunc(v.wait.events, func(old agent.Event) bool { return old.Payment.ID == e.Payment.ID })
		v.wait.events = append(v.wait.events, e)
		if v.wait.due == nil {
			v.wait.due = v.s.Clock.After(lull)
		}
		return nil
	}
	// Ids only grow: what waits goes before what comes now.
	if err := v.catchUp(); err != nil {
		return err
	}
	return v.event(e)
}

// bystander reports whether a stream only looks on at what a lane does, in a crowd. Tills
// and the lane's own page are told at once.
func (v *watch) bystander(lane string) bool {
	return v.s.streams.held.Load() > crowdFrom && v.who.till == "" && v.wait.lane != lane
}

// catchUp sends what has waited.
func (v *watch) catchUp() error {
	v.wait.due = nil
	if len(v.wait.events) == 0 {
		return nil
	}
	events := v.wait.events
	v.wait.events = nil
	return v.stream.together(func() error {
		for _, e := range events {
			if err := v.event(e); err != nil {
				return err
			}
		}
		return nil
	})
}
