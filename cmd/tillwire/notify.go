package main

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"tillwire/agent"
)

// systemd tells the service manager how the agent is. Without one (a terminal,
// a test, the demo) every call does nothing.
type systemd struct {
	on    bool
	every time.Duration // between signs of life; 0 when nobody waits for them
	log   *slog.Logger
}

// underSystemd reports that a service manager started this program and hears it.
func underSystemd(env func(string) string) bool { return env("NOTIFY_SOCKET") != "" }

func newSystemd(env func(string) string, log *slog.Logger) systemd {
	s := systemd{on: underSystemd(env), log: log}
	if us, err := strconv.ParseInt(env("WATCHDOG_USEC"), 10, 64); err == nil && us > 0 {
		s.every = time.Duration(us) * time.Microsecond / 3
	}
	return s
}

func (s systemd) tell(state string) {
	if !s.on {
		return
	}
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("the service manager could not be told", "comp", "systemd", "code", "sd_notify", "err", err)
	}
}

func (s systemd) ready(status string)  { s.tell(daemon.SdNotifyReady + "\nSTATUS=" + status) }
func (s systemd) stopping()            { s.tell(daemon.SdNotifyStopping + "\nSTATUS=stopping") }
func (s systemd) status(status string) { s.tell("STATUS=" + status) }

// watch gives signs of life until ctx ends, as long as alive answers in time. A
// process that hangs is restarted by the service manager, and every open
// payment is due at once then.
func (s systemd) watch(ctx context.Context, clock agent.Clock, alive func(context.Context) bool) {
	if !s.on || s.every == 0 {
		return
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-clock.After(s.every):
		}
		once, cancel := context.WithTimeout(ctx, s.every)
		if alive(once) {
			s.tell(daemon.SdNotifyWatchdog)
		}
		cancel()
	}
}
