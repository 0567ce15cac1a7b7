package service_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
	"tillwire/agent/fleet/service/storetest"
)

// memory is a store without a disk, so that a fleet's weeks pass in a second. It
// keeps the contract, too.
type memory struct {
	turn   *sync.Mutex // one change at a time
	mu     *sync.Mutex // guards data
	data   *content
	broken *atomic.Bool // nothing can be written
	// refuses makes the events of one terminal impossible to store.
	refuses *atomic.Pointer[fleet.TID]
}

// content is what is kept: documents as their texts, so that nobody shares a map
// with the store.
type content struct {
	docs   map[string]string
	events []service.StoredEvent
	last   int64
}

func newStore() *memory {
	return &memory{&sync.Mutex{}, &sync.Mutex{}, &content{docs: map[string]string{}}, &atomic.Bool{}, &atomic.Pointer[fleet.TID]{}}
}

func (c *content) clone() *content {
	return &content{maps.Clone(c.docs), slices.Clone(c.events), c.last}
}

var (
	errFull = errors.New("the disk is full")
	errNUL  = errors.New("invalid byte sequence for encoding \"UTF8\": 0x00") // PostgreSQL's
	errRow  = errors.New("this row cannot be written")
)

func (m *memory) Change(_ context.Context, _ []string, change func(service.Tx) error) error {
	if m.broken.Load() {
		return errFull
	}
	m.turn.Lock()
	defer m.turn.Unlock()
	m.mu.Lock()
	draft := &memory{data: m.data.clone(), mu: &sync.Mutex{}, refuses: m.refuses}
	m.mu.Unlock()
	if err := change(draft); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	*m.data = *draft.data
	return nil
}

func (m *memory) Close() error { return nil }

func (m *memory) put(key string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.data.docs[key] = string(text)
	return nil
}

func get[T any](m *memory, key string) (v T, err error) {
	m.mu.Lock()
	text, some := m.data.docs[key]
	m.mu.Unlock()
	if !some {
		return v, service.ErrUnknown
	}
	return v, json.Unmarshal([]byte(text), &v)
}

