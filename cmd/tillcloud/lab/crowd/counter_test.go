package crowd_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"tillwire/agent"
	"tillwire/agent/web"
	"tillwire/agent/words"
	"tillwire/cmd/tillcloud/lab"
	"tillwire/offline"
)

// sentences reads every language once; the pages of all shops share them.
var sentences = sync.OnceValues(words.New)

// The tills, and the managers with their PINs.
const (
	address  = "127.0.0.1:8080"
	firstPIN = "428571"
	otherPIN = "857142"
)

func tokens() map[string]string {
	return map[string]string{"left": "left-0123456789abcdef0123456789abcdef", "right": "right-0123456789abcdef0123456789abcdef"}
}

// counter is a shop with its local API on a network in memory.
type counter struct {
	*lab.Shop
	clock *lab.Clock
	wires *lab.Network
	http  *http.Client

	ticks atomic.Int64 // orders calls and answers of all clients
	lives atomic.Int64 // how often the power was cut and came back

	mu   sync.Mutex
	web  *web.Server
	srv  *http.Server
	done chan struct{}
}

// tick is the next moment. Moments of all clients are different, so that porcupine
// knows of any two calls whether one ended before the other began.
func (c *counter) tick() int64 { return c.ticks.Add(1) }

func newCounter(ctx context.Context, o lab.Options) (*counter, error) {
	s, err := lab.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	c := &counter{Shop: s, clock: o.Clock, wires: lab.NewNetwork()}
	// Each call on a connection of its own: nothing is tried again behind our back.
	c.http = &http.Client{Transport: &http.Transport{DialContext: c.wires.Dial, DisableKeepAlives: true}}
	for id, pin := range map[string]string{"mia": firstPIN, "ned": otherPIN} {
		err = errors.Join(err, s.Store().SavePerson(ctx, agent.Person{ID: id, Name: id, Role: agent.RoleManager, Secret: "hash:" + pin, Created: c.clock.Now()}))
	}
	return c, errors.Join(err, c.serve(ctx))
}

// serve starts the local API of the running agent.
func (c *counter) serve(ctx context.Context) error {
	w, err := sentences()
	if err != nil {
		return err
	}
	store := pages{c.Store()}
	server, err := web.New(web.Options{Version: "lab", Shop: "The laboratory", Tokens: tokens(), Counter: c.Till(), Store: store,
		Feed: c.Feed(), Clock: c.clock, Words: w, Secrets: plain{}})
	if err != nil {
		return err
	}
	if err := server.Boot(ctx); err != nil {
		return err
	}
	l, err := c.wires.Listen("tcp", address)
	if err != nil {
		return err
	}
	h := server.HTTP()
	h.ErrorLog = log.New(io.Discard, "", 0)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.web, c.srv, c.done = server, h, make(chan struct{})
	go func(done chan struct{}) {
		defer close(done)
		_ = h.Serve(l)
	}(c.done)
	return nil
}

// hangUp ends the local API and every call on it.
func (c *counter) hangUp() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.web.Close()
	err := errors.Join(c.srv.Close(), c.wires.Sever())
	<-c.done
	return err
}

// restart cuts the power and brings it back. What was under way has happened or has
// not when it returns; nobody has heard which.
func (c *counter) restart(ctx context.Context) error {
	c.PowerOff()
	err := errors.Join(c.hangUp(), c.Bury())
	c.lives.Add(1)
	if err := errors.Join(err, c.PowerOn(ctx)); err != nil {
		return err
	}
	return c.serve(ctx)
}

func (c *counter) close() error { return errors.Join(c.hangUp(), c.Close()) }

// pause lets virtual time pass.
func (c *counter) pause(d time.Duration) {
	if d > 0 {
		<-c.clock.After(d)
	}
}

// plain keeps PINs readable: a slow hash is not what this campaign is about.
type plain struct{}

func (plain) Hash(_ context.Context, secret string) (string, error) { return "hash:" + secret, nil }

func (plain) Verify(_ context.Context, stored, secret string) (bool, error) {
	return stored == "hash:"+secret, nil
}

// pages is the store in the words of the pages, as the agent binds it.
type pages struct{ *offline.Store }

func (s pages) Audits(ctx context.Context, limit int) ([]agent.Audit, error) {
	entries, err := s.Store.Audits(ctx, 0, limit)
	list := make([]agent.Audit, 0, len(entries))
	for _, e := range entries {
		list = append(list, e.Audit)
	}
	return list, err
}

func (s pages) TotalsByHour(ctx context.Context, from, to time.Time) ([]web.HourTotals, error) {
	sums, err := s.Store.TotalsByHour(ctx, from, to)
	list := make([]web.HourTotals, 0, len(sums))
	for _, t := range sums {
		list = append(list, web.HourTotals(t))
	}
	return list, err
}

func (s pages) Losses(ctx context.Context) ([]web.Loss, error) {
	sums, err := s.Store.Losses(ctx)
	list := make([]web.Loss, 0, len(sums))
	for _, l := range sums {
		list = append(list, web.Loss(l))
	}
	return list, err
}

func (s pages) Rows(ctx context.Context, f agent.Filter, each func(web.PaymentRow) error) error {
	return s.Store.Rows(ctx, f, func(r offline.Row) error { return each(web.PaymentRow(r)) })
}
