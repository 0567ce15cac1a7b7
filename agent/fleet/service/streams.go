package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"tillwire/agent/fleet"
)

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
		mark = Mark{Epoch: b.Epoch}
	}
	if err := n.store(ctx, t, b, len(m.Payload)); err != nil {
		return err
	}
	for _, gap := range b.Dropped {
		if gap.To > mark.Upto {
			n.find(t, FoundDropped, fmt.Sprintf("It gave up the events %d to %d of its stream %s (%s).", gap.From, gap.To, b.Stream, clip(gap.Reason)))
		}
		mark = mark.add(Span{From: gap.From, To: gap.To, At: n.now})
	}
	if len(b.Events) > 0 {
		if b.Last-b.First+1 != uint64(len(b.Events)) {
			n.find(t, FoundGap, fmt.Sprintf("Some of the events %d to %d of its stream %s are missing, and the terminal says so itself.", b.First, b.Last, b.Stream))
		}
		mark = n.leave(t, b, mark).add(Span{From: b.First, To: b.Last, At: n.now})
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

// leave gives up holes that nothing will fill: those below the first event that the
// terminal still has, once a batch has come that begins there. It brings the word on
// what was dropped on purpose; and a part that the terminal still has must not be
// acknowledged over, however often a later one comes before it.
//
// An agent from before does not say in its batches what it still has. For one of
// those the hello of its session counts; what is missing from there on is waited for,
// until it comes or the next hello says that it is gone.
func (n *news) leave(t *Terminal, b fleet.Batch, mark Mark) Mark {
	oldest := uint64(b.Oldest)
	if oldest == 0 {
		oldest = mark.First
	}
	if b.First != oldest {
		return mark
	}
	for mark.Upto+1 < oldest {
		to := oldest - 1
		if len(mark.Ahead) > 0 {
			to = min(to, mark.Ahead[0].From-1)
		}
		if mark.Upto > 0 { // else the hello is lost that says where the stream begins
			n.find(t, FoundGap, fmt.Sprintf("The events %d to %d of its stream %s are missing and the terminal does not have them any more.", mark.Upto+1, to, b.Stream))
		}
		mark = mark.add(Span{From: mark.Upto + 1, To: to, At: n.now})
	}
	return mark
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

// begin notes from where on the terminal has a stream. Where nothing of it is stored
// yet, that is where it begins: what was before, the terminal does not have any more.
func (t *Terminal) begin(stream fleet.Stream, says fleet.StreamMark) {
	mark, known := t.Streams[stream]
	if says.First == 0 || known && mark.Epoch != says.Epoch {
		return
	}
	if t.Streams == nil {
		t.Streams = map[fleet.Stream]Mark{}
	}
	if mark.Upto == 0 {
		mark = Mark{Epoch: says.Epoch, Upto: says.First - 1, Ahead: mark.Ahead, At: mark.At}.add(Span{})
	}
	mark.First = max(mark.First, says.First)
	t.Streams[stream] = mark
}

func checkBatch(b fleet.Batch, c fleet.Channel) error {
	if !slices.Contains(fleet.Streams(), b.Stream) || b.Stream.Channel() != c || !isKey(b.Epoch) {
		return fmt.Errorf("%w: its stream or epoch", errBatch)
	}
	last := b.First
	for i, e := range b.Events {
		if n := uint64(e.Sequence); i > 0 && n <= last || i == 0 && n != b.First {
			return fmt.Errorf("%w: its events are not in order", errBatch)
		}
		last = uint64(e.Sequence)
	}
	if b.First == 0 || b.Oldest < 0 || uint64(b.Oldest) > b.First || b.Last >= numberMost || len(b.Events) > 0 && b.Last != last {
		return fmt.Errorf("%w: first and last", errBatch)
	}
	for _, gap := range b.Dropped {
		if gap.From == 0 || gap.To < gap.From || gap.To >= numberMost {
			return fmt.Errorf("%w: what it dropped", errBatch)
		}
	}
	return nil
}

// reports follows up what the streams of commands, jobs and acts tell.
func (n *news) reports(ctx context.Context, t *Terminal, b fleet.Batch) error {
	for _, e := range b.Events {
		switch b.Stream {
		case fleet.Audits:
			n.act(t, b.Epoch, e)
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
