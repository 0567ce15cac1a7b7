package web

import (
	"encoding/json"
	"sync"

	"tillwire/agent"
)

// wire keeps the latest payments as they go out to event streams: a hundred pages that
// watch a sale cost one encoding, not a hundred in the middle of it.
type wire struct {
	mu   sync.Mutex
	made map[wireKey][]byte
	ring []wireKey // oldest first
}

// wireKey names what makes one encoding differ from another.
type wireKey struct {
	id      agent.PaymentID
	version int64
	lang    string
}

// wireKept is how many encodings are kept, some kilobytes each: those of the payments
// under way in a few languages.
const wireKept = 64

// onWire is a payment's JSON in a language. Whoever comes while it is being made waits
// for it. What it returns must not be changed.
func (s *Server) onWire(lang string, p agent.Payment) ([]byte, error) {
	key := wireKey{p.ID, p.Version, lang}
	s.wire.mu.Lock()
	defer s.wire.mu.Unlock()
	if body, ok := s.wire.made[key]; ok {
		return body, nil
	}
	body, err := json.Marshal(s.payment(lang, p))
	if err != nil {
		return nil, err
	}
	if len(s.wire.ring) == wireKept {
		delete(s.wire.made, s.wire.ring[0])
		s.wire.ring = append(s.wire.ring[:0], s.wire.ring[1:]...)
	}
	s.wire.made[key] = body
	s.wire.ring = append(s.wire.ring, key)
	return body, nil
}
