package fleet

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"tillwire/agent"
)

// Bounds of one batch and of one event's data.
const (
	batchEvents = 40
	batchBytes  = 32 << 10
	dataBytes   = 8 << 10
)

// bound says how much of a stream is kept. What comes from the journal is read
// from there again, so a small part is enough and nothing is ever dropped; what
// has no other home loses its oldest first, and says so.
type bound struct {
	rows    int
	window  bool // a part of the journal; never dropped
	longest time.Duration
}

var bounds = map[Stream]bound{
	Alerts: {rows: 500}, Commands: {rows: 1000}, Jobs: {rows: 200},
	Audits: {rows: 4 * batchEvents, window: true}, Payments: {rows: 4 * batchEvents, window: true},
	Metrics: {rows: 288, longest: 24 * time.Hour},
}

// The keys of the store.
const (
	epochKey  = "epoch"
	markKey   = "stream/"
	rowPrefix = "row/"
)

func rowKey(s Stream, n uint64) string { return fmt.Sprintf("%s%s/%020d", rowPrefix, s, n) }

// Outbox keeps what must reach the fleet until it is acknowledged. It is safe for
// concurrent use.
type Outbox struct {
	store agent.FleetStore
	tid   TID
	epoch string

	mu      sync.Mutex
	streams map[Stream]*streamState
}

// streamState is a stream as its mark keeps it.
type streamState struct {
	First   uint64    `json:"first"` // the first that was not acknowledged
	Last    uint64    `json:"last"`
	Gaps    []Gap     `json:"gaps,omitempty"` // not acknowledged yet
	Dropped uint64    `json:"dropped,omitempty"`
	Oldest  time.Time `json:"oldest,omitzero"` // when the first was put in
}

// OpenOutbox reads how far each stream had come. The error is the store's.
func OpenOutbox(ctx context.Context, tid TID, store agent.FleetStore) (*Outbox, error) {
	o := &Outbox{store: store, tid: tid, streams: map[Stream]*streamState{}}
	rows, err := store.Load(ctx, epochKey, "", 1)
	if err != nil {
		return nil, fmt.Errorf("open the fleet's outbox: %w", err)
	}
	if len(rows) == 1 && rows[0].Key == epochKey {
		o.epoch = string(rows[0].Value)
	} else {
		o.epoch = ulid.MustNew(ulid.Now(), rand.Reader).String()
		if err := store.Save(ctx, agent.FleetItem{Key: epochKey, Value: []byte(o.epoch)}); err != nil {
			return nil, fmt.Errorf("open the fleet's outbox: %w", err)
		}
	}
	for _, s := range Streams() {
		state := &streamState{First: 1}
		o.streams[s] = state
		rows, err := store.Load(ctx, markKey+string(s), "", 1)
		if err != nil {
			return nil, fmt.Errorf("open the fleet's outbox: %w", err)
		}
		if len(rows) == 1 {
			if err := json.Unmarshal(rows[0].Value, state); err != nil {
				return nil, fmt.Errorf("open the fleet's outbox: the mark of %s is damaged: %w", s, err)
			}
		}
	}
	return o, nil
}

// Fact is what is put into a stream.
type Fact struct {
	Name string // of the event's type: "changed", "status"
	At   time.Time
	Data any
}

// Origin says under which circumstances facts were put in.
type Origin struct {
	Boot    string
	Uptime  time.Duration
	Quality Quality
}

// Append puts facts into a stream, together with other changes of the store, in
// one durable commit. What is too large to be sent is replaced by a word about
// it, so that one monster does not hold up all behind it.
func (o *Outbox) Append(ctx context.Context, s Stream, from Origin, facts []Fact, also ...agent.FleetItem) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	next := o.streams[s].clone()
	items := also
	for _, f := range facts {
		data, err := json.Marshal(f.Data)
		if err == nil && len(data) > dataBytes {
			data, err = json.Marshal(map[string]int{"too_large": len(data)})
		}
		if err != nil {
			return fmt.Errorf("append to %s: %w", s, err)
		}
		next.Last++
		if next.First == next.Last {
			next.Oldest = f.At
		}
		row, err := json.Marshal(Event{SpecVersion: "1.0", ID: fmt.Sprintf("%s/%s/%d", o.epoch, s, next.Last), Source: "pos/" + string(o.tid),
			Type: EventType(s, f.Name), Time: At(f.At), Sequence: Sequence(next.Last), BootID: from.Boot, UptimeS: int64(from.Uptime / time.Second), TimeQuality: from.Quality, Data: data})
		if err != nil {
			return fmt.Errorf("append to %s: %w", s, err)
		}
		items = append(items, agent.FleetItem{Key: rowKey(s, next.Last), Value: row})
	}
	if b := bounds[s]; !b.window && next.rows() > b.rows {
		items = append(items, next.drop(s, next.First+uint64(next.rows()-b.rows)-1, "full")...)
	}
	return o.save(ctx, s, next, items)
}

// save makes a change durable and then ours.
func (o *Outbox) save(ctx context.Context, s Stream, next *streamState, items []agent.FleetItem) error {
	mark, err := json.Marshal(next)
	if err != nil {
		return fmt.Errorf("keep %s: %w", s, err)
	}
	if err := o.store.Save(ctx, append(items, agent.FleetItem{Key: markKey + string(s), Value: mark})...); err != nil {
		return fmt.Errorf("keep %s: %w", s, err)
	}
	o.streams[s] = next
	return nil
}

