package service

import (
	"context"
	"time"

	"tillwire/agent/fleet"
)

// Sheet is everything about one terminal that answers why its shop has called.
type Sheet struct {
	Row      Row                `json:"terminal"`
	Session  Session            `json:"session"`
	Boots    []Boot             `json:"boots"`
	Found    []Finding          `json:"found"`
	Report   *fleet.Report      `json:"state"` // nil: it has told none yet
	Beat     *fleet.Beat        `json:"beat"`
	Config   fleet.ConfigReport `json:"config"`
	Desired  *Desired           `json:"desired"`
	Job      *JobRow            `json:"job"`
	Commands []Command          `json:"commands"` // the newest first
	Alerts   []StoredEvent      `json:"alerts"`
	Acts     []StoredEvent      `json:"acts"`
	Payments []StoredEvent      `json:"payments"`
}

// How much of each a sheet holds.
const (
	sheetCommands = 8
	sheetEvents   = 8
)

// Sheet answers everything about one terminal.
func (s *Service) Sheet(ctx context.Context, tid fleet.TID) (sheet Sheet, err error) {
	store := s.opt.Store
	t, err := store.Terminal(ctx, tid)
	if err != nil {
		return sheet, s.noTerminal(tid, err)
	}
	sheet = Sheet{Row: t.Row(s.opt.Clock.Now()), Session: t.Session, Boots: t.Boots, Found: t.Found, Config: t.Config}
	for _, load := range []func() error{
		func() error { sheet.Report, err = readPaper[fleet.Report](ctx, store, tid, PaperState); return err },
		func() error { sheet.Beat, err = readPaper[fleet.Beat](ctx, store, tid, PaperBeat); return err },
		func() error { sheet.Desired, err = readPaper[Desired](ctx, store, tid, PaperDesired); return err },
		func() error { sheet.Job, err = readPaper[JobRow](ctx, store, tid, PaperJob); return err },
		func() error {
			sheet.Commands, err = store.Commands(ctx, CommandFilter{TID: tid, Limit: sheetCommands})
			return err
		},
	} {
		if err := load(); err != nil {
			return sheet, err
		}
	}
	for stream, into := range map[fleet.Stream]*[]StoredEvent{fleet.Alerts: &sheet.Alerts, fleet.Audits: &sheet.Acts, fleet.Payments: &sheet.Payments} {
		*into, err = store.Events(ctx, EventFilter{TID: tid, Stream: []fleet.Stream{stream}, Latest: true, Limit: sheetEvents})
		if err != nil {
			return sheet, err
		}
	}
	return sheet, nil
}

// Choose lists the names that a filter chooses.
func (s *Service) Choose(ctx context.Context, f Filter) (tids []fleet.TID, err error) {
	now := s.opt.Clock.Now()
	err = s.Each(ctx, func(t Terminal) bool {
		if f.Matches(t, now) {
			tids = append(tids, t.TID)
		}
		return true
	})
	return tids, err
}

// Overview is the fleet at a glance.
type Overview struct {
	Name      string           `json:"name"`
	At        time.Time        `json:"at"`
	Connected bool             `json:"connected"` // the service to its broker
	Why       string           `json:"why,omitempty"`
	Terminals int              `json:"terminals"`
	Standing  map[Standing]int `json:"standing"`
	Versions  map[string]int   `json:"versions"`
	Troubled  int              `json:"troubled"` // terminals with some trouble
	InDoubt   int              `json:"in_doubt"` // payments
	// Terminals of those that are there: with something that has waited too long though
	// the line is up, with events that the office should have had long ago, and with a
	// clock that nobody confirms.
	QueueOld   int `json:"queue_old"`
	Unacked    int `json:"unacked"`
	ClockDoubt int `json:"clock_unknown"`

	Found    map[Kind]int    `json:"found"`
	Rollouts []Rollout       `json:"rollouts"` // those that run or stopped by themselves lately
	Keys     uint64          `json:"keys"`     // version of the key set; 0: there is none
	Ages     []time.Duration `json:"-"`        // since each terminal that should be there was heard
}

