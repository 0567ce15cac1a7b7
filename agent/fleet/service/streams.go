package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"tillwire/agent/fleet"
)

// gapPatience is how long a hole in a stream may be on its way with another
// service. A terminal sends again after half a minute what was not acknowledged,
// from its first event on; so what is still missing then is gone.
const gapPatience = 20 * time.Second

// aheadMost bounds the parts of a stream that are stored beyond a hole.
const aheadMost = 32

var errBatch = errors.New("the batch contradicts itself")

// batch stores a part of a stream and owes an acknowledgement of what is stored.
func (n *news) batch(ctx context.Context, t *Terminal, b fleet.Batch, m fleet.Heard) error {
	if err := checkBatch(b, m.Channel); err != nil {
		return &unreadable{err}
	}
	if err := n.bears(t, b.Stream); err != nil {
		return err
	}
	mark, known := t.Streams[b.Stream]
	switch {
	case known && b.Epoch < mark.Epoch && b.Epoch != t.Session.Epoch:
		// Delivered late, from the file before: kept, but nobody waits for an answer.
		return n.store(ctx, t, b, len(m.Payload))
	case !known:
		// What came before may still be on its way: where the stream begins, the hello says.
		mark = Mark{Epoch: b.Epoch}
	case mark.Epoch != b.Epoch:
		n.find(t, FoundRestart, fmt.Sprintf("Its stream %s began anew: its file was lost or set aside.", b.Stream))
		mark = Mark{Epoch: b.Epoch, Upto: 0}
	}
	if err := n.store(ctx, t, b, len(m.Payload)); err != nil {
		return err
	}
	for _, gap := range b.Dropped {
		if gap.To > mark.Upto {
			n.find(t, FoundDropped, fmt.Sprintf("It gave up the events %d to %d of its stream %s (%s).", gap.From, gap.To, b.Stream, gap.Reason))
		}
		mark = mark.add(Span{From: gap.From, To: gap.To, At: n.now})
	}
	if len(b.Events) > 0 {
		if b.Last-b.First+1 != uint64(len(b.Events)) {
			n.find(t, FoundGap, fmt.Sprintf("Some of the events %d to %d of its stream %s are missing, and the terminal says so itself.", b.First, b.Last, b.Stream))
		}
		mark = n.join(t, b, mark)
	}
	mark.At = n.now
	if t.Streams == nil {
		t.Streams = map[fleet.Stream]Mark{}
	}
	t.Streams[b.Stream] = mark
	if d := n.owes(t.TID); d.ack == nil {
		d.ack = &fleet.Ack{}
	}
	return n.reports(ctx, t, b)
}

// store keeps what is new in a batch of so many bytes.
func (n *news) store(ctx context.Context, t *Terminal, b fleet.Batch, bytes int) error {
	added, err := n.tx.AddEvents(ctx, t.TID, b.Stream, b.Epoch, n.now, b.Events)
	if err == nil {
		n.carries(t, b.Stream, bytes, len(b.Events), added)
	}
	return err
}

// join adds the batch's own span. A hole before it that was there long enough, and
// behind which the terminal begins again, is a gap: it does not have those events.
func (n *news) join(t *Terminal, b fleet.Batch, mark Mark) Mark {
	span := Span{From: b.First, To: b.Last, At: n.now}
	again := slices.ContainsFunc(mark.Ahead, func(a Span) bool { return a.From == span.From && n.now.Sub(a.At) >= gapPatience })
	if again && span.From > mark.Upto+1 {
		if mark.Upto > 0 { // else the hello is lost that says where the stream begins
			n.find(t, FoundGap, fmt.Sprintf("The events %d to %d of its stream %s are missing and the terminal does not have them any more.", mark.Upto+1, span.From-1, b.Stream))
		}
		mark.Upto = span.From - 1
	}
	return mark.add(span)
}

// add notes that a span is stored, and moves on over what is whole by now.
func (m Mark) add(span Span) Mark {
	ahead := slices.Clone(m.Ahead)
	if span.To > m.Upto && !slices.ContainsFunc(ahead, func(a Span) bool { return a.From <= span.From && span.To <= a.To }) {
		ahead = append(ahead, span)
	}
	slices.SortFunc(ahead, func(a, b Span) int { return int(int64(a.From) - int64(b.From)) })
	for len(ahead) > 0 && ahead[0].From <= m.Upto+1 {
		m.Upto = max(m.Upto, ahead[0].To)
		ahead = ahead[1:]
	}
	m.Ahead = slices.Clip(ahead[:min(len(ahead), aheadMost)])
	return m
}

// begin notes where a stream begins of which nothing is stored yet: what is before
// the terminal's first, it does not have any more.
func (t *Terminal) begin(stream fleet.Stream, says fleet.StreamMark) {
	mark, known := t.Streams[stream]
	if says.First == 0 || known && (mark.Epoch != says.Epoch || mark.Upto > 0) {
		return
	}
	if t.Streams == nil {
		t.Streams = map[fleet.Stream]Mark{}
	}
	t.Streams[stream] = Mark{Epoch: says.Epoch, Upto: says.First - 1, Ahead: mark.Ahead, At: mark.At}.add(Span{})
}

func checkBatch(b fleet.Batch, c fleet.Channel) error {
	if !slices.Contains(fleet.Streams(), b.Stream) || b.Stream.Channel() != c || b.Epoch == "" || len(b.Epoch) > 64 {
		return fmt.Errorf("%w: its stream or epoch", errBatch)
	}
	last := b.First
	for i, e := range b.Events {
		if n := uint64(e.Sequence); i > 0 && n <= last || i == 0 && n != b.First {
			return fmt.Errorf("%w: its events are not in order", errBatch)
		}
		last = uint64(e.Sequence)
	}
	if b.First == 0 || b.Last >= 1<<62 || len(b.Events) > 0 && b.Last != last {
		return fmt.Errorf("%w: first and last", errBatch)
	}
	for _, gap := range b.Dropped {
		if gap.From == 0 || gap.To < gap.From || gap.To >= 1<<62 {
			return fmt.Errorf("%w: what it dropped", errBatch)
		}
	}
	return nil
}

// reports follows up what the streams of commands and jobs tell.
func (n *news) reports(ctx context.Context, t *Terminal, b fleet.Batch) error {
	for _, e := range b.Events {
		switch b.Stream {
		case fleet.Commands:
			var r fleet.CommandReport
			if json.Unmarshal(e.Data, &r) == nil {
				if err := n.commandReport(ctx, t, r); err != nil {
					return err
				}
			}
		case fleet.Jobs:
			var r fleet.JobReport
			if json.Unmarshal(e.Data, &r) == nil {
				if err := n.jobReport(ctx, t, r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}
