package qr

import (
	"container/list"
	"sync"
)

// Cache remembers the most recently used matrices, because a display asks for
// the same code with every event and a render takes milliseconds on a small
// board. It holds payloads in memory only. Safe for concurrent use; make it
// with NewCache.
type Cache struct {
	mu     sync.Mutex
	limit  int
	recent *list.List // of cached, most recently used first
	byKey  map[cacheKey]*list.Element
}

type cacheKey struct {
	payload string
	level   Level
}

type cached struct {
	key    cacheKey
	matrix Matrix
}

// NewCache makes a cache of at most limit matrices; a limit below 1 means 1.
func NewCache(limit int) *Cache {
	return &Cache{limit: max(limit, 1), recent: list.New(), byKey: map[cacheKey]*list.Element{}}
}

// Encode is the package's Encode, remembered. Refusals are not remembered:
// they are cheap and must not push out a code on display.
func (c *Cache) Encode(payload string, level Level) (Matrix, error) {
	key := cacheKey{payload, level}
	if m, ok := c.lookUp(key); ok {
		return m, nil
	}
	// Rendered outside the lock: a long code must not hold up other lanes.
	m, err := Encode(payload, level)
	if err != nil {
		return Matrix{}, err
	}
	c.remember(key, m)
	return m, nil
}

// ForPanel is the package's ForPanel, remembered.
func (c *Cache) ForPanel(payload string) (Matrix, error) {
	return forPanel(payload, c.Encode)
}

// Len is the number of matrices held.
func (c *Cache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.recent.Len()
}

func (c *Cache) lookUp(key cacheKey) (Matrix, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.byKey[key]
	if !ok {
		return Matrix{}, false
	}
	c.recent.MoveToFront(e)
	return e.Value.(cached).matrix, true
}

func (c *Cache) remember(key cacheKey, m Matrix) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byKey[key]; ok {
		return // another lane rendered the same code meanwhile
	}
	c.byKey[key] = c.recent.PushFront(cached{key, m})
	for c.recent.Len() > c.limit {
		oldest := c.recent.Back()
		delete(c.byKey, oldest.Value.(cached).key)
		c.recent.Remove(oldest)
	}
}