func (s *streamState) clone() *streamState {
	next := *s
	next.Gaps = append([]Gap(nil), s.Gaps...)
	return &next
}

func (s *streamState) rows() int { return int(s.Last + 1 - s.First) }

// drop gives the first rows up and remembers to say so.
func (s *streamState) drop(name Stream, upto uint64, why string) (items []agent.FleetItem) {
	from := s.First
	for ; s.First <= upto; s.First++ {
		items = append(items, agent.FleetItem{Key: rowKey(name, s.First)})
		s.Dropped++
	}
	if n := len(s.Gaps); n > 0 && s.Gaps[n-1].To+1 == from && s.Gaps[n-1].Reason == why {
		s.Gaps[n-1].To = upto
	} else {
		s.Gaps = append(s.Gaps, Gap{From: from, To: upto, Reason: why})
	}
	return items
}

// Age drops what is older than its stream keeps.
func (o *Outbox) Age(ctx context.Context, now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for s, b := range bounds {
		state := o.streams[s]
		if b.longest == 0 || state.rows() == 0 || now.Sub(state.Oldest) <= b.longest {
			continue
		}
		rows, err := o.load(ctx, s, state.First-1)
		if err != nil {
			return err
		}
		next, upto := state.clone(), uint64(0)
		for _, e := range rows {
			if now.Sub(e.Time.Time) > b.longest {
				upto = uint64(e.Sequence)
			} else {
				next.Oldest = e.Time.Time
				break
			}
		}
		if upto == 0 {
			continue
		}
		if err := o.save(ctx, s, next, next.drop(s, upto, "old")); err != nil {
			return err
		}
	}
	return nil
}

// Room is how many facts a stream takes now without dropping any.
func (o *Outbox) Room(s Stream) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return max(bounds[s].rows-o.streams[s].rows(), 0)
}

// Next answers the oldest part of a stream behind a sequence that was not
// acknowledged; ok is false when there is none.
func (o *Outbox) Next(ctx context.Context, s Stream, after uint64) (b Batch, ok bool, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	state := o.streams[s]
	after = max(after, state.First-1)
	if after >= state.Last {
		return Batch{}, false, nil
	}
	events, err := o.load(ctx, s, after)
	if err != nil || len(events) == 0 {
		return Batch{}, false, err
	}
	b = Batch{V: Wire, Stream: s, Epoch: o.epoch, First: uint64(events[0].Sequence), Last: uint64(events[len(events)-1].Sequence), Oldest: int64(state.First), Events: events}
	if b.First == state.First {
		b.Dropped = append([]Gap(nil), state.Gaps...)
	}
	return b, true, nil
}

// load reads the rows behind a sequence, up to the size of a batch.
func (o *Outbox) load(ctx context.Context, s Stream, after uint64) (events []Event, err error) {
	rows, err := o.store.Load(ctx, rowPrefix+string(s)+"/", rowKey(s, after), batchEvents)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", s, err)
	}
	size := 0
	for _, row := range rows {
		var e Event
		if err := json.Unmarshal(row.Value, &e); err != nil {
			return nil, fmt.Errorf("read %s: %s is damaged: %w", s, row.Key, err)
		}
		if size += len(row.Value); size > batchBytes && len(events) > 0 {
			break
		}
		events = append(events, e)
	}
	return events, nil
}

// Ack takes away what the fleet has stored. A mark of another epoch, or of what
// was never sent, says nothing.
func (o *Outbox) Ack(ctx context.Context, marks []AckMark, now time.Time) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, m := range marks {
		state, known := o.streams[m.Stream]
		if !known || m.Epoch != o.epoch || m.Upto < state.First || m.Upto > state.Last {
			continue
		}
		next := state.clone()
		var items []agent.FleetItem
		for ; next.First <= m.Upto; next.First++ {
			items = append(items, agent.FleetItem{Key: rowKey(m.Stream, next.First)})
		}
		next.Gaps = nil
		for _, g := range state.Gaps {
			if g.To > m.Upto {
				next.Gaps = append(next.Gaps, g)
			}
		}
		next.Oldest = now // near enough: it is only shown
		if err := o.save(ctx, m.Stream, next, items); err != nil {
			return err
		}
	}
	return nil
}

// Marks says what each stream holds, for the hello.
func (o *Outbox) Marks() map[Stream]StreamMark {
	o.mu.Lock()
	defer o.mu.Unlock()
	marks := map[Stream]StreamMark{}
	for s, state := range o.streams {
		marks[s] = StreamMark{o.epoch, state.First, state.Last}
	}
	return marks
}

// Waiting lists the streams that hold something, for people.
func (o *Outbox) Waiting(now time.Time) []OutboxReport {
	o.mu.Lock()
	states := maps.Clone(o.streams)
	o.mu.Unlock()
	list := []OutboxReport{}
	for _, s := range Streams() {
		state := states[s]
		if state.rows() == 0 && state.Dropped == 0 {
			continue
		}
		r := OutboxReport{Stream: s, Rows: state.rows(), Dropped: state.Dropped}
		if r.Rows > 0 {
			r.OldestS = max(int64(now.Sub(state.Oldest)/time.Second), 0)
		}
		list = append(list, r)
	}
	return list
}
