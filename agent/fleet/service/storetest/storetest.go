// Package storetest is the contract of a service.Store as a test: every database
// that a fleet's service may stand on passes it. Only tests import it; it imports
// the service's port.
package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
)

// Run judges a kind of store. open answers an empty one, of which a test may open
// several on the same data by calling again; the first call of a test begins anew.
func Run(t *testing.T, open func(t *testing.T) (again func() service.Store)) {
	for name, test := range map[string]func(*testing.T, func() service.Store){
		"terminals":                    terminals,
		"papers":                       papers,
		"events are kept once":         events,
		"events are chosen":            choice,
		"commands":                     commands,
		"rollouts":                     rollouts,
		"a change holds whole or not":  whole,
		"changes wait for each other":  turns,
		"items are sorted by key":      items,
		"what is old is forgotten":     pruning,
		"it is all there after a stop": again,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// noon is when these tests take place.
func noon() time.Time { return time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC) }

func change(t *testing.T, s service.Store, f func(ctx context.Context, tx service.Tx) error) {
	t.Helper()
	if err := s.Change(t.Context(), []string{"test"}, func(tx service.Tx) error { return f(t.Context(), tx) }); err != nil {
		t.Fatal(err)
	}
}

// must answers a value; an error ends the test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func tid(n int) fleet.TID { return fleet.TID(fmt.Sprintf("t-%06d", n)) }

func terminals(t *testing.T, open func() service.Store) {
	s := open()
	if _, err := s.Terminal(t.Context(), tid(1)); !errors.Is(err, service.ErrUnknown) {
		t.Errorf("an unknown terminal: %v", err)
	}
	change(t, s, func(ctx context.Context, tx service.Tx) error {
		for _, n := range []int{3, 1, 2} {
			if err := tx.SaveTerminal(ctx, service.Terminal{TID: tid(n), Known: noon(), Labels: map[string]string{"city": "Ōsaka 大阪"}}); err != nil {
				return err
			}
		}
		row := must(tx.Terminal(ctx, tid(2)))
		row.Seq.Command = 1 << 60
		return tx.SaveTerminal(ctx, row)
	})
	got := must(s.Terminal(t.Context(), tid(2)))
	if got.Seq.Command != 1<<60 || got.Labels["city"] != "Ōsaka 大阪" || !got.Known.Equal(noon()) {
		t.Errorf("read back as %+v", got)
	}
	page := must(s.Terminals(t.Context(), "", 2))
	if len(page) != 2 || page[0].TID != tid(1) || page[1].TID != tid(2) {
		t.Errorf("the first page is %v", page)
	}
	if rest := must(s.Terminals(t.Context(), page[1].TID, 2)); len(rest) != 1 || rest[0].TID != tid(3) {
		t.Errorf("the second page is %v", rest)
	}
}

func papers(t *testing.T, open func() service.Store) {
	s := open()
	if raw, err := s.Paper(t.Context(), tid(1), service.PaperState); raw != nil || err != nil {
		t.Errorf("a paper that is not there: %s %v", raw, err)
	}
	for _, text := range []string{`{"a":1}`, `{"a":2}`} {
		change(t, s, func(ctx context.Context, tx service.Tx) error {
			return errors.Join(tx.SavePaper(ctx, tid(1), service.PaperState, json.RawMessage(text)), tx.SavePaper(ctx, tid(1), service.PaperBeat, json.RawMessage(`{"b":"\u0000"}`)))
		})
	}
	if raw := must(s.Paper(t.Context(), tid(1), service.PaperState)); string(raw) != `{"a":2}` {
		t.Errorf("the last paper is %s", raw)
	}
	if raw := must(s.Paper(t.Context(), tid(1), service.PaperBeat)); string(raw) != `{"b":"\u0000"}` {
		t.Errorf("the other kind is %s", raw)
	}
}

const epoch = "01KAFN00000000000000000000"

func batch(from, to uint64) (list []fleet.Event) {
	for n := from; n <= to; n++ {
		list = append(list, fleet.Event{SpecVersion: "1.0", ID: fmt.Sprint(n), Sequence: fleet.Sequence(n), Time: fleet.At(noon()), Data: json.RawMessage(`{}`)})
	}
	return list
}

func add(t *testing.T, s service.Store, id fleet.TID, stream fleet.Stream, when time.Time, list []fleet.Event) (added int) {
	t.Helper()
	change(t, s, func(ctx context.Context, tx service.Tx) (err error) {
		added, err = tx.AddEvents(ctx, id, stream, epoch, when, list)
		return err
	})
	return added
}

func events(t *testing.T, open func() service.Store) {
	s := open()
	for _, c := range []struct {
		from, to uint64
		want     int
	}{{1, 3, 3}, {1, 3, 0}, {2, 5, 2}, {5, 5, 0}} {
		if n := add(t, s, tid(1), fleet.Payments, noon(), batch(c.from, c.to)); n != c.want {
			t.Errorf("%d to %d: %d are new, want %d", c.from, c.to, n, c.want)
		}
	}
	if n := add(t, s, tid(2), fleet.Payments, noon(), batch(1, 1)) + add(t, s, tid(1), fleet.Audits, noon(), batch(1, 1)); n != 2 {
		t.Errorf("another terminal's or stream's events are taken for the same: %d of 2 are new", n)
	}
	list := must(s.Events(t.Context(), service.EventFilter{TID: tid(1), Stream: []fleet.Stream{fleet.Payments}, Limit: 100}))
	if len(list) != 5 {
		t.Fatalf("%d events are stored, want 5", len(list))
	}
	for i, e := range list {
		if e.Event.Sequence != fleet.Sequence(i+1) || e.TID != tid(1) || e.Stream != fleet.Payments || e.Epoch != epoch || !e.Stored.Equal(noon()) {
			t.Errorf("event %d is %+v", i, e)
		}
	}
}

func choice(t *testing.T, open func() service.Store) {
	s := open()
	add(t, s, tid(1), fleet.Payments, noon(), batch(1, 4))
	add(t, s, tid(1), fleet.Alerts, noon().Add(time.Hour), batch(1, 2))
	add(t, s, tid(2), fleet.Alerts, noon().Add(2*time.Hour), batch(1, 1))
	all := must(s.Events(t.Context(), service.EventFilter{Limit: 100}))
	if len(all) != 7 {
		t.Fatalf("%d of 7 events", len(all))
	}
	for name, c := range map[string]struct {
		filter service.EventFilter
		want   int
		first  int64
	}{
		"the newest first":        {service.EventFilter{Latest: true, Limit: 3}, 3, all[6].ID},
		"before one, backwards":   {service.EventFilter{Latest: true, After: all[2].ID, Limit: 9}, 2, all[1].ID},
		"behind one":              {service.EventFilter{After: all[4].ID, Limit: 9}, 2, all[5].ID},
		"of a terminal":           {service.EventFilter{TID: tid(2), Limit: 9}, 1, all[6].ID},
		"of two streams":          {service.EventFilter{Stream: []fleet.Stream{fleet.Alerts, fleet.Audits}, Limit: 9}, 3, all[4].ID},
		"since a time":            {service.EventFilter{Since: noon().Add(90 * time.Minute), Limit: 9}, 1, all[6].ID},
		"nothing":                 {service.EventFilter{TID: tid(3), Limit: 9}, 0, 0},
		"of a stream and as many": {service.EventFilter{Stream: []fleet.Stream{fleet.Payments}, Limit: 2}, 2, all[0].ID},
	} {
		got := must(s.Events(t.Context(), c.filter))
		if len(got) != c.want || len(got) > 0 && got[0].ID != c.first {
			t.Errorf("%s: %d events beginning with %v, want %d beginning with %d", name, len(got), got, c.want, c.first)
		}
	}
}

func commands(t *testing.T, open func() service.Store) {
	s := open()
	if _, err := s.Command(t.Context(), "01KAFN00000000000000000001"); !errors.Is(err, service.ErrUnknown) {
		t.Errorf("an unknown command: %v", err)
	}
	made := func(n int, id fleet.TID, status service.Status) service.Command {
		return service.Command{Order: fleet.Command{Claims: fleet.Claims{Jti: fmt.Sprintf("01KAFN0000000000000000000%d", n), Aud: id}, Name: "ping"}, Status: status, Made: noon().Add(time.Duration(n) * time.Second)}
	}
	change(t, s, func(ctx context.Context, tx service.Tx) error {
		return errors.Join(tx.SaveCommand(ctx, made(1, tid(1), service.Sent)), tx.SaveCommand(ctx, made(2, tid(2), service.Waiting)), tx.SaveCommand(ctx, made(3, tid(1), service.Waiting)))
	})
	change(t, s, func(ctx context.Context, tx service.Tx) error {
		return tx.SaveCommand(ctx, made(1, tid(1), service.Status(fleet.Succeeded)))
	})
	for name, c := range map[string]struct {
		filter service.CommandFilter
		want   string
	}{
		"all, the newest first": {service.CommandFilter{Limit: 9}, "321"},
		"of a terminal":         {service.CommandFilter{TID: tid(1), Limit: 9}, "31"},
		"open":                  {service.CommandFilter{Open: true, Limit: 9}, "32"},
		"open of a terminal":    {service.CommandFilter{TID: tid(1), Open: true, Limit: 9}, "3"},
		"one":                   {service.CommandFilter{Limit: 1}, "3"},
	} {
		got := ""
		for _, one := range must(s.Commands(t.Context(), c.filter)) {
			got += one.Order.Jti[25:]
		}
		if got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
	if c := must(s.Command(t.Context(), "01KAFN00000000000000000001")); c.Status != service.Status(fleet.Succeeded) || c.Order.Aud != tid(1) {
		t.Errorf("read back as %+v", c)
	}
}

func rollouts(t *testing.T, open func() service.Store) {
	s := open()
	if _, err := s.Rollout(t.Context(), "x"); !errors.Is(err, service.ErrUnknown) {
		t.Errorf("an unknown rollout: %v", err)
	}
	change(t, s, func(ctx context.Context, tx service.Tx) error {
		return errors.Join(tx.SaveRollout(ctx, service.Rollout{ID: "A", State: service.RolloutRunning}), tx.SaveRollout(ctx, service.Rollout{ID: "B"}),
			tx.SaveRollout(ctx, service.Rollout{ID: "A", State: service.RolloutDone}),
			tx.SaveMembers(ctx, []service.Member{{Rollout: "A", TID: tid(2), Ring: 1}, {Rollout: "A", TID: tid(3)}, {Rollout: "B", TID: tid(1)}, {Rollout: "A", TID: tid(1), Ring: 1}}),
			tx.SaveMembers(ctx, []service.Member{{Rollout: "A", TID: tid(2), Ring: 1, Status: service.MemberDone}}))
	})
	if list := must(s.Rollouts(t.Context(), 1)); len(list) != 1 || list[0].ID != "B" {
		t.Errorf("the newest is %v", list)
	}
	if r := must(s.Rollout(t.Context(), "A")); r.State != service.RolloutDone {
		t.Errorf("read back as %+v", r)
	}
	got := ""
	for _, m := range must(s.Members(t.Context(), "A")) {
		got += fmt.Sprint(m.Ring, m.TID, m.Status, " ")
	}
	if want := fmt.Sprint("0", tid(3), " ", "1", tid(1), " ", "1", tid(2), "done "); got != want {
		t.Errorf("members %q, want %q", got, want)
	}
}

var errTest = errors.New("no")

func whole(t *testing.T, open func() service.Store) {
	s := open()
	err := s.Change(t.Context(), []string{"x"}, func(tx service.Tx) error {
		if err := tx.SaveTerminal(t.Context(), service.Terminal{TID: tid(1)}); err != nil {
			return err
		}
		if _, err := tx.AddEvents(t.Context(), tid(1), fleet.Audits, epoch, noon(), batch(1, 2)); err != nil {
			return err
		}
		return errTest
	})
	if !errors.Is(err, errTest) {
		t.Errorf("a change that fails answers %v", err)
	}
	if _, err := s.Terminal(t.Context(), tid(1)); !errors.Is(err, service.ErrUnknown) {
		t.Errorf("a part of it is there: %v", err)
	}
	if list := must(s.Events(t.Context(), service.EventFilter{Limit: 9})); len(list) != 0 {
		t.Errorf("%d of its events are there", len(list))
	}
}

// turns counts up one row from many sides: none may read what another is changing.
func turns(t *testing.T, open func() service.Store) {
	sides := []service.Store{open(), open()}
	lock := []string{service.LockOf(tid(1)), service.LockOf(tid(2))}
	const each = 20
	var all sync.WaitGroup
	for i := range 4 {
		s, mine := sides[i%2], []string{lock[i%2], lock[1-i%2]}
		all.Go(func() {
			for range each {
				err := s.Change(t.Context(), mine, func(tx service.Tx) error {
					row, err := tx.Terminal(t.Context(), tid(1))
					if err != nil && !errors.Is(err, service.ErrUnknown) {
						return err
					}
					row.TID, row.Seq.Ack = tid(1), row.Seq.Ack+1
					return tx.SaveTerminal(t.Context(), row)
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if row := must(sides[0].Terminal(t.Context(), tid(1))); row.Seq.Ack != 4*each {
		t.Errorf("%d changes of %d hold", row.Seq.Ack, 4*each)
	}
}

func items(t *testing.T, open func() service.Store) {
	s := open()
	item := func(key, value string) agent.FleetItem { return agent.FleetItem{Key: key, Value: []byte(value)} }
	if err := s.Save(t.Context(), item("claim/b", "2"), item("claim/a", "1"), item("cert/a", "\x00\xff"), item("claim/c", "")); err != nil {
		t.Fatal(err)
	}
	if err := s.Save(t.Context(), item("claim/a", "3"), agent.FleetItem{Key: "claim/b"}); err != nil {
		t.Fatal(err)
	}
	list := must(s.Load(t.Context(), "claim/", "", 9))
	if len(list) != 2 || list[0].Key != "claim/a" || string(list[0].Value) != "3" || list[1].Key != "claim/c" || list[1].Value == nil {
		t.Errorf("the claims are %v", list)
	}
	if list := must(s.Load(t.Context(), "claim/", "claim/a", 1)); len(list) != 1 || list[0].Key != "claim/c" {
		t.Errorf("behind the first: %v", list)
	}
	if list := must(s.Load(t.Context(), "cert/", "", 9)); len(list) != 1 || !bytes.Equal(list[0].Value, []byte("\x00\xff")) {
		t.Errorf("bytes come back as %v", list)
	}
}

func pruning(t *testing.T, open func() service.Store) {
	s := open()
	add(t, s, tid(1), fleet.Audits, noon(), batch(1, 3))
	add(t, s, tid(1), fleet.Audits, noon().Add(time.Hour), batch(4, 5))
	change(t, s, func(ctx context.Context, tx service.Tx) error {
		old := service.Command{Order: fleet.Command{Claims: fleet.Claims{Jti: "01KAFN00000000000000000001", Aud: tid(1)}}, Made: noon()}
		open := old
		old.Status, open.Status, open.Order.Jti = service.Cancelled, service.Waiting, "01KAFN00000000000000000002"
		return errors.Join(tx.SaveCommand(ctx, old), tx.SaveCommand(ctx, open))
	})
	first, second := must(s.Prune(t.Context(), noon().Add(time.Minute), 2)), must(s.Prune(t.Context(), noon().Add(time.Minute), 9))
	if first != 2 || second != 2 {
		t.Errorf("%d and %d rows were forgotten, want 2 and 2", first, second)
	}
	if list := must(s.Events(t.Context(), service.EventFilter{Limit: 9})); len(list) != 2 || list[0].Event.Sequence != 4 {
		t.Errorf("left are %v", list)
	}
	if list := must(s.Commands(t.Context(), service.CommandFilter{Limit: 9})); len(list) != 1 || list[0].Status != service.Waiting {
		t.Errorf("of the commands are left %v", list)
	}
}

func again(t *testing.T, open func() service.Store) {
	s := open()
	add(t, s, tid(1), fleet.Audits, noon(), batch(1, 3))
	s = open()
	if list := must(s.Events(t.Context(), service.EventFilter{Limit: 9})); len(list) != 3 {
		t.Errorf("%d of 3 events are there", len(list))
	}
	if n := add(t, s, tid(1), fleet.Audits, noon(), batch(3, 4)); n != 1 {
		t.Errorf("%d are new, want 1", n)
	}
}
