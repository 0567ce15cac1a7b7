package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/agent"
	"tillwire/cmd/cli"
)

func TestASilentPageIsNoticedAndAnAbsentAgentIsNone(t *testing.T) {
	type state struct{ answered, alive bool }
	silent, well, away := state{true, false}, state{true, true}, state{false, false}
	for _, c := range []struct {
		name   string
		states func(at time.Duration) state
		want   time.Duration // when the browser is ended; 0: never
	}{
		{"never there", func(time.Duration) state { return silent }, kioskGrace},
		{"well", func(time.Duration) state { return well }, 0},
		{"hangs", func(at time.Duration) state {
			if at <= 2*time.Minute {
				return well
			}
			return silent
		}, 2*time.Minute + kioskPatience},
		{"the agent is away", func(at time.Duration) state {
			if at <= time.Minute {
				return well
			}
			return away
		}, 0},
		{"the page has time when the agent is back", func(at time.Duration) state {
			switch {
			case at <= time.Minute:
				return well
			case at <= 10*time.Minute:
				return away
			}
			return silent
		}, 10*time.Minute + kioskPatience},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				w := pageWatch{clock: agent.NewSystemClock(), grace: kioskGrace, patience: kioskPatience, look: func(context.Context) (bool, bool) {
					s := c.states(time.Since(began))
					return s.answered, s.alive
				}}
				err := w.watch(ctx)
				if after := time.Since(began); c.want == 0 && err != nil || c.want > 0 && (!errors.Is(err, errSilentPage) || after != c.want) {
					t.Errorf("after %s: %v, want %s", after, err, c.want)
				}
			})
		})
	}
}

func TestABrowserWithASilentPageIsEnded(t *testing.T) {
	status := make(chan int, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/display/1/alive" {
			w.WriteHeader(http.StatusServiceUnavailable)
			select {
			case status <- 1:
			default:
			}
		}
	}))
	defer server.Close()
	if answered, alive := lookAtPage(t.Context(), server.URL+"/display/1/alive"); !answered || alive {
		t.Errorf("a silent page: %v %v", answered, alive)
	}
	if answered, _ := lookAtPage(t.Context(), server.URL+"/elsewhere"); answered {
		t.Error("an answer about nothing counts")
	}
	var out, errs bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, env: func(string) string { return "" }, clock: hasty{agent.NewSystemClock()}}
	looked := false
	w := pageWatch{clock: a.clock, look: func(context.Context) (bool, bool) { looked = true; return true, false }}
	began := time.Now()
	if err := a.runBrowser(t.Context(), w, []string{"sleep", "600"}); !errors.Is(err, errSilentPage) || !looked {
		t.Errorf("ended with %v after %s", err, time.Since(began))
	}
	if err := a.runBrowser(t.Context(), pageWatch{clock: agent.NewSystemClock(), look: w.look}, []string{"false"}); err == nil || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("a browser that fails: %v", err)
	}
	for _, args := range [][]string{{"1"}, {"1", "chromium"}, {"--", "chromium"}} {
		if r := invoke(t, "", append([]string{"devices", "kiosk"}, args...)...); r.code != cli.Usage {
			t.Errorf("%q: %+v", args, r)
		}
	}
}

// hasty is a clock on which nobody waits.
type hasty struct{ agent.SystemClock }

func (h hasty) After(time.Duration) <-chan time.Time { return h.SystemClock.After(time.Millisecond) }
