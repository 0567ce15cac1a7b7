package service

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/oklog/ulid/v2"

	"tillwire/agent"
	"tillwire/agent/fleet"
)

// Options are what a service is made with. All but Log and Meter are required.
type Options struct {
	Name   string // the issuer of everything it signs
	Store  Store
	Broker Broker
	Keys   Keys
	Clock  agent.Clock
	Log    *slog.Logger
	Meter  Meter
}

// Meter counts what happens, for whoever exposes it.
type Meter interface {
	// Took counts messages of a channel that were stored, and refused ones with the
	// channel "refused".
	Took(channel fleet.Channel, n int)
	// Committed tells how many messages went into one commit and how long it took.
	Committed(messages int, took time.Duration)
	// Ended tells how a command ended and how long after it was made.
	Ended(name string, status Status, took time.Duration)
}

// Service is the office's side of a fleet. Its methods may be called from
// anywhere, also while Run does not run: what they change is sent when it does.
type Service struct {
	opt   Options
	heard chan fleet.Heard
	kick  chan struct{} // something may be due
	live  atomic.Bool   // there is a connection to the broker

	mu    sync.Mutex
	cause error         // why there is no connection
	news  chan struct{} // closed when something was stored; watchers take a new one

	scanned uint64        // the version of the key set, plus one, after which nobody is behind; 0: look
	rolled  time.Duration // Mono of the last look at rollouts; 0: none
}

// heardMost is how many messages may wait for a commit.
const heardMost = 1024

// New makes a service; nothing is opened.
func New(opt Options) *Service {
	if opt.Log == nil {
		opt.Log = slog.New(slog.DiscardHandler)
	}
	opt.Log = opt.Log.With("comp", "fleet-service")
	if opt.Meter == nil {
		opt.Meter = nobody{}
	}
	return &Service{opt: opt, heard: make(chan fleet.Heard, heardMost), kick: make(chan struct{}, 1), news: make(chan struct{})}
}

type nobody struct{}

func (nobody) Took(fleet.Channel, int)             {}
func (nobody) Committed(int, time.Duration)        {}
func (nobody) Ended(string, Status, time.Duration) {}

// How often the service looks at what is due, and tidies.
const (
	tendEvery  = time.Second
	tidyEvery  = time.Hour
	keepEvents = 400 * 24 * time.Hour // thirteen months, as auditors ask
	pruneRows  = 5000
)

// Run serves until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	parts.Go(func() { s.work(ctx) })
	parts.Go(func() { s.follow(ctx) })
	err := s.opt.Broker.Run(ctx, func(m fleet.Heard) {
		select {
		case s.heard <- m:
		case <-ctx.Done(): // not acknowledged, so it comes again
		}
	}, s.connection)
	parts.Wait()
	return err
}

// connection notes that there is a way to the terminals, or none.
func (s *Service) connection(up bool, err error) {
	s.mu.Lock()
	s.cause = err
	s.mu.Unlock()
	if was := s.live.Swap(up); was != up {
		s.opt.Log.Info("the way to the broker", "code", "broker", "up", up, "err", err)
	}
	s.soon()
}

// Connected reports whether there is a connection to the broker, and why not.
func (s *Service) Connected() (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.live.Load(), s.cause
}

// soon has the service look at what is due without waiting for its time.
func (s *Service) soon() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// News answers a channel that is closed once something new was stored.
func (s *Service) News() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.news
}

func (s *Service) tell() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.news)
	s.news = make(chan struct{})
}

// follow looks at what is due until ctx ends. What fails is logged and due again.
func (s *Service) follow(ctx context.Context) {
	tidied := -tidyEvery
	for ctx.Err() == nil {
		if err := s.Tend(ctx); err != nil && ctx.Err() == nil {
			s.opt.Log.Warn("what is due could not be looked at", "code", "tend", "err", err)
		}
		if now := s.opt.Clock.Mono(); now-tidied >= tidyEvery {
			tidied = now
			if n, err := s.opt.Store.Prune(ctx, s.opt.Clock.Now().Add(-keepEvents), pruneRows); err != nil || n > 0 {
				s.opt.Log.Info("old rows were forgotten", "code", "prune", "rows", n, "err", err)
			}
		}
		select {
		case <-ctx.Done():
		case <-s.kick:
		case <-s.opt.Clock.After(tendEvery):
		}
	}
}

// Tend does once what is due: commands, key sets, rollouts.
func (s *Service) Tend(ctx context.Context) error {
	return errors.Join(s.tendCommands(ctx), s.tendRetained(ctx), s.tendRollouts(ctx))
}

// id is a new ULID.
func (s *Service) id() string {
	return ulid.MustNew(ulid.Timestamp(s.opt.Clock.Now()), rand.Reader).String()
}

// claims are those of a document that begins now.
func (s *Service) claims(tid fleet.TID, seq uint64, life time.Duration) fleet.Claims {
	now := s.opt.Clock.Now()
	return fleet.Claims{Aud: tid, Iss: s.opt.Name, Iat: fleet.At(now), Exp: fleet.At(now.Add(life)), Jti: s.id(), Seq: seq}
}

// publish signs a document and brings it on its way. That it cannot be sent now
// is no error of anybody's: whatever matters is due again.
func (s *Service) publish(ctx context.Context, tid fleet.TID, c fleet.Channel, kind string, document any) error {
	raw, err := s.opt.Keys.Seal(kind, document)
	if err != nil {
		return err
	}
	return s.opt.Broker.Publish(ctx, tid, fleet.Message{Channel: c, Payload: raw})
}

// unsent logs what could not be sent.
func (s *Service) unsent(what string, tid fleet.TID, err error) {
	if err != nil && !errors.Is(err, fleet.ErrOffline) && !errors.Is(err, context.Canceled) {
		s.opt.Log.Warn("a document was not sent", "code", "unsent", "what", what, "tid", string(tid), "err", err)
	}
}
