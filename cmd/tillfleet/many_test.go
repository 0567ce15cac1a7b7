package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"tillwire/agent"
	"tillwire/agent/fleet"
	"tillwire/agent/fleet/service"
	"tillwire/cmd/cli"
)

// counterOf is a service that only notes for whom it was asked; the request with the
// number fails ends in the middle.
type counterOf struct {
	rows  []service.Row
	fails int

	mu    sync.Mutex
	asked [][]fleet.TID
}

func (s *counterOf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet {
		after, list := fleet.TID(r.URL.Query().Get("after")), service.Rows{Tally: &service.Tally{}}
		for _, row := range s.rows {
			if row.TID > after {
				list.Terminals = append(list.Terminals, row)
			}
		}
		service.Answer(w, list, nil)
		return
	}
	var body service.Many
	if err := service.ReadBody(r, &body); err != nil {
		service.Answer(w, nil, err)
		return
	}
	s.mu.Lock()
	s.asked = append(s.asked, body.TIDs)
	n := len(s.asked)
	s.mu.Unlock()
	if n == s.fails {
		service.Answer(w, nil, fmt.Errorf("%w: the database is away", service.ErrConflict))
		return
	}
	var list []service.Outcome
	for _, tid := range body.TIDs {
		list = append(list, service.Outcome{TID: tid, Job: &service.JobRow{}})
	}
	service.Answer(w, list, nil)
}

// serveCounter answers a command line towards it.
func serveCounter(t *testing.T, s *counterOf) func(args ...string) (out, errors string, code int) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s.sock")
	l, err := listenSocket(socket)
	if err != nil {
		t.Fatal(err)
	}
	server, served := &http.Server{Handler: s}, make(chan struct{})
	go func() { defer close(served); _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close(); <-served })
	return func(args ...string) (string, string, int) {
		var o, e bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &o, stderr: &e, env: func(string) string { return "" }, clock: agent.NewSystemClock()}
		code := a.execute(t.Context(), append(args, "--socket", socket))
		return o.String(), e.String(), code
	}
}

func someRows(n int) (list []service.Row) {
	for i := range n {
		list = append(list, service.Row{TID: fleet.TID(fmt.Sprintf("t-%06d", i+1))})
	}
	return list
}

// What is done to thousands goes in parts, none of which takes longer than a request
// may.
func TestManyTerminalsAreAskedPartByPart(t *testing.T) {
	s := &counterOf{rows: someRows(250)}
	out, errors, code := serveCounter(t, s)("job", "--text", "t-", "cert", "--yes", "--json")
	var list []service.Outcome
	if err := json.Unmarshal([]byte(out), &list); err != nil || code != cli.Fine || len(list) != 250 || list[249].TID != "t-000250" {
		t.Fatalf("exit %d, %d outcomes, %v: %s", code, len(list), err, errors)
	}
	if len(s.asked) != 3 || len(s.asked[0]) != 100 || len(s.asked[2]) != 50 || s.asked[1][0] != "t-000101" {
		t.Errorf("%d requests", len(s.asked))
	}
}

// Whoever does it all once more does it twice; so it is said how far it came, and one
// can go on from there.
func TestWorkThatEndsInTheMiddleSaysWhoWasNotAsked(t *testing.T) {
	s := &counterOf{rows: someRows(350), fails: 2}
	run := serveCounter(t, s)
	out, errors, code := run("job", "--text", "t-", "cert", "--yes")
	if code != cli.Found || strings.Count(out, "\n") != 100 {
		t.Errorf("exit %d, and it tells of %d terminals of the 100 that are done", code, strings.Count(out, "\n"))
	}
	contains(t, errors, "the database is away", "100 terminals are done", "t-000101, t-000102, t-000103, t-000104, t-000105 and 95 more", "not asked yet: t-000201, ", " and 145 more", "`--after t-000200`")
	s.fails = 0
	if out, errors, code = run("job", "--text", "t-", "cert", "--yes", "--after", "t-000200"); code != cli.Fine || strings.Count(out, "\n") != 150 {
		t.Errorf("gone on: exit %d, %d terminals: %s", code, strings.Count(out, "\n"), errors)
	}
	if last := s.asked[len(s.asked)-2]; last[0] != "t-000201" {
		t.Errorf("gone on with %s", last[0])
	}
	if _, errors, code = run("job", "t-000001", "cert", "--after", "t-000200"); code != cli.Usage || !strings.Contains(errors, "--after belongs to filters") {
		t.Errorf("with a name: exit %d, %s", code, errors)
	}
}
