package service

import (
	"errors"
	"fmt"
	"time"

	"tillwire/agent/fleet"
)

// What is stored of one stream of one terminal: a burst, and so much again every
// day. A busy shop tells a quarter of it; a terminal that was away for a week
// brings no more than the burst. Beyond it nothing is stored and nothing
// acknowledged, so an honest terminal keeps what it has and says it again later.
// Each stream has its own, so that a flood of one does not hide what became of a
// command.
const (
	storedMost  = 32 << 20 // bytes
	storedDrain = 24 * time.Hour
)

// errFlood reports a batch that was not stored because of all that were.
var errFlood = errors.New("more than is stored of one terminal's stream")

// left is what remains of a load at a time.
func (l Load) left(at time.Time) int64 {
	passed := min(max(at.Sub(l.At), 0), storedDrain)
	return max(l.Bytes-int64(passed/time.Second)*storedMost/int64(storedDrain/time.Second), 0)
}

// bears reports whether a stream may be stored at all now.
func (n *news) bears(t *Terminal, stream fleet.Stream) error {
	if t.Stored[stream].left(n.now) < storedMost {
		return nil
	}
	n.find(t, FoundFlood, fmt.Sprintf("It sends more of its stream %s than is stored of one terminal; what was not stored it must say again later.", stream))
	return errFlood
}

// carries notes what was stored: of a batch of so many bytes and events, those that
// were new.
func (n *news) carries(t *Terminal, stream fleet.Stream, bytes, events, added int) {
	if added == 0 {
		return
	}
	if t.Stored == nil {
		t.Stored = map[fleet.Stream]Load{}
	}
	t.Stored[stream] = Load{Bytes: t.Stored[stream].left(n.now) + int64(bytes)*int64(added)/int64(events), At: n.now}
}
