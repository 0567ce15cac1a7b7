package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"syscall"
	"time"

	"tillwire/agent"
	"tillwire/agent/settings"
)

// controlRequest asks the running agent to change settings.
type controlRequest struct {
	Changes []controlChange `json:"changes"`
	By      string          `json:"by"`
}

type controlChange struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

// controlAnswer is what became of it.
type controlAnswer struct {
	Effects map[string]agent.Effect `json:"effects,omitempty"`
	Error   string                  `json:"error,omitempty"`
}

// controlStatus is how the running agent is, for `tillwire check` and `tillwire
// devices`.
type controlStatus struct {
	Version  string               `json:"version"`
	Process  int                  `json:"process"`
	Line     agent.Line           `json:"line"`
	Devices  []agent.DeviceStatus `json:"devices"`
	Problems []agent.Problem      `json:"problems"`
}

// controlHandler serves the settings and the status to the command line on this
// machine.
func controlHandler(book *settings.Book, clock agent.Clock, status func() controlStatus, people func(context.Context) ([]agent.Person, error)) http.Handler {
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, v any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(v) // the other side is gone when this fails
	}
	mux.HandleFunc("GET /settings", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, book.Entries()) })
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, status()) })
	mux.HandleFunc("GET /people", func(w http.ResponseWriter, r *http.Request) {
		list, err := people(r.Context())
		if err != nil {
			answer(w, http.StatusServiceUnavailable, controlAnswer{Error: err.Error()})
			return
		}
		answer(w, http.StatusOK, personRows(list))
	})
	mux.HandleFunc("POST /settings", func(w http.ResponseWriter, r *http.Request) {
		var req controlRequest
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&req); err != nil {
			answer(w, http.StatusBadRequest, controlAnswer{Error: err.Error()})
			return
		}
		effects, err := book.Apply(r.Context(), req.changes(clock.Now()))
		if err != nil {
			answer(w, http.StatusUnprocessableEntity, controlAnswer{Error: err.Error()})
			return
		}
		answer(w, http.StatusOK, controlAnswer{Effects: effects})
	})
	return mux
}

func (r controlRequest) changes(now time.Time) (list []agent.Change) {
	for _, c := range r.Changes {
		list = append(list, agent.Change{Key: c.Key, Value: c.Value, By: r.By, At: now})
	}
	return list
}

// controlHandler is everything that the command line may ask of this agent.
func (d *agentd) controlHandler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", controlHandler(d.book, d.clock, d.controlStatus, d.store.People))
	mux.HandleFunc("POST /reconcile", d.controlReconcile)
	mux.HandleFunc("POST /write-off", d.controlWriteOff)
	mux.HandleFunc("POST /print", d.controlPrint)
	mux.HandleFunc("POST /report", d.controlReport)
	mux.HandleFunc("POST /devices/test", d.controlTest)
	mux.HandleFunc("POST /restart", d.controlRestart)
	return mux
}

// controlRestart assembles the agent anew, for a change of its files.
func (d *agentd) controlRestart(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(controlAnswer{}) // the other side is gone when this fails
	d.fleet.startAnew()
}

// errNotRunning reports that no agent answers at the control socket.
var errNotRunning = errors.New("no agent runs on this data folder")

// askAgent sends one request to the agent that runs on a data folder.
func askAgent(ctx context.Context, data, method string, body, result any) error {
	return askAgentPath(ctx, data, method, "/settings", body, result)
}

// askPatience is how long a running agent may take to answer what it knows at once.
const askPatience = 10 * time.Second

func askAgentPath(ctx context.Context, data, method, path string, body, result any) error {
	return askAgentWithin(ctx, askPatience, data, method, path, body, result)
}

// askAgentWithin is askAgentPath for what takes its time.
func askAgentWithin(ctx context.Context, patience time.Duration, data, method, path string, body, result any) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	res, err := callAgent(ctx, data, method, path, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		return fmt.Errorf("ask the running agent: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		var refused controlAnswer
		if json.Unmarshal(text, &refused) == nil && refused.Error != "" {
			return errors.New(refused.Error)
		}
		return fmt.Errorf("ask the running agent: it answers %s", res.Status)
	}
	return json.Unmarshal(text, result)
}

// callAgent sends one request over the control socket; the answer is the caller's to
// read and close.
func callAgent(ctx context.Context, data, method, path string, body any) (*http.Response, error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(data, controlName))
		}}}
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://agent"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	res, err := client.Do(req)
	switch {
	case errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ECONNREFUSED):
		return nil, errNotRunning
	case err != nil:
		return nil, fmt.Errorf("ask the running agent: %w", err)
	}
	return res, nil
}
