package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"syscall"
	"time"
)

// answerLimit bounds what a command reads of one answer: the whole of a large
// fleet fits.
const answerLimit = 256 << 20

// askPatience is how long an ordinary question may take.
const askPatience = 60 * time.Second

// refusal is how the service refuses, in its own words.
type refusal struct {
	Error string `json:"error"`
}

// socketPath is where the service of this machine listens.
func (a *app) socketPath() (string, error) {
	if a.socket != "" {
		return a.socket, nil
	}
	c, err := readConfig(a.config)
	return c.Socket, err
}

// ask sends one request to the service and decodes its answer; body and answer
// may be nil.
func (a *app) ask(ctx context.Context, method, path string, body, answer any) error {
	ctx, cancel := context.WithTimeout(ctx, askPatience)
	defer cancel()
	res, err := a.open(ctx, method, path, body)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, answerLimit)).Decode(answer); err != nil {
		return fmt.Errorf("the service's answer cannot be read: %w", err)
	}
	return nil
}

// open sends a request and hands out the answer's body, for what comes in pieces.
// Whatever is not 2xx is an error in the service's words.
func (a *app) open(ctx context.Context, method, path string, body any) (*http.Response, error) {
	socket, err := a.socketPath()
	if err != nil {
		return nil, err
	}
	var text io.Reader = http.NoBody
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, err
		}
		text = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://tillfleet"+path, text)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return reachable(socket, func(name string) (net.Conn, error) { return (&net.Dialer{}).DialContext(ctx, "unix", name) })
	}}
	res, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		return nil, reach(socket, err)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	var no refusal
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&no); err != nil || no.Error == "" {
		return nil, fmt.Errorf("the service answers %s", res.Status)
	}
	return nil, errors.New(no.Error)
}

// reach says what a person can do when the service does not answer.
func reach(socket string, err error) error {
	switch {
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("you may not speak with the service at %s. Join its group, or use its user: %w", socket, err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("no service listens at %s. Start it with `tillfleet serve`, or name its socket with --socket", socket)
	}
	return err
}
