package settings

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tillwire/agent"
)

// Subscriber obeys settings. Verify must have no effect: it answers why the
// next values cannot be, or nil. Commit takes them over; they are saved then,
// so it cannot fail, and says whether they hold now or after a restart.
type Subscriber interface {
	Verify(next Values) error
	Commit(next Values) agent.Effect
}

// Book holds the settings of a running agent.
type Book struct {
	store agent.SettingsStore
	table []Entry
	now   atomic.Pointer[Values]

	// apply lets one change through at a time: who verified a change must see
	// it committed before the next one is verified.
	apply    sync.Mutex
	subs     []subscription
	saved    map[string]agent.Change
	problems []agent.Problem
}

type subscription struct {
	keys []string
	sub  Subscriber
}

// New returns a book with every setting at its default. Load reads what was
// changed. A default that its own row refuses is a mistake of the program and
// panics, so that a test of the table finds it.
func New(store agent.SettingsStore, table []Entry) *Book {
	b := &Book{store: store, table: table, saved: map[string]agent.Change{}}
	v := Values{read: map[string]value{}}
	for _, e := range table {
		val, err := e.read(e.Default)
		if err != nil {
			panic("settings: default: " + err.Error())
		}
		v.read[e.Key] = val
	}
	b.now.Store(&v)
	return b
}

// Load reads the stored changes. A stored value that is no longer possible
// keeps its default and becomes a problem: a broken setting never stops a sale.
// The error is the store's own.
func (b *Book) Load(ctx context.Context) error {
	changes, err := b.store.LoadSettings(ctx)
	if err != nil {
		return fmt.Errorf("load settings: %w", err)
	}
	b.apply.Lock()
	defer b.apply.Unlock()
	b.problems = nil
	next := b.clone()
	for _, c := range changes {
		e, err := b.entry(c.Key)
		if err != nil {
			// A key of an older version, or of a wallet that was taken out: its
			// value waits in the store until it is needed again.
			continue
		}
		val, err := e.read(c.Value)
		if err != nil {
			b.problem(c, err, e)
			continue
		}
		next.read[c.Key] = val
		b.saved[c.Key] = c
	}
	if err := next.coherent(b.protocols()); err != nil {
		next = b.undoTimers(next, err)
	}
	b.now.Store(&next)
	return nil
}

// Subscribe registers who obeys some keys; none means all. It must happen
// before the first Apply.
func (b *Book) Subscribe(sub Subscriber, keys ...string) {
	b.apply.Lock()
	defer b.apply.Unlock()
	b.subs = append(b.subs, subscription{keys, sub})
}

// Apply is the one door for changes, for the owner's page, the fleet and the
// command line alike. Either all changes hold afterwards or none: an unknown
// key, an impossible value, a caller who may not, a veto, or a store that cannot
// save changes nothing. The result says for each key when it takes hold.
func (b *Book) Apply(ctx context.Context, changes []agent.Change) (map[string]agent.Effect, error) {
	b.apply.Lock()
	defer b.apply.Unlock()
	next := b.clone()
	canonical := slices.Clone(changes)
	for i, c := range changes {
		e, err := b.entry(c.Key)
		if err != nil {
			return nil, err
		}
		if who := door(c.By); !slices.Contains(e.Who, who) {
			return nil, &agent.Error{Op: "setting " + c.Key, Class: agent.Forbidden,
				Say: agent.Sentence{ID: "error.setting_who", Args: []string{c.Key}, English: fmt.Sprintf("%s can only be changed by the %s.", c.Key, e.Who[0])}}
		}
		val, err := e.read(c.Value)
		if err != nil {
			return nil, err
		}
		next.read[c.Key] = val
		canonical[i].Value = val.text
	}
	if slices.ContainsFunc(changes, func(c agent.Change) bool { return door(c.By) == Fleet }) {
		if err := fleetLoosens(b.Values(), next); err != nil {
			return nil, err
		}
	}
	if err := b.verify(next, changes); err != nil {
		return nil, err
	}
	if err := b.store.SaveSettings(ctx, canonical); err != nil {
		return nil, fmt.Errorf("save settings: %w", err)
	}
	for _, c := range canonical {
		b.saved[c.Key] = c
		b.problems = slices.DeleteFunc(b.problems, func(p agent.Problem) bool { return strings.HasPrefix(p.What, problemOf(c.Key)) })
	}
	b.now.Store(&next)
	return b.commit(next, changes), nil
}

