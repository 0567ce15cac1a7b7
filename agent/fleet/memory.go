package fleet

import (
	"context"
	"slices"
	"strings"
	"sync"

	"tillwire/agent"
)

// Memory is an agent.FleetStore that forgets with its process, for simulated
// terminals and for tests. It is safe for concurrent use.
type Memory struct {
	mu    sync.Mutex
	items []agent.FleetItem // sorted by key
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{} }

// Load implements agent.FleetStore.
func (m *Memory) Load(_ context.Context, prefix, after string, limit int) ([]agent.FleetItem, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, _ := m.find(max(prefix, after))
	var list []agent.FleetItem
	for ; i < len(m.items) && len(list) < limit; i++ {
		item := m.items[i]
		if item.Key > after && strings.HasPrefix(item.Key, prefix) {
			list = append(list, agent.FleetItem{Key: item.Key, Value: slices.Clone(item.Value)})
		} else if item.Key > after {
			break
		}
	}
	return list, nil
}

// Save implements agent.FleetStore.
func (m *Memory) Save(_ context.Context, items ...agent.FleetItem) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, item := range items {
		i, found := m.find(item.Key)
		switch {
		case item.Value == nil && found:
			m.items = slices.Delete(m.items, i, i+1)
		case item.Value == nil:
		case found:
			m.items[i].Value = slices.Clone(item.Value)
		default:
			m.items = slices.Insert(m.items, i, agent.FleetItem{Key: item.Key, Value: slices.Clone(item.Value)})
		}
	}
	return nil
}

func (m *Memory) find(key string) (int, bool) {
	return slices.BinarySearchFunc(m.items, key, func(item agent.FleetItem, key string) int { return strings.Compare(item.Key, key) })
}
