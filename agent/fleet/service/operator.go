package service

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"tillwire/agent/fleet"
)

// Operator serves what operators do, as HTTP and JSON, to whoever may open the
// socket it is put behind. actor answers who asks; it stands in everything that is
// sent to a terminal.
func (s *Service) Operator(actor func(*http.Request) string) http.Handler {
	o := operator{s, actor}
	mux := http.NewServeMux()
	for route, do := range map[string]func(*http.Request) (any, error){
		"GET /v1/overview":                   o.overview,
		"GET /v1/terminals":                  o.rows,
		"GET /v1/terminals/{tid}":            o.sheet,
		"POST /v1/terminals/{tid}":           o.enrol,
		"DELETE /v1/terminals/{tid}":         o.retire,
		"POST /v1/terminals/{tid}/labels":    o.label,
		"DELETE /v1/terminals/{tid}/found":   o.dismiss,
		"GET /v1/terminals/{tid}/config":     o.desired,
		"POST /v1/config":                    o.configure,
		"POST /v1/jobs":                      o.assign,
		"POST /v1/commands":                  o.order,
		"GET /v1/commands":                   o.commands,
		"GET /v1/commands/{jti}":             o.command,
		"POST /v1/commands/{jti}/signatures": o.approve,
		"DELETE /v1/commands/{jti}":          o.cancel,
		"POST /v1/rollouts":                  o.begin,
		"GET /v1/rollouts":                   o.rollouts,
		"GET /v1/rollouts/{id}":              o.course,
		"POST /v1/rollouts/{id}/state":       o.steer,
		"GET /v1/events":                     o.events,
	} {
		mux.HandleFunc(route, func(w http.ResponseWriter, r *http.Request) {
			v, err := do(r)
			Answer(w, v, err)
		})
	}
	mux.HandleFunc("GET /v1/watch", o.watch)
	return mux
}

// Answer writes a value, or an error as the command line reads it: the words, with
// a status by what kind it is.
func Answer(w http.ResponseWriter, v any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		status := http.StatusInternalServerError
		switch {
		case errors.Is(err, ErrUnknown):
			status = http.StatusNotFound
		case errors.Is(err, ErrConflict):
			status = http.StatusConflict
		case errors.Is(err, ErrInvalid):
			status = http.StatusUnprocessableEntity
		}
		w.WriteHeader(status)
		v = map[string]string{"error": plainly(err)}
	}
	_ = json.NewEncoder(w).Encode(v) // the other side is gone when this fails
}

// plainly takes the kind of error off its words: what follows says it better.
func plainly(err error) string {
	text := err.Error()
	for _, kind := range []error{ErrUnknown, ErrConflict, ErrInvalid} {
		text = strings.TrimPrefix(text, kind.Error()+": ")
	}
	return text
}

// ReadBody decodes the body of a request, strictly.
func ReadBody(r *http.Request, v any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, 8<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("%w: the request cannot be read: %w", ErrInvalid, err)
	}
	return nil
}

type operator struct {
	s     *Service
	actor func(*http.Request) string
}

func tidOf(r *http.Request) (fleet.TID, error) {
	tid, err := fleet.ParseTID(r.PathValue("tid"))
	if err != nil {
		return "", fmt.Errorf("%w: %q is no terminal name: it takes 8 to 40 of a-z, 0-9 and -", ErrInvalid, r.PathValue("tid"))
	}
	return tid, nil
}

func (o operator) overview(r *http.Request) (any, error) { return o.s.Overview(r.Context()) }

func (o operator) rows(r *http.Request) (any, error) {
	p, err := PartOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	return o.s.List(r.Context(), FilterOf(r.URL.Query()), p)
}

func (o operator) sheet(r *http.Request) (any, error) {
	tid, err := tidOf(r)
	if err != nil {
		return nil, err
	}
	return o.s.Sheet(r.Context(), tid)
}

// Labelled is the body that enrols or labels a terminal.
type Labelled struct {
	Labels map[string]string `json:"labels"`
}

