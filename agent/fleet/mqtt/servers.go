package mqtt

import (
	"math/rand/v2"
	"net/url"
	"sync"
)

// servers are those of a broker, of which one is used at a time. Who begins takes
// any of them, so that a fleet is spread over all.
type servers struct {
	list []*url.URL

	mu sync.Mutex
	at int
}

func newServers(list []*url.URL) *servers { return &servers{list: list, at: rand.IntN(len(list))} }

// current is the one that is used.
func (s *servers) current() *url.URL {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[s.at]
}

// leave takes any of the others, where there are some: a fleet that one server lost
// must not go to the same next one as a whole.
func (s *servers) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.list); n > 1 {
		s.at = (s.at + 1 + rand.IntN(n-1)) % n
	}
}