// list reads every document below a prefix, sorted by key.
func list[T any](m *memory, prefix string) (all []T, err error) {
	m.mu.Lock()
	var keys []string
	for k := range m.data.docs {
		if strings.HasPrefix(k, prefix) {
			keys = append(keys, k)
		}
	}
	m.mu.Unlock()
	slices.Sort(keys)
	for _, k := range keys {
		v, err := get[T](m, k)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

func (m *memory) Terminal(_ context.Context, tid fleet.TID) (service.Terminal, error) {
	return get[service.Terminal](m, "t/"+string(tid))
}

func (m *memory) SaveTerminal(_ context.Context, t service.Terminal) error {
	return m.put("t/"+string(t.TID), t)
}

func (m *memory) Terminals(_ context.Context, after fleet.TID, limit int) ([]service.Terminal, error) {
	all, err := list[service.Terminal](m, "t/")
	all = slices.DeleteFunc(all, func(t service.Terminal) bool { return t.TID <= after })
	return all[:min(limit, len(all))], err
}

func paperKey(tid fleet.TID, kind service.Paper) string {
	return "p/" + string(tid) + "/" + string(kind)
}

func (m *memory) Paper(_ context.Context, tid fleet.TID, kind service.Paper) (json.RawMessage, error) {
	raw, err := get[json.RawMessage](m, paperKey(tid, kind))
	if errors.Is(err, service.ErrUnknown) {
		return nil, nil
	}
	return raw, err
}

func (m *memory) SavePaper(_ context.Context, tid fleet.TID, kind service.Paper, doc json.RawMessage) error {
	return m.put(paperKey(tid, kind), doc)
}

func (m *memory) AddEvents(_ context.Context, tid fleet.TID, stream fleet.Stream, epoch string, at time.Time, events []fleet.Event) (added int, err error) {
	if strings.Contains(epoch, "\x00") {
		return 0, errNUL
	}
	if odd := m.refuses.Load(); odd != nil && *odd == tid {
		return 0, errRow
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range events {
		if slices.ContainsFunc(m.data.events, func(o service.StoredEvent) bool {
			return o.TID == tid && o.Stream == stream && o.Epoch == epoch && o.Event.Sequence == e.Sequence
		}) {
			continue
		}
		m.data.last++
		m.data.events = append(m.data.events, service.StoredEvent{ID: m.data.last, TID: tid, Stream: stream, Epoch: epoch, Stored: at, Event: e})
		added++
	}
	return added, nil
}

func (m *memory) Events(_ context.Context, f service.EventFilter) ([]service.StoredEvent, error) {
	m.mu.Lock()
	all := slices.Clone(m.data.events)
	m.mu.Unlock()
	if f.Latest {
		slices.Reverse(all)
		f.After = cmp.Or(f.After, math.MaxInt64)
	}
	all = slices.DeleteFunc(all, func(e service.StoredEvent) bool {
		behind := e.ID > f.After
		if f.Latest {
			behind = e.ID < f.After
		}
		return !behind || f.TID != "" && e.TID != f.TID || len(f.Stream) > 0 && !slices.Contains(f.Stream, e.Stream) || e.Stored.Before(f.Since)
	})
	return all[:min(f.Limit, len(all))], nil
}

func (m *memory) Command(_ context.Context, jti string) (service.Command, error) {
	if strings.Contains(jti, "\x00") {
		return service.Command{}, errNUL
	}
	return get[service.Command](m, "c/"+jti)
}

func (m *memory) SaveCommand(_ context.Context, c service.Command) error {
	return m.put("c/"+c.Order.Jti, c)
}

func (m *memory) Commands(_ context.Context, f service.CommandFilter) ([]service.Command, error) {
	all, err := list[service.Command](m, "c/")
	all = slices.DeleteFunc(all, func(c service.Command) bool {
		return f.TID != "" && c.Order.Aud != f.TID || f.Open && c.Status.Final()
	})
	slices.SortFunc(all, func(a, b service.Command) int {
		return cmp.Or(b.Made.Compare(a.Made), cmp.Compare(b.Order.Jti, a.Order.Jti))
	})
	return all[:min(f.Limit, len(all))], err
}

func (m *memory) Rollout(_ context.Context, id string) (service.Rollout, error) {
	return get[service.Rollout](m, "r/"+id)
}

func (m *memory) SaveRollout(_ context.Context, r service.Rollout) error {
	return m.put("r/"+r.ID, r)
}

func (m *memory) Rollouts(_ context.Context, limit int) ([]service.Rollout, error) {
	all, err := list[service.Rollout](m, "r/")
	slices.Reverse(all)
	return all[:min(limit, len(all))], err
}

func (m *memory) Members(_ context.Context, rollout string) ([]service.Member, error) {
	all, err := list[service.Member](m, "m/"+rollout+"/")
	slices.SortFunc(all, func(a, b service.Member) int { return cmp.Or(cmp.Compare(a.Ring, b.Ring), cmp.Compare(a.TID, b.TID)) })
	return all, err
}

func (m *memory) SaveMembers(_ context.Context, members []service.Member) error {
	for _, one := range members {
		if err := m.put(fmt.Sprintf("m/%s/%s", one.Rollout, one.TID), one); err != nil {
			return err
		}
	}
	return nil
}

func (m *memory) Prune(_ context.Context, before time.Time, limit int) (pruned int, err error) {
	m.mu.Lock()
	m.data.events = slices.DeleteFunc(m.data.events, func(e service.StoredEvent) bool {
		old := e.Stored.Before(before) && pruned < limit
		if old {
			pruned++
		}
		return old
	})
	m.mu.Unlock()
	commands, err := list[service.Command](m, "c/")
	for _, c := range commands {
		if c.Status.Final() && c.Made.Before(before) && pruned < limit {
			pruned++
			m.mu.Lock()
			delete(m.data.docs, "c/"+c.Order.Jti)
			m.mu.Unlock()
		}
	}
	return pruned, err
}

func (m *memory) Load(_ context.Context, prefix, after string, limit int) (items []agent.FleetItem, err error) {
	all, err := list[agent.FleetItem](m, "i/"+prefix)
	all = slices.DeleteFunc(all, func(i agent.FleetItem) bool { return i.Key <= after })
	return all[:min(limit, len(all))], err
}

func (m *memory) Save(_ context.Context, items ...agent.FleetItem) error {
	if m.broken.Load() {
		return errFull
	}
	for _, item := range items {
		if item.Value == nil {
			m.mu.Lock()
			delete(m.data.docs, "i/"+item.Key)
			m.mu.Unlock()
		} else if err := m.put("i/"+item.Key, item); err != nil {
			return err
		}
	}
	return nil
}

func TestTheStoreOfTheseTestsKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(*testing.T) func() service.Store {
		s := newStore()
		return func() service.Store { return s }
	})
}
