package web

import (
	"cmp"
	"net/http"
	"sync"
	"time"

	"tillwire/agent"
)

// stationHeader carries the name that a register's page has given itself, so that a page
// whose lane was taken over cannot go on by mistake.
const stationHeader = "Tillwire-Station"

// stationQuery is the same name in the address of a stream, which can send no header.
const stationQuery = "station"

// stationOf is the name of the register's page that makes a call; empty for all others.
func stationOf(r *http.Request) string {
	return cmp.Or(r.Header.Get(stationHeader), r.URL.Query().Get(stationQuery))
}

// stationMost is how long such a name may be.
const stationMost = 64

const codeLaneTaken = "lane_taken"

// seatWait is how long a lane that was taken over is kept for a page that does not listen
// yet: its stream comes after a call or two, also on a slow box.
const seatWait = 15 * time.Second

// seats are which browser works at which lane: one at a time, and another one only when
// somebody there takes the lane over. A seat lasts as long as its page listens.
type seats struct {
	clock agent.Clock
	mu    sync.Mutex
	held  map[string]*seat // by lane
}

// seat is one browser's place at a lane.
type seat struct {
	station string
	who     string // name of whoever signed in there
	streams int
	until   time.Duration // Mono up to which it is kept without a stream; 0 once one has come
	by      string        // who has taken it over; set before gone is closed
	gone    chan struct{} // closed when it was taken over
}

func newSeat(station, who string) *seat {
	return &seat{station: station, who: who, gone: make(chan struct{})}
}

// kept reports whether a seat is somebody's.
func (s *seats) kept(now *seat) bool {
	return now != nil && (now.streams > 0 || s.clock.Mono() < now.until)
}

// sit gives a lane to a page that begins to listen, or says who works there.
func (s *seats) sit(lane, station, who string) (mine *seat, other string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.held[lane]
	if s.kept(now) && now.station != station {
		return nil, now.who
	}
	if now == nil || now.station != station {
		now = newSeat(station, who)
		s.held[lane] = now
	}
	now.streams++
	now.who, now.until = who, 0
	return now, ""
}

// rise gives a seat up when its page listens no more.
func (s *seats) rise(lane string, was *seat) {
	if was == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	was.streams--
	if was.streams == 0 && s.held[lane] == was {
		delete(s.held, lane)
	}
}

// take gives a lane to a browser whoever has it, and reports whose it was.
func (s *seats) take(lane, station, who string) (from string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.held[lane]; now != nil {
		if now.station == station {
			return ""
		}
		from, now.by = now.who, who
		close(now.gone)
	}
	next := newSeat(station, who)
	next.until = s.clock.Mono() + seatWait
	s.held[lane] = next
	return from
}

// free reports whether a station may work at a lane.
func (s *seats) free(lane, station string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.held[lane]
	return !s.kept(now) || now.station == station
}

// seated refuses a page that has lost its lane to another browser. Tills and callers
// without a station are not pages.
func (s *Server) seated(r *http.Request, c caller, lane string) error {
	station := r.Header.Get(stationHeader)
	if c.person.ID == "" || station == "" || s.seats.free(lane, station) {
		return nil
	}
	return fail(agent.Conflict, codeLaneTaken, "error.lane_taken", "Another browser works at this register. Take it over first.")
}

// takeLane takes a lane over, on purpose.
func (s *Server) takeLane(w http.ResponseWriter, r *http.Request, c caller) error {
	var body struct {
		Station string `json:"station"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	lane, err := s.lane(r.PathValue("lane"))
	if err != nil {
		return err
	}
	if body.Station == "" || len(body.Station) > stationMost {
		return unreadable("A station has 1 to 64 characters.")
	}
	if from := s.seats.take(lane.ID, body.Station, c.person.Name); from != "" {
		s.audits.note(r.Context(), agent.Audit{Actor: c.client(), Action: "lane_take", Object: "lane " + lane.ID, Detail: "from " + from})
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// sit takes the place at the lane that a page names in its stream's address. A page that
// names none only watches.
func (v *watch) sit() error {
	q := v.r.URL.Query()
	lane, station := q.Get("lane"), q.Get(stationQuery)
	if v.who.person.ID == "" || station == "" || len(station) > stationMost {
		return nil
	}
	if _, err := v.s.lane(lane); err != nil {
		return nil
	}
	var other string
	if v.seat, other = v.s.seats.sit(lane, station, v.who.person.Name); v.seat != nil {
		v.lane, v.gone = lane, v.seat.gone
		return nil
	}
	return v.send(noID, "taken", map[string]any{"lane": lane, "by": other})
}

// outsat tells the page that its lane was taken over.
func (v *watch) outsat() error {
	v.gone = nil
	return v.send(noID, "taken", map[string]any{"lane": v.lane, "by": v.seat.by})
}
