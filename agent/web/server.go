package web

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"tillwire/agent"
)

// store is everything the pages keep and read; each part is declared beside the
// code that uses it.
type store interface {
	payments
	offlineStore
	people
	sessionStore
	auditLog
	shifts
	seconds
	keeper
}

// Server answers the local pages and the local API.
type Server struct {
	Options
	gate      *gate
	approvals *approvals
	idle      *idleness
	audits    *auditor
	status    statusCache
	wire      wire
	seats     seats
	paired    *pairings

	enrolments enrolments
	assets     *assets
	pages      *pages
	claim      *claim

	streams slots
	exports slots
	done    chan struct{} // closed when the listener shuts down
	once    sync.Once
	began   time.Duration // Mono at the start, for /livez
}

// New returns a server; the error says which required option is missing.
func New(opt Options) (*Server, error) {
	if opt.Store == nil || opt.Feed == nil || opt.Clock == nil || opt.Words == nil || opt.Secrets == nil {
		return nil, errors.New("web: Store, Feed, Clock, Words and Secrets are required")
	}
	opt.defaults()
	s := &Server{Options: opt, done: make(chan struct{}), streams: slots{max: maxStreams}, exports: slots{max: exports}, began: opt.Clock.Mono()}
	s.wire.made = map[wireKey][]byte{}
	s.gate = newGate(opt.Store, opt.Clock, opt.Secrets)
	s.approvals = &approvals{clock: opt.Clock, open: map[string]approval{}}
	s.seats.clock, s.seats.held, s.enrolments.open = opt.Clock, map[string]*seat{}, map[string]enrolment{}
	s.paired = newPairings(opt.Store, opt.Clock)
	s.idle = &idleness{clock: opt.Clock, seen: map[string]time.Duration{}, saved: map[string]time.Duration{}}
	s.audits = &auditor{log: opt.Log, clock: opt.Clock, store: opt.Store, last: map[string]time.Duration{}}
	var err error
	if s.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if s.pages, err = loadPages(s); err != nil {
		return nil, err
	}
	if opt.Setup != nil {
		s.claim = newClaim(opt.Setup, opt.Clock)
	}
	return s, nil
}

// Boot looks whether the terminal was set up and, when it was not, makes the
// first claim code. Call it once, when the store is open.
func (s *Server) Boot(ctx context.Context) error {
	if s.claim == nil {
		return nil
	}
	owned, err := s.owned(ctx)
	if err != nil || owned {
		return err
	}
	s.claim.renew()
	return nil
}

// Handler returns everything behind one handler, in this order:
// host, headers, sizes, origin, then session, role and the page or call itself.
func (s *Server) Handler() http.Handler { return s.guard(s.routes(), s.ownHost) }

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	s.routeAPI(mux)
	s.routePages(mux)
	s.routeHealth(mux)
	s.routeTill(mux)
	return mux
}

// HTTP returns a server for the listener, with limits against clients that send
// or read too slowly. Streams lift the limits for themselves.
func (s *Server) HTTP() *http.Server {
	h := limited(s.Handler())
	h.RegisterOnShutdown(s.Close)
	return h
}

func limited(handler http.Handler) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    16 << 10,
	}
}

// Close ends the event streams, so that a listener can shut down. It may be
// called more than once.
func (s *Server) Close() { s.once.Do(func() { close(s.done) }) }

// lane finds a register by its id.
func (s *Server) lane(id string) (agent.LaneInfo, error) {
	if s.Counter != nil {
		for _, l := range s.Counter.Lanes() {
			if l.ID == id {
				return l, nil
			}
		}
	}
	return agent.LaneInfo{}, &agent.Error{Op: "find lane", Class: agent.NotFound, Code: agent.CodeLaneUnknown,
		Say: agent.Sentence{ID: "error.lane_unknown", Args: []string{id}, English: "There is no lane \"" + id + "\". See GET /api/v1/status for the lanes of this terminal."}}
}