func (o operator) enrol(r *http.Request) (any, error)  { return o.labels(r, o.s.Enrol) }
func (o operator) label(r *http.Request) (any, error)  { return o.labels(r, o.s.Label) }
func (o operator) retire(r *http.Request) (any, error) { return o.touch(r, o.s.Retire) }

func (o operator) dismiss(r *http.Request) (any, error) {
	return o.touch(r, func(ctx context.Context, tid fleet.TID) error {
		return o.s.Dismiss(ctx, tid, Kind(r.URL.Query().Get("kind")))
	})
}

func (o operator) labels(r *http.Request, do func(context.Context, fleet.TID, map[string]string) error) (any, error) {
	var body Labelled
	if err := ReadBody(r, &body); err != nil {
		return nil, err
	}
	return o.touch(r, func(ctx context.Context, tid fleet.TID) error { return do(ctx, tid, body.Labels) })
}

// touch does something with one terminal and answers its row.
func (o operator) touch(r *http.Request, do func(context.Context, fleet.TID) error) (any, error) {
	tid, err := tidOf(r)
	if err != nil {
		return nil, err
	}
	if err := do(r.Context(), tid); err != nil {
		return nil, err
	}
	t, err := o.s.opt.Store.Terminal(r.Context(), tid)
	return t.Row(o.s.opt.Clock.Now()), err
}

func (o operator) desired(r *http.Request) (any, error) {
	tid, err := tidOf(r)
	if err != nil {
		return nil, err
	}
	want, err := o.s.Desired(r.Context(), tid)
	if err != nil {
		return nil, err
	}
	t, err := o.s.opt.Store.Terminal(r.Context(), tid)
	return Wanted{want, t.Config}, err
}

// Wanted is what the office wants of a terminal's settings and what became of it.
type Wanted struct {
	Desired *Desired           `json:"desired"` // nil: nothing
	Report  fleet.ConfigReport `json:"report"`
}

// Many is the body of what is done to several terminals.
type Many struct {
	TIDs   []fleet.TID       `json:"tids"`
	Change map[string]string `json:"change,omitempty"` // settings
	Ask    *Ask              `json:"ask,omitempty"`
	Job    *JobAsk           `json:"job,omitempty"`
}

// JobAsk is a job as a person asks for it.
type JobAsk struct {
	Type     string          `json:"type"`
	Doc      json.RawMessage `json:"doc"`
	Deadline time.Time       `json:"deadline"`
}

// Outcome is what came of it for one of them.
type Outcome struct {
	TID     fleet.TID `json:"tid"`
	Error   string    `json:"error,omitempty"`
	Command *Command  `json:"command,omitempty"`
	Desired *Desired  `json:"desired,omitempty"`
	Job     *JobRow   `json:"job,omitempty"`
}

// each does something to several terminals; what fails for one does not stop the
// others.
func (o operator) each(r *http.Request, part func(Many) bool, do func(context.Context, fleet.TID, Many, *Outcome) error) (any, error) {
	var body Many
	if err := ReadBody(r, &body); err != nil {
		return nil, err
	}
	if len(body.TIDs) == 0 || !part(body) {
		return nil, fmt.Errorf("%w: name a terminal, and what to do", ErrInvalid)
	}
	list := []Outcome{}
	for _, tid := range body.TIDs {
		if err := r.Context().Err(); err != nil {
			return nil, err // whoever asked is gone, and would have the rest done twice
		}
		out := Outcome{TID: tid}
		if err := do(r.Context(), tid, body, &out); err != nil {
			if len(body.TIDs) == 1 {
				return nil, err
			}
			out.Error = plainly(err)
		}
		list = append(list, out)
	}
	return list, nil
}

func (o operator) configure(r *http.Request) (any, error) {
	who := o.actor(r)
	return o.each(r, func(m Many) bool { return len(m.Change) > 0 }, func(ctx context.Context, tid fleet.TID, m Many, out *Outcome) error {
		want, err := o.s.Configure(ctx, tid, m.Change, who, "")
		out.Desired = &want
		return err
	})
}