// Overview counts the fleet.
func (s *Service) Overview(ctx context.Context) (o Overview, err error) {
	o = Overview{Name: s.opt.Name, At: s.opt.Clock.Now(), Standing: map[Standing]int{}, Versions: map[string]int{}, Found: map[Kind]int{}}
	up, cause := s.Connected()
	if o.Connected = up; !up && cause != nil {
		o.Why = cause.Error()
	}
	_, o.Keys = s.opt.Keys.Set()
	err = s.Each(ctx, func(t Terminal) bool {
		standing := t.Standing(o.At)
		o.Terminals++
		o.Standing[standing]++
		if standing == StandingRetired {
			return true
		}
		o.Versions[t.version()]++
		o.InDoubt += t.Summary.Queue.InDoubt
		if !t.Clear(o.At) {
			o.Troubled++
		}
		for _, f := range t.Found {
			o.Found[f.Kind]++
		}
		if standing == StandingOnline {
			o.look(t.Summary)
		}
		if standing == StandingOnline || standing == StandingStale {
			o.Ages = append(o.Ages, o.At.Sub(t.Heard))
		}
		return true
	})
	if err != nil {
		return o, err
	}
	o.Rollouts, err = s.opt.Store.Rollouts(ctx, rolloutsShown)
	return o, err
}

const rolloutsShown = 10

// unackedTrouble is how long an event may wait at a terminal that is there. One that
// has sent it says so with its next state.
const unackedTrouble = 10 * time.Minute

// look counts what is wrong with a terminal that is there, as it has told last.
func (o *Overview) look(s Summary) {
	if s.At.IsZero() {
		return
	}
	if time.Duration(s.Queue.OldestS)*time.Second > queueTrouble && s.Line == "online" {
		o.QueueOld++
	}
	if time.Duration(s.WaitingS)*time.Second > unackedTrouble {
		o.Unacked++
	}
	if s.Clock.Quality == fleet.Unknown {
		o.ClockDoubt++
	}
}

// Course is a rollout with what became of its terminals.
type Course struct {
	Rollout Rollout                `json:"rollout"`
	Counts  []map[MemberStatus]int `json:"counts"` // by ring
	Members []Member               `json:"members"`
}

// Course answers how a rollout goes.
func (s *Service) Course(ctx context.Context, id string) (Course, error) {
	r, err := s.opt.Store.Rollout(ctx, id)
	if err != nil {
		return Course{}, err
	}
	members, err := s.opt.Store.Members(ctx, id)
	c := Course{Rollout: r, Members: members}
	for ring := range r.Rings {
		c.Counts = append(c.Counts, tally(ringOf(members, ring)))
	}
	return c, err
}

// Rollouts lists the newest rollouts.
func (s *Service) Rollouts(ctx context.Context, limit int) ([]Rollout, error) {
	return s.opt.Store.Rollouts(ctx, limit)
}

// Command answers one command; Commands lists them.
func (s *Service) Command(ctx context.Context, jti string) (Command, error) {
	return s.opt.Store.Command(ctx, jti)
}

// Commands lists commands, the newest first.
func (s *Service) Commands(ctx context.Context, f CommandFilter) ([]Command, error) {
	return s.opt.Store.Commands(ctx, f)
}

// Events lists what terminals told.
func (s *Service) Events(ctx context.Context, f EventFilter) ([]StoredEvent, error) {
	return s.opt.Store.Events(ctx, f)
}

// Desired answers what the office wants of a terminal's settings; nil: nothing.
func (s *Service) Desired(ctx context.Context, tid fleet.TID) (*Desired, error) {
	if _, err := s.opt.Store.Terminal(ctx, tid); err != nil {
		return nil, s.noTerminal(tid, err)
	}
	return readPaper[Desired](ctx, s.opt.Store, tid, PaperDesired)
}
