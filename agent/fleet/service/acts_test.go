package service_test

import (
	"encoding/json"
	"testing"
	"time"

	"tillwire/agent/fleet"
)

// acts sends acts of the audit stream, from a sequence on.
func (m *machine) acts(from uint64, acts ...fleet.Act) {
	var list []uint64
	for n := range acts {
		list = append(list, from+uint64(n))
	}
	batch := batchOf(fleet.Audits, m.epoch, list...)
	for n, a := range acts {
		batch.Events[n].Data, _ = json.Marshal(a) // texts and numbers
	}
	m.b.hub.say(m.tid, fleet.Audits.Channel(), batch)
	m.b.pass(0)
}

func TestAJournalThatIsNotWhatItWasIsFound(t *testing.T) {
	act := func(row int64, hash string, prev int64, prevHash string) fleet.Act {
		return fleet.Act{Row: row, Life: "one", Hash: hash, PrevRow: prev, PrevHash: prevHash, Actor: "owner", Action: "setting", Object: "shop.name"}
	}
	other := act(7, "x7", 0, "")
	other.Life = "two"
	for name, c := range map[string]struct {
		parts [][]fleet.Act
		from  []uint64
		found string
	}{
		"it goes on":                 {[][]fleet.Act{{act(10, "a10", 0, ""), act(12, "a12", 10, "a10")}, {act(15, "a15", 12, "a12")}}, []uint64{1, 3}, ""},
		"told twice":                 {[][]fleet.Act{{act(10, "a10", 0, "")}, {act(12, "a12", 10, "a10")}, {act(10, "a10", 0, "")}}, []uint64{1, 2, 1}, ""},
		"one came late":              {[][]fleet.Act{{act(10, "a10", 0, "")}, {act(15, "a15", 12, "a12")}, {act(12, "a12", 10, "a10")}}, []uint64{1, 3, 2}, ""},
		"what was before is gone":    {[][]fleet.Act{{act(10, "a10", 0, "")}, {act(12, "a12", 0, "")}}, []uint64{1, 2}, ""},
		"put back from a copy":       {[][]fleet.Act{{act(10, "a10", 0, "")}, {other}}, []uint64{1, 2}, ""},
		"an agent that does not say": {[][]fleet.Act{{{Row: 3}, {Row: 2}}}, []uint64{1}, ""},
		"an act was written anew":    {[][]fleet.Act{{act(10, "a10", 0, "")}, {act(12, "b12", 10, "b10")}}, []uint64{1, 2}, "chain "},
		"in one part":                {[][]fleet.Act{{act(10, "a10", 0, ""), act(12, "b12", 10, "b10")}}, []uint64{1}, "chain "},
		"its end was cut off":        {[][]fleet.Act{{act(10, "a10", 0, ""), act(12, "a12", 10, "a10")}, {act(11, "b11", 10, "a10")}}, []uint64{1, 3}, "chain "},
	} {
		t.Run(name, func(t *testing.T) {
			inBureau(t, func(b *bureau) {
				m := b.machine(1)
				m.connect()
				for n, part := range c.parts {
					m.acts(c.from[n], part...)
				}
				if got := b.found(m.tid); got != c.found {
					t.Errorf("found %q, want %q", got, c.found)
				}
			})
		})
	}
}

// What a state tells of a terminal that is there is counted for whoever watches.
func TestTheOverviewCountsWhatHasWaitedTooLong(t *testing.T) {
	inBureau(t, func(b *bureau) {
		tell := func(m *machine, r fleet.Report) {
			m.connect()
			r.V, r.Sess, r.At, r.Selling, r.Line.State = fleet.Wire, m.sess, fleet.At(time.Now()), true, "online"
			b.hub.say(m.tid, fleet.UpState, r)
			b.pass(0)
		}
		clock := fleet.ClockReport{Quality: fleet.Synced}
		tell(b.machine(1), fleet.Report{Clock: clock, Queue: fleet.QueueReport{OldestS: 1799}, Outbox: []fleet.OutboxReport{{Stream: fleet.Payments, Rows: 3, OldestS: 599}}})
		tell(b.machine(2), fleet.Report{Clock: clock, Queue: fleet.QueueReport{OldestS: 1801}})
		tell(b.machine(3), fleet.Report{Clock: clock, Outbox: []fleet.OutboxReport{{Stream: fleet.Audits, Rows: 3, OldestS: 601}, {Stream: fleet.Payments, Rows: 1, OldestS: 5}}})
		tell(b.machine(4), fleet.Report{Clock: fleet.ClockReport{Quality: fleet.Unknown}})
		if o := must(b.svc.Overview(t.Context())); o.QueueOld != 1 || o.Unacked != 1 || o.ClockDoubt != 1 {
			t.Errorf("counted: %d, %d, %d", o.QueueOld, o.Unacked, o.ClockDoubt)
		}
		for n := range 4 {
			m := b.machine(n + 1)
			m.sess = 1
			m.present(fleet.StateOffline)
		}
		if o := must(b.svc.Overview(t.Context())); o.QueueOld+o.Unacked+o.ClockDoubt != 0 {
			t.Errorf("of terminals that are off: %d, %d, %d", o.QueueOld, o.Unacked, o.ClockDoubt)
		}
	})
}