func (o operator) order(r *http.Request) (any, error) {
	who := o.actor(r)
	return o.each(r, func(m Many) bool { return m.Ask != nil }, func(ctx context.Context, tid fleet.TID, m Many, out *Outcome) error {
		c, err := o.s.Order(ctx, tid, *m.Ask, who)
		out.Command = &c
		return err
	})
}

func (o operator) assign(r *http.Request) (any, error) {
	who := o.actor(r)
	return o.each(r, func(m Many) bool { return m.Job != nil }, func(ctx context.Context, tid fleet.TID, m Many, out *Outcome) error {
		row, err := o.s.Assign(ctx, tid, m.Job.Type, m.Job.Doc, m.Job.Deadline, who)
		out.Job = &row
		return err
	})
}

func (o operator) command(r *http.Request) (any, error) {
	return o.s.Command(r.Context(), r.PathValue("jti"))
}

func (o operator) commands(r *http.Request) (any, error) {
	q := r.URL.Query()
	return o.s.Commands(r.Context(), CommandFilter{TID: fleet.TID(q.Get("tid")), Open: q.Get("open") != "", Limit: limitOf(q, 100)})
}

// Approval is the body of a signature.
type Approval struct {
	Public    string          `json:"public"` // base64
	Signature fleet.Signature `json:"signature"`
}

func (o operator) approve(r *http.Request) (any, error) {
	var body Approval
	if err := ReadBody(r, &body); err != nil {
		return nil, err
	}
	public, err := base64.StdEncoding.DecodeString(body.Public)
	if err != nil {
		return nil, fmt.Errorf("%w: the public key cannot be read", ErrInvalid)
	}
	return o.s.Approve(r.Context(), r.PathValue("jti"), ed25519.PublicKey(public), body.Signature, o.actor(r))
}

func (o operator) cancel(r *http.Request) (any, error) {
	return o.s.Cancel(r.Context(), r.PathValue("jti"), o.actor(r))
}

func (o operator) begin(r *http.Request) (any, error) {
	var plan Plan
	if err := ReadBody(r, &plan); err != nil {
		return nil, err
	}
	return o.s.Begin(r.Context(), plan, o.actor(r))
}

func (o operator) rollouts(r *http.Request) (any, error) {
	return o.s.Rollouts(r.Context(), limitOf(r.URL.Query(), 50))
}

func (o operator) course(r *http.Request) (any, error) {
	return o.s.Course(r.Context(), r.PathValue("id"))
}

func (o operator) steer(r *http.Request) (any, error) {
	var body struct {
		State RolloutState `json:"state"`
	}
	if err := ReadBody(r, &body); err != nil {
		return nil, err
	}
	return o.s.Steer(r.Context(), r.PathValue("id"), body.State, o.actor(r))
}

func (o operator) events(r *http.Request) (any, error) {
	f, err := eventFilterOf(r.URL.Query())
	if err != nil {
		return nil, err
	}
	list, err := o.s.Events(r.Context(), f)
	if list == nil {
		list = []StoredEvent{}
	}
	return list, err
}

// watch answers one happening a line, as they come, until the other side goes.
func (o operator) watch(w http.ResponseWriter, r *http.Request) {
	f, err := eventFilterOf(r.URL.Query())
	began := false
	if err == nil {
		out, flush := json.NewEncoder(w), http.NewResponseController(w)
		err = o.s.Watch(r.Context(), FilterOf(r.URL.Query()), f.TID, f.Stream, func(list []Happening) error {
			if !began {
				began = true
				w.Header().Set("Content-Type", "application/x-ndjson")
			}
			for _, h := range list {
				if err := out.Encode(h); err != nil {
					return err
				}
			}
			return flush.Flush()
		})
	}
	if !began {
		Answer(w, nil, err)
	}
}
