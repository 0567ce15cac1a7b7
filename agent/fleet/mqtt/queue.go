package mqtt

import (
	"context"
	"sync"

	"tillwire/agent/fleet"
)

// A broker should keep to a window of unacknowledged messages, usually 20.
// mosquitto 2.0.11 does not when it sends what it kept for a terminal that was
// away. What comes must fit, and must not fill the terminal's memory either.
const (
	queueMost  = 4096
	queueBytes = 4 << 20
)

// queue brings messages from the library's goroutine, which may not wait, to
// ours, in order.
type queue struct {
	most, mostBytes int

	mu    sync.Mutex
	items []fleet.Heard
	bytes int
	more  chan struct{}
	ended chan struct{}
}

func newQueue(most, bytes int) *queue {
	return &queue{most: most, mostBytes: bytes, more: make(chan struct{}, 1)}
}

// put never waits; it reports false when there is no room.
func (q *queue) put(m fleet.Heard) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.items) >= q.most || q.bytes+len(m.Payload) > q.mostBytes {
		return false
	}
	q.items, q.bytes = append(q.items, m), q.bytes+len(m.Payload)
	select {
	case q.more <- struct{}{}:
	default:
	}
	return true
}

// start delivers until ctx ends.
func (q *queue) start(ctx context.Context, deliver func(fleet.Heard)) {
	q.ended = make(chan struct{})
	go func() {
		defer close(q.ended)
		for {
			select {
			case <-ctx.Done():
				return
			case <-q.more:
			}
			for _, m := range q.take() {
				if ctx.Err() != nil {
					return
				}
				if m.Channel == "" {
					m.Ack() // not for us; see take of the link
					continue
				}
				deliver(m)
			}
		}
	}()
}

func (q *queue) take() []fleet.Heard {
	q.mu.Lock()
	defer q.mu.Unlock()
	items := q.items
	q.items, q.bytes = nil, 0
	return items
}

// wait returns when nothing is delivered any more.
func (q *queue) wait() {
	if q.ended != nil {
		<-q.ended
	}
}