// Values returns every setting as it is now.
func (b *Book) Values() Values { return *b.now.Load() }

// Timers returns the waits of a wallet's protocol as they are now.
func (b *Book) Timers(protocol string) agent.Timers { return b.Values().Timers(protocol) }

// Problems lists stored values that could not be used.
func (b *Book) Problems() []agent.Problem {
	b.apply.Lock()
	defer b.apply.Unlock()
	return slices.Clone(b.problems)
}

func (b *Book) verify(next Values, changes []agent.Change) error {
	if err := next.coherent(b.protocols()); err != nil {
		return err
	}
	for _, s := range b.subs {
		if s.concerned(changes) {
			if err := s.sub.Verify(next); err != nil {
				return err
			}
		}
	}
	return nil
}

func (b *Book) commit(next Values, changes []agent.Change) map[string]agent.Effect {
	effects := map[string]agent.Effect{}
	for _, c := range changes {
		e, err := b.entry(c.Key)
		if err == nil {
			effects[c.Key] = e.Effect
		}
	}
	for _, s := range b.subs {
		if !s.concerned(changes) || s.sub.Commit(next) != agent.EffectRestart {
			continue
		}
		for _, c := range changes {
			if s.obeys(c.Key) {
				effects[c.Key] = agent.EffectRestart
			}
		}
	}
	return effects
}

func (s subscription) obeys(key string) bool { return len(s.keys) == 0 || slices.Contains(s.keys, key) }

func (s subscription) concerned(changes []agent.Change) bool {
	return slices.ContainsFunc(changes, func(c agent.Change) bool { return s.obeys(c.Key) })
}

// door tells who asks from the actor's name.
func door(by string) Who {
	if by == "fleet" || strings.HasPrefix(by, "fleet:") {
		return Fleet
	}
	return Owner
}

func (b *Book) clone() Values {
	next := Values{read: map[string]value{}}
	for k, v := range b.Values().read {
		next.read[k] = v
	}
	return next
}

// entry finds a row by its key; the error names the nearest key there is.
func (b *Book) entry(key string) (Entry, error) {
	for _, e := range b.table {
		if e.Key == key {
			return e, nil
		}
	}
	say := fmt.Sprintf("There is no setting %q.", key)
	if near := Nearest(key, Keys(b.table)); near != "" {
		say += fmt.Sprintf(" Did you mean %s?", near)
	} else {
		say += " `tillwire settings get` lists them."
	}
	return Entry{}, &agent.Error{Op: "setting", Class: agent.NotFound, Code: agent.CodeNotFound,
		Say: agent.Sentence{ID: "error.setting_unknown", Args: []string{key}, English: say}}
}

func (b *Book) protocols() (list []string) {
	for _, e := range b.table {
		if p, ok := strings.CutSuffix(e.Key, "."+cadence); ok {
			list = append(list, p)
		}
	}
	return list
}

func problemOf(key string) string { return "The stored setting " + key + " " }

func (b *Book) problem(c agent.Change, err error, e Entry) {
	b.problems = append(b.problems, agent.Problem{Since: c.At, ID: "problem.setting", Args: []string{c.Key, err.Error(), e.Default},
		What: problemOf(c.Key) + "cannot be used: " + err.Error(),
		Do:   fmt.Sprintf("Set it again on the owner's page or with `tillwire settings set %s VALUE`. Until then its default %q holds.", c.Key, e.Default)})
}

// undoTimers takes the default for every timer when stored ones contradict each
// other, which only an older version or a foreign hand can have left behind.
func (b *Book) undoTimers(v Values, err error) Values {
	var since time.Time
	for _, e := range b.table {
		protocol, _, _ := strings.Cut(e.Key, ".")
		if !slices.Contains(b.protocols(), protocol) {
			continue
		}
		if c, changed := b.saved[e.Key]; changed {
			since = c.At
			delete(b.saved, e.Key)
		}
		val, readErr := e.read(e.Default)
		if readErr == nil {
			v.read[e.Key] = val
		}
	}
	b.problems = append(b.problems, agent.Problem{Since: since, ID: "problem.timers", Args: []string{err.Error()}, What: "The stored timers contradict each other: " + err.Error(),
		Do: "Set them again on the owner's page. Until then every timer has its default."})
	return v
}
