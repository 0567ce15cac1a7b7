package main

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tillwire/cmd/cli"
)

// supervised runs one part for a while and returns what the log says and how
// often the part was started.
func supervised(run func(context.Context) error) (said string, starts int) {
	var b bytes.Buffer
	d := &agentd{log: slog.New(slog.NewTextHandler(&b, nil))}
	stop := d.supervise("link", func(ctx context.Context) error {
		starts++
		return run(ctx)
	})
	<-time.After(time.Hour)
	stop()
	return b.String(), starts
}

func TestAPartWithNothingToDoIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		if said, starts := supervised(func(context.Context) error { return nil }); said != "" || starts != 1 {
			t.Errorf("started %d times: %s", starts, said)
		}
	})
}

func TestAPartThatFailsOrPanicsIsStartedAgain(t *testing.T) {
	for name, run := range map[string]func(context.Context) error{
		"fails":  func(context.Context) error { return errors.New("no such bus") },
		"panics": func(context.Context) error { panic("no such bus") },
	} {
		synctest.Test(t, func(t *testing.T) {
			said, starts := supervised(run)
			if starts < 2 || !strings.Contains(said, "no such bus") || strings.Contains(said, "%!") {
				t.Errorf("%s: started %d times: %.2000s", name, starts, said)
			}
		})
	}
}

// Until the first-start page is filled in there is no wallet: the console shows
// the claim code and no error of parts that have nothing to do.
func TestAnAgentWithoutAWalletLogsNoFailure(t *testing.T) {
	file, _ := bare(t)
	r := started(t, file)
	r.waits("the claim code", func() bool { return strings.Contains(r.said(), "enter the claim code") })
	r.waits("ready", func() bool { return strings.Contains(r.said(), `"msg":"ready"`) })
	if code := r.ended(); code != cli.Fine || strings.Contains(r.said(), "part_failed") || strings.Contains(r.said(), "%!") {
		t.Errorf("exit code %d: %s", code, r.said())
	}
}
